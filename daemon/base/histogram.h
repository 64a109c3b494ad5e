/* SPDX-License-Identifier: Apache-2.0
 *
 * Durations counted in fixed log-spaced buckets. Here, below loop and metrics, because the loop fills one and
 * metrics shows it.
 */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include <stdint.h>

/* Upper bounds 1, 2, 5 us, 10, 20, 50 … 50 s; one more for what is longer. */
enum { HISTOGRAM_BUCKETS = 24 };

/* Zero-initialised is empty. */
struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS + 1];
    uint64_t sum_us;
    uint64_t max_us;
};

/* A duration equal to a bound belongs below it; negative durations count as 0. */
void histogram_add_us(struct histogram *h, int64_t us);
uint64_t histogram_count(const struct histogram *h);
/* Upper bound of a bucket, 0 to HISTOGRAM_BUCKETS - 1. */
uint64_t histogram_bound_us(int bucket);
/* Upper bound in us of the bucket where the quantile (0..1) lies; max_us for the last; 0 when empty. */
uint64_t histogram_quantile_us(const struct histogram *h, double quantile);

#endif
