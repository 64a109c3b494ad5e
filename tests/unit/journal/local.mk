# Unit tests of daemon/journal; each links the fixture.
if HAVE_CMOCKA

journal_test_libs = daemon/journal/libjournal.a daemon/loop/libloop.a daemon/metrics/libmetrics.a $(RANK1) $(LIBEVENT_LIBS) \
  $(CMOCKA_LIBS)

check_PROGRAMS += %D%/test_journal
TESTS += %D%/test_journal
%C%_test_journal_SOURCES = %D%/test_journal.c %D%/journal_fixture.c
%C%_test_journal_LDADD = $(journal_test_libs)
endif
