# Fuzz targets; `make fuzz` builds them with clang and runs each for FUZZ_SECONDS (run.sh has options).
FUZZ_SECONDS = 30
EXTRA_DIST += \
  %D%/fuzz_admin.c \
  %D%/fuzz_cbor.c \
  %D%/fuzz_codec.h \
  %D%/fuzz_cursors.c \
  %D%/fuzz_encode.c \
  %D%/fuzz_gzip.c \
  %D%/fuzz_http.c \
  %D%/fuzz_journal.c \
  %D%/fuzz_message.c \
  %D%/fuzz_mqtt.c \
  %D%/fuzz_msgpack.c \
  %D%/fuzz_protobuf.c \
  %D%/fuzz_schema.c \
  %D%/fuzz_sparkplug.c \
  %D%/fuzz_types.h \
  %D%/fuzz_unpack.h \
  %D%/fuzz_unwrap.c \
  %D%/fuzz_yaml.c \
  %D%/fuzz_zstd.c \
  %D%/run.sh \
  %D%/seeds

.PHONY: fuzz
fuzz:
	$(srcdir)/tests/fuzz/run.sh --build fuzz --seconds $(FUZZ_SECONDS)
