# Unit tests of daemon/config; one program for each file.
if HAVE_CMOCKA
config_tests = %D%/test_config_report %D%/test_option %D%/test_option_parse %D%/test_yaml_substitute \
  %D%/test_yaml_tree
check_PROGRAMS += $(config_tests)
TESTS += $(config_tests)
%C%_test_config_report_LDADD = daemon/config/libconfig.a $(RANK1) $(YAML_LIBS) $(CMOCKA_LIBS)
%C%_test_option_LDADD = daemon/config/libconfig.a $(RANK1) $(YAML_LIBS) $(CMOCKA_LIBS)
%C%_test_option_parse_LDADD = daemon/config/libconfig.a $(RANK1) $(YAML_LIBS) $(CMOCKA_LIBS)
%C%_test_yaml_substitute_LDADD = daemon/config/libconfig.a $(RANK1) $(YAML_LIBS) $(CMOCKA_LIBS)
%C%_test_yaml_tree_LDADD = daemon/config/libconfig.a $(RANK1) $(YAML_LIBS) $(CMOCKA_LIBS)
endif
EXTRA_DIST += %D%/unit.h
