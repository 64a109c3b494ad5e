# Unit tests of daemon/sparkplug; one program for each subject.
EXTRA_DIST += %D%/host_fixture.h %D%/unit.h
if HAVE_CMOCKA
sparkplug_tests = \
  %D%/test_sparkplug_draft \
  %D%/test_sparkplug_edge \
  %D%/test_sparkplug_host \
  %D%/test_sparkplug_metric \
  %D%/test_sparkplug_order \
  %D%/test_sparkplug_output \
  %D%/test_sparkplug_payload \
  %D%/test_sparkplug_stage \
  %D%/test_sparkplug_topic \
  %D%/test_sparkplug_unpacker
check_PROGRAMS += $(sparkplug_tests)
TESTS += $(sparkplug_tests)

sparkplug_unit_libs = daemon/sparkplug/libsparkplug.a daemon/message/libmessage.a $(RANK1) $(PROTOBUF_C_LIBS) \
  $(ZLIB_LIBS) $(CMOCKA_LIBS)
%C%_test_sparkplug_draft_LDADD = $(sparkplug_unit_libs)
%C%_test_sparkplug_edge_LDADD = $(sparkplug_unit_libs)
%C%_test_sparkplug_host_SOURCES = %D%/test_sparkplug_host.c %D%/host_fixture.c
%C%_test_sparkplug_order_SOURCES = %D%/test_sparkplug_order.c %D%/host_fixture.c
%C%_test_sparkplug_order_LDADD = $(sparkplug_unit_libs)
%C%_test_sparkplug_host_LDADD = $(sparkplug_unit_libs)
%C%_test_sparkplug_metric_LDADD = $(sparkplug_unit_libs)
%C%_test_sparkplug_output_LDADD = $(sparkplug_unit_libs)
%C%_test_sparkplug_payload_LDADD = $(sparkplug_unit_libs)
%C%_test_sparkplug_stage_LDADD = $(sparkplug_unit_libs)
%C%_test_sparkplug_topic_LDADD = $(sparkplug_unit_libs)
%C%_test_sparkplug_unpacker_LDADD = $(sparkplug_unit_libs)
%D%/test_sparkplug_draft.$(OBJEXT) %D%/test_sparkplug_edge.$(OBJEXT) %D%/test_sparkplug_host.$(OBJEXT) %D%/host_fixture.$(OBJEXT) \
  %D%/test_sparkplug_order.$(OBJEXT) %D%/test_sparkplug_metric.$(OBJEXT) \
  %D%/test_sparkplug_output.$(OBJEXT) %D%/test_sparkplug_stage.$(OBJEXT) %D%/test_sparkplug_payload.$(OBJEXT) \
  %D%/test_sparkplug_unpacker.$(OBJEXT): daemon/sparkplug/sparkplug_b.pb-c.h
endif
