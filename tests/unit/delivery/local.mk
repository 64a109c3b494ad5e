# Unit tests of daemon/delivery; one program for each file.
