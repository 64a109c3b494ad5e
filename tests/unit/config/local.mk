# Unit tests of daemon/config; one program for each file.
