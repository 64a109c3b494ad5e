/* SPDX-License-Identifier: Apache-2.0
 *
 * A draft is what the encoder hands to the edge node: a value tree as a payload of Sparkplug, whose metrics
 * have a name, a datatype and a value, but neither `seq` nor what depends on births. An `alias` in it, which
 * is always 0, says that the datatype was guessed from the value and may give way. A metric that is null and
 * whose type nobody knows has no datatype. Rank 3.
 */
#ifndef SPARKPLUG_SPARKPLUG_DRAFT_H
#define SPARKPLUG_SPARKPLUG_DRAFT_H

#include "base/arena.h"
#include "base/error.h"
#include "forebay/plugin.h"
#include "sparkplug/sparkplug_type.h"

/* Names of properties: the unit and the quality code of a metric. */
#define SPARKPLUG_UNIT_PROPERTY    "engUnit"
#define SPARKPLUG_QUALITY_PROPERTY "Quality"

/* What the operator says about one metric. */
struct sparkplug_draft_metric {
    struct bytes name; /* levels joined by / */
    int type;          /* enum sparkplug_type; SPARKPLUG_UNKNOWN: by the value */
    const char *unit;  /* NULL: none */
};

enum sparkplug_draft_clock { SPARKPLUG_CLOCK_MS, SPARKPLUG_CLOCK_S, SPARKPLUG_CLOCK_US };

struct sparkplug_draft_settings {
    const char *device;    /* template of the device's id; NULL: metrics of the edge node itself */
    const char *root;      /* path of the field whose content is the metrics; NULL: the whole value */
    const char *timestamp; /* path of the field with the time of the values; NULL: the message's arrival */
    int timestamp_unit;    /* enum sparkplug_draft_clock, of a number there */
    const char *quality;   /* path of the field with the quality code: 0, 192 or 500 */
    bool only_listed;
    struct sparkplug_draft_metric *metrics; /* sorted by sparkplug_draft_sort() */
    size_t metric_count;
};

/* Put the metrics in the order in which they are searched. */
void sparkplug_draft_sort(struct sparkplug_draft_settings *s);

/* Append the draft of `v` to `out`. Maps in maps become names with /, lists of one kind arrays, other lists
 * one metric for each element; a value that is no map is called "value". `arrival_ms`: since 1970, 0: not
 * known. `a` is as before afterwards. STATUS_INVALID: a value does not fit its type, or there is none. */
MUST_CHECK enum status sparkplug_draft_encode(const struct sparkplug_draft_settings *s,
                                              const struct fby_value *v, int64_t arrival_ms, struct arena *a,
                                              struct buffer *out, struct error *err);

#endif
