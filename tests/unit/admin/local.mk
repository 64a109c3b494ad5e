# Unit tests of daemon/admin; one program for each file.
