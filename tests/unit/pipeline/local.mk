# Unit tests of daemon/pipeline; one program for each file.
