#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Proves that every option an operator can write, and every metric an operator can read, has help text and is
# in the manual: options in docs/forebay.yaml.5 or the plugin's README.md, metrics in docs/forebay-metrics.7.
# Usage: check_documented.sh [ROOT]
set -u
root=${1:-${top_srcdir:-.}}
cd "$root" || exit 99

find daemon plugins -name '*.c' 2>/dev/null | LC_ALL=C sort | xargs -r awk '
function slurp(path,   text, line) {
    if (path in page)
        return page[path]
    while ((getline line < path) > 0)
        text = text line "\n"
    gsub(/\\-/, "-", text)
    page[path] = text
    return text
}
function has_word(text, word) {
    return match(text, "(^|[^a-z_])" word "($|[^a-z_])") > 0
}
function report(line, text) {
    printf "%s:%d: %s\n", FILENAME, line, text
    failures++
}
function check_option(name, line,   manual) {
    options++
    manual = FILENAME
    if (FILENAME ~ /^plugins\//)
        sub(/\/[^\/]*$/, "/README.md", manual)
    else
        manual = "docs/forebay.yaml.5"
    if (!has_word(slurp(manual), name))
        report(line, "option \"" name "\" is not in " manual)
}
function check_metric(name, line) {
    metrics++
    if (!has_word(slurp("docs/forebay-metrics.7"), name))
        report(line, "metric " name " is not in docs/forebay-metrics.7")
}
# An option row may be spread over lines: {"name", FBY_OPTION_…, or .name = "…", .type = FBY_OPTION_…
FNR == 1 { previous = "" }
{
    text = previous $0
    if (match(text, /\{ *(\.name *= *)?"[a-z][a-z0-9_]*", *(\.type *= *)?FBY_OPTION_/)) {
        row = substr(text, RSTART, RLENGTH)
        match(row, /"[^"]*"/)
        check_option(substr(row, RSTART + 1, RLENGTH - 2), FNR)
        previous = ""
    } else
        previous = $0 ~ /\{ *(\.name *= *)?"[a-z][a-z0-9_]*", *$/ ? $0 " " : ""
    rest = $0
    while (match(rest, /"forebay_[a-z0-9_]+/)) {
        name = substr(rest, RSTART + 1, RLENGTH - 1)
        if (!seen[name]++ && name != "forebay_plugin" && name !~ /_$/)
            check_metric(name, FNR)
        rest = substr(rest, RSTART + RLENGTH)
    }
}
END {
    printf "%d options, %d metrics, %d problems\n", options, metrics, failures
    exit failures ? 1 : 0
}'
