/* SPDX-License-Identifier: Apache-2.0
 *
 * See cli.h: the table of subcommands, and the ones that need no file of their own.
 */
#include "cli/cli.h"

#include "gateway.h"

#include <config.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum { ANSWER_TIMEOUT_MS = 10000 };

int cli_refuse_usage(const struct cli_command *command, const char *problem)
{
    if (problem)
        fprintf(stderr, "forebay %s: %s\n", command->name, problem);
    fprintf(stderr, "usage: forebay %s%s%s\n", command->name, *command->arguments ? " " : "",
            command->arguments);
    return EX_USAGE;
}

/* Who cannot reach the daemon wants to know what to try. */
static int explain_failure(const struct cli *cli, enum status s, const struct error *err)
{
    switch (s) {
    case STATUS_NOT_FOUND:
        fprintf(stderr,
                "forebay: forebayd does not run, or not with this socket (%s).\n"
                "Look at `systemctl status forebayd`, or name the socket with --socket.\n",
                err->text);
        return EX_UNAVAILABLE;
    case STATUS_REFUSED:
        fprintf(stderr,
                "forebay: no right to use the control socket (%s). Try it as root, or join its group.\n",
                err->text);
        return EX_NOPERM;
    case STATUS_BUSY:
        fprintf(stderr, "forebay: forebayd did not answer in time on %s.\n", cli->socket_path);
        return EX_TEMPFAIL;
    case STATUS_INVALID:
        fprintf(stderr, "forebay: %s.\n", err->text);
        return EX_USAGE;
    default:
        fprintf(stderr, "forebay: %s: %s.\n", cli->socket_path, err->text);
        return EX_UNAVAILABLE;
    }
}

bool cli_request(const struct cli *cli, const char *method, const char *path, int timeout_ms,
                 struct cli_answer *answer, int *code)
{
    struct error err = {0};
    enum status s = cli_client_request(cli->socket_path, method, path, timeout_ms, answer, &err);
    if (s == STATUS_OK)
        return true;
    *code = explain_failure(cli, s, &err);
    cli_answer_finish(answer);
    return false;
}

bool cli_request_patiently(const struct cli *cli, const char *method, const char *path, int timeout_ms,
                           struct cli_answer *answer, int *code)
{
    struct error err = {0};
    enum status s = cli_client_request(cli->socket_path, method, path, timeout_ms, answer, &err);
    if (s == STATUS_OK)
        return true;
    if (s == STATUS_BUSY) {
        puts("under way; the log will say how it ended");
        *code = EX_OK;
    } else {
        *code = explain_failure(cli, s, &err);
    }
    cli_answer_finish(answer);
    return false;
}

int cli_report_refusal(const struct cli_answer *answer)
{
    struct bytes body = cli_answer_body(answer);
    fprintf(stderr, "%.*s", (int)(body.len < 1 << 20 ? body.len : 1 << 20), (const char *)body.data);
    if (body.len == 0 || body.data[body.len - 1] != '\n')
        fprintf(stderr, "%sforebayd answered %d\n", body.len ? "\n" : "", answer->status);
    return answer->status == 422 ? EX_CONFIG : answer->status == 503 ? EX_TEMPFAIL : EX_SOFTWARE;
}

int cli_print_body(const struct cli_answer *answer)
{
    struct bytes body = cli_answer_body(answer);
    bool written = fwrite(body.data, 1, body.len, stdout) == body.len && fflush(stdout) == 0;
    return written ? EX_OK : EX_IOERR;
}

static int run_metrics(const struct cli *cli, const struct cli_command *command, int argc, char **argv)
{
    struct cli_answer answer;
    int code;
    if (argc > 1)
        return cli_refuse_usage(command, argv[1][0] == '-' ? "unknown option" : "too many arguments");
    if (!cli_request(cli, "GET", "/metrics", ANSWER_TIMEOUT_MS, &answer, &code))
        return code;
    code = answer.status == 200 ? cli_print_body(&answer) : cli_report_refusal(&answer);
    cli_answer_finish(&answer);
    return code;
}

static int run_check(const struct cli *cli, const struct cli_command *command, int argc, char **argv)
{
    struct gateway_arguments arguments = {FBY_SYSCONFDIR "/forebay.yaml", cli->plugin_path};
    if (argc > 2 || (argc == 2 && argv[1][0] == '-'))
        return cli_refuse_usage(command, argc > 2 ? "too many arguments" : "unknown option");
    if (argc == 2)
        arguments.config_path = argv[1];
    return gateway_check(&arguments);
}

static int run_version(const struct cli *cli, const struct cli_command *command, int argc, char **argv)
{
    (void)cli;
    if (argc > 1)
        return cli_refuse_usage(command, argv[1][0] == '-' ? "unknown option" : "too many arguments");
    puts("forebay " PACKAGE_VERSION);
    return EX_OK;
}

static int run_help(const struct cli *cli, const struct cli_command *command, int argc, char **argv)
{
    (void)cli;
    if (argc > 2)
        return cli_refuse_usage(command, "too many arguments");
    for (const struct cli_command *c = cli_commands(); argc == 2 && c->name; c++)
        if (strcmp(c->name, argv[1]) == 0) {
            printf("forebay %s%s%s\n    %s\n", c->name, *c->arguments ? " " : "", c->arguments, c->help);
            return EX_OK;
        }
    if (argc == 2)
        return cli_refuse_usage(command, "there is no such command");
    puts("usage: forebay [--socket PATH] [--plugins DIR[:DIR…]] COMMAND\n");
    for (const struct cli_command *c = cli_commands(); c->name; c++) {
        char usage[80];
        bool is_long = strlen(c->arguments) > 20; /* `forebay help COMMAND` shows them */
        snprintf(usage, sizeof usage, "%s%s%s", c->name, *c->arguments ? " " : "",
                 is_long ? "..." : c->arguments);
        printf("  %-24s %s\n", usage, c->help);
    }
    puts("\n"
         "  --socket PATH      the daemon's control socket; default $FOREBAY_SOCKET, else\n"
         "                     $RUNTIME_DIRECTORY/control.sock, else " FBY_RUNSTATEDIR "/control.sock\n"
         "  --plugins DIRS     where `check` looks for plugins; default $FOREBAY_PLUGIN_PATH, else\n"
         "                     " FBY_PLUGIN_DIR "\n"
         "\n"
         "Exit codes are those of sysexits.h: 0 done, 64 wrong use, 69 the daemon cannot be reached, 75 no "
         "answer\n"
         "in time, 78 the configuration is wrong. See forebay(1).");
    return EX_OK;
}

const struct cli_command *cli_commands(void)
{
    static const struct cli_command commands[] = {
        {"status", "[--json]", "show connections, routes and what waits for delivery", cli_status_run},
        {"metrics", "", "show the counters, as Prometheus reads them", run_metrics},
        {"reload", "[--wait]", "make the daemon read its configuration again", cli_reload_run},
        {"dead", "list|show|retry|purge [N] [--route=R] [--target=T] [--older-than=AGE] [--all]",
         "show, retry and purge what could not be delivered", cli_dead_run},
        {"journal",
         "verify|stat|list|dump|export|salvage DIR [N|NEW] [--live] [--json] [--records] [--raw] [--from=N]",
         "look into a journal while the daemon is down", cli_journal_run},
        {"decode",
         "(--schema FILE... [-I DIR]... --message NAME | --codec NAME | -c FILE --route R|--topic T) "
         "[--OPTION=VALUE]... [--hex] [PAYLOAD]",
         "show a payload as JSON, as the daemon would decode it", cli_decode_run},
        {"encode",
         "(--schema FILE... [-I DIR]... --message NAME | --codec NAME | -c FILE --route R [--target T]) "
         "[--OPTION=VALUE]... [--hex] [JSON]",
         "make a payload from JSON, as the daemon would encode it", cli_encode_run},
        {"schema", "list|show|check [MESSAGE] [--all] [-I DIR]... FILE...",
         "show what protobuf schemas declare, or what is wrong with them", cli_schema_run},
        {"bench-disk", "[DIR] [COUNT]", "measure how fast the disk makes writes durable", cli_bench_disk_run},
        {"check", "[FILE]", "read a configuration and say everything that is wrong with it", run_check},
        {"version", "", "show the version of this command", run_version},
        {"help", "[COMMAND]", "show this, or one command", run_help},
        {NULL, NULL, NULL, NULL},
    };
    return commands;
}
