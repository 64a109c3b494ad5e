/* SPDX-License-Identifier: Apache-2.0
 *
 * One MQTT connection on our loop: connects in a helper thread, comes back with backoff, v5 with a fall back
 * to 3.1.1. libmosquitto stays inside this folder. Rank 3.
 *
 * A gated client (`gated`) reads a bounded burst, calls on_burst once, and then neither reads nor writes
 * until mqtt_client_release(): no PUBACK of that burst leaves before it. mqtt_client_abort() drops the
 * connection instead, without writing, so the broker sends the burst again.
 */
#ifndef MQTT_MQTT_CLIENT_H
#define MQTT_MQTT_CLIENT_H

#include "mqtt/mqtt_packets.h"
#include "mqtt/mqtt_settings.h"

struct mqtt_client;
struct loop;
struct metrics;

struct mqtt_client_events {
    /* A try to connect begins: change the will that goes with it, which is that of the status topic. What it
     * points to is copied after the call. May be NULL. */
    void (*on_connecting)(void *ctx, struct mqtt_will *will);
    /* `session_present`: the broker kept our session. */
    void (*on_connected)(void *ctx, bool session_present);
    /* Also after a failed try; `reason` is one line for the operator. Publishes in flight are forgotten:
     * on_published is not called for them. The client comes back by itself, unless it is paused. */
    void (*on_disconnected)(void *ctx, const char *reason);
    /* Borrowed; source and time_us are empty. */
    void (*on_message)(void *ctx, const struct message *m);
    void (*on_burst)(void *ctx); /* gated: at least one message came */
    /* A QoS 1 publish was answered (QoS 0: written). `reason_code` >= 0x80: refused, `reason` says why. */
    void (*on_published)(void *ctx, uint64_t token, int reason_code, const char *reason);
    /* Room again after STATUS_BUSY. */
    void (*on_writable)(void *ctx);
    /* Each filter of the last mqtt_client_subscribe: reason code >= 0x80 is a refusal. */
    void (*on_subscribed)(void *ctx, const int *granted, size_t count);
    /* The broker has confirmed all of the last mqtt_client_unsubscribe. May be NULL. */
    void (*on_unsubscribed)(void *ctx);
};

struct mqtt_client_role {
    const char *name;      /* for the log: the broker's name in the configuration */
    const char *client_id; /* complete */
    bool gated;
    bool persistent;          /* keep the session on the broker (clean start false, expiry as configured) */
    const char *status_topic; /* complete; NULL: none */
    const char *gateway;      /* our id, for the status message; NULL: left out */
};

/* `s` and `role` must outlive the client. Does not connect yet. */
struct mqtt_client *mqtt_client_create(const struct mqtt_settings *s, const struct mqtt_client_role *role,
                                       const struct mqtt_client_events *events, void *ctx, struct loop *l,
                                       struct metrics *metrics, struct error *err);
void mqtt_client_start(struct mqtt_client *c);
/* Disconnect in order (status topic says offline) and do not come back; no callback afterwards. The goodbye
 * goes on without the client: see mqtt_client_goodbye_count(). A held burst is not acknowledged. */
void mqtt_client_stop(struct mqtt_client *c);
void mqtt_client_destroy(struct mqtt_client *c); /* stops it */

bool mqtt_client_is_connected(const struct mqtt_client *c);
/* Whether the present or last try reached the broker, so that it may know the will of that try. */
bool mqtt_client_has_sent_connect(const struct mqtt_client *c);
/* One line: "connected", or why not and when the next try is. Valid until the next call. */
const char *mqtt_client_state_text(const struct mqtt_client *c);
/* Another client seems to use the same client id: it took our session within the last minute, or connections
 * end soon after they begin, again and again. */
bool mqtt_client_has_id_conflict(const struct mqtt_client *c);
/* The Receive Maximum or inflight window that limits unacknowledged messages towards us, if known; else 20.
 */
unsigned mqtt_client_receive_window(const struct mqtt_client *c);

/* STATUS_BUSY: not connected. STATUS_INVALID: not a filter. With MQTT 5 retained messages come only for
 * filters that the session did not have. */
MUST_CHECK enum status mqtt_client_subscribe(struct mqtt_client *c, const struct mqtt_subscription *subs,
                                             size_t count);
/* STATUS_BUSY: not connected. */
MUST_CHECK enum status mqtt_client_unsubscribe(struct mqtt_client *c, const char *const *filters,
                                               size_t count);

/* Gated clients. */
void mqtt_client_release(struct mqtt_client *c);
void mqtt_client_abort(struct mqtt_client *c, const char *reason);
/* Stop reading (back-pressure), and do not come back after a lost connection, until given false. */
void mqtt_client_set_paused(struct mqtt_client *c, bool paused);

/* Whether the next publish is not STATUS_BUSY; when it would be, on_writable follows. */
bool mqtt_client_has_room(struct mqtt_client *c);
/* STATUS_BUSY: not connected, or max_in_flight reached; on_writable follows. STATUS_LIMIT: over the broker's
 * maximum packet size. STATUS_REFUSED: over its Maximum QoS. STATUS_INVALID: topic. STATUS_NO_MEMORY:
 * on_writable follows, within a second. The bytes are copied. */
MUST_CHECK enum status mqtt_client_publish(struct mqtt_client *c, const struct mqtt_publish *p);

/* Connections of this loop that were ended in order and whose brokers have not closed yet; each is given up
 * after a few seconds. Before the loop is destroyed, wait until there is none or cut them off. A client that
 * follows with the same client id at the same broker waits for the one before. */
size_t mqtt_client_goodbye_count(const struct loop *l);
void mqtt_client_cut_goodbyes(struct loop *l);

/* Call once at program start and end. */
void mqtt_library_init(void);
void mqtt_library_finish(void);

#endif
