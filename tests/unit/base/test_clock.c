/* SPDX-License-Identifier: Apache-2.0
 *
 * The clock, real and fake, and its text form.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

static void test_real(void **state)
{
    (void)state;
    int64_t before_us = clock_monotonic_us();
    assert_true(clock_monotonic_us() >= before_us);
    assert_true(clock_is_plausible(clock_realtime_us()));
    assert_false(clock_is_fake());
}

static void test_fake(void **state)
{
    (void)state;
    clock_fake_start(INT64_C(1700000000000000));
    assert_true(clock_is_fake());
    int64_t monotonic_us = clock_monotonic_us();
    assert_int_equal(clock_realtime_us(), INT64_C(1700000000000000));
    clock_fake_advance(2500);
    assert_int_equal(clock_monotonic_us(), monotonic_us + 2500);
    assert_int_equal(clock_realtime_us(), INT64_C(1700000000002500));
    clock_fake_stop();
    assert_false(clock_is_fake());
}

static void test_text(void **state)
{
    (void)state;
    char text[32];
    clock_format_rfc3339(INT64_C(1700000000123456), text, sizeof text);
    assert_string_equal(text, "2023-11-14T22:13:20.123456Z");
    clock_format_rfc3339(-1, text, sizeof text);
    assert_string_equal(text, "1969-12-31T23:59:59.999999Z");
    assert_false(clock_is_plausible(0));
    assert_true(clock_is_plausible(INT64_C(1577836800000000)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_real),
        cmocka_unit_test(test_fake),
        cmocka_unit_test(test_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
