/* SPDX-License-Identifier: Apache-2.0
 *
 * Buffers: growth, limits, the failure that stays.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bytes.h"

static void test_growth(void **state)
{
    (void)state;
    struct buffer b = {0};
    for (int i = 0; i < 10000; i++)
        buffer_add_format(&b, "%d,", i % 10);
    assert_int_equal(b.len, 20000);
    assert_memory_equal(b.data, "0,1,2,3,", 8);
    buffer_clear(&b);
    assert_int_equal(b.len, 0);
    buffer_add_text(&b, "text");
    buffer_add_byte(&b, '!');
    buffer_add(&b, NULL, 0);
    assert_true(bytes_equal(buffer_bytes(&b), bytes_of_text("text!")));
    buffer_finish(&b);
    assert_null(b.data);
}

static void test_limit_and_overflow(void **state)
{
    (void)state;
    struct buffer b = {.limit = 4};
    buffer_add(&b, "abc", 3);
    assert_false(b.failed);
    buffer_add(&b, "de", 2);
    assert_true(b.failed);
    buffer_add(&b, "d", 1); /* ignored now, so that no piece is missing in the middle */
    assert_int_equal(b.len, 3);
    buffer_clear(&b);
    assert_false(b.failed);
    b.limit = 2; /* lowered below the memory it has: still kept */
    buffer_add(&b, "abc", 3);
    assert_true(b.failed);
    buffer_clear(&b);
    b.limit = 0;
    assert_false(buffer_reserve(&b, SIZE_MAX));
    buffer_finish(&b);
}

static void test_equal(void **state)
{
    (void)state;
    assert_true(bytes_equal(bytes_of(NULL, 0), bytes_of_text("")));
    assert_true(bytes_equal(bytes_of_text(NULL), bytes_of_text("")));
    assert_false(bytes_equal(bytes_of_text("a"), bytes_of_text("b")));
    assert_false(bytes_equal(bytes_of_text("a"), bytes_of_text("ab")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_growth),
        cmocka_unit_test(test_limit_and_overflow),
        cmocka_unit_test(test_equal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
