noinst_LIBRARIES += %D%/libplugin.a
%C%_libplugin_a_SOURCES = \
  %D%/plugin_host.c \
  %D%/plugin_host.h
