/* SPDX-License-Identifier: Apache-2.0
 *
 * Readers in every position while the oldest records are removed under them, and the corners of limits.
 */
#include "journal_fixture.h"

#include "base/clock.h"
#include "base/log.h"
#include "journal/journal_internal.h"

#include <errno.h>
#include <stdio.h>

#define START_US INT64_C(1800000000000000)

static void ignore_line(void *ctx, enum log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    (void)line;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    fixture_init(f);
    clock_fake_start(START_US);
    log_set_sink(ignore_line, NULL);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_finish(*state);
    clock_fake_stop();
    log_set_sink(NULL, NULL);
    free(*state);
    return 0;
}

static void use_small_ring(struct fixture *f)
{
    f->settings.max_size = 512 << 10;
    f->settings.when_full = JOURNAL_DROP_OLDEST;
    fixture_open(f);
}

struct owner {
    struct journal_cursor *cursor;
    unsigned calls;
    bool closes; /* itself when it is told; else it confirms what goes */
};

static void handle_evict(void *ctx, uint64_t through, const char *reason)
{
    struct owner *o = ctx;
    assert_string_equal(reason, "journal_full");
    o->calls++;
    if (!o->closes) {
        journal_cursor_confirm(o->cursor, through);
        return;
    }
    journal_cursor_close(o->cursor);
    o->cursor = NULL;
}

static struct journal_cursor *open_with(struct fixture *f, const char *name,
                                        const struct journal_cursor_events *events, void *ctx)
{
    struct error err = {0};
    struct journal_cursor *c = journal_cursor_open(f->journal, name, JOURNAL_FROM_OLDEST, events, ctx, &err);
    assert_non_null(c);
    return c;
}

/* One has read all and confirmed nothing, one closes itself and one confirms when told, one waits for more
 * with all confirmed, one has no callback at all: each ends where it belongs. */
static void test_every_kind_of_reader(void **state)
{
    static const struct journal_cursor_events none = {0}, told = {.on_evict = handle_evict};
    struct fixture *f = *state;
    struct owner closing = {.closes = true}, confirming = {.closes = false};
    use_small_ring(f);
    struct journal_cursor *ahead = fixture_cursor(f, "ahead", JOURNAL_FROM_OLDEST);
    struct journal_cursor *done = fixture_cursor(f, "done", JOURNAL_FROM_OLDEST);
    struct journal_cursor *silent = open_with(f, "silent", &none, NULL);
    closing.cursor = open_with(f, "closing", &told, &closing);
    confirming.cursor = open_with(f, "confirming", &told, &confirming);
    uint64_t last = 0;
    for (unsigned i = 0; i < 40; i++) {
        fixture_fill(f, 100, 50);
        assert_int_equal(fixture_read(f, ahead, &last), 100);
        assert_int_equal(fixture_read(f, done, NULL), 100);
        journal_cursor_confirm(done, last + 1000); /* more than there is */
        assert_int_equal(journal_cursor_confirmed(done), last);
    }
    uint64_t oldest = journal_oldest(f->journal);
    assert_true(oldest > 1000);
    assert_int_equal(journal_cursor_position(ahead), 4000);
    assert_int_equal(journal_cursor_confirmed(ahead), oldest - 1);
    assert_int_equal(journal_cursor_confirmed(silent), oldest - 1);
    assert_int_equal(journal_cursor_confirmed(confirming.cursor), oldest - 1);
    assert_int_equal(fixture_read(f, silent, NULL), 4000 - oldest + 1);
    assert_int_equal(closing.calls, 1);
    assert_null(closing.cursor);
    assert_true(confirming.calls > 1);
    fixture_fill(f, 1, 1); /* nobody to call for the silent one */
    assert_int_equal(fixture_read(f, silent, NULL), 1);
    journal_cursor_save(silent);
    fixture_turns(f, 30);
    journal_cursor_close(ahead);
    journal_cursor_close(done);
    journal_cursor_close(silent);
    journal_cursor_close(confirming.cursor);
    journal_cursor_close(NULL);
    journal_cursor_forget(f->journal, "never heard of");
}

/* Without a reader the ring turns all the same, and counts what it drops. */
static void test_nobody_reads(void **state)
{
    struct fixture *f = *state;
    use_small_ring(f);
    fixture_fill(f, 4000, 50);
    assert_int_equal(journal_state(f->journal), JOURNAL_OK);
    assert_true(journal_oldest(f->journal) > 1000);
    assert_int_equal(f->journal->stats.evicted_full, journal_oldest(f->journal) - 1);
}

/* Removal in steps has begun when a reload changes the policy, or gives more room, or the readers have caught
 * up, or the last of them goes away: it stops there, and nothing more is taken from anybody. */
static void test_steps_are_called_off(void **state)
{
    struct fixture *f = *state;
    f->settings.max_size = 4 << 20;
    f->settings.segment_size = 1 << 20;
    f->settings.when_full = JOURNAL_DROP_OLDEST;
    for (int way = 0; way < 4; way++) {
        struct journal_settings changed = f->settings;
        char path[300];
        snprintf(path, sizeof(path), "%s/%d", f->path, way);
        f->settings.path = path;
        fixture_open(f);
        struct journal_cursor *c = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
        while (!loop_timer_is_running(f->journal->evict_timer)) {
            assert_true(fixture_append(f) > 0);
            if (f->journal->next_sequence % 500 == 0 && !loop_timer_is_running(f->journal->evict_timer))
                assert_int_equal(fixture_commit(f), STATUS_OK);
        }
        uint64_t head = journal_durable_head(f->journal), oldest = journal_oldest(f->journal);
        if (way == 0)
            changed.when_full = JOURNAL_BLOCK;
        if (way == 1)
            changed.max_size = 64 << 20;
        if (way < 2)
            journal_configure(f->journal, &changed);
        if (way == 2)
            journal_cursor_confirm(c, head);
        uint64_t confirmed = journal_cursor_confirmed(c);
        if (way == 3)
            journal_cursor_close(c);
        assert_int_equal(fixture_commit(f), STATUS_OK);
        fixture_turns(f, 20);
        assert_int_equal(f->journal->stats.evicted_full, 0);
        if (way != 2)
            assert_int_equal(journal_oldest(f->journal), oldest);
        if (way == 3) {
            c = fixture_cursor(f, "a", JOURNAL_FROM_HEAD);
            assert_int_equal(fixture_read(f, c, NULL), journal_durable_head(f->journal));
        }
        assert_int_equal(journal_cursor_confirmed(c), confirmed);
        journal_cursor_close(c);
        fixture_close(f);
        f->settings.path = f->path;
    }
}

/* What is not committed is not dropped for what comes: a burst larger than the limit is refused. */
static void test_uncommitted_burst(void **state)
{
    struct fixture *f = *state;
    use_small_ring(f);
    uint64_t newest = 0, given;
    for (unsigned i = 0; i < 10000 && (given = fixture_append(f)) > 0; i++)
        newest = given;
    assert_true(newest > 1000 && newest < 9000);
    assert_int_equal(journal_state(f->journal), JOURNAL_FULL);
    assert_int_equal(f->journal->stats.evicted_full, 0);
    assert_int_equal(fixture_commit(f), STATUS_OK);
    assert_int_equal(journal_durable_head(f->journal), newest);
}

/* A reserve that the file system does not have: the oldest segments go one by one, then it is full; with the
 * reserve lowered it goes on. A file system that does not tell its room is no reason to refuse. */
static void test_free_reserve(void **state)
{
    struct fixture *f = *state;
    use_small_ring(f);
    fixture_fill(f, 700, 50);
    uint64_t oldest = journal_oldest(f->journal), given = 0;
    f->settings.free_reserve = INT64_MAX / 4;
    journal_configure(f->journal, &f->settings);
    while ((given = fixture_append(f)) > 0)
        continue;
    assert_int_equal(journal_state(f->journal), JOURNAL_FULL);
    assert_non_null(strstr(journal_state_text(f->journal), "free_reserve"));
    assert_true(journal_oldest(f->journal) > oldest);
    assert_int_equal(fixture_commit(f), STATUS_OK);
    f->settings.free_reserve = 0;
    journal_configure(f->journal, &f->settings);
    for (unsigned i = 0; i < 200 && journal_state(f->journal) != JOURNAL_OK; i++) {
        clock_fake_advance(500000);
        fixture_turns(f, 5);
    }
    assert_int_equal(journal_state(f->journal), JOURNAL_OK);
    fixture_fail(FAULT_FSTATVFS, 1, 1000, EIO);
    fixture_fill(f, 700, 50);
}

/* The reserve is missing, and the file of what was dropped for it cannot be removed: dropping more would not
 * help. */
static void test_reserve_waits_for_removal(void **state)
{
    struct fixture *f = *state;
    char names[64][64];
    use_small_ring(f);
    fixture_fill(f, 1200, 50);
    size_t files = fixture_list_segments(f->path, names, 64);
    fixture_fail(FAULT_UNLINKAT, 1, 100000, EACCES);
    f->settings.free_reserve = INT64_MAX / 4;
    journal_configure(f->journal, &f->settings);
    while (fixture_append(f) > 0)
        continue;
    assert_int_equal(fixture_commit(f), STATUS_OK);
    uint64_t dropped = f->journal->stats.evicted_full;
    assert_true(dropped > 0 && dropped < 400);
    for (unsigned i = 0; i < 200; i++) {
        clock_fake_advance(500000);
        fixture_turns(f, 5);
    }
    assert_int_equal(journal_state(f->journal), JOURNAL_FULL);
    assert_int_equal(f->journal->stats.evicted_full, dropped);
    assert_true(fixture_list_segments(f->path, names, 64) >= files);
    fixture_fail_none();
    for (unsigned i = 0; i < 200; i++) {
        clock_fake_advance(500000);
        fixture_turns(f, 5);
    }
    assert_true(f->journal->stats.evicted_full > dropped);
}

/* A segment was made to leave FULL, and the first record that comes is too long for it: it goes without a
 * word to a reader that stands before it. */
static void test_empty_segment_is_evicted(void **state)
{
    static const struct journal_cursor_events told = {.on_evict = handle_evict};
    static uint8_t bytes[100 << 10];
    struct fixture *f = *state;
    struct owner owner = {0};
    uint64_t sequence = 0;
    use_small_ring(f);
    owner.cursor = open_with(f, "a", &told, &owner);
    fixture_fail(FAULT_PWRITEV, 1, 100, EIO);
    assert_int_equal(fixture_append(f), 1);
    assert_int_equal(fixture_commit(f), STATUS_IO);
    fixture_fail_none();
    for (unsigned i = 0; i < 200 && journal_state(f->journal) != JOURNAL_OK; i++) {
        clock_fake_advance(500000);
        fixture_turns(f, 5);
    }
    const struct journal_segment *made = f->journal->active;
    assert_int_equal(journal_append(f->journal, &(struct iovec){bytes, sizeof(bytes)}, 1, &sequence),
                     STATUS_OK);
    assert_int_equal(fixture_commit(f), STATUS_OK);
    assert_ptr_equal(list_first(&f->journal->segments, struct journal_segment, link), made);
    assert_true(made->sealed && made->last < made->base);
    assert_int_equal(journal_oldest(f->journal), sequence);
    assert_true(journal_retention_evict_oldest(f->journal, "journal_full"));
    assert_int_equal(list_first(&f->journal->segments, struct journal_segment, link)->base, sequence);
    assert_int_equal(owner.calls, 0);
    assert_int_equal(f->journal->stats.evicted_full, 0);
    journal_cursor_close(owner.cursor);
}

/* No room on the disk for what comes, and all that is there is confirmed: it goes, and counts for nobody as
 * dropped. */
static void test_confirmed_makes_room(void **state)
{
    static const struct journal_cursor_events told = {.on_evict = handle_evict};
    struct fixture *f = *state;
    struct owner owner = {0};
    use_small_ring(f);
    owner.cursor = open_with(f, "a", &told, &owner);
    fixture_fill(f, 100, 50);
    assert_int_equal(fixture_read(f, owner.cursor, NULL), 100);
    journal_cursor_confirm(owner.cursor, 100);
    fixture_fail(FAULT_PWRITEV, 1, 1, ENOSPC);
    fixture_fill(f, 10, 10);
    assert_int_equal(journal_state(f->journal), JOURNAL_OK);
    assert_int_equal(journal_oldest(f->journal), 101);
    assert_int_equal(f->journal->stats.evicted_full, 0);
    assert_int_equal(owner.calls, 0);
    assert_int_equal(fixture_read(f, owner.cursor, NULL), 10);
    fixture_fill(f, 600, 50);
    journal_cursor_confirm(owner.cursor, 710); /* far behind the oldest segment */
    assert_true(journal_retention_evict_oldest(f->journal, "journal_full"));
    assert_int_equal(f->journal->stats.evicted_full, 0);
    assert_int_equal(owner.calls, 0);
    journal_cursor_close(owner.cursor);
}

static void turn_seconds(struct fixture *f, unsigned seconds)
{
    for (unsigned i = 0; i < seconds; i++) {
        clock_fake_advance(1000000);
        fixture_turns(f, 5);
    }
}

/* A reload leaves room for less than the segment that is being filled. It is closed where it stands, and
 * smaller ones follow: by either policy the journal works again at once, and stays below the limit. */
static void test_limit_below_a_segment(void **state)
{
    struct fixture *f = *state;
    for (int drop = 0; drop < 2; drop++) {
        char path[300];
        uint64_t last = 0;
        unsigned refused = 0;
        snprintf(path, sizeof(path), "%s/%d", f->path, drop);
        f->settings.path = path;
        f->settings.max_size = 4 << 20;
        f->settings.segment_size = 1 << 20;
        f->settings.when_full = drop ? JOURNAL_DROP_OLDEST : JOURNAL_BLOCK;
        fixture_open(f);
        struct journal_cursor *c = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
        fixture_fill(f, 100, 50);
        f->settings.max_size = 1 << 20;
        journal_configure(f->journal, &f->settings);
        for (int i = 0; i < 10000; i++) {
            if (fixture_append(f) == 0) {
                refused++;
                for (int n = 0; n < 10; n++) { /* what is not committed yet, and the way out of FULL */
                    turn_seconds(f, 1);
                    fixture_read(f, c, &last);
                    journal_cursor_confirm(c, drop ? 0 : last);
                }
                assert_int_equal(journal_state(f->journal), JOURNAL_OK);
            }
            if (i % 50 == 49) {
                assert_int_equal(fixture_commit(f), STATUS_OK);
                fixture_read(f, c, &last);
                if (!drop)
                    journal_cursor_confirm(c, last);
            }
        }
        assert_in_range(refused, 0, 1);
        assert_true(journal_size_bytes(f->journal) <= 1 << 20);
        assert_int_equal(last, journal_durable_head(f->journal));
        assert_true(journal_oldest(f->journal) > 5000);
        assert_true(drop || f->journal->stats.evicted_full == 0);
        journal_cursor_close(c);
        fixture_close(f);
    }
}

/* A short age is looked at every second; while the clock is not set nothing expires. */
static void test_age(void **state)
{
    struct fixture *f = *state;
    f->settings.max_age_ms = 3000;
    fixture_open(f);
    fixture_fill(f, 500, 50);
    fixture_close(f);
    clock_fake_stop(); /* a start without a clock */
    clock_fake_start(5);
    fixture_open(f);
    turn_seconds(f, 10);
    assert_int_equal(journal_oldest(f->journal), 1);
    clock_fake_advance(START_US + INT64_C(10000000));
    turn_seconds(f, 10);
    assert_int_equal(journal_oldest(f->journal), 501);
    assert_int_equal(f->journal->stats.evicted_expired, 500);
    assert_int_equal(fixture_append(f), 501);
    assert_int_equal(fixture_commit(f), STATUS_OK);
}

/* Two notes ahead of the disk, one after the other: until the commit the former position is what is kept. */
static void test_two_notes_ahead(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    struct journal_cursor *c = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
    fixture_fill(f, 10, 10);
    journal_cursor_set_note(c, (struct journal_cursor_note){10, 1});
    assert_int_equal(fixture_append(f), 11);
    assert_int_equal(fixture_append(f), 12);
    journal_cursor_set_note(c, (struct journal_cursor_note){11, 2});
    journal_cursor_set_note(c, (struct journal_cursor_note){12, 3});
    assert_int_equal(c->entry->safe.note.counted_through, 10);
    assert_int_equal(c->entry->safe.note.pending, 1);
    assert_int_equal(fixture_commit(f), STATUS_OK);
    journal_cursor_close(c);
    fixture_close(f);
    fixture_open(f);
    c = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
    assert_int_equal(journal_cursor_note(c).pending, 3);
    journal_cursor_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_kind_of_reader, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nobody_reads, setup, teardown),
        cmocka_unit_test_setup_teardown(test_steps_are_called_off, setup, teardown),
        cmocka_unit_test_setup_teardown(test_uncommitted_burst, setup, teardown),
        cmocka_unit_test_setup_teardown(test_free_reserve, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reserve_waits_for_removal, setup, teardown),
        cmocka_unit_test_setup_teardown(test_empty_segment_is_evicted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_confirmed_makes_room, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limit_below_a_segment, setup, teardown),
        cmocka_unit_test_setup_teardown(test_age, setup, teardown),
        cmocka_unit_test_setup_teardown(test_two_notes_ahead, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
