noinst_LIBRARIES += %D%/libjournal.a
%C%_libjournal_a_SOURCES = \
  %D%/journal.c \
  %D%/journal.h \
  %D%/journal_append.c \
  %D%/journal_block.c \
  %D%/journal_block.h \
  %D%/journal_catalog.c \
  %D%/journal_catalog.h \
  %D%/journal_commit.c \
  %D%/journal_crc32c.c \
  %D%/journal_crc32c.h \
  %D%/journal_cursor.c \
  %D%/journal_cursor_file.c \
  %D%/journal_cursor_file.h \
  %D%/journal_file.c \
  %D%/journal_file.h \
  %D%/journal_format.h \
  %D%/journal_inspect.c \
  %D%/journal_inspect.h \
  %D%/journal_internal.h \
  %D%/journal_quarantine.c \
  %D%/journal_quarantine.h \
  %D%/journal_reader.c \
  %D%/journal_record.c \
  %D%/journal_record.h \
  %D%/journal_recovery.c \
  %D%/journal_retention.c \
  %D%/journal_salvage.c \
  %D%/journal_salvage.h \
  %D%/journal_scan.c \
  %D%/journal_scan.h \
  %D%/journal_segment.c \
  %D%/journal_segment.h \
  %D%/journal_settings.c \
  %D%/journal_settings.h \
  %D%/journal_writer.c \
  %D%/journal_writer.h
