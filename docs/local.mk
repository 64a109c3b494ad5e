# Files of docs/ that are installed and distributed.
