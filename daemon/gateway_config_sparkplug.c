/* SPDX-License-Identifier: Apache-2.0
 *
 * Edge nodes of Sparkplug: the upstream of kind sparkplug, `encode: { sparkplug: … }` of its targets, and
 * what must fit between them. See gateway_config.h.
 */
#include "gateway_config_parts.h"
#include "gateway_fingerprint.h"
#include "message/topic_filter.h"
#include "sparkplug/sparkplug_topic.h"
#include "sparkplug/sparkplug_type.h"

#include <stdlib.h>

/* ---- The upstream ---- */

static const struct broker_config *find_broker(struct config_reader *cr, const char *name,
                                               const struct yaml_node *at)
{
    const struct gateway_config *c = cr->config;
    const char **names = config_reader_alloc(cr, c->broker_count, sizeof *names);
    for (size_t i = 0; i < c->broker_count; i++) {
        names[i] = c->brokers[i].name;
        if (strcmp(names[i], name) == 0)
            return &c->brokers[i];
    }
    bool is_refused = yaml_tree_find(yaml_tree_find(cr->root, "brokers"), name) != NULL;
    config_report_enter(cr->report, "broker");
    if (!is_refused)
        config_report_error(cr->report, at, "There is no broker \"%.80s\".%s", name,
                            config_reader_suggest(cr, name, names, c->broker_count));
    config_report_leave(cr->report);
    return NULL;
}

static bool check_id(struct config_reader *cr, const struct yaml_node *n, const char *option, const char *id)
{
    const struct yaml_node *at = yaml_tree_find(n, option);
    if (!id || sparkplug_topic_is_id(bytes_of_text(id)))
        return true;
    config_report_enter(cr->report, option);
    config_report_error(
        cr->report, at ? at : n,
        "\"%.100s\" cannot be a level of Sparkplug's topics: it must not be empty and hold none "
        "of / + #.",
        id);
    config_report_leave(cr->report);
    return false;
}

static bool is_same_node(const struct upstream_config *a, const struct upstream_config *b)
{
    return a->sparkplug && a->broker && b->broker &&
           strcmp(a->broker->mqtt.host, b->broker->mqtt.host) == 0 &&
           a->broker->mqtt.port == b->broker->mqtt.port &&
           strcmp(a->sparkplug->group, b->sparkplug->group) == 0 && strcmp(a->edge_node, b->edge_node) == 0;
}

/* Hosts cannot tell two edge nodes with one name apart. */
static bool check_unique(struct config_reader *cr, const struct upstream_config *u,
                         const struct yaml_node *at)
{
    const struct gateway_config *c = cr->config;
    for (size_t i = 0; i < c->upstream_count; i++) {
        if (!is_same_node(&c->upstreams[i], u))
            continue;
        config_report_error(
            cr->report, at,
            "\"%s\" is the edge node %.100s of the group %.100s as well. Let routes share one "
            "upstream, or give this one another edge_node.",
            c->upstreams[i].name, u->edge_node, u->sparkplug->group);
        return false;
    }
    return true;
}

/* A name where settings are expected: say what they would be. False: it is none. */
static bool refuse_text(struct config_reader *cr, const struct yaml_node *n, const char *advice)
{
    if (!n || n->kind != YAML_SCALAR || yaml_node_is_null(n))
        return false;
    config_report_error(cr->report, n, "Expected a map of settings, found \"%.80s\". Write  %s.", n->text,
                        advice);
    return true;
}

bool gateway_config_sparkplug_read_node(struct config_reader *cr, const struct yaml_node *n,
                                        const struct yaml_node *at, struct upstream_config *u)
{
    struct sparkplug_node_settings *s = config_reader_alloc(cr, 1, sizeof *s);
    if (refuse_text(cr, n, "sparkplug: { broker: hq, group: plant }"))
        return false;
    if (!option_apply(sparkplug_settings_node_options, n, at, NULL, s, cr->arena, cr->report))
        return false;
    u->sparkplug = s;
    u->edge_node = s->edge_node ? s->edge_node : cr->config->gateway.id;
    bool right = check_id(cr, n, "group", s->group);
    right &= check_id(cr, n, "edge_node", u->edge_node);
    right &= check_id(cr, n, "primary_host", s->primary_host);
    u->broker = find_broker(cr, s->broker, yaml_tree_find(n, "broker"));
    if (!u->broker || !right)
        return false;
    u->fingerprint =
        gateway_fingerprint_join(gateway_fingerprint_text("sparkplug"), yaml_node_fingerprint(n));
    u->fingerprint = gateway_fingerprint_join(u->fingerprint, u->broker->fingerprint);
    return check_unique(cr, u, at);
}

/* ---- encode ---- */

/* Types that a value tree can be written as. */
static enum sparkplug_type find_type(struct config_reader *cr, const char *name, const struct yaml_node *at)
{
    const char *names[SPARKPLUG_TYPE_COUNT] = {NULL};
    size_t count = 0;
    for (unsigned i = SPARKPLUG_INT8; i < SPARKPLUG_TYPE_COUNT; i++)
        if (i != SPARKPLUG_DATASET && i != SPARKPLUG_TEMPLATE && i != SPARKPLUG_PROPERTY_SET &&
            i != SPARKPLUG_PROPERTY_SET_LIST)
            names[count++] = sparkplug_type_name(i);
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return sparkplug_type_find(bytes_of_text(name));
    config_report_enter(cr->report, "type");
    config_report_error(cr->report, at, "\"%.40s\" is no datatype that can be written.%s", name,
                        config_reader_suggest(cr, name, names, count));
    config_report_leave(cr->report);
    return SPARKPLUG_UNKNOWN;
}

static bool read_metric(struct config_reader *cr, const struct yaml_pair *pair,
                        struct sparkplug_draft_metric *out)
{
    struct sparkplug_metric_settings written = {0};
    const struct yaml_node *n = pair->value;
    out->name = bytes_of(pair->key->text, pair->key->text_len);
    if (refuse_text(cr, n, "{ type: Float, unit: C }"))
        return false;
    if (!option_apply(sparkplug_settings_metric_options, n, pair->key, NULL, &written, cr->arena, cr->report))
        return false;
    out->unit = written.unit;
    if (!written.type)
        return true;
    out->type = (int)find_type(cr, written.type, yaml_tree_find(n, "type"));
    return out->type != SPARKPLUG_UNKNOWN;
}

static bool read_metrics(struct config_reader *cr, const struct yaml_node *n,
                         struct sparkplug_draft_settings *out)
{
    if (yaml_node_is_null(n))
        return true;
    config_report_enter(cr->report, "metrics");
    bool is_map = option_is_map(n, cr->report, "metrics by name"), right = is_map;
    out->metrics = config_reader_alloc(cr, is_map ? n->count : 0, sizeof *out->metrics);
    for (size_t i = 0; is_map && i < n->count; i++) {
        config_report_enter(cr->report, n->pairs[i].key->text);
        right &= read_metric(cr, &n->pairs[i], &out->metrics[out->metric_count++]);
        config_report_leave(cr->report);
    }
    config_report_leave(cr->report);
    sparkplug_draft_sort(out);
    return right;
}

bool gateway_config_sparkplug_read_encode(struct config_reader *cr, const struct yaml_node *n,
                                          const struct yaml_node *at, struct sparkplug_draft_settings *out)
{
    static const char *const also[] = {"metrics", NULL};
    bool right = option_apply(sparkplug_settings_encode_options, n, at, also, out, cr->arena, cr->report);
    return read_metrics(cr, n && n->kind == YAML_MAP ? yaml_tree_find(n, "metrics") : NULL, out) && right;
}

/* ---- The target ---- */

/* The device's id is one level of a topic. */
static bool check_device(struct config_reader *cr, const struct route_config *route, const char *device,
                         const struct yaml_node *at)
{
    struct error err;
    if (!*device || strchr(device, '/')) {
        config_report_error(cr->report, at,
                            "The device \"%.100s\" is not one level of a topic, such as "
                            "{sensor}.",
                            device);
        return false;
    }
    struct topic_template *t = topic_template_parse(device, &err);
    if (!t)
        config_report_error(cr->report, at, "The device \"%.100s\" is not valid: %s.", device, err.text);
    bool right = t && gateway_config_routes_check_captures(cr, route, t, at);
    topic_template_destroy(t);
    return right;
}

/* Whether the route reads what the edge node publishes. */
static bool comes_back(const struct route_config *route, const struct upstream_config *u)
{
    static const enum sparkplug_message messages[] = {SPARKPLUG_NBIRTH, SPARKPLUG_NDATA, SPARKPLUG_DBIRTH,
                                                      SPARKPLUG_DDATA};
    struct buffer topic = {0};
    bool found = false;
    for (size_t i = 0; i < 4 && gateway_config_routes_is_same_broker(route->broker, u->broker); i++) {
        struct sparkplug_topic t = {.message = messages[i],
                                    .group = bytes_of_text(u->sparkplug->group),
                                    .edge_node = bytes_of_text(u->edge_node),
                                    .device = bytes_of_text(i < 2 ? "" : "x")};
        buffer_clear(&topic);
        sparkplug_topic_format(&t, &topic);
        for (size_t k = 0; k < route->filter_count && !found; k++)
            found = topic_filter_match(route->filters[k], buffer_bytes(&topic), NULL);
    }
    buffer_finish(&topic);
    return found;
}

static bool check_encode(struct config_reader *cr, struct target_config *t, const struct yaml_node *encode,
                         const struct yaml_node *at)
{
    const struct pipeline_settings *p = &t->pipeline;
    if (!encode && !pipeline_settings_decodes(&p->decode) && p->stage_count == 0)
        config_report_error(
            cr->report, at,
            "Only decoded messages can be written as metrics, and this route does not decode. "
            "Add  decode: protobuf, json or text  to the route.");
    else if (encode && p->encode.kind != ENCODE_SPARKPLUG)
        config_report_error(
            cr->report, encode,
            "\"%s\" is an edge node of Sparkplug and takes metrics only. Leave encode out, or "
            "write  encode: { sparkplug: { device: \"{device}\" } }.",
            t->name);
    else
        return true;
    return false;
}

bool gateway_config_sparkplug_check_target(struct config_reader *cr, const struct route_config *route,
                                           struct target_config *t, const struct yaml_node *n,
                                           const struct yaml_node *at)
{
    const struct yaml_node *encode = yaml_tree_find(n, "encode"), *topic = yaml_tree_find(n, "topic");
    struct encode_settings *e = &t->pipeline.encode;
    if (!t->upstream || !t->upstream->sparkplug) {
        if (e->kind != ENCODE_SPARKPLUG)
            return true;
        config_report_error(
            cr->report, encode,
            "Metrics need an edge node that publishes them, and \"%s\" is none. Add one, as in  "
            "upstreams: { line4: { sparkplug: { broker: %s, group: plant } } }.",
            t->name, t->broker ? t->broker->name : "hq");
        return false;
    }
    if (!check_encode(cr, t, encode, at))
        return false;
    e->kind = ENCODE_SPARKPLUG;
    if (topic) {
        config_report_error(cr->report, topic,
                            "The topics of an edge node follow from its group and id. Name the device with  "
                            "encode: { sparkplug: { device: … } }.");
        return false;
    }
    t->delivery.topic = e->sparkplug.device ? e->sparkplug.device : "";
    const struct yaml_node *device = yaml_tree_find(yaml_tree_find(encode, "sparkplug"), "device");
    if (device && !check_device(cr, route, e->sparkplug.device, device))
        return false;
    if (!route->filter_count || !comes_back(route, t->upstream))
        return true;
    config_report_error(
        cr->report, at,
        "This route would read what \"%s\" publishes, and it would go round for ever. Let the "
        "route's filters not take spBv1.0/%s/#.",
        t->name, t->upstream->sparkplug->group);
    return false;
}

/* ---- Warnings ---- */

enum { SPARKPLUG_LEVELS = 5 };

/* The levels of what is subscribed; those behind # are left empty, and tell it by `has_rest`. */
static size_t split_filter(const struct topic_filter *f, struct bytes levels[SPARKPLUG_LEVELS],
                           bool *has_rest)
{
    const char *at = topic_filter_subscription(f);
    size_t count = 0;
    if (strncmp(at, "$share/", 7) == 0)
        at = strchr(at + 7, '/') + 1;
    *has_rest = false;
    while (count < SPARKPLUG_LEVELS) {
        size_t len = strcspn(at, "/");
        if (len == 1 && *at == '#') {
            *has_rest = true;
            break;
        }
        levels[count++] = bytes_of(at, len);
        if (!at[len])
            break;
        at += len + 1;
    }
    return count;
}

static bool is_level(struct bytes level, const char *text)
{
    return bytes_equal(level, bytes_of_text(text));
}

/* A topic of a message that the filter's edge nodes send; anything where it takes anything. */
static bool route_takes(const struct route_config *r, const struct bytes *levels, size_t count,
                        enum sparkplug_message message)
{
    struct bytes any = bytes_of_text("x");
    struct sparkplug_topic t = {.message = message, .group = levels[1], .edge_node = any, .device = any};
    struct buffer topic = {0};
    bool found = false;
    if (is_level(t.group, "+"))
        t.group = any;
    if (count > 3 && !is_level(levels[3], "+"))
        t.edge_node = levels[3];
    if (count > 4 && !is_level(levels[4], "+"))
        t.device = levels[4];
    sparkplug_topic_format(&t, &topic);
    for (size_t i = 0; i < r->filter_count && !found; i++)
        found = topic_filter_match(r->filters[i], buffer_bytes(&topic), NULL);
    buffer_finish(&topic);
    return found;
}

static void warn_filter(struct config_reader *cr, const struct route_config *r, const struct topic_filter *f,
                        const struct yaml_node *at)
{
    struct bytes levels[SPARKPLUG_LEVELS];
    bool has_rest;
    size_t count = split_filter(f, levels, &has_rest);
    bool can_be = count == 0 ? has_rest : is_level(levels[0], "spBv1.0") || is_level(levels[0], "+");
    if (!can_be) {
        config_report_warning(cr->report, at,
                              "No topic of Sparkplug matches this filter, and  decode: sparkplug  reads no "
                              "others. They begin with "
                              "spBv1.0/, as in \"spBv1.0/#\".");
        return;
    }
    bool of_device = count > 2 && is_level(levels[2], "DDATA");
    bool of_node = count > 2 && is_level(levels[2], "NDATA");
    if (!of_device && !of_node)
        return;
    bool has_births = route_takes(r, levels, count, SPARKPLUG_NBIRTH) &&
                      (of_node || route_takes(r, levels, count, SPARKPLUG_DBIRTH));
    if (!has_births)
        config_report_warning(
            cr->report, at,
            "This route reads data and not the births before it, so nothing has a name or a type. Take all "
            "messages of the edge nodes, as in \"spBv1.0/%.*s/#\", and filter:  type == 'DDATA'.",
            (int)levels[1].len, (const char *)levels[1].data);
}

void gateway_config_sparkplug_warn(struct config_reader *cr)
{
    const struct gateway_config *c = cr->config;
    for (size_t i = 0; i < c->route_count; i++) {
        const struct route_config *r = &c->routes[i];
        const struct yaml_node *route = yaml_tree_find(yaml_tree_find(cr->root, "routes"), r->name);
        const struct yaml_node *topics = yaml_tree_find(yaml_tree_find(route, "from"), "topics");
        bool reads = r->target_count && r->targets[0].pipeline.decode.kind == DECODE_STAGE;
        for (size_t k = 0; reads && k < r->filter_count; k++)
            warn_filter(cr, r, r->filters[k],
                        topics && topics->kind == YAML_LIST ? topics->items[k] : topics);
    }
}
