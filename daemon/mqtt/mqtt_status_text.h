/* SPDX-License-Identifier: Apache-2.0
 *
 * What the status topic says, as JSON.
 */
#ifndef MQTT_MQTT_STATUS_TEXT_H
#define MQTT_MQTT_STATUS_TEXT_H

/* `gateway` may be NULL: left out. `state`: "online" or "offline". The caller frees it. */
char *mqtt_status_text(const char *gateway, const char *state);

#endif
