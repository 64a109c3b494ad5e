if HAVE_CBOR
plugin_PROGRAMS += %D%/cbor.so
%C%_cbor_so_SOURCES = \
  %D%/cbor.c \
  %D%/cbor_reader.c \
  %D%/cbor_reader.h \
  %D%/cbor_writer.c \
  %D%/cbor_writer.h
%C%_cbor_so_CPPFLAGS = $(plugin_cppflags)
%C%_cbor_so_CFLAGS = $(plugin_cflags) $(CBOR_CFLAGS)
%C%_cbor_so_LDFLAGS = $(plugin_ldflags)
%C%_cbor_so_LDADD = $(CBOR_LIBS) -lm
endif
EXTRA_DIST += %D%/README.md
