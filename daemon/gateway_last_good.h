/* SPDX-License-Identifier: Apache-2.0
 *
 * The last configuration that ran, kept in the state directory with the schemas that it had: a machine that
 * boots with a broken file runs with it, says so loudly, and takes the file again as soon as it is right.
 * last-good.yaml has the text; the descriptor set of each entry of `schemas` lies beside it in a file named
 * by its content, which the text names, so that the two belong together whenever a crash comes. Rank 6.
 */
#ifndef GATEWAY_LAST_GOOD_H
#define GATEWAY_LAST_GOOD_H

#include "gateway_config.h"

struct gateway_last_good;
struct loop;

struct gateway_last_good *gateway_last_good_create(struct loop *l);
/* Waits for what is being written. NULL is fine. */
void gateway_last_good_destroy(struct gateway_last_good *g);

/* Keep the text of `c` and `sets`, which are emptied, in the state directory, mode 0600: the text holds what
 * passwords the file holds. On disk when the call returns. Problems are logged. */
void gateway_last_good_save(const struct gateway_config *c, struct gateway_schema_sets *sets);
/* The same by a thread, as the loop must not wait for the disk. */
void gateway_last_good_save_later(struct gateway_last_good *g, const struct gateway_config *c,
                                  struct gateway_schema_sets *sets);

/* Read what was kept. `state_directory` NULL, as the configuration cannot be read at all: what is written
 * behind that word in the file `config_path`, else $STATE_DIRECTORY, else the built-in one. NULL: there is
 * none that can be used. */
struct gateway_config *gateway_last_good_read(const char *state_directory, const char *config_path,
                                              struct plugin_host *plugins);

#endif
