/* SPDX-License-Identifier: Apache-2.0
 *
 * The whole of forebayd: makes every part, ties the chain (daemon/README.md), runs, reloads, shuts down.
 * Rank 6.
 */
#ifndef GATEWAY_H
#define GATEWAY_H

#include "base/error.h"

struct gateway;

struct gateway_arguments {
    const char *config_path;
    const char *plugin_path; /* directories, separated by colons */
};

/* Exit codes of sysexits.h: 0 after SIGTERM, 69 nothing works, 70 internal, 74 storage, 75 another process
 * has the state directory, 78 configuration. Problems have been written to standard error or the log. */
int gateway_run(const struct gateway_arguments *arguments);
/* `forebayd --check`: 0 or 78, problems on standard error. */
int gateway_check(const struct gateway_arguments *arguments);

#endif
