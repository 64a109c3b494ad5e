/* SPDX-License-Identifier: Apache-2.0
 *
 * Counters are plain uint64_t members of the module that counts; a table of rows says which, with help. The
 * registry only knows where they are and renders them. Never topic, client or device as a label. Rank 2.
 */
#ifndef METRICS_METRICS_H
#define METRICS_METRICS_H

#include "base/bytes.h"

struct metrics;
struct metrics_group;

enum metric_kind {
    METRIC_COUNTER,   /* uint64_t */
    METRIC_GAUGE,     /* int64_t */
    METRIC_HISTOGRAM, /* struct histogram of microseconds, rendered in seconds */
};

/* A table of rows ends with a NULL name. Rows of several groups with one name are one family. */
struct metric_row {
    const char *name; /* "forebay_journal_appended_total"; may carry fixed labels: name{reason="expired"} */
    enum metric_kind kind;
    size_t offset; /* in the object given to metrics_add */
    const char *help;
};

/* Log-spaced buckets: 1, 2, 5 us, 10, 20, 50 … 50 s, +Inf. */
enum { HISTOGRAM_BUCKETS = 24 };
struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS + 1];
    uint64_t sum_us;
    uint64_t max_us;
};

void histogram_add_us(struct histogram *h, int64_t us);
uint64_t histogram_count(const struct histogram *h);
/* Upper bound in us of the bucket where the quantile (0..1) lies; max_us for the last. */
uint64_t histogram_quantile_us(const struct histogram *h, double quantile);

struct metrics *metrics_create(void);
void metrics_destroy(struct metrics *m);

/* Show `object`'s rows, with `labels` ("route=\"telemetry\",target=\"lake\"" or NULL; copied). `refresh` (may
 * be NULL) is called with `object` before rendering, to fill gauges. */
struct metrics_group *metrics_add(struct metrics *m, const struct metric_row *rows, const char *labels,
                                  void *object, void (*refresh)(void *object));
/* NULL is fine. */
void metrics_remove(struct metrics_group *g);

/* Prometheus text format 0.0.4. */
void metrics_render(struct metrics *m, struct buffer *out);
/* Quote a label value: backslash, quote, newline. Writes NUL-terminated text. */
void metrics_escape_label(const char *value, char *text, size_t size);

#endif
