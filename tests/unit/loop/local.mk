# Unit tests of daemon/loop.
if HAVE_CMOCKA
check_PROGRAMS += %D%/test_loop
TESTS += %D%/test_loop
%C%_test_loop_LDADD = daemon/loop/libloop.a $(RANK1) $(LIBEVENT_LIBS) $(CMOCKA_LIBS)
endif
