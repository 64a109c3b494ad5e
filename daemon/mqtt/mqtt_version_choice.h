/* SPDX-License-Identifier: Apache-2.0
 *
 * With which version of MQTT the next connection is tried: 5, or 3.1.1 for a broker that does not accept it.
 */
#ifndef MQTT_MQTT_VERSION_CHOICE_H
#define MQTT_MQTT_VERSION_CHOICE_H

#include "mqtt/mqtt_settings.h"

struct mqtt_version_choice {
    int wanted; /* of mqtt_settings.version */
    bool v5;    /* of this try */
    bool is_known;
    unsigned closed_v5_tries; /* the broker hung up on a version 5 CONNECT, so many times in a row */
};

void mqtt_version_choice_init(struct mqtt_version_choice *c, int wanted);
void mqtt_version_choice_accept(struct mqtt_version_choice *c);
/* The broker has refused a CONNECT with this reason code, or hung up (0). True: try at once with 3.1.1. */
bool mqtt_version_choice_refuse(struct mqtt_version_choice *c, int reason_code);

#endif
