/* SPDX-License-Identifier: Apache-2.0
 *
 * See cli.h: the table of subcommands, and the ones that need no file of their own.
 */
#include "cli/cli.h"

#include "gateway.h"

#include <config.h>
#include <ctype.h>
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

int cli_refuse_word(const struct cli_command *command, const char *word, const char *problem)
{
    char text[300];
    snprintf(text, sizeof text, "\"%.200s\": %s", word, problem);
    return cli_refuse_usage(command, text);
}

int cli_check_words(const struct cli_command *command, int arguments, const char *const *options, int argc,
                    char **argv)
{
    for (int i = 1; i < argc; i++) {
        bool known = false;
        for (size_t k = 0; options && options[k]; k++)
            known |= strcmp(argv[i], options[k]) == 0;
        if (known)
            continue;
        if (argv[i][0] == '-' && argv[i][1])
            return cli_refuse_word(command, argv[i], "there is no such option");
        if (arguments-- == 0)
            return cli_refuse_word(command, argv[i], "one word too many");
    }
    return EX_OK;
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
    return answer->status == 400   ? EX_USAGE
           : answer->status == 422 ? EX_CONFIG
           : answer->status == 503 ? EX_TEMPFAIL
                                   : EX_SOFTWARE;
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
    int code = cli_check_words(command, 0, NULL, argc, argv);
    if (code != EX_OK)
        return code;
    if (!cli_request(cli, "GET", "/metrics", ANSWER_TIMEOUT_MS, &answer, &code))
        return code;
    code = answer.status == 200 ? cli_print_body(&answer) : cli_report_refusal(&answer);
    cli_answer_finish(&answer);
    return code;
}

static int run_check(const struct cli *cli, const struct cli_command *command, int argc, char **argv)
{
    struct gateway_arguments arguments = {FBY_SYSCONFDIR "/forebay.yaml", cli->plugin_path};
    int code = cli_check_words(command, 1, NULL, argc, argv);
    if (code != EX_OK)
        return code;
    if (argc == 2)
        arguments.config_path = argv[1];
    return gateway_check(&arguments);
}

static int run_version(const struct cli *cli, const struct cli_command *command, int argc, char **argv)
{
    (void)cli;
    int code = cli_check_words(command, 0, NULL, argc, argv);
    if (code != EX_OK)
        return code;
    puts("forebay " PACKAGE_VERSION);
    return EX_OK;
}

int cli_show_help(const struct cli_command *command)
{
    printf("usage: forebay %s%s%s\n\n%c%s.\n", command->name, *command->arguments ? " " : "",
           command->arguments, toupper((unsigned char)command->help[0]), command->help + 1);
    if (command->details)
        printf("\n%s", command->details);
    return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
}

static int run_help(const struct cli *cli, const struct cli_command *command, int argc, char **argv)
{
    (void)cli;
    int code = cli_check_words(command, 1, NULL, argc, argv);
    if (code != EX_OK)
        return code;
    for (const struct cli_command *c = cli_commands(); argc == 2 && c->name; c++)
        if (strcmp(c->name, argv[1]) == 0)
            return cli_show_help(c);
    if (argc == 2)
        return cli_refuse_word(command, argv[1], "there is no such command");
    puts("usage: forebay [--socket PATH] [--plugins DIR[:DIR…]] COMMAND\n");
    for (const struct cli_command *c = cli_commands(); c->name; c++) {
        char usage[80];
        bool is_long = strlen(c->arguments) > 20;
        snprintf(usage, sizeof usage, "%s%s%s", c->name, *c->arguments ? " " : "",
                 is_long ? "..." : c->arguments);
        printf("  %-24s %s\n", usage, c->help);
    }
    puts(
        "\n"
        "`forebay help COMMAND` shows the options of one; so does `forebay COMMAND --help`.\n"
        "\n"
        "  --socket PATH      the daemon's control socket; default $FOREBAY_SOCKET, else\n"
        "                     $RUNTIME_DIRECTORY/control.sock, else " FBY_RUNSTATEDIR "/control.sock\n"
        "  --plugins DIRS     where check, decode and encode look for plugins; default $FOREBAY_PLUGIN_PATH, "
        "else\n"
        "                     " FBY_PLUGIN_DIR "\n"
        "\n"
        "Exit codes are those of sysexits.h: 0 done, 64 wrong use, 65 damaged data, 69 the daemon cannot be\n"
        "reached, 75 no answer in time, 77 no right, 78 the configuration is wrong. See forebay(1).");
    return EX_OK;
}

static const struct cli_command commands[] = {
    {"status", "[--json]", "show connections, routes and what waits for delivery",
     "  --json    all of it, for programs\n", cli_status_run},
    {"metrics", "", "show the counters, as Prometheus reads them", NULL, run_metrics},
    {"reload", "[--wait]", "make the daemon read its configuration again",
     "A wrong configuration changes nothing, is shown with all that is wrong in it, and exits with "
     "78.\n\n"
     "  --wait    do not give up while messages in flight hold up the change\n",
     cli_reload_run},
    {"dead", "list|show|retry|purge [N] [--route=R] [--target=T] [--older-than=AGE] [--all]",
     "show, retry and purge what could not be delivered",
     "  list [--limit=N] [--json]    what a route could not process or an upstream refused, with the "
     "reason\n"
     "  show N                       one, with its message\n"
     "  retry N | --all | which      send again, through the route and to the target where it failed\n"
     "  purge N | --all | which      give up for good\n\n"
     "Which (list takes these as well):\n"
     "  --route=R --target=T         of this route, and of this target of it\n"
     "  --older-than=AGE             given up so long ago: 90m, 12h, 7d\n",
     cli_dead_run},
    {"journal",
     "verify|stat|list|dump|export|salvage DIR [N|NEW] [--live] [--json] [--records] [--raw] [--from=N]",
     "look into a journal while the daemon is down",
     "DIR is the folder `journal` or `dead` in the state directory. Nothing in it is changed.\n\n"
     "  verify DIR                   read every record; exits with 65 when something is damaged\n"
     "  stat DIR [--json]            how much is there, and where every reader stands\n"
     "  list DIR [--records]         a line for each segment, or for each record\n"
     "  dump DIR N [--raw]           record N as JSON, or only its payload\n"
     "  export DIR [--from=N]        every record, or those from N on, as a line of JSON\n"
     "  salvage DIR NEW              copy every record that is whole into the new folder NEW\n\n"
     "  --live    for verify, stat and list beside a running daemon, whose newest records may look "
     "unfinished\n",
     cli_journal_run},
    {"decode",
     "(--schema FILE... [-I DIR]... --message NAME | --codec NAME | -c FILE --route R|--topic T) "
     "[--OPTION=VALUE]... [--hex] [PAYLOAD]",
     "show a payload as JSON, as the daemon would decode it",
     "  --schema FILE      a descriptor set or .proto file; -I DIR: where its imports are\n"
     "  --message NAME     the message type; also with -c FILE, from the schemas of the configuration\n"
     "  --codec NAME       json, text, or a codec plugin such as cbor\n"
     "  -c FILE            decode as a route of this configuration does: --route NAME, or --topic TOPIC\n"
     "  --content-type TYPE --property NAME=TEXT    of the message, where the route looks at them\n"
     "  --decompress NAME  unpack with gzip or zstd first\n"
     "  --OPTION=VALUE     a setting of decode: { protobuf: ... } in forebay.yaml(5), as in "
     "--framing=varint,\n"
     "                     --enum-numbers, --no-emit-defaults\n"
     "  --hex              the payload is written in hexadecimal digits\n\n"
     "The payload comes from the file PAYLOAD, or from standard input.\n",
     cli_decode_run},
    {"encode",
     "(--schema FILE... [-I DIR]... --message NAME | --codec NAME | -c FILE --route R [--target T]) "
     "[--OPTION=VALUE]... [--hex] [JSON]",
     "make a payload from JSON, as the daemon would encode it",
     "  --schema FILE, --message NAME, --codec NAME, -I DIR    as for decode\n"
     "  -c FILE --route R [--target T]    encode as this target of a route of the configuration does\n"
     "  --OPTION=VALUE     a setting of encode: { protobuf: ... } in forebay.yaml(5), as in "
     "--framing=varint\n"
     "  --hex              write the payload as hexadecimal digits\n\n"
     "The JSON comes from the file JSON, or from standard input.\n",
     cli_encode_run},
    {"schema", "list|show|check [MESSAGE] [--all] [-I DIR]... FILE...",
     "show what protobuf schemas declare, or what is wrong with them",
     "FILE is a descriptor set, made by protoc or buf, or a .proto file.\n\n"
     "  list FILE...         messages and enums; --all: those of protobuf itself as well\n"
     "  show MESSAGE FILE... the fields of one; --all: and of the types that it uses\n"
     "  check FILE...        load them as the daemon would; exits with 65 when something is wrong\n\n"
     "  -I DIR    where protoc looks for the imports of .proto files; the folder of each is searched after "
     "them\n",
     cli_schema_run},
    {"bench-disk", "[DIR] [COUNT]", "measure how fast the disk makes writes durable",
     "Writes 4 KiB COUNT times (500) to a file in DIR (the current folder), each made durable, and says "
     "how\n"
     "many messages a second one connection can bring in. Name the folder that holds the journal.\n",
     cli_bench_disk_run},
    {"check", "[FILE]", "read a configuration and say everything that is wrong with it",
     "FILE is by default " FBY_SYSCONFDIR "/forebay.yaml. Exits with 78 when something is wrong.\n",
     run_check},
    {"version", "", "show the version of this command", NULL, run_version},
    {"help", "[COMMAND]", "show this, or one command", NULL, run_help},
    {NULL, NULL, NULL, NULL, NULL},
};

const struct cli_command *cli_commands(void)
{
    return commands;
}
