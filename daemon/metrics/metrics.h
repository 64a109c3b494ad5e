/* SPDX-License-Identifier: Apache-2.0
 *
 * Counters are plain uint64_t members of the module that counts; a table of rows says which, with help. The
 * registry only knows where they are and renders them. Never topic, client or device as a label. Rank 2.
 */
#ifndef METRICS_METRICS_H
#define METRICS_METRICS_H

#include "base/bytes.h"
#include "base/histogram.h" /* METRIC_HISTOGRAM rows point to one */

struct metrics;
struct metrics_group;

enum metric_kind {
    METRIC_COUNTER,   /* uint64_t; the name ends in _total */
    METRIC_GAUGE,     /* int64_t */
    METRIC_HISTOGRAM, /* struct histogram, rendered in seconds; the name ends in _seconds */
};

/* A table of rows ends with a NULL name. Rows of several groups with one name are one family: same kind, and
 * the help of the first. */
struct metric_row {
    const char *name; /* "forebay_journal_appended_total"; may carry fixed labels: name{reason="expired"} */
    enum metric_kind kind;
    size_t offset; /* in the object given to metrics_add */
    const char *help;
};

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
