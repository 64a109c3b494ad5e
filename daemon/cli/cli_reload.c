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
    bool wait = argc == 2 && strcmp(argv[1], "--wait") == 0;
    struct cli_answer answer;
    int code;
    if (argc > 1 && !wait)
        return cli_refuse_usage(command, argc > 2 ? "too many arguments" : "unknown option");
    bool answered = wait ? cli_request(cli, "POST", "/reload", WAIT_MS, &answer, &code)
                         : cli_request_patiently(cli, "POST", "/reload", SOON_MS, &answer, &code);
    if (!answered)
        return code;
    code = answer.status == 200 ? cli_print_body(&answer) : cli_report_refusal(&answer);
    cli_answer_finish(&answer);
    return code;
}
