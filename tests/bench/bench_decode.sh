#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Counts the instructions of decoding one telemetry message, and fails over the budget: 10,500 to JSON text,
# 4,900 to a value tree. Usage: bench_decode.sh (with top_srcdir and top_builddir as `make check` sets them).
set -eu
top_srcdir=${top_srcdir:-.}
top_builddir=${top_builddir:-.}
command -v valgrind >/dev/null && command -v protoc >/dev/null || { echo "valgrind or protoc is missing"; exit 77; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
protoc -I "$top_srcdir/tests/bench" -o "$dir/bench.desc" bench_decode.proto

# count OPERATION TIMES: instructions of the whole program
count() {
    valgrind --tool=callgrind --callgrind-out-file="$dir/out" \
        "$top_builddir/tests/bench/bench_decode" "$dir/bench.desc" "$1" "$2" 2>"$dir/log" ||
        { cat "$dir/log"; exit 1; }
    awk '/^(summary|totals):/ { print $2; exit }' "$dir/out"
}

failures=0
for row in json:10500 value:4900; do
    operation=${row%:*} budget=${row#*:}
    few=$(count "$operation" 100)
    many=$(count "$operation" 1100)
    each=$(((many - few) / 1000))
    echo "$operation: $each instructions, budget $budget ($(grep -h 'bytes of protobuf' "$dir/log"))"
    [ "$each" -le "$budget" ] || failures=$((failures + 1))
done
exit $((failures > 0))
