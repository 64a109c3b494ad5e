noinst_LIBRARIES += %D%/libplugin.a
%C%_libplugin_a_SOURCES = \
  %D%/plugin_host.c \
  %D%/plugin_host.h \
  %D%/plugin_registry.h \
  %D%/plugin_check.c \
  %D%/plugin_check.h \
  %D%/plugin_load.c \
  %D%/plugin_load.h \
  %D%/plugin_options.c \
  %D%/plugin_instance.c \
  %D%/plugin_instance.h \
  %D%/plugin_services.c \
  %D%/plugin_services.h \
  %D%/plugin_state.c \
  %D%/plugin_state.h
