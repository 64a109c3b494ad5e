# Files of systemd/ that are installed and distributed.
