/* SPDX-License-Identifier: Apache-2.0
 *
 * MQTT topic filters with named captures, and topic templates. MQTT v5 §4.7. Rank 2.
 *
 *   sensors/+/telemetry          one level
 *   sensors/#                    the rest, with the parent itself
 *   sensors/{device}/telemetry   one level, captured; subscribed as sensors/+/telemetry
 *   sensors/{rest#}              the rest, captured (empty for the parent); subscribed as sensors/#
 *   $share/group/sensors/+       a shared subscription: topics are matched against what follows the group
 * $-topics match only filters that begin with the same level.
 */
#ifndef MESSAGE_TOPIC_FILTER_H
#define MESSAGE_TOPIC_FILTER_H

#include "base/bytes.h"
#include "base/error.h"

enum {
    TOPIC_CAPTURES_MAX = 16,
    TOPIC_TEMPLATE_NAMES_MAX = 24, /* different names in one template */
    TOPIC_LENGTH_MAX = 65535
};

struct topic_filter;

/* NULL and the reason in `err` when the text is not a filter. */
struct topic_filter *topic_filter_parse(const char *text, struct error *err);
void topic_filter_destroy(struct topic_filter *f);
/* As written. */
const char *topic_filter_text(const struct topic_filter *f);
/* What to subscribe to: captures replaced by + and #. */
const char *topic_filter_subscription(const struct topic_filter *f);
size_t topic_filter_capture_count(const struct topic_filter *f);
const char *topic_filter_capture_name(const struct topic_filter *f, size_t index);
/* Fill `captures` (may be NULL, else capture_count entries) with the levels found, borrowed from `topic`. */
bool topic_filter_match(const struct topic_filter *f, struct bytes topic, struct bytes *captures);
/* A topic to publish to: no wildcards, no NUL, UTF-8, 1 to 65535 bytes. */
bool topic_is_publishable(struct bytes topic, struct error *err);

/* Text with {name} places: captures, and {topic}, {gateway}, {route}, {source}, {sequence}; {{ and }} are
 * literal. */
struct topic_template;

struct topic_template *topic_template_parse(const char *text, struct error *err);
void topic_template_destroy(struct topic_template *t);
size_t topic_template_name_count(const struct topic_template *t);
const char *topic_template_name(const struct topic_template *t, size_t index);
/* `values` in the order of topic_template_name(); appended to `out`. The result may still be too long or
 * hold what a payload brought: ask topic_is_publishable(). */
void topic_template_fill(const struct topic_template *t, const struct bytes *values, struct buffer *out);

#endif
