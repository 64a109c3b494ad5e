/* SPDX-License-Identifier: Apache-2.0
 *
 * The section `routes` of the document: sources, targets, and everything that must fit between them. See
 * gateway_config.h.
 */
#include "base/memory.h"
#include "gateway_config_parts.h"
#include "gateway_fingerprint.h"
#include "message/topic_filter.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const template_names[] = {"topic", "gateway", "route", "source", "sequence"};

/* ---- Names of brokers and upstreams ---- */

static const struct broker_config *find_broker(const struct config_reader *cr, const char *name)
{
    const struct gateway_config *c = cr->config;
    for (size_t i = 0; i < c->broker_count; i++)
        if (strcmp(c->brokers[i].name, name) == 0)
            return &c->brokers[i];
    return NULL;
}

static const struct upstream_config *find_upstream(const struct config_reader *cr, const char *name)
{
    const struct gateway_config *c = cr->config;
    for (size_t i = 0; i < c->upstream_count; i++)
        if (strcmp(c->upstreams[i].name, name) == 0)
            return &c->upstreams[i];
    return NULL;
}

/* Whether the name is in a section, even if that entry was refused (and reported there). */
static bool is_written(const struct config_reader *cr, const char *section, const char *name)
{
    return yaml_tree_find(yaml_tree_find(cr->root, section), name) != NULL;
}

static size_t list_names(struct config_reader *cr, bool with_upstreams, const char ***names)
{
    const struct gateway_config *c = cr->config;
    *names = config_reader_alloc(cr, c->broker_count + c->upstream_count, sizeof **names);
    size_t count = 0;
    for (size_t i = 0; with_upstreams && i < c->upstream_count; i++)
        (*names)[count++] = c->upstreams[i].name;
    for (size_t i = 0; i < c->broker_count; i++)
        (*names)[count++] = c->brokers[i].name;
    return count;
}

/* ---- from ---- */

static void report_unknown_broker(struct config_reader *cr, const char *name, const struct yaml_node *at)
{
    const char **names;
    if (is_written(cr, "brokers", name))
        return;
    if (find_upstream(cr, name) || is_written(cr, "upstreams", name)) {
        config_report_error(cr->report, at,
                            "\"%.80s\" is an upstream; messages can only be read from a broker.", name);
        return;
    }
    size_t count = list_names(cr, false, &names);
    config_report_error(cr->report, at, "There is no broker \"%.80s\".%s", name,
                        config_reader_suggest(cr, name, names, count));
}

static void read_filters(struct config_reader *cr, const struct yaml_node *topics, struct route_config *route)
{
    const struct fby_strings *texts = &route->source.topics;
    route->filters = config_reader_alloc(cr, texts->count, sizeof(struct topic_filter *));
    config_report_enter(cr->report, "topics");
    for (size_t i = 0; i < texts->count; i++) {
        bool is_list = topics && topics->kind == YAML_LIST && i < topics->count;
        if (is_list)
            config_report_enter_index(cr->report, i);
        struct topic_filter *f =
            config_reader_add_filter(cr, texts->items[i], is_list ? topics->items[i] : topics);
        if (f)
            route->filters[route->filter_count++] = f;
        if (is_list)
            config_report_leave(cr->report);
    }
    config_report_leave(cr->report);
}

static void check_source(struct config_reader *cr, const struct yaml_node *n, const struct source_settings *s)
{
    const char *option = NULL;
    struct error err;
    if (source_settings_check(s, &option, &err))
        return;
    const struct yaml_node *wrong = option ? yaml_tree_find(n, option) : NULL;
    if (option)
        config_report_enter(cr->report, option);
    config_reader_refuse(cr, wrong ? wrong : n, &err);
    if (option)
        config_report_leave(cr->report);
}

static bool read_source(struct config_reader *cr, const struct yaml_node *route_node,
                        const struct yaml_node *key, struct route_config *route)
{
    const struct yaml_node *n = yaml_tree_find(route_node, "from");
    struct source_settings *s = &route->source;
    if (yaml_node_is_null(n)) {
        config_report_error(cr->report, n ? n : key,
                            "The setting \"from\" is missing. Write  from: { broker: devices, topics: "
                            "[\"sensors/{device}/telemetry\"] }.");
        return false;
    }
    config_report_enter(cr->report, "from");
    bool right = option_apply(source_settings_options, n, n, NULL, s, cr->arena, cr->report);
    if (right) {
        route->broker = find_broker(cr, s->broker);
        config_report_enter(cr->report, "broker");
        if (!route->broker)
            report_unknown_broker(cr, s->broker, yaml_tree_find(n, "broker"));
        config_report_leave(cr->report);
        check_source(cr, n, s);
        read_filters(cr, yaml_tree_find(n, "topics"), route);
    }
    config_report_leave(cr->report);
    return right;
}

/* ---- Topics of targets ---- */

static bool is_template_name(const char *name)
{
    for (size_t i = 0; i < array_count(template_names); i++)
        if (strcmp(name, template_names[i]) == 0)
            return true;
    return false;
}

static bool has_capture(const struct topic_filter *f, const char *name)
{
    for (size_t i = 0; i < topic_filter_capture_count(f); i++)
        if (strcmp(topic_filter_capture_name(f, i), name) == 0)
            return true;
    return false;
}

bool gateway_config_routes_check_captures(struct config_reader *cr, const struct route_config *route,
                                          const struct topic_template *t, const struct yaml_node *at)
{
    bool right = true;
    for (size_t i = 0; i < topic_template_name_count(t); i++) {
        const char *name = topic_template_name(t, i);
        for (size_t k = 0; !is_template_name(name) && k < route->filter_count; k++) {
            if (has_capture(route->filters[k], name))
                continue;
            config_report_error(cr->report, at,
                                "{%s} is used here, and the filter \"%.200s\" of this route has no such "
                                "level. Name it there, "
                                "as in sensors/{%s}.",
                                name, topic_filter_text(route->filters[k]), name);
            right = false;
            break;
        }
    }
    return right;
}

/* Whether what is published comes back: every place is filled with some text, which is what a capture of a
 * topic that matched will do as well. */
static bool comes_back(const struct route_config *route, const struct topic_template *t)
{
    struct bytes values[TOPIC_TEMPLATE_NAMES_MAX];
    struct buffer topic = {0};
    for (size_t i = 0; i < TOPIC_TEMPLATE_NAMES_MAX; i++)
        values[i] = bytes_of_text("x");
    for (size_t i = 0; i < topic_template_name_count(t); i++)
        if (strcmp(topic_template_name(t, i), "topic") == 0)
            values[i] = bytes_of_text(topic_filter_text(route->filters[0]));
    topic_template_fill(t, values, &topic);
    bool found = false;
    for (size_t i = 0; i < route->filter_count && !found; i++)
        found = topic_filter_match(route->filters[i], buffer_bytes(&topic), NULL);
    buffer_finish(&topic);
    return found;
}

bool gateway_config_routes_is_same_broker(const struct broker_config *a, const struct broker_config *b)
{
    return a && b && (a == b || (strcmp(a->mqtt.host, b->mqtt.host) == 0 && a->mqtt.port == b->mqtt.port));
}

static bool check_topic(struct config_reader *cr, const struct route_config *route,
                        const struct target_config *target, const struct yaml_node *topic,
                        const struct yaml_node *at)
{
    struct error err;
    const char *text = target->delivery.topic;
    struct topic_template *t = text ? topic_template_parse(text, &err) : NULL;
    bool right = t || !text, circle = false;
    if (!right)
        config_report_error(cr->report, topic, "The topic \"%.200s\" is not valid: %s.",
                            yaml_node_show(topic), err.text);
    if (t)
        right = gateway_config_routes_check_captures(cr, route, t, topic);
    if (right && route->filter_count && gateway_config_routes_is_same_broker(route->broker, target->broker))
        circle = !t || comes_back(route, t);
    if (circle)
        config_report_error(
            cr->report, topic ? topic : at,
            "What this route publishes to \"%s\" would come back to it and go round for ever. Publish to a "
            "topic that the route's filters do not take, with  topic: …",
            target->name);
    topic_template_destroy(t);
    return right && !circle;
}

/* ---- Targets ---- */

static void report_unknown_target(struct config_reader *cr, const char *name, const struct yaml_node *at)
{
    const char **names;
    if (is_written(cr, "brokers", name) || is_written(cr, "upstreams", name))
        return;
    size_t count = list_names(cr, true, &names);
    config_report_error(cr->report, at, "There is no upstream or broker \"%.80s\".%s", name,
                        config_reader_suggest(cr, name, names, count));
}

/* Settings that only MQTT has. */
static bool check_mqtt_settings(struct config_reader *cr, const struct target_config *t,
                                const struct yaml_node *n)
{
    static const char *const mqtt_only[] = {"qos", "retain"};
    bool right = true;
    for (size_t i = 0; i < array_count(mqtt_only); i++) {
        const struct yaml_node *found = yaml_tree_find(n, mqtt_only[i]);
        config_report_enter(cr->report, mqtt_only[i]);
        if (found && t->upstream) {
            config_report_error(cr->report, found,
                                "\"%s\" is a setting for brokers; \"%s\" is an upstream of kind %s.",
                                mqtt_only[i], t->name, t->upstream->kind);
            right = false;
        }
        config_report_leave(cr->report);
    }
    return right;
}

static bool check_retry(struct config_reader *cr, const struct target_config *t, const struct yaml_node *n)
{
    if (t->delivery.retry_min_ms <= t->delivery.retry_max_ms)
        return true;
    config_report_enter(cr->report, "retry");
    config_report_error(cr->report, yaml_tree_find(n, "retry"), "\"min\" must not be larger than \"max\".");
    config_report_leave(cr->report);
    return false;
}

static uint64_t target_fingerprint(const struct config_reader *cr, const struct route_config *route,
                                   const struct target_config *t, const struct yaml_node *route_node,
                                   const struct yaml_node *settings, uint64_t pipeline)
{
    uint64_t hash =
        gateway_fingerprint_join(pipeline, yaml_node_fingerprint(yaml_tree_find(route_node, "from")));
    hash = gateway_fingerprint_join(hash, yaml_node_fingerprint(settings));
    hash = gateway_fingerprint_join(hash, gateway_fingerprint_text(route->name));
    hash = gateway_fingerprint_join(hash, gateway_fingerprint_text(cr->config->gateway.id));
    hash = gateway_fingerprint_join(hash, t->upstream ? t->upstream->fingerprint : t->broker->fingerprint);
    return gateway_fingerprint_join(hash, gateway_fingerprint_text(t->label));
}

/* What one route's targets are read with. */
struct target_reading {
    struct config_reader *cr;
    struct route_config *route;
    const struct yaml_node *route_node;
    struct pipeline_settings pipeline;
    uint64_t fingerprint;
    size_t capacity;
};

/* A second use of one upstream in a route gets a name of its own: its place in the journal is its own, too.
 */
static const char *make_label(struct target_reading *tr, const char *name)
{
    const struct route_config *route = tr->route;
    char label[160];
    snprintf(label, sizeof label, "%.100s", name);
    for (unsigned number = 2;; number++) {
        bool taken = false;
        for (size_t i = 0; i < route->target_count && !taken; i++)
            taken = strcmp(route->targets[i].label, label) == 0;
        if (!taken)
            return arena_strdup(tr->cr->arena, label);
        snprintf(label, sizeof label, "%.100s-%u", name, number);
    }
}

static bool read_settings(struct target_reading *tr, struct target_config *t, const struct yaml_node *n,
                          const struct yaml_node *at)
{
    static const char *const also[] = {"encode", NULL};
    struct config_reader *cr = tr->cr;
    if (!option_apply(delivery_settings_options, n, at, also, &t->delivery, cr->arena, cr->report))
        return false;
    bool right = check_mqtt_settings(cr, t, n);
    right &= check_retry(cr, t, n);
    config_report_enter(cr->report, "topic");
    right &= check_topic(cr, tr->route, t, yaml_tree_find(n, "topic"), at);
    config_report_leave(cr->report);
    right &= gateway_config_codecs_read_encode(cr, yaml_tree_find(n, "encode"), &tr->pipeline,
                                               tr->route->name, &t->pipeline.encode, &t->fingerprint);
    return right && gateway_config_sparkplug_check_target(cr, tr->route, t, n, at);
}

/* `settings` may be NULL: the name alone. */
static void read_target(struct target_reading *tr, const struct yaml_node *name,
                        const struct yaml_node *settings)
{
    struct config_reader *cr = tr->cr;
    struct route_config *route = tr->route;
    if (name->unresolved)
        return;
    if (name->kind != YAML_SCALAR || yaml_node_is_null(name)) {
        config_report_error(cr->report, name, "Expected the name of an upstream or broker.");
        return;
    }
    struct target_config t = {.name = name->text,
                              .upstream = find_upstream(cr, name->text),
                              .broker = find_broker(cr, name->text),
                              .pipeline = tr->pipeline};
    if (!t.upstream && !t.broker) {
        report_unknown_target(cr, name->text, name);
        return;
    }
    config_report_enter(cr->report, name->text);
    bool right = read_settings(tr, &t, settings, name);
    config_report_leave(cr->report);
    if (!right)
        return;
    t.label = make_label(tr, t.name);
    t.fingerprint = target_fingerprint(cr, route, &t, tr->route_node, settings,
                                       gateway_fingerprint_join(tr->fingerprint, t.fingerprint));
    if (route->target_count == tr->capacity) {
        size_t capacity = tr->capacity ? 2 * tr->capacity : 4;
        struct target_config *targets = config_reader_alloc(cr, capacity, sizeof *targets);
        if (route->target_count)
            memcpy(targets, route->targets, route->target_count * sizeof *targets);
        route->targets = targets;
        tr->capacity = capacity;
    }
    route->targets[route->target_count++] = t;
}

/* A name, or a map from names to settings. */
static void read_entry(struct target_reading *tr, const struct yaml_node *n)
{
    if (n->kind != YAML_MAP) {
        read_target(tr, n, NULL);
        return;
    }
    for (size_t i = 0; i < n->count; i++)
        read_target(tr, n->pairs[i].key, n->pairs[i].value);
}

static void read_targets(struct target_reading *tr, const struct yaml_node *key)
{
    struct config_reader *cr = tr->cr;
    const struct yaml_node *n = yaml_tree_find(tr->route_node, "to");
    if (yaml_node_is_null(n) || (n->kind != YAML_SCALAR && n->count == 0)) {
        config_report_error(
            cr->report, n ? n : key,
            "The setting \"to\" is missing. Name the upstreams or brokers that get the messages, as in  to: "
            "[lake, archive].");
        return;
    }
    config_report_enter(cr->report, "to");
    if (n->kind != YAML_LIST)
        read_entry(tr, n);
    for (size_t i = 0; n->kind == YAML_LIST && i < n->count; i++) {
        config_report_enter_index(cr->report, i);
        read_entry(tr, n->items[i]);
        config_report_leave(cr->report);
    }
    config_report_leave(cr->report);
}

/* ---- Routes ---- */

static void read_route(struct config_reader *cr, const struct yaml_pair *pair, struct route_config *route)
{
    static const char *const keys[] = {"from", "decode", "process", "to", NULL};
    static const struct fby_option none[] = {{.name = NULL}};
    const struct yaml_node *n = pair->value;
    route->name = pair->key->text;
    (void)config_reader_check_name(cr, pair->key);
    if (!yaml_node_is_null(n) && n->kind != YAML_MAP) {
        (void)option_is_map(n, cr->report, "settings");
        return;
    }
    (void)option_apply(none, n, pair->key, keys, route, cr->arena, cr->report);
    struct target_reading tr = {.cr = cr, .route = route, .route_node = n};
    (void)read_source(cr, n, pair->key, route);
    gateway_config_pipeline_read(cr, route, n, &tr.pipeline, &tr.fingerprint);
    read_targets(&tr, pair->key);
}

void gateway_config_routes_read(struct config_reader *cr)
{
    struct gateway_config *c = cr->config;
    struct yaml_node *n = config_reader_enter_map(cr, "routes", "routes by name");
    c->routes = config_reader_alloc(cr, n ? n->count : 0, sizeof *c->routes);
    for (size_t i = 0; n && i < n->count; i++) {
        config_report_enter(cr->report, n->pairs[i].key->text);
        read_route(cr, &n->pairs[i], &c->routes[c->route_count++]);
        config_report_leave(cr->report);
    }
    if (!n || n->count == 0)
        config_reader_report_absent(cr, "routes",
                                    "At least one route is needed, as in  telemetry: { from: { broker: "
                                    "devices, topics: [\"sensors/#\"] }, to: archive }.");
    config_report_leave(cr->report);
    if (config_report_error_count(cr->report) == 0)
        gateway_config_warnings_add(cr);
}
