/* SPDX-License-Identifier: Apache-2.0
 *
 * The `forebay` command: a table of subcommands, most of which are one request to the daemon's control
 * socket. Rank 6.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "cli/cli_client.h"

/* What stands before the subcommand. */
struct cli {
    const char *socket_path;
    const char *plugin_path;
};

struct cli_command {
    const char *name;
    const char *arguments; /* for the usage line; "" for none */
    const char *help;      /* one line */
    const char
        *details; /* for `forebay help COMMAND`: lines that end with \n; NULL: there is no more to say */
    /* argv[0] is the subcommand. Returns the exit code, one of sysexits.h. */
    int (*run)(const struct cli *cli, const struct cli_command *command, int argc, char **argv);
};

/* Ends with a row whose name is NULL. */
const struct cli_command *cli_commands(void);

/* EX_USAGE, after showing how the command is used. */
int cli_refuse_usage(const struct cli_command *command, const char *problem);
/* The same for one word of the command line that is wrong. */
int cli_refuse_word(const struct cli_command *command, const char *word, const char *problem);
/* For a command that takes at most `arguments` words and the options listed (NULL ends them; may be NULL):
 * the first word that is too much is refused. EX_OK: there is none. */
int cli_check_words(const struct cli_command *command, int arguments, const char *const *options, int argc,
                    char **argv);
int cli_show_help(const struct cli_command *command);

/* Ask the daemon; false after an explanation on standard error, with the exit code in `code`. Any answer of
 * the daemon is success. */
bool cli_request(const struct cli *cli, const char *method, const char *path, int timeout_ms,
                 struct cli_answer *answer, int *code);
/* The same for what may go on without us: no answer in time is no failure, and said on standard output. */
bool cli_request_patiently(const struct cli *cli, const char *method, const char *path, int timeout_ms,
                           struct cli_answer *answer, int *code);
/* What the daemon said instead of 200, to standard error; returns the exit code for it. */
int cli_report_refusal(const struct cli_answer *answer);
/* The answer's body, as it is. */
int cli_print_body(const struct cli_answer *answer);

int cli_status_run(const struct cli *cli, const struct cli_command *command, int argc, char **argv);
int cli_bench_disk_run(const struct cli *cli, const struct cli_command *command, int argc, char **argv);
int cli_dead_run(const struct cli *cli, const struct cli_command *command, int argc, char **argv);
int cli_journal_run(const struct cli *cli, const struct cli_command *command, int argc, char **argv);
int cli_decode_run(const struct cli *cli, const struct cli_command *command, int argc, char **argv);
int cli_encode_run(const struct cli *cli, const struct cli_command *command, int argc, char **argv);
int cli_schema_run(const struct cli *cli, const struct cli_command *command, int argc, char **argv);
int cli_reload_run(const struct cli *cli, const struct cli_command *command, int argc, char **argv);

#endif
