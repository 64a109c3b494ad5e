/* SPDX-License-Identifier: Apache-2.0
 *
 * See generation.h. Each part remembers the configuration that its settings live in; a configuration
 * goes away with the last part that was made from it.
 */
#include "generation.h"

#include "base/log.h"
#include "base/memory.h"
#include "delivery/delivery.h"
#include "delivery/upstream_mqtt.h"
#include "delivery/upstream_null.h"
#include "delivery/upstream_plugin.h"
#include "delivery/upstream_sparkplug.h"
#include "ingest/source_mqtt.h"
#include "message/topic_filter.h"
#include "pipeline/route_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A configuration shared by the parts made from it. */
struct shared_config {
    struct gateway_config *config;
    unsigned references;
};

enum part_state { PART_NEW, PART_KEPT /* the old generation has it, unchanged */, PART_GONE };

struct upstream_part {
    struct shared_config *shared;
    const char *name;
    uint64_t fingerprint;
    struct upstream *upstream; /* NULL while PART_KEPT */
    enum part_state state;
    char *client_id, *status_topic; /* MQTT */
};

struct delivery_part {
    struct shared_config *shared;
    const struct route_config *route;
    const struct target_config *target;
    struct delivery *delivery;
    enum part_state state;
};

struct source_part {
    struct shared_config *shared;
    const struct broker_config *broker;
    struct source_mqtt *source;
    enum part_state state;
    char *client_id, *status_topic;
};

struct generation {
    const struct generation_parts *parts;
    struct shared_config *shared;
    struct upstream_part *upstreams;
    size_t upstream_count;
    struct delivery_part *deliveries;
    size_t delivery_count;
    struct source_part *sources;
    size_t source_count;
};

static struct shared_config *share(struct shared_config *s)
{
    s->references++;
    return s;
}

static void unshare(struct shared_config *s)
{
    if (!s || --s->references)
        return;
    gateway_config_destroy(s->config);
    free(s);
}

/* ---- Names towards brokers ---- */

/* A broker may be reached by two connections of ours, so each has its own client id. */
static char *make_client_id(const struct gateway_config *c, const struct broker_config *b, const char *role)
{
    if (b->mqtt.client_id)
        return xasprintf("%s%s", b->mqtt.client_id, role);
    return xasprintf("forebay-%s%s", c->gateway.id, role);
}

static char *make_status_topic(const struct gateway_config *c, const char *text)
{
    struct error err;
    struct topic_template *t = text ? topic_template_parse(text, &err) : NULL;
    if (!t)
        return NULL;
    struct buffer out = {0};
    struct bytes values[TOPIC_CAPTURES_MAX];
    size_t count = topic_template_name_count(t);
    for (size_t i = 0; i < count && i < array_count(values); i++)
        values[i] = strcmp(topic_template_name(t, i), "gateway") == 0 ? bytes_of_text(c->gateway.id)
                                                                      : bytes_of("", 0);
    topic_template_fill(t, values, &out);
    buffer_add_byte(&out, 0);
    char *topic = out.failed ? NULL : xstrdup((const char *)out.data);
    buffer_finish(&out);
    topic_template_destroy(t);
    return topic;
}

static bool is_source_broker(const struct gateway_config *c, const struct broker_config *b)
{
    for (size_t i = 0; i < c->route_count; i++)
        if (c->routes[i].broker == b)
            return true;
    return false;
}

static bool is_target_broker(const struct gateway_config *c, const struct broker_config *b)
{
    for (size_t i = 0; i < c->route_count; i++)
        for (size_t k = 0; k < c->routes[i].target_count; k++)
            if (c->routes[i].targets[k].broker == b)
                return true;
    return false;
}

/* ---- Upstreams ---- */

static struct upstream_part *find_upstream(const struct generation *g, const char *name)
{
    for (size_t i = 0; g && i < g->upstream_count; i++)
        if (strcmp(g->upstreams[i].name, name) == 0)
            return &g->upstreams[i];
    return NULL;
}

static struct upstream_part *add_upstream(struct generation *g, const struct generation *old,
                                          const char *name, uint64_t fingerprint)
{
    struct upstream_part *p = &g->upstreams[g->upstream_count++];
    const struct upstream_part *before = find_upstream(old, name);
    bool kept = before && before->fingerprint == fingerprint;
    *p = (struct upstream_part){
        share(g->shared), name, fingerprint, NULL, kept ? PART_KEPT : PART_NEW, NULL, NULL};
    return p;
}

static bool build_mqtt_upstream(struct generation *g, const struct generation *old,
                                const struct broker_config *b, struct error *err)
{
    const struct gateway_config *c = g->shared->config;
    const struct upstream_part *before = find_upstream(old, b->name);
    struct upstream_part *p = add_upstream(g, old, b->name, b->fingerprint);
    p->client_id = make_client_id(c, b, is_source_broker(c, b) ? "-up" : "");
    if (p->state == PART_KEPT && before->client_id && strcmp(before->client_id, p->client_id) == 0)
        return true;
    p->state = PART_NEW;
    if (!is_source_broker(c, b))
        p->status_topic = make_status_topic(c, b->mqtt.status_topic);
    p->upstream = upstream_mqtt_create(b->name, &b->mqtt, p->client_id, c->gateway.id, p->status_topic,
                                       g->parts->loop, g->parts->metrics, err);
    return p->upstream != NULL;
}

/* An edge node has a connection of its own, so a client id of its own. */
static struct upstream *create_edge_node(struct generation *g, struct upstream_part *p,
                                         const struct upstream_config *u, struct error *err)
{
    const struct gateway_config *c = g->shared->config;
    char *role = xasprintf("-%s", u->name);
    char *note_path = xasprintf("%s/sparkplug-%s.bdseq", c->gateway.state_directory, u->name);
    p->client_id = make_client_id(c, u->broker, role);
    struct upstream_sparkplug_options o = {.name = u->name,
                                           .broker = &u->broker->mqtt,
                                           .node = u->sparkplug,
                                           .edge_node = u->edge_node,
                                           .client_id = p->client_id,
                                           .note_path = note_path};
    struct upstream *made = upstream_sparkplug_create(&o, g->parts->loop, g->parts->metrics, err);
    free(role);
    free(note_path);
    return made;
}

static bool build_upstream(struct generation *g, const struct generation *old,
                           const struct upstream_config *u, struct error *err)
{
    struct upstream_part *p = add_upstream(g, old, u->name, u->fingerprint);
    if (p->state == PART_KEPT)
        return true;
    if (u->sparkplug)
        p->upstream = create_edge_node(g, p, u, err);
    else if (!u->plugin)
        p->upstream = upstream_null_create(u->name, g->parts->loop);
    else
        p->upstream = upstream_plugin_create(u->name, g->parts->plugins, u->plugin, u->options, err);
    return p->upstream != NULL;
}

static bool build_upstreams(struct generation *g, const struct generation *old, struct error *err)
{
    const struct gateway_config *c = g->shared->config;
    g->upstreams = xcalloc(c->upstream_count + c->broker_count, sizeof *g->upstreams);
    for (size_t i = 0; i < c->upstream_count; i++)
        if (!build_upstream(g, old, &c->upstreams[i], err))
            return false;
    for (size_t i = 0; i < c->broker_count; i++)
        if (is_target_broker(c, &c->brokers[i]) && !build_mqtt_upstream(g, old, &c->brokers[i], err))
            return false;
    return true;
}

/* ---- Deliveries ---- */

static struct delivery_part *find_delivery(const struct generation *g, const char *route, const char *target)
{
    for (size_t i = 0; g && i < g->delivery_count; i++)
        if (strcmp(g->deliveries[i].route->name, route) == 0 &&
            strcmp(g->deliveries[i].target->label, target) == 0)
            return &g->deliveries[i];
    return NULL;
}

/* The upstream that it will use, in this generation or still in the old one. */
static struct upstream *upstream_of(const struct generation *g, const struct generation *old,
                                    const char *name)
{
    const struct upstream_part *p = find_upstream(g, name);
    if (p->state == PART_KEPT)
        p = find_upstream(old, name);
    return p->upstream;
}

static bool build_delivery(struct generation *g, const struct generation *old, const struct route_config *r,
                           const struct target_config *t, struct error *err)
{
    struct delivery_part *p = &g->deliveries[g->delivery_count++];
    const struct delivery_part *before = find_delivery(old, r->name, t->label);
    *p = (struct delivery_part){share(g->shared), r, t, NULL, PART_NEW};
    if (before && delivery_is_running(before->delivery) && before->target->fingerprint == t->fingerprint &&
        find_upstream(g, t->name)->state == PART_KEPT) {
        p->state = PART_KEPT;
        return true;
    }
    struct delivery_parts parts = {
        .gateway_id = g->shared->config->gateway.id,
        .route = r->name,
        .target = t->label,
        .match = {bytes_of_text(r->broker->name), r->filters, r->filter_count},
        .settings = &t->delivery,
        .pipeline = &t->pipeline,
        .upstream = upstream_of(g, old, t->name),
        .journal = g->parts->journal,
        .dead_letters = g->parts->dead_letters,
        .routes = g->parts->routes,
        .plugins = g->parts->plugins,
        .loop = g->parts->loop,
        .metrics = g->parts->metrics,
        .from_oldest = r->source.start != 0,
    };
    p->delivery = delivery_create(&parts, err);
    return p->delivery != NULL;
}

static bool build_deliveries(struct generation *g, const struct generation *old, struct error *err)
{
    const struct gateway_config *c = g->shared->config;
    size_t count = 0;
    for (size_t i = 0; i < c->route_count; i++)
        count += c->routes[i].target_count;
    g->deliveries = xcalloc(count, sizeof *g->deliveries);
    for (size_t i = 0; i < c->route_count; i++)
        for (size_t k = 0; k < c->routes[i].target_count; k++)
            if (!build_delivery(g, old, &c->routes[i], &c->routes[i].targets[k], err))
                return false;
    return true;
}

/* ---- Sources ---- */

static struct source_part *find_source(const struct generation *g, const char *name)
{
    for (size_t i = 0; g && i < g->source_count; i++)
        if (strcmp(g->sources[i].broker->name, name) == 0)
            return &g->sources[i];
    return NULL;
}

static bool build_source(struct generation *g, const struct generation *old, const struct broker_config *b,
                         struct error *err)
{
    const struct gateway_config *c = g->shared->config;
    const struct source_part *before = find_source(old, b->name);
    struct source_part *p = &g->sources[g->source_count++];
    bool kept = before && before->broker->fingerprint == b->fingerprint;
    *p = (struct source_part){share(g->shared), b, NULL, kept ? PART_KEPT : PART_NEW, NULL, NULL};
    if (kept)
        return true;
    p->client_id = make_client_id(c, b, "");
    p->status_topic = make_status_topic(c, b->mqtt.status_topic);
    struct source_mqtt_options options = {
        .name = b->name,
        .broker = &b->mqtt,
        .client_id = p->client_id,
        .gateway = c->gateway.id,
        .status_topic = p->status_topic,
        .state_directory = c->gateway.state_directory,
    };
    p->source = source_mqtt_create(&options, &g->parts->sink, g->parts->loop, g->parts->metrics, err);
    return p->source != NULL;
}

static bool build_sources(struct generation *g, const struct generation *old, struct error *err)
{
    const struct gateway_config *c = g->shared->config;
    g->sources = xcalloc(c->broker_count, sizeof *g->sources);
    for (size_t i = 0; i < c->broker_count; i++)
        if (is_source_broker(c, &c->brokers[i]) && !build_source(g, old, &c->brokers[i], err))
            return false;
    return true;
}

/* What all routes of this broker read; the source merges repetitions. */
static void subscribe_source(struct generation *g, struct source_part *p)
{
    const struct gateway_config *c = g->shared->config;
    size_t most = 0, count = 0;
    for (size_t i = 0; i < c->route_count; i++)
        most += c->routes[i].filter_count;
    struct source_mqtt_filter *filters = xcalloc(most, sizeof *filters);
    for (size_t i = 0; i < c->route_count; i++) {
        const struct route_config *r = &c->routes[i];
        if (strcmp(r->broker->name, p->broker->name) != 0)
            continue;
        for (size_t k = 0; k < r->filter_count; k++)
            filters[count++] =
                (struct source_mqtt_filter){topic_filter_subscription(r->filters[k]), (int)r->source.qos};
    }
    source_mqtt_set_subscriptions(p->source, filters, count);
    free(filters);
}

/* ---- Build, start, end ---- */

struct generation *generation_build(const struct generation_parts *parts, struct gateway_config *config,
                                    const struct generation *old, struct error *err)
{
    struct generation *g = xcalloc(1, sizeof *g);
    g->parts = parts;
    g->shared = xcalloc(1, sizeof *g->shared);
    g->shared->config = config;
    g->shared->references = 1;
    if (build_upstreams(g, old, err) && build_deliveries(g, old, err) && build_sources(g, old, err))
        return g;
    generation_destroy(g);
    return NULL;
}

static bool keeps_delivery(const struct generation *next, const struct delivery_part *p)
{
    const struct delivery_part *n = find_delivery(next, p->route->name, p->target->label);
    return n && n->state == PART_KEPT;
}

void generation_stop_changed(struct generation *old, const struct generation *next)
{
    for (size_t i = 0; i < old->delivery_count; i++)
        if (!keeps_delivery(next, &old->deliveries[i]))
            delivery_stop_reading(old->deliveries[i].delivery);
}

bool generation_is_idle(const struct generation *old, const struct generation *next)
{
    for (size_t i = 0; i < old->delivery_count; i++)
        if (!keeps_delivery(next, &old->deliveries[i]) && !delivery_is_idle(old->deliveries[i].delivery))
            return false;
    return true;
}

bool generation_stop_changed_sources(struct generation *old, const struct generation *next)
{
    bool all = true;
    for (size_t i = 0; i < old->source_count; i++) {
        const struct source_part *n = find_source(next, old->sources[i].broker->name);
        if (!n || n->state != PART_KEPT)
            all &= source_mqtt_stop(old->sources[i].source);
    }
    return all;
}

static void take_over_deliveries(struct generation *g, struct generation *old)
{
    for (size_t i = 0; i < g->delivery_count; i++) {
        struct delivery_part *p = &g->deliveries[i];
        struct delivery_part *before = find_delivery(old, p->route->name, p->target->label);
        if (!before)
            continue;
        if (p->state == PART_NEW) {
            delivery_inherit(p->delivery, before->delivery);
            continue;
        }
        unshare(p->shared);
        *p = *before;
        p->state = PART_KEPT;
        before->delivery = NULL;
        before->shared = NULL;
    }
}

static void take_over_upstreams(struct generation *g, struct generation *old)
{
    for (size_t i = 0; i < g->upstream_count; i++) {
        struct upstream_part *p = &g->upstreams[i];
        struct upstream_part *before = find_upstream(old, p->name);
        if (p->state != PART_KEPT || !before)
            continue;
        unshare(p->shared);
        free(p->client_id);
        *p = *before;
        p->state = PART_KEPT;
        before->upstream = NULL;
        before->shared = NULL;
        before->client_id = before->status_topic = NULL;
    }
}

static void take_over_sources(struct generation *g, struct generation *old)
{
    for (size_t i = 0; i < g->source_count; i++) {
        struct source_part *p = &g->sources[i];
        struct source_part *before = find_source(old, p->broker->name);
        if (p->state != PART_KEPT || !before)
            continue;
        unshare(p->shared);
        *p = *before;
        p->state = PART_KEPT;
        before->source = NULL;
        before->shared = NULL;
        before->client_id = before->status_topic = NULL;
    }
}

static void start_deliveries(struct generation *g)
{
    for (size_t i = 0; i < g->delivery_count; i++) {
        struct error err;
        struct delivery_part *p = &g->deliveries[i];
        if (p->state == PART_NEW && delivery_start(p->delivery, &err) != STATUS_OK)
            log_error("gateway", "%s. This route does not run until the next reload or start", err.text);
        p->state = PART_KEPT;
    }
}

static void start_sources(struct generation *g)
{
    for (size_t i = 0; i < g->source_count; i++) {
        struct source_part *p = &g->sources[i];
        subscribe_source(g, p);
        if (p->state == PART_NEW)
            source_mqtt_start(p->source);
        p->state = PART_KEPT;
    }
}

static void say_parked(void *ctx, const char *name, uint64_t confirmed)
{
    (void)ctx;
    log_warning(
        "gateway",
        "cursor %s is parked behind record %llu: no route and target of that name are configured. Records "
        "are "
        "not kept for it; it continues from there, or from the oldest record then, when they come back",
        name, (unsigned long long)confirmed);
}

void generation_start(struct generation *g, struct generation *old)
{
    if (old) {
        take_over_sources(g, old);
        take_over_deliveries(g, old);
        take_over_upstreams(g, old);
        generation_destroy(old);
    }
    for (size_t i = 0; i < g->upstream_count; i++) {
        if (g->upstreams[i].state == PART_NEW)
            upstream_start(g->upstreams[i].upstream);
        g->upstreams[i].state = PART_KEPT;
    }
    start_deliveries(g);
    journal_cursor_list_parked(g->parts->journal, say_parked, NULL);
    start_sources(g);
}

static void destroy_source(struct source_part *p)
{
    source_mqtt_destroy(p->source);
    p->source = NULL;
}

bool generation_stop_sources(struct generation *g)
{
    bool all = true;
    for (size_t i = 0; i < g->source_count; i++) {
        struct source_mqtt *s = g->sources[i].source;
        if (!s || source_mqtt_stop(s))
            destroy_source(&g->sources[i]);
        else
            all = false;
    }
    return all;
}

void generation_stop_all(struct generation *g)
{
    for (size_t i = 0; i < g->delivery_count; i++)
        delivery_stop_reading(g->deliveries[i].delivery);
}

void generation_stop_upstreams(struct generation *g)
{
    for (size_t i = 0; i < g->upstream_count; i++)
        upstream_stop(g->upstreams[i].upstream);
}

bool generation_is_all_idle(const struct generation *g)
{
    for (size_t i = 0; i < g->delivery_count; i++)
        if (!delivery_is_idle(g->deliveries[i].delivery))
            return false;
    return true;
}

void generation_destroy(struct generation *g)
{
    if (!g)
        return;
    for (size_t i = 0; i < g->source_count; i++) {
        destroy_source(&g->sources[i]);
        free(g->sources[i].client_id);
        free(g->sources[i].status_topic);
        unshare(g->sources[i].shared);
    }
    for (size_t i = 0; i < g->delivery_count; i++) {
        delivery_destroy(g->deliveries[i].delivery);
        unshare(g->deliveries[i].shared);
    }
    for (size_t i = 0; i < g->upstream_count; i++) {
        upstream_destroy(g->upstreams[i].upstream);
        g->upstreams[i].upstream = NULL; /* the others may still want to publish */
        free(g->upstreams[i].client_id);
        free(g->upstreams[i].status_topic);
        unshare(g->upstreams[i].shared);
    }
    free(g->sources);
    free(g->deliveries);
    free(g->upstreams);
    unshare(g->shared);
    free(g);
}

bool generation_publish(struct generation *g, struct bytes broker, const struct mqtt_publish *p)
{
    for (size_t i = 0; i < g->source_count; i++)
        if (g->sources[i].source && bytes_equal(broker, bytes_of_text(g->sources[i].broker->name)))
            return source_mqtt_publish(g->sources[i].source, p);
    for (size_t i = 0; i < g->upstream_count; i++)
        if (g->upstreams[i].upstream && bytes_equal(broker, bytes_of_text(g->upstreams[i].name)))
            return upstream_mqtt_publish(g->upstreams[i].upstream, p);
    return false;
}

void generation_resume_sources(struct generation *g)
{
    for (size_t i = 0; i < g->source_count; i++)
        if (g->sources[i].source)
            source_mqtt_resume(g->sources[i].source);
}

/* ---- Looking at it ---- */

const struct gateway_config *generation_config(const struct generation *g)
{
    return g->shared->config;
}

size_t generation_source_count(const struct generation *g)
{
    return g->source_count;
}

struct source_mqtt *generation_source(const struct generation *g, size_t index)
{
    return g->sources[index].source;
}

const char *generation_source_name(const struct generation *g, size_t index)
{
    return g->sources[index].broker->name;
}

size_t generation_upstream_count(const struct generation *g)
{
    return g->upstream_count;
}

struct upstream *generation_upstream(const struct generation *g, size_t index)
{
    return g->upstreams[index].upstream;
}

size_t generation_delivery_count(const struct generation *g)
{
    return g->delivery_count;
}

struct delivery *generation_delivery(const struct generation *g, size_t index)
{
    return g->deliveries[index].delivery;
}
