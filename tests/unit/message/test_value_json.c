/* SPDX-License-Identifier: Apache-2.0
 *
 * Proves what value trees look like as JSON text: every type, form and border of a range.
 */
#include "message/value.h"

#include "unit.h"

#include <math.h>
#include <stdio.h>

static void assert_written(struct fby_value v, const char *expected)
{
    struct buffer out = {0};
    assert_true(value_write_json(&v, &out));
    buffer_add_byte(&out, 0);
    assert_string_equal((const char *)out.data, expected);
    buffer_finish(&out);
}

static struct fby_value time_value(int64_t s, uint32_t ns)
{
    return (struct fby_value){.type = FBY_TIME, .time_s = s, .len = ns};
}

static void test_scalars(void **state)
{
    (void)state;
    struct fby_value text64 = value_uint(UINT64_MAX), float32 = value_double((double)0.1f);
    text64.flags = FBY_FLAG_TEXT64;
    float32.flags = FBY_FLAG_FLOAT32;
    assert_written(value_null(), "null");
    assert_written(value_bool(true), "true");
    assert_written(value_bool(false), "false");
    assert_written(value_int(INT64_MIN), "-9223372036854775808");
    assert_written(value_uint(UINT64_MAX), "18446744073709551615");
    assert_written(text64, "\"18446744073709551615\"");
    assert_written(value_double(0.1), "0.1");
    assert_written(float32, "0.1");
    assert_written(value_double(NAN), "\"NaN\"");
    assert_written(value_double(-INFINITY), "\"-Infinity\"");
    assert_written(value_text("a\"b\n"), "\"a\\\"b\\n\"");
    assert_written(value_bytes(bytes_of("\x00\xff\x10", 3)), "\"AP8Q\"");
}

static void test_digits_are_a_number_only_when_they_are_one(void **state)
{
    (void)state;
    static const char *const numbers[] = {"123456789012345678901", "-18446744073709551616", "0", "-5"};
    static const char *const others[] = {"", "-", "1.5", "1e5", "01", "-01", "1 ", " 1", "--1", "1]"};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct fby_value v = value_text(numbers[i]);
        v.flags = FBY_FLAG_DIGITS;
        assert_written(v, numbers[i]);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char quoted[32];
        struct fby_value v = value_text(others[i]);
        v.flags = FBY_FLAG_DIGITS;
        snprintf(quoted, sizeof quoted, "\"%s\"", others[i]);
        assert_written(v, quoted);
    }
}

static void test_hex(void **state)
{
    (void)state;
    struct buffer out = {0};
    struct fby_value v = value_bytes(bytes_of("\x00\xff\x1a", 3));
    assert_true(value_write_json_as(&v, VALUE_JSON_HEX, &out));
    assert_true(bytes_equal(buffer_bytes(&out), bytes_of_text("\"00ff1a\"")));
    buffer_finish(&out);
}

static void test_time(void **state)
{
    (void)state;
    assert_written(time_value(0, 0), "\"1970-01-01T00:00:00Z\"");
    assert_written(time_value(951782400, 500000000), "\"2000-02-29T00:00:00.500Z\"");
    assert_written(time_value(1700000000, 1000), "\"2023-11-14T22:13:20.000001Z\"");
    assert_written(time_value(-1, 999999999), "\"1969-12-31T23:59:59.999999999Z\"");
    assert_written(time_value(-62135596800, 0), "\"0001-01-01T00:00:00Z\"");
    assert_written(time_value(253402300799, 0), "\"9999-12-31T23:59:59Z\"");
    assert_written(time_value(253402300800, 0), "\"+10000-01-01T00:00:00Z\"");
    assert_written(time_value(-62167219201, 0), "\"-0001-12-31T23:59:59Z\"");
    assert_written(time_value(INT64_MAX, 0), "\"+292277026596-12-04T15:30:07Z\"");
    assert_written(time_value(INT64_MIN, 0), "\"-292277022657-01-27T08:29:52Z\"");
}

static void test_containers(void **state)
{
    (void)state;
    struct fby_value items[] = {value_int(1), {.type = FBY_LIST}, {.type = FBY_MAP}};
    struct fby_field fields[] = {{{"a", 1}, {.type = FBY_LIST, .len = 3, .items = items}},
                                 {{"", 0}, value_null()}};
    assert_written((struct fby_value){.type = FBY_MAP, .len = 2, .fields = fields},
                   "{\"a\":[1,[],{}],\"\":null}");
}

/* Many at once, next to others, and up to the last byte that a limit leaves. */
static void test_booleans(void **state)
{
    (void)state;
    enum { COUNT = 150 };
    struct fby_value items[COUNT];
    struct buffer expected = {0}, out = {0};
    for (int i = 0; i < COUNT; i++) {
        items[i] = i == 70 ? value_int(7) : (struct fby_value){.type = FBY_BOOL, .boolean = i % 3 == 0};
        buffer_add_text(&expected, i == 0 ? "[" : ",");
        buffer_add_text(&expected, i == 70 ? "7" : i % 3 == 0 ? "true" : "false");
    }
    buffer_add_text(&expected, "]");
    const struct fby_value list = {.type = FBY_LIST, .len = COUNT, .items = items};
    assert_true(value_write_json(&list, &out));
    assert_true(bytes_equal(buffer_bytes(&out), buffer_bytes(&expected)));
    struct buffer exact = {.limit = expected.len}, less = {.limit = expected.len - 1};
    assert_true(value_write_json(&list, &exact));
    assert_true(bytes_equal(buffer_bytes(&exact), buffer_bytes(&expected)));
    assert_false(value_write_json(&list, &less));
    buffer_finish(&less);
    buffer_finish(&exact);
    buffer_finish(&out);
    buffer_finish(&expected);
}

static void test_limit_of_output(void **state)
{
    (void)state;
    struct buffer out = {.limit = 16};
    struct fby_value v = value_text("longer than sixteen bytes");
    assert_false(value_write_json(&v, &out));
    buffer_finish(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scalars),    cmocka_unit_test(test_digits_are_a_number_only_when_they_are_one),
        cmocka_unit_test(test_hex),        cmocka_unit_test(test_time),
        cmocka_unit_test(test_containers), cmocka_unit_test(test_limit_of_output),
        cmocka_unit_test(test_booleans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
