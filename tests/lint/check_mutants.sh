#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Proves that the list of deliberate bugs in tests/faults/mutants.py is that of the sources, and that no archive of
# an ordinary build has any of them. Usage: check_mutants.sh [ROOT]; the build directory is $top_builddir.
set -u
root=$(cd "${1:-${top_srcdir:-.}}" && pwd) || exit 99
build=${top_builddir:-$root}
failures=0

report() {
    echo "$1"
    failures=$((failures + 1))
}

listed=$("$root/tests/faults/mutants.py" --list 2>/dev/null | LC_ALL=C sort)
used=$(grep -rhoE '\bMUTANT\([a-z_]+\)' "$root/daemon" --include='*.c' | sed 's/.*(//; s/)//' | LC_ALL=C sort -u)
for name in $(comm -13 <(echo "$listed") <(echo "$used")); do
    place=$(cd "$root" && grep -rnE "\bMUTANT\($name\)" daemon --include='*.c' | head -n 1 | cut -d: -f1,2)
    report "$place: mutant $name is not in tests/faults/mutants.py"
done
for name in $(comm -23 <(echo "$listed") <(echo "$used")); do
    report "tests/faults/mutants.py: mutant $name is nowhere in daemon/"
done

if [ -f "$build/Makefile" ] && ! grep -q '^FBY_MUTANTS = -D' "$build/Makefile"; then
    for file in "$build"/daemon/*/lib*.a "$build/daemon/forebayd"; do
        [ -f "$file" ] && grep -q FOREBAY_MUTANT "$file" && report "$file: has mutants"
    done
fi
echo "$(wc -w <<<"$used") mutants, $failures problems"
[ "$failures" -eq 0 ]
