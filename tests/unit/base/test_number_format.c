/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers as text: integers, the shortest digits of doubles and floats against printf and strtod.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/number_format.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t random_state = UINT64_C(88172645463325252);

static uint64_t draw(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static void test_integers(void **state)
{
    (void)state;
    char text[NUMBER_FORMAT_MAX + 1], expected[32];
    uint64_t value = 1;
    for (int i = 0; i < 20000; i++) {
        uint64_t v = i < 64 ? value << i : i < 128 ? (value << (i - 64)) - 1 : draw() >> draw() % 64;
        text[number_format_uint64(v, text)] = 0;
        snprintf(expected, sizeof expected, "%llu", (unsigned long long)v);
        assert_string_equal(text, expected);
        text[number_format_int64((int64_t)v, text)] = 0;
        snprintf(expected, sizeof expected, "%lld", (long long)v);
        assert_string_equal(text, expected);
    }
    for (uint64_t power = 1; power <= UINT64_C(1000000000000000000); power *= 10) {
        text[number_format_uint64(power - 1, text)] = 0;
        assert_int_equal(strtoull(text, NULL, 10), power - 1);
    }
}

static void test_form(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0, "0"},
        {-0.0, "-0.0"},
        {1, "1"},
        {-1.5, "-1.5"},
        {21.5, "21.5"},
        {1013.25, "1013.25"},
        {0.1, "0.1"},
        {100, "100"},
        {0.000001, "0.000001"},
        {0.00000123, "0.00000123"},
        {1e-7, "1e-7"},
        {1.5e-7, "1.5e-7"},
        {1e20, "100000000000000000000"},
        {1e21, "1e21"},
        {1.25e25, "1.25e25"},
        {1e300, "1e300"},
        {DBL_MAX, "1.7976931348623157e308"},
        {5e-324, "5e-324"},
        {21.299999237060547, "21.299999237060547"},
        {9007199254740993.0, "9007199254740992"},
        {0.30000000000000004, "0.30000000000000004"},
        {1e23, "1e23"},
        {-123456.789012345, "-123456.789012345"},
    };
    for (size_t i = 0; i < array_count(cases); i++) {
        char text[NUMBER_FORMAT_MAX + 1];
        text[number_format_double(cases[i].value, text)] = 0;
        assert_string_equal(text, cases[i].text);
    }
    char text[NUMBER_FORMAT_MAX + 1];
    text[number_format_float(21.3f, text)] = 0;
    assert_string_equal(text, "21.3");
    text[number_format_float(FLT_MAX, text)] = 0;
    assert_string_equal(text, "3.4028235e38");
    text[number_format_float(16777216.0f, text)] = 0;
    assert_string_equal(text, "16777216");
    text[number_format_float(1e-45f, text)] = 0;
    assert_string_equal(text, "1e-45");
}

/* Digits that count: without leading zeros, zeros at the end, sign, point and exponent. */
static int count_significant(const char *text)
{
    int count = 0, zeros = 0;
    for (; *text && *text != 'e'; text++) {
        if (*text < '0' || *text > '9' || (!count && *text == '0'))
            continue;
        count++;
        zeros = *text == '0' ? zeros + 1 : 0;
    }
    return count - zeros;
}

static bool reads_back(const char *text, double value, bool is_float)
{
    return is_float ? (double)strtof(text, NULL) == value : strtod(text, NULL) == value;
}

/* The reference: printf with more and more digits until it reads back. At a power of two the interval reaches
 * farther up than down, and a shorter text than printf's nearest may exist there. */
static void check(double value, bool is_float)
{
    char text[NUMBER_FORMAT_MAX + 1], expected[64];
    size_t len = is_float ? number_format_float((float)value, text) : number_format_double(value, text);
    assert_true(len <= NUMBER_FORMAT_MAX);
    text[len] = 0;
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(expected, sizeof expected, "%.*g", digits, value);
        if (reads_back(expected, value, is_float))
            break;
    }
    if (!reads_back(text, value, is_float))
        fail_msg("%s does not read back as %a", text, value);
    int got = count_significant(text), wanted = count_significant(expected);
    int exponent;
    bool is_power_of_two = fabs(frexp(value, &exponent)) == 0.5;
    if (got > wanted || (got < wanted && !is_power_of_two))
        fail_msg("%s is not as short as %s", text, expected);
    if (got == wanted && strtold(text, NULL) != strtold(expected, NULL))
        fail_msg("%s is not as near as %s", text, expected);
}

static void test_random_doubles(void **state)
{
    (void)state;
    for (int i = 0; i < 200000; i++) {
        uint64_t bits = draw();
        double value;
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value))
            check(value, false);
    }
}

static void test_random_floats(void **state)
{
    (void)state;
    for (int i = 0; i < 200000; i++) {
        uint32_t bits = (uint32_t)(draw() >> 16);
        float value;
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value))
            check((double)value, true);
    }
}

static void test_short_decimals_and_their_neighbours(void **state)
{
    (void)state;
    for (int i = 0; i < 50000; i++) {
        double value = (double)(int64_t)(draw() % 4000000000) / pow(10, (double)(draw() % 9));
        check(value, false);
        check(nextafter(value, 1e12), false);
        check((double)(float)value, true);
        check((double)nextafterf((float)value, 1e12f), true);
    }
}

static void test_powers_and_their_neighbours(void **state)
{
    (void)state;
    for (int q = -1074; q <= 1023; q++) {
        double value = ldexp(1, q);
        check(value, false);
        check(nextafter(value, INFINITY), false);
        check(nextafter(value, 0), false);
    }
    for (int q = -149; q <= 127; q++) {
        float value = ldexpf(1, q);
        check((double)value, true);
        check((double)nextafterf(value, 0), true);
        check((double)nextafterf(value, FLT_MAX), true);
    }
    for (int e = -323; e <= 308; e++) {
        char text[32];
        for (int m = 1; m < 10; m++) {
            snprintf(text, sizeof text, "%de%d", m, e);
            if (isfinite(strtod(text, NULL)))
                check(strtod(text, NULL), false);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_form),
        cmocka_unit_test(test_random_doubles),
        cmocka_unit_test(test_random_floats),
        cmocka_unit_test(test_short_decimals_and_their_neighbours),
        cmocka_unit_test(test_powers_and_their_neighbours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
