AM_CPPFLAGS += $(YAML_CFLAGS)
noinst_LIBRARIES += %D%/libconfig.a
%C%_libconfig_a_SOURCES = \
  %D%/config_memory.h \
  %D%/yaml_tree.c \
  %D%/yaml_tree.h \
  %D%/yaml_substitute.c \
  %D%/config_report.c \
  %D%/config_report.h \
  %D%/option.c \
  %D%/option.h \
  %D%/option_parse.c
