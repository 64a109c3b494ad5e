/* SPDX-License-Identifier: Apache-2.0
 *
 * A Sparkplug B edge node as upstream: a connection of its own whose will is the NDEATH, births before data,
 * rebirths when a host asks, silence while the primary host is away. Takes drafts (sparkplug_draft.h); the
 * output's topic is the device's id, empty for the node itself.
 *
 * Births and data are QoS 0, as the specification wants, and QoS 0 has no answer. A message is delivered when
 * the broker has answered a question that was sent behind it, and so has read it. Rank 5.
 */
#ifndef DELIVERY_UPSTREAM_SPARKPLUG_H
#define DELIVERY_UPSTREAM_SPARKPLUG_H

#include "base/error.h"
#include "delivery/upstream.h"

struct loop;
struct metrics;
struct mqtt_settings;
struct sparkplug_node_settings;

struct upstream_sparkplug_options {
    const char *name;
    const struct mqtt_settings *broker;
    const struct sparkplug_node_settings *node;
    const char *edge_node; /* the setting, or what stands for it */
    const char *client_id;
    const char *note_path; /* file that keeps the number of the last session (bdSeq) */
};

/* What the options point to must outlive it, the struct itself need not. */
struct upstream *upstream_sparkplug_create(const struct upstream_sparkplug_options *o, struct loop *l,
                                           struct metrics *metrics, struct error *err);

/* False for other kinds. */
bool upstream_sparkplug_has_id_conflict(const struct upstream *u);

#endif
