# Unit tests of daemon/cli.
if HAVE_CMOCKA
check_PROGRAMS += %D%/test_cli_client
TESTS += %D%/test_cli_client
%C%_test_cli_client_LDADD = daemon/cli/libcli.a $(RANK6) $(CMOCKA_LIBS)
endif
EXTRA_DIST += %D%/unit.h
