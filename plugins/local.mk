forebayincludedir = $(includedir)/forebay
forebayinclude_HEADERS = %D%/include/forebay/plugin.h

# A plugin is one shared object that links no symbol of the daemon. Without libtool: a program linked with -shared.
plugin_cppflags = -I$(top_srcdir)/plugins/include -D_GNU_SOURCE
plugin_cflags = -std=gnu11 -fPIC -pthread -fvisibility=hidden $(FBY_WARNINGS) $(FBY_SANITIZE) $(FBY_COVERAGE)
plugin_ldflags = -shared -pthread $(FBY_SANITIZE) $(FBY_COVERAGE)
plugin_PROGRAMS =
