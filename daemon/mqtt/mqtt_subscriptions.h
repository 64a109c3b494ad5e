/* SPDX-License-Identifier: Apache-2.0
 *
 * Puts the answers of several SUBSCRIBE packets together again: one packet holds a single QoS, and some
 * brokers take only a few filters in each.
 */
#ifndef MQTT_MQTT_SUBSCRIPTIONS_H
#define MQTT_MQTT_SUBSCRIPTIONS_H

#include <stdbool.h>
#include <stddef.h>

enum { MQTT_SUBSCRIPTIONS_PER_PACKET = 8 };

struct mqtt_subscriptions;

struct mqtt_subscriptions *mqtt_subscriptions_create(void);
void mqtt_subscriptions_destroy(struct mqtt_subscriptions *s);

/* Begin a request for `count` filters; what was open before is forgotten. */
void mqtt_subscriptions_begin(struct mqtt_subscriptions *s, size_t count);
/* A packet with these filters of the request (at most MQTT_SUBSCRIPTIONS_PER_PACKET) was sent. */
void mqtt_subscriptions_add(struct mqtt_subscriptions *s, int packet_id, const size_t *indexes, size_t count);
/* True when this was the last answer: `all` holds one code for each filter, valid until the next begin. */
bool mqtt_subscriptions_answer(struct mqtt_subscriptions *s, int packet_id, const int *granted, size_t count,
                               const int **all, size_t *all_count);
void mqtt_subscriptions_clear(struct mqtt_subscriptions *s);

#endif
