/* SPDX-License-Identifier: Apache-2.0
 *
 * An MQTT broker as upstream: one connection of its own, shared by every delivery that goes to this broker.
 * Rank 5.
 */
#ifndef DELIVERY_UPSTREAM_MQTT_H
#define DELIVERY_UPSTREAM_MQTT_H

#include "base/error.h"
#include "delivery/upstream.h"

struct loop;
struct metrics;
struct mqtt_settings;

/* `s` and the texts must outlive it. Connects from upstream_start() on, and comes back by itself. */
struct upstream *upstream_mqtt_create(const char *name, const struct mqtt_settings *s, const char *client_id,
                                      const char *gateway, const char *status_topic, struct loop *l,
                                      struct metrics *metrics, struct error *err);

/* Publish beside the outputs, a command of a plugin say. Nothing is kept: false when there is no connection
 * or the message is refused, and for other kinds of upstream. `token` of `p` is ignored. */
struct mqtt_publish;
bool upstream_mqtt_publish(struct upstream *u, const struct mqtt_publish *p);

/* False for other kinds. */
bool upstream_mqtt_has_id_conflict(const struct upstream *u);

#endif
