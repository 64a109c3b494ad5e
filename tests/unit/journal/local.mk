# Unit tests of daemon/journal. Those that open a journal link the fixture, which can let libc calls fail.
if HAVE_CMOCKA
journal_test_libs = daemon/journal/libjournal.a daemon/loop/libloop.a daemon/metrics/libmetrics.a $(RANK1) $(LIBEVENT_LIBS) \
  $(CMOCKA_LIBS)
journal_fixture = %D%/journal_fixture.c %D%/journal_fixture.h
journal_tests = \
  %D%/test_journal_crc32c \
  %D%/test_journal_file \
  %D%/test_journal_record \
  %D%/test_journal_segment \
  %D%/test_journal_cursor_file \
  %D%/test_journal_catalog \
  %D%/test_journal_quarantine \
  %D%/test_journal_inspect \
  %D%/test_journal_salvage \
  %D%/test_journal_scan \
  %D%/test_journal_open \
  %D%/test_journal_eviction \
  %D%/test_journal_memory \
  %D%/test_journal \
  %D%/test_journal_recovery \
  %D%/test_journal_faults \
  %D%/test_journal_commit \
  %D%/test_journal_retention \
  %D%/test_journal_order

check_PROGRAMS += $(journal_tests)
TESTS += $(journal_tests)
%C%_test_journal_crc32c_LDADD = $(journal_test_libs)
%C%_test_journal_record_LDADD = $(journal_test_libs)
%C%_test_journal_segment_LDADD = $(journal_test_libs)
%C%_test_journal_cursor_file_LDADD = $(journal_test_libs)
%C%_test_journal_file_SOURCES = %D%/test_journal_file.c $(journal_fixture)
%C%_test_journal_file_LDADD = $(journal_test_libs)
%C%_test_journal_catalog_SOURCES = %D%/test_journal_catalog.c $(journal_fixture)
%C%_test_journal_catalog_LDADD = $(journal_test_libs)
%C%_test_journal_quarantine_SOURCES = %D%/test_journal_quarantine.c $(journal_fixture)
%C%_test_journal_quarantine_LDADD = $(journal_test_libs)
%C%_test_journal_inspect_SOURCES = %D%/test_journal_inspect.c $(journal_fixture)
%C%_test_journal_inspect_LDADD = $(journal_test_libs)
%C%_test_journal_salvage_SOURCES = %D%/test_journal_salvage.c $(journal_fixture)
%C%_test_journal_salvage_LDADD = $(journal_test_libs)
%C%_test_journal_scan_SOURCES = %D%/test_journal_scan.c $(journal_fixture)
%C%_test_journal_scan_LDADD = $(journal_test_libs)
%C%_test_journal_open_SOURCES = %D%/test_journal_open.c $(journal_fixture)
%C%_test_journal_open_LDADD = $(journal_test_libs)
%C%_test_journal_eviction_SOURCES = %D%/test_journal_eviction.c $(journal_fixture)
%C%_test_journal_eviction_LDADD = $(journal_test_libs)
%C%_test_journal_memory_SOURCES = %D%/test_journal_memory.c $(journal_fixture)
%C%_test_journal_memory_LDADD = $(journal_test_libs)
%C%_test_journal_memory_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=realloc,--wrap=xrealloc,--wrap=mmap64
%C%_test_journal_SOURCES = %D%/test_journal.c $(journal_fixture)
%C%_test_journal_LDADD = $(journal_test_libs)
%C%_test_journal_recovery_SOURCES = %D%/test_journal_recovery.c $(journal_fixture)
%C%_test_journal_recovery_LDADD = $(journal_test_libs)
%C%_test_journal_faults_SOURCES = %D%/test_journal_faults.c $(journal_fixture)
%C%_test_journal_faults_LDADD = $(journal_test_libs)
%C%_test_journal_commit_SOURCES = %D%/test_journal_commit.c $(journal_fixture)
%C%_test_journal_commit_LDADD = $(journal_test_libs)
%C%_test_journal_retention_SOURCES = %D%/test_journal_retention.c $(journal_fixture)
%C%_test_journal_retention_LDADD = $(journal_test_libs)
%C%_test_journal_order_SOURCES = %D%/test_journal_order.c $(journal_fixture)
%C%_test_journal_order_LDADD = $(journal_test_libs)
endif
