# Unit tests of daemon/mqtt; one program for each file.
