# Unit tests of the edge node in daemon/sparkplug; one program for each file.
if HAVE_CMOCKA
check_PROGRAMS += %D%/test_sparkplug_draft
TESTS += %D%/test_sparkplug_draft
%C%_test_sparkplug_draft_LDADD = $(RANK3) $(CMOCKA_LIBS)

check_PROGRAMS += %D%/test_sparkplug_edge
TESTS += %D%/test_sparkplug_edge
%C%_test_sparkplug_edge_LDADD = $(RANK3) $(CMOCKA_LIBS)
endif
