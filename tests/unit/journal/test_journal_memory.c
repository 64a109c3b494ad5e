/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory that is not to be had, request by request: what was acknowledged is there afterwards, and a copy or
 * an inspection that is not whole is never called so. The linker leads the requests of the archives here
 * (mmap64 is what mmap is called with 64-bit offsets).
 */
#include "journal_fixture.h"

#include "base/clock.h"
#include "base/log.h"
#include "journal/journal_internal.h"
#include "journal/journal_salvage.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

void *__real_malloc(size_t size);
void *__real_realloc(void *data, size_t size);
void *__real_mmap64(void *address, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *data, size_t size);
void *__wrap_xrealloc(void *data, size_t size);
void *__wrap_mmap64(void *address, size_t size, int protection, int flags, int fd, off_t offset);

static unsigned requests, refused_from, refused_until; /* refused_from 0: none */

static bool is_refused(void)
{
    unsigned request = __atomic_add_fetch(&requests, 1, __ATOMIC_SEQ_CST);
    return refused_from && request >= refused_from && request < refused_until;
}

static void refuse(unsigned from, unsigned count)
{
    requests = 0;
    refused_from = from;
    refused_until = from + count;
}

void *__wrap_malloc(size_t size)
{
    return is_refused() ? NULL : __real_malloc(size);
}

void *__wrap_realloc(void *data, size_t size)
{
    return is_refused() ? NULL : __real_realloc(data, size);
}

void *__wrap_xrealloc(void *data, size_t size) /* of small control objects: it ends the process, so never */
{
    void *result = __real_realloc(data, size);
    assert_non_null(result);
    return result;
}

void *__wrap_mmap64(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    if (!is_refused())
        return __real_mmap64(address, size, protection, flags, fd, offset);
    errno = ENOMEM;
    return MAP_FAILED;
}

static void ignore_line(void *ctx, enum log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    (void)line;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    refuse(0, 0);
    fixture_init(f);
    log_set_sink(ignore_line, NULL);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    refuse(0, 0);
    fixture_finish(*state);
    clock_fake_stop();
    log_set_sink(NULL, NULL);
    free(*state);
    return 0;
}

/* 300 records in two segments, of which the last one is as a crash leaves it. */
static void prepare(struct fixture *f, char *copy, size_t size)
{
    snprintf(copy, size, "%s/copy", f->path);
    fixture_open(f);
    struct journal_cursor *c = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
    fixture_fill(f, 300, 50);
    fixture_copy_directory(f->path, copy);
    journal_cursor_close(c);
    fixture_close(f);
}

static unsigned read_all(struct fixture *f, const char *path)
{
    f->settings.path = path;
    fixture_open(f);
    struct journal_cursor *c = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
    unsigned count = fixture_read(f, c, NULL);
    journal_cursor_close(c);
    fixture_close(f);
    return count;
}

/* A salvage says that it failed, or its copy has every record. */
static void test_salvage(void **state)
{
    struct fixture *f = *state;
    char copy[300], target[300];
    unsigned told = 0, calls = 1;
    prepare(f, copy, sizeof(copy));
    snprintf(target, sizeof(target), "%s/target", f->path);
    for (unsigned k = 0; k <= calls; k++) { /* 0: nothing is refused, but counted */
        struct journal_salvage_result result;
        struct error err = {0};
        refuse(k, 1);
        struct journal_inspect *in = journal_inspect_open(copy, false, &err);
        assert_non_null(in);
        enum status st = journal_salvage(in, target, &result, &err);
        calls = k == 0 ? requests : calls;
        refuse(0, 0);
        journal_inspect_close(in);
        told += st != STATUS_OK;
        if (st == STATUS_OK && !result.found.cursors_damaged) {
            assert_int_equal(result.records, 300);
            assert_int_equal(read_all(f, target), 300);
        }
        fixture_remove_directory(target);
    }
    assert_true(told > 0);
    assert_int_equal(read_all(f, copy), 300);
}

/* Appending says busy, and takes the same record when there is memory again; nothing in between is lost. */
static void test_append(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    unsigned busy = 0;
    for (unsigned i = 0; i < 400; i++) {
        refuse(1, 1);
        uint64_t given = fixture_append(f);
        refuse(0, 0);
        busy += given == 0;
        if (given == 0)
            assert_true(fixture_append(f) > 0);
        if (i % 20 == 19)
            assert_int_equal(fixture_commit(f), STATUS_OK);
    }
    assert_true(busy > 0);
    assert_int_equal(journal_state(f->journal), JOURNAL_OK);
    fixture_close(f);
    assert_int_equal(read_all(f, f->path), 400);
}

/* Reading long records from the disk is tried again later, from the same record on. */
static void test_read(void **state)
{
    enum { SIZE = 700 << 10, COUNT = 8 };
    struct fixture *f = *state;
    struct journal_record r;
    uint64_t sequence = 0;
    uint8_t *bytes = malloc(SIZE);
    fixture_open(f);
    for (uint64_t n = 1; n <= COUNT; n++) {
        memset(bytes, (int)n, SIZE);
        assert_int_equal(journal_append(f->journal, &(struct iovec){bytes, SIZE}, 1, &sequence), STATUS_OK);
        assert_int_equal(fixture_commit(f), STATUS_OK);
    }
    fixture_close(f);
    fixture_open(f);
    struct journal_cursor *c = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
    unsigned failures = 0;
    for (uint64_t n = 1; n <= COUNT; n++) {
        refuse(1, 100);
        enum status st = journal_cursor_next(c, &r);
        refuse(0, 0);
        if (st != STATUS_OK) {
            assert_int_equal(st, STATUS_NO_MEMORY);
            failures++;
            assert_int_equal(journal_cursor_next(c, &r), STATUS_OK);
        }
        assert_int_equal(r.sequence, n);
        memset(bytes, (int)n, SIZE);
        assert_int_equal(r.bytes.len, SIZE);
        assert_memory_equal(r.bytes.data, bytes, SIZE);
    }
    assert_true(failures > 0);
    journal_cursor_close(c);
    free(bytes);
}

/* A start without memory for one of its requests: every record is there, at the latest with the next one. */
static void test_start(void **state)
{
    struct fixture *f = *state;
    char copy[300], work[300], again[300];
    unsigned calls = 1;
    prepare(f, copy, sizeof(copy));
    snprintf(work, sizeof(work), "%s/work", f->path);
    snprintf(again, sizeof(again), "%s/again", f->path);
    for (unsigned k = 0; k <= calls; k++) { /* 0: nothing is refused, but counted */
        struct error err = {0};
        fixture_copy_directory(copy, work);
        f->settings.path = work;
        refuse(k, 1);
        f->journal = journal_open(&f->settings, "main", f->loop, NULL, &err);
        calls = k == 0 ? requests : calls;
        refuse(0, 0);
        if (f->journal) { /* a power cut now: numbers that were left out stay so */
            uint64_t next = f->journal->next_sequence;
            fixture_copy_directory(work, again);
            fixture_close(f);
            f->settings.path = again;
            fixture_open(f);
            assert_true(f->journal->next_sequence >= next);
            fixture_close(f);
        }
        unsigned count = read_all(f, work);
        if (count != 300)
            fail_msg("request %u of %u: %u records", k, calls, count);
    }
}

/* Append and commit until the next record wants another segment, for whose bytes there is no memory. Returns
 * the newest record, which is not committed. */
static uint64_t stop_between_segments(struct fixture *f)
{
    uint64_t last = 0, given = 1;
    f->settings.memory_tail = 4 << 20; /* no block is free for it */
    fixture_open(f);
    fixture_fill(f, 1, 1);
    while (given) {
        last = f->journal->next_sequence - 1;
        refuse(1, 1);
        given = fixture_append(f);
        refuse(0, 0);
    }
    assert_true(f->journal->active && !f->journal->active->created);
    return last;
}

/* A segment that has not got its first record is no part of the commit, and has no file; it is used later. */
static void test_segment_without_block(void **state)
{
    struct fixture *f = *state;
    char names[8][64];
    uint64_t last = stop_between_segments(f);
    assert_int_equal(fixture_commit(f), STATUS_OK);
    assert_int_equal(journal_durable_head(f->journal), last);
    assert_int_equal(fixture_list_segments(f->path, names, 8), 1);
    fixture_fill(f, 10, 5);
    assert_int_equal(fixture_list_segments(f->path, names, 8), 2);
    fixture_close(f);
    assert_int_equal(read_all(f, f->path), last + 10);
}

/* The journal may be closed with it. */
static void test_close_without_block(void **state)
{
    struct fixture *f = *state;
    char names[8][64];
    uint64_t last = stop_between_segments(f);
    fixture_close(f);
    assert_int_equal(fixture_list_segments(f->path, names, 8), 1);
    assert_int_equal(read_all(f, f->path), last);
}

/* A segment without its footer is durable all the same; the next start reads it through. */
static void test_footer(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    fixture_fill(f, 1, 1);
    while (f->journal->active->created)
        assert_true(fixture_append(f) > 0);
    uint64_t last = f->journal->next_sequence - 1;
    const struct journal_segment *s = list_first(&f->journal->segments, struct journal_segment, link);
    refuse(1, 1000);
    assert_int_equal(fixture_commit(f), STATUS_OK);
    refuse(0, 0);
    assert_int_equal(s->size, 64 << 10); /* not cut */
    fixture_close(f);
    assert_int_equal(read_all(f, f->path), last);
}

static void note_answer(void *ctx, enum status result)
{
    *(enum status *)ctx = result;
}

/* Positions that do not fit into the memory that is there are not written: the ones on disk stay, and a
 * record behind a new name is not acknowledged before the name is safe. */
static void test_positions(void **state)
{
    struct fixture *f = *state;
    enum status result = STATUS_BUSY;
    char name[JOURNAL_CURSOR_NAME_MAX + 1], copy[300];
    snprintf(copy, sizeof(copy), "%s/copy", f->path);
    fixture_open(f);
    fixture_fill(f, 10, 10);
    for (unsigned i = 0; i < 40; i++) {
        snprintf(name, sizeof(name), "%0128u", i);
        journal_cursor_close(fixture_cursor(f, name, JOURNAL_FROM_OLDEST));
    }
    clock_fake_start(INT64_C(1800000000000000));
    assert_int_equal(fixture_append(f), 11);
    journal_commit(f->journal, note_answer, &result);
    refuse(1, 100000);
    for (int i = 0; i < 100; i++) { /* often enough for both slots */
        clock_fake_advance(200000);
        fixture_turns(f, 5);
    }
    refuse(0, 0);
    assert_int_equal(result, STATUS_IO);
    assert_int_equal(journal_state(f->journal), JOURNAL_STORAGE_FAILED);
    assert_true(f->journal->names_pending);
    fixture_copy_directory(f->path, copy);
    for (int i = 0; i < 600 && journal_state(f->journal) != JOURNAL_OK; i++) {
        clock_fake_advance(200000);
        fixture_turns(f, 5);
    }
    clock_fake_stop();
    assert_int_equal(fixture_append(f), 12);
    assert_int_equal(fixture_commit(f), STATUS_OK);
    assert_int_equal(f->journal->cursor_state.count, 40);
    fixture_close(f);
    fixture_open(f);
    assert_int_equal(f->journal->cursor_state.count, 40);
    fixture_close(f);
    f->settings.path = copy;
    fixture_open(f);
    assert_false(journal_recovery(f->journal)->cursors_lost);
    fixture_close(f);
    assert_int_equal(read_all(f, copy), 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_salvage, setup, teardown),
        cmocka_unit_test_setup_teardown(test_append, setup, teardown),
        cmocka_unit_test_setup_teardown(test_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_start, setup, teardown),
        cmocka_unit_test_setup_teardown(test_segment_without_block, setup, teardown),
        cmocka_unit_test_setup_teardown(test_close_without_block, setup, teardown),
        cmocka_unit_test_setup_teardown(test_footer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_positions, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
