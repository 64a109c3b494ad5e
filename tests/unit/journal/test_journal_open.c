/* SPDX-License-Identifier: Apache-2.0
 *
 * Opening under faults: either the journal opens with every record that the disk gives, or it says why not
 * and the next try finds everything; figures about a journal that is open.
 */
#include "journal_fixture.h"

#include "base/clock.h"
#include "base/log.h"
#include "journal/journal_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

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

/* Opens and reads everything; returns how many records there were. The journal stays open. */
static unsigned read_all(struct fixture *f, uint64_t *last)
{
    fixture_open(f);
    struct journal_cursor *c = fixture_cursor(f, "reader", JOURNAL_FROM_OLDEST);
    unsigned count = fixture_read(f, c, last);
    journal_cursor_close(c);
    return count;
}

static void expect_refused(struct fixture *f, const char *reason)
{
    struct error err = {0};
    assert_null(journal_open(&f->settings, "main", f->loop, NULL, &err));
    if (!strstr(err.text, reason))
        fail_msg("\"%s\" does not speak of \"%s\"", err.text, reason);
}

/* The lock is held by somebody who left no number; locks are not to be had; the path is a file. */
static void test_cannot_have_it(void **state)
{
    struct fixture *f = *state;
    char path[400];
    snprintf(path, sizeof(path), "%s/lock", f->path);
    int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    expect_refused(f, "in use by process (unknown)");
    close(fd);
    fixture_fail(FAULT_FLOCK, 1, 1, ENOLCK);
    expect_refused(f, "cannot lock");
    f->settings.path = path;
    expect_refused(f, "cannot open");
    f->settings.path = f->path;
    fixture_open(f);
}

/* A file that the start needs cannot be opened: the reason names it, and the next start finds everything. */
static void test_files_cannot_be_opened(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    fixture_fill(f, 100, 50);
    fixture_close(f);
    const struct {
        unsigned call, count; /* parent, lock, cursors, the list, the segment once and again to write */
        int failure;
        const char *reason;
    } cases[] = {
        {2, 1, EMFILE, "lock"},        {2, 1, EACCES, "user of the service"},
        {3, 1, EMFILE, "cursors"},     {4, 3, EIO, "cannot list"},
        {6, 6, EMFILE, "cannot open"}, {6, 6, EACCES, "user of the service"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fixture_fail(FAULT_OPENAT, cases[i].call, cases[i].count, cases[i].failure);
        expect_refused(f, cases[i].reason);
        fixture_fail_none();
    }
    fixture_fail(FAULT_OPENAT, 1, 1, EMFILE); /* the parent's flush is a help, no more */
    fixture_fail(FAULT_FTRUNCATE, 1, 1, EIO); /* so is the number in the lock */
    assert_int_equal(read_all(f, NULL), 100);
}

/* A segment that was out of reach when the files were listed, and is not any more: its size is asked for
 * again, or it would count as empty. Without a size there is no start. */
static void test_size_is_known(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    fixture_fill(f, 100, 50);
    fixture_close(f);
    fixture_fail(FAULT_LSEEK, 1, 1, EIO);
    expect_refused(f, "cannot list");
    fixture_fail(FAULT_LSEEK, 2, 1, EIO);
    expect_refused(f, "size of");
    fixture_fail_none();
    fixture_fail(FAULT_OPENAT, 5, 3, EMFILE);
    assert_int_equal(read_all(f, NULL), 100);
}

/* A segment that the disk refuses is set aside, one that went away is left out; numbers are not given again.
 */
static void test_segment_is_lost(void **state)
{
    struct fixture *f = *state;
    const int failures[] = {EUCLEAN, EBADMSG, ENOENT};
    char path[300];
    for (unsigned i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s/%u", f->path, i);
        f->settings.path = path;
        fixture_open(f);
        fixture_fill(f, 100, 50);
        fixture_close(f);
        fixture_fail(FAULT_OPENAT, 6, failures[i] == ENOENT ? 2 : 6, failures[i]);
        fixture_open(f);
        assert_int_equal(journal_recovery(f->journal)->head, 0);
        assert_true(fixture_append(f) > 100);
        fixture_close(f);
        fixture_fail_none();
    }
}

/* The files as a crash leaves them are opened while the disk does not take what the start writes: every
 * record is delivered, and the next start still finds them. */
static void test_start_cannot_write(void **state)
{
    struct fixture *f = *state;
    const enum fault kinds[] = {FAULT_PWRITEV, FAULT_FDATASYNC, FAULT_FSYNC, FAULT_FTRUNCATE, FAULT_OPENAT};
    char copy[300];
    snprintf(copy, sizeof(copy), "%s.copy", f->path);
    fixture_open(f);
    fixture_fill(f, 100, 50);
    fixture_append(f);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        for (unsigned k = kinds[i] == FAULT_OPENAT ? 7 : 1; k <= 7; k++) {
            struct fixture g = {.loop = f->loop, .settings = f->settings};
            uint64_t last = 0;
            fixture_copy_directory(f->path, copy);
            g.settings.path = copy;
            fixture_fail(kinds[i], k, 3, EIO);
            fixture_open(&g);
            fixture_fail_none();
            uint64_t given = fixture_append(&g);
            assert_true(given > 101);
            fixture_close(&g);
            assert_int_equal(read_all(&g, &last), 101);
            assert_int_equal(last, given);
            fixture_close(&g);
        }
    }
    fixture_remove_directory(copy);
}

/* Positions are lost and there is no clock to take a safe number from: a very wide step is left. */
static void test_numbers_without_clock(void **state)
{
    struct fixture *f = *state;
    char path[400];
    clock_fake_start(1);
    snprintf(path, sizeof(path), "%s/cursors", f->path);
    fixture_open(f);
    fixture_fill(f, 100, 50);
    fixture_close(f);
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(read_all(f, NULL), 100);
    assert_true(fixture_append(f) > UINT64_C(1) << 40);
}

/* A position ahead of everything that is found moves the numbers, so that its reader misses nothing. */
static void test_position_ahead(void **state)
{
    struct fixture *f = *state;
    struct journal_cursor_state s;
    struct buffer slot = {0};
    char path[400];
    journal_cursor_state_init(&s);
    journal_cursor_state_add(&s, "reader")->place.confirmed = 5000;
    journal_cursor_file_encode(&s, 9000, &slot);
    snprintf(path, sizeof(path), "%s/cursors", f->path);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_int_equal(pwrite(fd, slot.data, slot.len, (off_t)journal_cursor_file_offset(1)), slot.len);
    close(fd);
    buffer_finish(&slot);
    journal_cursor_state_finish(&s);
    fixture_open(f);
    assert_int_equal(fixture_append(f), 5001);
    assert_int_equal(fixture_commit(f), STATUS_OK);
    struct journal_cursor *c = fixture_cursor(f, "reader", JOURNAL_FROM_OLDEST);
    assert_int_equal(fixture_read(f, c, NULL), 1);
    journal_cursor_close(c);
}

/* All segments are gone, and a reader confirms what it still had in hand. Then the positions are gone as
 * well: the numbers go on from the clock. */
static void test_nothing_is_left(void **state)
{
    struct fixture *f = *state;
    char names[64][64], path[400];
    fixture_open(f);
    journal_cursor_close(fixture_cursor(f, "a", JOURNAL_FROM_OLDEST));
    fixture_fill(f, 300, 50);
    fixture_close(f);
    for (size_t i = fixture_list_segments(f->path, names, 64); i > 0; i--) {
        snprintf(path, sizeof(path), "%s/%s", f->path, names[i - 1]);
        unlink(path);
    }
    fixture_open(f);
    struct journal_cursor *c = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
    struct journal_record r;
    assert_int_equal(fixture_append(f), 301);
    assert_int_equal(journal_cursor_next(c, &r), STATUS_END); /* not durable yet */
    journal_cursor_confirm(c, 300);
    assert_int_equal(journal_cursor_confirmed(c), 300);
    assert_true(journal_append_undo(f->journal, 301));
    journal_cursor_close(c);
    fixture_close(f);
    snprintf(path, sizeof(path), "%s/cursors", f->path);
    assert_int_equal(truncate(path, 0), 0);
    clock_fake_start(INT64_C(1800000000000000));
    fixture_open(f);
    assert_true(fixture_append(f) >= UINT64_C(1800000000000000));
}

/* Positions are lost twice, and the clock has gone back in between: the numbers still ascend. */
static void test_numbers_ahead_of_the_clock(void **state)
{
    struct fixture *f = *state;
    char path[400];
    uint64_t before = 100;
    snprintf(path, sizeof(path), "%s/cursors", f->path);
    fixture_open(f);
    fixture_fill(f, 100, 50);
    fixture_close(f);
    for (int64_t second = 2; second > 0; second--) {
        assert_int_equal(truncate(path, 0), 0);
        clock_fake_start(START_US + second * 1000000);
        fixture_open(f);
        uint64_t number = fixture_append(f);
        assert_true(number > before && number >= (uint64_t)START_US);
        before = number;
        fixture_close(f);
        clock_fake_stop();
    }
    assert_int_equal(read_all(f, NULL), 102);
}

/* The disk does not say whether there were positions: there may have been some, and numbers that nobody sees.
 */
static void test_positions_are_not_known(void **state)
{
    struct fixture *f = *state;
    clock_fake_start(START_US);
    fixture_fail(FAULT_FACCESSAT, 1, 1, EIO);
    fixture_open(f);
    assert_true(fixture_append(f) >= (uint64_t)START_US);
}

/* Each read of the start fails once: every record is there, and where positions could not be read, no number
 * is given that may have been given before. */
static void test_each_read_fails(void **state)
{
    struct fixture *f = *state;
    char copy[300];
    unsigned calls = 1, unread = 0;
    snprintf(copy, sizeof(copy), "%s/copy", f->path);
    fixture_open(f);
    fixture_fill(f, 300, 50);
    fixture_close(f);
    clock_fake_start(START_US);
    for (unsigned k = 0; k <= calls; k++) { /* 0: nothing fails, but is counted */
        struct fixture g = {.loop = f->loop, .settings = f->settings};
        fixture_copy_directory(f->path, copy);
        g.settings.path = copy;
        fixture_fail(FAULT_PREAD, k, k > 0, EIO);
        fixture_open(&g);
        calls = k == 0 ? fixture_calls(FAULT_PREAD) : calls;
        fixture_fail_none();
        unread += g.journal->cursor_state.unread;
        uint64_t number = fixture_append(&g);
        assert_true(number > 300);
        assert_int_equal(number >= (uint64_t)START_US, g.journal->cursor_state.unread);
        fixture_close(&g);
        assert_int_equal(read_all(&g, NULL), 301);
        fixture_close(&g);
        fixture_remove_directory(copy);
    }
    assert_in_range(unread, 3, 4); /* the head of each slot, and what is behind it */
}

/* Without descriptors the start says what it could not open or start, and the next one finds everything. */
static void test_descriptors_run_out(void **state)
{
    struct fixture *f = *state;
    struct rlimit before, few;
    unsigned threads = 0, refused = 0;
    fixture_open(f);
    fixture_fill(f, 100, 50);
    fixture_close(f);
    int next = dup(STDERR_FILENO);
    close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    for (unsigned left = 0; left < 12; left++) {
        struct error err = {0};
        few = (struct rlimit){(rlim_t)next + left, before.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
        f->journal = journal_open(&f->settings, "main", f->loop, NULL, &err);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        refused += !f->journal;
        assert_true(f->journal || strlen(err.text) > 10);
        threads += strstr(err.text, "writer thread") != NULL;
        fixture_close(f);
        assert_int_equal(read_all(f, NULL), 100);
        fixture_close(f);
    }
    assert_true(threads > 0);
    assert_in_range(refused, 4, 11);
}

/* Without random numbers segments still get serials of their own, and everything is found again. */
static void test_no_random_numbers(void **state)
{
    struct fixture *f = *state;
    fixture_fail(FAULT_GETRANDOM, 1, 100000, ENOSYS);
    fixture_open(f);
    fixture_fill(f, 1000, 50);
    fixture_close(f);
    assert_int_equal(read_all(f, NULL), 1000);
}

/* Sizes that do not fit together are bounded; a path may end with a slash. */
static void test_settings(void **state)
{
    struct fixture *f = *state;
    char path[300];
    snprintf(path, sizeof(path), "%s/below/", f->path);
    f->settings.path = path;
    f->settings.segment_size = 1 << 30;
    f->settings.max_size = 4 << 20;
    fixture_open(f);
    assert_int_equal(f->journal->settings.segment_size, 1 << 20);
    fixture_close(f);
    f->settings.segment_size = 1;
    fixture_open(f);
    assert_int_equal(f->journal->settings.segment_size, 64 << 10);
    journal_configure(f->journal, &f->settings);
    assert_int_equal(f->journal->settings.segment_size, 64 << 10); /* stays as opened */
    assert_int_equal(journal_state(f->journal), JOURNAL_OK);
}

static void expect_line(struct metrics *m, const char *line)
{
    struct buffer out = {0};
    metrics_render(m, &out);
    buffer_add_byte(&out, 0);
    if (!strstr((const char *)out.data, line))
        fail_msg("no line %s", line);
    buffer_finish(&out);
}

/* The figures on /metrics, and those that delivery asks for. */
static void test_figures(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};
    struct metrics *m = metrics_create();
    f->journal = journal_open(&f->settings, "ma\"in", f->loop, m, &err);
    assert_non_null(f->journal);
    struct journal_cursor *a = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
    journal_cursor_close(fixture_cursor(f, "b", JOURNAL_FROM_OLDEST));
    assert_true(fixture_append(f) == 1);
    assert_int_equal(journal_oldest(f->journal), 1); /* nothing is durable: behind the head */
    expect_line(m, "forebay_journal_head_sequence{journal=\"ma\\\"in\"} 0\n");
    assert_int_equal(fixture_commit(f), STATUS_OK);
    fixture_fill(f, 9, 9);
    expect_line(m, "forebay_journal_head_sequence{journal=\"ma\\\"in\"} 10\n");
    expect_line(m, "forebay_journal_segments{journal=\"ma\\\"in\"} 1\n");
    expect_line(m, "forebay_journal_parked_cursors{journal=\"ma\\\"in\"} 1\n");
    assert_int_equal(journal_count_after(f->journal, 3), 7);
    assert_int_equal(journal_count_after(f->journal, 10), 0);
    assert_int_equal(journal_count_after(f->journal, 1000), 0);
    journal_cursor_close(a);
    fixture_close(f);
    metrics_destroy(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_cannot_have_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_files_cannot_be_opened, setup, teardown),
        cmocka_unit_test_setup_teardown(test_size_is_known, setup, teardown),
        cmocka_unit_test_setup_teardown(test_segment_is_lost, setup, teardown),
        cmocka_unit_test_setup_teardown(test_start_cannot_write, setup, teardown),
        cmocka_unit_test_setup_teardown(test_numbers_without_clock, setup, teardown),
        cmocka_unit_test_setup_teardown(test_position_ahead, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_is_left, setup, teardown),
        cmocka_unit_test_setup_teardown(test_numbers_ahead_of_the_clock, setup, teardown),
        cmocka_unit_test_setup_teardown(test_positions_are_not_known, setup, teardown),
        cmocka_unit_test_setup_teardown(test_each_read_fails, setup, teardown),
        cmocka_unit_test_setup_teardown(test_descriptors_run_out, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_random_numbers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_settings, setup, teardown),
        cmocka_unit_test_setup_teardown(test_figures, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
