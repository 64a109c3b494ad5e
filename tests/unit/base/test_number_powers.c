/* SPDX-License-Identifier: Apache-2.0
 *
 * The multiplication for machines without 128-bit integers gives what the compiler's own gives.
 */
#ifdef __SIZEOF_INT128__
typedef unsigned __int128 wide;
enum { HAS_WIDE = 1 };
#undef __SIZEOF_INT128__
#else
typedef unsigned long long wide;
enum { HAS_WIDE = 0 };
#endif

#include "base/number_powers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

static const uint64_t edges[] = {
    0,
    1,
    2,
    5,
    UINT32_MAX - 1,
    UINT32_MAX,
    (uint64_t)UINT32_MAX + 1,
    UINT64_MAX - 1,
    UINT64_MAX,
    UINT64_C(1) << 63,
    UINT64_C(0x8000000080000000),
    UINT64_C(0x7fffffff7fffffff),
    UINT64_C(0xfedcba9876543210),
};
enum { EDGES = sizeof edges / sizeof edges[0] };

static void check_words(uint64_t a, uint64_t b)
{
    uint64_t low, high = wide_multiply(a, b, &low);
    wide expected = (wide)a * b;
    assert_int_equal(low, (uint64_t)expected);
    if (HAS_WIDE)
        assert_int_equal(high, (uint64_t)(expected >> (HAS_WIDE * 64)));
}

/* Every pair of edges, and a walk over numbers with all bits in use. */
static void test_words(void **state)
{
    (void)state;
    for (int i = 0; i < EDGES; i++) {
        for (int k = 0; k < EDGES; k++)
            check_words(edges[i], edges[k]);
    }
    uint64_t a = 1, b = 3;
    for (int i = 0; i < 100000; i++) {
        check_words(a, b);
        a = a * UINT64_C(6364136223846793005) + 1442695040888963407;
        b ^= b << 13, b ^= b >> 7, b ^= b << 17;
    }
}

/* (2^128 - 1) x (2^64 - 1): every carry there is. */
static void test_carries(void **state)
{
    (void)state;
    struct number_product p =
        number_powers_multiply((struct number_power){UINT64_MAX, UINT64_MAX}, UINT64_MAX);
    assert_int_equal(p.words[0], UINT64_MAX - 1);
    assert_int_equal(p.words[1], UINT64_MAX);
    assert_int_equal(p.words[2], 1);
}

/* 10^55 is the last that needs no rounding; 10^-342 and 10^324 are the ends of the table. */
static void test_powers(void **state)
{
    (void)state;
    struct number_power one = number_powers_get(0), ten = number_powers_get(1);
    assert_int_equal(one.high, UINT64_C(1) << 63);
    assert_int_equal(one.low, 0);
    assert_int_equal(ten.high, UINT64_C(10) << 60);
    struct number_power exact = number_powers_get(NUMBER_POWERS_EXACT_LAST);
    assert_int_equal(exact.high, UINT64_C(0xd0cf4b50cfe20765));
    assert_int_equal(exact.low, UINT64_C(0xfff4b4e3f741cf6d));
    assert_true(number_powers_get(NUMBER_POWERS_FIRST).high >> 63);
    assert_true(number_powers_get(NUMBER_POWERS_LAST).high >> 63);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_carries),
        cmocka_unit_test(test_powers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
