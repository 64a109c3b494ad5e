/* SPDX-License-Identifier: Apache-2.0
 *
 * Settings of an edge node: the upstream of kind sparkplug, and `encode: { sparkplug: … }` of its targets.
 */
#ifndef SPARKPLUG_SPARKPLUG_SETTINGS_H
#define SPARKPLUG_SPARKPLUG_SETTINGS_H

#include "forebay/plugin.h"

struct sparkplug_node_settings {
    const char *broker; /* a name under `brokers` */
    const char *group;
    const char *edge_node;    /* NULL: the gateway's id */
    const char *primary_host; /* its host id; NULL: publish whether a host listens or not */
    int64_t qos;              /* of data: 0 as the specification says, or 1 */
    bool aliases;
    bool datatypes; /* in data as well */
    int64_t historical_after_ms;
    int64_t rebirth_interval_ms;
    int64_t device_timeout_ms; /* 0: devices are never silent for too long */
};

/* Into struct sparkplug_node_settings. */
extern const struct fby_option sparkplug_settings_node_options[];
/* Into struct sparkplug_draft_settings; `metrics` is read by the document. */
extern const struct fby_option sparkplug_settings_encode_options[];

/* One entry of `metrics`, as written. */
struct sparkplug_metric_settings {
    const char *type; /* name of a datatype; NULL: by the value */
    const char *unit;
};
extern const struct fby_option sparkplug_settings_metric_options[];

#endif
