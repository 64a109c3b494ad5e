# The chain in one process: a real journal, the route table and deliveries, an upstream that the test answers for.
if HAVE_CMOCKA
check_LIBRARIES += %D%/libflow.a
%C%_libflow_a_SOURCES = %D%/flow.c %D%/flow.h

check_PROGRAMS += %D%/test_delivery
TESTS += %D%/test_delivery
%C%_test_delivery_LDADD = %D%/libflow.a $(RANK5) $(CMOCKA_LIBS)

check_PROGRAMS += %D%/test_reload
TESTS += %D%/test_reload
%C%_test_reload_LDADD = %D%/libflow.a $(RANK5) $(CMOCKA_LIBS)

check_PROGRAMS += %D%/test_limits
TESTS += %D%/test_limits
%C%_test_limits_LDADD = %D%/libflow.a $(RANK5) $(CMOCKA_LIBS)
%C%_test_limits_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=mmap64,--wrap=munmap,--wrap=malloc

check_PROGRAMS += %D%/test_stages
TESTS += %D%/test_stages
%C%_test_stages_LDADD = %D%/libflow.a $(RANK5) $(CMOCKA_LIBS)

check_PROGRAMS += %D%/test_sharing
TESTS += %D%/test_sharing
%C%_test_sharing_LDADD = %D%/libflow.a $(RANK5) $(CMOCKA_LIBS)

endif
