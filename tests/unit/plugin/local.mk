# Unit tests of daemon/plugin; one program for each file.
