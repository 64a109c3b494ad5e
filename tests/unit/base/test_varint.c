/* SPDX-License-Identifier: Apache-2.0
 *
 * Proves where a varint ends, and which ones are none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/varint.h"

static bool read(const char *bytes, size_t len, size_t *used, uint64_t *value)
{
    const uint8_t *begin = (const uint8_t *)bytes, *at = begin;
    bool right = varint_read(&at, begin + len, value);
    *used = (size_t)(at - begin);
    return right;
}

static void test_values(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        uint64_t value;
    } rows[] = {
        {"\x00", 1, 0},
        {"\x7f", 1, 127},
        {"\x80\x01", 2, 128},
        {"\x80\x00", 2, 0}, /* longer than it must be */
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, UINT64_MAX},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 10, UINT64_MAX}, /* bits above 64 */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t used;
        uint64_t value;
        assert_true(read(rows[i].bytes, rows[i].len, &used, &value));
        assert_true(value == rows[i].value);
        assert_int_equal(used, rows[i].len);
        for (size_t len = 0; len < rows[i].len; len++) {
            assert_false(read(rows[i].bytes, len, &used, &value));
            assert_int_equal(used, 0);
        }
    }
}

static void test_eleven_bytes(void **state)
{
    (void)state;
    size_t used;
    uint64_t value;
    assert_false(read("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11, &used, &value));
    assert_int_equal(used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_eleven_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
