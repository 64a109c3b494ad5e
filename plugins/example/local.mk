plugin_PROGRAMS += %D%/example.so
%C%_example_so_SOURCES = %D%/example.c
%C%_example_so_CPPFLAGS = $(plugin_cppflags)
%C%_example_so_CFLAGS = $(plugin_cflags)
%C%_example_so_LDFLAGS = $(plugin_ldflags)
EXTRA_DIST += %D%/README.md
