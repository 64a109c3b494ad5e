# What tests and the demonstration share. None of it is linked with the daemon.
check_PROGRAMS += %D%/sensor_sim
%C%_sensor_sim_SOURCES = %D%/sensor_sim.c
nodist_%C%_sensor_sim_SOURCES = %D%/quickstart.pb-c.c %D%/quickstart.pb-c.h
%C%_sensor_sim_CPPFLAGS = -I$(top_builddir)/%D% -D_GNU_SOURCE $(MOSQUITTO_CFLAGS) $(PROTOBUF_C_CFLAGS)
# The generated code is not ours to warn about.
%C%_sensor_sim_CFLAGS = $(AM_CFLAGS) -Wno-conversion -Wno-sign-conversion
%C%_sensor_sim_LDADD = $(MOSQUITTO_LIBS) $(PROTOBUF_C_LIBS) -lm

%D%/quickstart.pb-c.c: $(top_srcdir)/conf/quickstart.proto
	$(AM_V_GEN)$(MKDIR_P) %D% && $(PROTOC_C) -I$(top_srcdir)/conf --c_out=%D% $(top_srcdir)/conf/quickstart.proto
%D%/quickstart.pb-c.h: %D%/quickstart.pb-c.c
%D%/sensor_sim-sensor_sim.$(OBJEXT): %D%/quickstart.pb-c.h
CLEANFILES += %D%/quickstart.pb-c.c %D%/quickstart.pb-c.h

EXTRA_DIST += %D%/tsan.supp

EXTRA_DIST += %D%/harness.py %D%/harness_gateway.py %D%/harness_mqtt.py %D%/harness_network.py %D%/harness_upstreams.py %D%/marked_table.py %D%/mqttjs_client.js %D%/sparkplug_host.js \
  %D%/sparkplug_client.js %D%/sparkplug_payload.py

# Payloads that cost codecs as much as they can, and a codec as a route uses it.
codec_corpus_sources = \
  tests/helpers/codec_corpus.c \
  tests/helpers/codec_corpus.h \
  tests/helpers/codec_corpus_binary.c \
  tests/helpers/codec_corpus_protobuf.c \
  tests/helpers/codec_corpus_sparkplug.c \
  tests/helpers/codec_corpus_unwrap.c \
  tests/helpers/codec_runner.c \
  tests/helpers/codec_runner.h \
  tests/helpers/codec_sparkplug.c \
  tests/helpers/codec_sparkplug.h
codec_corpus_cppflags = -I$(top_srcdir)/tests/helpers
codec_corpus_libs =
if HAVE_ZLIB
codec_corpus_sources += tests/helpers/codec_corpus_gzip.c
codec_corpus_cppflags += -DWITH_ZLIB
codec_corpus_libs += $(ZLIB_LIBS)
endif
if HAVE_ZSTD
codec_corpus_sources += tests/helpers/codec_corpus_zstd.c
codec_corpus_cppflags += -DWITH_ZSTD
codec_corpus_libs += $(ZSTD_LIBS)
endif
EXTRA_DIST += tests/helpers/codec_corpus_gzip.c tests/helpers/codec_corpus_zstd.c
tests/helpers/bench_bench_codec_limits-codec_runner.$(OBJEXT) \
  tests/helpers/unit_pipeline_test_codec_limits-codec_runner.$(OBJEXT): tests/conformance/messages_set.inc
