# Unit tests of daemon/base; one program for each file.
if HAVE_CMOCKA
base_tests = \
  %D%/test_arena \
  %D%/test_backoff \
  %D%/test_bytes \
  %D%/test_clock \
  %D%/test_durable_file \
  %D%/test_error \
  %D%/test_histogram \
  %D%/test_json_writer \
  %D%/test_list \
  %D%/test_log \
  %D%/test_memory \
  %D%/test_nearest_word \
  %D%/test_number_format \
  %D%/test_number_parse \
  %D%/test_number_powers \
  %D%/test_strmap \
  %D%/test_time_format \
  %D%/test_utf8 \
  %D%/test_varint
check_PROGRAMS += $(base_tests)
TESTS += $(base_tests)
%C%_test_arena_LDADD = $(RANK1) $(CMOCKA_LIBS)
%C%_test_varint_LDADD = $(RANK1) $(CMOCKA_LIBS)
%C%_test_backoff_LDADD = $(RANK1) $(CMOCKA_LIBS)
%C%_test_bytes_LDADD = $(RANK1) $(CMOCKA_LIBS)
%C%_test_clock_LDADD = $(RANK1) $(CMOCKA_LIBS)
%C%_test_durable_file_LDADD = $(RANK1) $(CMOCKA_LIBS)
%C%_test_error_LDADD = $(RANK1) $(CMOCKA_LIBS)
%C%_test_histogram_LDADD = $(RANK1) $(CMOCKA_LIBS)
%C%_test_json_writer_LDADD = $(RANK1) $(CMOCKA_LIBS)
%C%_test_list_LDADD = $(RANK1) $(CMOCKA_LIBS)
%C%_test_log_LDADD = $(RANK1) $(CMOCKA_LIBS)
%C%_test_memory_LDADD = $(RANK1) $(CMOCKA_LIBS)
%C%_test_nearest_word_LDADD = $(RANK1) $(CMOCKA_LIBS)
%C%_test_number_format_LDADD = $(RANK1) $(CMOCKA_LIBS)
%C%_test_number_parse_LDADD = $(RANK1) $(CMOCKA_LIBS)
%C%_test_number_powers_LDADD = $(RANK1) $(CMOCKA_LIBS)
%C%_test_time_format_LDADD = $(RANK1) $(CMOCKA_LIBS)
%C%_test_strmap_LDADD = $(RANK1) $(CMOCKA_LIBS)
%C%_test_utf8_LDADD = $(RANK1) $(CMOCKA_LIBS)
endif
