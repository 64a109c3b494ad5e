#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Everything that must be true before a change goes in, stage by stage; `./quickstart test` runs it with what it
# needs installed. The last line is "N passed, N failed, N skipped"; the exit status is 0 when nothing failed.
# Usage: ci.sh [STAGE...]; stages: gcc clang address thread fuzz mutants coverage analysis dist. FOREBAY_BUILD is where builds go.
set -u
root=$(cd "$(dirname "$0")/.." && pwd) || exit 99
work=${FOREBAY_BUILD:-$root/build}/ci
jobs=$(nproc 2>/dev/null || echo 2)
passed=0 failed=0 skipped=0
failures=()

say() {
    printf '\n== %s\n' "$*"
}

# Programs that the sanitizer builds run: what touches memory and threads, without the long campaigns.
address_tests='tests/unit/ tests/flow/ tests/config/ tests/plugins/ tests/system/1[0136]
    tests/system/19 tests/system/20 tests/system/41 tests/system/42-c tests/system/45 tests/conformance/test_vectors'
thread_tests='tests/unit/journal/ tests/unit/mqtt/ tests/unit/loop/ tests/unit/plugin/ tests/plugins/ tests/flow/'

# build DIRECTORY CONFIGURE-ARGUMENTS...
build() {
    local directory=$work/$1
    shift
    mkdir -p "$directory" && cd "$directory" || return 1
    if [ ! -f Makefile ] || [ "$root/configure" -nt Makefile ]; then
        "$root/configure" -q "$@" >configure.out 2>&1 || { tail -n 30 configure.out; return 1; }
    fi
    make -s -j"$jobs" all >build.out 2>&1 || { grep -E 'error|warning|Error' build.out | head -n 40; return 1; }
}

# run_check DIRECTORY [TESTS]: runs `make check` and adds its cases to the totals.
run_check() {
    local directory=$work/$1 result=0 counts
    cd "$directory" || return 1
    find . -name '*.trs' -delete
    if [ $# -gt 1 ]; then
        make -s -k -j"$jobs" check TESTS="$2" >check.out 2>&1 || result=1
    else
        make -s -k -j"$jobs" check >check.out 2>&1 || result=1
    fi
    grep -E '^(FAIL|ERROR|XPASS|SKIP):' check.out
    counts=$("$root/tests/count_results.sh" "$directory")
    # shellcheck disable=SC2086
    add_counts $counts
    if [ $result -ne 0 ]; then
        show_failed_logs "$directory"
        # A check that stopped before any test ran (it does not build) has no counts of its own.
        [ "$(cut -d' ' -f2 <<<"$counts")" -gt 0 ] || { tail -n 40 check.out; return 1; }
    fi
    return 0
}

add_counts() {
    passed=$((passed + $1))
    failed=$((failed + $2))
    skipped=$((skipped + $3))
    echo "$1 passed, $2 failed, $3 skipped"
}

show_failed_logs() {
    grep -lE '^:global-test-result: (FAIL|ERROR)' -r "$1" --include='*.trs' 2>/dev/null | while read -r trs; do
        echo "---- ${trs%.trs}.log"
        tail -n 60 "${trs%.trs}.log"
    done
}

# select_tests DIRECTORY PATTERN...: the tests of the makefile whose name begins with one of the patterns.
select_tests() {
    local directory=$work/$1 pattern name
    shift
    for name in $(make -s -C "$directory" print-tests); do
        for pattern in "$@"; do
            # shellcheck disable=SC2053
            [[ $name == $pattern* ]] && printf '%s ' "$name"
        done
    done
}

# The fault campaigns of this stage report what they found; the table is printed at its end.
stage_gcc() {
    build gcc CC=gcc --enable-werror || return 1
    local results=$work/gcc/campaigns.jsonl
    rm -f "$results"
    FOREBAY_CAMPAIGN_RESULTS=$results run_check gcc || return 1
    [ ! -s "$results" ] || "$root/tests/faults/report.py" "$results"
}

stage_clang() {
    build clang CC=clang --enable-werror || return 1
    if ! make -s -j"$jobs" check TESTS= >check.out 2>&1; then
        grep -E 'error|warning' check.out | head -n 40
        return 1
    fi
    add_counts 1 0 0
}

stage_address() {
    build address --enable-werror --enable-sanitizers || return 1
    # shellcheck disable=SC2086
    ASAN_OPTIONS=detect_leaks=1:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1 \
        run_check address "$(select_tests address $address_tests)"
}

stage_thread() {
    build thread CC=clang --enable-sanitizers=thread || return 1
    # shellcheck disable=SC2086
    TSAN_OPTIONS="halt_on_error=1 second_deadlock_stack=1 suppressions=$root/tests/helpers/tsan.supp" \
        run_check thread "$(select_tests thread $thread_tests)"
}

# Each target for FOREBAY_FUZZ_SECONDS, from the seeds of the tree.
stage_fuzz() {
    local result=0
    "$root/tests/fuzz/run.sh" --build "$work/fuzz" --jobs "$jobs" --seconds "${FOREBAY_FUZZ_SECONDS:-30}" \
        >"$work/fuzz.out" 2>&1 || result=$?
    cat "$work/fuzz.out"
    [ $result -ne 77 ] || { add_counts 0 0 1; return 0; }
    add_counts "$(grep -c 'inputs in' "$work/fuzz.out")" "$(grep -c FAILED "$work/fuzz.out")" 0
    # A build that fails has no target to count.
    [ $result -eq 0 ] || grep -q FAILED "$work/fuzz.out"
}

# Every deliberate bug must be seen by a test.
stage_mutants() {
    build mutants CC=gcc CFLAGS=-O1 --enable-mutants || return 1
    make -s -j"$jobs" check TESTS= >check.out 2>&1 || { grep -E 'error|warning' check.out | head -n 40; return 1; }
    make -s check-mutants || return 1
    add_counts 1 0 0
}

# The tests of the journal take nearly all of its branches; what they no longer take is named.
stage_coverage() {
    build coverage CC=gcc --enable-coverage || return 1
    if ! COVERAGE_LEAST=95 make -s -j"$jobs" coverage-journal COVERAGE_OPTIONS=--missing >coverage.out 2>&1; then
        tail -n 150 coverage.out
        return 1
    fi
    grep '^journal: ' coverage.out
    add_counts 1 0 0
}

stage_analysis() {
    build gcc CC=gcc --enable-werror || return 1
    "$root/tests/lint/check_analysis.sh" "$root" "$work/gcc" || return 1
    add_counts 1 0 0
}

stage_dist() {
    build gcc CC=gcc --enable-werror || return 1
    cd "$work/gcc" || return 1
    # The long campaigns have run above: here it matters that everything is in the tarball and builds read-only.
    if ! FOREBAY_TEST_SHORT=1 make -s -j"$jobs" distcheck >distcheck.out 2>&1; then
        grep -nE 'error:|Error |^FAIL|^ERROR|No such file' distcheck.out | tail -n 40
        tail -n 15 distcheck.out
        return 1
    fi
    add_counts 1 0 0
}

run_stage() {
    local start=$SECONDS
    say "$1"
    if ! "stage_$1"; then
        failed=$((failed + 1))
        failures+=("$1")
        echo "stage $1 FAILED"
    fi
    echo "($1: $((SECONDS - start)) s)"
}

[ $# -gt 0 ] || set -- gcc clang address thread fuzz mutants coverage analysis dist
if [ ! -x "$root/configure" ] || [ "$root/configure.ac" -nt "$root/configure" ] || [ "$root/Makefile.am" -nt "$root/Makefile.in" ]; then
    (cd "$root" && autoreconf -fi >/dev/null 2>&1) || { echo "autoreconf failed"; (cd "$root" && autoreconf -fi); exit 1; }
fi
for stage in "$@"; do
    run_stage "$stage"
done

[ ${#failures[@]} -eq 0 ] || printf '\nfailed stages: %s\n' "${failures[*]}"
printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]
