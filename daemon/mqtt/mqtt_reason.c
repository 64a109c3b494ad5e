/* SPDX-License-Identifier: Apache-2.0
 *
 * See mqtt_reason.h.
 */
#include "mqtt/mqtt_reason.h"

#include "base/memory.h"

#include <errno.h>
#include <mosquitto.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

static const struct {
    int code;
    const char *text;
} reasons[] = {
    {0x80, "the broker gave no reason"},
    {0x81, "the broker could not read our packet"},
    {0x82, "the broker saw a protocol error"},
    {0x83, "the broker has a reason of its own"},
    {0x84, "the broker does not speak this MQTT version; set version: auto"},
    {0x85, "the broker does not accept this client id"},
    {0x86, "wrong user name or password"},
    {0x87, "not authorized; check username, password and the broker's access rules"},
    {0x88, "the broker is not available at present"},
    {0x89, "the broker is busy"},
    {0x8a, "the broker has banned this client"},
    {0x8b, "the broker is shutting down"},
    {0x8c, "the broker wants another way of authentication"},
    {0x8d, "the broker heard nothing from us for too long"},
    {0x8e, "another client uses the same client id; give each its own client_id"},
    {0x8f, "the broker does not allow this topic filter"},
    {0x90, "the broker does not allow this topic"},
    {0x91, "the packet identifier is in use"},
    {0x92, "the packet identifier is not known"},
    {0x93, "more unacknowledged messages than the broker allows"},
    {0x94, "wrong topic alias"},
    {0x95, "larger than the broker allows"},
    {0x96, "more messages than the broker allows in this time"},
    {0x97, "a quota of the broker is used up"},
    {0x98, "the broker's administrator closed the connection"},
    {0x99, "the broker did not accept the payload format"},
    {0x9a, "the broker keeps no retained messages"},
    {0x9b, "the broker does not offer this QoS"},
    {0x9c, "the broker wants us to use another server"},
    {0x9d, "the broker has moved to another server"},
    {0x9e, "the broker does not offer shared subscriptions"},
    {0x9f, "more connections than the broker allows in this time"},
    {0xa0, "the broker limits how long a connection may last"},
    {0xa1, "the broker does not offer subscription identifiers"},
    {0xa2, "the broker does not offer wildcard subscriptions"},
};

const char *mqtt_reason_text(int code)
{
    for (size_t i = 0; i < array_count(reasons); i++)
        if (reasons[i].code == code)
            return reasons[i].text;
    return "the broker gave a reason that is not in the standard";
}

int mqtt_reason_from_connack(int code)
{
    static const int codes[] = {0, 0x84, 0x85, 0x88, 0x86, 0x87};
    return code > 0 && code < (int)array_count(codes) ? codes[code] : code;
}

void mqtt_reason_format_failure(int mosquitto_error, int errno_value, char *text, size_t size)
{
    switch (mosquitto_error) {
    case MOSQ_ERR_CONN_LOST:
        snprintf(text, size, "the broker closed the connection");
        return;
    case MOSQ_ERR_KEEPALIVE:
        snprintf(text, size, "the broker did not answer for a whole keepalive");
        return;
    case MOSQ_ERR_PROTOCOL:
    case MOSQ_ERR_MALFORMED_PACKET:
    case MOSQ_ERR_MALFORMED_UTF8:
    case MOSQ_ERR_DUPLICATE_PROPERTY:
        snprintf(text, size, "the broker sent something that is not MQTT");
        return;
    case MOSQ_ERR_EAI:
        snprintf(text, size, "the name cannot be resolved: %s",
                 errno_value == EAI_SYSTEM ? "system error" : gai_strerror(errno_value));
        return;
    case MOSQ_ERR_TLS:
    case MOSQ_ERR_TLS_HANDSHAKE:
        snprintf(text, size, "the TLS handshake failed");
        return;
    case MOSQ_ERR_ERRNO:
        if (errno_value == EPROTO)
            snprintf(text, size, "the TLS connection broke");
        else if (errno_value == 0)
            snprintf(text, size, "the connection broke");
        else
            snprintf(text, size, "%s", strerror(errno_value));
        return;
    default:
        snprintf(text, size, "%s", mosquitto_strerror(mosquitto_error));
    }
}
