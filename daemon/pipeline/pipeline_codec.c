/* SPDX-License-Identifier: Apache-2.0
 *
 * See pipeline_codec.h. The formats themselves live in schema/ and message/value.
 */
#include "pipeline/pipeline_codec.h"

#include "base/utf8.h"
#include "message/topic_filter.h"
#include "message/value.h"
#include "pipeline/pipeline_plugin_codec.h"
#include "plugin/plugin_host.h"
#include "schema/schema_encode.h"

static struct bytes to_bytes(struct fby_bytes b)
{
    return bytes_of(b.data, b.len);
}

static const struct schema_type *find_type(const struct decode_settings *s, struct bytes topic)
{
    for (size_t i = 0; i < s->rule_count; i++)
        if (!s->rules[i].filter || topic_filter_match(s->rules[i].filter, topic, NULL))
            return s->rules[i].type;
    return NULL;
}

static enum status no_type(struct error *err, struct bytes topic)
{
    return error_set(
        err, STATUS_INVALID,
        "no message type is configured for the topic \"%.*s\". Add it to decode.protobuf.messages",
        (int)(topic.len < 200 ? topic.len : 200), (const char *)topic.data);
}

static enum status decode_text(struct bytes payload, struct fby_value *out, struct error *err)
{
    if (!utf8_is_valid(payload))
        return error_set(err, STATUS_INVALID, "the payload is not valid UTF-8 text");
    *out = value_string(payload);
    return STATUS_OK;
}

/* ---- Life ---- */

static bool create_instance(struct plugin_instance **in, const struct codec_settings *s, const char *label,
                            const char *section, struct plugin_host *plugins, struct error *err)
{
    if (!s->plugin)
        return true;
    *in = pipeline_plugin_codec_create(s, label, plugins, err);
    if (!*in)
        error_wrap(err, "%s %s", section, s->name);
    return *in != NULL;
}

bool pipeline_codec_init(struct pipeline_codec *c, const struct pipeline_settings *s, const char *label,
                         struct plugin_host *plugins, struct error *err)
{
    *c = (struct pipeline_codec){.settings = s};
    if (create_instance(&c->unpack, &s->decode.unpack, label, "decompress", plugins, err) &&
        create_instance(&c->decode, &s->decode.codec, label, "decode", plugins, err) &&
        create_instance(&c->encode, &s->encode.codec, label, "encode", plugins, err))
        return true;
    pipeline_codec_finish(c);
    return false;
}

void pipeline_codec_finish(struct pipeline_codec *c)
{
    plugin_instance_destroy(c->unpack);
    plugin_instance_destroy(c->decode);
    plugin_instance_destroy(c->encode);
    *c = (struct pipeline_codec){0};
}

/* ---- Decode ---- */

static enum status unpack(const struct pipeline_codec *c, const struct fby_message *m, struct arena *a,
                          struct bytes *payload, struct error *err)
{
    struct fby_value unpacked;
    *payload = to_bytes(m->payload);
    if (!c->unpack)
        return STATUS_OK;
    enum status result = pipeline_plugin_codec_decode(c->unpack, m, *payload, a, &unpacked, err);
    if (result == STATUS_OK)
        *payload = bytes_of(unpacked.bytes, unpacked.len);
    return result;
}

static enum status decode_payload(const struct pipeline_codec *c, const struct fby_message *m,
                                  struct bytes payload, struct arena *a, struct fby_value *out,
                                  struct error *err)
{
    const struct decode_settings *s = &c->settings->decode;
    const struct schema_type *type;
    switch ((enum decode_kind)s->kind) {
    case DECODE_PROTOBUF:
        type = find_type(s, to_bytes(m->topic));
        if (!type)
            return no_type(err, to_bytes(m->topic));
        return schema_decode_value(type, &s->schema, payload, a, out, err);
    case DECODE_JSON:
        return value_parse_json(payload, NULL, a, out, err);
    case DECODE_TEXT:
        return decode_text(payload, out, err);
    case DECODE_PLUGIN:
        return pipeline_plugin_codec_decode(c->decode, m, payload, a, out, err);
    case DECODE_NONE:
        break;
    }
    *out = value_bytes(payload);
    return STATUS_OK;
}

enum status pipeline_codec_decode(const struct pipeline_codec *c, const struct fby_message *m,
                                  struct arena *a, struct fby_value *out, struct error *err)
{
    struct bytes payload;
    enum status result = unpack(c, m, a, &payload, err);
    return result == STATUS_OK ? decode_payload(c, m, payload, a, out, err) : result;
}

/* ---- Encode ---- */

static bool goes_out_as_json(const struct pipeline_settings *s)
{
    if (s->encode.kind == ENCODE_JSON)
        return true;
    return s->encode.kind == ENCODE_AUTO && s->decode.kind != DECODE_NONE && s->decode.kind != DECODE_TEXT;
}

static bool is_decoded(const struct decode_settings *s)
{
    return s->kind != DECODE_NONE || s->unpack.plugin;
}

static enum status encode_plain(const struct fby_value *v, struct buffer *out, struct error *err)
{
    if (v->type != FBY_STRING && v->type != FBY_BYTES)
        return error_set(err, STATUS_INVALID,
                         "a stage made a structured value, which needs `encode: json` at the target");
    buffer_add(out, v->bytes, v->len);
    return STATUS_OK;
}

enum status pipeline_codec_encode(const struct pipeline_codec *c, const struct fby_message *m,
                                  const struct fby_value *v, struct arena *scratch, struct buffer *out,
                                  struct error *err)
{
    const struct pipeline_settings *s = c->settings;
    enum status result = STATUS_OK;
    buffer_clear(out);
    if (goes_out_as_json(s))
        value_write_json(v, out);
    else if (s->encode.kind == ENCODE_PROTOBUF)
        result = schema_encode_value(s->encode.type, &s->encode.schema, v, scratch, out, err);
    else if (s->encode.kind == ENCODE_PLUGIN)
        result = pipeline_plugin_codec_encode(c->encode, m, v, out, err);
    else if (s->encode.kind == ENCODE_RAW && is_decoded(&s->decode))
        buffer_add(out, m->payload.data, m->payload.len);
    else
        result = encode_plain(v, out, err);
    if (result == STATUS_OK && out->failed)
        return error_set(err, STATUS_LIMIT, "the output is larger than %zu bytes", out->limit);
    return result;
}

/* ---- Both ---- */

/* Payload to JSON text without a tree between them. */
static enum status transcode(const struct pipeline_codec *c, const struct fby_message *m,
                             struct bytes payload, struct arena *scratch, struct buffer *out,
                             struct error *err)
{
    const struct decode_settings *s = &c->settings->decode;
    const struct schema_type *type = find_type(s, to_bytes(m->topic));
    if (!type)
        return no_type(err, to_bytes(m->topic));
    return schema_decode_json(type, &s->schema, payload, scratch, out, err);
}

static enum status convert(const struct pipeline_codec *c, const struct fby_message *m, struct arena *scratch,
                           struct buffer *out, const char **where, struct error *err)
{
    const struct pipeline_settings *s = c->settings;
    struct fby_value v;
    struct bytes payload;
    *where = "decode";
    enum status result = unpack(c, m, scratch, &payload, err);
    if (result != STATUS_OK)
        return result;
    if (s->decode.kind == DECODE_PROTOBUF && goes_out_as_json(s))
        return transcode(c, m, payload, scratch, out, err);
    result = decode_payload(c, m, payload, scratch, &v, err);
    if (result != STATUS_OK)
        return result;
    *where = "encode";
    return pipeline_codec_encode(c, m, &v, scratch, out, err);
}

enum status pipeline_codec_convert(const struct pipeline_codec *c, const struct fby_message *m,
                                   struct arena *scratch, struct buffer *out, const char **where,
                                   struct error *err)
{
    struct arena_mark mark = arena_mark(scratch);
    buffer_clear(out);
    enum status result = convert(c, m, scratch, out, where, err);
    arena_rewind(scratch, mark);
    return result;
}

bool pipeline_codec_is_raw(const struct pipeline_settings *s)
{
    return s->stage_count == 0 && !is_decoded(&s->decode) &&
           (s->encode.kind == ENCODE_AUTO || s->encode.kind == ENCODE_RAW);
}

struct bytes pipeline_codec_content_type(const struct pipeline_codec *c, const struct fby_message *m)
{
    if (goes_out_as_json(c->settings))
        return bytes_of_text("application/json");
    if (c->settings->encode.kind == ENCODE_PROTOBUF)
        return bytes_of_text("application/x-protobuf");
    if (c->encode)
        return bytes_of_text(plugin_instance_description(c->encode)->codec->content_type);
    return to_bytes(m->content_type);
}
