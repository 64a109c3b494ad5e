/* SPDX-License-Identifier: Apache-2.0
 *
 * What a connection is given to send. Rank 3.
 */
#ifndef MQTT_MQTT_PACKETS_H
#define MQTT_MQTT_PACKETS_H

#include "message/message.h"

/* What the broker publishes when the connection ends without a word. */
struct mqtt_will {
    const char *topic; /* NULL: none */
    struct bytes payload;
    uint8_t qos; /* 0 or 1 */
    bool retain;
    bool at_goodbye; /* MQTT 5: also when we leave in order */
    /* A file that must hold `note` durably before the broker hears of this will; NULL: none. It is written in
     * the helper thread that connects, and without it there is no connection. */
    const char *note_path;
    struct bytes note;
};

struct mqtt_subscription {
    const char *filter;
    int qos;
    bool no_local;
};

struct mqtt_publish {
    uint64_t token;
    struct bytes topic, payload;
    struct bytes content_type, response_topic, correlation_data;
    const struct message_property *properties;
    size_t property_count;
    uint8_t qos; /* 0 or 1 */
    bool retain;
};

#endif
