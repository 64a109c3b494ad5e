/* SPDX-License-Identifier: Apache-2.0
 *
 * forebay, the operator's command: the options before the subcommand, then the table of cli.c.
 */
#include "base/memory.h"
#include "cli/cli.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static const struct option options[] = {
    {"socket", required_argument, NULL, 's'},
    {"plugins", required_argument, NULL, 'p'},
    {"version", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

/* Where the daemon of this machine listens, unless it was told otherwise. To be freed. */
static char *default_socket(void)
{
    const char *given = getenv("FOREBAY_SOCKET"), *runtime = getenv("RUNTIME_DIRECTORY");
    if (given && *given)
        return xstrdup(given);
    if (runtime && *runtime)
        return xasprintf("%.*s/control.sock", (int)strcspn(runtime, ":"), runtime);
    return xstrdup(FBY_RUNSTATEDIR "/control.sock");
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

static int run(const struct cli *cli, int argc, char **argv)
{
    for (const struct cli_command *c = cli_commands(); c->name; c++)
        if (strcmp(c->name, argv[0]) == 0)
            return asks_for_help(argc, argv) ? cli_show_help(c) : c->run(cli, c, argc, argv);
    fprintf(stderr, "forebay: there is no command \"%s\"; `forebay help` lists them\n", argv[0]);
    return EX_USAGE;
}

int main(int argc, char **argv)
{
    static char help[] = "help", version[] = "version";
    char *single[] = {NULL, NULL};
    const char *plugins = getenv("FOREBAY_PLUGIN_PATH");
    char *socket_path = default_socket();
    struct cli cli = {socket_path, plugins && *plugins ? plugins : FBY_PLUGIN_DIR};
    int option;
    while ((option = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
        if (option == 's')
            cli.socket_path = optarg;
        else if (option == 'p')
            cli.plugin_path = optarg;
        else if (option == 'v' || option == 'h')
            single[0] = option == 'v' ? version : help;
        else
            return EX_USAGE;
    }
    int code = EX_USAGE;
    if (single[0])
        code = run(&cli, 1, single);
    else if (optind < argc)
        code = run(&cli, argc - optind, argv + optind);
    else
        fprintf(stderr, "forebay: which command? `forebay help` lists them\n");
    free(socket_path);
    return code;
}
