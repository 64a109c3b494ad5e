/* SPDX-License-Identifier: Apache-2.0
 *
 * See mqtt_link.h. libmosquitto is told that threads are used, although none are: then it queues what it has
 * to send and leaves the writing to mosquitto_loop_write(). The gate of mqtt_client rests on that.
 */
#include "mqtt/mqtt_link.h"

#include "base/durable_file.h"
#include "base/log.h"
#include "base/memory.h"
#include "mqtt/mqtt_guard.h"
#include "mqtt/mqtt_packets.h"
#include "mqtt/mqtt_properties.h"
#include "mqtt/mqtt_reason.h"
#include "mqtt/mqtt_socket_buffer.h"
#include "mqtt/mqtt_tls.h"

#include <errno.h>
#include <fcntl.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct mqtt_link {
    struct mosquitto *handle;
    struct mqtt_socket_buffer *buffer;
    struct mqtt_tls *tls; /* NULL: plain */
    mosquitto_property *connect_properties;
    struct mqtt_properties properties; /* of the message being delivered */
    struct buffer scratch;
    const struct mqtt_settings *settings; /* borrowed while connecting only: see `host` */
    char *host;
    char *note_path; /* of the will; NULL: none */
    struct buffer note;
    struct error note_error; /* of writing it */
    bool will_at_goodbye;
    int port, keepalive_s;
    const struct mqtt_link_events *events;
    void *ctx;
    bool v5, persistent;
    bool connecting; /* until CONNACK */
    bool has_connack;
    bool is_renamed; /* the broker gave us a client id: libmosquitto had no memory for ours and sent none */
    struct mqtt_connack connack;
    unsigned burst_messages;
    bool stop_burst;
    uint64_t packet_limit; /* bytes in without the end of a packet */
    uint64_t packet_begin; /* bytes in up to the end of the last packet, or a little more */
    int low_water;         /* bytes, as the socket has it */
    int leave_fd;          /* the socket once more, for the end; -1: not leaving */
    int connect_result, connect_errno;
    int reason_code;
    bool below_mqtt;
    char tls_error[200];
    char reason[400];
};

/* ---- What libmosquitto calls ---- */

static void handle_connack(struct mosquitto *m, void *ctx, int code, int flags,
                           const mosquitto_property *list)
{
    (void)m;
    struct mqtt_link *k = ctx;
    k->has_connack = true;
    k->connack.reason_code = code < 0x80 ? mqtt_reason_from_connack(code) : code;
    k->connack.session_present = flags & 1;
    uint16_t maximum = UINT16_MAX;
    if (list)
        mosquitto_property_read_int16(list, MQTT_PROP_RECEIVE_MAXIMUM, &maximum, false);
    k->connack.receive_maximum = maximum ? maximum : 1;
    k->is_renamed =
        list && mosquitto_property_read_string(list, MQTT_PROP_ASSIGNED_CLIENT_IDENTIFIER, NULL, false);
}

static void handle_disconnect(struct mosquitto *m, void *ctx, int code, const mosquitto_property *list)
{
    (void)m;
    (void)list;
    struct mqtt_link *k = ctx;
    if (code >= 0x80 && !k->reason_code)
        k->reason_code = code; /* smaller ones are libmosquitto's own and come back as a result too */
}

static void note_packet(struct mqtt_link *k)
{
    k->packet_begin = mqtt_socket_buffer_traffic(k->buffer)->bytes_in;
}

static void handle_message(struct mosquitto *m, void *ctx, const struct mosquitto_message *message,
                           const mosquitto_property *list)
{
    (void)m;
    struct mqtt_link *k = ctx;
    note_packet(k);
    struct message out = {
        .topic = bytes_of_text(message->topic),
        .payload = bytes_of(message->payload, (size_t)message->payloadlen),
        .qos = (uint8_t)message->qos,
        .retain = message->retain,
    };
    k->burst_messages++;
    if (!list) {
        k->events->on_message(k->ctx, &out, 0);
        return;
    }
    mqtt_properties_read(&k->properties, list, &out);
    k->events->on_message(k->ctx, &out, k->properties.left_out);
    mqtt_properties_clear(&k->properties);
}

static void handle_published(struct mosquitto *m, void *ctx, int packet_id, int code,
                             const mosquitto_property *list)
{
    (void)m;
    (void)list;
    struct mqtt_link *k = ctx;
    note_packet(k);
    k->events->on_published(k->ctx, packet_id, code);
}

static void handle_subscribed(struct mosquitto *m, void *ctx, int packet_id, int count, const int *granted,
                              const mosquitto_property *list)
{
    (void)m;
    (void)list;
    struct mqtt_link *k = ctx;
    note_packet(k);
    k->events->on_subscribed(k->ctx, packet_id, granted, (size_t)count);
}

static void handle_unsubscribed(struct mosquitto *m, void *ctx, int packet_id, const mosquitto_property *list)
{
    (void)m;
    (void)list;
    struct mqtt_link *k = ctx;
    note_packet(k);
    k->events->on_unsubscribed(k->ctx, packet_id);
}

/* OpenSSL's errors arrive only here. The last part of such a line is the one for people. */
static void handle_log(struct mosquitto *m, void *ctx, int level, const char *text)
{
    (void)m;
    struct mqtt_link *k = ctx;
    if (level == MOSQ_LOG_ERR && k->tls) {
        const char *last = strrchr(text, ':');
        snprintf(k->tls_error, sizeof k->tls_error, "%s", last && last[1] ? last + 1 : text);
    }
    log_debug("mqtt", "host=%s libmosquitto: %s", k->host, text);
}

/* ---- Making one ---- */

static enum status set_up_will(struct mqtt_link *k, const struct mqtt_link_options *o, struct error *err)
{
    const struct mqtt_will *w = o->will;
    if (!w->topic)
        return STATUS_OK;
    int rc = mosquitto_will_set(k->handle, w->topic, (int)w->payload.len, w->payload.data, w->qos, w->retain);
    if (rc != MOSQ_ERR_SUCCESS)
        return error_set(err, STATUS_INVALID, "the will to %s: %s", w->topic, mosquitto_strerror(rc));
    k->will_at_goodbye = w->at_goodbye;
    if (!w->note_path)
        return STATUS_OK;
    k->note_path = xstrdup(w->note_path);
    buffer_add(&k->note, w->note.data, w->note.len);
    return k->note.failed ? error_set(err, STATUS_NO_MEMORY, "no memory for the will's note") : STATUS_OK;
}

static enum status set_up_properties(struct mqtt_link *k, struct error *err)
{
    const struct mqtt_settings *s = k->settings;
    if (!k->v5)
        return STATUS_OK;
    int64_t expiry_s = k->persistent ? s->session_expiry_ms / 1000 : 0;
    int rc = mosquitto_property_add_int32(&k->connect_properties, MQTT_PROP_SESSION_EXPIRY_INTERVAL,
                                          (uint32_t)expiry_s);
    rc |= mosquitto_property_add_int16(&k->connect_properties, MQTT_PROP_RECEIVE_MAXIMUM,
                                       (uint16_t)s->receive_maximum);
    rc |= mosquitto_property_add_int32(&k->connect_properties, MQTT_PROP_MAXIMUM_PACKET_SIZE,
                                       (uint32_t)s->max_packet_size);
    return rc ? error_set(err, STATUS_NO_MEMORY, "cannot make the CONNECT properties") : STATUS_OK;
}

static enum status set_up_tls(struct mqtt_link *k, struct error *err)
{
    if (!k->settings->use_tls)
        return STATUS_OK;
    k->tls = mqtt_tls_create(k->settings, err);
    if (!k->tls)
        return STATUS_INVALID;
    mosquitto_void_option(k->handle, MOSQ_OPT_SSL_CTX, mqtt_tls_context(k->tls));
    mosquitto_int_option(k->handle, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0);
    return STATUS_OK;
}

static enum status set_up_handle(struct mqtt_link *k, const struct mqtt_link_options *o, struct error *err)
{
    k->handle = mosquitto_new(o->client_id, !o->persistent, k);
    if (!k->handle)
        return error_set(err, errno == EINVAL ? STATUS_INVALID : STATUS_NO_MEMORY,
                         "cannot make an MQTT client for the client id \"%s\"", o->client_id);
    mosquitto_threaded_set(k->handle, true);
    mosquitto_int_option(k->handle, MOSQ_OPT_PROTOCOL_VERSION, k->v5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311);
    mosquitto_int_option(k->handle, MOSQ_OPT_SEND_MAXIMUM, (int)k->settings->max_in_flight + 8);
    mosquitto_int_option(k->handle, MOSQ_OPT_TCP_NODELAY, 1);
    mosquitto_connect_v5_callback_set(k->handle, handle_connack);
    mosquitto_disconnect_v5_callback_set(k->handle, handle_disconnect);
    mosquitto_message_v5_callback_set(k->handle, handle_message);
    mosquitto_publish_v5_callback_set(k->handle, handle_published);
    mosquitto_subscribe_v5_callback_set(k->handle, handle_subscribed);
    mosquitto_unsubscribe_v5_callback_set(k->handle, handle_unsubscribed);
    mosquitto_log_callback_set(k->handle, handle_log);
    const struct mqtt_settings *s = k->settings;
    if (s->username && mosquitto_username_pw_set(k->handle, s->username, s->password) != MOSQ_ERR_SUCCESS)
        return error_set(err, STATUS_INVALID, "the username or password cannot be sent: not UTF-8");
    if (set_up_properties(k, err) != STATUS_OK || set_up_will(k, o, err) != STATUS_OK)
        return err->code;
    return set_up_tls(k, err);
}

/* With what is read ahead, and with what TLS puts around it. */
static uint64_t largest_packet(const struct mqtt_settings *s)
{
    uint64_t size = (uint64_t)s->max_packet_size;
    return size + size / 8 + MQTT_SOCKET_BUFFER_INPUT;
}

struct mqtt_link *mqtt_link_create(const struct mqtt_link_options *o, struct error *err)
{
    struct mqtt_link *k = xcalloc(1, sizeof *k);
    k->settings = o->settings;
    k->host = xstrdup(o->settings->host);
    k->port = o->settings->port;
    k->packet_limit = largest_packet(o->settings);
    k->keepalive_s = (int)(o->settings->keepalive_ms / 1000);
    k->events = o->events;
    k->ctx = o->ctx;
    k->v5 = o->v5;
    k->persistent = o->persistent;
    k->connecting = true;
    k->low_water = 1;
    k->leave_fd = -1;
    k->buffer = mqtt_socket_buffer_create();
    if (set_up_handle(k, o, err) != STATUS_OK) {
        mqtt_link_destroy(k);
        return NULL;
    }
    k->settings = NULL;
    return k;
}

void mqtt_link_destroy(struct mqtt_link *k)
{
    if (!k)
        return;
    mqtt_socket_buffer_mute(k->buffer);
    struct mqtt_socket_buffer *outer = mqtt_socket_buffer_enter(k->buffer);
    mosquitto_destroy(k->handle);
    mqtt_socket_buffer_leave(outer);
    if (k->leave_fd >= 0)
        close(k->leave_fd);
    mosquitto_property_free_all(&k->connect_properties);
    mqtt_tls_destroy(k->tls);
    mqtt_socket_buffer_destroy(k->buffer);
    buffer_finish(&k->scratch);
    buffer_finish(&k->note);
    free(k->note_path);
    free(k->host);
    free(k);
}

/* ---- Connecting ---- */

void mqtt_link_connect(struct mqtt_link *k)
{
    if (k->note_path &&
        durable_file_replace(k->note_path, buffer_bytes(&k->note), &k->note_error) != STATUS_OK)
        return;
    mqtt_socket_buffer_learn(k->buffer);
    struct mqtt_socket_buffer *outer = mqtt_socket_buffer_enter(k->buffer);
    k->connect_result =
        mosquitto_connect_bind_v5(k->handle, k->host, k->port, k->keepalive_s, NULL, k->connect_properties);
    k->connect_errno = errno;
    mqtt_socket_buffer_leave(outer);
}

static enum status lose(struct mqtt_link *k, int result, int errno_value)
{
    if (k->reason[0])
        return STATUS_IO;
    if (k->has_connack && k->connack.reason_code)
        k->reason_code = k->connack.reason_code;
    if (k->reason_code) {
        snprintf(k->reason, sizeof k->reason, "%s", mqtt_reason_text(k->reason_code));
    } else if (k->tls && *mqtt_tls_refusal(k->tls)) {
        snprintf(k->reason, sizeof k->reason, "%s", mqtt_tls_refusal(k->tls));
    } else if (k->tls && k->below_mqtt && mqtt_socket_buffer_is_closed(k->buffer)) {
        snprintf(k->reason, sizeof k->reason,
                 "the broker closed the connection during the TLS handshake; is it a port for TLS?");
    } else if (k->tls && k->tls_error[0]) {
        snprintf(k->reason, sizeof k->reason, "TLS: %s", k->tls_error);
    } else if (k->tls && k->connecting && mqtt_socket_buffer_is_closed(k->buffer)) {
        snprintf(k->reason, sizeof k->reason,
                 "the broker closed the connection after the TLS handshake; it may want a client certificate "
                 "(tls.certificate) that it knows");
    } else {
        bool closed = k->tls && mqtt_socket_buffer_is_closed(k->buffer);
        mqtt_reason_format_failure(closed ? MOSQ_ERR_CONN_LOST : result, errno_value, k->reason,
                                   sizeof k->reason);
    }
    return STATUS_IO;
}

bool mqtt_link_open(struct mqtt_link *k, int *fd)
{
    if (k->note_error.text[0]) {
        k->below_mqtt = true;
        snprintf(k->reason, sizeof k->reason, "%.390s", k->note_error.text);
        return false;
    }
    *fd = mosquitto_socket(k->handle);
    if (k->connect_result != MOSQ_ERR_SUCCESS || *fd < 0) {
        k->below_mqtt = true;
        lose(k, k->connect_result ? k->connect_result : MOSQ_ERR_CONN_LOST, k->connect_errno);
        return false;
    }
    mqtt_socket_buffer_attach(k->buffer, *fd);
    return true;
}

/* ---- Reading and writing ---- */

static bool is_handshaking(const struct mqtt_link *k)
{
    SSL *ssl = k->tls ? mosquitto_ssl_get(k->handle) : NULL;
    return ssl && !SSL_is_init_finished(ssl);
}

/* Past CONNACK nothing is to be learnt from the library's log, and each line costs an allocation. */
static void finish_connecting(struct mqtt_link *k)
{
    k->connecting = false;
    if (log_threshold < LOG_LEVEL_DEBUG && !k->tls)
        mosquitto_log_callback_set(k->handle, NULL);
    if (k->connack.reason_code == 0)
        k->events->on_connack(k->ctx, &k->connack);
}

/* One packet, or one step of the handshake. */
static enum status read_step(struct mqtt_link *k)
{
    bool handshaking = is_handshaking(k);
    struct mqtt_socket_buffer *outer = mqtt_socket_buffer_enter(k->buffer);
    int result = MOSQ_ERR_PROTOCOL;
    bool malformed = !mqtt_guard_read(k->handle, &result);
    int errno_value = errno;
    mqtt_socket_buffer_leave(outer);
    if (malformed)
        return lose(k, MOSQ_ERR_MALFORMED_PACKET, 0);
    if (k->has_connack && k->is_renamed) { /* another session: its messages would come before those of ours */
        snprintf(k->reason, sizeof k->reason, "no memory for the client id: the broker has made one up");
        return STATUS_IO;
    }
    if (k->has_connack && k->connecting)
        finish_connecting(k);
    /* During the handshake libmosquitto takes a lost connection for a pause. */
    bool lost_early = handshaking && mqtt_socket_buffer_is_closed(k->buffer);
    if (result == MOSQ_ERR_SUCCESS && mosquitto_socket(k->handle) >= 0 && !lost_early)
        return STATUS_OK;
    k->below_mqtt = handshaking;
    return lose(k, result ? result : MOSQ_ERR_CONN_LOST, errno_value);
}

/* MQTT 3.1.1 cannot ask the broker to leave out what is too large, and libmosquitto takes any size. Each end
 * of a packet that brings more than a few bytes is an event, so bytes without one are of a single packet; but
 * for the few of an answer to a ping, which a silent connection sees for years. */
static enum status check_packet_size(struct mqtt_link *k, uint64_t burst_bytes)
{
    enum { PING_BYTES = 64 }; /* in TLS */
    uint64_t unfinished = mqtt_socket_buffer_traffic(k->buffer)->bytes_in - k->packet_begin;
    if (burst_bytes <= PING_BYTES && burst_bytes <= unfinished)
        k->packet_begin += burst_bytes;
    if (unfinished <= k->packet_limit)
        return STATUS_END;
    snprintf(k->reason, sizeof k->reason,
             "the broker sends a packet larger than max_packet_size; raise it, or set a limit at the broker "
             "(mosquitto: max_packet_size)");
    return STATUS_IO;
}

enum status mqtt_link_read(struct mqtt_link *k, unsigned max_messages)
{
    uint64_t bytes_before = mqtt_socket_buffer_traffic(k->buffer)->bytes_in;
    mqtt_socket_buffer_begin_burst(k->buffer);
    k->burst_messages = 0;
    k->stop_burst = false;
    while (!mqtt_socket_buffer_is_dry(k->buffer)) {
        enum status status = read_step(k);
        if (status != STATUS_OK)
            return status;
        if (k->stop_burst || k->burst_messages >= max_messages)
            return STATUS_OK;
    }
    return check_packet_size(k, mqtt_socket_buffer_traffic(k->buffer)->bytes_in - bytes_before);
}

void mqtt_link_stop_burst(struct mqtt_link *k)
{
    k->stop_burst = true;
}

size_t mqtt_link_waiting_bytes(const struct mqtt_link *k)
{
    return mqtt_socket_buffer_waiting(k->buffer);
}

void mqtt_link_set_low_water(struct mqtt_link *k, size_t bytes)
{
    int value = (int)bytes;
    if (value == k->low_water)
        return;
    k->low_water = value;
    setsockopt(mosquitto_socket(k->handle), SOL_SOCKET, SO_RCVLOWAT, &value, sizeof value);
}

enum status mqtt_link_write(struct mqtt_link *k)
{
    struct mqtt_socket_buffer *outer = mqtt_socket_buffer_enter(k->buffer);
    int result = MOSQ_ERR_SUCCESS;
    if (!is_handshaking(k) && mosquitto_want_write(k->handle))
        result = mosquitto_loop_write(k->handle, 1);
    int errno_value = errno;
    mqtt_socket_buffer_leave(outer);
    if (result != MOSQ_ERR_SUCCESS || mosquitto_socket(k->handle) < 0)
        return lose(k, result ? result : MOSQ_ERR_CONN_LOST, errno_value);
    enum status status = mqtt_socket_buffer_flush(k->buffer);
    if (status == STATUS_IO)
        return lose(k, MOSQ_ERR_ERRNO, errno);
    if (status == STATUS_OK && !is_handshaking(k) && mosquitto_want_write(k->handle))
        return STATUS_BUSY; /* the library's queue did not fit into the gather buffer at once */
    return status;
}

enum status mqtt_link_keep_alive(struct mqtt_link *k)
{
    if (is_handshaking(k))
        return STATUS_OK;
    struct mqtt_socket_buffer *outer = mqtt_socket_buffer_enter(k->buffer);
    int result = mosquitto_loop_misc(k->handle);
    mqtt_socket_buffer_leave(outer);
    return result == MOSQ_ERR_SUCCESS ? STATUS_OK : lose(k, result, 0);
}

/* ---- The end ---- */

bool mqtt_link_begin_leaving(struct mqtt_link *k, int *fd)
{
    enum { WITH_WILL = 4 }; /* MQTT 5, 3.14.2.1 */
    if (k->connecting || k->reason[0])
        return false;
    /* libmosquitto closes its own right after the last packet. */
    k->leave_fd = fcntl(mosquitto_socket(k->handle), F_DUPFD_CLOEXEC, 0);
    if (k->leave_fd < 0)
        return false;
    mosquitto_publish_v5_callback_set(k->handle, NULL);
    struct mqtt_socket_buffer *outer = mqtt_socket_buffer_enter(k->buffer);
    int result = mosquitto_disconnect_v5(k->handle, k->v5 && k->will_at_goodbye ? WITH_WILL : 0, NULL);
    mqtt_socket_buffer_leave(outer);
    *fd = k->leave_fd;
    return result == MOSQ_ERR_SUCCESS;
}

/* Let the library put its packets into the gather buffer; behind DISCONNECT it closes its socket, and what is
 * gathered then goes through ours. */
static void gather_last_packets(struct mqtt_link *k)
{
    if (mosquitto_socket(k->handle) < 0)
        return;
    struct mqtt_socket_buffer *outer = mqtt_socket_buffer_enter(k->buffer);
    mosquitto_loop_write(k->handle, 1);
    mqtt_socket_buffer_leave(outer);
    if (mosquitto_socket(k->handle) < 0)
        mqtt_socket_buffer_attach(k->buffer, k->leave_fd);
}

enum status mqtt_link_leave(struct mqtt_link *k)
{
    for (;;) {
        gather_last_packets(k);
        bool all = mosquitto_socket(k->handle) < 0;
        bool progress = mqtt_socket_buffer_has_output(k->buffer);
        enum status status = mqtt_socket_buffer_flush(k->buffer);
        if (status != STATUS_OK)
            return status;
        if (all)
            return shutdown(k->leave_fd, SHUT_WR) == 0 ? STATUS_OK : STATUS_IO;
        if (!progress)
            return STATUS_IO; /* TLS that wants to read first: not worth it any more */
    }
}

bool mqtt_link_drain(struct mqtt_link *k)
{
    enum { TURN_BYTES = 256 * 1024 };
    char rest[16 * 1024];
    for (size_t total = 0; total < TURN_BYTES;) {
        ssize_t n = recv(k->leave_fd, rest, sizeof rest, MSG_DONTWAIT);
        if (n <= 0)
            return n < 0 && (errno == EAGAIN || errno == EINTR);
        total += (size_t)n;
    }
    return true;
}

/* ---- Packets out ---- */

static enum status status_of(int result)
{
    switch (result) {
    case MOSQ_ERR_SUCCESS:
        return STATUS_OK;
    case MOSQ_ERR_NOMEM:
        return STATUS_NO_MEMORY;
    case MOSQ_ERR_NO_CONN:
    case MOSQ_ERR_CONN_LOST:
        return STATUS_BUSY;
    case MOSQ_ERR_OVERSIZE_PACKET:
    case MOSQ_ERR_PAYLOAD_SIZE:
        return STATUS_LIMIT;
    case MOSQ_ERR_QOS_NOT_SUPPORTED:
        return STATUS_REFUSED;
    default:
        return STATUS_INVALID;
    }
}

enum status mqtt_link_publish(struct mqtt_link *k, const struct mqtt_publish *p, int *packet_id,
                              uint64_t *left_out)
{
    if (p->topic.len == 0 || p->topic.len > UINT16_MAX || memchr(p->topic.data, 0, p->topic.len))
        return STATUS_INVALID;
    if (p->payload.len > MQTT_MAX_PAYLOAD)
        return STATUS_LIMIT;
    mosquitto_property *list = k->v5 ? mqtt_properties_build(p, &k->scratch, left_out) : NULL;
    buffer_clear(&k->scratch);
    buffer_add(&k->scratch, p->topic.data, p->topic.len);
    buffer_add_byte(&k->scratch, 0);
    int result = MOSQ_ERR_NOMEM;
    if (!k->scratch.failed) {
        struct mqtt_socket_buffer *outer = mqtt_socket_buffer_enter(k->buffer);
        result = mosquitto_publish_v5(k->handle, packet_id, (const char *)k->scratch.data,
                                      (int)p->payload.len, p->payload.data, p->qos, p->retain, list);
        mqtt_socket_buffer_leave(outer);
    }
    mosquitto_property_free_all(&list);
    return status_of(result);
}

enum status mqtt_link_subscribe(struct mqtt_link *k, char *const *filters, int count, int qos, bool no_local,
                                int *packet_id)
{
    /* A filter that the session has already must not bring all its retained messages once more. */
    int options = MQTT_SUB_OPT_SEND_RETAIN_NEW | (no_local ? MQTT_SUB_OPT_NO_LOCAL : 0);
    struct mqtt_socket_buffer *outer = mqtt_socket_buffer_enter(k->buffer);
    int result =
        mosquitto_subscribe_multiple(k->handle, packet_id, count, filters, qos, k->v5 ? options : 0, NULL);
    mqtt_socket_buffer_leave(outer);
    return status_of(result);
}

enum status mqtt_link_unsubscribe(struct mqtt_link *k, char *const *filters, int count, int *packet_id)
{
    struct mqtt_socket_buffer *outer = mqtt_socket_buffer_enter(k->buffer);
    int result = mosquitto_unsubscribe_multiple(k->handle, packet_id, count, filters, NULL);
    mqtt_socket_buffer_leave(outer);
    return status_of(result);
}

const char *mqtt_link_reason(const struct mqtt_link *k)
{
    return k->reason;
}

int mqtt_link_reason_code(const struct mqtt_link *k)
{
    return k->reason_code;
}

bool mqtt_link_failed_below_mqtt(const struct mqtt_link *k)
{
    return k->below_mqtt;
}

const struct mqtt_socket_traffic *mqtt_link_traffic(const struct mqtt_link *k)
{
    return mqtt_socket_buffer_traffic(k->buffer);
}
