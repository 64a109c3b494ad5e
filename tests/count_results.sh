#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Counts test results below a build directory: the cases that a cmocka or TAP log tells, else one for each
# program of automake's harness. Usage: count_results.sh BUILD_DIRECTORY; prints "PASSED FAILED SKIPPED".
set -u
build=${1:?build directory}

find "$build" -name '*.trs' -not -path '*/_build/*' | LC_ALL=C sort | while read -r trs; do
    result=$(sed -n 's/^:global-test-result: *//p' "$trs")
    log=${trs%.trs}.log
    awk -v result="$result" '
        /^\[==========\] .* test\(s\) run\./ { cmocka = 1 }
        /^\[  PASSED  \] [0-9]+ test/ { passed += $4 }
        /^\[  FAILED  \] [0-9]+ test/ { failed += $4 }
        /^\[  SKIPPED \] [0-9]+ test/ { skipped += $4 }
        /^ok [0-9]+.*# SKIP/ { tap = 1; skipped++; next }
        /^ok [0-9]+/ { tap = 1; passed++ }
        /^not ok [0-9]+/ { tap = 1; failed++ }
        END {
            # A program that failed without a failed case (a crash, a sanitizer, a timeout) is one failure.
            if (!cmocka && !tap)
                passed = failed = skipped = 0
            if (result == "SKIP" && !skipped)
                skipped = 1
            else if (result != "PASS" && result != "SKIP" && !failed)
                failed = 1
            else if (result == "PASS" && !passed && !skipped)
                passed = 1
            print passed + 0, failed + 0, skipped + 0
        }' "$log"
done | awk '{ passed += $1; failed += $2; skipped += $3 } END { print passed + 0, failed + 0, skipped + 0 }'
