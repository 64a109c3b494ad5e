/* SPDX-License-Identifier: Apache-2.0
 *
 * See upstream_sparkplug.h. A session: AWAY -> SUBSCRIBING -> WAITING (for the primary host) -> LIVE. The
 * commands' topic is subscribed before the births, since a host may answer those at once.
 */
#include "delivery/upstream_sparkplug.h"

#include "base/clock.h"
#include "base/durable_file.h"
#include "base/log.h"
#include "loop/loop.h"
#include "message/value.h"
#include "metrics/metrics.h"
#include "mqtt/mqtt_client.h"
#include "sparkplug/sparkplug_edge.h"
#include "sparkplug/sparkplug_payload.h"
#include "sparkplug/sparkplug_settings.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    UNANSWERED_MAX = 1000, /* QoS 0 messages that the broker has not confirmed to have read */
    COMMAND_ARENA_BYTES = 1024 * 1024,
    SILENCE_CHECK_MAX_MS = 30000,
    FILTERS_MAX = 3,
};

enum session_state { SESSION_AWAY, SESSION_SUBSCRIBING, SESSION_WAITING, SESSION_LIVE };

struct sparkplug_counters {
    struct sparkplug_edge_counters edge; /* as of the last look */
    uint64_t rebirth_commands, other_commands;
    int64_t live;
};

struct upstream_sparkplug {
    struct upstream base;
    struct mqtt_client *client;
    struct mqtt_client_role role;
    struct sparkplug_edge *edge;
    struct sparkplug_edge_settings edge_settings;
    const struct sparkplug_node_settings *settings;
    struct loop *loop;
    struct metrics_group *metrics_group;
    struct loop_timer *rebirth_timer, *silence_timer, *answer_timer;
    int64_t answer_timeout_ms; /* as long as the broker may be silent */
    char *note_path, *command_filter, *device_filter, *state_topic, *fence_filter;
    char note[16], *will_topic;

    enum session_state state;
    uint8_t bdseq;
    bool has_bdseq;
    double host_time; /* of the last STATE in this session */
    bool has_host_time, is_host_online;
    int64_t rebirth_us; /* when the last one was; 0: never */

    struct list written; /* outgoing.link: QoS 0, behind the last question */
    struct list asked;   /* outgoing.link: QoS 0, before the question that is open */
    struct list sent;    /* outgoing.link: QoS 1 */
    struct list refused; /* refusal.link */
    size_t unanswered;   /* of written and asked */
    bool is_asking;
    bool is_answering_later;
    struct sparkplug_counters counters;
};

/* A message that cannot be sent, or need not be; answered outside of send(). */
struct refusal {
    struct outgoing *outgoing;
    enum fby_outcome outcome;
    char reason[300];
    struct list link;
};

#define ROW(member) offsetof(struct sparkplug_counters, member)

static const struct metric_row metric_rows[] = {
    {"forebay_sparkplug_live", METRIC_GAUGE, ROW(live), "1 while the edge node has told its births."},
    {"forebay_sparkplug_bdseq", METRIC_GAUGE, ROW(edge.bdseq), "The number of the current or last session."},
    {"forebay_sparkplug_devices", METRIC_GAUGE, ROW(edge.devices), "Devices that are alive."},
    {"forebay_sparkplug_metrics", METRIC_GAUGE, ROW(edge.metrics), "Metrics known, of node and devices."},
    {"forebay_sparkplug_node_births_total", METRIC_COUNTER, ROW(edge.node_births), "NBIRTH messages."},
    {"forebay_sparkplug_device_births_total", METRIC_COUNTER, ROW(edge.device_births), "DBIRTH messages."},
    {"forebay_sparkplug_data_total", METRIC_COUNTER, ROW(edge.data), "NDATA and DDATA messages."},
    {"forebay_sparkplug_device_deaths_total", METRIC_COUNTER, ROW(edge.device_deaths), "DDEATH messages."},
    {"forebay_sparkplug_historical_total", METRIC_COUNTER, ROW(edge.historical),
     "Data messages marked as historical."},
    {"forebay_sparkplug_new_types_total", METRIC_COUNTER, ROW(edge.new_types),
     "Metrics that changed their datatype, which takes a birth each time."},
    {"forebay_sparkplug_untyped_total", METRIC_COUNTER, ROW(edge.untyped),
     "Null values left out, since nobody knows their datatype yet."},
    {"forebay_sparkplug_rebirth_commands_total", METRIC_COUNTER, ROW(rebirth_commands),
     "Commands that asked for births."},
    {"forebay_sparkplug_other_commands_total", METRIC_COUNTER, ROW(other_commands),
     "Commands that were ignored: devices cannot be written to."},
    {.name = NULL},
};

static struct upstream_sparkplug *sparkplug_of(struct upstream *u)
{
    return container_of(u, struct upstream_sparkplug, base);
}

static struct sparkplug_now now_of_clock(void)
{
    return (struct sparkplug_now){clock_realtime_us() / 1000, clock_monotonic_us() / 1000};
}

/* ---- Answers outside of send() ---- */

static void answer_refused(void *ctx)
{
    struct upstream_sparkplug *s = ctx;
    s->is_answering_later = false;
    while (!list_is_empty(&s->refused)) {
        struct refusal *r = list_first(&s->refused, struct refusal, link);
        list_remove(&r->link);
        upstream_answer(&s->base, r->outgoing, r->outcome, r->reason, 0);
        free(r);
    }
}

static void answer_later(struct upstream_sparkplug *s, struct outgoing *o, enum fby_outcome outcome,
                         const char *reason)
{
    struct refusal *r = xcalloc(1, sizeof *r);
    r->outgoing = o;
    r->outcome = outcome;
    snprintf(r->reason, sizeof r->reason, "%s", reason);
    list_add(&s->refused, &r->link);
    if (s->is_answering_later)
        return;
    s->is_answering_later = true;
    loop_defer(s->loop, answer_refused, s);
}

/* ---- Publishing ---- */

static enum status publish(struct upstream_sparkplug *s, const struct sparkplug_edge_packet *packet,
                           uint64_t token, uint8_t qos)
{
    struct mqtt_publish p = {.token = token, .topic = packet->topic, .payload = packet->payload, .qos = qos};
    return packet->payload.len ? mqtt_client_publish(s->client, &p) : STATUS_NO_MEMORY;
}

/* Publish the births that are due; false: not all could be. */
static bool publish_births(struct upstream_sparkplug *s)
{
    struct sparkplug_edge_packet packet;
    while (mqtt_client_has_room(s->client)) {
        if (!sparkplug_edge_next_birth(s->edge, now_of_clock(), &packet))
            return true;
        enum status result = publish(s, &packet, 0, 0);
        if (result == STATUS_OK) {
            sparkplug_edge_sent(s->edge);
        } else if (result == STATUS_LIMIT) {
            log_error("upstream",
                      "%s (sparkplug): the birth %.*s has %zu bytes, more than the broker takes; its metrics "
                      "are told anew with their next values",
                      s->base.name, (int)packet.topic.len, packet.topic.data, packet.payload.len);
            sparkplug_edge_refused(s->edge);
        } else {
            mqtt_client_abort(s->client, "a birth could not be made: out of memory");
            return false;
        }
    }
    return false;
}

/* Ask the broker whether it has read what is written. One question at a time; while it is open, more is
 * written that the next one stands for. */
static void ask(struct upstream_sparkplug *s)
{
    if (s->is_asking || list_is_empty(&s->written))
        return;
    const char *filter = s->fence_filter;
    if (mqtt_client_unsubscribe(s->client, &filter, 1) != STATUS_OK)
        return; /* the connection is about to be lost */
    s->is_asking = true;
    loop_timer_start(s->answer_timer, s->answer_timeout_ms);
    while (!list_is_empty(&s->written)) {
        struct list *first = s->written.next;
        list_remove(first);
        list_add(&s->asked, first);
    }
}

/* The packet of a message. STATUS_BUSY: not now. */
static enum status make_packet(struct upstream_sparkplug *s, const struct outgoing *o,
                               struct sparkplug_edge_packet *packet, struct error *err)
{
    struct bytes device = bytes_of(o->output.topic.data, o->output.topic.len);
    struct bytes draft = bytes_of(o->output.payload.data, o->output.payload.len);
    int64_t arrival_ms = o->output.message->time_us / 1000;
    enum status result = STATUS_BUSY;
    for (unsigned round = 0; round < 2 && result == STATUS_BUSY; round++) {
        if (!publish_births(s))
            return STATUS_BUSY;
        result = sparkplug_edge_offer(s->edge, device, draft, arrival_ms, now_of_clock(), packet, err);
    }
    if (result == STATUS_BUSY) /* it is due once more: its birth was too large */
        result = error_set(err, STATUS_LIMIT, "the births are larger than the broker takes");
    return result;
}

/* False: not taken. */
static bool send_one(struct upstream_sparkplug *s, struct outgoing *o)
{
    struct sparkplug_edge_packet packet;
    struct error err = {0};
    if (s->unanswered >= UNANSWERED_MAX)
        return false;
    enum status result = make_packet(s, o, &packet, &err);
    if (result == STATUS_BUSY)
        return false;
    if (result == STATUS_END) {
        answer_later(s, o, FBY_DELIVERED, "");
        return true;
    }
    if (result != STATUS_OK) {
        answer_later(s, o, FBY_REJECTED, err.text);
        return true;
    }
    bool is_data = packet.message == SPARKPLUG_DDATA || packet.message == SPARKPLUG_NDATA;
    uint8_t qos = is_data && s->settings->qos == 1;
    result = publish(s, &packet, o->output.token, qos);
    if (result == STATUS_BUSY || result == STATUS_NO_MEMORY)
        return false;
    if (result != STATUS_OK) {
        sparkplug_edge_refused(s->edge);
        answer_later(s, o, FBY_REJECTED, "it is larger than the broker takes");
        return true;
    }
    sparkplug_edge_sent(s->edge);
    s->unanswered += !qos;
    list_add(qos ? &s->sent : &s->written, &o->link);
    return true;
}

static size_t sparkplug_send(struct upstream *u, struct outgoing *const *items, size_t count)
{
    struct upstream_sparkplug *s = sparkplug_of(u);
    size_t i = 0;
    while (i < count && s->state == SESSION_LIVE && send_one(s, items[i]))
        i++;
    if (s->state == SESSION_LIVE)
        (void)publish_births(s); /* a new metric of the node has made those of devices due */
    ask(s);
    return i;
}

/* ---- Answers of the broker ---- */

static void handle_unsubscribed(void *ctx)
{
    struct upstream_sparkplug *s = ctx;
    s->is_asking = false;
    loop_timer_stop(s->answer_timer);
    struct list read;
    list_init(&read);
    while (!list_is_empty(&s->asked)) {
        struct list *first = s->asked.next;
        list_remove(first);
        list_add(&read, first);
        s->unanswered--;
    }
    ask(s);
    while (!list_is_empty(&read)) {
        struct outgoing *o = list_first(&read, struct outgoing, link);
        list_remove(&o->link);
        upstream_answer(&s->base, o, FBY_DELIVERED, NULL, 0);
    }
    upstream_tell_ready(&s->base);
}

static void handle_published(void *ctx, uint64_t token, int reason_code, const char *reason)
{
    struct upstream_sparkplug *s = ctx;
    list_for_each(o, &s->sent, struct outgoing, link)
    {
        if (o->output.token != token)
            continue;
        char text[200] = "";
        if (reason_code >= 0x80)
            snprintf(text, sizeof text, "the broker refused it: %s (0x%02x)", reason, (unsigned)reason_code);
        list_remove(&o->link);
        upstream_answer(&s->base, o, reason_code >= 0x80 ? FBY_RETRY : FBY_DELIVERED, text, 0);
        return;
    }
}

static void handle_writable(void *ctx)
{
    struct upstream_sparkplug *s = ctx;
    if (s->state == SESSION_LIVE && publish_births(s))
        upstream_tell_ready(&s->base);
}

/* ---- Sessions ---- */

static void read_note(struct upstream_sparkplug *s)
{
    char text[16], *end = text;
    struct error err;
    enum status result = durable_file_read(s->note_path, text, sizeof text, &err);
    s->has_bdseq = true;
    s->bdseq = UINT8_MAX; /* one before the first, 0 */
    if (result == STATUS_NOT_FOUND)
        return;
    unsigned long number = result == STATUS_OK ? strtoul(text, &end, 10) : 0;
    if (end != text && number <= UINT8_MAX)
        s->bdseq = (uint8_t)number;
    else
        log_warning("upstream", "%s (sparkplug): %s; sessions are numbered from 0 again", s->base.name,
                    result == STATUS_OK ? "the file of the last session's number is damaged" : err.text);
}

static void handle_connecting(void *ctx, struct mqtt_will *will)
{
    struct upstream_sparkplug *s = ctx;
    struct sparkplug_edge_packet packet;
    /* A number that no broker has seen is used again, and costs no write. */
    bool is_used = !s->has_bdseq || mqtt_client_has_sent_connect(s->client);
    if (!s->has_bdseq)
        read_note(s);
    s->bdseq = (uint8_t)(s->bdseq + is_used);
    snprintf(s->note, sizeof s->note, "%u\n", s->bdseq);
    sparkplug_edge_make_death(s->edge, s->bdseq, now_of_clock(), &packet);
    free(s->will_topic);
    s->will_topic = xstrndup((const char *)packet.topic.data, packet.topic.len);
    *will = (struct mqtt_will){.topic = s->will_topic,
                               .payload = packet.payload,
                               .qos = 1,
                               .retain = false,
                               .at_goodbye = true,
                               .note_path = s->note_path,
                               .note = bytes_of_text(s->note)};
}

static void handle_connected(void *ctx, bool session_present)
{
    (void)session_present;
    struct upstream_sparkplug *s = ctx;
    struct mqtt_subscription subs[FILTERS_MAX] = {{.filter = s->command_filter, .qos = 1},
                                                  {.filter = s->device_filter, .qos = 1},
                                                  {.filter = s->state_topic, .qos = 1}};
    s->state = SESSION_SUBSCRIBING;
    s->is_host_online = s->has_host_time = false;
    loop_timer_start(s->answer_timer, s->answer_timeout_ms);
    if (mqtt_client_subscribe(s->client, subs, s->state_topic ? 3 : 2) != STATUS_OK)
        mqtt_client_abort(s->client, "the topics of commands could not be subscribed to");
}

static void go_live(struct upstream_sparkplug *s)
{
    s->state = SESSION_LIVE;
    s->counters.live = 1;
    sparkplug_edge_begin(s->edge, s->bdseq, now_of_clock());
    upstream_set_connected(&s->base, true, NULL);
    if (s->settings->device_timeout_ms)
        loop_timer_start(s->silence_timer, 0);
    if (publish_births(s))
        upstream_tell_ready(&s->base);
}

static void wait_for_host(struct upstream_sparkplug *s)
{
    char reason[200];
    s->state = SESSION_WAITING;
    if (!s->state_topic || s->is_host_online) {
        go_live(s);
        return;
    }
    snprintf(reason, sizeof reason, "the primary host %s is not online", s->settings->primary_host);
    upstream_set_connected(&s->base, false, reason);
    log_info("upstream", "%s (sparkplug): connected, and waits until the primary host %s is online",
             s->base.name, s->settings->primary_host);
}

static void handle_subscribed(void *ctx, const int *granted, size_t count)
{
    struct upstream_sparkplug *s = ctx;
    static const char *const what[FILTERS_MAX] = {"commands to the edge node", "commands to devices",
                                                  "the primary host's state"};
    if (s->state != SESSION_SUBSCRIBING)
        return;
    loop_timer_stop(s->answer_timer);
    for (size_t i = 0; i < count && i < FILTERS_MAX; i++)
        if (granted[i] >= 0x80)
            log_warning("upstream",
                        "%s (sparkplug): the broker refuses the subscription to %s; see its access rules",
                        s->base.name, what[i]);
    wait_for_host(s);
}

static void retry_all(struct upstream_sparkplug *s, struct list *list)
{
    struct list lost;
    list_init(&lost);
    while (!list_is_empty(list)) {
        struct list *first = list->next;
        list_remove(first);
        list_add(&lost, first);
    }
    while (!list_is_empty(&lost)) {
        struct outgoing *o = list_first(&lost, struct outgoing, link);
        list_remove(&o->link);
        upstream_answer(&s->base, o, FBY_RETRY, "the connection was lost", UPSTREAM_RETRY_AT_ONCE);
    }
}

static void end_session(struct upstream_sparkplug *s, const char *reason)
{
    s->state = SESSION_AWAY;
    s->counters.live = 0;
    s->is_asking = false;
    s->unanswered = 0;
    loop_timer_stop(s->rebirth_timer);
    loop_timer_stop(s->silence_timer);
    loop_timer_stop(s->answer_timer);
    upstream_set_connected(&s->base, false, reason);
    retry_all(s, &s->asked);
    retry_all(s, &s->written);
    retry_all(s, &s->sent);
}

static void handle_disconnected(void *ctx, const char *reason)
{
    end_session(ctx, reason);
}

/* Without an answer nothing would ever be delivered. */
static void handle_no_answer(void *ctx)
{
    struct upstream_sparkplug *s = ctx;
    mqtt_client_abort(s->client, "the broker did not answer a SUBSCRIBE or UNSUBSCRIBE in time");
}

/* Say NDEATH and go. When it cannot be said, the broker says it: the connection ends without a word. */
static void leave(struct upstream_sparkplug *s)
{
    struct sparkplug_edge_packet packet;
    if (s->state == SESSION_LIVE) {
        sparkplug_edge_make_death(s->edge, s->bdseq, now_of_clock(), &packet);
        if (publish(s, &packet, 0, 0) != STATUS_OK)
            mqtt_client_abort(s->client, "no room for the NDEATH");
    }
    mqtt_client_stop(s->client);
}

static void leave_host(void *ctx)
{
    struct upstream_sparkplug *s = ctx;
    char reason[200];
    if (s->state != SESSION_LIVE)
        return;
    snprintf(reason, sizeof reason, "the primary host %s went offline", s->settings->primary_host);
    leave(s);
    end_session(s, reason);
    mqtt_client_start(s->client);
}

/* ---- Commands and the host's state ---- */

static void give_births(void *ctx)
{
    struct upstream_sparkplug *s = ctx;
    if (s->state != SESSION_LIVE)
        return;
    s->rebirth_us = clock_monotonic_us();
    log_info("upstream", "%s (sparkplug): a host asked for births, here they are", s->base.name);
    sparkplug_edge_rebirth(s->edge);
    if (publish_births(s))
        upstream_tell_ready(&s->base);
}

static void handle_rebirth_command(struct upstream_sparkplug *s)
{
    s->counters.rebirth_commands++;
    int64_t left_ms =
        s->rebirth_us ? s->settings->rebirth_interval_ms - (clock_monotonic_us() - s->rebirth_us) / 1000 : 0;
    if (s->state != SESSION_LIVE || loop_timer_is_running(s->rebirth_timer))
        return;
    if (left_ms > 0)
        loop_timer_start(s->rebirth_timer, left_ms);
    else
        give_births(s);
}

static void handle_command(struct upstream_sparkplug *s, const struct message *m)
{
    struct arena a;
    struct Spb__Payload *payload;
    struct error err;
    arena_init(&a, 0, COMMAND_ARENA_BYTES);
    bool readable = sparkplug_payload_unpack(m->payload, NULL, &a, &payload, NULL, &err) == STATUS_OK;
    bool to_node = bytes_equal(m->topic, bytes_of_text(s->command_filter));
    if (readable && to_node && sparkplug_payload_is_true(payload, "Node Control/Rebirth")) {
        handle_rebirth_command(s);
    } else {
        s->counters.other_commands++;
        log_limited(60000, LOG_LEVEL_WARNING, "upstream",
                    "%s (sparkplug): a command to %.*s was ignored: only Node Control/Rebirth is obeyed",
                    s->base.name, (int)m->topic.len, m->topic.data);
    }
    arena_finish(&a);
}

/* {"online": true, "timestamp": 1700000000000}; false: something else. */
static bool read_state(struct bytes text, bool *online, double *time)
{
    struct arena a;
    struct fby_value v;
    arena_init(&a, 0, COMMAND_ARENA_BYTES);
    bool ok = value_parse_json(text, NULL, &a, &v, NULL) == STATUS_OK && v.type == FBY_MAP;
    const struct fby_value *is_online = ok ? value_field(&v, bytes_of_text("online")) : NULL;
    const struct fby_value *timestamp = ok ? value_field(&v, bytes_of_text("timestamp")) : NULL;
    ok = is_online && is_online->type == FBY_BOOL && timestamp &&
         (timestamp->type == FBY_INT || timestamp->type == FBY_DOUBLE);
    if (ok) {
        *online = is_online->boolean;
        *time = timestamp->type == FBY_INT ? (double)timestamp->integer : timestamp->number;
    }
    arena_finish(&a);
    return ok;
}

static void handle_host_state(struct upstream_sparkplug *s, struct bytes text)
{
    bool online;
    double time;
    if (!read_state(text, &online, &time)) {
        log_limited(60000, LOG_LEVEL_WARNING, "upstream",
                    "%s (sparkplug): %s holds no state such as {\"online\":true,\"timestamp\":1700000000000}",
                    s->base.name, s->state_topic);
        return;
    }
    if (s->has_host_time && time < s->host_time)
        return; /* the will of a connection that the host has replaced */
    s->has_host_time = true;
    s->host_time = time;
    s->is_host_online = online;
    if (online && s->state == SESSION_WAITING)
        go_live(s);
    else if (!online && s->state == SESSION_LIVE)
        loop_defer(s->loop, leave_host, s);
}

static void handle_message(void *ctx, const struct message *m)
{
    struct upstream_sparkplug *s = ctx;
    if (s->state_topic && bytes_equal(m->topic, bytes_of_text(s->state_topic)))
        handle_host_state(s, m->payload);
    else if (!m->retain)
        handle_command(s, m);
}

/* ---- Silent devices ---- */

static void handle_silence(void *ctx)
{
    struct upstream_sparkplug *s = ctx;
    struct sparkplug_edge_packet packet;
    int64_t timeout_ms = s->settings->device_timeout_ms;
    while (s->state == SESSION_LIVE && mqtt_client_has_room(s->client) &&
           sparkplug_edge_next_silent(s->edge, timeout_ms, now_of_clock(), &packet) &&
           publish(s, &packet, 0, 0) == STATUS_OK)
        sparkplug_edge_sent(s->edge);
    int64_t next_ms = timeout_ms / 8 + 1;
    loop_timer_start(s->silence_timer, next_ms < SILENCE_CHECK_MAX_MS ? next_ms : SILENCE_CHECK_MAX_MS);
}

/* ---- As an upstream ---- */

static size_t forget(struct list *list, const struct upstream_user *user)
{
    size_t count = 0;
    list_for_each_safe(o, list, struct outgoing, link)
    {
        if (o->user != user)
            continue;
        list_remove(&o->link);
        count++;
    }
    return count;
}

static void sparkplug_cancel(struct upstream *u, struct upstream_user *user)
{
    struct upstream_sparkplug *s = sparkplug_of(u);
    s->unanswered -= forget(&s->written, user) + forget(&s->asked, user);
    (void)forget(&s->sent, user);
    list_for_each_safe(r, &s->refused, struct refusal, link)
    {
        if (r->outgoing->user != user)
            continue;
        list_remove(&r->link);
        free(r);
    }
}

static void sparkplug_start(struct upstream *u)
{
    mqtt_client_start(sparkplug_of(u)->client);
}

static void destroy(struct upstream_sparkplug *s)
{
    mqtt_client_destroy(s->client);
    loop_timer_destroy(s->rebirth_timer);
    loop_timer_destroy(s->silence_timer);
    loop_timer_destroy(s->answer_timer);
    metrics_remove(s->metrics_group);
    sparkplug_edge_destroy(s->edge);
    free(s->note_path);
    free(s->command_filter);
    free(s->device_filter);
    free(s->state_topic);
    free(s->fence_filter);
    free(s->will_topic);
    upstream_finish(&s->base);
    free(s);
}

static void sparkplug_stop(struct upstream *u)
{
    struct upstream_sparkplug *s = sparkplug_of(u);
    leave(s);
    s->state = SESSION_AWAY;
    s->counters.live = 0;
    loop_timer_stop(s->rebirth_timer);
    loop_timer_stop(s->silence_timer);
    loop_timer_stop(s->answer_timer);
    loop_defer_cancel(s->loop, leave_host, s);
    loop_defer_cancel(s->loop, answer_refused, s);
}

static void sparkplug_destroy(struct upstream *u)
{
    sparkplug_stop(u);
    destroy(sparkplug_of(u));
}

static const struct upstream_ops sparkplug_ops = {
    .start = sparkplug_start,
    .send = sparkplug_send,
    .cancel = sparkplug_cancel,
    .destroy = sparkplug_destroy,
    .stop = sparkplug_stop,
};

static const struct mqtt_client_events client_events = {
    .on_connecting = handle_connecting,
    .on_connected = handle_connected,
    .on_disconnected = handle_disconnected,
    .on_message = handle_message,
    .on_published = handle_published,
    .on_writable = handle_writable,
    .on_subscribed = handle_subscribed,
    .on_unsubscribed = handle_unsubscribed,
};

bool upstream_sparkplug_has_id_conflict(const struct upstream *u)
{
    return u->ops == &sparkplug_ops &&
           mqtt_client_has_id_conflict(((const struct upstream_sparkplug *)u)->client);
}

static void refresh_counters(void *object)
{
    struct sparkplug_counters *c = object;
    struct upstream_sparkplug *s = container_of(c, struct upstream_sparkplug, counters);
    c->edge = *sparkplug_edge_counters(s->edge);
}

static void add_metrics(struct upstream_sparkplug *s, struct metrics *metrics)
{
    char name[200], labels[260];
    if (!metrics)
        return;
    metrics_escape_label(s->base.name, name, sizeof name);
    snprintf(labels, sizeof labels, "upstream=\"%s\"", name);
    s->metrics_group = metrics_add(metrics, metric_rows, labels, &s->counters, refresh_counters);
}

struct upstream *upstream_sparkplug_create(const struct upstream_sparkplug_options *o, struct loop *l,
                                           struct metrics *metrics, struct error *err)
{
    struct upstream_sparkplug *s = xcalloc(1, sizeof *s);
    const struct sparkplug_node_settings *n = o->node;
    upstream_init(&s->base, &sparkplug_ops, "sparkplug", o->name);
    list_init(&s->written);
    list_init(&s->asked);
    list_init(&s->sent);
    list_init(&s->refused);
    s->loop = l;
    s->settings = n;
    s->note_path = xstrdup(o->note_path);
    s->command_filter = xasprintf("spBv1.0/%s/NCMD/%s", n->group, o->edge_node);
    s->device_filter = xasprintf("spBv1.0/%s/DCMD/%s/+", n->group, o->edge_node);
    s->fence_filter = xasprintf("spBv1.0/%s/NCMD/%s/forebay-fence", n->group, o->edge_node);
    s->state_topic = n->primary_host ? xasprintf("spBv1.0/STATE/%s", n->primary_host) : NULL;
    s->edge_settings = (struct sparkplug_edge_settings){.group = n->group,
                                                        .edge_node = o->edge_node,
                                                        .aliases = n->aliases,
                                                        .datatypes = n->datatypes,
                                                        .historical_after_ms = n->historical_after_ms};
    s->edge = sparkplug_edge_create(&s->edge_settings);
    s->rebirth_timer = loop_timer_create(l, give_births, s);
    s->silence_timer = loop_timer_create(l, handle_silence, s);
    s->answer_timer = loop_timer_create(l, handle_no_answer, s);
    s->answer_timeout_ms = o->broker->keepalive_ms;
    s->role = (struct mqtt_client_role){.name = s->base.name, .client_id = o->client_id};
    s->client = mqtt_client_create(o->broker, &s->role, &client_events, s, l, metrics, err);
    if (!s->client) {
        destroy(s);
        return NULL;
    }
    add_metrics(s, metrics);
    return &s->base;
}
