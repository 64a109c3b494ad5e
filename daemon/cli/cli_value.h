/* SPDX-License-Identifier: Apache-2.0
 *
 * The daemon's JSON answers, for showing to people: absent members are empty, and nothing that is printed can
 * play with the terminal. Rank 6.
 */
#ifndef CLI_CLI_VALUE_H
#define CLI_CLI_VALUE_H

#include "cli/cli_client.h"
#include "message/value.h"

/* Everything lives in the arena and in the answer. False: an explanation is on standard error. */
bool cli_value_parse(const struct cli_answer *answer, struct arena *arena, struct fby_value *value);
const struct fby_value *cli_value_member(const struct fby_value *map, const char *name);
uint64_t cli_value_number(const struct fby_value *map, const char *name);
bool cli_value_flag(const struct fby_value *map, const char *name);
bool cli_value_has_text(const struct fby_value *map, const char *name);
void cli_value_print(const struct fby_value *map, const char *name);
void cli_value_print_bytes(const char *text, size_t len);

#endif
