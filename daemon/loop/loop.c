/* SPDX-License-Identifier: Apache-2.0
 *
 * See loop.h. A turn is: wait in libevent and run its callbacks, then the timers that are due, then the
 * deferred calls. The nearest deadline wakes the wait through one timerfd, which is set only when that
 * deadline moves forward; one that moved back costs an idle wake-up and nothing else.
 */
#include "loop/loop.h"

#include "base/clock.h"
#include "base/histogram.h"
#include "base/log.h"
#include "loop/loop_timers.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
    DEFERRED_PER_TURN = 1000,
    DEFERRED_TURN_US = 5000,
    DELAY_STEP_US = 5000, /* shorter turns are not worth to ask for whose time they took */
};
#define NEVER INT64_MAX

struct deferred {
    loop_fn fn; /* NULL: cancelled */
    void *ctx;
};

struct loop {
    struct event_base *base;
    struct event wakeup; /* timerfd, edge triggered: an expiry needs no read */
    int wakeup_fd;
    int64_t wakeup_us; /* deadline it is set to; NEVER when it has fired */
    struct loop_timers timers;
    struct deferred *deferred; /* a queue: deferred_first .. deferred_count - 1 */
    size_t deferred_first, deferred_count, deferred_capacity;
    bool stopped;
    uint64_t turns;
    int64_t busy_since_us;                            /* first callback of this turn; 0: none yet */
    struct histogram *turn_histogram, *own_histogram; /* borrowed */
    int schedule_fd;                 /* what the scheduler says of this thread; -1: nothing */
    int64_t delay_us, delay_read_us; /* time without a processor so far; when it was read */
};

struct loop_io {
    struct loop *loop; /* borrowed */
    struct event event;
    loop_io_fn fn;
    void *ctx;
    unsigned events;
};

struct loop_notifier {
    struct loop *loop; /* borrowed */
    struct event event;
    int fd;
    atomic_bool pending; /* signalled and not yet called */
    loop_fn fn;
    void *ctx;
};

struct loop_signal {
    struct loop *loop; /* borrowed */
    struct event event;
    loop_fn fn;
    void *ctx;
};

/* ---- How long a turn takes, and whose time that is ---- */

/* For how long this thread was ready and had no processor, since it began. */
static int64_t read_delay_us(const struct loop *l)
{
    char text[80];
    ssize_t len = l->schedule_fd >= 0 ? pread(l->schedule_fd, text, sizeof text - 1, 0) : 0;
    if (len <= 0)
        return 0;
    text[len] = 0;
    const char *second = strchr(text, ' '); /* ns on a processor, ns ready without one, turns */
    return second ? (int64_t)(strtoull(second, NULL, 10) / 1000) : 0;
}

/* The turn's time counts from its first callback, not from the wait. */
static void begin_turn(struct loop *l)
{
    l->busy_since_us = clock_monotonic_us();
    if (l->schedule_fd < 0 || l->busy_since_us - l->delay_read_us < DELAY_STEP_US)
        return;
    l->delay_us = read_delay_us(l);
    l->delay_read_us = l->busy_since_us;
}

static void note_callback(struct loop *l)
{
    if (!l->busy_since_us && l->turn_histogram)
        begin_turn(l);
}

static void end_turn(struct loop *l)
{
    int64_t turn_us = clock_monotonic_us() - l->busy_since_us, own_us = turn_us;
    if (turn_us > DELAY_STEP_US && l->schedule_fd >= 0) {
        int64_t delay_us = read_delay_us(l) - l->delay_us;
        own_us = delay_us < turn_us ? turn_us - delay_us : 0;
    }
    histogram_add_us(l->turn_histogram, turn_us);
    histogram_add_us(l->own_histogram, own_us);
}

/* ---- Waiting ---- */

static void handle_wakeup(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct loop *l = arg;
    l->wakeup_us = NEVER;
}

static void set_wakeup(struct loop *l, int flags, int64_t us)
{
    struct itimerspec when = {
        .it_value = {.tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000 * 1000)}};
    if (timerfd_settime(l->wakeup_fd, flags, &when, NULL) < 0)
        log_limited(60000, LOG_LEVEL_ERROR, "loop", "timerfd_settime failed: %s", strerror(errno));
}

/* Make sure that the wait ends in `wait_us` (negative: no limit) or at the nearest timer. */
static void arm_wakeup(struct loop *l, int64_t wait_us)
{
    if (clock_is_fake()) {
        if (wait_us > 0)
            set_wakeup(l, 0, wait_us);
        l->wakeup_us = NEVER;
        return;
    }
    int64_t deadline_us = loop_timers_nearest_us(&l->timers);
    if (wait_us >= 0) {
        int64_t limit_us = clock_monotonic_us() + wait_us;
        if (limit_us < deadline_us)
            deadline_us = limit_us;
    }
    if (deadline_us >= l->wakeup_us)
        return;
    set_wakeup(l, TFD_TIMER_ABSTIME, deadline_us);
    l->wakeup_us = deadline_us;
}

static bool has_work(const struct loop *l)
{
    if (l->deferred_first < l->deferred_count)
        return true;
    int64_t nearest_us = loop_timers_nearest_us(&l->timers);
    return nearest_us != NEVER && nearest_us <= clock_monotonic_us();
}

/* A call may defer another one, itself for example, which still belongs to this turn: so that a chain of
 * calls needs no wait between them. A long one leaves descriptors and timers their time. */
static void run_deferred(struct loop *l)
{
    int64_t until_us = clock_monotonic_us() + DEFERRED_TURN_US;
    for (int i = 0; i < DEFERRED_PER_TURN && l->deferred_first < l->deferred_count; i++) {
        struct deferred d = l->deferred[l->deferred_first++];
        if (!d.fn)
            continue;
        d.fn(d.ctx);
        if (clock_monotonic_us() >= until_us)
            break;
    }
    if (l->deferred_first == l->deferred_count)
        l->deferred_first = l->deferred_count = 0;
}

static void turn(struct loop *l, int64_t wait_us)
{
    l->busy_since_us = 0;
    if (has_work(l))
        wait_us = 0;
    if (wait_us != 0)
        arm_wakeup(l, wait_us);
    /* ONCE with NONBLOCK: without ONCE libevent goes on as long as any descriptor stays ready. */
    event_base_loop(l->base, wait_us != 0 ? EVLOOP_ONCE : EVLOOP_ONCE | EVLOOP_NONBLOCK);
    note_callback(l);
    loop_timers_run(&l->timers, clock_monotonic_us());
    run_deferred(l);
    if (l->turn_histogram)
        end_turn(l);
    l->turns++;
}

/* ---- The loop ---- */

struct loop_timers *loop_timers_of(struct loop *l)
{
    return &l->timers;
}

static struct event_base *create_base(void)
{
    struct event_config *config = event_config_new();
    if (!config)
        return NULL;
    /* Safe because descriptors leave the loop before they are closed: changes of one turn are then merged and
     * told to the kernel once. */
    event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

struct loop *loop_create(struct error *err)
{
    struct loop *l = xcalloc(1, sizeof *l);
    loop_timers_init(&l->timers);
    l->wakeup_us = NEVER;
    l->schedule_fd = -1;
    l->wakeup_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (l->wakeup_fd < 0) {
        error_set_errno(err, STATUS_IO, errno, "cannot create the timer of the event loop");
        goto fail;
    }
    l->base = create_base();
    if (!l->base) {
        error_set(err, STATUS_IO, "cannot create the event loop: libevent found no way to wait for events");
        goto fail;
    }
    event_assign(&l->wakeup, l->base, l->wakeup_fd, EV_READ | EV_PERSIST | EV_ET, handle_wakeup, l);
    if (event_add(&l->wakeup, NULL) < 0) {
        error_set(err, STATUS_IO, "cannot add the timer to the event loop");
        goto fail;
    }
    return l;
fail:
    loop_destroy(l);
    return NULL;
}

void loop_destroy(struct loop *l)
{
    if (!l)
        return;
    assert(l->timers.count == 0);
    if (l->base) {
        if (event_initialized(&l->wakeup))
            event_del(&l->wakeup);
        event_base_free(l->base);
    }
    if (l->wakeup_fd >= 0)
        close(l->wakeup_fd);
    if (l->schedule_fd >= 0)
        close(l->schedule_fd);
    loop_timers_finish(&l->timers);
    free(l->deferred);
    free(l);
}

void loop_run(struct loop *l)
{
    while (!l->stopped)
        turn(l, -1);
    l->stopped = false;
}

void loop_stop(struct loop *l)
{
    l->stopped = true;
}

void loop_turn(struct loop *l, int64_t wait_ms)
{
    turn(l, wait_ms > INT64_MAX / 2000 ? -1 : wait_ms * 1000);
}

uint64_t loop_turn_count(const struct loop *l)
{
    return l->turns;
}

void loop_set_turn_histograms(struct loop *l, struct histogram *turns, struct histogram *own)
{
    l->turn_histogram = turns;
    l->own_histogram = own;
    if (l->schedule_fd < 0)
        l->schedule_fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
}

/* ---- Deferred calls ---- */

void loop_defer(struct loop *l, loop_fn fn, void *ctx)
{
    if (l->deferred_count == l->deferred_capacity && l->deferred_first > l->deferred_capacity / 2) {
        l->deferred_count -= l->deferred_first;
        memmove(l->deferred, l->deferred + l->deferred_first, l->deferred_count * sizeof *l->deferred);
        l->deferred_first = 0;
    }
    if (l->deferred_count == l->deferred_capacity) {
        l->deferred_capacity = l->deferred_capacity ? l->deferred_capacity * 2 : 32;
        l->deferred = xrealloc(l->deferred, l->deferred_capacity * sizeof *l->deferred);
    }
    l->deferred[l->deferred_count++] = (struct deferred){fn, ctx};
}

void loop_defer_cancel(struct loop *l, loop_fn fn, void *ctx)
{
    for (size_t i = l->deferred_first; i < l->deferred_count; i++)
        if (l->deferred[i].fn == fn && l->deferred[i].ctx == ctx)
            l->deferred[i].fn = NULL;
}

/* ---- Descriptors ---- */

static void handle_io(evutil_socket_t fd, short what, void *arg)
{
    struct loop_io *io = arg;
    note_callback(io->loop);
    unsigned events =
        (what & EV_READ ? (unsigned)LOOP_READ : 0) | (what & EV_WRITE ? (unsigned)LOOP_WRITE : 0);
    io->fn(io->ctx, fd, events);
}

struct loop_io *loop_io_create(struct loop *l, int fd, loop_io_fn fn, void *ctx)
{
    struct loop_io *io = xcalloc(1, sizeof *io);
    io->loop = l;
    io->fn = fn;
    io->ctx = ctx;
    event_assign(&io->event, l->base, fd, EV_PERSIST, handle_io, io);
    return io;
}

void loop_io_set(struct loop_io *io, unsigned events)
{
    if (events == io->events)
        return;
    int fd = event_get_fd(&io->event);
    if (io->events)
        event_del(&io->event);
    io->events = events;
    if (!events)
        return;
    short wanted =
        (short)(EV_PERSIST | (events & LOOP_READ ? EV_READ : 0) | (events & LOOP_WRITE ? EV_WRITE : 0));
    event_assign(&io->event, io->loop->base, fd, wanted, handle_io, io);
    if (event_add(&io->event, NULL) < 0)
        log_error("loop", "descriptor=%d cannot be watched", fd);
}

unsigned loop_io_events(const struct loop_io *io)
{
    return io->events;
}

void loop_io_destroy(struct loop_io *io)
{
    if (!io)
        return;
    loop_io_set(io, 0);
    free(io);
}

/* ---- Notifiers ---- */

static void handle_notifier(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct loop_notifier *n = arg;
    note_callback(n->loop);
    /* Before the call, so that a signal during it comes again. The eventfd is edge triggered: every write is
     * reported, so it need not be read. */
    atomic_exchange(&n->pending, false);
    n->fn(n->ctx);
}

struct loop_notifier *loop_notifier_create(struct loop *l, loop_fn fn, void *ctx)
{
    struct loop_notifier *n = xcalloc(1, sizeof *n);
    n->loop = l;
    n->fn = fn;
    n->ctx = ctx;
    n->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (n->fd < 0) {
        log_error("loop", "eventfd failed: %s", strerror(errno));
        free(n);
        return NULL;
    }
    event_assign(&n->event, l->base, n->fd, EV_READ | EV_PERSIST | EV_ET, handle_notifier, n);
    if (event_add(&n->event, NULL) == 0)
        return n;
    log_error("loop", "a notifier cannot be watched: %s", strerror(errno));
    close(n->fd);
    free(n);
    return NULL;
}

void loop_notifier_signal(struct loop_notifier *n)
{
    if (atomic_exchange(&n->pending, true))
        return;
    static const uint64_t one = 1;
    if (write(n->fd, &one, sizeof one) < 0)
        log_limited(60000, LOG_LEVEL_ERROR, "loop", "eventfd write failed: %s", strerror(errno));
}

void loop_notifier_destroy(struct loop_notifier *n)
{
    if (!n)
        return;
    event_del(&n->event);
    close(n->fd);
    free(n);
}

/* ---- Signals ---- */

static void handle_signal(evutil_socket_t number, short what, void *arg)
{
    (void)number;
    (void)what;
    struct loop_signal *s = arg;
    note_callback(s->loop);
    s->fn(s->ctx);
}

struct loop_signal *loop_signal_create(struct loop *l, int signal_number, loop_fn fn, void *ctx)
{
    struct loop_signal *s = xcalloc(1, sizeof *s);
    s->loop = l;
    s->fn = fn;
    s->ctx = ctx;
    event_assign(&s->event, l->base, signal_number, EV_SIGNAL | EV_PERSIST, handle_signal, s);
    if (event_add(&s->event, NULL) == 0)
        return s;
    free(s);
    return NULL;
}

void loop_signal_destroy(struct loop_signal *s)
{
    if (!s)
        return;
    event_del(&s->event);
    free(s);
}
