plugin_PROGRAMS += %D%/file.so
%C%_file_so_SOURCES = \
  %D%/file.c \
  %D%/file_log.c \
  %D%/file_log.h \
  %D%/file_worker.c \
  %D%/file_worker.h
%C%_file_so_CPPFLAGS = $(plugin_cppflags)
%C%_file_so_CFLAGS = $(plugin_cflags)
%C%_file_so_LDFLAGS = $(plugin_ldflags)
EXTRA_DIST += %D%/README.md
