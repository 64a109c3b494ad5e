/* SPDX-License-Identifier: Apache-2.0
 *
 * Histograms: which bucket, sums, quantiles.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/histogram.h"

static void test_buckets(void **state)
{
    (void)state;
    for (int i = 0; i < HISTOGRAM_BUCKETS; i++) {
        struct histogram h = {0};
        histogram_add_us(&h, (int64_t)histogram_bound_us(i));
        histogram_add_us(&h, (int64_t)histogram_bound_us(i) + 1);
        assert_int_equal(h.counts[i], 1);
        assert_int_equal(h.counts[i + 1], 1);
    }
    struct histogram h = {0};
    histogram_add_us(&h, -5);
    histogram_add_us(&h, 0);
    assert_int_equal(h.counts[0], 2);
    assert_int_equal(h.sum_us, 0);
}

static void test_quantiles(void **state)
{
    (void)state;
    struct histogram h = {0};
    assert_int_equal(histogram_quantile_us(&h, 0.5), 0);
    for (int i = 0; i < 98; i++)
        histogram_add_us(&h, 40);
    histogram_add_us(&h, 4000);
    histogram_add_us(&h, 90000000);
    assert_int_equal(histogram_count(&h), 100);
    assert_int_equal(histogram_quantile_us(&h, 0), 50);
    assert_int_equal(histogram_quantile_us(&h, 0.5), 50);
    assert_int_equal(histogram_quantile_us(&h, 0.99), 5000);
    assert_int_equal(histogram_quantile_us(&h, 1), 90000000);
    assert_int_equal(h.sum_us, 98 * 40 + 4000 + 90000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_buckets), cmocka_unit_test(test_quantiles)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
