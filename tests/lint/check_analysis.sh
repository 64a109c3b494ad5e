#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Static analysis without findings: cppcheck and clang-tidy over the daemon and the plugins. Slower than the other
# lints, so tests/ci.sh runs it and `make check` does not. Usage: check_analysis.sh ROOT BUILD_DIRECTORY
set -u
root=$(cd "${1:?source tree}" && pwd) || exit 99
build=$(cd "${2:?build directory}" && pwd) || exit 99
jobs=$(nproc 2>/dev/null || echo 2)
cd "$root" || exit 99
mapfile -t sources < <(find daemon plugins -name '*.c' | LC_ALL=C sort)
includes=(-Idaemon -I"$build/daemon" -I"$build" -Iplugins/include)
read -ra library_includes < <(pkg-config --cflags libmosquitto yaml-0.1 libprotobuf-c libevent openssl lua5.4 libcurl)
failures=0

if command -v cppcheck >/dev/null; then
    cppcheck -q -j"$jobs" --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
        --suppress=missingIncludeSystem --suppress=unknownMacro --suppress=nullPointerArithmetic \
        --suppress=autoVariables --suppress=internalAstError --suppress='preprocessorErrorDirective:*.pb-c.h' \
        --template='{file}:{line}: {id}: {message}' -D_GNU_SOURCE -D__GNUC__=12 "${includes[@]}" "${sources[@]}" ||
        failures=$((failures + 1))
else
    echo "cppcheck is not installed"
fi

if command -v clang-tidy >/dev/null; then
    findings=$(printf '%s\0' "${sources[@]}" | xargs -0 -P"$jobs" -I{} clang-tidy --quiet --config-file="$root/.clang-tidy" {} -- \
            -std=gnu11 -D_GNU_SOURCE -DFBY_SYSCONFDIR='"/etc"' -DFBY_PLUGIN_DIR='"/p"' -DFBY_DATADIR='"/d"' \
            -DFBY_LOCALSTATEDIR='"/v"' -DFBY_RUNSTATEDIR='"/r"' -DFBY_VERSION='"0"' "${includes[@]}" -I"$build/daemon/schema" "${library_includes[@]}" 2>/dev/null |
            grep -E '(warning|error):' | LC_ALL=C sort -u)
    if [ -n "$findings" ]; then
        echo "$findings"
        failures=$((failures + 1))
    fi
else
    echo "clang-tidy is not installed"
fi

echo "${#sources[@]} files analysed"
[ "$failures" -eq 0 ]
