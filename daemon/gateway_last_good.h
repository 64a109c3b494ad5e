/* SPDX-License-Identifier: Apache-2.0
 *
 * The last configuration that ran, kept in the state directory: a machine that boots with a broken file runs
 * with it, says so loudly, and takes the file again as soon as it is right. Rank 6.
 */
#ifndef GATEWAY_LAST_GOOD_H
#define GATEWAY_LAST_GOOD_H

#include "gateway_config.h"

/* Keep `c`'s text as <state directory>/last-good.yaml, mode 0600: it holds what passwords the file holds.
 * Problems are logged. */
void gateway_last_good_save(const struct gateway_config *c);
/* Read what was kept. `state_directory` NULL: $STATE_DIRECTORY, else the built-in one. NULL: there is none
 * that can be used. */
struct gateway_config *gateway_last_good_read(const char *state_directory, struct plugin_host *plugins);

#endif
