# Unit tests of daemon/journal; one program for each file.
