# Unit tests of daemon/pipeline; one program for each file.
if HAVE_CMOCKA
check_PROGRAMS += %D%/test_pipeline
TESTS += %D%/test_pipeline
%C%_test_pipeline_LDADD = $(RANK4) $(CMOCKA_LIBS)
endif
