/* SPDX-License-Identifier: Apache-2.0
 *
 * UTF-8: what RFC 3629 allows and forbids, at every position of a word.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/utf8.h"

#include <stdlib.h>

/* Encode without looking: also what must not be. */
static size_t encode(uint32_t c, uint8_t *to)
{
    if (c < 0x80) {
        to[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        to[0] = (uint8_t)(0xc0 | c >> 6);
        to[1] = (uint8_t)(0x80 | (c & 63));
        return 2;
    }
    if (c < 0x10000) {
        to[0] = (uint8_t)(0xe0 | c >> 12);
        to[1] = (uint8_t)(0x80 | (c >> 6 & 63));
        to[2] = (uint8_t)(0x80 | (c & 63));
        return 3;
    }
    to[0] = (uint8_t)(0xf0 | c >> 18);
    to[1] = (uint8_t)(0x80 | (c >> 12 & 63));
    to[2] = (uint8_t)(0x80 | (c >> 6 & 63));
    to[3] = (uint8_t)(0x80 | (c & 63));
    return 4;
}

static void test_every_code_point(void **state)
{
    (void)state;
    for (uint32_t c = 0; c < 0x140000; c++) {
        uint8_t text[4];
        size_t len = encode(c, text);
        bool is_allowed = c <= 0x10ffff && !(c >= 0xd800 && c <= 0xdfff);
        assert_int_equal(utf8_sequence_length(bytes_of(text, len)), is_allowed ? len : 0);
        assert_int_equal(utf8_is_valid(bytes_of(text, len)), is_allowed);
        if (len > 1) { /* cut off */
            assert_int_equal(utf8_sequence_length(bytes_of(text, len - 1)), 0);
        }
    }
}

static void test_malformed(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "\x80",
        "\xbf",
        "\xc0\x80",
        "\xc1\xbf",
        "\xe0\x80\x80",
        "\xe0\x9f\xbf",
        "\xf0\x80\x80\x80",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xff",
        "\xfe",
        "\xc3(",
        "\xe2\x82(",
        "\xf0\x9f\x98(",
        "\xc3\xc3",
    };
    for (size_t i = 0; i < array_count(cases); i++)
        assert_false(utf8_is_valid(bytes_of_text(cases[i])));
    assert_true(utf8_is_valid(bytes_of(NULL, 0)));
    assert_true(utf8_is_valid(bytes_of("a\0b", 3)));
    assert_int_equal(utf8_sequence_length(bytes_of(NULL, 0)), 0);
}

static void test_fault_at_every_position(void **state)
{
    (void)state;
    for (size_t len = 1; len < 40; len++) {
        uint8_t *text = malloc(len);
        memset(text, 'a', len);
        assert_true(utf8_is_valid(bytes_of(text, len)));
        for (size_t at = 0; at < len; at++) {
            text[at] = 0xff;
            assert_false(utf8_is_valid(bytes_of(text, len)));
            text[at] = 'a';
        }
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code_point),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_fault_at_every_position),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
