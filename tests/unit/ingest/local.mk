# Unit tests of daemon/ingest; one program for each file.
