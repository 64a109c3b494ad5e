if HAVE_ZSTD
plugin_PROGRAMS += %D%/zstd.so
%C%_zstd_so_SOURCES = %D%/zstd.c
%C%_zstd_so_CPPFLAGS = $(plugin_cppflags)
%C%_zstd_so_CFLAGS = $(plugin_cflags) $(ZSTD_CFLAGS)
%C%_zstd_so_LDFLAGS = $(plugin_ldflags)
%C%_zstd_so_LDADD = $(ZSTD_LIBS)
endif
EXTRA_DIST += %D%/README.md
