# Unit tests of daemon/loop; one program for each file.
