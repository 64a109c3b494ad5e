# Unit tests of daemon/schema; one program for each file.
SCHEMA_TEST_LIBS = daemon/schema/libschema.a daemon/message/libmessage.a daemon/config/libconfig.a $(RANK1) \
  $(YAML_LIBS) $(PROTOBUF_C_LIBS)

check_PROGRAMS += %D%/schema_lines
%C%_schema_lines_LDADD = $(SCHEMA_TEST_LIBS)

schema_tests = %D%/test_differential.sh
dist_check_SCRIPTS += $(schema_tests)
TESTS += $(schema_tests)
EXTRA_DIST += %D%/differential.py
