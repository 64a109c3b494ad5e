#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Proves that the table of docs/forebay-sparkplug.7 is true and complete: which statement of the Sparkplug
# specification is tested where. A test cites a statement as tck-id-NAME beside the check that would see its
# absence; each row of the table must be cited in each file that it names, and each citation must be in the table.
# Usage: check_sparkplug_table.sh [ROOT]
set -u
root=${1:-${top_srcdir:-.}}
cd "$root" || exit 99
page=docs/forebay-sparkplug.7
[ -f "$page" ] || { echo "$page: there is none"; exit 1; }

{
    grep -rnoE --include='*.c' --include='*.py' --include='*.yaml' 'tck-id-[A-Za-z0-9_-]*[A-Za-z0-9]' tests | LC_ALL=C sort -u
    echo "== $page"
    cat "$page"
} | LC_ALL=C awk '
BEGIN {
    failures = rows = citations = 0
}
function report(place, text) {
    print place ": " text
    failures++
}
/^== / && !page {
    page = $2
    next
}
# FILE:LINE:tck-id-NAME
!page {
    split($0, part, ":")
    name = substr(part[3], length("tck-id-") + 1)
    if (!((part[1], name) in cited))
        citations++
    cited[part[1], name] = part[1] ":" part[2]
    next
}
{
    line++
    gsub(/\\-/, "-")
    gsub(/\\:/, "")
}
# CODE;FILE of the first table
/^[A-Z0-9]+;tests\// {
    split($0, part, ";")
    file[part[1]] = part[2]
    next
}
/^T\{$/ {
    in_cell = 1
    next
}
/^T\};/ {
    in_cell = 0
    rows++
    place = page ":" line
    if (statement in seen)
        report(place, statement " is there twice")
    if (statement < last)
        report(place, statement " stands behind " last)
    seen[statement] = 1
    last = statement
    count = split(substr($0, 4), codes, " ")
    if (!count)
        report(place, statement " names no test")
    for (i = 1; i <= count; i++) {
        if (!(codes[i] in file))
            report(place, statement ": no test is called " codes[i])
        else if (!((file[codes[i]], statement) in cited))
            report(place, statement " is not cited in " file[codes[i]])
        else
            listed[file[codes[i]], statement] = 1
    }
    next
}
in_cell {
    statement = $0
}
END {
    for (key in cited) {
        split(key, part, SUBSEP)
        if (!(key in listed))
            report(cited[key], "tck-id-" part[2] " is not in the table of " page)
    }
    printf "%d statements, %d citations, %d problems\n", rows, citations, failures
    exit failures > 0
}'
