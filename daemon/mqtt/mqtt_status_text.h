/* SPDX-License-Identifier: Apache-2.0
 *
 * What the status topic says, as JSON.
 */
#ifndef MQTT_MQTT_STATUS_TEXT_H
#define MQTT_MQTT_STATUS_TEXT_H

struct mqtt_client_role;

/* `state`: "online" or "offline". The caller frees it. */
char *mqtt_status_text(const struct mqtt_client_role *role, const char *state);

#endif
