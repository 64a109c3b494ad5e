/* SPDX-License-Identifier: Apache-2.0
 *
 * What this proves: what the journal's limits remove is counted as dropped, once, also over restarts; dead
 * letters that the store does not take hold the route and lose nothing; a failed commit leaves no trace.
 */
#include "flow.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static bool upstream_is_down;

static enum fby_outcome answer_down(struct flow *f, const struct fby_output *o)
{
    (void)f;
    (void)o;
    return upstream_is_down ? FBY_RETRY : FBY_DELIVERED;
}

static enum fby_outcome answer_rejected(struct flow *f, const struct fby_output *o)
{
    (void)f;
    (void)o;
    return FBY_REJECTED;
}

/* More than the journal may hold, while nothing is taken. */
static void overflow(struct flow *f)
{
    static char payload[4000];
    memset(payload, 'x', sizeof payload - 1);
    for (unsigned i = 0; i < 100; i++) {
        for (unsigned k = 0; k < 10; k++)
            assert_int_equal(flow_accept(f, "a/1", payload), STATUS_OK);
        flow_commit(f);
        flow_check_counters(f);
    }
    flow_turn(f, 5);
}

static void open_small(struct flow *f)
{
    f->answer = answer_down;
    upstream_is_down = true;
    f->settings.max_size = 1 << 20;
    f->settings.segment_size = 128 << 10;
    f->settings.record_limit = 64 << 10;
    f->settings.when_full = JOURNAL_DROP_OLDEST;
    flow_open(f);
}

static void dropped_ones_are_counted_and_the_rest_arrives(void **state)
{
    struct flow *f = *state;
    open_small(f);
    overflow(f);
    assert_true(delivery_counters(f->delivery)->dropped_full > 0);
    upstream_is_down = false;
    assert_true(flow_settle(f));
    flow_check_counters(f);
    const struct delivery_counters *c = delivery_counters(f->delivery);
    assert_int_equal(c->accepted, 1000);
    assert_int_equal(c->delivered + c->dropped_full, 1000);
}

static void nothing_stays_queued_after_a_crash_behind_dropped_ones(void **state)
{
    struct flow *f = *state;
    open_small(f);
    overflow(f);
    flow_crash(f);
    flow_open(f);
    flow_check_counters(f);
    upstream_is_down = false;
    assert_true(flow_settle(f));
    flow_check_counters(f);
    const struct delivery_counters *c = delivery_counters(f->delivery);
    assert_int_equal(c->dropped_not_routed, 0);
    assert_int_equal(c->accepted, c->delivered);
}

static void a_reload_behind_dropped_ones_counts_them_once(void **state)
{
    struct flow *f = *state;
    open_small(f);
    overflow(f);
    flow_reload(f, "a/+");
    flow_check_counters(f);
    upstream_is_down = false;
    assert_true(flow_settle(f));
    flow_check_counters(f);
    assert_int_equal(delivery_counters(f->delivery)->accepted, 1000);
    assert_int_equal(delivery_counters(f->delivery)->dropped_not_routed, 0);
}

static void letters_that_are_not_taken_hold_the_route(void **state)
{
    struct flow *f = *state;
    f->answer = answer_rejected;
    flow_open(f);
    struct journal_settings s = f->settings;
    s.record_limit = 64; /* as a store that takes nothing */
    journal_configure(f->dead_journal, &s);
    flow_publish(f, "a/1", 0, 10);
    flow_turn(f, 20);
    flow_check_counters(f);
    assert_int_equal(delivery_counters(f->delivery)->queued, 10);
    assert_string_equal(delivery_state_text(f->delivery), "waiting for the dead-letter store");
    flow_reload(f, "a/+");
    flow_turn(f, 20);
    flow_check_counters(f);
    assert_int_equal(delivery_counters(f->delivery)->queued, 10);
    s = dead_letter_journal_settings(&s, &f->settings);
    journal_configure(f->dead_journal, &s);
    assert_true(flow_settle(f));
    assert_int_equal(flow_dead_letters(f), 10);
    assert_int_equal(delivery_counters(f->delivery)->dead_lettered, 10);
    flow_check_counters(f);
}

/* ---- Age ---- */

static void turn_seconds(struct flow *f, unsigned seconds)
{
    for (unsigned i = 0; i < 4 * seconds; i++) {
        clock_fake_advance(250000);
        loop_turn(f->loop, 0);
    }
    flow_turn(f, 20);
}

static void what_is_too_old_is_dropped_and_counted(void **state)
{
    struct flow *f = *state;
    clock_fake_start(INT64_C(1800000000000000));
    f->settings.max_age_ms = 60000;
    f->answer = answer_down;
    upstream_is_down = true;
    flow_open(f);
    flow_publish(f, "a/1", 0, 300);
    flow_turn(f, 5);
    turn_seconds(f, 30);
    flow_publish(f, "a/1", 300, 100);
    turn_seconds(f, 20);
    assert_int_equal(delivery_counters(f->delivery)->dropped_expired, 0);
    turn_seconds(f, 80);
    flow_check_counters(f);
    /* All but those that were read already, and are on their way. */
    assert_int_equal(delivery_counters(f->delivery)->dropped_expired, 300);
    assert_int_equal(delivery_counters(f->delivery)->dropped_full, 0);
    assert_int_equal(delivery_counters(f->delivery)->queued, 100);
    upstream_is_down = false;
    turn_seconds(f, 2);
    assert_int_equal(delivery_counters(f->delivery)->delivered, 100);
    flow_publish(f, "a/1", 400, 5);
    turn_seconds(f, 2);
    assert_int_equal(delivery_counters(f->delivery)->delivered, 105);
    assert_string_equal(f->outputs[104], "a/1 payload-404");
    flow_check_counters(f);
    clock_fake_stop();
}

/* ---- Commits that fail ---- */

static _Atomic bool disk_is_broken, disk_is_full;

int fdatasync(int fd)
{
    if (disk_is_broken || disk_is_full) {
        errno = disk_is_full ? ENOSPC : EIO;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

static _Atomic bool disk_takes_no_file;

int fallocate(int fd, int mode, off_t offset, off_t len)
{
    if (disk_takes_no_file) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fallocate, fd, mode, offset, len);
}

/* The beginning of a burst goes to the end of one segment, and the next one cannot be made. */
static void a_commit_that_half_succeeds_counts_the_half(void **state)
{
    struct flow *f = *state;
    static char payload[4000];
    memset(payload, 'x', sizeof payload - 1);
    flow_open(f);
    flow_publish(f, "a/1", 0, 1);
    assert_true(flow_settle(f));
    disk_takes_no_file = true;
    for (unsigned i = 0; i < 400; i++) /* more than a segment; the others are wanted by nobody */
        assert_int_equal(flow_accept(f, i % 4 ? "a/1" : "b/1", payload), STATUS_OK);
    flow_commit(f);
    assert_int_equal(f->commit_failures, 1);
    flow_check_counters(f);
    uint64_t durable = journal_durable_head(f->journal) - 1;
    assert_in_range(durable, 100, 400);
    assert_int_equal(delivery_counters(f->delivery)->accepted, 1 + durable);
    assert_true(flow_settle(f));
    flow_check_counters(f);
    assert_int_equal(delivery_counters(f->delivery)->delivered, 1 + durable);
    disk_takes_no_file = false;
    flow_crash(f);
    flow_open(f);
    assert_true(flow_settle(f));
    flow_check_counters(f);
    assert_int_equal(delivery_counters(f->delivery)->dropped_not_routed, 0);
}

static void a_commit_that_fails_leaves_no_trace(void **state)
{
    struct flow *f = *state;
    flow_open(f);
    flow_publish(f, "a/1", 0, 10);
    assert_true(flow_settle(f));
    for (unsigned round = 0; round < 3; round++) {
        unsigned failures = (unsigned)f->commit_failures;
        disk_is_broken = true;
        for (unsigned i = 0; i < 10; i++)
            if (flow_accept(f, "a/1", "lost") != STATUS_OK)
                break;
        flow_commit(f);
        disk_is_broken = false;
        assert_int_equal(f->commit_failures, failures + 1);
        flow_turn(f, 5);
        flow_check_counters(f);
        assert_int_equal(delivery_counters(f->delivery)->accepted, 10 * (round + 1));
        assert_int_equal(delivery_counters(f->delivery)->queued, 0);
        for (int i = 0; i < 1000 && journal_state(f->journal) != JOURNAL_OK; i++)
            loop_turn(f->loop, 10);
        assert_int_equal(journal_state(f->journal), JOURNAL_OK);
        flow_publish(f, "a/1", 10 * (round + 1), 10);
        assert_true(flow_settle(f));
        if (round == 1) {
            flow_crash(f);
            flow_open(f);
            assert_true(flow_settle(f));
            break; /* the counters begin anew */
        }
    }
    size_t last = f->output_count;
    assert_true(last >= 30);
    assert_string_equal(f->outputs[last - 1], "a/1 payload-29");
    for (size_t i = 0; i < last; i++)
        assert_null(strstr(f->outputs[i], "lost"));
    flow_check_counters(f);
}

static unsigned purges;
static enum status purge_result;

static void handle_purged(void *ctx, enum status result)
{
    (void)ctx;
    purges++;
    purge_result = result;
}

/* On a full disk dead letters are what can be done without: purging them is no failure. */
static void letters_are_purged_on_a_full_disk(void **state)
{
    struct flow *f = *state;
    f->answer = answer_rejected;
    flow_open(f);
    flow_publish(f, "a/1", 0, 3);
    assert_true(flow_settle(f));
    assert_int_equal(flow_dead_letters(f), 3);
    f->answer = answer_down;
    upstream_is_down = true;
    flow_publish(f, "a/1", 3, 1);
    flow_turn(f, 20);
    disk_is_full = true;
    f->answer = answer_rejected;
    for (int i = 0; i < 1000 && journal_state(f->dead_journal) == JOURNAL_OK; i++)
        loop_turn(f->loop, 10);
    assert_int_equal(journal_state(f->dead_journal), JOURNAL_FULL);
    const uint64_t numbers[] = {1, 2, 3};
    purges = 0;
    purge_result = STATUS_BUSY;
    assert_int_equal(dead_letter_retire(f->dead_letters, numbers, array_count(numbers), DEAD_LETTER_PURGED,
                                        handle_purged, f),
                     STATUS_OK);
    assert_int_equal(purges, 0);
    flow_turn(f, 20);
    assert_int_equal(purges, 1);
    assert_int_equal(purge_result, STATUS_OK);
    assert_int_equal(flow_dead_letters(f), 0);
    disk_is_full = false;
    assert_true(flow_settle(f));
    assert_int_equal(flow_dead_letters(f), 1);
    flow_check_counters(f);
    flow_crash(f);
}

/* ---- Memory ---- */

void *__real_mmap64(void *address, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap64(void *address, size_t size, int protection, int flags, int fd, off_t offset);

int __real_munmap(void *address, size_t size);
int __wrap_munmap(void *address, size_t size);
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

enum { ARENA = 60 * 1024 }; /* what a batch asks for; small control objects always get theirs */

static bool memory_is_refused;
static unsigned refusals, arenas;
static size_t mapped_bytes;

void *__wrap_mmap64(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    if (!memory_is_refused) {
        mapped_bytes += size;
        return __real_mmap64(address, size, protection, flags, fd, offset);
    }
    refusals++;
    errno = ENOMEM;
    return MAP_FAILED;
}

int __wrap_munmap(void *address, size_t size)
{
    mapped_bytes -= size;
    return __real_munmap(address, size);
}

void *__wrap_malloc(size_t size)
{
    if (size >= ARENA && memory_is_refused)
        return NULL;
    arenas += size >= ARENA;
    return __real_malloc(size);
}

static void a_route_without_memory_to_read_goes_on_later(void **state)
{
    struct flow *f = *state;
    clock_fake_start(INT64_C(1800000000000000));
    f->answer = answer_down;
    upstream_is_down = true;
    flow_open(f);
    flow_publish(f, "a/1", 0, 300);
    flow_close(f);
    upstream_is_down = false;
    flow_open(f);
    memory_is_refused = true; /* before the first read from the disk */
    turn_seconds(f, 5);
    memory_is_refused = false;
    assert_true(refusals > 1);
    assert_int_equal(f->output_count, 0);
    turn_seconds(f, 5);
    assert_int_equal(f->output_count, 300);
    flow_check_counters(f);
    clock_fake_stop();
}

static struct outgoing *waiting[1000];
static size_t waiting_count;

static void keep(struct flow *f, struct upstream *u, struct outgoing *o)
{
    (void)f;
    (void)u;
    assert_true(waiting_count < array_count(waiting));
    waiting[waiting_count++] = o;
}

/* Few records of a long backlog are wanted, each in another block of the journal, and all of them wait for
 * the upstream: the blocks are not all kept for it. */
static void a_route_that_wants_little_keeps_little(void **state)
{
    enum { WANTED = 300, BETWEEN = 100 };
    struct flow *f = *state;
    struct error err;
    static char payload[1000];
    memset(payload, 'x', sizeof payload - 1);
    f->answer = answer_down;
    upstream_is_down = true;
    f->delivery_settings.window = 1000;
    flow_open(f);
    flow_reload(f, "#");
    for (unsigned i = 0; i < WANTED; i++) {
        for (unsigned k = 0; k < BETWEEN; k++)
            assert_int_equal(flow_accept(f, "b/1", payload), STATUS_OK);
        assert_int_equal(flow_accept(f, "a/1", payload), STATUS_OK);
        flow_commit(f);
    }
    flow_close(f);
    topic_filter_destroy(f->filter);
    f->filter = topic_filter_parse("a/#", &err);
    f->handle = keep;
    waiting_count = 0;
    flow_open(f);
    size_t mapped_before = mapped_bytes;
    unsigned arenas_before = arenas;
    for (int i = 0; i < 2000 && waiting_count < WANTED; i++)
        loop_turn(f->loop, 5);
    assert_int_equal(waiting_count, WANTED);
    assert_in_range(mapped_bytes - mapped_before, 0, 5 << 20);
    assert_in_range(arenas - arenas_before, 1, 20);
    for (size_t i = 0; i < waiting_count; i++) {
        assert_int_equal(waiting[i]->output.payload.len, sizeof payload - 1);
        assert_memory_equal(waiting[i]->output.payload.data, payload, sizeof payload - 1);
        upstream_answer(f->upstream, waiting[i], FBY_DELIVERED, NULL, 0);
    }
    assert_true(flow_settle(f));
    flow_check_counters(f);
    assert_int_equal(delivery_counters(f->delivery)->delivered, WANTED);
}

/* The daemon ends, so that the message is read again by the next one. */
static void a_message_that_memory_does_not_suffice_for_is_not_passed_over(void **state)
{
    struct flow *f = *state;
    const struct message_property property = {bytes_of_text("name"), bytes_of_text("text")};
    const struct message m = {.source = bytes_of_text("devices"),
                              .topic = bytes_of_text("a/1"),
                              .properties = &property,
                              .property_count = 1};
    pid_t child = fork();
    if (child == 0) {
        const struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        signal(SIGABRT, SIG_DFL);
        flow_open(f);
        struct message_sink sink = route_table_sink(f->routes);
        if (sink.accept(sink.self, &m) != STATUS_OK)
            _exit(1);
        memory_is_refused = true;
        flow_commit(f);
        flow_turn(f, 20);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, flow_set_up, flow_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(dropped_ones_are_counted_and_the_rest_arrives),
        TEST(nothing_stays_queued_after_a_crash_behind_dropped_ones),
        TEST(a_reload_behind_dropped_ones_counts_them_once),
        TEST(what_is_too_old_is_dropped_and_counted),
        TEST(a_commit_that_fails_leaves_no_trace),
        TEST(a_commit_that_half_succeeds_counts_the_half),
        TEST(letters_are_purged_on_a_full_disk),
        TEST(a_route_without_memory_to_read_goes_on_later),
        TEST(a_route_that_wants_little_keeps_little),
        TEST(a_message_that_memory_does_not_suffice_for_is_not_passed_over),
        TEST(letters_that_are_not_taken_hold_the_route),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
