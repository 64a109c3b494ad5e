# Unit tests of daemon/message; one program for each file.
if HAVE_CMOCKA
message_tests = %D%/test_message_codec %D%/test_topic_filter %D%/test_topic_template \
  %D%/test_value %D%/test_value_json %D%/test_value_json_parse
check_PROGRAMS += $(message_tests)
TESTS += $(message_tests)
%C%_test_message_codec_LDADD = daemon/message/libmessage.a $(RANK1) $(CMOCKA_LIBS)
%C%_test_topic_filter_LDADD = daemon/message/libmessage.a $(RANK1) $(CMOCKA_LIBS)
%C%_test_topic_template_LDADD = daemon/message/libmessage.a $(RANK1) $(CMOCKA_LIBS)
%C%_test_value_LDADD = daemon/message/libmessage.a $(RANK1) $(CMOCKA_LIBS)
%C%_test_value_json_LDADD = daemon/message/libmessage.a $(RANK1) $(CMOCKA_LIBS)
%C%_test_value_json_parse_LDADD = daemon/message/libmessage.a $(RANK1) $(CMOCKA_LIBS)
endif
EXTRA_DIST += %D%/unit.h
