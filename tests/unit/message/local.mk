# Unit tests of daemon/message; one program for each file.
