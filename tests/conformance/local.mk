# The testee for protobuf's conformance runner, which ./quickstart test installs, and our own vectors for it.
conformance_generated = %D%/conformance_set.inc %D%/messages_set.inc
CLEANFILES += $(conformance_generated) %D%/conformance_set.tmp

%D%/conformance_set.inc: %D%/conformance.proto
	$(AM_V_GEN)$(MKDIR_P) %D% && $(PROTOC) -I$(srcdir)/%D% -o %D%/conformance_set.tmp conformance.proto \
	  && od -An -v -tx1 %D%/conformance_set.tmp | $(SED) 's/ \(..\)/0x\1,/g' > $@ \
	  && rm -f %D%/conformance_set.tmp
%D%/messages_set.inc: %D%/test_messages.fds
	$(AM_V_GEN)$(MKDIR_P) %D% && od -An -v -tx1 $(srcdir)/%D%/test_messages.fds | $(SED) 's/ \(..\)/0x\1,/g' > $@

check_PROGRAMS += %D%/testee
%C%_testee_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_builddir)/%D%
%C%_testee_LDADD = $(SCHEMA_TEST_LIBS)
%D%/testee-testee.$(OBJEXT): $(conformance_generated)

# Descriptor sets that Debian's protoc is too old to make. buf (npm: @bufbuild/buf 1.75.0) made them, in a folder with
# a buf.yaml of `version: v2`: `buf build --as-file-descriptor-set -o FILE`, of editions*.proto, and with
# --exclude-source-info of google/protobuf/test_messages_*.proto, which the runner's package brings in include/.
EXTRA_DIST += %D%/conformance.proto %D%/test_messages.fds %D%/editions.proto %D%/editions_2024.proto %D%/editions.fds
dist_check_SCRIPTS += %D%/test_vectors.sh %D%/test_official.py
TESTS += %D%/test_vectors.sh %D%/test_official.py
EXTRA_DIST += %D%/vectors.py
