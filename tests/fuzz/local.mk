# Fuzz targets; `make fuzz` builds them with clang and runs each for a while (run.sh has options).
EXTRA_DIST += \
  %D%/fuzz_admin.c \
  %D%/fuzz_cbor.c \
  %D%/fuzz_codec.h \
  %D%/fuzz_journal.c \
  %D%/fuzz_message.c \
  %D%/fuzz_msgpack.c \
  %D%/fuzz_protobuf.c \
  %D%/fuzz_schema.c \
  %D%/fuzz_yaml.c \
  %D%/run.sh \
  %D%/seeds

.PHONY: fuzz
fuzz:
	$(srcdir)/tests/fuzz/run.sh --build fuzz
