/* SPDX-License-Identifier: Apache-2.0
 *
 * The loop: timers with fake and real time, descriptors, deferred calls, notifiers from threads, signals, and
 * objects that are destroyed while their call is pending.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/histogram.h"
#include "loop/loop.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct fixture {
    struct loop *loop;
    char calls[64]; /* one letter for each call, in order */
};

/* A callback's context: its letter, and what to do about others when it is called. */
struct probe {
    struct fixture *f;
    char letter;
    struct loop_timer *timer, *victim_timer;
    struct loop_io *io, *victim_io;
    int64_t restart_us; /* -1: no */
};

static void note(struct fixture *f, char letter)
{
    size_t len = strlen(f->calls);
    if (len + 1 < sizeof f->calls)
        f->calls[len] = letter;
}

static void handle_timer(void *ctx)
{
    struct probe *p = ctx;
    note(p->f, p->letter);
    if (p->restart_us >= 0)
        loop_timer_start_us(p->timer, p->restart_us);
    loop_timer_destroy(p->victim_timer);
    p->victim_timer = NULL;
}

static void handle_call(void *ctx)
{
    struct probe *p = ctx;
    note(p->f, p->letter);
}

static int set_up(void **state)
{
    static struct fixture f;
    memset(&f, 0, sizeof f);
    f.loop = loop_create(NULL);
    *state = &f;
    return f.loop ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    loop_destroy(f->loop);
    clock_fake_stop();
    return 0;
}

static struct probe make_timer(struct fixture *f, char letter)
{
    return (struct probe){.f = f, .letter = letter, .restart_us = -1};
}

static void test_timers_fire_in_order_of_deadline_then_start(void **state)
{
    struct fixture *f = *state;
    clock_fake_start(0);
    struct probe p[4] = {make_timer(f, 'a'), make_timer(f, 'b'), make_timer(f, 'c'), make_timer(f, 'd')};
    static const int64_t delays_ms[] = {20, 10, 10, 30};
    for (int i = 0; i < 4; i++) {
        p[i].timer = loop_timer_create(f->loop, handle_timer, &p[i]);
        loop_timer_start(p[i].timer, delays_ms[i]);
    }
    clock_fake_advance(9999);
    loop_turn(f->loop, 0);
    assert_string_equal(f->calls, "");
    clock_fake_advance(1);
    loop_turn(f->loop, 0);
    assert_string_equal(f->calls, "bc");
    assert_false(loop_timer_is_running(p[1].timer));
    assert_true(loop_timer_is_running(p[0].timer));
    clock_fake_advance(50000);
    loop_turn(f->loop, 0);
    assert_string_equal(f->calls, "bcad");
    for (int i = 0; i < 4; i++)
        loop_timer_destroy(p[i].timer);
}

static void test_restart_moves_the_deadline_both_ways(void **state)
{
    struct fixture *f = *state;
    clock_fake_start(0);
    struct probe p = make_timer(f, 'a');
    p.timer = loop_timer_create(f->loop, handle_timer, &p);
    loop_timer_start(p.timer, 10);
    loop_timer_start(p.timer, 20);
    clock_fake_advance(15000);
    loop_turn(f->loop, 0);
    assert_string_equal(f->calls, "");
    loop_timer_start(p.timer, 1);
    clock_fake_advance(1000);
    loop_turn(f->loop, 0);
    assert_string_equal(f->calls, "a");
    loop_timer_start(p.timer, 1);
    loop_timer_stop(p.timer);
    clock_fake_advance(100000);
    loop_turn(f->loop, 0);
    assert_string_equal(f->calls, "a");
    loop_timer_destroy(p.timer);
}

static void test_timer_restarted_with_zero_gives_way(void **state)
{
    struct fixture *f = *state;
    clock_fake_start(0);
    struct probe p = make_timer(f, 'a');
    p.restart_us = 0;
    p.timer = loop_timer_create(f->loop, handle_timer, &p);
    loop_timer_start(p.timer, 0);
    loop_turn(f->loop, 0);
    assert_string_equal(f->calls, "a");
    loop_turn(f->loop, 1000); /* does not wait: it is due */
    assert_string_equal(f->calls, "aa");
    loop_timer_destroy(p.timer);
}

static void test_timer_may_destroy_itself_and_a_due_one(void **state)
{
    struct fixture *f = *state;
    clock_fake_start(0);
    struct probe a = make_timer(f, 'a'), b = make_timer(f, 'b'), c = make_timer(f, 'c');
    a.timer = loop_timer_create(f->loop, handle_timer, &a);
    b.timer = loop_timer_create(f->loop, handle_timer, &b);
    c.timer = loop_timer_create(f->loop, handle_timer, &c);
    a.victim_timer = b.timer;
    c.victim_timer = c.timer;
    loop_timer_start(a.timer, 1);
    loop_timer_start(b.timer, 1);
    loop_timer_start(c.timer, 1);
    clock_fake_advance(5000);
    loop_turn(f->loop, 0);
    assert_string_equal(f->calls, "ac");
    loop_timer_destroy(a.timer);
}

/* Random starts, stops and steps of time against a plain array as the model. */
static void test_many_timers_agree_with_a_model(void **state)
{
    enum { COUNT = 200 };
    struct fixture *f = *state;
    clock_fake_start(0);
    struct probe probes[COUNT];
    int64_t deadlines_us[COUNT];
    uint32_t random = 1;
    for (int i = 0; i < COUNT; i++) {
        probes[i] = make_timer(f, 'x');
        probes[i].timer = loop_timer_create(f->loop, handle_timer, &probes[i]);
        deadlines_us[i] = -1;
    }
    for (int step = 0; step < 20000; step++) {
        random = random * 1664525 + 1013904223;
        int i = (int)(random >> 8) % COUNT;
        int64_t delay_us = (random >> 16) % 5000;
        if (step % 7 == 0) {
            loop_timer_stop(probes[i].timer);
            deadlines_us[i] = -1;
        } else {
            loop_timer_start_us(probes[i].timer, delay_us);
            deadlines_us[i] = clock_monotonic_us() + delay_us;
        }
        if (step % 5)
            continue;
        clock_fake_advance(random % 300);
        loop_turn(f->loop, 0);
        for (int k = 0; k < COUNT; k++) {
            if (deadlines_us[k] <= clock_monotonic_us())
                deadlines_us[k] = -1;
            assert_int_equal(loop_timer_is_running(probes[k].timer), deadlines_us[k] >= 0);
        }
    }
    for (int i = 0; i < COUNT; i++)
        loop_timer_destroy(probes[i].timer);
}

static void test_real_timers_wake_the_wait(void **state)
{
    struct fixture *f = *state;
    struct probe far = make_timer(f, 'f'), near = make_timer(f, 'n');
    far.timer = loop_timer_create(f->loop, handle_timer, &far);
    near.timer = loop_timer_create(f->loop, handle_timer, &near);
    loop_timer_start(far.timer, 60000);
    loop_turn(f->loop, 1);
    int64_t begin_us = clock_monotonic_us();
    loop_timer_start_us(near.timer, 3000); /* nearer than what the wait is set to */
    while (!f->calls[0])
        loop_turn(f->loop, -1);
    int64_t took_us = clock_monotonic_us() - begin_us;
    assert_string_equal(f->calls, "n");
    assert_true(took_us >= 3000);
    loop_timer_start_us(near.timer, 2000);
    loop_timer_start_us(near.timer, 4000); /* later: only an idle wake-up in between */
    begin_us = clock_monotonic_us();
    while (!f->calls[1])
        loop_turn(f->loop, -1);
    assert_true(clock_monotonic_us() - begin_us >= 3900);
    loop_timer_destroy(far.timer);
    loop_timer_destroy(near.timer);
}

static void test_wait_of_a_turn_is_bounded(void **state)
{
    struct fixture *f = *state;
    int64_t begin_us = clock_monotonic_us();
    loop_turn(f->loop, 5);
    assert_true(clock_monotonic_us() - begin_us >= 5000);
    clock_fake_start(0); /* the wait is real even when the clock is not */
    loop_turn(f->loop, 5);
    clock_fake_stop();
    assert_true(clock_monotonic_us() - begin_us >= 10000);
}

static void test_extreme_delays_are_harmless(void **state)
{
    struct fixture *f = *state;
    struct probe p = make_timer(f, 'a');
    p.timer = loop_timer_create(f->loop, handle_timer, &p);
    loop_timer_start(p.timer, INT64_MAX);
    loop_turn(f->loop, 1);
    assert_true(loop_timer_is_running(p.timer));
    loop_timer_start(p.timer, INT64_MIN);
    loop_turn(f->loop, INT64_MAX);
    assert_string_equal(f->calls, "a");
    loop_timer_destroy(p.timer);
    loop_timer_destroy(NULL);
}

static void handle_stop(void *ctx)
{
    struct probe *p = ctx;
    note(p->f, p->letter);
    loop_stop(p->f->loop);
}

static void defer_again(void *ctx)
{
    struct probe *p = ctx;
    note(p->f, p->letter);
    loop_defer(p->f->loop, defer_again, p);
}

static void test_deferred_calls_keep_order_and_can_be_taken_back(void **state)
{
    struct fixture *f = *state;
    struct probe a = make_timer(f, 'a'), b = make_timer(f, 'b');
    loop_defer(f->loop, handle_call, &a);
    loop_defer(f->loop, handle_call, &b);
    loop_defer(f->loop, handle_call, &a);
    loop_turn(f->loop, -1);
    assert_string_equal(f->calls, "aba");
    loop_defer(f->loop, handle_call, &a);
    loop_defer(f->loop, handle_call, &b);
    loop_defer(f->loop, handle_call, &a);
    loop_defer_cancel(f->loop, handle_call, &a);
    loop_turn(f->loop, 0);
    assert_string_equal(f->calls, "abab");
}

static void test_endless_deferring_does_not_hold_the_loop(void **state)
{
    struct fixture *f = *state;
    struct probe a = make_timer(f, 'a'), stop = make_timer(f, 's');
    loop_defer(f->loop, defer_again, &a);
    stop.timer = loop_timer_create(f->loop, handle_stop, &stop);
    loop_timer_start(stop.timer, 5);
    loop_run(f->loop);
    assert_int_equal(f->calls[0], 'a');
    loop_timer_destroy(stop.timer);
}

static void defer_long_work(void *ctx)
{
    struct probe *p = ctx;
    note(p->f, p->letter);
    clock_fake_advance(2000);
    loop_defer(p->f->loop, defer_long_work, p);
}

/* A timer is called after some milliseconds of work, not after some number of calls. */
static void test_long_deferred_work_gives_way(void **state)
{
    struct fixture *f = *state;
    clock_fake_start(0);
    struct probe a = make_timer(f, 'a'), t = make_timer(f, 't');
    t.timer = loop_timer_create(f->loop, handle_timer, &t);
    loop_timer_start(t.timer, 1);
    loop_defer(f->loop, defer_long_work, &a);
    loop_turn(f->loop, 0);
    loop_turn(f->loop, 1000); /* does not wait: there is work */
    loop_timer_destroy(t.timer);
    loop_defer_cancel(f->loop, defer_long_work, &a);
    const char *turn = strchr(f->calls, 't');
    assert_non_null(turn);
    assert_in_range(turn - f->calls, 1, 5);
    assert_in_range(strlen(turn + 1), 1, 5);
}

static void test_stop_before_run_returns_at_once(void **state)
{
    struct fixture *f = *state;
    loop_stop(f->loop);
    loop_run(f->loop);
    assert_int_equal(loop_turn_count(f->loop), 0);
    struct probe stop = make_timer(f, 's');
    loop_defer(f->loop, handle_stop, &stop);
    loop_run(f->loop);
    assert_string_equal(f->calls, "s");
    assert_int_equal(loop_turn_count(f->loop), 1);
}

static void handle_io(void *ctx, int fd, unsigned events)
{
    (void)fd;
    struct probe *p = ctx;
    note(p->f, events == (LOOP_READ | LOOP_WRITE) ? '*' : events == LOOP_WRITE ? 'w' : p->letter);
    loop_io_destroy(p->victim_io);
    p->victim_io = NULL;
}

static void test_io_is_level_triggered_and_follows_set(void **state)
{
    struct fixture *f = *state;
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    struct probe p = make_timer(f, 'r');
    p.io = loop_io_create(f->loop, fds[0], handle_io, &p);
    assert_int_equal(loop_io_events(p.io), 0);
    assert_int_equal(write(fds[1], "x", 1), 1);
    loop_turn(f->loop, 0);
    assert_string_equal(f->calls, "");
    loop_io_set(p.io, LOOP_READ);
    loop_turn(f->loop, 100);
    loop_turn(f->loop, 100);
    assert_string_equal(f->calls, "rr");
    loop_io_set(p.io, LOOP_READ | LOOP_WRITE);
    loop_turn(f->loop, 100);
    loop_io_set(p.io, LOOP_WRITE);
    loop_turn(f->loop, 100);
    loop_io_set(p.io, LOOP_READ);
    loop_io_set(p.io, 0);
    loop_turn(f->loop, 0);
    assert_string_equal(f->calls, "rr*w");
    loop_io_destroy(p.io);
    loop_io_destroy(NULL);
    close(fds[0]);
    close(fds[1]);
}

/* The number of a closed descriptor comes back at once for another file: its events must be the new one's. */
static void test_reused_descriptor_number_is_watched_anew(void **state)
{
    struct fixture *f = *state;
    int old[2], new[2];
    assert_int_equal(pipe2(old, O_NONBLOCK), 0);
    struct probe p = make_timer(f, 'o'), q = make_timer(f, 'n');
    p.io = loop_io_create(f->loop, old[0], handle_io, &p);
    loop_io_set(p.io, LOOP_READ);
    loop_turn(f->loop, 0);
    loop_io_destroy(p.io);
    close(old[0]);
    assert_int_equal(pipe2(new, O_NONBLOCK), 0);
    assert_int_equal(new[0], old[0]);
    q.io = loop_io_create(f->loop, new[0], handle_io, &q);
    loop_io_set(q.io, LOOP_READ);
    loop_turn(f->loop, 0);
    assert_string_equal(f->calls, "");
    assert_int_equal(write(new[1], "x", 1), 1);
    loop_turn(f->loop, 1000);
    assert_string_equal(f->calls, "n");
    loop_io_destroy(q.io);
    close(new[0]);
    close(new[1]);
    close(old[1]);
}

static void test_io_may_destroy_a_pending_one_and_itself(void **state)
{
    struct fixture *f = *state;
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(write(fds[0], "x", 1), 1);
    assert_int_equal(write(fds[1], "x", 1), 1);
    struct probe a = make_timer(f, 'a'), b = make_timer(f, 'b');
    a.io = loop_io_create(f->loop, fds[0], handle_io, &a);
    b.io = loop_io_create(f->loop, fds[1], handle_io, &b);
    loop_io_set(a.io, LOOP_READ);
    loop_io_set(b.io, LOOP_READ);
    a.victim_io = b.io;
    b.victim_io = a.io;
    loop_turn(f->loop, 1000); /* whoever is first destroys the other, which must not be called */
    assert_int_equal(strlen(f->calls), 1);
    struct probe *left = f->calls[0] == 'a' ? &a : &b;
    left->victim_io = left->io;
    loop_turn(f->loop, 1000);
    assert_int_equal(strlen(f->calls), 2);
    loop_turn(f->loop, 0);
    assert_int_equal(strlen(f->calls), 2);
    close(fds[0]);
    close(fds[1]);
}

struct ping {
    struct loop *loop;
    struct loop_notifier *notifier;
    _Atomic unsigned long sent, seen;
    unsigned calls;
};

enum { PINGS = 20000 };

static void *send_pings(void *arg)
{
    struct ping *p = arg;
    for (int i = 0; i < PINGS; i++) {
        p->sent++;
        loop_notifier_signal(p->notifier);
    }
    return NULL;
}

static void handle_ping(void *ctx)
{
    struct ping *p = ctx;
    p->calls++;
    p->seen = p->sent;
    if (p->seen == 2 * PINGS)
        loop_stop(p->loop);
}

/* No signal is lost, whatever the interleaving: after the last one the callback sees everything. */
static void test_notifier_from_two_threads(void **state)
{
    struct fixture *f = *state;
    struct ping p = {.loop = f->loop};
    p.notifier = loop_notifier_create(f->loop, handle_ping, &p);
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, send_pings, &p), 0);
    loop_run(f->loop);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(p.seen, 2 * PINGS);
    assert_true(p.calls <= 2 * PINGS);
    loop_notifier_destroy(p.notifier);
    loop_notifier_destroy(NULL);
}

static void handle_notifier_destroying(void *ctx)
{
    struct ping *p = ctx;
    p->calls++;
    loop_notifier_destroy(p->notifier);
}

static void test_notifier_may_destroy_itself(void **state)
{
    struct fixture *f = *state;
    struct ping p = {.loop = f->loop};
    p.notifier = loop_notifier_create(f->loop, handle_notifier_destroying, &p);
    loop_notifier_signal(p.notifier);
    loop_notifier_signal(p.notifier);
    loop_turn(f->loop, 1000);
    loop_turn(f->loop, 0);
    assert_int_equal(p.calls, 1);
}

static void test_signals_reach_the_loop(void **state)
{
    struct fixture *f = *state;
    struct probe p = make_timer(f, 'u');
    struct loop_signal *s = loop_signal_create(f->loop, SIGUSR1, handle_call, &p);
    raise(SIGUSR1);
    assert_string_equal(f->calls, "");
    loop_turn(f->loop, 1000);
    assert_string_equal(f->calls, "u");
    raise(SIGUSR1);
    loop_turn(f->loop, 1000);
    assert_string_equal(f->calls, "uu");
    assert_null(loop_signal_create(f->loop, SIGKILL, handle_call, &p)); /* nobody can wait for this one */
    loop_signal_destroy(s);
    loop_signal_destroy(NULL);
}

static void handle_slow(void *ctx)
{
    (void)ctx;
    usleep(3000);
}

static void test_turn_histogram_has_callbacks_and_not_the_wait(void **state)
{
    struct fixture *f = *state;
    struct histogram h = {0}, own = {0};
    loop_set_turn_histograms(f->loop, &h, &own);
    loop_turn(f->loop, 100);
    assert_int_equal(histogram_count(&h), 1);
    assert_true(h.max_us < 90000);
    struct probe p = make_timer(f, 'x');
    loop_defer(f->loop, handle_slow, &p);
    loop_turn(f->loop, 0);
    assert_int_equal(histogram_count(&h), 2);
    assert_true(h.max_us >= 3000);
    assert_int_equal(histogram_count(&own), 2);
    assert_true(own.max_us >= 2000 && own.max_us <= h.max_us);
}

enum { DELAY_MS = 30, DELAY_LIMIT_S = 30 };

static double waited_ms(void)
{
    unsigned long long run = 0, waited = 0;
    FILE *file = fopen("/proc/thread-self/schedstat", "r");
    int fields = file ? fscanf(file, "%llu %llu", &run, &waited) : 0;
    if (file)
        fclose(file);
    return fields == 2 ? (double)waited / 1e6 : -1;
}

/* Somebody else wants this processor. */
static void *spin(void *arg)
{
    const atomic_bool *stop = arg;
    while (!atomic_load(stop))
        continue;
    return NULL;
}

/* Ready, and without a processor for DELAY_MS. */
static void handle_crowded(void *ctx)
{
    bool *crowded = ctx;
    double start = waited_ms();
    time_t end = time(NULL) + DELAY_LIMIT_S;
    while (waited_ms() < start + DELAY_MS && time(NULL) < end)
        continue;
    *crowded = waited_ms() >= start + DELAY_MS;
}

static void handle_blocked(void *ctx)
{
    (void)ctx;
    usleep(DELAY_MS * 1000);
}

static void test_own_time_of_a_turn_has_no_time_without_a_processor(void **state)
{
    struct fixture *f = *state;
    struct histogram all = {0}, own = {0};
    atomic_bool stop = false;
    bool crowded = false;
    cpu_set_t before, one;
    pthread_t thread;
    if (waited_ms() < 0 || sched_getaffinity(0, sizeof before, &before) != 0)
        skip();
    CPU_ZERO(&one);
    CPU_SET((size_t)sched_getcpu(), &one);
    if (sched_setaffinity(0, sizeof one, &one) != 0)
        skip();
    assert_int_equal(pthread_create(&thread, NULL, spin, &stop), 0);
    loop_set_turn_histograms(f->loop, &all, &own);
    loop_defer(f->loop, handle_crowded, &crowded);
    loop_turn(f->loop, 0);
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
    sched_setaffinity(0, sizeof before, &before);
    assert_true(crowded);
    assert_true(own.max_us + (DELAY_MS - 1) * 1000 <= all.max_us);

    /* To wait for a disk or a lock is the daemon's own doing. */
    own = (struct histogram){0};
    loop_defer(f->loop, handle_blocked, NULL);
    loop_turn(f->loop, 0);
    assert_true(own.max_us >= DELAY_MS * 500);
}

#define loop_test(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        loop_test(test_timers_fire_in_order_of_deadline_then_start),
        loop_test(test_restart_moves_the_deadline_both_ways),
        loop_test(test_timer_restarted_with_zero_gives_way),
        loop_test(test_timer_may_destroy_itself_and_a_due_one),
        loop_test(test_many_timers_agree_with_a_model),
        loop_test(test_real_timers_wake_the_wait),
        loop_test(test_wait_of_a_turn_is_bounded),
        loop_test(test_extreme_delays_are_harmless),
        loop_test(test_deferred_calls_keep_order_and_can_be_taken_back),
        loop_test(test_endless_deferring_does_not_hold_the_loop),
        loop_test(test_long_deferred_work_gives_way),
        loop_test(test_stop_before_run_returns_at_once),
        loop_test(test_io_is_level_triggered_and_follows_set),
        loop_test(test_reused_descriptor_number_is_watched_anew),
        loop_test(test_io_may_destroy_a_pending_one_and_itself),
        loop_test(test_notifier_from_two_threads),
        loop_test(test_notifier_may_destroy_itself),
        loop_test(test_signals_reach_the_loop),
        loop_test(test_turn_histogram_has_callbacks_and_not_the_wait),
        loop_test(test_own_time_of_a_turn_has_no_time_without_a_processor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
