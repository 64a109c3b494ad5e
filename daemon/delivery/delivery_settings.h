/* SPDX-License-Identifier: Apache-2.0
 *
 * One target of a route, the entries of `to`. Rank 5.
 */
#ifndef DELIVERY_DELIVERY_SETTINGS_H
#define DELIVERY_DELIVERY_SETTINGS_H

#include "forebay/plugin.h"

struct topic_template;

struct delivery_settings {
    const char *topic; /* template for MQTT targets; NULL: the topic as received; empty: none */
    int64_t qos;       /* 0 or 1 */
    bool retain;
    int64_t window; /* records in flight, 1 to 10,000 */
    int64_t retry_min_ms, retry_max_ms;
};

extern const struct fby_option delivery_settings_options[]; /* `encode` is read by the document */

#endif
