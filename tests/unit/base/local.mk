# Unit tests of daemon/base; one program for each file.
