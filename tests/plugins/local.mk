# Each plugin by itself, loaded from the build tree into a fake host: no archive of the daemon is linked.
if HAVE_CMOCKA
plugin_test_cppflags = -I$(top_srcdir)/plugins/include -I$(top_srcdir)/tests/helpers -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64
plugin_test_sources = tests/helpers/fake_host.c tests/helpers/fake_host.h

check_PROGRAMS += %D%/test_example %D%/test_filter %D%/test_file %D%/test_http %D%/test_http_tls
TESTS += %D%/test_example %D%/test_filter %D%/test_file %D%/test_http %D%/test_http_tls

%C%_test_example_SOURCES = %D%/test_example.c $(plugin_test_sources)
%C%_test_example_CPPFLAGS = $(plugin_test_cppflags)
%C%_test_example_LDADD = $(CMOCKA_LIBS) -ldl

# A plugin of its own for what no shipped one uses.
check_PROGRAMS += %D%/test_services %D%/fixtures/keeper.so
TESTS += %D%/test_services
%C%_test_services_SOURCES = %D%/test_services.c $(plugin_test_sources)
%C%_test_services_CPPFLAGS = $(plugin_test_cppflags)
%C%_test_services_LDADD = $(CMOCKA_LIBS) -ldl
%C%_fixtures_keeper_so_SOURCES = %D%/fixtures/keeper.c
%C%_fixtures_keeper_so_CPPFLAGS = $(plugin_cppflags)
%C%_fixtures_keeper_so_CFLAGS = $(plugin_cflags)
%C%_fixtures_keeper_so_LDFLAGS = $(plugin_ldflags)

check_PROGRAMS += %D%/test_codecs
TESTS += %D%/test_codecs
%C%_test_codecs_SOURCES = %D%/test_codecs.c tests/helpers/fake_codec.c tests/helpers/fake_codec.h
%C%_test_codecs_CPPFLAGS = $(plugin_test_cppflags)
%C%_test_codecs_LDADD = $(CMOCKA_LIBS) -ldl

%C%_test_filter_SOURCES = %D%/test_filter.c $(plugin_test_sources)
%C%_test_filter_CPPFLAGS = $(plugin_test_cppflags)
%C%_test_filter_LDADD = $(CMOCKA_LIBS) -ldl

%C%_test_file_SOURCES = %D%/test_file.c $(plugin_test_sources)
%C%_test_file_CPPFLAGS = $(plugin_test_cppflags)
%C%_test_file_LDADD = $(CMOCKA_LIBS) -ldl
%C%_test_file_LDFLAGS = $(AM_LDFLAGS) -rdynamic

# libcurl takes getaddrinfo from the program, which plays a dead name server.
%C%_test_http_SOURCES = %D%/test_http.c tests/helpers/http_stub.c tests/helpers/http_stub.h $(plugin_test_sources)
%C%_test_http_CPPFLAGS = $(plugin_test_cppflags)
%C%_test_http_LDFLAGS = $(AM_LDFLAGS) -rdynamic
%C%_test_http_LDADD = $(CMOCKA_LIBS) -ldl

%C%_test_http_tls_SOURCES = %D%/test_http_tls.c $(plugin_test_sources)
%C%_test_http_tls_CPPFLAGS = $(plugin_test_cppflags)
%C%_test_http_tls_LDADD = $(CMOCKA_LIBS) -ldl
endif
EXTRA_DIST += tests/helpers/https_server.py
