/* SPDX-License-Identifier: Apache-2.0
 *
 * The keys `decode` of a route and `encode` of a target, see gateway_config.h: built in formats, and codec
 * plugins by their name.
 */
#include "base/memory.h"
#include "base/nearest_word.h"
#include "gateway_config_parts.h"
#include "gateway_fingerprint.h"
#include "message/topic_filter.h"
#include "plugin/plugin_host.h"

#include <stdio.h>

/* ---- Codec plugins ---- */

/* Not whether it can be loaded: whether the operator means a plugin and not a misspelt word. */
static bool is_plugin_name(const struct config_reader *cr, const char *word)
{
    enum { NAMES_MAX = 256 };
    const char *names[NAMES_MAX];
    if (strmap_find(&cr->plugins, word))
        return true;
    size_t count = plugin_host_list_names(cr->host, names, NAMES_MAX);
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], word) == 0)
            return true;
    return false;
}

/* Only an instance knows whether its options work together. */
static bool try_codec(struct config_reader *cr, const struct codec_settings *s, const char *label,
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

enum codec_use { CODEC_DECODES, CODEC_UNPACKS, CODEC_ENCODES };

static bool check_use(struct config_reader *cr, const struct fby_plugin *d, enum codec_use use,
                      const struct yaml_node *at)
{
    bool unpacks = d->codec->flags & FBY_CODEC_UNPACKS;
    if (use == CODEC_ENCODES && !d->codec->encode)
        config_report_error(cr->report, at, "The codec \"%s\" can only decode.", d->name);
    else if (use != CODEC_ENCODES && !d->codec->decode)
        config_report_error(cr->report, at, "The codec \"%s\" can only encode.", d->name);
    else if (use == CODEC_DECODES && unpacks)
        config_report_error(
            cr->report, at,
            "\"%s\" unpacks payloads and does not read them. Name what reads them as well, as in  "
            "decode: { decompress: %s, json: {} }.",
            d->name, d->name);
    else if (use == CODEC_UNPACKS && !unpacks)
        config_report_error(cr->report, at,
                            "The codec \"%s\" reads payloads and does not unpack them. Write  decode: %s.",
                            d->name, d->name);
    else
        return true;
    return false;
}

/* `options` may be NULL. */
static bool read_codec(struct config_reader *cr, const struct yaml_node *name,
                       const struct yaml_node *options, const char *label, enum codec_use use,
                       struct codec_settings *s, uint64_t *fingerprint)
{
    s->name = name->text;
    s->plugin = config_reader_load_plugin(cr, name->text, FBY_KIND_CODEC, name);
    if (!s->plugin || !check_use(cr, plugin_description(s->plugin), use, name))
        return false;
    s->options = plugin_options_read(s->plugin, options, name, cr->arena, cr->report);
    *fingerprint = gateway_fingerprint_join(*fingerprint, (uint64_t)(uintptr_t)s->plugin);
    return s->options && try_codec(cr, s, label, options ? options : name);
}

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

/* `types`: what the field says -> message type. False: something is wrong, and reported. */
static bool read_unwrap_types(struct config_reader *cr, const struct yaml_node *n,
                              struct schema_unwrap_settings *s)
{
    bool right = option_is_map(n, cr->report, "message types by what type_field says");
    struct schema_unwrap_case *types = config_reader_alloc(cr, right ? n->count : 0, sizeof *types);
    s->types = types;
    for (size_t i = 0; right && i < n->count; i++) {
        config_report_enter(cr->report, n->pairs[i].key->text);
        types[i] = (struct schema_unwrap_case){n->pairs[i].key->text, find_type(cr, n->pairs[i].value)};
        s->type_count += types[i].type != NULL;
        config_report_leave(cr->report);
    }
    return right && s->type_count == n->count;
}

/* `unwrap: field` or a map; false: something is wrong, and reported. */
static bool read_unwrap(struct config_reader *cr, const struct yaml_node *n, struct schema_unwrap_settings *s)
{
    static const char *const also[] = {"type", "types", NULL};
    const struct yaml_node *type = yaml_tree_find(n, "type"), *types = yaml_tree_find(n, "types");
    if (n->unresolved)
        return false;
    if (n->kind == YAML_SCALAR && !yaml_node_is_null(n)) {
        s->field = n->text;
        return true;
    }
    bool right = option_apply(pipeline_settings_unwrap_options, n, n, also, s, cr->arena, cr->report);
    if (type) {
        config_report_enter(cr->report, "type");
        s->type = find_type(cr, type);
        right &= s->type != NULL;
        config_report_leave(cr->report);
    }
    if (types) {
        config_report_enter(cr->report, "types");
        right &= read_unwrap_types(cr, types, s);
        config_report_leave(cr->report);
    }
    return right && s->field;
}

/* For each type that the route may decode. */
static void compile_unwrap(struct config_reader *cr, const struct yaml_node *n, struct decode_rule *rules,
                           size_t count)
{
    struct schema_unwrap_settings s = {0};
    if (!read_unwrap(cr, n, &s))
        return;
    for (size_t i = 0; i < count; i++) {
        struct error err;
        const char *option = "field";
        if (!rules[i].type)
            continue;
        rules[i].unwrap = schema_unwrap_compile(rules[i].type, &s, cr->arena, &option, &err);
        if (rules[i].unwrap)
            continue;
        const struct yaml_node *wrong = yaml_tree_find(n, option);
        if (wrong)
            config_report_enter(cr->report, option);
        config_reader_refuse(cr, wrong ? wrong : n, &err);
        if (wrong)
            config_report_leave(cr->report);
        return;
    }
}

static void read_protobuf(struct config_reader *cr, const struct yaml_node *n, const struct yaml_node *at,
                          struct decode_settings *d)
{
    static const char *const also[] = {"message", "messages", "unwrap", NULL};
    const struct yaml_node *unwrap = yaml_tree_find(n, "unwrap");
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
    if (message) {
        config_report_enter(cr->report, "message");
        rules[d->rule_count++] = (struct decode_rule){.type = find_type(cr, message)};
        config_report_leave(cr->report);
    }
    if (unwrap) {
        config_report_enter(cr->report, "unwrap");
        compile_unwrap(cr, unwrap, rules, d->rule_count);
        config_report_leave(cr->report);
    }
}

/* "protobuf, json" with the plugins behind them, and what the word may have meant. */
static void refuse_word(struct config_reader *cr, const struct yaml_node *n, const char *word,
                        const char *const *kinds, size_t count, const char *listed)
{
    const char *known[64];
    for (size_t i = 0; i < count; i++)
        known[i] = kinds[i];
    count += plugin_host_list_names(cr->host, known + count, array_count(known) - count);
    const char *nearest = nearest_word_find(word, known, count);
    config_report_error(cr->report, n, "Expected %s or the name of a codec plugin, found \"%.80s\".%s",
                        listed, word, nearest ? config_reader_suggest(cr, word, known, count) : "");
}

static bool read_simple_decode(const char *word, struct decode_settings *d)
{
    if (strcmp(word, "text") == 0)
        d->kind = DECODE_TEXT;
    else
        d->kind = DECODE_NONE;
    return d->kind != DECODE_NONE || strcmp(word, "none") == 0;
}

/* What one `decode` is read with. */
struct decode_reading {
    struct config_reader *cr;
    const struct route_config *route;
    const char *label;
    struct decode_settings *decode;
    uint64_t *fingerprint;
};

/* One format by its name; `options` is NULL for the name alone. */
static void read_format(struct decode_reading *dr, const struct yaml_node *name,
                        const struct yaml_node *options)
{
    static const char *const kinds[] = {"protobuf", "json", "text", "none"};
    struct config_reader *cr = dr->cr;
    const char *word = yaml_node_show(name);
    if (strcmp(word, "protobuf") == 0 && options) {
        read_protobuf(cr, options, name, dr->decode);
        *dr->fingerprint = gateway_fingerprint_join(*dr->fingerprint, cr->schema_fingerprint);
    } else if (strcmp(word, "protobuf") == 0) {
        config_report_error(
            cr->report, name,
            "A message type is needed to decode protobuf: write  decode: { protobuf: { message: "
            "acme.v1.Telemetry } }.");
    } else if (strcmp(word, "json") == 0) {
        dr->decode->kind = DECODE_JSON;
        (void)option_apply(pipeline_settings_json_options, options, name, NULL, &dr->decode->json, cr->arena,
                           cr->report);
    } else if (read_simple_decode(word, dr->decode)) {
        if (options && !yaml_node_is_null(options) && (options->kind == YAML_SCALAR || options->count))
            config_report_error(cr->report, options, "There are no settings for %s. Write  decode: %s.", word,
                                word);
    } else if (is_plugin_name(cr, word)) {
        dr->decode->kind = DECODE_PLUGIN;
        (void)read_codec(cr, name, options, dr->label, CODEC_DECODES, &dr->decode->codec, dr->fingerprint);
    } else {
        refuse_word(cr, name, word, kinds, array_count(kinds), "protobuf, json, text, none");
    }
}

/* `decompress: gzip` or `decompress: { gzip: { max_output: 1 MiB } }`. */
static void read_decompress(struct decode_reading *dr, const struct yaml_node *n)
{
    const struct yaml_node *name = n, *options = NULL;
    struct config_reader *cr = dr->cr;
    if (n->unresolved)
        return;
    if (n->kind == YAML_MAP && n->count == 1) {
        name = n->pairs[0].key;
        options = n->pairs[0].value;
    }
    if (name->kind != YAML_SCALAR || yaml_node_is_null(name)) {
        config_report_error(cr->report, n,
                            "Expected the name of a codec that unpacks, such as gzip or zstd.");
        return;
    }
    if (!is_plugin_name(cr, name->text)) {
        refuse_word(cr, name, yaml_node_show(name), NULL, 0, "gzip, zstd");
        return;
    }
    (void)read_codec(cr, name, options, dr->label, CODEC_UNPACKS, &dr->decode->unpack, dr->fingerprint);
}

static void read_decode_map(struct decode_reading *dr, const struct yaml_node *n)
{
    struct config_reader *cr = dr->cr;
    const struct yaml_pair *format = NULL;
    const struct yaml_node *unpack = yaml_tree_find(n, "decompress");
    bool is_choice = gateway_config_choice_is_one(n);
    if (!is_choice && n->count != 1u + (unpack != NULL) && !(unpack && n->count == 1)) {
        config_report_error(cr->report, n,
                            "Expected one way to decode, as in  decode: json  or  decode: { protobuf: { "
                            "message: acme.v1.Telemetry } }.");
        return;
    }
    for (size_t i = 0; i < n->count && !is_choice; i++)
        if (n->pairs[i].value != unpack)
            format = &n->pairs[i];
    if (unpack) {
        config_report_enter(cr->report, "decompress");
        read_decompress(dr, unpack);
        config_report_leave(cr->report);
    }
    if (is_choice) {
        dr->decode->kind = DECODE_CHOICE;
        gateway_config_choice_read(cr, dr->route, n, dr->label, &dr->decode->choice, dr->fingerprint);
    }
    if (format) {
        config_report_enter(cr->report, format->key->text);
        read_format(dr, format->key, format->value);
        config_report_leave(cr->report);
    }
}

void gateway_config_codecs_read_decode(struct config_reader *cr, const struct route_config *route,
                                       const struct yaml_node *n, const char *label,
                                       struct decode_settings *out, uint64_t *fingerprint)
{
    struct decode_reading dr = {cr, route, label, out, fingerprint};
    if (yaml_node_is_null(n) || n->unresolved)
        return;
    if (n->kind == YAML_SCALAR)
        read_format(&dr, n, NULL);
    else if (n->kind == YAML_MAP)
        read_decode_map(&dr, n);
    else
        config_report_error(cr->report, n,
                            "Expected one way to decode, as in  decode: json  or  decode: { protobuf: { "
                            "message: acme.v1.Telemetry } }.");
}

/* ---- encode ---- */

static bool read_encode_protobuf(struct config_reader *cr, const struct yaml_node *name,
                                 const struct yaml_node *n, struct encode_settings *out)
{
    static const char *const also[] = {"message", NULL};
    const struct yaml_node *message = n ? yaml_tree_find(n, "message") : NULL;
    struct encode_protobuf_settings written = {0};
    out->kind = ENCODE_PROTOBUF;
    if (!option_apply(pipeline_settings_encode_protobuf_options, n, name, also, &written, cr->arena,
                      cr->report))
        return false;
    out->schema = pipeline_settings_encode_options(&written);
    if (!message) {
        config_report_error(
            cr->report, n && n->kind == YAML_MAP ? n : name,
            "The message type is missing. Write  encode: { protobuf: { message: acme.v1.Command } }.");
        return false;
    }
    config_report_enter(cr->report, "message");
    out->type = find_type(cr, message);
    config_report_leave(cr->report);
    return out->type != NULL;
}

/* What one `encode` is read with. */
struct encode_reading {
    struct config_reader *cr;
    const struct pipeline_settings *route; /* as far as it was read */
    const char *label;
    struct encode_settings *encode;
    uint64_t *fingerprint;
};

static bool read_encoding(struct encode_reading *er, const struct yaml_node *name,
                          const struct yaml_node *options)
{
    static const char *const kinds[] = {"auto", "json", "raw", "protobuf", "sparkplug"};
    struct config_reader *cr = er->cr;
    const char *word = yaml_node_show(name);
    for (int i = ENCODE_AUTO; i <= ENCODE_RAW; i++) {
        if (strcmp(word, kinds[i]) != 0)
            continue;
        er->encode->kind = i;
        if (!options || yaml_node_is_null(options) || (options->kind != YAML_SCALAR && options->count == 0))
            return true;
        config_report_error(cr->report, options, "There are no settings for %s. Write  encode: %s.", word,
                            word);
        return false;
    }
    if (strcmp(word, "protobuf") == 0) {
        *er->fingerprint = gateway_fingerprint_join(*er->fingerprint, cr->schema_fingerprint);
        return read_encode_protobuf(cr, name, options, er->encode);
    }
    if (strcmp(word, "sparkplug") == 0) {
        er->encode->kind = ENCODE_SPARKPLUG;
        return gateway_config_sparkplug_read_encode(cr, options, name, &er->encode->sparkplug);
    }
    if (!is_plugin_name(cr, word)) {
        refuse_word(cr, name, word, kinds, array_count(kinds), "auto, json, raw, protobuf, sparkplug");
        return false;
    }
    er->encode->kind = ENCODE_PLUGIN;
    return read_codec(cr, name, options, er->label, CODEC_ENCODES, &er->encode->codec, er->fingerprint);
}

static bool read_encode(struct encode_reading *er, const struct yaml_node *n)
{
    struct config_reader *cr = er->cr;
    if (n->kind == YAML_SCALAR)
        return read_encoding(er, n, NULL);
    if (n->kind != YAML_MAP || n->count != 1) {
        config_report_error(cr->report, n,
                            "Expected one way to encode, as in  encode: json  or  encode: { protobuf: { "
                            "message: acme.v1.Command } }.");
        return false;
    }
    config_report_enter(cr->report, n->pairs[0].key->text);
    bool right = read_encoding(er, n->pairs[0].key, n->pairs[0].value);
    config_report_leave(cr->report);
    return right;
}

/* What is not decoded is bytes, and only some encodings can carry those. */
static bool check_encoding(const struct encode_reading *er, const struct yaml_node *at)
{
    const struct encode_settings *e = er->encode;
    bool needs_fields = e->kind == ENCODE_PROTOBUF || e->kind == ENCODE_SPARKPLUG;
    if (needs_fields && pipeline_settings_last_encode(er->route)) {
        config_report_error(er->cr->report, at,
                            "A stage of this route encodes already, and what it makes has no fields for %s. "
                            "Leave out one of the two.",
                            e->kind == ENCODE_PROTOBUF ? "a protobuf message" : "metrics");
        return false;
    }
    if (pipeline_settings_decodes(&er->route->decode) || er->route->stage_count || e->kind == ENCODE_AUTO ||
        e->kind == ENCODE_RAW)
        return true;
    if (e->kind == ENCODE_PLUGIN && (plugin_description(e->codec.plugin)->codec->flags & FBY_CODEC_UNPACKS))
        return true;
    static const char *const names[] = {
        [ENCODE_JSON] = "JSON", [ENCODE_PROTOBUF] = "protobuf", [ENCODE_SPARKPLUG] = "metrics"};
    config_report_error(er->cr->report, at,
                        "Only decoded messages can be written as %s, and this route does not decode%s. "
                        "Add  decode: protobuf, json or text  to the route%s.",
                        e->kind == ENCODE_PLUGIN ? e->codec.name : names[e->kind],
                        er->route->decode.kind == DECODE_CHOICE ? " all of its messages" : "",
                        e->kind == ENCODE_SPARKPLUG ? "" : ", or write  encode: raw");
    return false;
}

bool gateway_config_codecs_read_encode(struct config_reader *cr, const struct yaml_node *n,
                                       const struct pipeline_settings *route, const char *label,
                                       struct encode_settings *out, uint64_t *fingerprint)
{
    struct encode_reading er = {cr, route, label, out, fingerprint};
    if (yaml_node_is_null(n))
        return true;
    if (n->unresolved)
        return false;
    config_report_enter(cr->report, "encode");
    bool right = read_encode(&er, n) && check_encoding(&er, n);
    config_report_leave(cr->report);
    return right;
}

bool gateway_config_codecs_read_stage(struct config_reader *cr, const struct yaml_node *n,
                                      const struct yaml_node *at, const struct pipeline_settings *route,
                                      const char *label, struct encode_settings *out, uint64_t *fingerprint)
{
    struct encode_reading er = {cr, route, label, out, fingerprint};
    if (yaml_node_is_null(n)) {
        config_report_error(
            cr->report, n ? n : at,
            "Say what to encode to, as in  - encode: { protobuf: { message: acme.v1.Command } }.");
        return false;
    }
    if (n->unresolved || !read_encode(&er, n))
        return false;
    bool makes_bytes = out->kind != ENCODE_AUTO && out->kind != ENCODE_RAW && out->kind != ENCODE_SPARKPLUG;
    if (!makes_bytes)
        config_report_error(cr->report, n,
                            "The stage encode makes bytes of values: name json, protobuf or a codec.");
    return makes_bytes && check_encoding(&er, n);
}
