# Unit tests of daemon/schema; one program for each file.
