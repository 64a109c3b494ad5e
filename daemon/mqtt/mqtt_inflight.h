/* SPDX-License-Identifier: Apache-2.0
 *
 * The publishes that wait for the broker's answer: packet identifiers and the caller's tokens. Brokers answer
 * in order nearly always, so the search begins at the oldest.
 */
#ifndef MQTT_MQTT_INFLIGHT_H
#define MQTT_MQTT_INFLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MQTT_INFLIGHT_MAX = 100 };

struct mqtt_inflight {
    struct {
        int packet_id;
        uint64_t token;
    } slots[MQTT_INFLIGHT_MAX]; /* oldest first, a ring */
    size_t first, count;
};

/* False: full. */
bool mqtt_inflight_add(struct mqtt_inflight *t, int packet_id, uint64_t token);
/* Take out; false when the identifier is not ours. */
bool mqtt_inflight_take(struct mqtt_inflight *t, int packet_id, uint64_t *token);
void mqtt_inflight_clear(struct mqtt_inflight *t);

#endif
