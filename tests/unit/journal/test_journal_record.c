/* SPDX-License-Identifier: Apache-2.0
 *
 * A record's header and payload as bytes: one wrong bit anywhere in them is seen.
 */
#include "journal/journal_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PAYLOAD = 21, MARK = 0x5eed1234 };

static void make_record(uint8_t *place, size_t size)
{
    const struct journal_record_header h = {
        .length = PAYLOAD, .mark = MARK, .sequence = 77, .appended_us = 1700000000000000};
    memset(place, 0, size);
    journal_record_encode(place, &h);
    for (size_t i = 0; i < PAYLOAD; i++)
        place[JOURNAL_RECORD_HEADER + i] = (uint8_t)(i * 7);
    journal_record_seal(place);
}

static void test_there_and_back(void **state)
{
    (void)state;
    uint8_t place[JOURNAL_RECORD_HEADER + 32];
    struct journal_record_header h;
    make_record(place, sizeof place);
    assert_true(journal_record_decode(place, MARK, &h));
    assert_int_equal(h.length, PAYLOAD);
    assert_int_equal(h.flags, 0);
    assert_int_equal(h.sequence, 77);
    assert_true(h.appended_us == 1700000000000000);
    assert_true(journal_record_payload_matches(place, &h));
    assert_int_equal(journal_record_span(PAYLOAD), JOURNAL_RECORD_HEADER + 24);
}

static void test_every_bit_of_the_header(void **state)
{
    (void)state;
    uint8_t place[JOURNAL_RECORD_HEADER + 32];
    struct journal_record_header h;
    make_record(place, sizeof place);
    for (size_t bit = 0; bit < JOURNAL_RECORD_HEADER * 8; bit++) {
        place[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(journal_record_decode(place, MARK, &h));
        place[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_true(journal_record_decode(place, MARK, &h));
}

static void test_every_bit_of_the_payload(void **state)
{
    (void)state;
    uint8_t place[JOURNAL_RECORD_HEADER + 32];
    struct journal_record_header h;
    make_record(place, sizeof place);
    assert_true(journal_record_decode(place, MARK, &h));
    for (size_t bit = 0; bit < PAYLOAD * 8; bit++) {
        uint8_t *at = place + JOURNAL_RECORD_HEADER + bit / 8;
        *at ^= (uint8_t)(1 << bit % 8);
        assert_false(journal_record_payload_matches(place, &h));
        *at ^= (uint8_t)(1 << bit % 8);
    }
}

/* A header that says more than a record may have is damage, even with a right checksum. */
static void test_limit_and_other_segments(void **state)
{
    (void)state;
    uint8_t place[JOURNAL_RECORD_HEADER + 32];
    struct journal_record_header h = {.length = JOURNAL_RECORD_MAX + 1, .mark = MARK, .sequence = 1};
    memset(place, 0, sizeof place);
    journal_record_encode(place, &h);
    journal_record_set_mark(place, MARK);
    assert_false(journal_record_decode(place, MARK, &h));

    make_record(place, sizeof place);
    assert_false(journal_record_decode(place, MARK + 1, &h));
    journal_record_set_mark(place, MARK + 1);
    assert_true(journal_record_decode(place, MARK + 1, &h));
    assert_true(journal_record_payload_matches(place, &h));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_every_bit_of_the_header),
        cmocka_unit_test(test_every_bit_of_the_payload),
        cmocka_unit_test(test_limit_and_other_segments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
