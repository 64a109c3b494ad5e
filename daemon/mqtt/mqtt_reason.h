/* SPDX-License-Identifier: Apache-2.0
 *
 * What a broker's or libmosquitto's code means, in words for the operator.
 */
#ifndef MQTT_MQTT_REASON_H
#define MQTT_MQTT_REASON_H

#include <stddef.h>

enum {
    MQTT_REASON_UNSUPPORTED_VERSION = 0x84,
    MQTT_REASON_NOT_AUTHORIZED = 0x87,
    MQTT_REASON_TAKEN_OVER = 0x8e,
};

/* An MQTT 5 reason code, 0x80 and above; never NULL. */
const char *mqtt_reason_text(int code);
/* A CONNACK of MQTT 3.1.1 (1 to 5) as the code of MQTT 5 that means the same. */
int mqtt_reason_from_connack(int code);
/* A failure inside libmosquitto (MOSQ_ERR_*); `errno_value` for those that are about the system. */
void mqtt_reason_format_failure(int mosquitto_error, int errno_value, char *text, size_t size);

#endif
