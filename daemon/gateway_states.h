/* SPDX-License-Identifier: Apache-2.0
 *
 * The states that an operator must know of: storage failed, full, possible gap, client id conflict,
 * broken configuration. One
 * place says which are on, for /status, /metrics and the log. Rank 6.
 */
#ifndef GATEWAY_STATES_H
#define GATEWAY_STATES_H

#include <stdbool.h>
#include <stdint.h>

struct gateway;

enum gateway_state {
    GATEWAY_STORAGE_FAILED,
    GATEWAY_FULL,
    GATEWAY_POSSIBLE_GAP,
    GATEWAY_CLIENT_ID_CONFLICT,
    GATEWAY_CONFIG_BROKEN,
    GATEWAY_STATES,
};

/* For metrics and for telling changes. */
struct gateway_states {
    int64_t active[GATEWAY_STATES]; /* parts that are in the state */
    int64_t told[GATEWAY_STATES];   /* as the log was told */
};

/* "STORAGE_FAILED", … */
const char *gateway_states_name(enum gateway_state state);
/* Call `fn` for each part that is in one; `text` says what is wrong and what to do. */
void gateway_states_each(struct gateway *g,
                         void (*fn)(void *ctx, enum gateway_state state, const char *part, const char *text),
                         void *ctx);
/* Log what has changed since the last call. */
void gateway_states_check(struct gateway *g);
/* Show them in /metrics. */
void gateway_states_register(struct gateway *g);

#endif
