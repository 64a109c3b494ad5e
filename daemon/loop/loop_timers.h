/* SPDX-License-Identifier: Apache-2.0
 *
 * The timers of a loop: a heap ordered by deadline, then by start. Private to this folder; loop.c decides
 * when it is their turn.
 */
#ifndef LOOP_LOOP_TIMERS_H
#define LOOP_LOOP_TIMERS_H

#include "base/list.h"
#include "loop/loop.h"

struct loop_timers {
    struct loop_timer **heap; /* [0] is the nearest */
    size_t count, capacity;
    uint64_t started; /* starts so far; breaks ties, so that equal deadlines fire in order */
    struct list due;  /* loop_timer.due: taken from the heap, about to be called */
};

void loop_timers_init(struct loop_timers *ts);
void loop_timers_finish(struct loop_timers *ts);
/* INT64_MAX: none is running. */
int64_t loop_timers_nearest_us(const struct loop_timers *ts);
/* Call every timer whose deadline is not after `now_us`. Timers started by these calls wait for the next call
 * of this function. */
void loop_timers_run(struct loop_timers *ts, int64_t now_us);

/* loop.c: where a loop keeps them. */
struct loop_timers *loop_timers_of(struct loop *l);

#endif
