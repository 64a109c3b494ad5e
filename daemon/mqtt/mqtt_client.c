/* SPDX-License-Identifier: Apache-2.0
 *
 * See mqtt_client.h. The states of a client:
 *
 *   WAITING -> CONNECTING (helper thread) -> GREETING (until CONNACK) -> READING <-> HELD (gated: the burst
 * is being committed) ; LOST from anywhere -> WAITING
 *
 * In HELD the socket is neither read nor written: what libmosquitto has queued, the acknowledgements of the
 * burst among it, leaves after mqtt_client_release() and not before.
 */
#include "mqtt/mqtt_client.h"

#include "base/backoff.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "loop/loop.h"
#include "metrics/metrics.h"
#include "mqtt/mqtt_connect_thread.h"
#include "mqtt/mqtt_goodbye.h"
#include "mqtt/mqtt_inflight.h"
#include "mqtt/mqtt_link.h"
#include "mqtt/mqtt_pacing.h"
#include "mqtt/mqtt_reason.h"
#include "mqtt/mqtt_socket_buffer.h"
#include "mqtt/mqtt_status_text.h"
#include "mqtt/mqtt_subscriptions.h"
#include "mqtt/mqtt_version_choice.h"

#include <mosquitto.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    BURST_MESSAGES = 500,
    GREETING_MS = 15000, /* for the TLS handshake and CONNACK */
    KEEPALIVE_CHECK_MS = 1000,
    STABLE_MS = 10000, /* a connection that lasts so long was a good one */
    QUICK_LOSSES = 3,  /* so many short connections in a row: somebody else has our client id */
    DEFAULT_RECEIVE_WINDOW = 20,
    STATE_TEXT_BYTES = 500,
    CONFLICT_SHOWN_US = 60 * 1000 * 1000,
    GOODBYE_POLL_MS = 5,
};

enum client_state {
    STATE_STOPPED,
    STATE_WAITING,
    STATE_CONNECTING,
    STATE_GREETING,
    STATE_READING,
    STATE_HELD,
    STATE_LOST
};

struct mqtt_client_counters {
    int64_t connected;
    uint64_t connects, disconnects, failed_connects;
    uint64_t received, received_bytes, bursts;
    uint64_t published, published_bytes, refused;
    uint64_t properties_left_out;
};

struct mqtt_client {
    struct mqtt_link *link;
    struct loop_io *io;
    struct mqtt_connect_job *job;
    struct loop_timer *reconnect_timer, *read_timer, *keepalive_timer, *greeting_timer;
    struct metrics_group *metrics_group;
    struct mqtt_subscriptions *subscriptions; /* SUBSCRIBE packets without answer */
    char *online_text, *offline_text;
    char *state_text;
    char *session;         /* broker and client id */
    char reason[420];      /* of the last loss */
    char told_reason[420]; /* in the log */

    enum client_state state;
    bool paused;
    bool flush_pending;
    struct mqtt_version_choice version;
    bool connect_sent; /* in the present or last try */
    unsigned quick_losses;
    bool given_up;          /* we ended this connection ourselves */
    int64_t id_conflict_us; /* when a loss last looked like one; 0: never */
    int64_t connected_us, next_try_us;
    struct backoff backoff;
    struct mqtt_inflight inflight;
    unsigned publish_window;
    bool publish_refused_busy; /* on_writable is owed */
    int status_packet_id;
    unsigned burst_messages, burst_answers; /* of the last read: PUBLISH, PUBACK */
    size_t burst_bytes;
    bool input_left; /* the burst ended before the socket was empty */
    struct mqtt_pacing pacing;
    struct mqtt_client_counters counters;

    const struct mqtt_settings *settings;
    const struct mqtt_client_role *role;
    struct mqtt_client_events events;
    void *ctx;
    struct loop *loop;
};

#define ROW(member) offsetof(struct mqtt_client_counters, member)

static const struct metric_row metric_rows[] = {
    {"forebay_mqtt_connected", METRIC_GAUGE, ROW(connected), "1 while the connection to the broker stands."},
    {"forebay_mqtt_connects_total", METRIC_COUNTER, ROW(connects), "Connections that the broker accepted."},
    {"forebay_mqtt_disconnects_total", METRIC_COUNTER, ROW(disconnects), "Connections that were lost."},
    {"forebay_mqtt_failed_connects_total", METRIC_COUNTER, ROW(failed_connects),
     "Tries to connect that failed."},
    {"forebay_mqtt_received_total", METRIC_COUNTER, ROW(received),
     "Messages received, repetitions included."},
    {"forebay_mqtt_received_bytes_total", METRIC_COUNTER, ROW(received_bytes), "Payload bytes received."},
    {"forebay_mqtt_bursts_total", METRIC_COUNTER, ROW(bursts), "Reads of the socket that brought messages."},
    {"forebay_mqtt_published_total", METRIC_COUNTER, ROW(published), "Messages handed to the connection."},
    {"forebay_mqtt_published_bytes_total", METRIC_COUNTER, ROW(published_bytes),
     "Payload bytes handed over."},
    {"forebay_mqtt_refused_total", METRIC_COUNTER, ROW(refused), "Messages that the broker refused."},
    {"forebay_mqtt_properties_left_out_total", METRIC_COUNTER, ROW(properties_left_out),
     "MQTT 5 properties left out: too many in a message, or not to be sent."},
    {.name = NULL},
};

/* ---- Watching the socket ---- */

static bool has_socket(const struct mqtt_client *c)
{
    return c->state == STATE_GREETING || c->state == STATE_READING;
}

static void watch(struct mqtt_client *c, bool write_blocked)
{
    unsigned events = write_blocked ? LOOP_WRITE : 0;
    if (has_socket(c) && (!c->paused || c->state == STATE_GREETING))
        events |= LOOP_READ;
    if (c->io && loop_io_events(c->io) != events)
        loop_io_set(c->io, events);
}

/* ---- Losing the connection ---- */

static void schedule_reconnect(struct mqtt_client *c, int64_t delay_ms)
{
    c->next_try_us = clock_monotonic_us() + delay_ms * 1000;
    c->state = STATE_WAITING;
    if (!c->paused)
        loop_timer_start(c->reconnect_timer, delay_ms);
}

/* What belongs to one connection, but not the link. */
static void forget_connection(struct mqtt_client *c)
{
    loop_timer_stop(c->read_timer);
    loop_timer_stop(c->keepalive_timer);
    loop_timer_stop(c->greeting_timer);
    loop_timer_stop(c->reconnect_timer);
    loop_io_destroy(c->io);
    c->io = NULL;
    mqtt_inflight_clear(&c->inflight);
    mqtt_subscriptions_clear(c->subscriptions);
    c->status_packet_id = 0;
    c->input_left = false;
    c->counters.connected = 0;
}

static void drop_link(struct mqtt_client *c)
{
    forget_connection(c);
    if (c->job)
        mqtt_connect_thread_release(c->job); /* the link is the helper thread's */
    else
        mqtt_link_destroy(c->link);
    c->job = NULL;
    c->link = NULL;
}

static void log_loss(struct mqtt_client *c, bool was_connected, int64_t delay_ms)
{
    /* A reason that stays the same is said once; status and metrics have the rest. */
    bool told = !was_connected && strcmp(c->told_reason, c->reason) == 0;
    memcpy(c->told_reason, c->reason, sizeof c->told_reason);
    if (c->paused) {
        log_debug("mqtt", "broker=%s dropped and not to come back yet: %s", c->role->name, c->reason);
        return;
    }
    if (told) {
        log_debug("mqtt", "broker=%s still not connected: %s", c->role->name, c->reason);
        return;
    }
    log_warning("mqtt", "broker=%s role=%s %s: %s; next try in %.1f s", c->role->name,
                c->role->gated ? "source" : "target", was_connected ? "connection lost" : "cannot connect",
                c->reason, (double)delay_ms / 1000.0);
}

/* After a try that MQTT 5 may have caused to fail. True: try at once with the other one. */
static bool choose_version(struct mqtt_client *c)
{
    if (mqtt_link_failed_below_mqtt(c->link) ||
        !mqtt_version_choice_refuse(&c->version, mqtt_link_reason_code(c->link)))
        return false;
    log_info("mqtt", "broker=%s does not accept MQTT 5, trying 3.1.1", c->role->name);
    return true;
}

static void count_loss(struct mqtt_client *c, bool was_connected)
{
    if (!was_connected) {
        c->counters.failed_connects++;
        return;
    }
    c->counters.disconnects++;
    bool quick = clock_monotonic_us() - c->connected_us < STABLE_MS * 1000;
    if (!c->given_up)
        c->quick_losses = quick ? c->quick_losses + 1 : 0;
    if (!quick)
        backoff_reset(&c->backoff);
}

static void note_reason(struct mqtt_client *c)
{
    if (c->link && !c->job && *mqtt_link_reason(c->link))
        snprintf(c->reason, sizeof c->reason, "%s", mqtt_link_reason(c->link));
    size_t len = strlen(c->reason);
    if (c->quick_losses >= QUICK_LOSSES && !c->given_up && !strstr(c->reason, "client id"))
        snprintf(c->reason + len, sizeof c->reason - len,
                 "; again soon after connecting: maybe another client uses the same client id (%s)",
                 c->role->client_id);
    if (strstr(c->reason, "same client id"))
        c->id_conflict_us = clock_monotonic_us();
}

/* The end of a connection or of a try, in a call of its own: the socket's callbacks are over. */
static void handle_lost(void *ctx)
{
    struct mqtt_client *c = ctx;
    bool was_connected = c->counters.connected;
    count_loss(c, was_connected);
    note_reason(c);
    c->given_up = false;
    bool at_once = !was_connected && c->link && !c->job && choose_version(c);
    drop_link(c);
    int64_t delay_ms = at_once ? 0 : backoff_next_ms(&c->backoff);
    schedule_reconnect(c, delay_ms);
    if (!at_once)
        log_loss(c, was_connected, delay_ms);
    c->events.on_disconnected(c->ctx, c->reason);
}

static void lose(struct mqtt_client *c, const char *reason)
{
    if (c->state == STATE_LOST)
        return;
    c->state = STATE_LOST;
    if (reason)
        snprintf(c->reason, sizeof c->reason, "%s", reason);
    if (c->link)
        mqtt_link_stop_burst(c->link);
    if (c->io)
        loop_io_set(c->io, 0);
    loop_defer(c->loop, handle_lost, c);
}

/* ---- Writing ---- */

static void offer_room(struct mqtt_client *c)
{
    if (!c->publish_refused_busy || c->state != STATE_READING || c->inflight.count >= c->publish_window)
        return;
    c->publish_refused_busy = false;
    c->events.on_writable(c->ctx);
}

static void write_out(struct mqtt_client *c)
{
    if (!has_socket(c))
        return;
    enum status status = mqtt_link_write(c->link);
    if (status == STATUS_IO)
        lose(c, NULL);
    else
        watch(c, status == STATUS_BUSY);
}

static void handle_flush(void *ctx)
{
    struct mqtt_client *c = ctx;
    c->flush_pending = false;
    write_out(c);
    offer_room(c);
}

/* One write for everything that is queued in this turn. */
static void request_flush(struct mqtt_client *c)
{
    if (c->flush_pending || c->state == STATE_HELD)
        return;
    c->flush_pending = true;
    loop_defer(c->loop, handle_flush, c);
}

/* ---- Reading ---- */

/* Wait for the next read: for what is left of this one not at all, else until enough is there. */
static void resume_reading(struct mqtt_client *c)
{
    size_t bytes = 1;
    if (!c->input_left && c->role->gated)
        bytes = mqtt_pacing_for_messages(&c->pacing, c->burst_messages,
                                         c->burst_messages > 1 ? mqtt_link_waiting_bytes(c->link) : 0);
    else if (!c->input_left)
        bytes = mqtt_pacing_for_answers(&c->pacing, c->burst_answers, c->burst_bytes, c->inflight.count,
                                        c->publish_refused_busy);
    mqtt_link_set_low_water(c->link, bytes);
    if (bytes > 1)
        loop_timer_start_us(c->read_timer, MQTT_PACING_US);
    else if (c->input_left && !c->paused)
        loop_timer_start(c->read_timer, 0);
    watch(c, false);
    write_out(c);
}

static void read_burst(struct mqtt_client *c)
{
    uint64_t bytes_before = mqtt_link_traffic(c->link)->bytes_in;
    c->burst_messages = c->burst_answers = 0;
    loop_timer_stop(c->read_timer);
    enum status status = mqtt_link_read(c->link, BURST_MESSAGES);
    if (c->state == STATE_LOST)
        return;
    if (status == STATUS_IO) {
        lose(c, NULL);
        return;
    }
    c->input_left = status == STATUS_OK;
    c->burst_bytes = (size_t)(mqtt_link_traffic(c->link)->bytes_in - bytes_before);
    mqtt_pacing_learn(&c->pacing, c->burst_bytes);
    if (c->burst_messages > 0 && c->events.on_message)
        c->counters.bursts++;
    if (c->role->gated && c->burst_messages > 0) {
        c->state = STATE_HELD;
        watch(c, false);
        c->events.on_burst(c->ctx);
        return;
    }
    resume_reading(c);
    offer_room(c);
}

static void handle_read_timer(void *ctx)
{
    struct mqtt_client *c = ctx;
    c->pacing.timed_out = true;
    if (has_socket(c) && !c->paused)
        read_burst(c);
}

static void handle_io(void *ctx, int fd, unsigned events)
{
    (void)fd;
    struct mqtt_client *c = ctx;
    if ((events & LOOP_WRITE) && has_socket(c))
        write_out(c);
    if ((events & LOOP_READ) && has_socket(c))
        read_burst(c);
}

/* ---- What the link reports ---- */

static void publish_status(struct mqtt_client *c, const char *text, uint8_t qos)
{
    if (!c->role->status_topic)
        return;
    struct mqtt_publish p = {.topic = bytes_of_text(c->role->status_topic),
                             .payload = bytes_of_text(text),
                             .content_type = bytes_of_text("application/json"),
                             .qos = qos,
                             .retain = true};
    int packet_id = 0;
    uint64_t left_out = 0;
    if (mqtt_link_publish(c->link, &p, &packet_id, &left_out) != STATUS_OK)
        log_warning("mqtt", "broker=%s cannot publish the status to %s", c->role->name,
                    c->role->status_topic);
    c->status_packet_id = packet_id;
}

static void handle_connack(void *ctx, const struct mqtt_connack *connack)
{
    struct mqtt_client *c = ctx;
    c->state = STATE_READING;
    c->connected_us = clock_monotonic_us();
    c->counters.connected = 1;
    c->counters.connects++;
    mqtt_version_choice_accept(&c->version);
    c->publish_window = (unsigned)c->settings->max_in_flight;
    if (c->publish_window > connack->receive_maximum)
        c->publish_window = connack->receive_maximum;
    c->pacing = (struct mqtt_pacing){0};
    loop_timer_stop(c->greeting_timer);
    log_info("mqtt", "broker=%s role=%s connected host=%s port=%d mqtt=%s session=%s", c->role->name,
             c->role->gated ? "source" : "target", c->settings->host, c->settings->port,
             c->version.v5 ? "5" : "3.1.1", connack->session_present ? "kept" : "new");
    c->reason[0] = c->told_reason[0] = 0;
    publish_status(c, c->online_text, 1);
    c->events.on_connected(c->ctx, connack->session_present);
    request_flush(c);
    offer_room(c);
}

static void handle_message(void *ctx, const struct message *m, size_t left_out)
{
    struct mqtt_client *c = ctx;
    c->burst_messages++;
    c->counters.received++;
    c->counters.received_bytes += m->payload.len;
    c->counters.properties_left_out += left_out;
    if (c->state == STATE_READING && c->events.on_message)
        c->events.on_message(c->ctx, m);
}

static void handle_published(void *ctx, int packet_id, int reason_code)
{
    struct mqtt_client *c = ctx;
    uint64_t token;
    c->burst_answers++;
    if (!mqtt_inflight_take(&c->inflight, packet_id, &token)) {
        if (packet_id == c->status_packet_id && reason_code >= 0x80)
            log_warning("mqtt", "broker=%s refused the status topic %s: %s", c->role->name,
                        c->role->status_topic, mqtt_reason_text(reason_code));
        return;
    }
    if (reason_code >= 0x80)
        c->counters.refused++;
    if (c->state != STATE_LOST)
        c->events.on_published(c->ctx, token, reason_code,
                               reason_code >= 0x80 ? mqtt_reason_text(reason_code) : "");
}

static void handle_subscribed(void *ctx, int packet_id, const int *granted, size_t count)
{
    struct mqtt_client *c = ctx;
    const int *all;
    size_t all_count;
    if (mqtt_subscriptions_answer(c->subscriptions, packet_id, granted, count, &all, &all_count) &&
        c->events.on_subscribed && c->state != STATE_LOST)
        c->events.on_subscribed(c->ctx, all, all_count);
}

static void handle_unsubscribed(void *ctx, int packet_id)
{
    struct mqtt_client *c = ctx;
    if (mqtt_subscriptions_answer_withdrawn(c->subscriptions, packet_id) && c->events.on_unsubscribed &&
        c->state != STATE_LOST)
        c->events.on_unsubscribed(c->ctx);
}

static const struct mqtt_link_events link_events = {
    .on_connack = handle_connack,
    .on_message = handle_message,
    .on_published = handle_published,
    .on_subscribed = handle_subscribed,
    .on_unsubscribed = handle_unsubscribed,
};

/* ---- Connecting ---- */

static void handle_greeting_timeout(void *ctx)
{
    struct mqtt_client *c = ctx;
    lose(c, "the broker did not answer the connection request in time");
}

static void handle_keepalive(void *ctx)
{
    struct mqtt_client *c = ctx;
    loop_timer_start(c->keepalive_timer, KEEPALIVE_CHECK_MS);
    if (c->state != STATE_READING)
        return;
    if (mqtt_link_keep_alive(c->link) != STATUS_OK)
        lose(c, NULL);
    else
        write_out(c);
    offer_room(c); /* after STATUS_NO_MEMORY no answer may be due */
}

static void run_connect(void *subject)
{
    mqtt_link_connect(subject);
}

static void abandon_connect(void *subject)
{
    mqtt_link_destroy(subject);
}

static void handle_connect_done(void *ctx)
{
    struct mqtt_client *c = ctx;
    mqtt_connect_thread_release(c->job);
    c->job = NULL;
    int fd;
    if (!mqtt_link_open(c->link, &fd)) {
        lose(c, NULL);
        return;
    }
    c->state = STATE_GREETING;
    c->connect_sent = true;
    c->io = loop_io_create(c->loop, fd, handle_io, c);
    loop_timer_start(c->greeting_timer, GREETING_MS);
    loop_timer_start(c->keepalive_timer, KEEPALIVE_CHECK_MS);
    write_out(c);
}

static const struct mqtt_connect_work connect_work = {
    .run = run_connect,
    .abandoned = abandon_connect,
    .done = handle_connect_done,
};

static void connect_now(struct mqtt_client *c)
{
    struct mqtt_will will = {
        .topic = c->role->status_topic, .payload = bytes_of_text(c->offline_text), .qos = 1, .retain = true};
    if (c->events.on_connecting)
        c->events.on_connecting(c->ctx, &will);
    c->connect_sent = false;
    struct mqtt_link_options o = {
        .settings = c->settings,
        .client_id = c->role->client_id,
        .v5 = c->version.v5,
        .persistent = c->role->persistent,
        .will = &will,
        .events = &link_events,
        .ctx = c,
    };
    struct error err = {0};
    c->state = STATE_CONNECTING;
    c->link = mqtt_link_create(&o, &err);
    if (c->link)
        c->job = mqtt_connect_thread_start(c->loop, &connect_work, c->link, c, &err);
    if (!c->job)
        lose(c, err.text);
}

/* A connection before this one that still leaves would be cut short, acknowledgements with it. */
static void handle_reconnect(void *ctx)
{
    struct mqtt_client *c = ctx;
    if (mqtt_goodbye_is_under_way(c->loop, c->session))
        loop_timer_start(c->reconnect_timer, GOODBYE_POLL_MS);
    else
        connect_now(c);
}

/* ---- The public functions ---- */

static void add_metrics(struct mqtt_client *c, struct metrics *metrics)
{
    char name[200], labels[260];
    if (!metrics)
        return;
    metrics_escape_label(c->role->name, name, sizeof name);
    snprintf(labels, sizeof labels, "broker=\"%s\",role=\"%s\"", name, c->role->gated ? "source" : "target");
    c->metrics_group = metrics_add(metrics, metric_rows, labels, &c->counters, NULL);
}

struct mqtt_client *mqtt_client_create(const struct mqtt_settings *s, const struct mqtt_client_role *role,
                                       const struct mqtt_client_events *events, void *ctx, struct loop *l,
                                       struct metrics *metrics, struct error *err)
{
    if (!s->host || !role->client_id || !*role->client_id) {
        error_set(err, STATUS_INVALID, "broker %s: the host or the client id is missing", role->name);
        return NULL;
    }
    struct mqtt_client *c = xcalloc(1, sizeof *c);
    c->settings = s;
    c->role = role;
    c->events = *events;
    c->ctx = ctx;
    c->loop = l;
    mqtt_version_choice_init(&c->version, s->version);
    c->publish_window = (unsigned)s->max_in_flight;
    c->state_text = xcalloc(1, STATE_TEXT_BYTES);
    c->session = xasprintf("%s@%s:%d", role->client_id, s->host, s->port);
    c->online_text = mqtt_status_text(role->gateway, "online");
    c->offline_text = mqtt_status_text(role->gateway, "offline");
    c->subscriptions = mqtt_subscriptions_create();
    backoff_init(&c->backoff, s->reconnect_min_ms, s->reconnect_max_ms);
    c->reconnect_timer = loop_timer_create(l, handle_reconnect, c);
    c->read_timer = loop_timer_create(l, handle_read_timer, c);
    c->keepalive_timer = loop_timer_create(l, handle_keepalive, c);
    c->greeting_timer = loop_timer_create(l, handle_greeting_timeout, c);
    add_metrics(c, metrics);
    return c;
}

void mqtt_client_start(struct mqtt_client *c)
{
    if (c->state == STATE_STOPPED)
        schedule_reconnect(c, 0);
}

void mqtt_client_stop(struct mqtt_client *c)
{
    loop_defer_cancel(c->loop, handle_lost, c);
    loop_defer_cancel(c->loop, handle_flush, c);
    c->flush_pending = false;
    if (c->state != STATE_READING) {
        /* Held acknowledgements must not leave: then the last will speaks for us. */
        drop_link(c);
    } else {
        publish_status(c, c->offline_text, 0);
        struct mqtt_link *link = c->link;
        c->link = NULL;
        forget_connection(c);
        mqtt_goodbye_begin(c->loop, link, c->session);
    }
    c->state = STATE_STOPPED;
}

void mqtt_client_destroy(struct mqtt_client *c)
{
    if (!c)
        return;
    mqtt_client_stop(c);
    metrics_remove(c->metrics_group);
    loop_timer_destroy(c->reconnect_timer);
    loop_timer_destroy(c->read_timer);
    loop_timer_destroy(c->keepalive_timer);
    loop_timer_destroy(c->greeting_timer);
    mqtt_subscriptions_destroy(c->subscriptions);
    free(c->online_text);
    free(c->offline_text);
    free(c->state_text);
    free(c->session);
    free(c);
}

bool mqtt_client_is_connected(const struct mqtt_client *c)
{
    return c->state == STATE_READING || c->state == STATE_HELD;
}

bool mqtt_client_has_sent_connect(const struct mqtt_client *c)
{
    return c->connect_sent;
}

const char *mqtt_client_state_text(const struct mqtt_client *c)
{
    int64_t wait_ms = (c->next_try_us - clock_monotonic_us()) / 1000;
    switch (c->state) {
    case STATE_READING:
    case STATE_HELD:
        return c->paused ? "connected, not reading" : "connected";
    case STATE_STOPPED:
        return "not running";
    case STATE_CONNECTING:
    case STATE_GREETING:
        snprintf(c->state_text, STATE_TEXT_BYTES, "connecting%s%s", c->reason[0] ? "; before: " : "",
                 c->reason);
        return c->state_text;
    case STATE_WAITING:
    case STATE_LOST:
        break;
    }
    if (!c->reason[0])
        return c->paused ? "paused" : "about to connect";
    if (c->paused)
        snprintf(c->state_text, STATE_TEXT_BYTES, "paused; before: %s", c->reason);
    else
        snprintf(c->state_text, STATE_TEXT_BYTES, "%s; next try in %.1f s", c->reason,
                 wait_ms > 0 ? (double)wait_ms / 1000.0 : 0.0);
    return c->state_text;
}

bool mqtt_client_has_id_conflict(const struct mqtt_client *c)
{
    return c->id_conflict_us && clock_monotonic_us() - c->id_conflict_us < CONFLICT_SHOWN_US;
}

unsigned mqtt_client_receive_window(const struct mqtt_client *c)
{
    return c->version.v5 && c->settings->receive_maximum ? (unsigned)c->settings->receive_maximum
                                                         : DEFAULT_RECEIVE_WINDOW;
}

enum status mqtt_client_subscribe(struct mqtt_client *c, const struct mqtt_subscription *subs, size_t count)
{
    if (!mqtt_client_is_connected(c))
        return STATUS_BUSY;
    enum status status = mqtt_subscriptions_request(c->subscriptions, c->link, subs, count);
    request_flush(c);
    return status;
}

enum status mqtt_client_unsubscribe(struct mqtt_client *c, const char *const *filters, size_t count)
{
    if (!mqtt_client_is_connected(c))
        return STATUS_BUSY;
    enum status status = mqtt_subscriptions_withdraw(c->subscriptions, c->link, filters, count);
    request_flush(c);
    return status;
}

void mqtt_client_release(struct mqtt_client *c)
{
    if (c->state != STATE_HELD)
        return;
    c->state = STATE_READING;
    resume_reading(c);
}

void mqtt_client_abort(struct mqtt_client *c, const char *reason)
{
    if (c->state == STATE_STOPPED || c->state == STATE_WAITING)
        return;
    c->given_up = c->state != STATE_LOST;
    lose(c, reason);
}

void mqtt_client_set_paused(struct mqtt_client *c, bool paused)
{
    if (c->paused == paused)
        return;
    c->paused = paused;
    if (c->state == STATE_WAITING && paused)
        loop_timer_stop(c->reconnect_timer);
    else if (c->state == STATE_WAITING)
        schedule_reconnect(c, 0);
    else if (c->state == STATE_READING) {
        watch(c, (loop_io_events(c->io) & LOOP_WRITE) != 0);
        if (!paused && c->input_left)
            loop_timer_start(c->read_timer, 0);
    }
}

bool mqtt_client_has_room(struct mqtt_client *c)
{
    bool room = mqtt_client_is_connected(c) && c->inflight.count < c->publish_window;
    c->publish_refused_busy |= !room;
    return room;
}

enum status mqtt_client_publish(struct mqtt_client *c, const struct mqtt_publish *p)
{
    if (!mqtt_client_has_room(c))
        return STATUS_BUSY;
    int packet_id = 0;
    enum status status = mqtt_link_publish(c->link, p, &packet_id, &c->counters.properties_left_out);
    c->publish_refused_busy |= status == STATUS_NO_MEMORY;
    if (status != STATUS_OK)
        return status;
    mqtt_inflight_add(&c->inflight, packet_id, p->token);
    c->counters.published++;
    c->counters.published_bytes += p->payload.len;
    request_flush(c);
    return STATUS_OK;
}

size_t mqtt_client_goodbye_count(const struct loop *l)
{
    return mqtt_goodbye_count(l);
}

void mqtt_client_cut_goodbyes(struct loop *l)
{
    mqtt_goodbye_cut(l);
}

void mqtt_library_init(void)
{
    mosquitto_lib_init();
}

void mqtt_library_finish(void)
{
    if (mqtt_connect_thread_count() == 0) /* one that still resolves a name needs the library */
        mosquitto_lib_cleanup();
}
