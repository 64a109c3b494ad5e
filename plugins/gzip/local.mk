if HAVE_ZLIB
plugin_PROGRAMS += %D%/gzip.so
%C%_gzip_so_SOURCES = %D%/gzip.c
%C%_gzip_so_CPPFLAGS = $(plugin_cppflags)
%C%_gzip_so_CFLAGS = $(plugin_cflags) $(ZLIB_CFLAGS)
%C%_gzip_so_LDFLAGS = $(plugin_ldflags)
%C%_gzip_so_LDADD = $(ZLIB_LIBS)
endif
EXTRA_DIST += %D%/README.md
