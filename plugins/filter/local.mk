plugin_PROGRAMS += %D%/filter.so
%C%_filter_so_SOURCES = \
  %D%/filter.c \
  %D%/filter_expression.c \
  %D%/filter_expression.h \
  %D%/filter_functions.c \
  %D%/filter_functions.h \
  %D%/filter_values.c \
  %D%/filter_values.h
%C%_filter_so_CPPFLAGS = $(plugin_cppflags)
%C%_filter_so_CFLAGS = $(plugin_cflags) $(LUA_CFLAGS)
%C%_filter_so_LDFLAGS = $(plugin_ldflags)
%C%_filter_so_LDADD = $(LUA_LIBS)
EXTRA_DIST += %D%/README.md
