forebayincludedir = $(includedir)/forebay
forebayinclude_HEADERS = %D%/include/forebay/plugin.h %D%/include/forebay/tree.h %D%/include/forebay/unpack.h

# A plugin is one shared object that links no symbol of the daemon. Without libtool: a program linked with -shared.
plugin_cppflags = -I$(top_srcdir)/plugins/include -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DFBY_VERSION='"$(PACKAGE_VERSION)"'
plugin_cflags = -std=gnu11 -fPIC -pthread -fvisibility=hidden $(FBY_WARNINGS) $(FBY_SANITIZE) $(FBY_COVERAGE)
plugin_ldflags = -shared -pthread $(FBY_SANITIZE) $(FBY_COVERAGE)
if !SANITIZERS
# A symbol that nobody gives is found here and not when the daemon loads it. (Sanitized code takes some from the program.)
plugin_ldflags += -Wl,-z,defs
endif
plugin_PROGRAMS =

include %D%/example/local.mk
include %D%/filter/local.mk
include %D%/file/local.mk
include %D%/http/local.mk
include %D%/cbor/local.mk
include %D%/msgpack/local.mk
include %D%/gzip/local.mk
include %D%/zstd/local.mk
