#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Proves that every header compiles by itself, and that the plugin header needs nothing but the C library and
# is fit for C++. Usage: check_headers.sh [ROOT]; CC and LINT_CPPFLAGS come from the makefile.
set -u
root=$(cd "${1:-${top_srcdir:-.}}" && pwd) || exit 99
CC=${CC:-gcc}
flags=${LINT_CPPFLAGS:-$(pkg-config --cflags libmosquitto yaml-0.1 libprotobuf-c libevent lua5.4 2>/dev/null)}
problems=$(mktemp) || exit 99
trap 'rm -f "$problems"' EXIT

# compile HEADER FLAGS...: the header twice, so that its guard is proved too.
compile() {
    local header=$1
    shift
    if ! printf '#include "%s"\n#include "%s"\n' "$header" "$header" |
        "$@" -fsyntax-only - 2>"$problems.out"; then
        echo "$header: does not compile by itself"
        cat "$problems.out"
        echo "$header" >>"$problems"
    fi
    rm -f "$problems.out"
}

count=0
while read -r header; do
    count=$((count + 1))
    # shellcheck disable=SC2086
    compile "$header" $CC -std=gnu11 -Wall -Wextra -Werror -D_GNU_SOURCE -I"$root" -I"$root/daemon" \
        -I"$root/plugins/include" -I"$root/$(dirname "$header")" -I"$root/tests/helpers" $flags -x c
done < <(cd "$root" && find daemon plugins tests -name '*.h' 2>/dev/null | LC_ALL=C sort)

for header in $(cd "$root" && find plugins/include -name '*.h' 2>/dev/null); do
    compile "${header#plugins/include/}" $CC -std=c11 -pedantic -Wall -Wextra -Werror -I"$root/plugins/include" -x c
    if command -v g++ >/dev/null; then
        compile "${header#plugins/include/}" g++ -std=c++11 -Wall -Wextra -Werror -I"$root/plugins/include" -x c++
    fi
done

bad=$(wc -l <"$problems")
echo "$count headers, $bad problems"
[ "$bad" -eq 0 ] && [ "$count" -gt 0 ]
