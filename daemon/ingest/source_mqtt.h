/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes the messages of one broker, for all routes that read it, into a sink and has them acknowledged only
 * when the sink has made them durable. Subscribes to what it is given, once for each session, and
 * notices when the broker has lost a session that was expected. Rank 4.
 *
 * When the sink has no room or its storage fails, the connection is dropped without acknowledging, so the
 * broker sends the burst again, and stays down until source_mqtt_resume(); it also tries by itself from time
 * to time.
 */
#ifndef INGEST_SOURCE_MQTT_H
#define INGEST_SOURCE_MQTT_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

struct loop;
struct message_sink;
struct metrics;
struct mqtt_settings;
struct source_mqtt;

struct source_mqtt_options {
    const char *name;                   /* of the broker in the configuration; message.source */
    const struct mqtt_settings *broker; /* checked; must outlive the source */
    const char *client_id;              /* complete */
    const char *gateway;                /* our id */
    const char *status_topic;           /* complete; NULL: none */
    const char *state_directory;        /* where the subscribed filters are remembered; NULL: nowhere */
};

/* A filter as MQTT knows it: no captures. */
struct source_mqtt_filter {
    const char *filter;
    int qos; /* 0 or 1 */
};

struct source_mqtt_status {
    bool connected;
    bool subscribed;      /* connected, and the broker has answered for every filter */
    bool possible_gap;    /* since the start a session was lost: messages may be missing */
    int64_t last_gap_us;  /* when, since 1970; 0: never */
    bool id_conflict;     /* another client seems to use our client id */
    bool stopped_by_sink; /* no room or no storage */
    const char *text;     /* one line; valid until the next call */
    size_t filter_count;  /* wanted */
    size_t refused_count; /* of these, not allowed by the broker */
    uint64_t accepted;    /* messages taken by the sink, repetitions included */
    uint64_t gaps;
};

/* `sink` must outlive the source. Strings in `o` are copied. Does not connect yet. */
struct source_mqtt *source_mqtt_create(const struct source_mqtt_options *o, const struct message_sink *sink,
                                       struct loop *l, struct metrics *metrics, struct error *err);
/* Disconnects; a burst that is being committed is not acknowledged and comes again. The session stays at
 * the broker. */
void source_mqtt_destroy(struct source_mqtt *s);
/* Read no more. True when nothing that was read waits to be acknowledged any more: destroyed before, it comes
 * again. */
bool source_mqtt_stop(struct source_mqtt *s);

/* What all routes together want, repetitions and overlaps welcome. Copied. Takes effect now or at the next
 * connect; filters that stay are not touched. */
void source_mqtt_set_subscriptions(struct source_mqtt *s, const struct source_mqtt_filter *filters,
                                   size_t count);
/* Begin to connect, after the first source_mqtt_set_subscriptions(). */
void source_mqtt_start(struct source_mqtt *s);
/* The sink has room again. Harmless at any time. */
void source_mqtt_resume(struct source_mqtt *s);

/* Publish over the source's connection, a command to a device say. Nothing is kept: false when there is no
 * connection or the message is refused. It leaves with the acknowledgements of the burst being read. */
struct mqtt_publish;
bool source_mqtt_publish(struct source_mqtt *s, const struct mqtt_publish *p);

void source_mqtt_status(const struct source_mqtt *s, struct source_mqtt_status *status);

#endif
