# Unit tests of daemon/schema; one program for each file, and the decoder against python3-protobuf.
SCHEMA_TEST_LIBS = daemon/schema/libschema.a daemon/message/libmessage.a daemon/config/libconfig.a $(RANK1) \
  $(YAML_LIBS) $(PROTOBUF_C_LIBS)

check_PROGRAMS += %D%/schema_lines
%C%_schema_lines_LDADD = $(SCHEMA_TEST_LIBS)

# protobuf-c beside it, with code that protoc-c generates.
check_PROGRAMS += %D%/second_opinion_lines
%C%_second_opinion_lines_SOURCES = %D%/second_opinion_lines.c
opinion_generated = %D%/second_opinion.pb-c.c %D%/second_opinion.pb-c.h %D%/second_opinion_level.pb-c.c \
  %D%/second_opinion_level.pb-c.h
nodist_%C%_second_opinion_lines_SOURCES = $(opinion_generated)
%C%_second_opinion_lines_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_builddir)/%D%
%C%_second_opinion_lines_CFLAGS = $(AM_CFLAGS) -Wno-conversion -Wno-sign-conversion
%C%_second_opinion_lines_LDADD = $(SCHEMA_TEST_LIBS)
%D%/second_opinion.pb-c.h: $(top_srcdir)/%D%/second_opinion.proto
	$(AM_V_GEN)$(MKDIR_P) %D% && $(PROTOC_C) -I$(top_srcdir)/%D% --c_out=%D% $(top_srcdir)/%D%/second_opinion.proto
%D%/second_opinion_level.pb-c.h: $(top_srcdir)/%D%/second_opinion_level.proto
	$(AM_V_GEN)$(MKDIR_P) %D% && $(PROTOC_C) -I$(top_srcdir)/%D% --c_out=%D% $(top_srcdir)/%D%/second_opinion_level.proto
%D%/second_opinion.pb-c.c: %D%/second_opinion.pb-c.h
%D%/second_opinion_level.pb-c.c: %D%/second_opinion_level.pb-c.h
%D%/second_opinion_lines-second_opinion_lines.$(OBJEXT) %D%/second_opinion_lines-second_opinion.pb-c.$(OBJEXT): \
  %D%/second_opinion.pb-c.h %D%/second_opinion_level.pb-c.h
CLEANFILES += $(opinion_generated)

dist_check_SCRIPTS += %D%/test_differential.sh %D%/test_encode_differential.sh %D%/test_second_opinion.sh
TESTS += %D%/test_differential.sh %D%/test_encode_differential.sh %D%/test_second_opinion.sh
EXTRA_DIST += %D%/differential.py %D%/encode_differential.py %D%/second_opinion.py %D%/second_opinion.proto \
  %D%/second_opinion_level.proto %D%/unit.h

if HAVE_CMOCKA
schema_fixture = %D%/schema_fixture.c %D%/schema_fixture.h
schema_tests = \
  %D%/test_schema_registry \
  %D%/test_schema_protoc \
  %D%/test_schema_wellknown \
  %D%/test_schema_decode \
  %D%/test_schema_encode \
  %D%/test_schema_features \
  %D%/test_schema_unwrap
check_PROGRAMS += $(schema_tests)
TESTS += $(schema_tests)
%C%_test_schema_registry_SOURCES = %D%/test_schema_registry.c $(schema_fixture)
%C%_test_schema_registry_LDADD = $(SCHEMA_TEST_LIBS) $(CMOCKA_LIBS)
%C%_test_schema_protoc_SOURCES = %D%/test_schema_protoc.c $(schema_fixture)
%C%_test_schema_protoc_LDADD = $(SCHEMA_TEST_LIBS) $(CMOCKA_LIBS)
%C%_test_schema_wellknown_LDADD = $(SCHEMA_TEST_LIBS) $(CMOCKA_LIBS)
%C%_test_schema_decode_SOURCES = %D%/test_schema_decode.c $(schema_fixture)
%C%_test_schema_decode_LDADD = $(SCHEMA_TEST_LIBS) $(CMOCKA_LIBS)
%C%_test_schema_encode_SOURCES = %D%/test_schema_encode.c $(schema_fixture)
%C%_test_schema_encode_LDADD = $(SCHEMA_TEST_LIBS) $(CMOCKA_LIBS)
%C%_test_schema_features_SOURCES = %D%/test_schema_features.c $(schema_fixture)
%C%_test_schema_features_LDADD = $(SCHEMA_TEST_LIBS) $(CMOCKA_LIBS)
%C%_test_schema_unwrap_SOURCES = %D%/test_schema_unwrap.c $(schema_fixture)
%C%_test_schema_unwrap_LDADD = $(SCHEMA_TEST_LIBS) $(CMOCKA_LIBS)
endif
