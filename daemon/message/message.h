/* SPDX-License-Identifier: Apache-2.0
 *
 * A message as a source received it. Borrows all its bytes from whoever made it: the MQTT packet, or the
 * journal's memory. Rank 2.
 */
#ifndef MESSAGE_MESSAGE_H
#define MESSAGE_MESSAGE_H

#include "base/bytes.h"

struct message_property {
    struct bytes name, text;
};

enum {
    MESSAGE_PROPERTIES_MAX = 64
}; /* user properties beyond this are left out, and counted by the source */

struct message {
    int64_t time_us;     /* arrival, since 1970; 0: the clock was not valid */
    struct bytes source; /* name of the broker in the configuration */
    struct bytes topic;
    struct bytes payload;
    struct bytes content_type, response_topic, correlation_data; /* empty when absent */
    const struct message_property *properties;
    size_t property_count;
    uint8_t qos;    /* as received: 0 to 2 */
    bool retain;    /* it was a retained message */
    bool duplicate; /* the DUP flag was set; no source of ours can tell: libmosquitto keeps it to itself */
};

#endif
