/* SPDX-License-Identifier: Apache-2.0
 *
 * MQTT 5 properties of messages, in and out. libmosquitto hands out copies, so they are read only when a
 * message has any.
 */
#ifndef MQTT_MQTT_PROPERTIES_H
#define MQTT_MQTT_PROPERTIES_H

#include "message/message.h"

#include <mosquitto.h>

struct mqtt_publish;

/* What mqtt_properties_read() found; owns the copies until mqtt_properties_clear(). */
struct mqtt_properties {
    struct message_property user[MESSAGE_PROPERTIES_MAX];
    size_t user_count;
    size_t left_out; /* user properties beyond the limit */
    struct bytes content_type, response_topic, correlation_data;
};

/* Fill the message's members; they borrow from `p`. */
void mqtt_properties_read(struct mqtt_properties *p, const mosquitto_property *list, struct message *m);
void mqtt_properties_clear(struct mqtt_properties *p);

/* The list for a publish; NULL when it has none. What cannot be sent (too long, not UTF-8) is left out and
 * counted in `left_out`. `scratch` is for NUL-terminated copies. */
mosquitto_property *mqtt_properties_build(const struct mqtt_publish *publish, struct buffer *scratch,
                                          uint64_t *left_out);

#endif
