/* SPDX-License-Identifier: Apache-2.0
 *
 * Waiting times between tries: doubling from `min_ms` to `max_ms`, each drawn between half and the whole of
 * the step, so that many gateways do not return at the same moment.
 */
#ifndef BASE_BACKOFF_H
#define BASE_BACKOFF_H

#include <stdint.h>

struct backoff {
    int64_t min_ms, max_ms;
    int64_t step_ms; /* 0: the next try is the first */
    uint64_t random;
};

void backoff_init(struct backoff *b, int64_t min_ms, int64_t max_ms);
/* The delay before the next try, and a longer step for the one after. */
int64_t backoff_next_ms(struct backoff *b);
/* It worked: begin again at min_ms. */
void backoff_reset(struct backoff *b);

#endif
