noinst_LIBRARIES += %D%/libbase.a
%C%_libbase_a_SOURCES = \
  %D%/durable_file.c \
  %D%/durable_file.h \
  %D%/error.c \
  %D%/error.h \
  %D%/file_name.c \
  %D%/file_name.h \
  %D%/memory.c \
  %D%/memory.h \
  %D%/mutant.h \
  %D%/bytes.c \
  %D%/bytes.h \
  %D%/list.h \
  %D%/clock.c \
  %D%/clock.h \
  %D%/arena.c \
  %D%/arena.h \
  %D%/strmap.c \
  %D%/strmap.h \
  %D%/backoff.c \
  %D%/backoff.h \
  %D%/histogram.c \
  %D%/histogram.h \
  %D%/log.c \
  %D%/log.h \
  %D%/number_format.c \
  %D%/number_format.h \
  %D%/number_parse.c \
  %D%/number_parse.h \
  %D%/number_powers.c \
  %D%/number_powers.h \
  %D%/time_format.c \
  %D%/time_format.h \
  %D%/json_writer.c \
  %D%/json_writer.h \
  %D%/utf8.c \
  %D%/utf8.h
