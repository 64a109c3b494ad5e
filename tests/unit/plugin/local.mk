# Unit tests of daemon/plugin; one program for each file.
if HAVE_CMOCKA
check_PROGRAMS += %D%/test_plugin_host %D%/test_plugin_check %D%/test_plugin_options %D%/test_plugin_instance \
  %D%/test_plugin_state
TESTS += %D%/test_plugin_host %D%/test_plugin_check %D%/test_plugin_options %D%/test_plugin_instance \
  %D%/test_plugin_state

plugin_unit_libs = daemon/plugin/libplugin.a $(RANK2) $(CMOCKA_LIBS) -ldl
%C%_test_plugin_host_LDADD = $(plugin_unit_libs)
%C%_test_plugin_check_LDADD = $(plugin_unit_libs)
%C%_test_plugin_options_LDADD = $(plugin_unit_libs)
%C%_test_plugin_instance_LDADD = $(plugin_unit_libs)
%C%_test_plugin_state_LDADD = $(plugin_unit_libs)

# Plugins that are wrong on purpose, each in one way.
fixture_source = %D%/fixtures/fixture.c
fixture_ldflags = -shared -pthread $(FBY_SANITIZE) $(FBY_COVERAGE)
check_PROGRAMS += %D%/fixtures/fixture.so %D%/fixtures/fixture_2.so %D%/fixtures/wrong_abi.so %D%/fixtures/wrong_size.so \
  %D%/fixtures/no_symbol.so %D%/fixtures/no_process.so %D%/fixtures/bad_option.so %D%/fixtures/unresolved.so
%C%_fixtures_fixture_so_SOURCES = $(fixture_source)
%C%_fixtures_fixture_so_CPPFLAGS = $(plugin_cppflags)
%C%_fixtures_fixture_so_CFLAGS = $(plugin_cflags)
%C%_fixtures_fixture_so_LDFLAGS = $(fixture_ldflags)
%C%_fixtures_fixture_2_so_SOURCES = $(fixture_source)
%C%_fixtures_fixture_2_so_CPPFLAGS = $(plugin_cppflags) -DFIXTURE_VERSION='"2"'
%C%_fixtures_fixture_2_so_CFLAGS = $(plugin_cflags)
%C%_fixtures_fixture_2_so_LDFLAGS = $(fixture_ldflags)
%C%_fixtures_wrong_abi_so_SOURCES = $(fixture_source)
%C%_fixtures_wrong_abi_so_CPPFLAGS = $(plugin_cppflags) -DFIXTURE_MAJOR=99
%C%_fixtures_wrong_abi_so_CFLAGS = $(plugin_cflags)
%C%_fixtures_wrong_abi_so_LDFLAGS = $(fixture_ldflags)
%C%_fixtures_wrong_size_so_SOURCES = $(fixture_source)
%C%_fixtures_wrong_size_so_CPPFLAGS = $(plugin_cppflags) -DFIXTURE_SIZE=8
%C%_fixtures_wrong_size_so_CFLAGS = $(plugin_cflags)
%C%_fixtures_wrong_size_so_LDFLAGS = $(fixture_ldflags)
%C%_fixtures_no_symbol_so_SOURCES = $(fixture_source)
%C%_fixtures_no_symbol_so_CPPFLAGS = $(plugin_cppflags) -DFIXTURE_SYMBOL=another_symbol
%C%_fixtures_no_symbol_so_CFLAGS = $(plugin_cflags)
%C%_fixtures_no_symbol_so_LDFLAGS = $(fixture_ldflags)
%C%_fixtures_no_process_so_SOURCES = $(fixture_source)
%C%_fixtures_no_process_so_CPPFLAGS = $(plugin_cppflags) -DFIXTURE_PROCESS=NULL
%C%_fixtures_no_process_so_CFLAGS = $(plugin_cflags)
%C%_fixtures_no_process_so_LDFLAGS = $(fixture_ldflags)
%C%_fixtures_bad_option_so_SOURCES = $(fixture_source)
%C%_fixtures_bad_option_so_CPPFLAGS = $(plugin_cppflags) -DFIXTURE_OFFSET=4
%C%_fixtures_bad_option_so_CFLAGS = $(plugin_cflags)
%C%_fixtures_bad_option_so_LDFLAGS = $(fixture_ldflags)
%C%_fixtures_unresolved_so_SOURCES = $(fixture_source)
%C%_fixtures_unresolved_so_CPPFLAGS = $(plugin_cppflags) -DFIXTURE_UNRESOLVED
%C%_fixtures_unresolved_so_CFLAGS = $(plugin_cflags)
%C%_fixtures_unresolved_so_LDFLAGS = $(fixture_ldflags)
endif
