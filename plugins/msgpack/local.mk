if HAVE_MSGPACK
plugin_PROGRAMS += %D%/msgpack.so
%C%_msgpack_so_SOURCES = \
  %D%/msgpack.c \
  %D%/msgpack_reader.c \
  %D%/msgpack_reader.h \
  %D%/msgpack_writer.c \
  %D%/msgpack_writer.h
%C%_msgpack_so_CPPFLAGS = $(plugin_cppflags)
%C%_msgpack_so_CFLAGS = $(plugin_cflags) $(MSGPACK_CFLAGS)
%C%_msgpack_so_LDFLAGS = $(plugin_ldflags)
# The packer is inline: nothing of the library is linked.
endif
EXTRA_DIST += %D%/README.md
