/* SPDX-License-Identifier: Apache-2.0
 *
 * See mqtt_inflight.h.
 */
#include "mqtt/mqtt_inflight.h"

static size_t slot_at(const struct mqtt_inflight *t, size_t index)
{
    size_t slot = t->first + index;
    return slot < MQTT_INFLIGHT_MAX ? slot : slot - MQTT_INFLIGHT_MAX;
}

bool mqtt_inflight_add(struct mqtt_inflight *t, int packet_id, uint64_t token)
{
    if (t->count == MQTT_INFLIGHT_MAX)
        return false;
    size_t slot = slot_at(t, t->count++);
    t->slots[slot].packet_id = packet_id;
    t->slots[slot].token = token;
    return true;
}

bool mqtt_inflight_take(struct mqtt_inflight *t, int packet_id, uint64_t *token)
{
    size_t index = 0;
    while (index < t->count && t->slots[slot_at(t, index)].packet_id != packet_id)
        index++;
    if (index == t->count)
        return false;
    *token = t->slots[slot_at(t, index)].token;
    /* Close the gap from the older side, which is the shorter one. */
    for (; index > 0; index--)
        t->slots[slot_at(t, index)] = t->slots[slot_at(t, index - 1)];
    t->first = slot_at(t, 1);
    t->count--;
    return true;
}

void mqtt_inflight_clear(struct mqtt_inflight *t)
{
    t->first = t->count = 0;
}
