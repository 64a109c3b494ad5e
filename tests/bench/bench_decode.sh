#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Counts the instructions of decoding one telemetry message, and of loading a descriptor set of 25 kB, and fails
# over the budget: 10,500 to JSON text, 4,900 to a value tree, 5,000,000 to load (0.35 ms were measured for 4.1 million).
# Usage: bench_decode.sh (with top_srcdir and top_builddir as `make check` sets them).
set -eu
top_srcdir=${top_srcdir:-.}
top_builddir=${top_builddir:-.}
command -v valgrind >/dev/null && command -v protoc >/dev/null || { echo "valgrind or protoc is missing"; exit 77; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
protoc -I "$top_srcdir/tests/bench" -o "$dir/bench.desc" bench_decode.proto

# Messages as operators have them, until the set has 25 kB: texts, numbers, lists, an enum and messages of others.
write_large_schema() {
    echo 'syntax = "proto3"; package bench; message Telemetry { string id = 1; }'
    echo 'enum State { STATE_NONE = 0; STATE_OK = 1; STATE_FAILED = 2; }'
    for ((i = 0; i < 62; i++)); do
        echo "message Reading$i { string device_identifier = 1; uint64 time_ms = 2; double temperature = 3;"
        echo "  repeated sint32 samples = 4; State state = 5; map<string, string> tags = 6; bytes raw_payload = 7;"
        echo "  optional Reading$((i > 0 ? i - 1 : 0)) previous = 8; oneof kind { float humidity = 9; bool alarm = 10; } }"
    done
}
write_large_schema >"$dir/large.proto"
protoc -I "$dir" -o "$dir/large.desc" large.proto

# count SET OPERATION TIMES: instructions of the whole program
count() {
    valgrind --tool=callgrind --callgrind-out-file="$dir/out" \
        "$top_builddir/tests/bench/bench_decode" "$dir/$1" "$2" "$3" 2>"$dir/log" ||
        { cat "$dir/log"; exit 1; }
    awk '/^(summary|totals):/ { print $2; exit }' "$dir/out"
}

failures=0
for row in json:10500 value:4900; do
    operation=${row%:*} budget=${row#*:}
    few=$(count bench.desc "$operation" 100)
    many=$(count bench.desc "$operation" 1100)
    each=$(((many - few) / 1000))
    echo "$operation: $each instructions, budget $budget ($(grep -h 'bytes of protobuf' "$dir/log"))"
    [ "$each" -le "$budget" ] || failures=$((failures + 1))
done
few=$(count large.desc load 1)
many=$(count large.desc load 21)
each=$(((many - few) / 20))
budget=5000000
echo "load: $each instructions, budget $budget ($(stat -c %s "$dir/large.desc") bytes of descriptor set)"
[ "$each" -le "$budget" ] || failures=$((failures + 1))
exit $((failures > 0))
