# Unit tests of daemon/metrics; one program for each file.
