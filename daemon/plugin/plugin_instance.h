/* SPDX-License-Identifier: Apache-2.0
 *
 * One use of a plugin and everything the host lent it; plugin_services.c lends, plugin_instance.c takes back.
 */
#ifndef PLUGIN_PLUGIN_INSTANCE_H
#define PLUGIN_PLUGIN_INSTANCE_H

#include "base/list.h"
#include "plugin/plugin_host.h"

/* What the plugin sees as its handle. */
struct fby_instance {
    struct plugin_instance *owner;
};

struct plugin_instance {
    struct fby_instance handle;
    struct fby_host services;
    struct plugin *plugin; /* a reference */
    char *label;
    char *metric_labels;
    void *self;
    const struct plugin_side *side;
    void *ctx; /* of the side */
    struct list timers, ios, notifiers, counters;
    uint8_t *state; /* what state_load() lent last */
    size_t counter_count;
    int64_t log_window_start_us; /* a plugin's log is bounded: so many lines in so much time */
    unsigned log_window_lines;
    unsigned log_skipped;
};

#endif
