/* SPDX-License-Identifier: Apache-2.0
 *
 * See codec_runner.h.
 */
#include "codec_runner.h"

#include "codec_sparkplug.h"

#include "base/memory.h"
#include "config/config_report.h"
#include "loop/loop.h"
#include "message/value.h"
#include "pipeline/pipeline_codec.h"
#include "plugin/plugin_host.h"
#include "schema/schema.h"
#include "schema/schema_unwrap.h"

#include <assert.h>
#include <stdlib.h>

static const uint8_t messages_set[] = {
#include "tests/conformance/messages_set.inc" /* made by the build */
};

struct codec_runner {
    struct loop *loop;
    struct plugin_host *plugins;
    struct plugin *plugin;
    struct schema_registry *schemas;
    struct decode_rule rule;
    struct pipeline_settings settings;
    struct pipeline_codec codec;
    struct codec_sparkplug *sparkplug; /* NULL: another codec */
    bool only_decodes;
    struct arena arena, options, unwraps;
    struct buffer out;
};

static const struct schema_type *find_type(struct codec_runner *r, const char *name)
{
    r->schemas = schema_registry_create();
    enum status status =
        schema_registry_add_set(r->schemas, "set", bytes_of(messages_set, sizeof messages_set), NULL);
    assert(status == STATUS_OK);
    status = schema_registry_link(r->schemas, NULL);
    assert(status == STATUS_OK);
    return schema_registry_find(r->schemas, name, NULL);
}

static bool use_plugin(struct codec_runner *r, const char *name, struct codec_settings *s)
{
    struct error err;
    struct config_report *report = config_report_create();
    r->plugin = plugin_host_load(r->plugins, name, NULL, &err);
    if (r->plugin)
        *s = (struct codec_settings){name, r->plugin,
                                     plugin_options_read(r->plugin, NULL, NULL, &r->options, report)};
    config_report_destroy(report);
    return r->plugin != NULL;
}

/* From JSON. */
static bool set_encoding(struct codec_runner *r, const char *format)
{
    r->settings.decode.kind = DECODE_JSON;
    r->settings.encode.kind = ENCODE_PLUGIN;
    if (strcmp(format, "protobuf") != 0)
        return use_plugin(r, format, &r->settings.encode.codec);
    r->settings.encode.kind = ENCODE_PROTOBUF;
    r->settings.encode.type = find_type(r, "protobuf_test_messages.proto3.TestAllTypesProto3");
    r->settings.encode.schema.ignore_unknown = true;
    return true;
}

/* Envelopes with an Any, with a oneof, and with bytes that a text names the type of. */
static bool set_unwrap(struct codec_runner *r, const char *format)
{
    const char *option;
    struct schema_unwrap_settings s = {.field = "oneof_field", .keep_as = "envelope"};
    if (strcmp(format, "protobuf-unwrap-any") == 0)
        s.field = "optional_any";
    if (strcmp(format, "protobuf-unwrap-bytes") == 0) {
        s.field = "optional_bytes";
        s.type_field = "optional_string";
    }
    r->rule.unwrap = schema_unwrap_compile(r->rule.type, &s, &r->unwraps, &option, NULL);
    return r->rule.unwrap != NULL;
}

/* To JSON. */
static bool set_decoding(struct codec_runner *r, const char *format)
{
    struct decode_settings *d = &r->settings.decode;
    r->settings.encode.kind = ENCODE_JSON;
    if (strncmp(format, "protobuf", 8) == 0) {
        bool is_proto2 = strcmp(format, "protobuf2") == 0;
        r->rule.type = find_type(r, is_proto2 ? "protobuf_test_messages.proto2.TestAllTypesProto2"
                                              : "protobuf_test_messages.proto3.TestAllTypesProto3");
        d->kind = DECODE_PROTOBUF;
        d->schema = schema_options_default();
        if (strcmp(format, "protobuf-keep") == 0)
            d->schema.unknown_fields = SCHEMA_UNKNOWN_KEEP;
        d->rules = &r->rule;
        d->rule_count = 1;
        r->only_decodes = strcmp(format, "protobuf-tree") == 0;
        return strncmp(format, "protobuf-unwrap", 15) != 0 || set_unwrap(r, format);
    }
    if (strcmp(format, "json") == 0) {
        d->kind = DECODE_JSON;
        return true;
    }
    if (strcmp(format, "gzip") == 0 || strcmp(format, "zstd") == 0) {
        r->settings.encode.kind = ENCODE_AUTO;
        return use_plugin(r, format, &d->unpack);
    }
    d->kind = DECODE_PLUGIN;
    return use_plugin(r, format, &d->codec);
}

struct codec_runner *codec_runner_create(const char *codec, const char *plugins)
{
    struct error err;
    struct codec_runner *r = xcalloc(1, sizeof *r);
    arena_init(&r->arena, 64 * 1024, 64 << 20);
    arena_init(&r->options, 0, 0);
    arena_init(&r->unwraps, 0, 0);
    r->sparkplug = codec_sparkplug_create(codec);
    r->loop = loop_create(&err);
    r->plugins = plugin_host_create(plugins, r->loop, NULL);
    bool right =
        r->sparkplug || (strncmp(codec, "to-", 3) == 0 ? set_encoding(r, codec + 3) : set_decoding(r, codec));
    if (right && pipeline_codec_init(&r->codec, &r->settings, "bench", r->plugins, &err))
        return r;
    codec_runner_destroy(r);
    return NULL;
}

void codec_runner_destroy(struct codec_runner *r)
{
    pipeline_codec_finish(&r->codec);
    plugin_unref(r->plugin);
    plugin_host_destroy(r->plugins);
    schema_registry_destroy(r->schemas);
    loop_destroy(r->loop);
    codec_sparkplug_destroy(r->sparkplug);
    arena_finish(&r->unwraps);
    arena_finish(&r->options);
    arena_finish(&r->arena);
    buffer_finish(&r->out);
    free(r);
}

enum status codec_runner_convert(struct codec_runner *r, struct bytes payload, struct bytes *out,
                                 struct error *err)
{
    const struct fby_message message = {.payload = {(const char *)payload.data, payload.len}};
    const char *where;
    struct fby_value value;
    arena_reset(&r->arena);
    *out = bytes_of("", 0);
    if (r->sparkplug) {
        enum status decoded = codec_sparkplug_decode(r->sparkplug, payload, &r->arena, &value, err);
        buffer_clear(&r->out);
        if (decoded == STATUS_OK && !value_write_json(&value, &r->out))
            decoded = STATUS_LIMIT;
        *out = buffer_bytes(&r->out);
        return decoded;
    }
    if (r->only_decodes)
        return pipeline_codec_decode(&r->codec, &message, &r->arena, &value, err);
    enum status status = pipeline_codec_convert(&r->codec, &message, &r->arena, &r->out, &where, err);
    *out = buffer_bytes(&r->out);
    return status;
}

const struct codec_case *codec_runner_case(size_t index)
{
    static const struct codec_case *const tables[] = {
        codec_corpus_protobuf, codec_corpus_unwrap,    codec_corpus_json,
        codec_corpus_binary,   codec_corpus_sparkplug,
#ifdef WITH_ZLIB
        codec_corpus_gzip,
#endif
#ifdef WITH_ZSTD
        codec_corpus_zstd,
#endif
    };
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const struct codec_case *c = tables[t]; c->codec; c++)
            if (index-- == 0)
                return c;
    return NULL;
}
