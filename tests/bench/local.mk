# bench

# Decoding, counted in instructions: make bench-decode.
check_PROGRAMS += %D%/bench_decode
%C%_bench_decode_LDADD = $(SCHEMA_TEST_LIBS)
EXTRA_DIST += %D%/bench_decode.proto %D%/bench_decode.sh
.PHONY: bench-decode
bench-decode: %D%/bench_decode
	top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' $(srcdir)/%D%/bench_decode.sh

# The same beside other decoders, as time: make bench-decode-peers, and make decode-table to put it into README.md.
EXTRA_DIST += %D%/bench_decode_peers.py %D%/decode_protobufjs.js %D%/decode_python.py
.PHONY: bench-decode-peers decode-table
bench-decode-peers: %D%/bench_decode
	/usr/bin/python3 $(srcdir)/%D%/bench_decode_peers.py --build $(builddir)
decode-table: %D%/bench_decode
	/usr/bin/python3 $(srcdir)/%D%/bench_decode_peers.py --build $(builddir) --into $(top_srcdir)/README.md

# What the MQTT clients alone cost.
check_PROGRAMS += %D%/bench_mqtt_path
%C%_bench_mqtt_path_SOURCES = %D%/bench_mqtt_path.c tests/helpers/mosquitto_process.c \
  tests/helpers/mosquitto_process.h
%C%_bench_mqtt_path_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/helpers
%C%_bench_mqtt_path_LDADD = daemon/mqtt/libmqtt.a daemon/loop/libloop.a daemon/metrics/libmetrics.a $(RANK1) \
  $(LIBEVENT_LIBS) $(MOSQUITTO_LIBS) $(OPENSSL_LIBS)

# Broker to broker, beside mosquitto's bridge: make bench-bridge.
check_PROGRAMS += %D%/load_gen
EXTRA_DIST += %D%/bench_bridge.py
# A million messages behind a target that hangs: memory, start, delivery: make bench-backlog.
.PHONY: bench-backlog
bench-backlog: daemon/forebayd %D%/load_gen
	$(AM_TESTS_ENVIRONMENT) FOREBAY_FAULT_COUNT=1000000 /usr/bin/python3 $(srcdir)/tests/faults/45-backlog.py

.PHONY: bench-bridge
bench-bridge: daemon/forebayd %D%/load_gen
	/usr/bin/python3 $(srcdir)/%D%/bench_bridge.py --build $(builddir)

# The worst that a payload can cost each codec: make bench-codec-limits.
check_PROGRAMS += %D%/bench_codec_limits
%C%_bench_codec_limits_SOURCES = %D%/bench_codec_limits.c $(codec_corpus_sources)
%C%_bench_codec_limits_CPPFLAGS = $(AM_CPPFLAGS) $(codec_corpus_cppflags)
%C%_bench_codec_limits_LDADD = $(RANK4) $(codec_corpus_libs)
EXTRA_DIST += %D%/bench_codec_limits.py %D%/bench_codec_search.py
dist_check_SCRIPTS += %D%/test_codec_cost.sh
TESTS += %D%/test_codec_cost.sh
# One that looks for worse: make search-codec-limits CODEC=cbor.
.PHONY: bench-codec-limits search-codec-limits
search-codec-limits: %D%/bench_codec_limits $(plugin_PROGRAMS)
	/usr/bin/python3 $(srcdir)/%D%/bench_codec_search.py $(CODEC) --build $(builddir)
bench-codec-limits: %D%/bench_codec_limits $(plugin_PROGRAMS)
	/usr/bin/python3 $(srcdir)/%D%/bench_codec_limits.py --build $(builddir)
