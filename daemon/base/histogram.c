/* SPDX-License-Identifier: Apache-2.0
 *
 * See histogram.h.
 */
#include "base/histogram.h"

static const uint32_t bounds_us[HISTOGRAM_BUCKETS] = {
    1,     2,     5,     10,     20,     50,     100,     200,     500,     1000,     2000,     5000,
    10000, 20000, 50000, 100000, 200000, 500000, 1000000, 2000000, 5000000, 10000000, 20000000, 50000000,
};

uint64_t histogram_bound_us(int bucket)
{
    return bounds_us[bucket];
}

void histogram_add_us(struct histogram *h, int64_t us)
{
    uint64_t value_us = us > 0 ? (uint64_t)us : 0;
    int bucket = 0;
    while (bucket < HISTOGRAM_BUCKETS && value_us > bounds_us[bucket])
        bucket++;
    h->counts[bucket]++;
    h->sum_us += value_us;
    if (value_us > h->max_us)
        h->max_us = value_us;
}

uint64_t histogram_count(const struct histogram *h)
{
    uint64_t count = 0;
    for (int i = 0; i <= HISTOGRAM_BUCKETS; i++)
        count += h->counts[i];
    return count;
}

uint64_t histogram_quantile_us(const struct histogram *h, double quantile)
{
    uint64_t count = histogram_count(h);
    if (!count)
        return 0;
    uint64_t seen = 0;
    for (int i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += h->counts[i];
        if (seen && (double)seen >= quantile * (double)count)
            return bounds_us[i];
    }
    return h->max_us;
}
