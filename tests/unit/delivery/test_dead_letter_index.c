/* SPDX-License-Identifier: Apache-2.0
 *
 * What this proves: the runs of the index say the same as a plain array of flags, whatever is added in
 * whatever order, and they merge.
 */
#include "delivery/dead_letter_index.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { NUMBERS = 200, ROUNDS = 2000 };

static uint64_t next_open(const bool *gone, uint64_t number)
{
    while (number <= NUMBERS && gone[number])
        number++;
    return number;
}

static void runs_touch_and_merge(void **state)
{
    struct dead_letter_index x = {0};
    (void)state;
    assert_int_equal(dead_letter_index_add(&x, 5, 5), 1);
    assert_int_equal(dead_letter_index_add(&x, 7, 7), 1);
    assert_int_equal(x.count, 2);
    assert_int_equal(dead_letter_index_add(&x, 6, 6), 1);
    assert_int_equal(x.count, 1);
    assert_int_equal(dead_letter_index_add(&x, 1, 10), 7);
    assert_int_equal(dead_letter_index_add(&x, 3, 4), 0);
    assert_int_equal(dead_letter_index_add(&x, 4, 3), 0);
    assert_int_equal(dead_letter_index_next_open(&x, 1), 11);
    dead_letter_index_trim(&x, 4);
    assert_false(dead_letter_index_has(&x, 4));
    assert_true(dead_letter_index_has(&x, 5));
    dead_letter_index_trim(&x, 10);
    assert_int_equal(x.count, 0);
    dead_letter_index_finish(&x);
}

static void it_agrees_with_flags(void **state)
{
    (void)state;
    srand(1);
    for (int round = 0; round < ROUNDS; round++) {
        struct dead_letter_index x = {0};
        bool gone[NUMBERS + 2] = {false};
        for (int i = 0; i < 30; i++) {
            uint64_t first = 1 + (uint64_t)rand() % NUMBERS, last = first + (uint64_t)rand() % 6, fresh = 0;
            last = last < NUMBERS ? last : NUMBERS;
            for (uint64_t n = first; n <= last; n++) {
                fresh += !gone[n];
                gone[n] = true;
            }
            assert_int_equal(dead_letter_index_add(&x, first, last), fresh);
        }
        for (uint64_t n = 1; n <= NUMBERS; n++) {
            assert_int_equal(dead_letter_index_has(&x, n), gone[n]);
            assert_int_equal(dead_letter_index_next_open(&x, n), next_open(gone, n));
        }
        for (size_t i = 1; i < x.count; i++)
            assert_true(x.runs[i - 1].last + 1 < x.runs[i].first);
        dead_letter_index_finish(&x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_touch_and_merge),
        cmocka_unit_test(it_agrees_with_flags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
