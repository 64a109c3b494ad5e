/* SPDX-License-Identifier: Apache-2.0
 *
 * Keeps a broker from ending the program. At a property that it does not know libmosquitto 2.0 writes a log
 * line without saying of which client, and stops itself over that with an assertion. Here the assertion ends
 * the connection.
 */
#ifndef MQTT_MQTT_GUARD_H
#define MQTT_MQTT_GUARD_H

#include <stdbool.h>

struct mosquitto;

/* mosquitto_loop_read() of one packet. False: the packet was malformed in that way; the handle is good for
 * mosquitto_destroy() only. */
bool mqtt_guard_read(struct mosquitto *m, int *result);

#endif
