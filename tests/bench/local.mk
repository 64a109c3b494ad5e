# bench

# Decoding, counted in instructions: make bench-decode.
check_PROGRAMS += %D%/bench_decode
%C%_bench_decode_LDADD = $(SCHEMA_TEST_LIBS)
EXTRA_DIST += %D%/bench_decode.proto %D%/bench_decode.sh
.PHONY: bench-decode
bench-decode: %D%/bench_decode
	top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' $(srcdir)/%D%/bench_decode.sh
