/* SPDX-License-Identifier: Apache-2.0
 *
 * Points in time as text, against the C library over all years it knows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/time_format.h"

#include <stdio.h>
#include <time.h>

static void expect(int64_t seconds, uint32_t nanoseconds, const char *expected)
{
    char text[TIME_FORMAT_MAX + 1];
    size_t len = time_format_utc(seconds, nanoseconds, text);
    assert_true(len <= TIME_FORMAT_MAX);
    text[len] = 0;
    assert_string_equal(text, expected);
}

static void test_agrees_with_the_library(void **state)
{
    (void)state;
    /* Steps of a month and some, from before year 0 to behind year 9999. */
    for (int64_t s = INT64_C(-63000000000); s < INT64_C(254000000000); s += 2929393) {
        char expected[64];
        time_t t = (time_t)s;
        struct tm tm;
        if (t != s) /* the library's own time has 32 bits here */
            continue;
        assert_non_null(gmtime_r(&t, &tm));
        int year = tm.tm_year + 1900;
        snprintf(expected, sizeof expected, "%s%04d-%02d-%02dT%02d:%02d:%02dZ",
                 year < 0      ? "-"
                 : year > 9999 ? "+"
                               : "",
                 year < 0 ? -year : year, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
        expect(s, 0, expected);
    }
}

static void test_fractions(void **state)
{
    (void)state;
    expect(0, 1, "1970-01-01T00:00:00.000000001Z");
    expect(0, 500000000, "1970-01-01T00:00:00.500Z");
    expect(-1, 999999000, "1969-12-31T23:59:59.999999Z");
}

static void test_ends(void **state)
{
    (void)state;
    expect(INT64_MAX, 999999999, "+292277026596-12-04T15:30:07.999999999Z");
    expect(INT64_MIN, 0, "-292277022657-01-27T08:29:52Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agrees_with_the_library),
        cmocka_unit_test(test_fractions),
        cmocka_unit_test(test_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
