/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tools see of a journal whose daemon is down: every record that is whole, every place that is not
 * told once, and a plain reason when there is nothing to look at.
 */
#include "journal/journal_inspect.h"

#include "base/clock.h"
#include "base/log.h"
#include "journal_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* What one walk told. */
struct seen {
    unsigned records, places, segments, superseded, damaged, sealed;
    uint64_t first, last, lost, torn_bytes;
    char what[64]; /* of the last damage */
};

static void see_record(void *ctx, const char *segment, const struct journal_record *record)
{
    struct seen *s = ctx;
    assert_non_null(segment);
    assert_true(record->sequence > s->last);
    fixture_check_record(record);
    if (s->records++ == 0)
        s->first = record->sequence;
    s->last = record->sequence;
}

static void see_damage(void *ctx, const struct journal_inspect_damage *damage)
{
    struct seen *s = ctx;
    s->places++;
    s->lost += damage->records;
    snprintf(s->what, sizeof(s->what), "%s", damage->what);
}

static void see_segment(void *ctx, const struct journal_inspect_segment *segment)
{
    struct seen *s = ctx;
    s->segments++;
    s->superseded += segment->is_superseded;
    s->damaged += segment->is_damaged;
    s->sealed += segment->is_sealed;
    s->torn_bytes += segment->torn_bytes;
}

static const struct journal_inspect_events see_all = {see_record, see_damage, see_segment};

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

static void fill_and_close(struct fixture *f, unsigned count)
{
    fixture_open(f);
    fixture_fill(f, count, 50);
    fixture_close(f);
}

static struct journal_inspect *open_tool(const struct fixture *f)
{
    struct error err = {0};
    struct journal_inspect *in = journal_inspect_open(f->path, false, &err);
    if (!in)
        fail_msg("%s", err.text);
    return in;
}

/* One walk from record `from` on; what it told must agree with its summary. */
static enum status look(const struct fixture *f, uint64_t from, struct seen *seen,
                        struct journal_inspect_summary *sum)
{
    struct error err = {0};
    struct journal_inspect *in = open_tool(f);
    *seen = (struct seen){0};
    enum status st = journal_inspect_walk(in, from, &see_all, seen, sum, &err);
    assert_int_equal(seen->places, sum->damaged_places);
    assert_int_equal(seen->lost, sum->lost_records);
    assert_int_equal(seen->torn_bytes, sum->torn_bytes);
    assert_int_equal(seen->segments, sum->segments);
    assert_int_equal(st == STATUS_CORRUPT, journal_inspect_has_damage(sum));
    journal_inspect_close(in);
    return st;
}

static void segment_path(const struct fixture *f, size_t index, char *path, size_t size)
{
    char names[64][64];
    assert_true(fixture_list_segments(f->path, names, 64) > index);
    snprintf(path, size, "%s/%s", f->path, names[index]);
}

/* No directory, a file in its place, a directory of something else: each has its own answer. */
static void test_nothing_to_look_at(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};
    char path[400];
    snprintf(path, sizeof(path), "%s/none", f->path);
    assert_null(journal_inspect_open(path, false, &err));
    assert_int_equal(err.code, STATUS_NOT_FOUND);

    close(open(path, O_CREAT | O_WRONLY, 0600));
    err = (struct error){0};
    assert_null(journal_inspect_open(path, false, &err));
    assert_int_equal(err.code, STATUS_NOT_FOUND);

    memset(path + strlen(path), 'x', sizeof(path) - 1 - strlen(path)); /* no file has such a name */
    path[sizeof(path) - 1] = '\0';
    err = (struct error){0};
    assert_null(journal_inspect_open(path, false, &err));
    assert_int_equal(err.code, STATUS_IO);

    err = (struct error){0};
    assert_null(journal_inspect_open(f->path, false, &err));
    assert_int_equal(err.code, STATUS_NOT_FOUND);
    assert_non_null(strstr(err.text, "holds no journal"));
    journal_inspect_close(NULL);
}

/* In use by a daemon, a directory that cannot be listed, a file system without locks. */
static void test_open_under_faults(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};
    fixture_open(f);
    fixture_fill(f, 50, 50);
    assert_null(journal_inspect_open(f->path, false, &err));
    assert_int_equal(err.code, STATUS_LOCKED);
    struct journal_inspect *in = journal_inspect_open(f->path, true, &err);
    assert_non_null(in);
    journal_inspect_close(in);
    fixture_close(f);

    fixture_fail(FAULT_OPENAT, 3, 3, EIO); /* behind the lock and the cursors */
    assert_null(journal_inspect_open(f->path, false, &err));
    assert_int_equal(err.code, STATUS_IO);
    assert_non_null(strstr(err.text, "cannot list"));

    fixture_fail_none();
    fixture_fail(FAULT_FLOCK, 1, 1, ENOLCK);
    in = open_tool(f);
    assert_int_equal(journal_inspect_highest(in), 50);
    journal_inspect_close(in);
}

/* Without callbacks and without a summary the answer alone tells; `from` leaves out what comes before. */
static void test_whole_journal(void **state)
{
    static const struct journal_inspect_events none = {0};
    struct fixture *f = *state;
    struct journal_inspect_summary sum;
    struct error err = {0};
    struct seen seen;
    fill_and_close(f, 600);
    struct journal_inspect *in = open_tool(f);
    assert_int_equal(journal_inspect_walk(in, 1, &none, NULL, NULL, &err), STATUS_OK);
    journal_inspect_close(in);
    assert_int_equal(look(f, 400, &seen, &sum), STATUS_OK);
    assert_int_equal(seen.records, 201);
    assert_int_equal(seen.first, 400);
    assert_int_equal(sum.records, 600);
    assert_true(sum.oldest_us > 0 && sum.newest_us >= sum.oldest_us);
}

/* Before the clock is set records have no time; the summary says none instead of 1970. */
static void test_records_without_time(void **state)
{
    struct fixture *f = *state;
    struct journal_inspect_summary sum;
    struct seen seen;
    clock_fake_start(1);
    fill_and_close(f, 20);
    assert_int_equal(look(f, 1, &seen, &sum), STATUS_OK);
    assert_int_equal(seen.records, 20);
    assert_int_equal(sum.oldest_us, 0);
    assert_int_equal(sum.newest_us, 0);
}

/* After an abandoned attempt numbers were given again: the newer file counts, from there on. */
static void test_numbers_given_again(void **state)
{
    struct fixture *f = *state;
    struct journal_inspect_summary sum;
    struct seen seen;
    const struct fixture_segment segments[] = {
        {1, UINT64_C(0x100000001), 0, 100, true},
        {101, UINT64_C(0x200000001), 100, 50, true}, /* of these 101 to 120 count … */
        {151, UINT64_C(0x300000001), 150, 50, true}, /* … of these none … */
        {130, UINT64_C(0x400000001), 120, 40, true}, /* … because this came later */
    };
    for (size_t i = 0; i < 4; i++)
        fixture_write_segment(f->path, &segments[i]);
    assert_int_equal(look(f, 1, &seen, &sum), STATUS_CORRUPT);
    assert_true(sum.cursors_damaged); /* there were none; nothing else is wrong */
    assert_int_equal(sum.damaged_places, 0);
    assert_int_equal(seen.records, 160);
    assert_int_equal(seen.last, 169);
    assert_int_equal(seen.superseded, 1);

    fixture_open(f); /* the daemon reads the same */
    struct journal_cursor *c = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
    uint64_t last = 0;
    assert_int_equal(fixture_read(f, c, &last), 160);
    assert_int_equal(last, 169);
    journal_cursor_close(c);
}

/* A copy of a segment under another name is shown, and its records once. */
static void test_copied_segment(void **state)
{
    struct fixture *f = *state;
    struct journal_inspect_summary sum;
    struct seen seen;
    char from[400], to[400];
    fill_and_close(f, 600);
    segment_path(f, 1, from, sizeof(from));
    snprintf(to, sizeof(to), "%s/00000000000000000007-0000000900000001.seg", f->path);
    assert_int_equal(link(from, to), 0);
    assert_int_equal(look(f, 1, &seen, &sum), STATUS_OK);
    assert_int_equal(seen.records, 600);
    assert_int_equal(seen.superseded, 1);
}

/* The newest file is gone: the cursors know how many records that were. All are gone: nothing to compare. */
static void test_newest_records_missing(void **state)
{
    struct fixture *f = *state;
    struct journal_inspect_summary sum;
    struct seen seen;
    char names[64][64], path[400];
    fill_and_close(f, 600);
    size_t count = fixture_list_segments(f->path, names, 64);
    segment_path(f, count - 1, path, sizeof(path));
    unlink(path);
    assert_int_equal(look(f, 1, &seen, &sum), STATUS_CORRUPT);
    assert_string_equal(seen.what, "the newest records are missing");
    assert_int_equal(seen.lost, 600 - seen.last);
    while (count-- > 1) {
        segment_path(f, 0, path, sizeof(path));
        unlink(path);
    }
    assert_int_equal(look(f, 1, &seen, &sum), STATUS_OK);
    assert_int_equal(sum.records, 0);
}

/* A finished file that a crash left longer than its footer is neither torn nor damaged. */
static void test_footer_before_the_end(void **state)
{
    struct fixture *f = *state;
    struct journal_inspect_summary sum;
    struct seen seen;
    struct stat st;
    char path[400];
    fill_and_close(f, 600);
    segment_path(f, 1, path, sizeof(path));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(truncate(path, st.st_size + 4096), 0);
    assert_int_equal(look(f, 1, &seen, &sum), STATUS_OK);
    assert_int_equal(seen.records, 600);
    assert_int_equal(sum.torn_bytes, 0);
}

/* The tail of a file that was in work is told as torn bytes, which are no damage. */
static void test_torn_tail(void **state)
{
    struct fixture *f = *state;
    struct journal_inspect_summary sum;
    struct seen seen;
    char path[400];
    fill_and_close(f, 10);
    segment_path(f, 0, path, sizeof(path));
    unlink(path);
    fixture_write_segment(f->path, &(struct fixture_segment){1, UINT64_C(0x100000001), 0, 10, false});
    segment_path(f, 0, path, sizeof(path));
    int fd = open(path, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "half a record", 13), 13);
    close(fd);
    assert_int_equal(look(f, 1, &seen, &sum), STATUS_OK);
    assert_int_equal(seen.records, 10);
    assert_int_equal(sum.torn_bytes, 13);
}

/* 600 records; the cursor "a" has confirmed `confirmed` of them. */
static void fill_with_cursor(struct fixture *f, uint64_t confirmed)
{
    fixture_open(f);
    struct journal_cursor *c = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
    fixture_fill(f, 600, 50);
    journal_cursor_confirm(c, confirmed);
    journal_cursor_close(c);
    fixture_close(f);
}

static void overwrite(const char *path)
{
    struct stat st;
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0 && fstat(fd, &st) == 0);
    for (off_t at = 0; at < st.st_size; at += 8)
        assert_int_equal(pwrite(fd, "garbage!", 8, at), 8);
    close(fd);
}

/* A reader has not confirmed what stood in the oldest segment, so it cannot have been removed in order: the
 * tools name what is missing, the start counts it, and so it is when nothing is left, or nothing that can be
 * read. */
static void test_oldest_records_missing(void **state)
{
    struct fixture *f = *state;
    struct journal_inspect_summary sum;
    struct seen seen;
    char path[400], names[64][64];
    for (unsigned kind = 0; kind < 3; kind++) {
        fill_with_cursor(f, 5);
        assert_int_equal(look(f, 1, &seen, &sum), STATUS_OK);
        uint64_t in_first = 0;
        size_t count = fixture_list_segments(f->path, names, 64);
        assert_true(count > 2 && sscanf(names[1], "%" SCNu64, &in_first) == 1);
        in_first--;
        segment_path(f, 0, path, sizeof(path));
        if (kind == 0)
            unlink(path);
        else if (kind == 1)
            overwrite(path);
        for (size_t i = 0; kind == 2 && i < count; i++) {
            segment_path(f, 0, path, sizeof(path));
            unlink(path);
        }
        uint64_t expected = kind == 0 ? in_first - 5 : kind == 1 ? in_first : 595;
        assert_int_equal(look(f, 1, &seen, &sum), STATUS_CORRUPT);
        assert_int_equal(seen.lost, expected);
        assert_int_equal(seen.records, kind == 2 ? 0 : 600 - in_first);
        fixture_open(f);
        assert_int_equal(journal_recovery(f->journal)->missing_records, expected);
        fixture_close(f);
        fixture_remove_directory(f->path);
        assert_int_equal(mkdir(f->path, 0700), 0);
    }
}

/* A start after a crash leaves numbers out. Nothing is missing there, neither at once nor when records
 * follow. */
static void test_numbers_left_out(void **state)
{
    struct fixture *f = *state;
    struct journal_inspect_summary sum;
    struct seen seen;
    char copy[300], names[64][64];
    fixture_open(f);
    struct journal_cursor *c = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
    fixture_fill(f, 60, 50);
    snprintf(copy, sizeof(copy), "%s.copy", f->path);
    fixture_copy_directory(f->path, copy);
    journal_cursor_close(c);
    fixture_close(f);
    fixture_remove_directory(f->path);
    assert_int_equal(rename(copy, f->path), 0);
    for (unsigned start = 0; start < 3; start++) {
        fixture_open(f);
        assert_int_equal(journal_recovery(f->journal)->missing_records, 0);
        uint64_t number = start == 1 ? fixture_append(f) : 0;
        if (number)
            assert_int_equal(fixture_commit(f), STATUS_OK);
        assert_true(start != 1 || number > 100);
        fixture_close(f);
        assert_int_equal(look(f, 1, &seen, &sum), STATUS_OK);
        assert_int_equal(seen.records, start == 0 ? 60 : 61);
    }
    assert_int_equal(fixture_list_segments(f->path, names, 64), 2);
}

/* A file that goes away during the walk ends it with its name; pages that cannot be read are told as damage.
 */
static void test_disk_fails(void **state)
{
    struct fixture *f = *state;
    struct journal_inspect_summary sum;
    struct error err = {0};
    struct seen seen = {0};
    char path[400];
    fill_and_close(f, 600);
    struct journal_inspect *in = open_tool(f);
    fixture_fail(FAULT_PREAD, 3, 3, EIO); /* behind the footer: the first page, each of three times */
    assert_int_equal(journal_inspect_walk(in, 1, &see_all, &seen, &sum, &err), STATUS_CORRUPT);
    fixture_fail_none();
    assert_int_equal(seen.records + sum.lost_records, 600);
    assert_true(seen.damaged == 1 && sum.lost_records < 100);
    const struct journal_inspect_events none = {0};
    fixture_fail(FAULT_OPENAT, 2, 1, EACCES);
    assert_int_equal(journal_inspect_walk(in, 1, &none, NULL, &sum, &err), STATUS_REFUSED);
    assert_non_null(strstr(err.text, "as root"));
    fixture_fail_none();
    segment_path(f, 1, path, sizeof(path));
    unlink(path);
    assert_int_equal(journal_inspect_walk(in, 1, &none, NULL, &sum, &err), STATUS_IO);
    assert_non_null(strstr(err.text, path));
    journal_inspect_close(in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nothing_to_look_at, setup, teardown),
        cmocka_unit_test_setup_teardown(test_open_under_faults, setup, teardown),
        cmocka_unit_test_setup_teardown(test_whole_journal, setup, teardown),
        cmocka_unit_test_setup_teardown(test_records_without_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_numbers_given_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_copied_segment, setup, teardown),
        cmocka_unit_test_setup_teardown(test_newest_records_missing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_footer_before_the_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_torn_tail, setup, teardown),
        cmocka_unit_test_setup_teardown(test_oldest_records_missing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_numbers_left_out, setup, teardown),
        cmocka_unit_test_setup_teardown(test_disk_fails, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
