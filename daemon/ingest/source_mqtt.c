/* SPDX-License-Identifier: Apache-2.0
 *
 * See source_mqtt.h.
 */
#include "ingest/source_mqtt.h"

#include "base/backoff.h"
#include "base/clock.h"
#include "base/file_name.h"
#include "base/log.h"
#include "base/memory.h"
#include "ingest/source_state.h"
#include "ingest/source_subscriptions.h"
#include "loop/loop.h"
#include "message/message_sink.h"
#include "metrics/metrics.h"
#include "mqtt/mqtt_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RESUME_MIN_MS = 2000, RESUME_MAX_MS = 30000, CALM_MS = 1000, TEXT_BYTES = 600 };

struct source_mqtt_counters {
    uint64_t accepted, commits, failed_commits, stopped, gaps;
    int64_t refused_filters, stopped_now;
    struct histogram commit;
};

struct source_mqtt {
    struct mqtt_client *client;
    struct mqtt_client_role role;
    char *name, *client_id, *gateway, *status_topic;
    char *memory_path; /* of `session_filters`; NULL: not kept */
    char *session;     /* client id and broker, as the file names it */
    char *text;
    struct source_state state;
    struct loop_timer *resume_timer;
    struct metrics_group *metrics_group;
    struct source_subscriptions wanted;
    struct source_subscriptions session_filters; /* what our session at the broker has */
    struct source_subscriptions asked;           /* waits for the broker's answer */
    struct source_subscriptions leaving;         /* likewise, to be unsubscribed; still part of the session */
    struct source_subscriptions refused;
    struct backoff resume_backoff;
    bool session_expected;
    bool update_again; /* the session was to be changed while an answer was due */
    bool committing;
    bool stopped_by_sink;
    bool calms_down;    /* it went on too soon the last time: not before its timer */
    int64_t resumed_us; /* when it last went on; 0: never */
    int64_t burst_us;   /* when the burst that is committed was read */
    int64_t last_gap_us;
    struct source_mqtt_counters counters;

    const struct mqtt_settings *settings;
    const struct message_sink *sink;
    struct loop *loop;
};

#define ROW(member) offsetof(struct source_mqtt_counters, member)

static const struct metric_row metric_rows[] = {
    {"forebay_source_accepted_total", METRIC_COUNTER, ROW(accepted), "Messages taken, repetitions included."},
    {"forebay_source_commits_total", METRIC_COUNTER, ROW(commits), "Bursts made durable and acknowledged."},
    {"forebay_source_failed_commits_total", METRIC_COUNTER, ROW(failed_commits),
     "Bursts that could not be made durable; the broker sends them again."},
    {"forebay_source_stops_total", METRIC_COUNTER, ROW(stopped),
     "Times that no room or no storage stopped it."},
    {"forebay_source_stopped", METRIC_GAUGE, ROW(stopped_now), "1 while no room or no storage stops it."},
    {"forebay_source_possible_gaps_total", METRIC_COUNTER, ROW(gaps),
     "Sessions that the broker lost: messages may be missing."},
    {"forebay_source_refused_filters", METRIC_GAUGE, ROW(refused_filters),
     "Topic filters the broker does not allow."},
    {"forebay_source_commit_seconds", METRIC_HISTOGRAM, ROW(commit),
     "From reading a burst to its acknowledgement."},
    {.name = NULL},
};

/* ---- Stopping and going on ---- */

static void stop(struct source_mqtt *s, enum status cause)
{
    const char *reason = cause == STATUS_FULL ? "the journal is full" : "the journal cannot store";
    if (!s->stopped_by_sink)
        log_warning("ingest", "broker=%s stopped: %s; what is not acknowledged stays with the broker",
                    s->name, reason);
    s->stopped_by_sink = true;
    s->counters.stopped++;
    s->counters.stopped_now = 1;
    mqtt_client_set_paused(s->client, true);
    mqtt_client_abort(s->client, reason);
    /* At the edge of a full disk room comes and goes within milliseconds, and with every connection that is
     * dropped the broker sends its window again. */
    s->calms_down = s->resumed_us && clock_monotonic_us() - s->resumed_us < CALM_MS * 1000;
    loop_timer_start(s->resume_timer, s->calms_down ? CALM_MS : backoff_next_ms(&s->resume_backoff));
}

static void go_on(struct source_mqtt *s)
{
    if (!s->stopped_by_sink)
        return;
    s->stopped_by_sink = false;
    s->resumed_us = clock_monotonic_us();
    s->counters.stopped_now = 0;
    loop_timer_stop(s->resume_timer);
    mqtt_client_set_paused(s->client, false);
}

static void handle_resume_timer(void *ctx)
{
    go_on(ctx);
}

/* ---- Messages ---- */

static void handle_message(void *ctx, const struct message *m)
{
    struct source_mqtt *s = ctx;
    struct message full = *m;
    int64_t now_us = clock_realtime_us();
    if (s->stopped_by_sink)
        return;
    full.time_us = clock_is_plausible(now_us) ? now_us : 0;
    full.source = bytes_of_text(s->name);
    enum status status = s->sink->accept(s->sink->self, &full);
    if (status == STATUS_OK || status == STATUS_LIMIT)
        s->counters.accepted += status == STATUS_OK;
    else
        stop(s, status);
    source_state_handle_message(&s->state, s->client, m);
}

static void handle_committed(void *ctx, enum status result)
{
    struct source_mqtt *s = ctx;
    s->committing = false;
    if (result != STATUS_OK) {
        s->counters.failed_commits++;
        stop(s, result);
        return;
    }
    s->counters.commits++;
    histogram_add_us(&s->counters.commit, clock_monotonic_us() - s->burst_us);
    backoff_reset(&s->resume_backoff);
    mqtt_client_release(s->client);
}

static void handle_burst(void *ctx)
{
    struct source_mqtt *s = ctx;
    if (s->stopped_by_sink)
        return; /* the connection is being dropped */
    s->committing = true;
    s->burst_us = clock_monotonic_us();
    s->sink->commit(s->sink->self, handle_committed, s);
}

/* ---- Subscriptions ---- */

static void remember(struct source_mqtt *s)
{
    struct error err;
    if (!s->memory_path)
        return;
    if (source_subscriptions_save(&s->session_filters, s->memory_path, s->session, &err) != STATUS_OK)
        log_warning("ingest", "broker=%s %s; after a restart retained messages may come again", s->name,
                    err.text);
}

static void unsubscribe_unwanted(struct source_mqtt *s)
{
    const char **list = xcalloc(s->session_filters.count ? s->session_filters.count : 1, sizeof *list);
    size_t count = 0;
    for (size_t i = 0; i < s->session_filters.count; i++) {
        const struct source_subscription *have = &s->session_filters.items[i];
        if (source_subscriptions_find(&s->wanted, have->filter))
            continue;
        source_subscriptions_add(&s->leaving, have->filter, have->qos);
        list[count++] = have->filter;
    }
    if (count > 0 && mqtt_client_unsubscribe(s->client, list, count) != STATUS_OK) {
        log_error("ingest", "broker=%s cannot unsubscribe", s->name);
        source_subscriptions_clear(&s->leaving);
    }
    free(list);
}

static void ask_for_missing(struct source_mqtt *s)
{
    struct mqtt_subscription *list = xcalloc(s->wanted.count ? s->wanted.count : 1, sizeof *list);
    size_t count = 0;
    for (size_t i = 0; i < s->wanted.count; i++) {
        const struct source_subscription *want = &s->wanted.items[i];
        const struct source_subscription *have = source_subscriptions_find(&s->session_filters, want->filter);
        if (have && have->qos == want->qos)
            continue;
        source_subscriptions_add(&s->asked, want->filter, want->qos);
        list[count++] = (struct mqtt_subscription){.filter = want->filter, .qos = want->qos};
    }
    if (count > 0 && mqtt_client_subscribe(s->client, list, count) != STATUS_OK) {
        log_error("ingest", "broker=%s cannot subscribe", s->name);
        source_subscriptions_clear(&s->asked);
    }
    free(list);
}

/* Bring the session to what is wanted; one request at a time. What the broker does not answer before the
 * connection ends is asked again on the next one. */
static void update_session(struct source_mqtt *s)
{
    s->update_again = s->asked.count > 0 || s->leaving.count > 0;
    if (!mqtt_client_is_connected(s->client) || s->update_again)
        return;
    unsubscribe_unwanted(s);
    ask_for_missing(s);
}

static void note_refusal(struct source_mqtt *s, const char *filter, int code)
{
    source_subscriptions_add(&s->refused, filter, 0);
    log_warning(
        "ingest",
        "broker=%s does not allow topic filter %s (reason 0x%02x): its messages will not come. Check the "
        "broker's access rules for client %s",
        s->name, filter, (unsigned)code, s->client_id);
}

/* Edge nodes begin when they hear of it, so not before we listen. */
static void tell_online(struct source_mqtt *s)
{
    if (s->asked.count == 0)
        source_state_tell_online(&s->state, s->client);
}

static void handle_subscribed(void *ctx, const int *granted, size_t count)
{
    struct source_mqtt *s = ctx;
    bool stale = false;
    for (size_t i = 0; i < s->asked.count && i < count; i++) {
        const struct source_subscription *item = &s->asked.items[i];
        const struct source_subscription *want = source_subscriptions_find(&s->wanted, item->filter);
        source_subscriptions_remove(&s->session_filters, item->filter);
        if (granted[i] >= 0x80) {
            note_refusal(s, item->filter, granted[i]);
            continue;
        }
        if (granted[i] < item->qos)
            log_warning("ingest",
                        "broker=%s grants only QoS %d for %s: messages may get lost before they are ours",
                        s->name, granted[i], item->filter);
        source_subscriptions_add(&s->session_filters, item->filter, item->qos);
        stale |= !want || want->qos != item->qos;
    }
    source_subscriptions_clear(&s->asked);
    s->counters.refused_filters = (int64_t)s->refused.count;
    s->session_expected = true;
    remember(s);
    if (stale || s->update_again)
        update_session(s);
    tell_online(s);
}

static void handle_unsubscribed(void *ctx)
{
    struct source_mqtt *s = ctx;
    bool stale = false;
    for (size_t i = 0; i < s->leaving.count; i++) {
        const char *filter = s->leaving.items[i].filter;
        log_info("ingest", "broker=%s unsubscribed from %s", s->name, filter);
        source_subscriptions_remove(&s->session_filters, filter);
        stale |= source_subscriptions_find(&s->wanted, filter) != NULL;
    }
    source_subscriptions_clear(&s->leaving);
    remember(s);
    if (stale || s->update_again)
        update_session(s);
}

static void note_gap(struct source_mqtt *s)
{
    s->counters.gaps++;
    s->last_gap_us = clock_realtime_us();
    log_warning(
        "ingest",
        "broker=%s has not kept our session: messages that were published while we were away may be "
        "missing. Let the broker keep sessions over its restarts (mosquitto: persistence true, "
        "persistent_client_expiration) and raise session_expiry if we were away for longer than %lld s",
        s->name, (long long)(s->settings->session_expiry_ms / 1000));
}

static void handle_connected(void *ctx, bool session_present)
{
    struct source_mqtt *s = ctx;
    if (!session_present && s->session_expected)
        note_gap(s);
    if (!session_present && s->session_filters.count > 0) {
        source_subscriptions_clear(&s->session_filters);
        remember(s);
    }
    s->session_expected = true;
    source_subscriptions_clear(&s->refused);
    s->counters.refused_filters = 0;
    update_session(s);
    tell_online(s);
}

static void handle_connecting(void *ctx, struct mqtt_will *will)
{
    struct source_mqtt *s = ctx;
    source_state_set_will(&s->state, will);
}

static void handle_disconnected(void *ctx, const char *reason)
{
    (void)reason;
    struct source_mqtt *s = ctx;
    source_subscriptions_clear(&s->asked);
    source_subscriptions_clear(&s->leaving);
    if (s->committing)
        s->sink->cancel(s->sink->self, s);
    s->committing = false;
}

static void handle_published(void *ctx, uint64_t token, int reason_code, const char *reason)
{
    (void)ctx;
    (void)token;
    (void)reason_code;
    (void)reason;
}

static void handle_writable(void *ctx)
{
    tell_online(ctx); /* nothing else that a source publishes is kept */
}

static const struct mqtt_client_events client_events = {
    .on_connecting = handle_connecting,
    .on_connected = handle_connected,
    .on_disconnected = handle_disconnected,
    .on_message = handle_message,
    .on_burst = handle_burst,
    .on_published = handle_published,
    .on_writable = handle_writable,
    .on_subscribed = handle_subscribed,
    .on_unsubscribed = handle_unsubscribed,
};

/* ---- Making one ---- */

/* Where the session of this client at this broker is remembered. */
static void name_session(struct source_mqtt *s, const char *directory)
{
    s->session = xasprintf("%s@%s:%d", s->client_id, s->settings->host, s->settings->port);
    if (!directory)
        return;
    char *file_name = file_name_escape(s->name);
    s->memory_path = xasprintf("%s/subscriptions-%s", directory, file_name);
    free(file_name);
}

struct source_mqtt *source_mqtt_create(const struct source_mqtt_options *o, const struct message_sink *sink,
                                       struct loop *l, struct metrics *metrics, struct error *err)
{
    struct source_mqtt *s = xcalloc(1, sizeof *s);
    s->settings = o->broker;
    s->sink = sink;
    s->loop = l;
    s->name = xstrdup(o->name);
    s->client_id = xstrdup(o->client_id);
    s->gateway = o->gateway ? xstrdup(o->gateway) : NULL;
    s->status_topic = o->status_topic ? xstrdup(o->status_topic) : NULL;
    s->text = xcalloc(1, TEXT_BYTES);
    source_state_init(&s->state, o->broker->sparkplug_host);
    name_session(s, o->state_directory);
    backoff_init(&s->resume_backoff, RESUME_MIN_MS, RESUME_MAX_MS);
    s->role = (struct mqtt_client_role){
        .name = s->name,
        .client_id = s->client_id,
        .gated = true,
        .persistent = true,
        .status_topic = s->status_topic,
        .gateway = s->gateway,
    };
    s->resume_timer = loop_timer_create(l, handle_resume_timer, s);
    s->client = mqtt_client_create(o->broker, &s->role, &client_events, s, l, metrics, err);
    if (!s->client) {
        source_mqtt_destroy(s);
        return NULL;
    }
    char name[200], labels[220];
    metrics_escape_label(s->name, name, sizeof name);
    snprintf(labels, sizeof labels, "broker=\"%s\"", name);
    if (metrics)
        s->metrics_group = metrics_add(metrics, metric_rows, labels, &s->counters, NULL);
    return s;
}

bool source_mqtt_stop(struct source_mqtt *s)
{
    mqtt_client_set_paused(s->client, true);
    return !s->committing;
}

void source_mqtt_destroy(struct source_mqtt *s)
{
    if (!s)
        return;
    if (s->committing)
        s->sink->cancel(s->sink->self, s);
    if (s->client)
        source_state_tell_offline(&s->state, s->client);
    mqtt_client_destroy(s->client);
    source_state_finish(&s->state);
    metrics_remove(s->metrics_group);
    loop_timer_destroy(s->resume_timer);
    source_subscriptions_clear(&s->wanted);
    source_subscriptions_clear(&s->session_filters);
    source_subscriptions_clear(&s->asked);
    source_subscriptions_clear(&s->leaving);
    source_subscriptions_clear(&s->refused);
    free(s->memory_path);
    free(s->session);
    free(s->name);
    free(s->client_id);
    free(s->gateway);
    free(s->status_topic);
    free(s->text);
    free(s);
}

void source_mqtt_set_subscriptions(struct source_mqtt *s, const struct source_mqtt_filter *filters,
                                   size_t count)
{
    const char *other;
    source_subscriptions_clear(&s->wanted);
    for (size_t i = 0; i < count; i++)
        source_subscriptions_add(&s->wanted, filters[i].filter, filters[i].qos);
    if (s->state.topic) /* to hear when an old will says that we are offline, whatever the routes read */
        source_subscriptions_add(&s->wanted, s->state.topic, 1);
    source_subscriptions_reduce(&s->wanted);
    const char *overlap = source_subscriptions_overlap(&s->wanted, &other);
    if (overlap)
        log_info("ingest",
                 "broker=%s topic filters %s and %s overlap: some brokers send such a message twice", s->name,
                 overlap, other);
    update_session(s);
}

void source_mqtt_start(struct source_mqtt *s)
{
    /* Not earlier: during a reload the source before this one still uses the session. */
    if (s->memory_path)
        s->session_expected = source_subscriptions_load(&s->session_filters, s->memory_path, s->session);
    mqtt_client_start(s->client);
}

void source_mqtt_resume(struct source_mqtt *s)
{
    if (!s->calms_down)
        go_on(s);
}

bool source_mqtt_publish(struct source_mqtt *s, const struct mqtt_publish *p)
{
    return mqtt_client_publish(s->client, p) == STATUS_OK;
}

static const char *state_text(const struct source_mqtt *s)
{
    const char *client = mqtt_client_state_text(s->client);
    if (s->stopped_by_sink)
        return "stopped: the journal takes no more messages; what is not acknowledged stays with the broker";
    if (s->refused.count == 0)
        return client;
    snprintf(s->text, TEXT_BYTES, "%s, but the broker does not allow %zu of %zu topic filters (%.200s%s)",
             client, s->refused.count, s->wanted.count, s->refused.items[0].filter,
             s->refused.count > 1 ? ", ..." : "");
    return s->text;
}

static bool is_subscribed(const struct source_mqtt *s)
{
    if (!mqtt_client_is_connected(s->client) || s->asked.count > 0)
        return false;
    for (size_t i = 0; i < s->wanted.count; i++) {
        const char *filter = s->wanted.items[i].filter;
        if (!source_subscriptions_find(&s->session_filters, filter) &&
            !source_subscriptions_find(&s->refused, filter))
            return false;
    }
    return true;
}

void source_mqtt_status(const struct source_mqtt *s, struct source_mqtt_status *status)
{
    *status = (struct source_mqtt_status){
        .connected = mqtt_client_is_connected(s->client),
        .subscribed = is_subscribed(s),
        .possible_gap = s->counters.gaps > 0,
        .last_gap_us = s->last_gap_us,
        .id_conflict = mqtt_client_has_id_conflict(s->client),
        .stopped_by_sink = s->stopped_by_sink,
        .text = state_text(s),
        .filter_count = s->wanted.count,
        .refused_count = s->refused.count,
        .accepted = s->counters.accepted,
        .gaps = s->counters.gaps,
    };
}
