/* SPDX-License-Identifier: Apache-2.0
 *
 * The journal through its front: append, commit, read in memory and from disk, reopen, limits.
 */
#include "journal_fixture.h"

#include "journal/journal_internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    fixture_init(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_finish(*state);
    free(*state);
    return 0;
}

static void ignore_result(void *ctx, enum status result)
{
    (void)ctx;
    (void)result;
}

/* Numbers start at 1, a record is readable only after its commit, and the bytes come back. */
static void test_append_commit_read(void **state)
{
    struct fixture *f = *state;
    struct journal_record r;
    fixture_open(f);
    assert_int_equal(journal_durable_head(f->journal), 0);
    assert_int_equal(journal_oldest(f->journal), 1);
    struct journal_cursor *c = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
    assert_int_equal(fixture_append(f), 1);
    assert_int_equal(fixture_append(f), 2);
    assert_int_equal(journal_cursor_next(c, &r), STATUS_END);
    assert_int_equal(f->ready, 0);
    assert_int_equal(fixture_commit(f), STATUS_OK);
    assert_int_equal(f->ready, 1);
    assert_int_equal(journal_durable_head(f->journal), 2);
    assert_int_equal(fixture_read(f, c, NULL), 2);
    journal_cursor_close(c);
}

/* A commit without anything to do is answered in the same turn, and not from inside. */
static void test_empty_commit(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    assert_int_equal(fixture_commit(f), STATUS_OK);
    fixture_fill(f, 3, 3);
    assert_int_equal(fixture_commit(f), STATUS_OK);
}

/* append_space gives the bytes to fill; empty and large records work. */
static void test_append_space(void **state)
{
    struct fixture *f = *state;
    uint8_t *space = NULL;
    uint64_t sequence = 0;
    struct journal_record r;
    fixture_open(f);
    struct journal_cursor *c = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
    const size_t sizes[] = {0, 1, 7, 8, 9, 200000, 3};
    for (size_t i = 0; i < array_count(sizes); i++) {
        assert_int_equal(journal_append_space(f->journal, sizes[i], &space, &sequence), STATUS_OK);
        memset(space, (int)i + 1, sizes[i]);
    }
    assert_int_equal(journal_append_space(f->journal, (4 << 20) + 1, &space, &sequence), STATUS_LIMIT);
    assert_int_equal(fixture_commit(f), STATUS_OK);
    for (int round = 0; round < 2; round++) { /* from memory, then from disk */
        for (size_t i = 0; i < array_count(sizes); i++) {
            assert_int_equal(journal_cursor_next(c, &r), STATUS_OK);
            assert_int_equal(r.bytes.len, sizes[i]);
            for (size_t k = 0; k < sizes[i]; k++)
                assert_int_equal(r.bytes.data[k], i + 1);
        }
        assert_int_equal(journal_cursor_next(c, &r), STATUS_END);
        journal_cursor_close(c);
        fixture_close(f);
        fixture_open(f);
        c = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
    }
    journal_cursor_close(c);
}

/* Many segments, readers behind and at the head, again after a reopen. */
static void test_reopen(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    struct journal_cursor *a = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
    fixture_fill(f, 3000, 50);
    struct journal_cursor *b = fixture_cursor(f, "b", JOURNAL_FROM_HEAD);
    uint64_t last = 0;
    assert_int_equal(fixture_read(f, a, &last), 3000);
    assert_int_equal(last, 3000);
    assert_int_equal(fixture_read(f, b, NULL), 0);
    fixture_fill(f, 10, 5);
    assert_int_equal(fixture_read(f, a, NULL), 10);
    assert_int_equal(fixture_read(f, b, NULL), 10);
    journal_cursor_confirm(a, 2000);
    journal_cursor_close(a);
    journal_cursor_close(b);
    fixture_close(f);

    fixture_open(f);
    assert_int_equal(journal_durable_head(f->journal), 3010);
    assert_int_equal(journal_recovery(f->journal)->head, 3010);
    assert_int_equal(journal_recovery(f->journal)->torn_bytes, 0);
    assert_int_equal(journal_recovery(f->journal)->damaged_bytes, 0);
    assert_false(journal_recovery(f->journal)->cursors_lost);
    a = fixture_cursor(f, "a", JOURNAL_FROM_HEAD); /* known: the start does not count */
    assert_int_equal(journal_cursor_confirmed(a), 2000);
    assert_int_equal(fixture_append(f), 3011);
    assert_int_equal(fixture_commit(f), STATUS_OK);
    assert_int_equal(fixture_read(f, a, &last), 1011);
    assert_int_equal(last, 3011);
    journal_cursor_rewind(a);
    assert_int_equal(fixture_read(f, a, NULL), 1011);
    journal_cursor_close(a);
}

/* A held block keeps a record's bytes while the reader goes on and the journal is closed. */
static void test_block_reference(void **state)
{
    struct fixture *f = *state;
    struct journal_record r;
    fixture_open(f);
    fixture_fill(f, 2000, 100);
    struct journal_cursor *c = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
    assert_int_equal(journal_cursor_next(c, &r), STATUS_OK);
    journal_block_ref(r.block);
    assert_int_equal(fixture_read(f, c, NULL), 1999);
    journal_cursor_close(c);
    fixture_close(f);
    fixture_check_record(&r);
    journal_block_unref(r.block);
}

/* A second journal on the directory is refused, and the message names the process. */
static void test_lock(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};
    char pid[32];
    fixture_open(f);
    assert_null(journal_open(&f->settings, "main", f->loop, NULL, &err));
    assert_int_equal(err.code, STATUS_LOCKED);
    snprintf(pid, sizeof(pid), "process %ld", (long)getpid());
    assert_non_null(strstr(err.text, pid));
}

/* A path that cannot be a directory is an error with words. */
static void test_bad_path(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};
    struct journal_settings s = f->settings;
    s.path = "/dev/null/journal";
    assert_null(journal_open(&s, "main", f->loop, NULL, &err));
    assert_int_equal(err.code, STATUS_IO);
    assert_non_null(strstr(err.text, "/dev/null/journal"));
}

/* Directories that are missing are made, private. */
static void test_makes_directories(void **state)
{
    struct fixture *f = *state;
    char path[300];
    struct stat st;
    snprintf(path, sizeof(path), "%s/x/y", f->path);
    f->settings.path = path;
    fixture_open(f);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    fixture_close(f);
    fixture_remove_directory(path);
}

struct counter {
    unsigned calls;
};

static void count_done(void *ctx, enum status result)
{
    struct counter *c = ctx;
    c->calls += result == STATUS_OK;
}

/* Commits of one turn share one flush; a cancelled one is not called. */
static void test_group_commit(void **state)
{
    struct fixture *f = *state;
    struct counter a = {0}, b = {0}, cancelled = {0};
    fixture_open(f);
    fixture_fill(f, 1, 1); /* the segment is there */
    uint64_t commits = f->journal->stats.commits;
    for (int i = 0; i < 10; i++) {
        assert_true(fixture_append(f) > 0);
        journal_commit(f->journal, count_done, i & 1 ? &a : &b);
        journal_commit(f->journal, count_done, &cancelled);
    }
    journal_commit_cancel(f->journal, &cancelled);
    assert_int_equal(fixture_commit(f), STATUS_OK);
    assert_int_equal(a.calls, 5);
    assert_int_equal(b.calls, 5);
    assert_int_equal(cancelled.calls, 0);
    assert_int_equal(f->journal->stats.commits, commits + 1);
}

/* peek reads any place without moving a cursor. */
static void test_peek(void **state)
{
    struct fixture *f = *state;
    struct journal_record r;
    uint64_t sequence = 500;
    fixture_open(f);
    fixture_fill(f, 2000, 100);
    for (uint64_t n = 500; n <= 2000; n++) {
        assert_int_equal(journal_peek(f->journal, &sequence, &r), STATUS_OK);
        assert_int_equal(r.sequence, n);
        assert_int_equal(sequence, n + 1);
        fixture_check_record(&r);
    }
    assert_int_equal(journal_peek(f->journal, &sequence, &r), STATUS_END);
    sequence = 1;
    assert_int_equal(journal_peek(f->journal, &sequence, &r), STATUS_OK);
    assert_int_equal(r.sequence, 1);
}

/* What is taken back is as if it had never been appended, wherever blocks and segments began and ended in it.
 */
static void test_undo(void **state)
{
    enum { ROUNDS = 300 };
    struct fixture *f = *state;
    uint32_t random = 12345;
    uint64_t kept = 0;
    fixture_open(f);
    struct journal_cursor *c = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
    for (int round = 0; round < ROUNDS; round++) {
        random = random * 1664525u + 1013904223u;
        unsigned stay = random >> 28, go = (random >> 16) % (round % 20 == 0 ? 1000 : 60);
        for (unsigned i = 0; i < stay; i++)
            kept = fixture_append(f);
        if (round % 3 == 0)
            journal_commit(f->journal, ignore_result, NULL); /* is not waited for */
        for (unsigned i = 0; i < go; i++)
            assert_true(fixture_append(f) > kept);
        assert_true(journal_append_undo(f->journal, kept + 1));
        if (round % 7 == 0) {
            assert_int_equal(fixture_commit(f), STATUS_OK);
            assert_int_equal(journal_durable_head(f->journal), kept);
        }
    }
    assert_int_equal(fixture_commit(f), STATUS_OK);
    assert_int_equal(fixture_read(f, c, NULL), kept);
    assert_int_equal(journal_count_after(f->journal, 0), kept);
    for (int opens = 0; opens < 2; opens++) {
        journal_cursor_close(c);
        fixture_close(f);
        fixture_open(f);
        c = fixture_cursor(f, opens ? "c" : "b", JOURNAL_FROM_OLDEST);
        assert_int_equal(fixture_read(f, c, NULL), kept);
        assert_int_equal(journal_recovery(f->journal)->damaged_bytes, 0);
    }
    journal_cursor_close(c);
}

/* What was asked to be committed, or is with the writer, stays. */
static void test_undo_refused(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    assert_true(fixture_append(f) && fixture_append(f));
    journal_commit(f->journal, ignore_result, NULL);
    assert_int_equal(fixture_append(f), 3);
    assert_false(journal_append_undo(f->journal, 2));
    assert_true(journal_append_undo(f->journal, 4)); /* nothing */
    assert_true(journal_append_undo(f->journal, 3));
    assert_int_equal(fixture_append(f), 3);
    assert_int_equal(fixture_commit(f), STATUS_OK);
    assert_false(journal_append_undo(f->journal, 3));
    assert_int_equal(journal_durable_head(f->journal), 3);
}

/* A long burst is taken back to its middle: the index of the segment knows nothing of what is gone. */
static void test_undo_long_burst(void **state)
{
    struct fixture *f = *state;
    f->settings.segment_size = 4 << 20;
    fixture_open(f);
    for (uint64_t n = 1; n <= 1450; n++)
        assert_int_equal(fixture_append(f), n);
    assert_true(journal_append_undo(f->journal, 100));
    for (uint64_t n = 100; n <= 1450; n++)
        assert_int_equal(fixture_append(f), n);
    assert_true(journal_append_undo(f->journal, 1200));
    for (uint64_t n = 1200, given = 0; n <= 1500; n++) { /* shorter ones, which stand elsewhere */
        assert_int_equal(journal_append(f->journal, &(struct iovec){&n, sizeof(n)}, 1, &given), STATUS_OK);
        assert_int_equal(given, n);
    }
    assert_int_equal(fixture_commit(f), STATUS_OK);
    fixture_close(f);
    fixture_open(f);
    struct journal_record r;
    for (uint64_t n = 1500; n > 0; n--) { /* each by the index */
        uint64_t sequence = n;
        assert_int_equal(journal_peek(f->journal, &sequence, &r), STATUS_OK);
        assert_int_equal(r.sequence, n);
        if (n >= 1200)
            assert_memory_equal(r.bytes.data, &n, sizeof(n));
        else
            fixture_check_record(&r);
    }
    assert_int_equal(f->journal->quarantine.damaged_bytes, 0);
}

/* Many long records in one commit; one that no journal takes, whatever its limit. */
static void test_long_records(void **state)
{
    enum { SIZE = 600 << 10, COUNT = 40 };
    struct fixture *f = *state;
    struct journal_record r;
    uint64_t sequence = 0;
    uint8_t *space = NULL;
    f->settings.record_limit = INT64_C(1) << 40;
    fixture_open(f);
    assert_int_equal(journal_append_space(f->journal, (64 << 20) + 1, &space, &sequence), STATUS_LIMIT);
    for (uint64_t n = 1; n <= COUNT; n++) {
        assert_int_equal(journal_append_space(f->journal, SIZE, &space, &sequence), STATUS_OK);
        memset(space, (int)n, SIZE);
    }
    assert_int_equal(fixture_commit(f), STATUS_OK);
    fixture_close(f);
    fixture_open(f);
    sequence = 1;
    for (uint64_t n = 1; n <= COUNT; n++) {
        assert_int_equal(journal_peek(f->journal, &sequence, &r), STATUS_OK);
        assert_int_equal(r.bytes.len, SIZE);
        assert_int_equal(r.bytes.data[SIZE - 1], n);
    }
}

/* A reader on the disk, in a segment that is still being filled: it sees what is added, from the disk as
 * well. */
static void test_read_what_grows(void **state)
{
    struct fixture *f = *state;
    struct journal_record r;
    f->settings.segment_size = 4 << 20;
    f->settings.memory_tail = 0;
    fixture_open(f);
    fixture_fill(f, 600, 50);
    struct journal_cursor *c = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
    assert_int_equal(journal_cursor_next(c, &r), STATUS_OK);
    assert_int_equal(r.sequence, 1);
    const struct journal_segment *on_disk = c->reader.segment;
    assert_non_null(on_disk);
    fixture_fill(f, 2000, 50);
    unsigned opens = fixture_calls(FAULT_OPENAT);
    for (uint64_t n = 2; n <= 1000; n++) {
        assert_int_equal(journal_cursor_next(c, &r), STATUS_OK);
        assert_int_equal(r.sequence, n);
        fixture_check_record(&r);
    }
    assert_ptr_equal(c->reader.segment, on_disk);
    assert_int_equal(fixture_calls(FAULT_OPENAT), opens); /* it goes on where it stands */
    assert_int_equal(fixture_read(f, c, NULL), 1600);
    journal_cursor_close(c);
}

struct chain {
    struct journal *journal;
    unsigned answers;
};

static void commit_again(void *ctx, enum status result)
{
    struct chain *c = ctx;
    assert_int_equal(result, STATUS_OK);
    if (++c->answers < 3)
        journal_commit(c->journal, commit_again, c);
}

/* An answer may ask again: that is answered too, with nothing to write. */
static void test_commit_from_answer(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    struct chain c = {.journal = f->journal};
    journal_commit(f->journal, commit_again, &c);
    for (unsigned i = 0; i < 100 && c.answers < 3; i++)
        fixture_turns(f, 5);
    assert_int_equal(c.answers, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_append_commit_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_empty_commit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_append_space, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reopen, setup, teardown),
        cmocka_unit_test_setup_teardown(test_block_reference, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lock, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_path, setup, teardown),
        cmocka_unit_test_setup_teardown(test_makes_directories, setup, teardown),
        cmocka_unit_test_setup_teardown(test_group_commit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_peek, setup, teardown),
        cmocka_unit_test_setup_teardown(test_undo, setup, teardown),
        cmocka_unit_test_setup_teardown(test_undo_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_undo_long_burst, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_records, setup, teardown),
        cmocka_unit_test_setup_teardown(test_read_what_grows, setup, teardown),
        cmocka_unit_test_setup_teardown(test_commit_from_answer, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
