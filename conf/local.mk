# Files of conf/ that are installed and distributed.
