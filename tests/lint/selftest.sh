#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Proves that each lint can fail: a small tree with known faults is made, and each fault must be reported at its
# place. A lint that reports nothing on it is broken.
set -u
here=$(cd "$(dirname "$0")" && pwd)
tree=$(mktemp -d) || exit 99
trap 'rm -rf "$tree"' EXIT
number=0
failures=0

# expect LINT TEXT: the lint fails on the tree and its output has the text.
expect() {
    number=$((number + 1))
    local output status
    output=$("$here/$1" "$tree" 2>&1)
    status=$?
    if [ $status -ne 0 ] && grep -qF -- "$2" <<<"$output"; then
        echo "ok $number - $1 sees: $2"
    else
        echo "not ok $number - $1 (exit $status) does not see: $2"
        sed 's/^/# /' <<<"$output"
        failures=$((failures + 1))
    fi
}

# put FILE: a file of the tree from standard input, with the licence line.
put() {
    mkdir -p "$tree/$(dirname "$1")"
    { echo '/* SPDX-License-Identifier: Apache-2.0 */'; cat; } >"$tree/$1"
}

mkdir -p "$tree/daemon" "$tree/docs"
cat >"$tree/daemon/LAYERS" <<'END'
0 forebay plugin.h
1 base error.h
2 loop loop.h
2 config option.h
3 journal journal.h
3 mqtt mqtt_client.h
5 .
END
put daemon/base/error.h <<<'int error_set(void);'
put daemon/base/error_private.h <<<'int error_hidden(void);'
put daemon/base/error.c <<'END'
#include "loop/loop.h"
#include <mosquitto.h>
END
put daemon/loop/loop.h <<<'int loop_run(struct nowhere x);'
put daemon/loop/loop.c <<'END'
#include "base/error_private.h"
#include "config/option.h"
#include "../base/error.h"
#include "elsewhere/thing.h"
END
put daemon/stray/stray.c <<<'int stray(void);'
put daemon/config/option.h <<<'size_t option_size(void);'
put daemon/journal/journal.c <<<'#include <event2/event.h>'
put plugins/bad/bad.c <<'END'
#include "base/error.h"
static const struct fby_option options[] = {
    {"undocumented_key", FBY_OPTION_INT, 0, 0},
    {"broken_row",
     FBY_OPTION_STRING, 0, 0},
    {0},
};
END
put daemon/metrics.c <<<'const char *name = "forebay_undocumented_total";'
put daemon/cli/cli.c <<'END'
static const struct cli_command commands[] = {
    {"known", "", "help", NULL, run},
    {"unheard", "", "help", NULL, run},
};
int run(void) { return strcmp(word, "--unheard-of") ? EX_OK : EX_NOHOST; }
END
put daemon/cli/main.c <<<'static const struct option options[] = {{"known", no_argument, NULL, 1}, {"lengthy", no_argument, NULL, 2}};'
put daemon/main.c <<<'static const struct option options[] = {{"secret", no_argument, NULL, 1}}; int code = EX_CONFIG;'
put daemon/gateway_status.c <<<'void add(void) { admin_server_add(s, "GET", "/hidden", 0, handle, s, "x"); }'
put daemon/gateway_states.c <<<'static const char *const names[] = {"DOOMED"};'
printf '.B known\n.B \\-\\-known\n.B 0\nTested by unit/none/test_none.c\n' >"$tree/docs/forebay.1"

expect check_layers.sh 'daemon/base/error.c:2: "loop/loop.h" includes upward'
expect check_layers.sh 'daemon/base/error.c:3: <mosquitto.h> belongs to daemon/mqtt alone'
expect check_layers.sh 'daemon/loop/loop.c:2: "base/error_private.h" is private to base'
expect check_layers.sh 'daemon/loop/loop.c:3: "config/option.h" includes sideways'
expect check_layers.sh 'daemon/loop/loop.c:4: "../base/error.h" climbs out'
expect check_layers.sh 'daemon/loop/loop.c:5: "elsewhere/thing.h" is in no folder'
expect check_layers.sh 'daemon/stray/stray.c:1: folder stray has no line'
expect check_layers.sh 'daemon/journal/journal.c:2: <event2/event.h> belongs to daemon/loop'
expect check_layers.sh 'plugins/bad/bad.c:2: "base/error.h": a plugin includes forebay/plugin.h'

expect check_headers.sh 'daemon/loop/loop.h: does not compile by itself'
expect check_headers.sh 'daemon/config/option.h: does not compile by itself'

expect check_documented.sh 'plugins/bad/bad.c:4: option "undocumented_key" is not in plugins/bad/README.md'
expect check_documented.sh 'plugins/bad/bad.c:6: option "broken_row"'
expect check_documented.sh 'daemon/metrics.c:2: metric forebay_undocumented_total'
expect check_documented.sh 'daemon/cli/cli.c:4: command unheard is not in docs/forebay.1'
expect check_documented.sh 'daemon/cli/cli.c:6: --unheard-of is not in docs/forebay.1'
expect check_documented.sh 'daemon/cli/cli.c:6: exit code EX_NOHOST (none) is not in docs/forebay.1'
expect check_documented.sh 'daemon/cli/main.c:1: --lengthy is not in docs/forebay.1'
expect check_documented.sh 'daemon/main.c:1: --secret is not in docs/forebayd.8'
expect check_documented.sh 'daemon/main.c:2: exit code EX_CONFIG (78) is not in docs/forebayd.8'
expect check_documented.sh 'daemon/gateway_status.c:2: GET /hidden is not in docs/forebayd.8'
expect check_documented.sh 'daemon/gateway_states.c:2: state DOOMED is not in docs/forebayd.8'
expect check_documented.sh 'docs/forebay.1:4: there is no test tests/unit/none/test_none.c'

# Style. printf keeps the faults out of this file.
printf 'int style_no_licence(void);\n' >"$tree/daemon/base/style_licence.c"
printf '\tint style_tab(void);\n' | put daemon/base/style_tab.c
printf 'int style_blank(void); \n' | put daemon/base/style_blank.c
printf 'typedef __int128 style_wide;\n' | put daemon/base/style_wide.c
printf '/* TO%s: later */\n' DO | put daemon/base/style_note.c
yes 'int style_long;' | head -n 800 | put daemon/base/style_long.c
{ echo 'void style_function(void)'; echo '{'; yes '    call();' | head -n 81; echo '}'; } | put daemon/base/style_function.c
expect check_style.sh 'daemon/base/style_licence.c:1: no SPDX'
expect check_style.sh 'daemon/base/style_tab.c:2: tab'
expect check_style.sh 'daemon/base/style_blank.c:2: blanks at the end'
expect check_style.sh 'daemon/base/style_note.c:2: note to self'
expect check_style.sh 'daemon/base/style_wide.c:2: __int128'
expect check_style.sh 'daemon/base/style_long.c:800: 801 lines'
expect check_style.sh 'daemon/base/style_function.c:3: function of 81 lines'
if command -v clang-format >/dev/null; then
    cp "$here/../../.clang-format" "$tree/"
    printf 'int   style_format( void );\n' | put daemon/base/style_format.c
    expect check_style.sh 'daemon/base/style_format.c:2:4: not as clang-format writes it'
fi

put daemon/base/style_mutant.c <<<'int style_mutant(void) { return MUTANT(unheard_of); }'
expect check_mutants.sh 'daemon/base/style_mutant.c:2: mutant unheard_of is not in'

# The table of Sparkplug's statements.
put tests/system/1-life.py <<<'# tck-id-payloads-birth tck-id-payloads-forgotten'
cat >"$tree/docs/forebay-sparkplug.7" <<'END'
1;tests/system/1\-life.py
T{
payloads\-\:death
T};1
T{
payloads\-birth
T};1 X
END
expect check_sparkplug_table.sh 'docs/forebay-sparkplug.7:4: payloads-death is not cited in tests/system/1-life.py'
expect check_sparkplug_table.sh 'docs/forebay-sparkplug.7:7: payloads-birth stands behind payloads-death'
expect check_sparkplug_table.sh 'docs/forebay-sparkplug.7:7: payloads-birth: no test is called X'
expect check_sparkplug_table.sh 'tests/system/1-life.py:2: tck-id-payloads-forgotten is not in the table'

# Prefixes: a real object in a real archive.
if command -v ar >/dev/null && ${CC:-gcc} --version >/dev/null 2>&1; then
    echo 'int alien_symbol(void); int alien_symbol(void) { return 1; }' >"$tree/daemon/base/error.c"
    (cd "$tree/daemon/base" && ${CC:-gcc} -c error.c -o error.o && ar rc libbase.a error.o)
    expect check_prefixes.sh 'daemon/base/error.c:1: symbol alien_symbol does not begin with error_'
fi

echo "1..$number"
exit $((failures > 0))
