#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Builds the daemon's archives and the fuzz targets with clang's libFuzzer and the sanitizers, and runs each target
# from the seeds of this folder. Usage: run.sh [--seconds N] [--jobs N] [--build DIRECTORY] [TARGET...]. What breaks a
# target is kept in DIRECTORY/finds and named; the exit status is then 1, and 77 when clang has no libFuzzer.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
seconds=${FUZZ_SECONDS:-30}
jobs=2
build=${TMPDIR:-/tmp}/forebay-fuzz
while [ $# -gt 0 ]; do
    case $1 in
    --seconds) seconds=$2; shift 2 ;;
    --jobs) jobs=$2; shift 2 ;;
    --build) build=$2; shift 2 ;;
    *) break ;;
    esac
done
[ $# -gt 0 ] || set -- $(cd "$root/tests/fuzz" && ls fuzz_*.c | sed 's/\.c$//')

mkdir -p "$build/finds" "$build/corpus"
cd "$build" || exit 1
build=$PWD
flags="-g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined"
echo 'int LLVMFuzzerTestOneInput(void); int LLVMFuzzerTestOneInput(void) { return 0; }' >probe.c
if ! clang -fsanitize=fuzzer probe.c -o probe 2>/dev/null; then
    echo "clang is missing, or its libFuzzer (libclang-rt-dev)"
    exit 77
fi
if [ ! -f Makefile ] || [ "$root/configure" -nt Makefile ]; then
    "$root/configure" -q CC=clang CFLAGS="$flags -fsanitize=fuzzer-no-link" LDFLAGS="-fsanitize=address,undefined" \
        >configure.log 2>&1 || { tail -n 20 configure.log; exit 1; }
fi
archives="delivery ingest pipeline schema sparkplug journal mqtt plugin admin loop metrics message config base"
wanted=$(for a in $archives; do echo "daemon/$a/lib$a.a"; done)
# shellcheck disable=SC2086
make -s -j"$jobs" $wanted tests/conformance/messages_set.inc >make.log 2>&1 || { tail -n 20 make.log; exit 1; }
libraries="$(pkg-config --libs libevent_core libevent_extra yaml-0.1 libprotobuf-c libmosquitto openssl) $(pkg-config --libs zlib 2>/dev/null)"

# What a target needs beside the archives.
parts_of() {
    case $1 in
    fuzz_cbor) pkg-config --libs libcbor ;;
    fuzz_gzip) pkg-config --libs zlib ;;
    fuzz_zstd) pkg-config --libs libzstd ;;
    fuzz_http)
        echo "-DFBY_VERSION=\"fuzz\" -rdynamic $root/plugins/http/*.c $root/tests/helpers/fake_host.c" \
            "$(pkg-config --libs libcurl)" ;;
    esac
}

build_target() {
    # shellcheck disable=SC2046,SC2086
    clang $flags -fsanitize=fuzzer -std=gnu11 -D_GNU_SOURCE -I"$root/daemon" -I"$build" -I"$build/daemon" \
        -I"$root/plugins/include" -I"$root/tests/helpers" "$root/tests/fuzz/$1.c" $(parts_of "$1") -o "$1" \
        $wanted $libraries -ldl -lm -pthread
}

# Say what happened in a few lines; the log has the rest.
report() {
    local find units
    if [ "$2" -eq 0 ]; then
        units=$(sed -n 's/^stat::number_of_executed_units: *//p' "$1.log")
        echo "$1: ${units:-?} inputs in $seconds s"
        return 0
    fi
    find=$(sed -n 's/.*Test unit written to //p' "$1.log" | tail -n 1)
    echo "$1 FAILED; input: $build/${find:-none}; log: $build/$1.log"
    grep -m 3 -E 'ERROR|SUMMARY|Assertion|runtime error' "$1.log" || tail -n 5 "$1.log"
    return 1
}

run_target() {
    local seeds=$root/tests/fuzz/seeds/$1
    mkdir -p "corpus/$1"
    [ -d "$seeds" ] || seeds=
    build_target "$1" >"$1.log" 2>&1 || { report "$1" 1; return 1; }
    # shellcheck disable=SC2086
    timeout -k 10 $((seconds * 3 + 120)) "./$1" -max_total_time="$seconds" -rss_limit_mb=1024 -timeout=10 \
        -print_final_stats=1 -artifact_prefix="finds/$1-" "corpus/$1" $seeds >"$1.log" 2>&1
    report "$1" $?
}

# A row for the table of the campaigns: inputs count as faults, a target that broke as something wrong.
add_row() {
    local inputs=0 broken=0 units target
    [ -n "${FOREBAY_CAMPAIGN_RESULTS:-}" ] || return 0
    for target in "$@"; do
        units=$(sed -n 's/^stat::number_of_executed_units: *//p' "$target.log")
        inputs=$((inputs + ${units:-0}))
        [ -n "$units" ] || broken=$((broken + 1))
    done
    printf '{"campaign": "hostile payloads, %d fuzz targets", "test": "fuzz", "faults": %d, "messages": 0, "corrupt": %d, "seconds": %d}\n' \
        $# "$inputs" "$broken" $((seconds * $#)) >>"$FOREBAY_CAMPAIGN_RESULTS"
}

failed=0 running=0
for target in "$@"; do
    if [ "$running" -ge "$jobs" ]; then
        wait -n || failed=1
        running=$((running - 1))
    fi
    run_target "$target" &
    running=$((running + 1))
done
while [ "$running" -gt 0 ]; do
    wait -n || failed=1
    running=$((running - 1))
done
add_row "$@"
exit $failed
