/* SPDX-License-Identifier: Apache-2.0
 *
 * The copy of what is whole: a daemon goes on with it, and a copy that is not whole is never called one.
 */
#include "journal/journal_salvage.h"

#include "base/log.h"
#include "journal_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
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
    log_set_sink(ignore_line, NULL);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_finish(*state);
    log_set_sink(NULL, NULL);
    free(*state);
    return 0;
}

/* 300 records, of which the cursor "a" has confirmed 100. */
static void prepare(struct fixture *f)
{
    fixture_open(f);
    struct journal_cursor *c = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
    fixture_fill(f, 300, 50);
    fixture_read(f, c, NULL);
    journal_cursor_confirm(c, 100);
    journal_cursor_close(c);
    fixture_close(f);
}

static enum status salvage(const char *from, const char *to, struct journal_salvage_result *result,
                           struct error *err)
{
    struct journal_inspect *in = journal_inspect_open(from, false, err);
    if (!in)
        fail_msg("%s", err->text);
    enum status st = journal_salvage(in, to, result, err);
    journal_inspect_close(in);
    return st;
}

/* Open `path` and read with the cursor "a": how many come. The journal stays open. */
static unsigned read_copy(struct fixture *f, const char *path)
{
    f->settings.path = path;
    fixture_open(f);
    struct journal_cursor *c = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
    unsigned count = fixture_read(f, c, NULL);
    journal_cursor_close(c);
    return count;
}

static void test_target_exists(void **state)
{
    struct fixture *f = *state;
    struct journal_salvage_result result;
    struct error err = {0};
    prepare(f);
    assert_int_equal(salvage(f->path, f->path, &result, &err), STATUS_IO);
    assert_non_null(strstr(err.text, "cannot create"));
    assert_int_equal(read_copy(f, f->path), 200);
}

/* Each call of the copy fails in turn: it is told, or the copy is whole all the same. */
static void test_each_call_fails(void **state)
{
    struct fixture *f = *state;
    const enum fault kinds[] = {FAULT_PWRITEV, FAULT_FDATASYNC, FAULT_FALLOCATE, FAULT_OPENAT, FAULT_FSYNC};
    char copy[300];
    prepare(f);
    snprintf(copy, sizeof(copy), "%s/copy", f->path);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        unsigned told = 0, calls = UINT32_MAX;
        for (unsigned k = 1; k <= calls; k++) {
            struct journal_salvage_result result;
            struct error err = {0};
            struct journal_inspect *in = journal_inspect_open(f->path, false, &err);
            assert_non_null(in);
            fixture_fail(kinds[i], k, 1, EIO);
            enum status st = journal_salvage(in, copy, &result, &err);
            calls = fixture_calls(kinds[i]);
            fixture_fail_none();
            journal_inspect_close(in);
            if (st == STATUS_OK) {
                assert_int_equal(result.records, 300);
                assert_int_equal(read_copy(f, copy), 200);
                fixture_close(f);
            } else {
                assert_int_equal(st, STATUS_IO);
                assert_true(strlen(err.text) > 10);
                told++;
            }
            fixture_remove_directory(copy);
        }
        assert_true(told > 0);
    }
    assert_int_equal(read_copy(f, f->path), 200); /* the original is as it was */
}

/* Records larger than what is gathered before a write, more than one file of them, and empty ones. */
static void test_large_and_empty_records(void **state)
{
    struct fixture *f = *state;
    struct journal_salvage_result result;
    struct journal_record r;
    struct error err = {0};
    const size_t size = 3 << 20;
    uint64_t sequence = 0;
    char copy[300];
    uint8_t *bytes = malloc(size);
    memset(bytes, 'x', size);
    snprintf(copy, sizeof(copy), "%s/copy", f->path);
    fixture_open(f);
    for (unsigned i = 0; i < 8; i++) {
        struct iovec part = {bytes, i % 2 ? 0 : size - i};
        assert_int_equal(journal_append(f->journal, &part, 1, &sequence), STATUS_OK);
        assert_int_equal(fixture_commit(f), STATUS_OK);
    }
    fixture_close(f);
    assert_int_equal(salvage(f->path, copy, &result, &err), STATUS_OK);
    assert_int_equal(result.records, 8);
    assert_int_equal(result.segments, 2);
    f->settings.path = copy;
    fixture_open(f);
    sequence = 1;
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(journal_peek(f->journal, &sequence, &r), STATUS_OK);
        assert_int_equal(r.bytes.len, i % 2 ? 0 : size - i);
        assert_memory_equal(r.bytes.data, bytes, r.bytes.len);
    }
    assert_int_equal(journal_peek(f->journal, &sequence, &r), STATUS_END);
    free(bytes);
}

/* No segment is left, or no position: the copy goes on with the numbers, or reads from the oldest record. */
static void test_only_half_of_it_is_left(void **state)
{
    struct fixture *f = *state;
    struct journal_salvage_result result;
    struct error err = {0};
    char copy[300], half[300], path[400], names[64][64];
    prepare(f);
    snprintf(copy, sizeof(copy), "%s/copy", f->path);
    snprintf(half, sizeof(half), "%s/half", f->path);
    fixture_copy_directory(f->path, half);
    snprintf(path, sizeof(path), "%s/cursors", half);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(salvage(half, copy, &result, &err), STATUS_OK);
    assert_true(result.found.cursors_damaged);
    assert_int_equal(read_copy(f, copy), 300);
    fixture_close(f);
    fixture_remove_directory(copy);

    fixture_copy_directory(f->path, half);
    for (size_t i = fixture_list_segments(half, names, 64); i > 0; i--) {
        snprintf(path, sizeof(path), "%s/%s", half, names[i - 1]);
        assert_int_equal(unlink(path), 0);
    }
    assert_int_equal(salvage(half, copy, &result, &err), STATUS_OK);
    assert_int_equal(result.records, 0);
    assert_int_equal(read_copy(f, copy), 0);
    assert_int_equal(fixture_append(f), 301);
}

/* Root salvages for the user of the service, and says when the copy could not be given to it. */
static void test_owner(void **state)
{
    struct fixture *f = *state;
    struct journal_salvage_result result;
    struct error err = {0};
    struct stat st;
    char copy[300];
    prepare(f);
    if (chown(f->path, 12345, 12345) != 0) {
        skip();
        return;
    }
    snprintf(copy, sizeof(copy), "%s/copy", f->path);
    for (int fails = 0; fails < 2; fails++) {
        fixture_fail(FAULT_FCHOWN, 1, fails ? 100 : 0, EPERM);
        assert_int_equal(salvage(f->path, copy, &result, &err), STATUS_OK);
        fixture_fail_none();
        assert_int_equal(result.records, 300);
        assert_int_equal(result.is_ours, fails);
        assert_int_equal(stat(copy, &st), 0);
        assert_int_equal(st.st_uid, fails ? geteuid() : 12345);
        fixture_remove_directory(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_target_exists, setup, teardown),
        cmocka_unit_test_setup_teardown(test_each_call_fails, setup, teardown),
        cmocka_unit_test_setup_teardown(test_large_and_empty_records, setup, teardown),
        cmocka_unit_test_setup_teardown(test_only_half_of_it_is_left, setup, teardown),
        cmocka_unit_test_setup_teardown(test_owner, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
