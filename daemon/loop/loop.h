/* SPDX-License-Identifier: Apache-2.0
 *
 * The event loop: one thread, everything that touches messages. A wrapper of libevent; timers are kept here
 * and read base/clock, so tests own time. Callbacks never destroy their caller: use loop_defer(). Rank 2.
 */
#ifndef LOOP_LOOP_H
#define LOOP_LOOP_H

#include "base/error.h"

#include <stdint.h>

struct loop;
struct loop_timer;
struct loop_io;
struct loop_notifier;
struct loop_signal;
struct histogram;

typedef void (*loop_fn)(void *ctx);
typedef void (*loop_io_fn)(void *ctx, int fd, unsigned events);

enum { LOOP_READ = 1, LOOP_WRITE = 2 };

struct loop *loop_create(struct error *err);
void loop_destroy(struct loop *l);

/* Run until loop_stop(). */
void loop_run(struct loop *l);
/* loop_run() returns at the end of the turn; called before, it makes the next loop_run() return at once. */
void loop_stop(struct loop *l);
/* One turn for tests and for draining: wait at most `wait_ms` (0: not at all, negative: no limit) for an
 * event, run what is due. With the fake clock timers do not end the wait; what is due after
 * clock_fake_advance() runs in the next turn. */
void loop_turn(struct loop *l, int64_t wait_ms);
/* Turns so far; the watchdog asks whether it moves. */
uint64_t loop_turn_count(const struct loop *l);
/* Microseconds spent in each turn's callbacks go to `turns`. `own` is the same without the time for which the
 * kernel let this thread wait for a processor: what the program itself held up. Both are owned by the caller;
 * call it in the thread that runs the loop. */
void loop_set_turn_histograms(struct loop *l, struct histogram *turns, struct histogram *own);

/* Run `fn(ctx)` after the current callback, before the loop waits again; in order of the calls. A long chain
 * of calls that defer again goes on in the next turn. */
void loop_defer(struct loop *l, loop_fn fn, void *ctx);
/* Take back every deferred call of this pair; needed before `ctx` is freed. */
void loop_defer_cancel(struct loop *l, loop_fn fn, void *ctx);

struct loop_timer *loop_timer_create(struct loop *l, loop_fn fn, void *ctx);
/* Once, after the delay; a timer that is running is set anew. 0: as soon as the loop comes to its
 * timers; a timer callback that starts a timer with 0 gives way to events first. Restarting is cheap. */
void loop_timer_start(struct loop_timer *t, int64_t delay_ms);
void loop_timer_start_us(struct loop_timer *t, int64_t delay_us);
void loop_timer_stop(struct loop_timer *t);
bool loop_timer_is_running(const struct loop_timer *t);
void loop_timer_destroy(struct loop_timer *t); /* NULL is fine */

/* Watch a descriptor, which stays the caller's; nothing is watched before loop_io_set(). */
struct loop_io *loop_io_create(struct loop *l, int fd, loop_io_fn fn, void *ctx);
void loop_io_set(struct loop_io *io, unsigned events); /* level triggered; 0: none */
unsigned loop_io_events(const struct loop_io *io);
void loop_io_destroy(struct loop_io *io); /* before close(fd); NULL is fine */

/* Wake the loop from another thread. Before destroying, make sure that no other thread signals any more.
 * NULL (and logged): no descriptor is left. */
struct loop_notifier *loop_notifier_create(struct loop *l, loop_fn fn, void *ctx);
void loop_notifier_signal(struct loop_notifier *n); /* any thread; calls are merged */
void loop_notifier_destroy(struct loop_notifier *n);

/* Call `fn` on the loop when the process gets the signal. NULL: no memory or descriptor, and the signal does
 * what it does by itself. */
struct loop_signal *loop_signal_create(struct loop *l, int signal_number, loop_fn fn, void *ctx);
void loop_signal_destroy(struct loop_signal *s);

#endif
