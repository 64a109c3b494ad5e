#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Proves that a symbol tells its file: every non-static symbol of daemon/F/X.c begins with X, with a family name
# of X (yaml_ for yaml_tree.c) or with the folder's name. Exceptions and their reasons are in prefix_exceptions.
# Usage: check_prefixes.sh [BUILD_DIRECTORY]; reads the archives with nm.
set -u
build=${1:-${top_builddir:-.}}
exceptions=$(cd "$(dirname "$0")" && pwd)/prefix_exceptions
cd "$build" || exit 99

archives=$(find daemon -name 'lib*.a' | LC_ALL=C sort)
if [ -z "$archives" ]; then
    echo "no archive in $build/daemon: build first"
    exit 77
fi
# shellcheck disable=SC2086
nm -A -g --defined-only $archives 2>/dev/null | awk -v exceptions="$exceptions" '
BEGIN {
    while ((getline line < exceptions) > 0) {
        if (line ~ /^#/ || split(line, field, " ") < 3)
            continue
        excepted[field[1], field[2]] = 1
    }
}
# daemon/base/libbase.a:error.o:0000000000000000 T error_set
NF >= 3 {
    split($1, place, ":")
    folder = place[1]
    sub(/\/[^\/]*$/, "", folder)
    sub(/^daemon\/?/, "", folder)
    if (folder == "")
        folder = "."
    stem = place[2]
    sub(/^lib[a-z_]*_a-/, "", stem)
    sub(/\.o$/, "", stem)
    symbol = $NF
    if (stem ~ /\.pb-c$/ || symbol ~ /^(__|_?asan|_GLOBAL|gcov|llvm)/)
        next
    symbols++
    prefix = stem
    for (;;) {
        if (symbol == prefix || index(symbol, prefix "_") == 1)
            next
        if (!match(prefix, /_[^_]*$/))
            break
        prefix = substr(prefix, 1, RSTART - 1)
    }
    if (index(symbol, folder "_") == 1)
        next
    for (key in excepted) {
        split(key, part, SUBSEP)
        if (part[1] == folder "/" stem ".c" && index(symbol, part[2]) == 1)
            next
    }
    printf "daemon/%s/%s.c:1: symbol %s does not begin with %s_\n", folder, stem, symbol, stem
    failures++
}
END {
    printf "%d symbols, %d problems\n", symbols, failures
    exit failures || !symbols ? 1 : 0
}'
