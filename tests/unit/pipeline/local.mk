# Unit tests of daemon/pipeline; one program for each file, and the codecs against those of Python.
check_PROGRAMS += %D%/codec_lines
%C%_codec_lines_SOURCES = %D%/codec_lines.c tests/helpers/fake_codec.c tests/helpers/fake_codec.h
%C%_codec_lines_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/helpers
%C%_codec_lines_LDADD = daemon/message/libmessage.a $(RANK1) -ldl
dist_check_SCRIPTS += %D%/test_codec_differential.sh
TESTS += %D%/test_codec_differential.sh
EXTRA_DIST += %D%/codec_differential.py

if HAVE_CMOCKA
check_PROGRAMS += %D%/test_pipeline %D%/test_codec_limits %D%/test_pipeline_decoder %D%/test_pipeline_plugin_codec %D%/test_route_table
TESTS += %D%/test_pipeline %D%/test_codec_limits %D%/test_pipeline_decoder %D%/test_pipeline_plugin_codec %D%/test_route_table
%C%_test_pipeline_LDADD = $(RANK4) $(CMOCKA_LIBS)
%C%_test_pipeline_decoder_LDADD = $(RANK4) $(CMOCKA_LIBS)
%C%_test_pipeline_plugin_codec_LDADD = $(RANK4) $(CMOCKA_LIBS)
%C%_test_route_table_LDADD = $(RANK4) $(CMOCKA_LIBS)
# Over the adversarial corpus, with the plugins of the build tree.
%C%_test_codec_limits_SOURCES = %D%/test_codec_limits.c $(codec_corpus_sources)
%C%_test_codec_limits_CPPFLAGS = $(AM_CPPFLAGS) $(codec_corpus_cppflags)
%C%_test_codec_limits_LDADD = $(RANK4) $(CMOCKA_LIBS) $(codec_corpus_libs)
endif
