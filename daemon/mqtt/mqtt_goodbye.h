/* SPDX-License-Identifier: Apache-2.0
 *
 * Connections on their way out: what is queued is written, then DISCONNECT, and the socket stays open until
 * the broker has closed its side. A socket closed earlier, with unread bytes in it, is reset, and a reset
 * takes away what the broker has not read yet: our last acknowledgements. Nobody waits for it.
 */
#ifndef MQTT_MQTT_GOODBYE_H
#define MQTT_MQTT_GOODBYE_H

#include <stdbool.h>
#include <stddef.h>

struct loop;
struct mqtt_link;

enum { MQTT_GOODBYE_LIMIT_MS = 3000 }; /* then the socket is closed, whatever the broker has read */

/* Takes the link over; none of its events is called any more. `session`: names what a connection after this
 * one must not take from it, broker and client id. Copied. */
void mqtt_goodbye_begin(struct loop *l, struct mqtt_link *k, const char *session);
/* Is a connection of this session still leaving? A new one would cut it short. */
bool mqtt_goodbye_is_under_way(const struct loop *l, const char *session);
/* How many are under way. */
size_t mqtt_goodbye_count(const struct loop *l);
/* Close those that are left. */
void mqtt_goodbye_cut(struct loop *l);

#endif
