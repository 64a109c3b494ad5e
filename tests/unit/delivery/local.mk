# Unit tests of daemon/delivery; one program for each file.
if HAVE_CMOCKA
check_PROGRAMS += %D%/test_dead_letter_index
TESTS += %D%/test_dead_letter_index
%C%_test_dead_letter_index_LDADD = $(RANK5) $(CMOCKA_LIBS)
endif
