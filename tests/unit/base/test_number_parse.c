/* SPDX-License-Identifier: Apache-2.0
 *
 * Text to doubles: every answer is that of strtod, and what is left to strtod is rare.
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_cases),
        cmocka_unit_test(test_middles),
        cmocka_unit_test(test_random_numbers),
        cmocka_unit_test(test_shortest_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
