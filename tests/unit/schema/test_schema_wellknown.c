/* SPDX-License-Identifier: Apache-2.0
 *
 * Proves times, durations and field masks as text, both ways, against the C library's calendar.
 */
#include "schema/schema_wellknown.h"

#include "base/time_format.h"

#include "unit.h"

#include <stdio.h>
#include <time.h>

static void test_timestamps_agree_with_the_calendar(void **state)
{
    (void)state;
    /* Steps of 100 days and some seconds, from year 1 to year 9999. */
    for (int64_t s = SCHEMA_TIMESTAMP_MIN_S; s <= SCHEMA_TIMESTAMP_MAX_S; s += INT64_C(8640000) + 12345) {
        char text[SCHEMA_TIME_TEXT_MAX + 1], expected[64];
        time_t t = (time_t)s;
        struct tm tm;
        if (t != s) /* the library's own time has 32 bits here */
            continue;
        assert_non_null(gmtime_r(&t, &tm));
        snprintf(expected, sizeof expected, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900,
                 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
        text[time_format_utc(s, 0, text)] = 0;
        assert_string_equal(text, expected);
        int64_t seconds;
        int32_t nanos;
        assert_true(schema_timestamp_parse(bytes_of_text(text), &seconds, &nanos));
        assert_true(seconds == s && nanos == 0);
    }
}

static void test_fractions(void **state)
{
    (void)state;
    static const struct {
        int32_t nanos;
        const char *text;
    } cases[] = {{0, "1s"},           {1, "1.000000001s"},   {1000, "1.000001s"},
                 {1000000, "1.001s"}, {500000000, "1.500s"}, {999999999, "1.999999999s"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[SCHEMA_TIME_TEXT_MAX + 1];
        int64_t seconds;
        int32_t nanos;
        text[schema_duration_format(1, cases[i].nanos, text)] = 0;
        assert_string_equal(text, cases[i].text);
        assert_true(schema_duration_parse(bytes_of_text(text), &seconds, &nanos));
        assert_true(seconds == 1 && nanos == cases[i].nanos);
    }
}

static void test_what_is_no_time(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "2026-01-01",
        "2026-01-01T00:00:00",
        "2026-1-01T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:60Z",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00.1234567890Z",
        "2026-01-01T00:00:00Z ",
        "2026-01-01T00:00:00+1:00",
        "2026-01-01T00:00:00+24:00",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
    };
    int64_t seconds;
    int32_t nanos;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (schema_timestamp_parse(bytes_of_text(wrong[i]), &seconds, &nanos))
            fail_msg("%s was taken", wrong[i]);
    static const char *const durations[] = {"",
                                            "s",
                                            "1",
                                            "-s",
                                            ".5s",
                                            "1.s",
                                            "1e3s",
                                            "--1s",
                                            "1.0000000001s",
                                            "315576000001s",
                                            "99999999999999999999s",
                                            "1s "};
    for (size_t i = 0; i < sizeof durations / sizeof durations[0]; i++)
        if (schema_duration_parse(bytes_of_text(durations[i]), &seconds, &nanos))
            fail_msg("%s was taken", durations[i]);
    assert_true(schema_timestamp_parse(bytes_of_text("2000-02-29T12:00:00.5+12:00"), &seconds, &nanos));
    assert_true(seconds == 951782400 && nanos == 500000000);
    assert_true(schema_duration_parse(bytes_of_text("-0.5s"), &seconds, &nanos));
    assert_true(seconds == 0 && nanos == -500000000);
}

static void test_field_masks(void **state)
{
    (void)state;
    struct buffer camel = {0}, snake = {0};
    assert_true(schema_field_mask_format(bytes_of_text("foo_bar.baz_q1"), &camel));
    assert_memory_equal(camel.data, "fooBar.bazQ1", camel.len);
    assert_true(schema_field_mask_parse(buffer_bytes(&camel), &snake));
    assert_memory_equal(snake.data, "foo_bar.baz_q1", snake.len);
    assert_false(schema_field_mask_format(bytes_of_text("fooBar"), &camel));
    assert_false(schema_field_mask_format(bytes_of_text("foo_1"), &camel));
    assert_false(schema_field_mask_format(bytes_of_text("foo__bar"), &camel));
    assert_false(schema_field_mask_format(bytes_of_text("foo_"), &camel));
    assert_false(schema_field_mask_parse(bytes_of_text("foo_bar"), &snake));
    buffer_finish(&camel);
    buffer_finish(&snake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timestamps_agree_with_the_calendar),
        cmocka_unit_test(test_fractions),
        cmocka_unit_test(test_what_is_no_time),
        cmocka_unit_test(test_field_masks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
