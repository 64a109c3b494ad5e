/* SPDX-License-Identifier: Apache-2.0
 *
 * forebayd: arguments, then the gateway. Only this file decides how the process ends.
 */
#include "gateway.h"

#include <config.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static const char usage[] =
    "usage: forebayd [--config FILE] [--plugins DIR[:DIR…]]\n"
    "       forebayd --check [FILE]\n"
    "\n"
    "  -c, --config FILE    the configuration; default " FBY_SYSCONFDIR "/forebay.yaml\n"
    "      --check [FILE]   read and check it, say everything that is wrong, exit 0 or 78\n"
    "      --plugins DIRS   where plugins are looked for; default $FOREBAY_PLUGIN_PATH, else " FBY_PLUGIN_DIR
    "\n"
    "      --version        print the version\n"
    "\n"
    "SIGHUP reads the configuration again, SIGTERM stops in order. See forebayd(8) and forebay.yaml(5).\n";

static const struct option options[] = {
    {"config", required_argument, NULL, 'c'},  {"check", no_argument, NULL, 'k'},
    {"plugins", required_argument, NULL, 'p'}, {"version", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},          {0},
};

int main(int argc, char **argv)
{
    struct gateway_arguments arguments = {FBY_SYSCONFDIR "/forebay.yaml", getenv("FOREBAY_PLUGIN_PATH")};
    bool check = false;
    int option;
    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            arguments.config_path = optarg;
            break;
        case 'k':
            check = true;
            break;
        case 'p':
            arguments.plugin_path = optarg;
            break;
        case 'v':
            puts("forebayd " PACKAGE_VERSION);
            return EX_OK;
        case 'h':
            fputs(usage, stdout);
            return EX_OK;
        default:
            fputs(usage, stderr);
            return EX_USAGE;
        }
    }
    if (check && optind < argc)
        arguments.config_path = argv[optind++];
    if (optind < argc) {
        fprintf(stderr, "forebayd: unexpected argument: %s\n%s", argv[optind], usage);
        return EX_USAGE;
    }
    if (!arguments.plugin_path)
        arguments.plugin_path = FBY_PLUGIN_DIR;
    return check ? gateway_check(&arguments) : gateway_run(&arguments);
}
