/* SPDX-License-Identifier: Apache-2.0
 *
 * The keys `decode` and `process` of a route and `encode` of a target, see gateway_config.h.
 */
#include "gateway_config_parts.h"
#include "gateway_fingerprint.h"
#include "message/topic_filter.h"
#include "plugin/plugin_host.h"

#include <stdio.h>

/* ---- decode ---- */

static const struct schema_type *find_type(struct config_reader *cr, const struct yaml_node *n)
{
    struct error err;
    if (n->kind != YAML_SCALAR || yaml_node_is_null(n)) {
        config_report_error(cr->report, n,
                            "Expected the full name of a message type, such as acme.v1.Telemetry.");
        return NULL;
    }
    if (n->unresolved || cr->schemas_failed)
        return NULL;
    if (schema_registry_type_count(cr->config->schemas) == 0) {
        config_report_error(
            cr->report, n,
            "The message type \"%.200s\" is in no schema, since there are none. Add a section such as  "
            "schemas: [ acme.desc ].",
            yaml_node_show(n));
        return NULL;
    }
    const struct schema_type *type = schema_registry_find(cr->config->schemas, n->text, &err);
    if (!type)
        config_reader_refuse(cr, n, &err);
    return type;
}

/* `messages`: topic filter -> message type. */
static size_t read_messages(struct config_reader *cr, const struct yaml_node *n, struct decode_rule *rules)
{
    size_t count = 0;
    config_report_enter(cr->report, "messages");
    bool is_map = option_is_map(n, cr->report, "message types by topic filter");
    for (size_t i = 0; is_map && i < n->count; i++) {
        const struct yaml_pair *pair = &n->pairs[i];
        config_report_enter(cr->report, pair->key->text);
        rules[count].filter = config_reader_add_filter(cr, pair->key->text, pair->key);
        rules[count].type = find_type(cr, pair->value);
        count++;
        config_report_leave(cr->report);
    }
    config_report_leave(cr->report);
    return count;
}

static void read_protobuf(struct config_reader *cr, const struct yaml_node *n, const struct yaml_node *at,
                          struct decode_settings *d)
{
    static const char *const also[] = {"message", "messages", NULL};
    const struct yaml_node *message = yaml_tree_find(n, "message"), *messages = yaml_tree_find(n, "messages");
    d->kind = DECODE_PROTOBUF;
    d->schema = schema_options_default();
    (void)option_apply(pipeline_settings_protobuf_options, n, at, also, &d->schema, cr->arena, cr->report);
    if (!message && !messages) {
        config_report_error(
            cr->report, n && n->kind == YAML_MAP ? n : at,
            "The message type is missing. Write  protobuf: { message: acme.v1.Telemetry }, or  messages: "
            "{ \"sensors/+/event\": acme.v1.Event }.");
        return;
    }
    size_t listed = messages && messages->kind == YAML_MAP ? messages->count : 0;
    struct decode_rule *rules = config_reader_alloc(cr, listed + 1, sizeof *rules);
    d->rules = rules;
    if (messages)
        d->rule_count = read_messages(cr, messages, rules);
    if (!message)
        return;
    config_report_enter(cr->report, "message");
    rules[d->rule_count++] = (struct decode_rule){NULL, find_type(cr, message)};
    config_report_leave(cr->report);
}

static void refuse_decode(struct config_reader *cr, const struct yaml_node *n, const char *word)
{
    static const char *const kinds[] = {"protobuf", "json", "text", "none"};
    if (strcmp(word, "protobuf") == 0)
        config_report_error(
            cr->report, n,
            "A message type is needed to decode protobuf: write  decode: { protobuf: { message: "
            "acme.v1.Telemetry } }.");
    else
        config_report_error(cr->report, n, "Expected protobuf, json, text or none, found \"%.80s\".%s", word,
                            option_nearest(word, kinds, 4) ? config_reader_suggest(cr, word, kinds, 4) : "");
}

static bool read_simple_decode(const char *word, struct decode_settings *d)
{
    if (strcmp(word, "json") == 0)
        d->kind = DECODE_JSON;
    else if (strcmp(word, "text") == 0)
        d->kind = DECODE_TEXT;
    else
        d->kind = DECODE_NONE;
    return d->kind != DECODE_NONE || strcmp(word, "none") == 0;
}

static void read_decode(struct config_reader *cr, const struct yaml_node *n, struct decode_settings *d)
{
    if (yaml_node_is_null(n) || n->unresolved)
        return;
    if (n->kind == YAML_SCALAR) {
        if (!read_simple_decode(n->text, d))
            refuse_decode(cr, n, yaml_node_show(n));
        return;
    }
    if (n->kind != YAML_MAP || n->count != 1) {
        config_report_error(cr->report, n,
                            "Expected one way to decode, as in  decode: json  or  decode: { protobuf: { "
                            "message: acme.v1.Telemetry } }.");
        return;
    }
    const struct yaml_node *key = n->pairs[0].key, *value = n->pairs[0].value;
    config_report_enter(cr->report, key->text);
    if (strcmp(key->text, "protobuf") == 0)
        read_protobuf(cr, value, key, d);
    else if (!read_simple_decode(key->text, d))
        refuse_decode(cr, key, key->text);
    else if (!yaml_node_is_null(value) && (value->kind == YAML_SCALAR || value->count))
        config_report_error(cr->report, value, "There are no settings for %s. Write  decode: %s.", key->text,
                            key->text);
    config_report_leave(cr->report);
}

/* ---- process ---- */

/* Only an instance knows whether its options work together (a condition that does not compile, say). */
static bool try_stage(struct config_reader *cr, const struct stage_settings *s, const char *label,
                      const struct yaml_node *at)
{
    static const struct plugin_side nobody = {0};
    char name[200];
    struct error err;
    snprintf(name, sizeof name, "%.90s %.90s", label, s->name);
    struct plugin_instance *in =
        plugin_instance_create(cr->host, s->plugin, name, s->options, &nobody, NULL, &err);
    if (!in)
        config_reader_refuse(cr, at, &err);
    plugin_instance_destroy(in);
    return in != NULL;
}

/* `name: options`, or the name alone. */
static bool read_stage(struct config_reader *cr, const struct yaml_node *n, const char *label,
                       struct stage_settings *s)
{
    const struct yaml_node *name = n, *options = NULL;
    if (n->kind == YAML_MAP && n->count == 1) {
        name = n->pairs[0].key;
        options = n->pairs[0].value;
    }
    if (name->unresolved)
        return false;
    if (name->kind != YAML_SCALAR || yaml_node_is_null(name)) {
        config_report_error(cr->report, n,
                            "Expected one stage with its options, as in  - filter: \"temperature > 20\".");
        return false;
    }
    s->name = name->text;
    config_report_enter(cr->report, name->text);
    s->plugin = config_reader_load_plugin(cr, name->text, FBY_KIND_STAGE, name);
    s->options = s->plugin ? plugin_options_read(s->plugin, options, name, cr->arena, cr->report) : NULL;
    bool right = s->options && try_stage(cr, s, label, options ? options : name);
    config_report_leave(cr->report);
    return right;
}

static void read_process(struct config_reader *cr, const struct yaml_node *n, const char *label,
                         struct pipeline_settings *out, uint64_t *fingerprint)
{
    if (yaml_node_is_null(n))
        return;
    if (n->kind != YAML_LIST) {
        config_report_error(cr->report, n, "Expected a list of stages, each with a \"-\" before its name.");
        return;
    }
    struct stage_settings *stages = config_reader_alloc(cr, n->count, sizeof *stages);
    out->stages = stages;
    for (size_t i = 0; i < n->count; i++) {
        struct stage_settings *s = &stages[out->stage_count];
        config_report_enter_index(cr->report, i);
        if (read_stage(cr, n->items[i], label, s)) {
            *fingerprint = gateway_fingerprint_join(*fingerprint, (uint64_t)(uintptr_t)s->plugin);
            out->stage_count++;
        }
        config_report_leave(cr->report);
    }
}

void gateway_config_pipeline_read(struct config_reader *cr, const struct yaml_node *route, const char *label,
                                  struct pipeline_settings *out, uint64_t *fingerprint)
{
    const struct yaml_node *decode = yaml_tree_find(route, "decode"),
                           *process = yaml_tree_find(route, "process");
    *fingerprint = gateway_fingerprint_join(yaml_node_fingerprint(decode), yaml_node_fingerprint(process));
    config_report_enter(cr->report, "decode");
    read_decode(cr, decode, &out->decode);
    config_report_leave(cr->report);
    if (out->decode.kind == DECODE_PROTOBUF)
        *fingerprint = gateway_fingerprint_join(*fingerprint, cr->schema_fingerprint);
    config_report_enter(cr->report, "process");
    read_process(cr, process, label, out, fingerprint);
    if (yaml_node_is_null(decode) && process && process->kind == YAML_LIST && process->count)
        config_report_error(
            cr->report, process,
            "Stages work on decoded messages, and this route does not say how to decode. Add  decode: json, "
            "text or protobuf; or  decode: none  for stages that read the bytes themselves.");
    config_report_leave(cr->report);
}

/* ---- encode ---- */

bool gateway_config_pipeline_read_encode(struct config_reader *cr, const struct yaml_node *encode,
                                         const struct pipeline_settings *route, int *out)
{
    static const char *const forms[] = {"auto", "json", "raw", NULL};
    static const struct fby_option rows[] = {
        {.name = "encode", .type = FBY_OPTION_CHOICE, .default_text = "auto", .choices = forms},
        {.name = NULL},
    };
    if (encode && encode->kind == YAML_MAP) {
        config_report_enter(cr->report, "encode");
        config_report_error(cr->report, encode,
                            "Expected one of auto, json, raw. Messages cannot be encoded as protobuf.");
        config_report_leave(cr->report);
        return false;
    }
    struct yaml_node key = {.kind = YAML_SCALAR, .text = "encode", .text_len = 6};
    struct yaml_node copy = encode ? *encode : key;
    struct yaml_pair pair = {&key, &copy};
    struct yaml_node map = {.kind = YAML_MAP, .count = encode ? 1 : 0, .pairs = &pair};
    if (!option_apply(rows, &map, encode, NULL, out, cr->arena, cr->report))
        return false;
    if (*out != ENCODE_JSON || route->decode.kind != DECODE_NONE || route->stage_count)
        return true;
    config_report_enter(cr->report, "encode");
    config_report_error(cr->report, encode,
                        "Only decoded messages can be written as JSON, and this route does not decode. "
                        "Add  decode: protobuf, json or text  to the route, or write  encode: raw.");
    config_report_leave(cr->report);
    return false;
}
