/* SPDX-License-Identifier: Apache-2.0
 *
 * The walk over records that are whole by themselves and wrong where they stand, and over files that end
 * early: each gap is told once with its numbers, and the walk always ends.
 */
#include "journal/journal_scan.h"

#include "journal/journal_block.h"
#include "journal/journal_file.h"
#include "journal/journal_record.h"
#include "journal_fixture.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

struct strip {
    struct journal_block_pool *pool;
    struct journal_segment *segment;
    struct journal_scan scan;
    int fd;
};

static int setup(void **state)
{
    struct strip *s = calloc(1, sizeof(*s));
    s->pool = journal_block_pool_create();
    s->segment = journal_segment_create(10, UINT64_C(0x500000003), 9);
    s->fd = memfd_create("segment", MFD_CLOEXEC);
    fixture_fail_none();
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct strip *s = *state;
    fixture_fail_none();
    journal_scan_finish(&s->scan);
    journal_segment_destroy(s->segment);
    journal_block_pool_destroy(s->pool);
    close(s->fd);
    free(s);
    return 0;
}

/* A record of 100 bytes at the end. */
static void put(struct strip *s, uint64_t sequence)
{
    uint8_t place[JOURNAL_RECORD_HEADER + 104] = {0};
    struct journal_record_header h = {.length = 100,
                                      .mark = journal_segment_mark(s->segment, s->segment->append_end),
                                      .sequence = sequence,
                                      .appended_us = 5};
    memset(place + JOURNAL_RECORD_HEADER, (int)sequence, 100);
    journal_record_encode(place, &h);
    journal_record_seal(place);
    assert_int_equal(journal_file_write(s->fd, place, sizeof(place), s->segment->append_end), 0);
    journal_segment_add_record(s->segment, sequence, sizeof(place), 5);
    s->segment->end = s->segment->append_end;
    s->segment->last = sequence;
}

static void start(struct strip *s, bool exact, uint64_t end_of_file)
{
    journal_scan_start(&s->scan, s->pool, s->fd, s->segment,
                       (struct journal_segment_place){s->segment->base, JOURNAL_SEGMENT_HEADER}, exact,
                       end_of_file);
}

static void expect_record(struct strip *s, uint64_t sequence)
{
    struct journal_record r;
    assert_int_equal(journal_scan_next(&s->scan, &r), STATUS_OK);
    assert_int_equal(r.sequence, sequence);
    assert_int_equal(r.bytes.len, 100);
    assert_int_equal(r.bytes.data[99], (uint8_t)sequence);
}

static void expect_damage(struct strip *s, uint64_t sequence, uint64_t records)
{
    struct journal_record r;
    assert_int_equal(journal_scan_next(&s->scan, &r), STATUS_CORRUPT);
    assert_int_equal(s->scan.damage.sequence, sequence);
    assert_int_equal(s->scan.damage.records, records);
}

static void expect_end(struct strip *s)
{
    struct journal_record r;
    for (int i = 0; i < 2; i++) /* and stays there */
        assert_int_equal(journal_scan_next(&s->scan, &r), STATUS_END);
}

/* Numbers that do not follow one another: a gap is told, one that was there before is no record. */
static void test_numbers(void **state)
{
    struct strip *s = *state;
    const uint64_t numbers[] = {10, 11, 13, 12, 14};
    for (size_t i = 0; i < 5; i++)
        put(s, numbers[i]);
    start(s, true, 0);
    expect_record(s, 10);
    expect_record(s, 11);
    expect_damage(s, 12, 1);
    expect_record(s, 13);
    expect_damage(s, 14, 0); /* bytes only: the number 12 in the wrong place */
    expect_record(s, 14);
    expect_end(s);
}

/* More records than could stand before it, or fewer than the segment begins with: not of this place. */
static void test_impossible_numbers(void **state)
{
    struct strip *s = *state;
    const uint64_t numbers[] = {10, 4000, 9, 11, 99};
    for (size_t i = 0; i < 5; i++)
        put(s, numbers[i]);
    s->segment->last = 11;
    start(s, true, 0);
    expect_record(s, 10);
    expect_damage(s, 11, 0);
    expect_record(s, 11);
    expect_end(s); /* 99 is past the last */
}

/* A file that ends before its records do: the rest is told as lost, whether or not that was known. */
static void test_cut_file(void **state)
{
    struct strip *s = *state;
    for (uint64_t n = 10; n < 60; n++)
        put(s, n);
    assert_int_equal(ftruncate(s->fd, (off_t)s->segment->end - 20), 0);
    for (int salvage = 0; salvage < 2; salvage++) {
        start(s, true, 0);
        s->scan.salvage = salvage;
        for (uint64_t n = 10; n < 59; n++)
            expect_record(s, n);
        expect_damage(s, 59, 1);
        expect_end(s);
        journal_scan_finish(&s->scan);
    }
    start(s, false, s->segment->end + 100000);
    for (uint64_t n = 10; n < 59; n++)
        expect_record(s, n);
    expect_end(s);
    assert_true(s->scan.torn_bytes > 0 && s->scan.torn_bytes <= JOURNAL_RECORD_HEADER + 104 - 20);
}

/* A file that is cut while it is read, between the header of a record and its bytes: what was behind is told.
 */
static void test_cut_while_it_is_read(void **state)
{
    struct strip *s = *state;
    const uint64_t span = journal_record_span(100), whole = JOURNAL_BLOCK_SIZE / span, last = 10 + 2000 - 1;
    assert_true(JOURNAL_BLOCK_SIZE % span >= JOURNAL_RECORD_HEADER);
    for (int salvage = 0; salvage < 2; salvage++) {
        s->segment->append_end = JOURNAL_SEGMENT_HEADER;
        for (uint64_t n = 10; n <= last; n++)
            put(s, n);
        start(s, true, 0);
        s->scan.salvage = salvage;
        expect_record(s, 10);
        assert_int_equal(ftruncate(s->fd, JOURNAL_SEGMENT_HEADER + JOURNAL_BLOCK_SIZE), 0);
        for (uint64_t n = 11; n < 10 + whole; n++)
            expect_record(s, n);
        expect_damage(s, 10 + whole, 2000 - whole);
        expect_end(s);
        journal_scan_finish(&s->scan);
    }
}

/* A disk that stumbles, wherever the walk is: told each time, and nothing is skipped by it. */
static void test_disk_stumbles(void **state)
{
    struct strip *s = *state;
    struct journal_record r;
    for (uint64_t n = 10; n < 4010; n++) /* several blocks */
        put(s, n);
    assert_int_equal(journal_file_write(s->fd, "x", 1, JOURNAL_SEGMENT_HEADER), 0);
    assert_int_equal(ftruncate(s->fd, (off_t)s->segment->end + (1 << 20)), 0);
    for (unsigned k = 1; k <= 6; k++) {
        unsigned failures = 0, records = 0, damages = 0;
        enum status st;
        start(s, false, s->segment->end + (1 << 20));
        fixture_fail(FAULT_PREAD, k, 1, EIO);
        while ((st = journal_scan_next(&s->scan, &r)) != STATUS_END) {
            failures += st == STATUS_IO;
            damages += st == STATUS_CORRUPT;
            records += st == STATUS_OK;
            assert_true(st == STATUS_OK || st == STATUS_CORRUPT || st == STATUS_IO);
        }
        assert_int_equal(records, 3999);
        assert_int_equal(damages, 1);
        assert_int_equal(failures, 1);
        assert_int_equal(s->scan.torn_bytes, 0);
        journal_scan_finish(&s->scan);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_numbers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_impossible_numbers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cut_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cut_while_it_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_disk_stumbles, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
