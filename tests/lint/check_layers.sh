#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Proves that the daemon's includes only go down the layers of daemon/LAYERS, that other folders see only the
# public headers named there, and that each library stays in its folder. Usage: check_layers.sh [ROOT]
set -u
root=${1:-${top_srcdir:-.}}
cd "$root" || exit 99

# shellcheck disable=SC2046
awk '
function folder_of(path,   parts, n) {      # daemon/journal/x.c -> journal, daemon/main.c -> .
    n = split(path, parts, "/")
    return n == 2 ? "." : parts[2]
}
function report(text) {
    printf "%s:%d: %s\n", FILENAME, FNR, text
    failures++
}
function base_name(path) {
    sub(/.*\//, "", path)
    return path
}
# A library whose types stay in one folder.
function check_system(folder, header) {
    if (header ~ /^mosquitto/ && folder != "mqtt")
        report("<" header "> belongs to daemon/mqtt alone")
    if (header == "yaml.h" && folder != "config")
        report("<" header "> belongs to daemon/config alone")
    if (header ~ /^protobuf-c\// && folder != "schema" && folder != "sparkplug")
        report("<" header "> belongs to daemon/schema and daemon/sparkplug alone")
    if (header ~ /^(event2\/|event\.h|evhttp)/ && folder != "loop" && folder != "admin")
        report("<" header "> belongs to daemon/loop (and evhttp to daemon/admin) alone")
    if (header == "dlfcn.h" && folder != "plugin")
        report("<" header "> belongs to daemon/plugin alone")
    if (header ~ /^(curl|lua)/)
        report("<" header "> belongs to plugins: the daemon must start without this library")
}
function check_daemon(folder, header,   target, slash) {
    if (header == "config.h")
        return
    if (header ~ /\.pb-c\.h$/) {
        if (folder != "schema" && folder != "sparkplug")
            report("\"" header "\": code made by protoc-c belongs to daemon/schema and daemon/sparkplug alone")
        return
    }
    if (header ~ /\.\./) {
        report("\"" header "\" climbs out of its folder; name it from daemon/")
        return
    }
    slash = index(header, "/")
    target = slash ? substr(header, 1, slash - 1) : \
        (("daemon/" folder "/" header) in known ? folder : ".")
    if (target == folder)
        return
    if (!(target in rank)) {
        report("\"" header "\" is in no folder of daemon/LAYERS")
        return
    }
    if (rank[folder] == top && rank[target] == top)
        return
    if (rank[target] > rank[folder]) {
        report("\"" header "\" includes upward: " folder " is rank " rank[folder] ", " target " is rank " rank[target])
        return
    }
    if (rank[target] == rank[folder]) {
        report("\"" header "\" includes sideways: " folder " and " target " are both rank " rank[folder])
        return
    }
    if (!((target SUBSEP base_name(header)) in public))
        report("\"" header "\" is private to " target " (public headers are listed in daemon/LAYERS)")
}
function check_plugin(header) {
    if (header == "forebay/plugin.h")
        return
    if (header ~ /\// || !((own_dir "/" header) in known) && header !~ /\.pb-c\.h$/)
        report("\"" header "\": a plugin includes forebay/plugin.h, its own folder and system headers, nothing else")
}
BEGIN {
    while ((getline line < "daemon/LAYERS") > 0) {
        if (line ~ /^#/ || line !~ /[^ ]/)
            continue
        n = split(line, field, " ")
        rank[field[2]] = field[1] + 0
        if (field[1] + 0 > top)
            top = field[1] + 0
        for (i = 3; i <= n; i++)
            public[field[2], field[i]] = 1
    }
    for (i = 1; i < ARGC; i++)
        known[ARGV[i]] = 1
}
FNR == 1 {
    files++
    in_plugins = FILENAME ~ /^plugins\//
    own_dir = FILENAME
    sub(/\/[^\/]*$/, "", own_dir)
    folder = folder_of(FILENAME)
    if (!in_plugins && !(folder in rank))
        report("folder " folder " has no line in daemon/LAYERS")
}
/^[ \t]*#[ \t]*include[ \t]*["<]/ {
    includes++
    header = $0
    sub(/^[ \t]*#[ \t]*include[ \t]*["<]/, "", header)
    sub(/[">].*/, "", header)
    system_header = $0 ~ /include[ \t]*</
    if (in_plugins) {
        if (!system_header)
            check_plugin(header)
    } else if (system_header)
        check_system(folder, header)
    else
        check_daemon(folder, header)
}
END {
    if (!files)
        failures++
    printf "%d files, %d includes, %d problems\n", files, includes, failures
    exit failures ? 1 : 0
}' $(find daemon plugins -name '*.[ch]' 2>/dev/null | LC_ALL=C sort)
