/* SPDX-License-Identifier: Apache-2.0
 *
 * Names, header, footer and index of a segment file, and records as bytes.
 */
#include "journal/journal_crc32c.h"
#include "journal/journal_file.h"
#include "journal/journal_format.h"
#include "journal/journal_record.h"
#include "journal/journal_segment.h"

#include <sys/mman.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_names(void **state)
{
    (void)state;
    uint64_t base = 0, serial = 0;
    struct journal_segment *s = journal_segment_create(123456, UINT64_C(0x7abcdef01), 123455);
    assert_string_equal(s->name, "00000000000000123456-00000007abcdef01.seg");
    assert_true(journal_segment_parse_name(s->name, &base, &serial));
    assert_int_equal(base, 123456);
    assert_int_equal(serial, UINT64_C(0x7abcdef01));
    const char *const bad[] = {"",
                               "cursors",
                               "00000000000000123456-00000007abcdef01.se",
                               "x",
                               "0000000000000012345x-00000007abcdef01.seg",
                               "00000000000000123456-00000007ABCDEF01.seg",
                               "00000000000000123456_00000007abcdef01.seg",
                               "00000000000000123456-00000007abcdef01.tmp",
                               "00000000000000000000-00000007abcdef01.seg",
                               "99999999999999999999-00000007abcdef01.seg"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(journal_segment_parse_name(bad[i], &base, &serial));
    journal_segment_destroy(s);
}

static void test_serials_ascend(void **state)
{
    (void)state;
    uint64_t serial = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t next = journal_segment_next_serial(serial);
        assert_true(next >> 32 == (serial >> 32) + 1 && (uint32_t)next != 0);
        serial = next;
    }
}

/* Header and footer come back; any bit wrong and they do not. The index leads close to a record. */
static void test_header_and_footer(void **state)
{
    (void)state;
    uint8_t header[JOURNAL_SEGMENT_HEADER], byte = 0;
    struct buffer footer = {0};
    struct journal_segment *s = journal_segment_create(500, UINT64_C(0x300000009), 480);
    int fd = memfd_create("segment", MFD_CLOEXEC);
    for (uint64_t n = 500; n < 1500; n++)
        journal_segment_add_record(s, n, 1000, n == 700 ? 0 : (int64_t)n);
    s->last = s->append_last;
    s->end = s->append_end;
    journal_segment_encode_header(s, header);
    journal_segment_encode_footer(s, &footer);
    assert_true(footer.len <= journal_segment_footer_reserve(s->end));
    s->size = s->end + footer.len;
    assert_int_equal(journal_file_write(fd, header, sizeof(header), 0), 0);
    assert_int_equal(journal_file_write(fd, footer.data, footer.len, s->end), 0);

    struct journal_segment *t = journal_segment_create(1, 1, 0);
    assert_true(journal_segment_read_header(t, fd));
    assert_int_equal(t->base, 500);
    assert_int_equal(t->serial, s->serial);
    assert_int_equal(t->follows, 480);
    assert_true(journal_segment_read_footer(t, fd, s->size));
    assert_int_equal(t->last, 1499);
    assert_int_equal(t->end, s->end);
    assert_int_equal(t->newest_us, 1499);
    assert_true(t->untimed);
    assert_true(journal_segment_read_footer_at(t, fd, s->end, s->size));
    t->size = s->size;
    for (uint64_t n = 500; n < 1500; n += 7) {
        struct journal_segment_place p = journal_segment_find_place(t, fd, n);
        assert_int_equal(p.offset, JOURNAL_SEGMENT_HEADER + (p.sequence - 500) * 1000);
        assert_true(p.sequence <= n && n - p.sequence <= JOURNAL_SEGMENT_STRIDE / 1000 + 1);
    }
    for (uint64_t at = s->end; at < s->size; at++) {
        assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
        byte ^= 1;
        assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
        assert_false(journal_segment_read_footer(t, fd, s->size));
        byte ^= 1;
        assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
    }
    journal_segment_destroy(t);
    journal_segment_destroy(s);
    buffer_finish(&footer);
    close(fd);
}

/* Footers with right checksums that speak of another file, another place or another index are none. */
static void test_foreign_footers(void **state)
{
    (void)state;
    struct buffer footer = {0};
    struct journal_segment *s = journal_segment_create(1, 9, 0);
    int fd = memfd_create("segment", MFD_CLOEXEC);
    for (uint64_t n = 1; n <= 3000; n++) /* more places than the first allocation holds */
        journal_segment_add_record(s, n, 1000, 1);
    s->last = s->append_last;
    s->end = s->append_end;
    journal_segment_encode_footer(s, &footer);
    uint64_t size = s->end + footer.len;
    assert_int_equal(journal_file_write(fd, footer.data, footer.len, s->end), 0);
    for (uint64_t n = 1; n <= 3000; n += 13) { /* from memory */
        struct journal_segment_place p = journal_segment_find_place(s, fd, n);
        assert_true(p.sequence <= n && n - p.sequence <= JOURNAL_SEGMENT_STRIDE / 1000 + 1);
    }
    struct journal_segment *t = journal_segment_create(1, 9, 0), *other = journal_segment_create(1, 10, 0);
    assert_true(journal_segment_read_footer(t, fd, size));
    assert_false(journal_segment_read_footer(other, fd, size));
    assert_false(journal_segment_read_footer_at(t, fd, s->end + 8, size));  /* begins elsewhere */
    assert_false(journal_segment_read_footer_at(t, fd, s->end, size - 8));  /* ends behind the file */
    assert_false(journal_segment_read_footer_at(t, fd, s->end - 16, size)); /* has another index */
    assert_false(journal_segment_read_footer(t, fd, JOURNAL_SEGMENT_HEADER));

    assert_false(journal_segment_read_footer(t, fd, size + 1000)); /* the file is shorter */
    t->size = size + 16;
    assert_int_equal(journal_segment_find_place(t, fd, 2000).offset,
                     JOURNAL_SEGMENT_HEADER);                /* a tail behind */
    footer.data[footer.len - JOURNAL_SEGMENT_FOOTER + 44]--; /* fewer entries than stand there */
    journal_format_put32(footer.data + footer.len - 4, journal_crc32c(0, footer.data, footer.len - 4));
    assert_int_equal(journal_file_write(fd, footer.data, footer.len, s->end), 0);
    assert_false(journal_segment_read_footer(other, fd, size));
    assert_false(journal_segment_read_footer(t, fd, size));
    journal_segment_forget_places(s);
    buffer_clear(&footer); /* another place than it says */
    journal_segment_encode_footer(s, &footer);
    assert_int_equal(journal_file_write(fd, footer.data, footer.len, size), 0);
    assert_false(journal_segment_read_footer_at(t, fd, size, size + footer.len));
    assert_int_equal(ftruncate(fd, (off_t)size), 0);

    buffer_clear(&footer); /* says it begins inside the header */
    s->append_end = JOURNAL_SEGMENT_HEADER - 8;
    journal_segment_encode_footer(s, &footer);
    assert_int_equal(journal_file_write(fd, footer.data, footer.len, size), 0);
    assert_false(journal_segment_read_footer(t, fd, size + footer.len));
    assert_int_equal(t->last, 3000); /* as it was told before */
    buffer_finish(&footer);
    journal_segment_destroy(s);
    journal_segment_destroy(t);
    journal_segment_destroy(other);
    close(fd);
}

/* A header with a right checksum and an impossible number is damage. */
static void test_impossible_base(void **state)
{
    (void)state;
    const uint64_t bases[] = {0, UINT64_C(1) << 62, UINT64_MAX};
    uint8_t header[JOURNAL_SEGMENT_HEADER];
    int fd = memfd_create("segment", MFD_CLOEXEC);
    struct journal_segment *t = journal_segment_create(7, 9, 6);
    for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
        struct journal_segment *s = journal_segment_create(bases[i], 9, 0);
        journal_segment_encode_header(s, header);
        assert_int_equal(journal_file_write(fd, header, sizeof(header), 0), 0);
        assert_false(journal_segment_read_header(t, fd));
        assert_int_equal(t->base, 7);
        journal_segment_destroy(s);
    }
    journal_segment_destroy(t);
    close(fd);
}

/* A record comes back with its own mark only, and every bit of it is covered. */
static void test_record(void **state)
{
    (void)state;
    uint8_t place[64] = {0};
    struct journal_record_header h = {.length = 20, .mark = 77, .sequence = 5, .appended_us = -3}, back;
    memset(place + JOURNAL_RECORD_HEADER, 9, 20);
    journal_record_encode(place, &h);
    journal_record_seal(place);
    assert_int_equal(journal_record_span(20), 56);
    assert_true(journal_record_decode(place, 77, &back));
    assert_false(journal_record_decode(place, 78, &back));
    assert_int_equal(back.length, 20);
    assert_int_equal(back.sequence, 5);
    assert_int_equal(back.appended_us, -3);
    assert_true(journal_record_payload_matches(place, &back));
    for (size_t bit = 0; bit < (JOURNAL_RECORD_HEADER + 20) * 8; bit++) {
        place[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(journal_record_decode(place, 77, &back) && journal_record_payload_matches(place, &back));
        place[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    journal_record_set_mark(place, 78);
    assert_true(journal_record_decode(place, 78, &back) && journal_record_payload_matches(place, &back));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_serials_ascend),
        cmocka_unit_test(test_header_and_footer),
        cmocka_unit_test(test_foreign_footers),
        cmocka_unit_test(test_impossible_base),
        cmocka_unit_test(test_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
