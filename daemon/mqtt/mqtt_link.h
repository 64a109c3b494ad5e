/* SPDX-License-Identifier: Apache-2.0
 *
 * One connection to a broker, from its first try to its end; a new one is made for every try, so nothing of
 * an old session is ever sent again by libmosquitto itself. Knows neither gate nor backoff (mqtt_client), and
 * is the only place that drives a libmosquitto handle.
 */
#ifndef MQTT_MQTT_LINK_H
#define MQTT_MQTT_LINK_H

#include "message/message.h"
#include "mqtt/mqtt_settings.h"

struct mqtt_link;
struct mqtt_publish;
struct mqtt_will;
struct mqtt_socket_traffic;

struct mqtt_connack {
    int reason_code; /* 0: accepted; else as in MQTT 5, also when the broker speaks 3.1.1 */
    bool session_present;
    unsigned receive_maximum; /* of the broker: our unacknowledged publishes */
};

/* Called inside mqtt_link_read() and mqtt_link_write(); they may use the link, but not destroy it. */
struct mqtt_link_events {
    void (*on_connack)(void *ctx, const struct mqtt_connack *connack);
    /* `left_out`: user properties beyond the limit. */
    void (*on_message)(void *ctx, const struct message *m, size_t left_out);
    void (*on_published)(void *ctx, int packet_id, int reason_code);
    void (*on_subscribed)(void *ctx, int packet_id, const int *granted, size_t count);
    void (*on_unsubscribed)(void *ctx, int packet_id);
};

struct mqtt_link_options {
    const struct mqtt_settings *settings;
    const char *client_id;
    bool v5;
    bool persistent;
    const struct mqtt_will *will;
    const struct mqtt_link_events *events;
    void *ctx;
};

/* Everything is copied but `settings` and `events`. */
struct mqtt_link *mqtt_link_create(const struct mqtt_link_options *o, struct error *err);
/* Close without writing anything more. */
void mqtt_link_destroy(struct mqtt_link *k);

/* Make the will's note durable, resolve and connect; blocks, so in a helper thread. Nothing is written to the
 * socket but the start of a TLS handshake. */
void mqtt_link_connect(struct mqtt_link *k);
/* Whether that worked; then `fd` is to be watched for reading. False: see mqtt_link_reason(). */
bool mqtt_link_open(struct mqtt_link *k, int *fd);

/* Take one burst from the socket: at most `max_messages` and MQTT_SOCKET_BUFFER_INPUT bytes. Nothing is
 * written. STATUS_OK: more waits here, do not wait for the socket; STATUS_END: it is empty; STATUS_IO: the
 * connection is lost. */
MUST_CHECK enum status mqtt_link_read(struct mqtt_link *k, unsigned max_messages);
/* End the burst that is being read; for callbacks. */
void mqtt_link_stop_burst(struct mqtt_link *k);
/* Bytes that wait to be read, here or in the kernel. */
size_t mqtt_link_waiting_bytes(const struct mqtt_link *k);
/* Let the socket become readable only with so many bytes, or when the connection ends. */
void mqtt_link_set_low_water(struct mqtt_link *k, size_t bytes);
/* Write what is queued. STATUS_BUSY: go on when the socket is writable. */
MUST_CHECK enum status mqtt_link_write(struct mqtt_link *k);
/* Once a second: send a ping, or notice that there was no answer. */
MUST_CHECK enum status mqtt_link_keep_alive(struct mqtt_link *k);

/* The end in order: begin_leaving(), then leave() until it says OK, and drain() whenever `fd` is readable,
 * until it says false; then destroy(). From the begin on no event is called, and nothing else may be. `fd` is
 * another one than that of mqtt_link_open(), and the link's. False: there is nothing to say goodbye to. */
bool mqtt_link_begin_leaving(struct mqtt_link *k, int *fd);
/* Write what is queued and DISCONNECT. STATUS_BUSY: go on when `fd` is writable. */
MUST_CHECK enum status mqtt_link_leave(struct mqtt_link *k);
/* Throw away what comes. False: the broker has closed. */
bool mqtt_link_drain(struct mqtt_link *k);

/* These queue; mqtt_link_write() sends. `packet_id` comes back in the event. */
MUST_CHECK enum status mqtt_link_publish(struct mqtt_link *k, const struct mqtt_publish *p, int *packet_id,
                                         uint64_t *left_out);
MUST_CHECK enum status mqtt_link_subscribe(struct mqtt_link *k, char *const *filters, int count, int qos,
                                           bool no_local, int *packet_id);
MUST_CHECK enum status mqtt_link_unsubscribe(struct mqtt_link *k, char *const *filters, int count,
                                             int *packet_id);

/* Why the connection could not be made or was lost, in one line. */
const char *mqtt_link_reason(const struct mqtt_link *k);
/* The code the broker gave for it; 0: none. */
int mqtt_link_reason_code(const struct mqtt_link *k);
/* It was TCP or TLS that failed, so the MQTT version has nothing to do with it. */
bool mqtt_link_failed_below_mqtt(const struct mqtt_link *k);
const struct mqtt_socket_traffic *mqtt_link_traffic(const struct mqtt_link *k);

#endif
