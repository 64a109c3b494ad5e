/* SPDX-License-Identifier: Apache-2.0
 *
 * See gateway_status.h.
 */
#include "gateway_status.h"

#include "admin/admin_server.h"
#include "base/clock.h"
#include "base/json_writer.h"
#include "delivery/delivery.h"
#include "delivery/upstream.h"
#include "gateway_parts.h"
#include "gateway_reload.h"
#include "ingest/source_mqtt.h"
#include "journal/journal.h"

#include <config.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *journal_state_word(const struct journal *j)
{
    static const char *const words[] = {"ok", "full", "storage_failed"};
    return words[journal_state(j)];
}

/* Only what stops the gateway from doing its work makes it degraded: a dead upstream is what the journal is
 * for. */
const char *gateway_status_text(struct gateway *g)
{
    static char text[600];
    if (g->stopping)
        return "stopping";
    if (journal_state(g->journal) != JOURNAL_OK) {
        snprintf(text, sizeof text, "degraded: journal: %s", journal_state_text(g->journal));
        return text;
    }
    if (g->broken) {
        snprintf(text, sizeof text,
                 "degraded: %.150s is broken; the last configuration that was right is running. %.300s",
                 g->config_path, g->broken);
        return text;
    }
    if (journal_state(g->dead_journal) != JOURNAL_OK) {
        snprintf(text, sizeof text, "degraded: dead letters: %s", journal_state_text(g->dead_journal));
        return text;
    }
    for (size_t i = 0; i < generation_source_count(g->generation); i++) {
        struct source_mqtt_status status = {.connected = true};
        if (generation_source(g->generation, i))
            source_mqtt_status(generation_source(g->generation, i), &status);
        if (!status.connected) {
            snprintf(text, sizeof text, "degraded: broker %s: %.200s",
                     generation_source_name(g->generation, i), status.text);
            return text;
        }
    }
    return "ok";
}

static void write_journal(struct json_writer *w, const char *name, const struct journal *j)
{
    const struct journal_recovery *r = journal_recovery(j);
    json_writer_begin_object(w, name);
    json_writer_add_text(w, "state", journal_state_word(j));
    json_writer_add_text(w, "text", journal_state_text(j));
    json_writer_add_uint(w, "oldest", journal_oldest(j));
    json_writer_add_uint(w, "head", journal_durable_head(j));
    json_writer_add_uint(w, "records", journal_count_after(j, 0));
    json_writer_add_uint(w, "size_bytes", journal_size_bytes(j));
    json_writer_begin_object(w, "recovery");
    json_writer_add_uint(w, "torn_bytes", r->torn_bytes);
    json_writer_add_uint(w, "damaged_records", r->damaged_records);
    json_writer_add_uint(w, "damaged_bytes", r->damaged_bytes);
    json_writer_add_uint(w, "missing_records", r->missing_records);
    json_writer_add_bool(w, "cursors_lost", r->cursors_lost);
    json_writer_end_object(w);
    json_writer_end_object(w);
}

static void write_sources(struct json_writer *w, struct gateway *g)
{
    json_writer_begin_object(w, "sources");
    for (size_t i = 0; i < generation_source_count(g->generation); i++) {
        struct source_mqtt *s = generation_source(g->generation, i);
        if (!s)
            continue;
        struct source_mqtt_status status;
        source_mqtt_status(s, &status);
        json_writer_begin_object(w, generation_source_name(g->generation, i));
        json_writer_add_bool(w, "connected", status.connected);
        json_writer_add_bool(w, "subscribed", status.subscribed);
        json_writer_add_text(w, "text", status.text);
        json_writer_add_bool(w, "possible_gap", status.possible_gap);
        json_writer_add_bool(w, "stopped_by_journal", status.stopped_by_sink);
        json_writer_add_uint(w, "received", status.accepted);
        json_writer_add_uint(w, "filters", status.filter_count);
        json_writer_add_uint(w, "filters_refused", status.refused_count);
        json_writer_end_object(w);
    }
    json_writer_end_object(w);
}

static void write_upstreams(struct json_writer *w, struct gateway *g)
{
    json_writer_begin_object(w, "upstreams");
    for (size_t i = 0; i < generation_upstream_count(g->generation); i++) {
        const struct upstream *u = generation_upstream(g->generation, i);
        json_writer_begin_object(w, u->name);
        json_writer_add_text(w, "kind", u->kind);
        json_writer_add_bool(w, "connected", u->connected);
        json_writer_add_text(w, "reason", u->reason);
        json_writer_add_uint(w, "delivered", u->delivered);
        json_writer_add_uint(w, "retried", u->retried);
        json_writer_add_uint(w, "rejected", u->rejected);
        json_writer_end_object(w);
    }
    json_writer_end_object(w);
}

static void write_delivery(struct json_writer *w, struct gateway *g, struct delivery *d)
{
    const struct delivery_counters *c = delivery_counters(d);
    uint64_t confirmed = delivery_confirmed(d);
    json_writer_begin_object(w, delivery_target(d));
    json_writer_add_text(w, "state", delivery_state_text(d));
    json_writer_add_text(w, "last_problem", delivery_last_problem(d));
    json_writer_add_uint(w, "accepted", c->accepted);
    json_writer_add_uint(w, "delivered", c->delivered);
    json_writer_add_int(w, "queued", c->queued);
    json_writer_add_uint(w, "filtered", c->filtered);
    json_writer_add_uint(w, "aggregated", c->aggregated);
    json_writer_add_uint(w, "dead_lettered", c->dead_lettered);
    json_writer_begin_object(w, "dropped");
    json_writer_add_uint(w, "journal_full", c->dropped_full);
    json_writer_add_uint(w, "expired", c->dropped_expired);
    json_writer_add_uint(w, "damaged", c->dropped_damaged);
    json_writer_add_uint(w, "not_routed", c->dropped_not_routed);
    json_writer_end_object(w);
    json_writer_add_uint(w, "retried", c->retried);
    json_writer_add_uint(w, "retries", c->retries);
    json_writer_add_int(w, "in_flight", c->in_flight);
    json_writer_add_int(w, "held", c->held);
    json_writer_add_uint(w, "confirmed", confirmed);
    json_writer_add_uint(w, "lag_records", journal_count_after(g->journal, confirmed));
    json_writer_end_object(w);
}

/* Deliveries of one route follow each other. */
static void write_routes(struct json_writer *w, struct gateway *g)
{
    const char *open = NULL;
    json_writer_begin_object(w, "routes");
    for (size_t i = 0; i < generation_delivery_count(g->generation); i++) {
        struct delivery *d = generation_delivery(g->generation, i);
        if (!open || strcmp(open, delivery_route(d)) != 0) {
            if (open) {
                json_writer_end_object(w);
                json_writer_end_object(w);
            }
            open = delivery_route(d);
            json_writer_begin_object(w, open);
            json_writer_begin_object(w, "targets");
        }
        write_delivery(w, g, d);
    }
    if (open) {
        json_writer_end_object(w);
        json_writer_end_object(w);
    }
    json_writer_end_object(w);
}

static void write_state(void *ctx, enum gateway_state state, const char *part, const char *text)
{
    struct json_writer *w = ctx;
    json_writer_begin_object(w, NULL);
    json_writer_add_text(w, "state", gateway_states_name(state));
    json_writer_add_text(w, "part", part);
    json_writer_add_text(w, "text", text);
    json_writer_end_object(w);
}

/* Others wait while one turn of the loop lasts. `own`: without the time in which the kernel ran others. */
static void write_loop(struct json_writer *w, const struct gateway_turns *turns)
{
    json_writer_begin_object(w, "loop");
    json_writer_add_uint(w, "turns", histogram_count(&turns->all));
    json_writer_add_uint(w, "turn_p99_us", histogram_quantile_us(&turns->all, 0.99));
    json_writer_add_uint(w, "turn_max_us", turns->all.max_us);
    json_writer_add_uint(w, "own_p99_us", histogram_quantile_us(&turns->own, 0.99));
    json_writer_add_uint(w, "own_max_us", turns->own.max_us);
    json_writer_end_object(w);
}

static void handle_status(void *ctx, struct admin_request *rq)
{
    struct gateway *g = ctx;
    struct buffer out = {0};
    struct json_writer w;
    json_writer_init(&w, &out);
    json_writer_begin_object(&w, NULL);
    json_writer_add_text(&w, "gateway", generation_config(g->generation)->gateway.id);
    json_writer_add_text(&w, "version", PACKAGE_VERSION);
    bool degraded = strncmp(gateway_status_text(g), "degraded", 8) == 0;
    json_writer_add_text(&w, "state", g->stopping ? "stopping" : degraded ? "degraded" : "ok");
    json_writer_add_text(&w, "text", gateway_status_text(g));
    json_writer_add_text(&w, "config", g->config_path);
    json_writer_add_int(&w, "uptime_s", (clock_monotonic_us() - g->started_us) / 1000000);
    json_writer_add_uint(&w, "reloads", g->counters.reloads);
    json_writer_add_uint(&w, "reload_failures", g->counters.reload_failures);
    write_loop(&w, &g->turns);
    json_writer_begin_list(&w, "states");
    gateway_states_each(g, write_state, &w);
    json_writer_end_list(&w);
    write_journal(&w, "journal", g->journal);
    write_journal(&w, "dead_letters", g->dead_journal);
    write_sources(&w, g);
    write_upstreams(&w, g);
    write_routes(&w, g);
    json_writer_end_object(&w);
    buffer_add_byte(&out, '\n');
    admin_reply(rq, out.failed ? 500 : 200, "application/json", buffer_bytes(&out));
    buffer_finish(&out);
}

static void handle_metrics(void *ctx, struct admin_request *rq)
{
    struct gateway *g = ctx;
    struct buffer out = {0};
    metrics_render(g->metrics, &out);
    admin_reply(rq, out.failed ? 500 : 200, "text/plain; version=0.0.4; charset=utf-8", buffer_bytes(&out));
    buffer_finish(&out);
}

static void handle_live(void *ctx, struct admin_request *rq)
{
    (void)ctx;
    admin_reply_text(rq, 200, "ok\n");
}

static void handle_ready(void *ctx, struct admin_request *rq)
{
    const char *text = gateway_status_text(ctx);
    admin_reply_text(rq, strcmp(text, "ok") == 0 ? 200 : 503, "%s\n", text);
}

static void handle_reload_done(void *ctx, bool ok, struct bytes report)
{
    admin_reply(ctx, ok ? 200 : 422, "text/plain; charset=utf-8", report);
}

static void handle_reload(void *ctx, struct admin_request *rq)
{
    gateway_reload_begin(ctx, handle_reload_done, rq);
}

void gateway_status_register(struct gateway *g)
{
    admin_server_add(g->admin, "GET", "/status", ADMIN_PUBLIC, handle_status, g, "everything, as JSON");
    admin_server_add(g->admin, "GET", "/metrics", ADMIN_PUBLIC, handle_metrics, g,
                     "counters, as Prometheus text");
    admin_server_add(g->admin, "GET", "/livez", ADMIN_PUBLIC, handle_live, g, "200 while the loop turns");
    admin_server_add(g->admin, "GET", "/readyz", ADMIN_PUBLIC, handle_ready, g,
                     "200 when messages are taken, else 503");
    admin_server_add(g->admin, "POST", "/reload", 0, handle_reload, g,
                     "read the configuration again; 200, or 422 with what is wrong");
}
