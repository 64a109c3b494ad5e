/* SPDX-License-Identifier: Apache-2.0
 *
 * Text to doubles: every answer is that of strtod, and what is left to strtod is rare. Text to integers: to
 * the last digit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/number_parse.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t random_state = UINT64_C(88172645463325252);

static uint64_t draw(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

/* Returns false when it was left to strtod. */
static bool check(const char *text)
{
    double expected = strtod(text, NULL), found = -1;
    if (!number_parse_double(bytes_of_text(text), &found))
        return false;
    if (memcmp(&expected, &found, sizeof found) != 0)
        fail_msg("%s: expected %.17g, found %.17g", text, expected, found);
    return true;
}

static void test_known_cases(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "0",
        "-0",
        "0.0",
        "-0e5",
        "1",
        "10",
        "0.1",
        "-1.5",
        "123456789012345678901234567890",
        "1e22",
        "1e23",
        "9007199254740993",
        "9007199254740992",
        "9007199254740991",
        "18446744073709551615",
        "1.7976931348623157e308",
        "1.7976931348623158e308",
        "1.7976931348623159e308",
        "1e309",
        "-1e400",
        "1e100000000000000000000",
        "2.2250738585072014e-308",
        "2.2250738585072011e-308",
        "2.2250738585072012e-308",
        "4.9406564584124654e-324",
        "5e-324",
        "3e-324",
        "2.4e-324",
        "2.5e-324",
        "2.4703282292062327e-324",
        "2.4703282292062328e-324",
        "1e-323",
        "1e-342",
        "9e-343",
        "1e-400",
        "0.000000000000000000000000000000000000000000000000000000001",
        "1E+2",
        "1E-2",
        "1000000000000000000000000000000000000000000000000000000000000000e-60",
        "0e99999999999999999999",
        "6.62607015e-34",
        "8.98846567431158e307",
        "9.5367431640625e-07",
        "0.30000000000000004",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        (void)check(cases[i]);
    assert_true(check("1e23") && check("5e-324") && check("1.7976931348623157e308"));
}

/* The middle between two doubles, with more and with fewer digits than decide. */
static void test_middles(void **state)
{
    (void)state;
    char text[1200];
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = draw() & ~(UINT64_C(1) << 63);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        long double middle = ((long double)value + (long double)nextafter(value, INFINITY)) / 2;
        snprintf(text, sizeof text, "%.*Le", (int)(draw() % 40), middle);
        (void)check(text);
    }
}

static void test_random_numbers(void **state)
{
    (void)state;
    char text[1200];
    unsigned left = 0, total = 0;
    for (int i = 0; i < 200000; i++) {
        uint64_t digits = draw() >> draw() % 64;
        int exponent = (int)(draw() % 700) - 370, point = (int)(draw() % 3);
        if (point == 0)
            snprintf(text, sizeof text, "%llue%d", (unsigned long long)digits, exponent);
        else if (point == 1)
            snprintf(text, sizeof text, "-0.%0*llue%d", (int)(draw() % 30), (unsigned long long)digits,
                     exponent);
        else
            snprintf(text, sizeof text, "%llu.%019llu%llue%d", (unsigned long long)(draw() % 1000),
                     (unsigned long long)(draw() >> 2), (unsigned long long)digits, exponent);
        left += !check(text);
        total++;
    }
    assert_true(left < total / 1000);
}

static void test_shortest_forms(void **state)
{
    (void)state;
    char text[64];
    for (int i = 0; i < 100000; i++) {
        uint64_t bits = draw();
        double value;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        snprintf(text, sizeof text, "%.17g", value);
        assert_true(check(text));
    }
}

/* Expect "-" before the magnitude for below zero, "none" for no integer, "beyond" for over 64 bits. */
static void check_integer(const char *text, const char *expected)
{
    static const char *const names[] = {
        [NUMBER_INTEGER] = "", [NUMBER_NOT_INTEGER] = "none", [NUMBER_OUT_OF_RANGE] = "beyond"};
    uint64_t magnitude = 0;
    bool negative = false;
    char found[32];
    enum number_integer result = number_parse_integer(bytes_of_text(text), &magnitude, &negative);
    if (result == NUMBER_INTEGER)
        snprintf(found, sizeof found, "%s%llu", negative ? "-" : "", (unsigned long long)magnitude);
    else
        snprintf(found, sizeof found, "%s", names[result]);
    if (strcmp(found, expected) != 0)
        fail_msg("%s: expected %s, found %s", text, expected, found);
}

static void test_integers(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"0", "0"},
        {"-0", "0"},
        {"-0.0e-5", "0"},
        {"0e99999999999999999999", "0"},
        {"7", "7"},
        {"-7", "-7"},
        {"1e3", "1000"},
        {"1E+3", "1000"},
        {"1.5e3", "1500"},
        {"1500.00", "1500"},
        {"150000e-2", "1500"},
        {"1e0", "1"},
        {"1.0e-1", "none"},
        {"0.5", "none"},
        {"1.5", "none"},
        {"15e-1", "none"},
        {"1.00000000000000000001", "none"},
        {"18446744073709551615", "18446744073709551615"},
        {"18446744073709551615.000", "18446744073709551615"},
        {"1844674407370955161500e-2", "18446744073709551615"},
        {"18446744073709551616", "beyond"},
        {"-18446744073709551616", "beyond"},
        {"18446744073709551615.5", "none"},
        {"9223372036854775807", "9223372036854775807"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"-9223372036854775809", "-9223372036854775809"},
        {"-9223372036854775808.5", "none"},
        {"9007199254740993.0", "9007199254740993"},
        {"9.007199254740993e15", "9007199254740993"},
        {"1e19", "10000000000000000000"},
        {"1.8446744073709551615e19", "18446744073709551615"},
        {"1e20", "beyond"},
        {"1e400", "beyond"},
        {"1e99999999999999999999", "beyond"},
        {"1e-99999999999999999999", "none"},
        {"123456789012345678901234567890", "beyond"},
        {"123456789012345678901234567890e-30", "none"},
        {"10000000000000000000000000000000e-30", "10"},
        {"", "none"},
        {"-", "none"},
        {"+1", "none"},
        {"01", "none"},
        {"-01", "none"},
        {" 1", "none"},
        {"1 ", "none"},
        {"1\n", "none"},
        {"1.", "none"},
        {".5", "none"},
        {"1e", "none"},
        {"1e+", "none"},
        {"1e1.0", "none"},
        {"0x10", "none"},
        {"1_000", "none"},
        {"1a", "none"},
        {"NaN", "none"},
        {"Infinity", "none"},
        {"--1", "none"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_integer(cases[i].text, cases[i].expected);
    assert_int_equal(number_parse_integer(bytes_of("1\0", 2), &(uint64_t){0}, &(bool){0}),
                     NUMBER_NOT_INTEGER);
}

/* More zeros than any exponent that is written by people: 0.000…01e1500001 is 1, for both. */
static void test_long_numbers(void **state)
{
    (void)state;
    enum { ZEROS = 1500000 };
    struct buffer b = {0};
    double number = 0;
    buffer_add_text(&b, "0.");
    for (int i = 0; i < ZEROS; i++)
        buffer_add_byte(&b, '0');
    buffer_add_format(&b, "1e%d", ZEROS + 1);
    buffer_add_byte(&b, 0);
    check_integer((const char *)b.data, "1");
    assert_true(number_parse_double(bytes_of_text((const char *)b.data), &number) && number == 1);
    buffer_finish(&b);
}

/* The same integer in several forms. */
static void test_random_integers(void **state)
{
    (void)state;
    char text[64], expected[32];
    for (int i = 0; i < 100000; i++) {
        uint64_t n = draw() >> draw() % 64;
        int digits = snprintf(expected, sizeof expected, "%llu", (unsigned long long)n);
        int behind = (int)(draw() % (unsigned)digits);
        if (behind == 0)
            snprintf(text, sizeof text, "%s", expected);
        else
            snprintf(text, sizeof text, "%.*s.%se%d", digits - behind, expected, expected + digits - behind,
                     behind);
        check_integer(text, expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_cases),     cmocka_unit_test(test_middles),
        cmocka_unit_test(test_random_numbers),  cmocka_unit_test(test_shortest_forms),
        cmocka_unit_test(test_integers),        cmocka_unit_test(test_long_numbers),
        cmocka_unit_test(test_random_integers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
