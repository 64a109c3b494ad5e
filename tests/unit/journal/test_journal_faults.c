/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes, flushes, creations and removals that fail, and a disk without room: what was acknowledged stays,
 * what was not is refused, numbers are not given twice, and the journal comes back by itself.
 */
#include "journal_fixture.h"

#include "base/clock.h"
#include "base/log.h"
#include "journal/journal_internal.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

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

/* Everything from `first` on is there, without a gap up to `gap` - 1 and from `behind` on. */
static void check_numbers(struct fixture *f, const char *name, uint64_t gap, uint64_t behind, uint64_t last)
{
    struct journal_cursor *c = fixture_cursor(f, name, JOURNAL_FROM_OLDEST);
    struct journal_record r;
    for (uint64_t n = 1; n <= last; n = n + 1 == gap ? behind : n + 1) {
        assert_int_equal(journal_cursor_next(c, &r), STATUS_OK);
        assert_int_equal(r.sequence, n);
        fixture_check_record(&r);
    }
    assert_int_equal(journal_cursor_next(c, &r), STATUS_END);
    journal_cursor_close(c);
}

static void wait_for_state(struct fixture *f, enum journal_state state)
{
    for (int i = 0; i < 600 && journal_state(f->journal) != state; i++) {
        clock_fake_advance(200000);
        loop_turn(f->loop, 5);
    }
    assert_int_equal(journal_state(f->journal), state);
}

/* One failure of any step in any segment is repaired: the commit succeeds, the bytes are right, also after a
 * start, and the file that failed is not used again. */
static void fail_once(struct fixture *f, enum fault which, int error_number)
{
    fixture_open(f);
    fixture_fill(f, 105, 35);
    const struct journal_segment *before = f->journal->active;
    uint64_t serial = before->serial;
    fixture_fail(which, 1, 1, error_number);
    for (int i = 0; i < 10; i++)
        assert_true(fixture_append(f) > 0);
    assert_int_equal(fixture_commit(f), STATUS_OK);
    assert_int_not_equal(f->journal->active->serial, serial);
    fixture_fill(f, 400, 40); /* over the end of a segment */
    assert_int_equal(journal_state(f->journal), JOURNAL_OK);
    check_numbers(f, "memory", 0, 0, 515);
    fixture_close(f);
    fixture_open(f);
    check_numbers(f, "disk", 0, 0, 515);
    assert_int_equal(journal_recovery(f->journal)->damaged_records, 0);
    assert_int_equal(fixture_append(f), 516);
}

static void test_write_fails_once(void **state)
{
    fail_once(*state, FAULT_PWRITEV, EIO);
}

static void test_sync_fails_once(void **state)
{
    fail_once(*state, FAULT_FDATASYNC, EIO);
}

static void test_write_no_room_once(void **state)
{
    fail_once(*state, FAULT_PWRITEV, ENOSPC);
}

/* Writes that take less than they were given are continued, wherever they stop. */
static void test_short_writes(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    for (unsigned i = 1; i <= 10; i++) {
        fixture_fail(FAULT_PWRITEV, i, 3, FAULT_SHORT);
        fixture_fill(f, 100, 40);
    }
    fixture_fail_none();
    assert_int_equal(journal_state(f->journal), JOURNAL_OK);
    fixture_close(f);
    fixture_open(f);
    check_numbers(f, "disk", 0, 0, 1000);
    assert_int_equal(journal_recovery(f->journal)->damaged_records, 0);
}

/* The creation of a segment fails once, at each of its steps. */
static void test_create_fails_once(void **state)
{
    struct fixture *f = *state;
    const enum fault steps[] = {FAULT_FALLOCATE, FAULT_OPENAT, FAULT_PWRITEV, FAULT_FDATASYNC};
    fixture_open(f);
    uint64_t last = 0;
    for (size_t i = 0; i < array_count(steps); i++) {
        while (!f->journal->active || f->journal->active->append_end < 64000)
            last = fixture_append(f);
        assert_int_equal(fixture_commit(f), STATUS_OK);
        while (f->journal->active->created) /* into the next segment */
            last = fixture_append(f);
        fixture_fail(steps[i], steps[i] == FAULT_PWRITEV || steps[i] == FAULT_FDATASYNC ? 3 : 1, 1, EIO);
        assert_int_equal(fixture_commit(f), STATUS_OK);
        fixture_fail_none();
    }
    check_numbers(f, "memory", 0, 0, last);
    fixture_close(f);
    fixture_open(f);
    check_numbers(f, "disk", 0, 0, last);
}

/* Every call fails: the records are refused, the state says so, and when the disk works again new numbers
 * are above the lost ones. */
static void fail_long(struct fixture *f, enum fault which, int error_number, enum journal_state expected)
{
    uint64_t sequence = 0;
    uint8_t *space = NULL;
    fixture_open(f);
    struct journal_cursor *c = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
    fixture_fill(f, 100, 50);
    fixture_fail(which, 1, 100000, error_number);
    for (int i = 0; i < 10; i++)
        assert_true(fixture_append(f) > 0);
    enum status refused = expected == JOURNAL_FULL ? STATUS_FULL : STATUS_IO;
    assert_int_equal(fixture_commit(f), refused);
    assert_int_equal(journal_state(f->journal), expected);
    assert_int_equal(f->state_changes, 1);
    assert_true(strlen(journal_state_text(f->journal)) > 20);
    assert_int_equal(journal_append_space(f->journal, 10, &space, &sequence), refused);
    assert_int_equal(fixture_commit(f), refused);
    assert_int_equal(journal_durable_head(f->journal), 100);
    assert_int_equal(fixture_read(f, c, NULL), 100); /* reading goes on */
    for (int i = 0; i < 20; i++) {                   /* tries and fails */
        clock_fake_advance(500000);
        loop_turn(f->loop, 5);
        assert_int_equal(journal_state(f->journal), expected);
    }
    fixture_fail_none();
    wait_for_state(f, JOURNAL_OK);
    assert_int_equal(f->state_changes, 2);
    assert_string_equal(journal_state_text(f->journal), "");
    assert_int_equal(fixture_append(f), 111);
    assert_int_equal(fixture_commit(f), STATUS_OK);
    assert_int_equal(fixture_read(f, c, NULL), 1);
    journal_cursor_close(c);
    check_numbers(f, "memory", 101, 111, 111);
    fixture_close(f);
    fixture_open(f);
    check_numbers(f, "disk", 101, 111, 111);
    assert_int_equal(journal_recovery(f->journal)->damaged_records, 0);
    assert_int_equal(fixture_append(f), 112);
}

static void test_sync_fails_for_ever(void **state)
{
    fail_long(*state, FAULT_FDATASYNC, EIO, JOURNAL_STORAGE_FAILED);
}

static void test_write_fails_for_ever(void **state)
{
    fail_long(*state, FAULT_PWRITEV, EIO, JOURNAL_STORAGE_FAILED);
}

static void test_no_room_for_ever(void **state)
{
    fail_long(*state, FAULT_PWRITEV, ENOSPC, JOURNAL_FULL);
}

static void test_no_quota_for_ever(void **state)
{
    fail_long(*state, FAULT_PWRITEV, EDQUOT, JOURNAL_FULL);
}

/* No room in the middle of a write, with when_full: drop_oldest: the oldest segment makes room for it. */
static void test_no_room_drops_oldest(void **state)
{
    struct fixture *f = *state;
    f->settings.when_full = JOURNAL_DROP_OLDEST;
    fixture_open(f);
    fixture_fill(f, 1000, 50);
    assert_int_equal(journal_oldest(f->journal), 1);
    fixture_fail(FAULT_PWRITEV, 1, 1, ENOSPC);
    fixture_fill(f, 50, 50);
    assert_int_equal(journal_state(f->journal), JOURNAL_OK);
    uint64_t oldest = journal_oldest(f->journal), last = 0;
    assert_true(oldest > 1 && oldest < 500);
    struct journal_cursor *c = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
    assert_int_equal(fixture_read(f, c, &last), 1050 - oldest + 1);
    assert_int_equal(last, 1050);
    journal_cursor_close(c);
}

/* Append and commit, one by one, until the newest record stands in a segment that has no file yet: all that
 * is due in the one before it is the footer. */
static void fill_segment(struct fixture *f)
{
    fixture_fill(f, 1, 1);
    while (fixture_append(f) > 0 && f->journal->active->created)
        assert_int_equal(fixture_commit(f), STATUS_OK);
}

/* The footer of the only segment finds no room: it may go for that, but not before what follows it has been
 * put elsewhere. */
static void test_no_room_for_a_footer(void **state)
{
    struct fixture *f = *state;
    f->settings.when_full = JOURNAL_DROP_OLDEST;
    fixture_open(f);
    fill_segment(f);
    fixture_fail(FAULT_FDATASYNC, 1, 1, ENOSPC);
    assert_int_equal(fixture_commit(f), STATUS_OK);
    fixture_fail_none();
    assert_int_equal(journal_state(f->journal), JOURNAL_OK);
    fixture_fill(f, 100, 50);
    struct journal_cursor *c = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
    uint64_t newest = 0;
    assert_true(fixture_read(f, c, &newest) >= 100);
    assert_int_equal(newest, f->journal->next_sequence - 1);
    journal_cursor_close(c);
}

static void handle_result(void *ctx, enum status result)
{
    *(enum status *)ctx = result;
}

/* Two wait for one write: the records of the first went into a segment whose part of it succeeded, so they
 * are durable, and it hears so. */
static void test_only_the_failed_part_is_refused(void **state)
{
    struct fixture *f = *state;
    enum status first = STATUS_BUSY;
    fixture_open(f);
    fixture_fill(f, 10, 10);
    for (int i = 0; i < 5; i++)
        assert_true(fixture_append(f) > 0);
    journal_commit(f->journal, handle_result, &first);
    while (f->journal->active->created)
        assert_true(fixture_append(f) > 0);
    fixture_fail(FAULT_FALLOCATE, 1, 100, EIO);
    assert_int_equal(fixture_commit(f), STATUS_IO);
    assert_int_equal(first, STATUS_OK);
    assert_true(journal_durable_head(f->journal) >= 15);
    fixture_fail_none();
}

/* A segment that somebody takes away under the daemon: its records are lost, the others are delivered. */
static void test_segment_taken_away(void **state)
{
    struct fixture *f = *state;
    char names[64][64], path[400];
    uint64_t last = 0;
    fixture_open(f);
    fixture_fill(f, 2000, 100);
    fixture_list_segments(f->path, names, 64);
    snprintf(path, sizeof(path), "%s/%s", f->path, names[1]);
    assert_int_equal(unlink(path), 0);
    struct journal_cursor *c = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
    unsigned count = fixture_read(f, c, &last);
    assert_true(count < 2000 && count > 2000 - 400);
    assert_int_equal(last, 2000);
    journal_cursor_close(c);
}

/* The segment that is being written is taken away: what is acknowledged from then on is in another one. */
static void test_active_segment_taken_away(void **state)
{
    struct fixture *f = *state;
    char names[64][64], path[400];
    fixture_open(f);
    fixture_fill(f, 10, 10);
    assert_int_equal(fixture_list_segments(f->path, names, 64), 1);
    snprintf(path, sizeof(path), "%s/%s", f->path, names[0]);
    assert_int_equal(unlink(path), 0);
    fixture_fill(f, 20, 5);
    assert_int_equal(journal_state(f->journal), JOURNAL_OK);
    fixture_close(f);
    fixture_open(f);
    struct journal_cursor *c = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
    uint64_t last = 0;
    assert_int_equal(fixture_read(f, c, &last), 20);
    assert_int_equal(last, 30);
    journal_cursor_close(c);
}

/* The whole directory is: nothing is acknowledged any more, and it is said what to do. */
static void test_directory_taken_away(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    fixture_fill(f, 10, 10);
    fixture_remove_directory(f->path);
    assert_int_equal(fixture_append(f), 11);
    assert_int_equal(fixture_commit(f), STATUS_IO);
    assert_int_equal(journal_state(f->journal), JOURNAL_STORAGE_FAILED);
    assert_non_null(strstr(journal_state_text(f->journal), "the directory has been removed"));
    fixture_close(f);
    fixture_open(f);
    assert_int_equal(fixture_append(f), 1);
    assert_int_equal(fixture_commit(f), STATUS_OK);
}

/* A file system that tells nothing of names is trusted, and one that takes no file is not called removed. */
static void test_names_that_are_not_told(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    fixture_fail(FAULT_FSTAT, 1, 1000, ENOSYS);
    fixture_fill(f, 300, 30);
    fixture_fail_none();
    fixture_fill(f, 10, 10);
    assert_int_equal(journal_state(f->journal), JOURNAL_OK);
    journal_append_close_segment(f->journal);
    fixture_fail(FAULT_OPENAT, 1, 1000, ENOENT);
    assert_int_equal(fixture_append(f), 311);
    assert_int_equal(fixture_commit(f), STATUS_IO);
    assert_null(strstr(journal_state_text(f->journal), "removed"));
    assert_non_null(strstr(journal_state_text(f->journal), "check the disk"));
    fixture_fail_none();
    wait_for_state(f, JOURNAL_OK);
    check_numbers(f, "all", 0, 0, 310);
}

/* The k-th call of each function fails, for every k: acknowledged records are always there after a start. */
static void test_every_call_fails(void **state)
{
    struct fixture *f = *state;
    const int errors[] = {EIO, ENOSPC, EINTR};
    for (int which = 0; which < FAULT_PREAD; which++) {
        for (unsigned k = 1; k <= 12; k++) {
            uint64_t acknowledged = 0;
            struct fixture g = {.loop = f->loop, .settings = f->settings};
            char path[300];
            snprintf(path, sizeof(path), "%s/%d-%u", f->path, which, k);
            g.settings.path = path;
            fixture_open(&g);
            fixture_fail((enum fault)which, k, 1, errors[k % 3]);
            for (int i = 0; i < 12; i++) {
                uint64_t newest = 0;
                for (int n = 0; n < 30; n++)
                    newest = fixture_append(&g);
                if (newest && fixture_commit(&g) == STATUS_OK)
                    acknowledged = newest;
            }
            fixture_fail_none();
            assert_int_equal(acknowledged, 360);
            fixture_close(&g);
            fixture_open(&g);
            check_numbers(&g, "all", 0, 0, 360);
            fixture_close(&g);
            fixture_remove_directory(path);
        }
    }
}

/* A read that fails is told and tried again; nothing is skipped. */
static void test_read_fails(void **state)
{
    struct fixture *f = *state;
    struct journal_record r;
    fixture_open(f);
    fixture_fill(f, 2000, 100);
    struct journal_cursor *c = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
    assert_int_equal(journal_cursor_next(c, &r), STATUS_OK);
    fixture_fail(FAULT_PREAD, 1, 3, EIO);
    unsigned count = 1, failures = 0;
    for (;;) {
        enum status st = journal_cursor_next(c, &r);
        if (st == STATUS_END)
            break;
        failures += st == STATUS_IO;
        count += st == STATUS_OK;
        if (st == STATUS_OK)
            assert_int_equal(r.sequence, count);
    }
    assert_int_equal(failures, 3);
    assert_int_equal(count, 2000);
    journal_cursor_close(c);
}

/* Files that cannot be unlinked are tried again, and come back as nothing. */
static void test_unlink_fails(void **state)
{
    struct fixture *f = *state;
    char names[64][64];
    fixture_open(f);
    struct journal_cursor *c = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
    fixture_fill(f, 1000, 100);
    size_t before = fixture_list_segments(f->path, names, 64);
    fixture_fail(FAULT_UNLINKAT, 1, 1000, EIO);
    journal_cursor_confirm(c, 1000);
    fixture_turns(f, 50);
    assert_int_equal(fixture_list_segments(f->path, names, 64), before);
    assert_int_equal(journal_oldest(f->journal), f->journal->active->base);
    fixture_fail_none();
    journal_cursor_close(c);
    fixture_close(f);
    assert_true(fixture_list_segments(f->path, names, 64) <= 2);
    fixture_open(f);
    c = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
    assert_int_equal(fixture_read(f, c, NULL), 0);
    journal_cursor_close(c);
}

/* The cursors cannot be written while a new name waits: commits are refused, not left hanging; it passes. */
static void test_new_name_cannot_be_written(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    fixture_fill(f, 10, 10);
    struct journal_cursor *c = fixture_cursor(f, "new", JOURNAL_FROM_HEAD);
    fixture_fail(FAULT_FDATASYNC, 1, 1000, EIO);
    assert_int_equal(fixture_append(f), 11);
    assert_int_equal(fixture_commit(f), STATUS_IO);
    assert_int_equal(journal_state(f->journal), JOURNAL_STORAGE_FAILED);
    fixture_fail_none();
    wait_for_state(f, JOURNAL_OK);
    assert_int_equal(fixture_append(f), 12);
    assert_int_equal(fixture_commit(f), STATUS_OK);
    assert_int_equal(fixture_read(f, c, NULL), 1);
    journal_cursor_close(c);
}

/* A real file system that fills up and is freed, three times (root only). */
static void test_small_file_system(void **state)
{
    struct fixture *f = *state;
    char path[300];
    if (geteuid() != 0 || mount("none", f->path, "tmpfs", 0, "size=2m") != 0) {
        skip();
        return;
    }
    snprintf(path, sizeof(path), "%s/journal", f->path);
    f->settings.path = path;
    f->settings.free_reserve = 0;
    fixture_open(f);
    uint64_t acknowledged = 0;
    struct journal_cursor *c = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
    for (int round = 0; round < 3; round++) {
        while (journal_state(f->journal) == JOURNAL_OK) {
            uint64_t newest = 0;
            for (int i = 0; i < 50 && journal_state(f->journal) == JOURNAL_OK; i++) {
                uint64_t given = fixture_append(f);
                newest = given ? given : newest;
            }
            if (newest && fixture_commit(f) == STATUS_OK)
                acknowledged = newest;
        }
        assert_int_equal(journal_state(f->journal), JOURNAL_FULL);
        assert_int_equal(journal_durable_head(f->journal), acknowledged);
        uint64_t last = 0;
        fixture_read(f, c, &last);
        assert_int_equal(last, acknowledged);
        journal_cursor_confirm(c, acknowledged);
        wait_for_state(f, JOURNAL_OK);
    }
    assert_true(acknowledged > 10000);
    journal_cursor_close(c);
    fixture_close(f);
    umount(f->path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_write_fails_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sync_fails_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_write_no_room_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_short_writes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_create_fails_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sync_fails_for_ever, setup, teardown),
        cmocka_unit_test_setup_teardown(test_write_fails_for_ever, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_room_for_ever, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_quota_for_ever, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_room_drops_oldest, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_room_for_a_footer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_only_the_failed_part_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_segment_taken_away, setup, teardown),
        cmocka_unit_test_setup_teardown(test_active_segment_taken_away, setup, teardown),
        cmocka_unit_test_setup_teardown(test_directory_taken_away, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names_that_are_not_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_call_fails, setup, teardown),
        cmocka_unit_test_setup_teardown(test_read_fails, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unlink_fails, setup, teardown),
        cmocka_unit_test_setup_teardown(test_new_name_cannot_be_written, setup, teardown),
        cmocka_unit_test_setup_teardown(test_small_file_system, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
