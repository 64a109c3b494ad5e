/* SPDX-License-Identifier: Apache-2.0
 *
 * See backoff.h.
 */
#include "base/backoff.h"

#include <sys/random.h>

void backoff_init(struct backoff *b, int64_t min_ms, int64_t max_ms)
{
    *b = (struct backoff){.min_ms = min_ms, .max_ms = max_ms};
    if (getrandom(&b->random, sizeof b->random, GRND_NONBLOCK) != (ssize_t)sizeof b->random || !b->random)
        b->random = (uint64_t)(uintptr_t)b | 1;
}

static uint64_t next_random(struct backoff *b)
{
    b->random ^= b->random << 13;
    b->random ^= b->random >> 7;
    b->random ^= b->random << 17;
    return b->random;
}

int64_t backoff_next_ms(struct backoff *b)
{
    if (b->step_ms == 0)
        b->step_ms = b->min_ms;
    else
        b->step_ms = b->step_ms > b->max_ms / 2 ? b->max_ms : b->step_ms * 2;
    int64_t half = b->step_ms / 2;
    return half + (int64_t)(next_random(b) % (uint64_t)(b->step_ms - half + 1));
}

void backoff_reset(struct backoff *b)
{
    b->step_ms = 0;
}
