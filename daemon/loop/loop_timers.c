/* SPDX-License-Identifier: Apache-2.0
 *
 * See loop_timers.h. A timer is idle, in the heap, or in the due list while a turn calls what has come due.
 */
#include "loop/loop_timers.h"

#include "base/clock.h"

#include <stdlib.h>

enum { NOT_IN_HEAP = -1 };
#define LONGEST_DELAY_US (INT64_C(100) * 366 * 86400 * 1000000) /* keeps sums of times inside int64_t */

struct loop_timer {
    struct loop_timers *timers; /* borrowed */
    loop_fn fn;
    void *ctx;
    int64_t deadline_us;
    uint64_t order;
    ptrdiff_t at;    /* index in the heap, or NOT_IN_HEAP */
    struct list due; /* linked while in timers->due */
};

void loop_timers_init(struct loop_timers *ts)
{
    *ts = (struct loop_timers){0};
    list_init(&ts->due);
}

void loop_timers_finish(struct loop_timers *ts)
{
    free(ts->heap);
    ts->heap = NULL;
}

int64_t loop_timers_nearest_us(const struct loop_timers *ts)
{
    return ts->count ? ts->heap[0]->deadline_us : INT64_MAX;
}

static bool is_before(const struct loop_timer *a, const struct loop_timer *b)
{
    return a->deadline_us < b->deadline_us || (a->deadline_us == b->deadline_us && a->order < b->order);
}

static void place(struct loop_timers *ts, size_t at, struct loop_timer *t)
{
    ts->heap[at] = t;
    t->at = (ptrdiff_t)at;
}

/* Put `t` where it belongs, starting at the free place `at`. */
static void sift(struct loop_timers *ts, size_t at, struct loop_timer *t)
{
    while (at > 0 && is_before(t, ts->heap[(at - 1) / 2])) {
        place(ts, at, ts->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= ts->count)
            break;
        if (child + 1 < ts->count && is_before(ts->heap[child + 1], ts->heap[child]))
            child++;
        if (!is_before(ts->heap[child], t))
            break;
        place(ts, at, ts->heap[child]);
        at = child;
    }
    place(ts, at, t);
}

static void heap_add(struct loop_timers *ts, struct loop_timer *t)
{
    if (ts->count == ts->capacity) {
        ts->capacity = ts->capacity ? ts->capacity * 2 : 32;
        ts->heap = xrealloc(ts->heap, ts->capacity * sizeof(struct loop_timer *));
    }
    sift(ts, ts->count++, t);
}

static void heap_remove(struct loop_timers *ts, struct loop_timer *t)
{
    size_t at = (size_t)t->at;
    struct loop_timer *last = ts->heap[--ts->count];
    t->at = NOT_IN_HEAP;
    if (last != t)
        sift(ts, at, last);
}

void loop_timers_run(struct loop_timers *ts, int64_t now_us)
{
    while (ts->count && ts->heap[0]->deadline_us <= now_us) {
        struct loop_timer *t = ts->heap[0];
        heap_remove(ts, t);
        list_add(&ts->due, &t->due);
    }
    struct loop_timer *t;
    while ((t = list_first(&ts->due, struct loop_timer, due))) {
        list_remove(&t->due);
        t->fn(t->ctx); /* may destroy any timer, this one too */
    }
}

struct loop_timer *loop_timer_create(struct loop *l, loop_fn fn, void *ctx)
{
    struct loop_timer *t = xcalloc(1, sizeof *t);
    t->timers = loop_timers_of(l);
    t->fn = fn;
    t->ctx = ctx;
    t->at = NOT_IN_HEAP;
    list_init(&t->due);
    return t;
}

void loop_timer_start_us(struct loop_timer *t, int64_t delay_us)
{
    if (delay_us < 0)
        delay_us = 0;
    if (delay_us > LONGEST_DELAY_US)
        delay_us = LONGEST_DELAY_US;
    list_remove(&t->due);
    t->deadline_us = clock_monotonic_us() + delay_us;
    t->order = t->timers->started++;
    if (t->at == NOT_IN_HEAP)
        heap_add(t->timers, t);
    else
        sift(t->timers, (size_t)t->at, t);
}

void loop_timer_start(struct loop_timer *t, int64_t delay_ms)
{
    if (delay_ms < 0)
        delay_ms = 0;
    loop_timer_start_us(t, delay_ms > LONGEST_DELAY_US / 1000 ? LONGEST_DELAY_US : delay_ms * 1000);
}

void loop_timer_stop(struct loop_timer *t)
{
    list_remove(&t->due);
    if (t->at != NOT_IN_HEAP)
        heap_remove(t->timers, t);
}

bool loop_timer_is_running(const struct loop_timer *t)
{
    return t->at != NOT_IN_HEAP || !list_is_empty(&t->due);
}

void loop_timer_destroy(struct loop_timer *t)
{
    if (!t)
        return;
    loop_timer_stop(t);
    free(t);
}
