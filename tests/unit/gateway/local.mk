# Unit tests of the files directly in daemon/.
if HAVE_CMOCKA
gateway_tests = %D%/test_gateway_config %D%/test_gateway_identity
check_PROGRAMS += $(gateway_tests)
TESTS += $(gateway_tests)
%C%_test_gateway_config_LDADD = $(RANK6) $(CMOCKA_LIBS)
%C%_test_gateway_identity_LDADD = $(RANK6) $(CMOCKA_LIBS)
endif
EXTRA_DIST += %D%/unit.h
