#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Config cases: every folder of cases/ holds gateway.yaml and what reading it must give, exactly:
#   error      what `forebayd --check` says, with exit code 78
#   expected   the settings that come out of it (dump_config), with exit code 0; warnings are part of it
# and, where wanted, `environment` with NAME=value lines, and `plugins` with the names of optional ones that it needs. Every file of conf/ must be right as well.
# run.sh [--update] [CASE...]    --update writes what is found; read the difference before you commit it.
set -u
build=$PWD
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
daemon=$build/daemon/forebayd
dump=$build/tests/config/dump_config
plugins=$(printf '%s:' "$build"/plugins/*/)
plugins=${plugins//\/:/:}
plugins=${plugins%:}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
update=0
if [ "${1:-}" = --update ]; then
    update=1
    shift
fi
failures=0
count=0

fail() {
    echo "FAIL $*"
    failures=$((failures + 1))
}

# Run in the case's folder with nothing of the caller's environment that a configuration could see.
run_in() {
    local folder=$1 variables=()
    shift
    [ -f "$folder/environment" ] && mapfile -t variables < <(grep -v '^#' "$folder/environment")
    (cd "$folder" && env -i PATH="$PATH" HOME=/ LC_ALL=C.UTF-8 ASAN_OPTIONS="${ASAN_OPTIONS:-}" \
        STATE_DIRECTORY=/var/lib/forebay RUNTIME_DIRECTORY=/run/forebay "${variables[@]}" timeout 60 "$@")
}

# compare FOUND WANTED NAME
compare() {
    if [ "$update" = 1 ]; then
        cp "$1" "$2"
    elif ! diff -u "$2" "$1" >"$scratch/diff"; then
        fail "$3"
        cat "$scratch/diff"
    fi
}

# Whether every plugin is built that the case needs.
has_plugins() {
    local plugin
    [ -f "$1/plugins" ] || return 0
    for plugin in $(cat "$1/plugins"); do
        [ -e "$build/plugins/$plugin/$plugin.so" ] || { echo "SKIP $(basename "$1"): $plugin is not built"; return 1; }
    done
}

check_case() {
    local folder=$1 name code
    name=$(basename "$folder")
    has_plugins "$folder" || return
    count=$((count + 1))
    run_in "$folder" "$daemon" --plugins "$plugins" --check gateway.yaml >"$scratch/out" 2>"$scratch/err"
    code=$?
    sed -i -E "s#$folder#CASE#g; s#$build/plugins/[a-z_]+( or $build/plugins/[a-z_]+)*#PLUGINS#g" "$scratch/err"
    grep -q hunter2 "$scratch/err" && fail "$name: a secret is shown"
    if [ -f "$folder/error" ]; then
        [ "$code" = 78 ] || fail "$name: exit code $code and not 78"
        compare "$scratch/err" "$folder/error" "$name"
        return
    fi
    [ "$code" = 0 ] || { fail "$name: exit code $code"; cat "$scratch/err"; return; }
    run_in "$folder" "$dump" gateway.yaml "$plugins" >"$scratch/found" 2>&1 || fail "$name: dump_config failed"
    sed -i "s#$folder#CASE#g" "$scratch/found"
    compare "$scratch/found" "$folder/expected" "$name"
}

if [ $# -gt 0 ]; then
    for name in "$@"; do
        check_case "$here/cases/$name"
    done
else
    for folder in "$here"/cases/*/; do
        check_case "${folder%/}"
    done
    for file in "$source"/conf/*.yaml; do
        count=$((count + 1))
        run_in "$source/conf" "$daemon" --plugins "$plugins" --check "$file" >"$scratch/out" 2>"$scratch/err" \
            && [ ! -s "$scratch/err" ] || { fail "conf/$(basename "$file")"; cat "$scratch/err"; }
    done
fi
echo "$count config cases, $failures failed"
[ "$failures" = 0 ]
