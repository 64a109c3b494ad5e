/* SPDX-License-Identifier: Apache-2.0
 *
 * The sections `brokers` and `upstreams` of the document, see gateway_config.h.
 */
#include "base/memory.h"
#include "gateway_config_parts.h"
#include "gateway_fingerprint.h"
#include "message/topic_filter.h"
#include "plugin/plugin_host.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- brokers ---- */

/* The node of an option given as "tls.ca"; the deepest one that is there. */
static const struct yaml_node *find_option(const struct yaml_node *map, const char *option)
{
    const struct yaml_node *n = map;
    while (n && option && *option) {
        size_t len = strcspn(option, ".");
        char *step = xstrndup(option, len);
        const struct yaml_node *next = yaml_tree_find(n, step);
        free(step);
        if (!next)
            return n;
        n = next;
        option += len + (option[len] == '.');
    }
    return n;
}

/* Report at an option of a broker; a text that begins with a deeper option's name ("tls.ca: …") belongs to
 * that one. */
static void refuse_option(struct config_reader *cr, const struct yaml_node *map, const char *option,
                          const struct error *err)
{
    struct error shown = *err;
    char path[64];
    size_t len = strcspn(err->text, ":");
    bool deeper = option && strncmp(err->text, option, strlen(option)) == 0 && len < sizeof path &&
                  err->text[len] == ':' && err->text[strlen(option)] == '.';
    snprintf(path, sizeof path, "%.*s", deeper ? (int)len : 63, deeper ? err->text : option ? option : "");
    if (deeper)
        snprintf(shown.text, sizeof shown.text, "%s", err->text + len + 2);
    unsigned steps = 0;
    char *rest = path;
    for (char *step; (step = strsep(&rest, ".")) && *step; steps++)
        config_report_enter(cr->report, step);
    snprintf(path, sizeof path, "%.*s", deeper ? (int)len : 63, deeper ? err->text : option ? option : "");
    config_reader_refuse(cr, find_option(map, path), &shown);
    while (steps--)
        config_report_leave(cr->report);
}

/* The only name that a status topic can hold is the gateway's. */
static bool check_status_topic(struct config_reader *cr, const struct yaml_node *n, const char *text)
{
    struct error err;
    size_t errors_before = config_report_error_count(cr->report);
    if (!text)
        return true;
    struct topic_template *t = topic_template_parse(text, &err);
    config_report_enter(cr->report, "status_topic");
    if (!t)
        config_report_error(cr->report, n, "The topic \"%.200s\" is not valid: %s.", yaml_node_show(n),
                            err.text);
    for (size_t i = 0; t && i < topic_template_name_count(t); i++)
        if (strcmp(topic_template_name(t, i), "gateway") != 0)
            config_report_error(cr->report, n, "{%s} has no meaning in a status topic; only {gateway} has.",
                                topic_template_name(t, i));
    config_report_leave(cr->report);
    topic_template_destroy(t);
    return config_report_error_count(cr->report) == errors_before;
}

static void resolve_tls_files(struct config_reader *cr, const struct yaml_node *n,
                              struct mqtt_tls_settings *tls)
{
    const struct yaml_node *section = yaml_tree_find(n, "tls");
    tls->ca = config_reader_resolve(cr, yaml_tree_find(section, "ca"), tls->ca);
    tls->certificate = config_reader_resolve(cr, yaml_tree_find(section, "certificate"), tls->certificate);
    tls->key = config_reader_resolve(cr, yaml_tree_find(section, "key"), tls->key);
}

static uint64_t broker_fingerprint(const struct config_reader *cr, const struct yaml_node *n,
                                   const struct mqtt_settings *s)
{
    uint64_t hash =
        gateway_fingerprint_join(yaml_node_fingerprint(n), gateway_fingerprint_text(cr->config->gateway.id));
    hash = gateway_fingerprint_join(hash, gateway_fingerprint_file(s->tls.ca));
    hash = gateway_fingerprint_join(hash, gateway_fingerprint_file(s->tls.certificate));
    return gateway_fingerprint_join(hash, gateway_fingerprint_file(s->tls.key));
}

static bool read_broker(struct config_reader *cr, const struct yaml_pair *pair, struct broker_config *b)
{
    const struct yaml_node *n = pair->value;
    const char *option = NULL;
    struct error err;
    b->name = pair->key->text;
    bool right = config_reader_check_name(cr, pair->key);
    if (!option_apply(mqtt_settings_options, n, pair->key, NULL, &b->mqtt, cr->arena, cr->report))
        return false;
    resolve_tls_files(cr, n, &b->mqtt.tls);
    right &= check_status_topic(cr, yaml_tree_find(n, "status_topic"), b->mqtt.status_topic);
    b->fingerprint = broker_fingerprint(cr, n, &b->mqtt);
    if (!right || mqtt_settings_check(&b->mqtt, cr->arena, &option, &err))
        return right;
    refuse_option(cr, n, option, &err);
    return false;
}

static bool same_client_id(const struct broker_config *a, const struct broker_config *b)
{
    const char *x = a->mqtt.client_id, *y = b->mqtt.client_id;
    return (!x && !y) || (x && y && strcmp(x, y) == 0);
}

/* A broker ends the older of two connections with one client id, and so on without end. */
static void check_client_ids(struct config_reader *cr, const struct yaml_node *section)
{
    const struct gateway_config *c = cr->config;
    for (size_t i = 1; i < c->broker_count; i++)
        for (size_t j = 0; j < i; j++) {
            const struct broker_config *a = &c->brokers[j], *b = &c->brokers[i];
            if (!a->mqtt.host || !b->mqtt.host || strcmp(a->mqtt.host, b->mqtt.host) != 0 ||
                a->mqtt.port != b->mqtt.port || !same_client_id(a, b))
                continue;
            const struct yaml_node *n = yaml_tree_find(section, b->name);
            config_report_enter(cr->report, b->name);
            config_report_error(
                cr->report, find_option(n, "client_id"),
                "\"%s\" and \"%s\" are the same broker (%s:%d) with the same client id, so each connection "
                "would end the other. Use one of them for both, or give one another client_id.",
                a->name, b->name, b->mqtt.host, b->mqtt.port);
            config_report_leave(cr->report);
            break;
        }
}

void gateway_config_brokers_read(struct config_reader *cr)
{
    struct gateway_config *c = cr->config;
    struct yaml_node *n = config_reader_enter_map(cr, "brokers", "brokers by name");
    c->brokers = config_reader_alloc(cr, n ? n->count : 0, sizeof *c->brokers);
    for (size_t i = 0; n && i < n->count; i++) {
        config_report_enter(cr->report, n->pairs[i].key->text);
        struct broker_config *b = &c->brokers[c->broker_count];
        *b = (struct broker_config){0};
        if (read_broker(cr, &n->pairs[i], b))
            c->broker_count++;
        config_report_leave(cr->report);
    }
    if (n)
        check_client_ids(cr, n);
    if (!n || n->count == 0)
        config_reader_report_absent(
            cr, "brokers",
            "At least one broker is needed, as in  devices: { url: \"mqtt://localhost:1883\" }.");
    config_report_leave(cr->report);
}

/* ---- upstreams ---- */

static bool is_broker_name(const struct gateway_config *c, const char *name)
{
    for (size_t i = 0; i < c->broker_count; i++)
        if (strcmp(c->brokers[i].name, name) == 0)
            return true;
    return false;
}

static bool read_kind(struct config_reader *cr, const struct yaml_pair *kind, const struct yaml_pair *pair,
                      struct upstream_config *u)
{
    static const struct fby_option none[] = {{.name = NULL}};
    u->kind = kind->key->text;
    if (strcmp(u->kind, "null") == 0)
        return option_apply(none, kind->value, kind->key, NULL, u, cr->arena, cr->report);
    if (strcmp(u->kind, "sparkplug") == 0)
        return gateway_config_sparkplug_read_node(cr, kind->value, kind->key, u);
    u->plugin = config_reader_load_plugin(cr, u->kind, FBY_KIND_UPSTREAM, kind->key);
    if (!u->plugin)
        return false;
    u->options = plugin_options_read(u->plugin, kind->value, kind->key, cr->arena, cr->report);
    uint64_t hash =
        gateway_fingerprint_join(gateway_fingerprint_text(u->kind), (uint64_t)(uintptr_t)u->plugin);
    u->fingerprint = gateway_fingerprint_join(hash, yaml_node_fingerprint(pair->value));
    return u->options != NULL;
}

static bool read_upstream(struct config_reader *cr, const struct yaml_pair *pair, struct upstream_config *u)
{
    const struct yaml_node *n = pair->value;
    u->name = pair->key->text;
    bool right = config_reader_check_name(cr, pair->key);
    if (is_broker_name(cr->config, u->name)) {
        config_report_error(
            cr->report, pair->key,
            "There is a broker called \"%s\" as well, and routes name both in the same way. Rename one.",
            u->name);
        right = false;
    }
    if (n->kind != YAML_MAP || n->count != 1) {
        config_report_error(cr->report, n->kind == YAML_MAP && n->count ? n : pair->key,
                            "Expected one kind of upstream with its settings, as in  %s: { file: { path: "
                            "/var/lib/forebay/%s.jsonl } }.",
                            u->name, u->name);
        return false;
    }
    config_report_enter(cr->report, n->pairs[0].key->text);
    right &= read_kind(cr, &n->pairs[0], pair, u);
    config_report_leave(cr->report);
    return right;
}

void gateway_config_upstreams_read(struct config_reader *cr)
{
    struct gateway_config *c = cr->config;
    struct yaml_node *n = config_reader_enter_map(cr, "upstreams", "upstreams by name");
    c->upstreams = config_reader_alloc(cr, n ? n->count : 0, sizeof *c->upstreams);
    for (size_t i = 0; n && i < n->count; i++) {
        config_report_enter(cr->report, n->pairs[i].key->text);
        struct upstream_config *u = &c->upstreams[c->upstream_count];
        *u = (struct upstream_config){0};
        if (read_upstream(cr, &n->pairs[i], u))
            c->upstream_count++;
        config_report_leave(cr->report);
    }
    config_report_leave(cr->report);
}
