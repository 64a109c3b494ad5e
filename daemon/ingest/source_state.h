/* SPDX-License-Identifier: Apache-2.0
 *
 * Tells Sparkplug edge nodes that their host application is there: the retained STATE message, its last will
 * with the same time stamp, and a goodbye. One for each source whose broker has `sparkplug_host`.
 */
#ifndef INGEST_SOURCE_STATE_H
#define INGEST_SOURCE_STATE_H

#include <stdbool.h>
#include <stdint.h>

struct message;
struct mqtt_client;
struct mqtt_will;

struct source_state {
    char *topic;          /* NULL: nothing is told */
    char will_text[64];   /* of this connection */
    int64_t connected_ms; /* its time stamp */
    bool is_told;         /* online, on this connection */
};

/* `host_id` may be NULL. */
void source_state_init(struct source_state *s, const char *host_id);
void source_state_finish(struct source_state *s);

/* A try to connect begins. */
void source_state_set_will(struct source_state *s, struct mqtt_will *will);
/* Connected and subscribed: say so, once. */
void source_state_tell_online(struct source_state *s, struct mqtt_client *c);
/* Before an orderly end of the connection, which takes the will back. */
void source_state_tell_offline(struct source_state *s, struct mqtt_client *c);
/* A message that says we are offline while we are not, such as the late will of a connection before: say it
 * again. */
void source_state_handle_message(struct source_state *s, struct mqtt_client *c, const struct message *m);

#endif
