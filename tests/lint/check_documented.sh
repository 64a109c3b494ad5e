#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Proves that what an operator can write and read is in the manual: options in docs/forebay.yaml.5 or the plugin's
# README.md, metrics in docs/forebay-metrics.7, commands, their options and exit codes in docs/forebay.1 and forebayd.8,
# the paths of the control socket and the states in forebayd.8. And that every test that a manual page names is there.
# Usage: check_documented.sh [ROOT]
set -u
root=${1:-${top_srcdir:-.}}
cd "$root" || exit 99
problems=0

# report PLACE TEXT
report() {
    echo "$1: $2"
    problems=1
}

# manual PAGE: its text, as it is read.
manual() {
    sed 's/\\-/-/g; s/\\f[BIPR]//g; s/[" ]\{2,\}/ /g' "docs/$1" 2>/dev/null
}

# has_line PAGE PATTERN
has_line() {
    manual "$1" | grep -qE -- "$2"
}

# found PATTERN FILE...: "file:line match" for each.
found() {
    local pattern=$1
    shift
    grep -noE -- "$pattern" "$@" /dev/null 2>/dev/null | sed 's/^\([^:]*:[0-9]*\):/\1 /'
}

check_commands() {
    local place name
    while read -r place name; do
        has_line forebay.1 "^\\.B[RI]* \"?$name( |\"|$)" || report "$place" "command $name is not in docs/forebay.1"
    done < <(sed -n '/cli_command commands\[\]/,/^};/=' daemon/cli/cli.c 2>/dev/null | while read -r line; do
        sed -n "${line}s|^ *{\"\([a-z-]*\)\".*|daemon/cli/cli.c:$line \1|p" daemon/cli/cli.c
    done)
}

# check_words PAGE PATTERN FILE...: each word that the pattern finds is in the page.
check_words() {
    local page=$1 pattern=$2 place word
    shift 2
    while read -r place word; do
        word=${word//[\"=,\{ ]/}
        [ "$word" = -- ] || [ "$word" = --no- ] || has_line "$page" "(^|[^a-z-])${word}($|[^a-z-])" ||
            report "$place" "$word is not in docs/$page"
    done < <(found "$pattern" "$@")
}

long_options() {
    sed -nE "s/.*/&/; :again; s/^(.*)\{\"([a-z-]+)\", (no|required|optional)_argument/\1 --\2 /; t again; p" "$1" | grep -oE -- '--[a-z-]+ '
}

check_long_options() {
    local option
    for option in $(long_options "$1" 2>/dev/null); do
        has_line "$2" "(^|[^a-z-])$option($|[^a-z-])" || report "$1:1" "$option is not in docs/$2"
    done
}

check_exit_codes() {
    local page=$1 place name number
    shift
    while read -r place name; do
        case $name in
        EX_OK) number=0 ;; EX_USAGE) number=64 ;; EX_DATAERR) number=65 ;; EX_NOINPUT) number=66 ;; EX_UNAVAILABLE) number=69 ;;
        EX_SOFTWARE) number=70 ;; EX_OSERR) number=71 ;; EX_CANTCREAT) number=73 ;; EX_IOERR) number=74 ;;
        EX_TEMPFAIL) number=75 ;; EX_PROTOCOL) number=76 ;; EX_NOPERM) number=77 ;; EX_CONFIG) number=78 ;; *) number=none ;;
        esac
        has_line "$page" "^\\.B $number\$" || report "$place" "exit code $name ($number) is not in docs/$page"
    done < <(found '\bEX_[A-Z]+' "$@" | sort -u -k2,2)
}

check_paths() {
    local place call method path
    while read -r place call; do
        method=$(cut -d'"' -f2 <<<"$call")
        path=$(cut -d'"' -f4 <<<"$call")
        has_line forebayd.8 "$method ${path%/}([/ ,?\"]|$)" || report "$place" "$method $path is not in docs/forebayd.8"
    done < <(found 'admin_server_add\([^"]*"[A-Z]+", "[^"]+"' daemon/*.c)
}

check_states() {
    local place name
    while read -r place name; do
        has_line forebayd.8 "^\\.B ${name//\"/}\$" || report "$place" "state ${name//\"/} is not in docs/forebayd.8"
    done < <(found '"[A-Z]+(_[A-Z]+)*"' daemon/gateway_states.c)
}

# What a manual page says is tested must have its test.
check_tests() {
    local page line name
    for page in docs/*.[1-8]; do
        while IFS=: read -r line name; do
            [ -e "tests/$name" ] || report "$page:$line" "there is no test tests/$name"
        done < <(sed 's/\\-/-/g; s/\\f[BIPR]//g' "$page" |
            grep -noE '\b(unit|flow|system|faults|config|plugins|conformance|fuzz|bench|lint)/[A-Za-z0-9_/-]+\.(py|c|sh)\b')
    done
}

check_commands
check_words forebay.1 '"--[a-z-]*' daemon/cli/*.c
check_long_options daemon/cli/main.c forebay.1
check_long_options daemon/main.c forebayd.8
check_exit_codes forebay.1 daemon/cli/*.c
check_exit_codes forebayd.8 daemon/*.c
check_paths
check_states
check_tests

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
}' || problems=1
exit $problems
