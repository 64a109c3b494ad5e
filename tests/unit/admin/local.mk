# Unit tests of daemon/admin.
if HAVE_CMOCKA
admin_tests = %D%/test_http_request %D%/test_admin_server
check_PROGRAMS += $(admin_tests)
TESTS += $(admin_tests)
%C%_test_http_request_LDADD = daemon/admin/libadmin.a $(RANK1) $(CMOCKA_LIBS)
%C%_test_admin_server_LDADD = daemon/admin/libadmin.a daemon/loop/libloop.a $(RANK1) $(LIBEVENT_LIBS) $(CMOCKA_LIBS)
endif
