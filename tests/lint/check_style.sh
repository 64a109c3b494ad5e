#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Proves the rules of style that a machine can see: licence line, file length, function length, no tabs, no
# trailing blanks, no notes to self, no integers that 32-bit machines lack, clang-format. Usage: check_style.sh [ROOT]
set -u
root=${1:-${top_srcdir:-.}}
cd "$root" || exit 99
failures=0
file_lines_max=800
function_lines_max=80

report() {
    echo "$1"
    failures=$((failures + 1))
}

find_sources() {
    find daemon plugins tests -name '*.[ch]' -not -path '*/node_modules/*' 2>/dev/null
}
find_scripts() {
    find quickstart .ci tests -type f \( -name quickstart -o -path '.ci/run' -o -name '*.sh' -o -name '*.py' \) \
        -not -path '*/node_modules/*' 2>/dev/null
}

count=0
for file in $( (find_sources; find_scripts) | LC_ALL=C sort -u); do
    count=$((count + 1))
    head -n 3 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' || report "$file:1: no SPDX-License-Identifier line"
    lines=$(wc -l <"$file")
    [ "$lines" -le $file_lines_max ] || report "$file:$file_lines_max: $lines lines; at most $file_lines_max (look for a second subject)"
    while IFS=: read -r line _; do
        report "$file:$line: tab"
    done < <(grep -nP '\t' "$file")
    while IFS=: read -r line _; do
        report "$file:$line: blanks at the end of the line"
    done < <(grep -nE ' +$' "$file")
    case $file in
    daemon/base/wide.h | tests/*) ;;
    *)
        while IFS=: read -r line _; do
            report "$file:$line: __int128 is not on every machine; see daemon/base/wide.h"
        done < <(grep -nw '__int128' "$file")
        ;;
    esac
    # The words are put together here so that this file does not contain them.
    while IFS=: read -r line text; do
        report "$file:$line: note to self:${text}"
    done < <(grep -nE "\b(TO""DO|FIX""ME|XX""X)\b" "$file" | grep -vE "TO""DO\(#[0-9]+\)")
done

# Functions: from a line that opens one at the margin to the brace at the margin.
for file in $(find_sources | grep '\.c$' | LC_ALL=C sort); do
    while read -r line; do
        report "$line"
    done < <(awk -v max=$function_lines_max '
        /^\{/ { start = FNR }
        /^\}/ && start { if (FNR - start - 1 > max)
                printf "%s:%d: function of %d lines; at most %d\n", FILENAME, start, FNR - start - 1, max
            start = 0 }' "$file")
done

if command -v clang-format >/dev/null && [ -f .clang-format ]; then
    while read -r line; do
        report "$line"
    done < <(find_sources | xargs -r clang-format --dry-run 2>&1 | grep 'warning:' | sed 's/warning: code should be clang-formatted.*/not as clang-format writes it/' |
        awk -F: '!seen[$1]++')
fi

echo "$count files, $failures problems"
[ "$failures" -eq 0 ] && [ "$count" -gt 0 ]
