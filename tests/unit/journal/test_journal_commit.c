/* SPDX-License-Identifier: Apache-2.0
 *
 * Commits that succeed in part, or fail where something else has failed before: between the states, behind a
 * segment that was only tried, while a name waits, and while the journal is closed.
 */
#include "journal_fixture.h"

#include "base/clock.h"
#include "base/log.h"
#include "journal/journal_internal.h"

#include <errno.h>
#include <stdio.h>

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
    clock_fake_start(INT64_C(1800000000000000));
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

static void pass_time(struct fixture *f)
{
    clock_fake_advance(200000);
    fixture_turns(f, 5);
}

static void wait_for_state(struct fixture *f, enum journal_state state)
{
    for (int i = 0; i < 600 && journal_state(f->journal) != state; i++)
        pass_time(f);
    assert_int_equal(journal_state(f->journal), state);
}

static void handle_result(void *ctx, enum status result)
{
    *(enum status *)ctx = result;
}

/* Everything up to `last` is there, read by a new cursor. */
static void check_all(struct fixture *f, const char *name, uint64_t last)
{
    struct journal_cursor *c = fixture_cursor(f, name, JOURNAL_FROM_OLDEST);
    assert_int_equal(fixture_read(f, c, NULL), last);
    journal_cursor_close(c);
}

/* Append to a journal that blocks until it is full; what was appended last is not committed. */
static uint64_t fill_up(struct fixture *f)
{
    uint64_t last = 0, given;
    while ((given = fixture_append(f))) {
        last = given;
        if (last % 1000 == 0)
            assert_int_equal(fixture_commit(f), STATUS_OK);
    }
    assert_int_equal(journal_state(f->journal), JOURNAL_FULL);
    assert_true(journal_durable_head(f->journal) < last);
    return last;
}

/* The disk fails while the journal is full: that is the worse state, and is said; both are left by
 * themselves.
 */
static void test_fails_while_full(void **state)
{
    struct fixture *f = *state;
    f->settings.max_size = 1 << 20;
    fixture_open(f);
    struct journal_cursor *c = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
    fill_up(f);
    uint64_t durable = journal_durable_head(f->journal), lost = f->journal->next_sequence - 1 - durable;
    assert_int_equal(f->state_changes, 1);
    fixture_fail(FAULT_FDATASYNC, 1, 100000, EIO);
    wait_for_state(f, JOURNAL_STORAGE_FAILED);
    assert_int_equal(f->state_changes, 2);
    assert_non_null(strstr(journal_state_text(f->journal), "storage failed"));
    assert_int_equal(journal_durable_head(f->journal), durable);
    assert_int_equal(f->journal->stats.lost_uncommitted, lost);
    assert_int_equal(fixture_read(f, c, NULL), durable);
    fixture_fail_none();
    journal_cursor_confirm(c, durable);
    wait_for_state(f, JOURNAL_OK);
    fixture_fill(f, 10, 10);
    assert_int_equal(fixture_read(f, c, NULL), 10);
    journal_cursor_close(c);
}

/* Nobody is told of a state that a journal reaches while it is closed; the file that was begun goes with the
 * next start. */
static void test_fails_while_closing(void **state)
{
    struct fixture *f = *state;
    char names[8][64];
    fixture_open(f);
    for (int i = 0; i < 10; i++)
        assert_true(fixture_append(f) > 0);
    fixture_fail(FAULT_PWRITEV, 2, 100000, EIO); /* the first is the header */
    fixture_close(f);
    fixture_fail_none();
    assert_int_equal(f->state_changes, 0);
    fixture_open(f);
    assert_int_equal(journal_recovery(f->journal)->head, 0);
    fixture_fill(f, 10, 10);
    fixture_turns(f, 20);
    assert_int_equal(fixture_list_segments(f->path, names, 8), 1);
    check_all(f, "a", 10);
}

/* A write fails in a segment whose first blocks are durable: those stay, and what follows moves on. */
static void test_fails_behind_whole_blocks(void **state)
{
    struct fixture *f = *state;
    f->settings.segment_size = 2 << 20;
    f->settings.max_size = 16 << 20;
    f->settings.memory_tail = 2 << 20;
    fixture_open(f);
    fixture_fill(f, 2000, 500);
    for (int i = 0; i < 1000; i++)
        assert_true(fixture_append(f) > 0);
    const struct journal_segment *before = f->journal->active;
    fixture_fail(FAULT_PWRITEV, 1, 1, EIO);
    assert_int_equal(fixture_commit(f), STATUS_OK);
    assert_ptr_not_equal(f->journal->active, before);
    assert_int_equal(before->last, 2000);
    assert_int_equal(f->journal->active->base, 2001);
    check_all(f, "memory", 3000);
    fixture_close(f);
    fixture_open(f);
    assert_int_equal(journal_recovery(f->journal)->damaged_records, 0);
    check_all(f, "disk", 3000);
}

/* A write fails in the first of several segments of one commit: all of them are left, and the fresh ones
 * follow each other in the order of their numbers. */
static void test_fails_before_others(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    fixture_fill(f, 10, 10);
    for (int i = 0; i < 990; i++)
        assert_true(fixture_append(f) > 0);
    fixture_fail(FAULT_PWRITEV, 1, 1, EIO);
    assert_int_equal(fixture_commit(f), STATUS_OK);
    uint64_t serial = 0;
    list_for_each(s, &f->journal->segments, struct journal_segment, link)
    {
        assert_true(s->serial > serial);
        serial = s->serial;
    }
    check_all(f, "memory", 1000);
    fixture_close(f);
    fixture_open(f);
    check_all(f, "disk", 1000);
}

/* Out of FULL by a segment that was tried: the one before it still wants its footer, and its file cannot be
 * opened for that. Both are left, and the records follow in order in new ones. */
static void test_fails_before_the_tried_segment(void **state)
{
    struct fixture *f = *state;
    f->settings.max_size = 1 << 20;
    fixture_open(f);
    struct journal_cursor *c = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
    uint64_t last = fill_up(f);
    while (journal_durable_head(f->journal) < last)
        pass_time(f);
    journal_cursor_confirm(c, last / 2);
    wait_for_state(f, JOURNAL_OK);
    const struct journal_segment *tried = f->journal->active;
    assert_true(tried->created && tried->last < tried->base);
    for (int i = 0; i < 10; i++)
        assert_true(fixture_append(f) > 0);
    fixture_fail(FAULT_OPENAT, 1, 1, EIO);
    assert_int_equal(fixture_commit(f), STATUS_OK);
    fixture_fail_none();
    assert_int_equal(f->journal->stats.commit_failures, 1);
    assert_int_equal(journal_state(f->journal), JOURNAL_OK);
    uint64_t oldest = journal_oldest(f->journal), newest = 0;
    fixture_fill(f, 100, 10);
    journal_cursor_close(c);
    for (int opens = 0; opens < 2; opens++) {
        c = fixture_cursor(f, opens ? "disk" : "memory", JOURNAL_FROM_OLDEST);
        assert_int_equal(fixture_read(f, c, &newest), last + 110 - oldest + 1);
        assert_int_equal(newest, last + 110);
        journal_cursor_close(c);
        fixture_close(f);
        fixture_open(f);
        assert_int_equal(journal_recovery(f->journal)->damaged_records, 0);
        assert_int_equal(journal_recovery(f->journal)->missing_records, 0);
    }
}

/* A name that cannot be written while nobody appends is no reason to refuse anything; the next commit waits
 * for it. */
static void test_name_without_records(void **state)
{
    struct fixture *f = *state;
    enum status result = STATUS_BUSY;
    fixture_open(f);
    fixture_fill(f, 10, 10);
    struct journal_cursor *c = fixture_cursor(f, "new", JOURNAL_FROM_HEAD);
    fixture_fail(FAULT_FDATASYNC, 1, 1, EIO);
    journal_cursor_save(c);
    fixture_turns(f, 20);
    fixture_fail_none();
    assert_int_equal(f->state_changes, 0);
    assert_int_equal(f->journal->stats.lost_uncommitted, 0);
    assert_true(f->journal->names_pending);
    assert_int_equal(fixture_append(f), 11);
    journal_commit(f->journal, handle_result, &result);
    fixture_turns(f, 20);
    assert_int_equal(result, STATUS_BUSY);
    for (int i = 0; i < 100 && result == STATUS_BUSY; i++)
        pass_time(f);
    assert_int_equal(result, STATUS_OK);
    assert_false(f->journal->names_pending);
    assert_int_equal(fixture_read(f, c, NULL), 1);
    journal_cursor_close(c);
}

/* The same while the journal is closed: what was appended is written all the same. */
static void test_name_fails_while_closing(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    fixture_fill(f, 10, 10);
    struct journal_cursor *c = fixture_cursor(f, "new", JOURNAL_FROM_HEAD);
    assert_int_equal(fixture_append(f), 11);
    fixture_fail(FAULT_FDATASYNC, 1, 1, EIO);
    journal_commit_pump(f->journal);
    assert_true(f->journal->writer_busy && f->journal->names_pending);
    journal_cursor_close(c);
    fixture_close(f);
    fixture_fail_none();
    assert_int_equal(f->state_changes, 0);
    fixture_open(f);
    assert_int_equal(journal_durable_head(f->journal), 11);
    c = fixture_cursor(f, "new", JOURNAL_FROM_HEAD);
    assert_int_equal(fixture_read(f, c, NULL), 1);
    journal_cursor_close(c);
}

/* A footer goes to the file, and what was reserved behind it cannot be given back: that costs room, no more.
 */
static void test_file_is_not_shortened(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    fixture_fail(FAULT_FTRUNCATE, 1, 1, EIO);
    fixture_fill(f, 600, 50);
    fixture_fail_none();
    const struct journal_segment *s = list_first(&f->journal->segments, struct journal_segment, link);
    assert_true(s->sealed);
    assert_int_equal(s->size, 64 << 10);
    check_all(f, "memory", 600);
    fixture_close(f);
    fixture_open(f);
    check_all(f, "disk", 600);
    assert_int_equal(journal_recovery(f->journal)->damaged_records, 0);
}

/* Of two files that are to go the second one cannot yet: the first is gone, and the other follows. */
static void test_removal_stops_half_way(void **state)
{
    struct fixture *f = *state;
    char names[64][64];
    fixture_open(f);
    struct journal_cursor *c = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
    fixture_fill(f, 1000, 100);
    size_t before = fixture_list_segments(f->path, names, 64);
    fixture_fail(FAULT_UNLINKAT, 2, 1, EIO);
    journal_cursor_confirm(c, 1000);
    fixture_turns(f, 30);
    assert_int_equal(fixture_list_segments(f->path, names, 64), before - 1);
    for (int i = 0; i < 50; i++)
        pass_time(f);
    assert_int_equal(fixture_list_segments(f->path, names, 64), 1);
    assert_int_equal(f->journal->removing_bytes, 0);
    journal_cursor_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_fails_while_full, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fails_while_closing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fails_behind_whole_blocks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fails_before_others, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fails_before_the_tried_segment, setup, teardown),
        cmocka_unit_test_setup_teardown(test_name_without_records, setup, teardown),
        cmocka_unit_test_setup_teardown(test_name_fails_while_closing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_file_is_not_shortened, setup, teardown),
        cmocka_unit_test_setup_teardown(test_removal_stops_half_way, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
