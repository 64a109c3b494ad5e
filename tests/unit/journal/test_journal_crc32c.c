/* SPDX-License-Identifier: Apache-2.0
 *
 * CRC-32C against its published check value, and the instruction against the tables.
 */
#include "journal/journal_crc32c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_known_values(void **state)
{
    (void)state;
    uint8_t zeros[32] = {0};
    assert_int_equal(journal_crc32c(0, "123456789", 9), 0xe3069283);
    assert_int_equal(journal_crc32c_portable(0, "123456789", 9), 0xe3069283);
    assert_int_equal(journal_crc32c(0, zeros, sizeof(zeros)), 0x8a9136aa); /* RFC 3720 B.4 */
    assert_int_equal(journal_crc32c(0, "", 0), 0);
}

/* Every length and alignment, in one piece and in two. */
static void test_both_ways_agree(void **state)
{
    (void)state;
    uint8_t bytes[200];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 151 + 7);
    for (size_t start = 0; start < 9; start++) {
        for (size_t len = 0; start + len <= sizeof(bytes); len++) {
            uint32_t crc = journal_crc32c(0, bytes + start, len);
            assert_int_equal(crc, journal_crc32c_portable(0, bytes + start, len));
            uint32_t first = journal_crc32c(0, bytes + start, len / 3);
            assert_int_equal(crc, journal_crc32c(first, bytes + start + len / 3, len - len / 3));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_values),
        cmocka_unit_test(test_both_ways_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
