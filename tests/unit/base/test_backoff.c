/* SPDX-License-Identifier: Apache-2.0
 *
 * Waiting times: between half and the whole of a step that doubles up to its maximum.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/backoff.h"

static void test_steps(void **state)
{
    (void)state;
    struct backoff b;
    backoff_init(&b, 100, 1500);
    for (int round = 0; round < 200; round++) {
        static const int64_t steps_ms[] = {100, 200, 400, 800, 1500, 1500};
        for (int i = 0; i < 6; i++) {
            int64_t delay_ms = backoff_next_ms(&b);
            assert_true(delay_ms >= steps_ms[i] / 2 && delay_ms <= steps_ms[i]);
        }
        backoff_reset(&b);
    }
}

static void test_two_differ(void **state)
{
    (void)state;
    struct backoff a, b;
    backoff_init(&a, 1000000, 1000000);
    backoff_init(&b, 1000000, 1000000);
    int same = 0;
    for (int i = 0; i < 20; i++)
        same += backoff_next_ms(&a) == backoff_next_ms(&b);
    assert_true(same < 5);
}

static void test_extremes(void **state)
{
    (void)state;
    struct backoff b;
    backoff_init(&b, 1, INT64_MAX / 2);
    for (int i = 0; i < 100; i++)
        assert_true(backoff_next_ms(&b) >= 0);
    backoff_init(&b, 1, 1);
    assert_in_range(backoff_next_ms(&b), 0, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_two_differ),
        cmocka_unit_test(test_extremes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
