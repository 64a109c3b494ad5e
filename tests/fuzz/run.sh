#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Builds the daemon's archives and the fuzz targets with clang's libFuzzer and the sanitizers, and runs each target.
# Usage: run.sh [--seconds N] [--build DIRECTORY] [TARGET...]; a find is kept in DIRECTORY/finds.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
seconds=30
build=${TMPDIR:-/tmp}/forebay-fuzz
while [ $# -gt 0 ]; do
    case $1 in
    --seconds) seconds=$2; shift 2 ;;
    --build) build=$2; shift 2 ;;
    *) break ;;
    esac
done
[ $# -gt 0 ] || set -- $(cd "$root/tests/fuzz" && ls fuzz_*.c | sed 's/\.c$//')

mkdir -p "$build/finds"
cd "$build"
flags="-g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined"
[ -f Makefile ] || "$root/configure" -q CC=clang CFLAGS="$flags -fsanitize=fuzzer-no-link" \
    LDFLAGS="-fsanitize=address,undefined" >configure.log 2>&1 || { tail -n 20 configure.log; exit 1; }
archives="delivery ingest pipeline schema journal mqtt plugin admin loop metrics message config base"
wanted=$(for a in $archives; do echo "daemon/$a/lib$a.a"; done)
# shellcheck disable=SC2086
make -s -j2 $wanted tests/conformance/messages_set.inc >make.log 2>&1 || { tail -n 20 make.log; exit 1; }
libraries=$(pkg-config --libs libcbor libevent_core libevent_extra yaml-0.1 libprotobuf-c libmosquitto openssl)

failed=0
for target in "$@"; do
    # shellcheck disable=SC2086
    clang $flags -fsanitize=fuzzer -std=gnu11 -D_GNU_SOURCE -I"$root/daemon" -I"$build" -I"$build/daemon" \
        -I"$root/plugins/include" "$root/tests/fuzz/$target.c" -o "$target" $wanted $libraries -ldl -lm -pthread
    mkdir -p "corpus/$target"
    seeds=$root/tests/fuzz/seeds/$target
    [ -d "$seeds" ] || seeds=
    echo "$target: $seconds seconds"
    ./"$target" -max_total_time="$seconds" -rss_limit_mb=1024 -timeout=10 -print_final_stats=1 \
        -artifact_prefix="finds/$target-" "corpus/$target" $seeds >"$target.log" 2>&1 || {
        failed=1
        echo "$target FAILED; see $build/$target.log"
        grep -m 3 -E 'ERROR|SUMMARY|Assertion' "$target.log" || true
        continue
    }
    grep -E 'number_of_executed_units' "$target.log" || true
done
exit $failed
