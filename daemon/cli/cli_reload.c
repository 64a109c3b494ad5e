/* SPDX-License-Identifier: Apache-2.0
 *
 * `forebay reload`: the daemon answers when the new configuration runs, or with what is wrong with it.
 */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

/* Without --wait the outcome is shown when it comes soon, which it does unless messages are in flight. */
enum { SOON_MS = 2000, WAIT_MS = 120000 };

int cli_reload_run(const struct cli *cli, const struct cli_command *command, int argc, char **argv)
{
    static const char *const options[] = {"--wait", NULL};
    bool wait = argc > 1;
    struct cli_answer answer;
    int code = cli_check_words(command, 0, options, argc, argv);
    if (code != EX_OK)
        return code;
    bool answered = wait ? cli_request(cli, "POST", "/reload", WAIT_MS, &answer, &code)
                         : cli_request_patiently(cli, "POST", "/reload", SOON_MS, &answer, &code);
    if (!answered)
        return code;
    code = answer.status == 200 ? cli_print_body(&answer) : cli_report_refusal(&answer);
    cli_answer_finish(&answer);
    return code;
}
