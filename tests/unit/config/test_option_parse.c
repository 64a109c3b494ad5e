/* SPDX-License-Identifier: Apache-2.0
 *
 * Proves every form of a value that an operator may write, and that near misses are refused.
 */
#include "config/config_report.h"
#include "config/option.h"

#include "unit.h"

#include <locale.h>
#include <math.h>

struct number_case {
    const char *text;
    int64_t value;
};

static void check_numbers(bool (*parse)(const char *, int64_t *, struct error *),
                          const struct number_case *right, const char *const *wrong)
{
    struct error err;
    int64_t value;
    for (; right->text; right++)
        if (!parse(right->text, &value, &err) || value != right->value)
            fail_msg("%s", right->text);
    for (; *wrong; wrong++) {
        err.text[0] = 0;
        if (parse(*wrong, &value, &err) || !err.text[0])
            fail_msg("%s was taken", *wrong);
        assert_false(parse(*wrong, &value, NULL));
    }
}

static void test_bool(void **state)
{
    (void)state;
    struct error err;
    bool value = false;
    static const char *const yes[] = {"true", "True", "TRUE", "yes", "on"}, *const no[] = {"false", "no",
                                                                                           "OFF"};
    for (size_t i = 0; i < 5; i++)
        assert_true(option_parse_bool(yes[i], &value, &err) && value);
    for (size_t i = 0; i < 3; i++)
        assert_true(option_parse_bool(no[i], &value, &err) && !value);
    assert_false(option_parse_bool("1", &value, &err));
    assert_false(option_parse_bool("", &value, &err));
    assert_false(option_parse_bool("truee", &value, NULL));
}

static void test_int(void **state)
{
    (void)state;
    static const struct number_case right[] = {{"0", 0},
                                               {"-5", -5},
                                               {"+5", 5},
                                               {"007", 7},
                                               {"9223372036854775807", INT64_MAX},
                                               {"-9223372036854775808", INT64_MIN},
                                               {NULL, 0}};
    static const char *const wrong[] = {
        "", "-", "+", " 1", "1 ", "1.0", "0x1", "1e3", "9223372036854775808", "one", "--1", NULL};
    check_numbers(option_parse_int, right, wrong);
}

static void test_size(void **state)
{
    (void)state;
    static const struct number_case right[] = {{"0", 0},
                                               {"512", 512},
                                               {"512 B", 512},
                                               {"64 KiB", 65536},
                                               {"64kib", 65536},
                                               {"10 MB", 10000000},
                                               {"1.5 GiB", 1610612736},
                                               {"2  TiB", (int64_t)2 << 40},
                                               {"1 kB", 1000},
                                               {"0.5 KiB", 512},
                                               {NULL, 0}};
    static const char *const wrong[] = {
        "",       "K",      "64 K",    "64k",          "1.5",    "-1",  "1 XB", "1 KiB KiB", "1e3",
        ".5 KiB", "5. KiB", "0.3 KiB", "99999999 TiB", "1 K iB", "inf", "0x10", NULL};
    check_numbers(option_parse_size, right, wrong);
}

static void test_duration(void **state)
{
    (void)state;
    static const struct number_case right[] = {
        {"0", 0},           {"200ms", 200},         {"5s", 5000},      {"5 s", 5000},     {"10m", 600000},
        {"10min", 600000},  {"2h", 7200000},        {"7d", 604800000}, {"1w", 604800000}, {"1.5s", 1500},
        {"1h30m", 5400000}, {"1h 30m 5s", 5405000}, {"0s", 0},         {"2H", 7200000},   {NULL, 0}};
    static const char *const wrong[] = {"",    "5",     "1.5",     "s",    "5 sec",          "-5s", "0.1ms",
                                        "5s5", "1h,5m", "forever", "1e3s", "9999999999999w", "5µs", NULL};
    check_numbers(option_parse_duration, right, wrong);
}

static void test_double(void **state)
{
    (void)state;
    struct error err;
    double value;
    assert_true(option_parse_double("-1.5e3", &value, &err) && fabs(value + 1500) < 1e-9);
    assert_true(option_parse_double("5", &value, &err));
    static const char *const wrong[] = {"", "nan", "inf", "0x1p3", "1,5", "1.5x", "1e999", "."};
    for (size_t i = 0; i < 8; i++)
        assert_false(option_parse_double(wrong[i], &value, &err));
}

static void test_locale_does_not_matter(void **state)
{
    (void)state;
    double value;
    int64_t size;
    const char *set = setlocale(LC_ALL, "de_DE.UTF-8");
    assert_true(option_parse_double("1.5", &value, NULL) && value > 1.4);
    assert_true(option_parse_size("1.5 KiB", &size, NULL) && size == 1536);
    setlocale(LC_ALL, "C");
    (void)set;
}

static void test_values(void **state)
{
    (void)state;
    static const char text[] =
        "[~, true, False, 12, -3, 0x1f, 0o17, 18446744073709551615, 99999999999999999999, 1.5, "
        ".inf, -.INF, .nan, yes, \"12\", text, {a: [1]}, 1_000, 0b1, 12:30:45]";
    static const int types[] = {FBY_NULL,   FBY_BOOL,   FBY_BOOL,   FBY_INT,    FBY_INT,
                                FBY_INT,    FBY_INT,    FBY_UINT,   FBY_DOUBLE, FBY_DOUBLE,
                                FBY_DOUBLE, FBY_DOUBLE, FBY_DOUBLE, FBY_STRING, FBY_STRING,
                                FBY_STRING, FBY_MAP,    FBY_STRING, FBY_STRING, FBY_STRING};
    struct arena arena;
    arena_init(&arena, 0, 0);
    struct config_report *r = config_report_create();
    struct yaml_node *root = yaml_tree_parse("x", text, sizeof text - 1, &arena, r);
    assert_non_null(root);
    struct fby_value *v = option_value(root, &arena);
    assert_int_equal(v->len, sizeof types / sizeof types[0]);
    for (size_t i = 0; i < v->len; i++)
        if (v->items[i].type != types[i])
            fail_msg("value %zu has type %d", i, v->items[i].type);
    assert_int_equal(v->items[5].integer, 31);
    assert_int_equal(v->items[6].integer, 15);
    assert_true(v->items[7].uinteger == UINT64_MAX);
    assert_true(v->items[11].number < 0 && isinf(v->items[11].number));
    assert_int_equal(option_value(NULL, &arena)->type, FBY_NULL);
    config_report_destroy(r);
    arena_finish(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bool),   cmocka_unit_test(test_int),
        cmocka_unit_test(test_size),   cmocka_unit_test(test_duration),
        cmocka_unit_test(test_double), cmocka_unit_test(test_locale_does_not_matter),
        cmocka_unit_test(test_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
