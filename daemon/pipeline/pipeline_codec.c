/* SPDX-License-Identifier: Apache-2.0
 *
 * See pipeline_codec.h. The formats themselves live in schema/ and message/value.
 */
#include "pipeline/pipeline_codec.h"

#include "base/utf8.h"
#include "message/topic_filter.h"
#include "message/value.h"

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

enum status pipeline_codec_decode(const struct decode_settings *s, const struct fby_message *m,
                                  struct arena *a, struct fby_value *out, struct error *err)
{
    struct bytes payload = to_bytes(m->payload);
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
    case DECODE_NONE:
        break;
    }
    *out = value_bytes(payload);
    return STATUS_OK;
}

static bool goes_out_as_json(const struct pipeline_settings *s)
{
    if (s->encode == ENCODE_JSON)
        return true;
    return s->encode == ENCODE_AUTO && s->decode.kind != DECODE_NONE && s->decode.kind != DECODE_TEXT;
}

static enum status encode_plain(const struct fby_value *v, struct buffer *out, struct error *err)
{
    if (v->type != FBY_STRING && v->type != FBY_BYTES)
        return error_set(err, STATUS_INVALID,
                         "a stage made a structured value, which needs `encode: json` at the target");
    buffer_add(out, v->bytes, v->len);
    return STATUS_OK;
}

enum status pipeline_codec_encode(const struct pipeline_settings *s, const struct fby_message *m,
                                  const struct fby_value *v, struct buffer *out, struct error *err)
{
    enum status result = STATUS_OK;
    buffer_clear(out);
    if (goes_out_as_json(s))
        value_write_json(v, out);
    else if (s->encode == ENCODE_RAW && s->decode.kind != DECODE_NONE)
        buffer_add(out, m->payload.data, m->payload.len);
    else
        result = encode_plain(v, out, err);
    if (out->failed)
        return error_set(err, STATUS_LIMIT, "the output is larger than %zu bytes", out->limit);
    return result;
}

enum status pipeline_codec_convert(const struct pipeline_settings *s, const struct fby_message *m,
                                   struct arena *scratch, struct buffer *out, struct error *err)
{
    buffer_clear(out);
    if (s->decode.kind == DECODE_PROTOBUF && goes_out_as_json(s)) {
        const struct schema_type *type = find_type(&s->decode, to_bytes(m->topic));
        if (!type)
            return no_type(err, to_bytes(m->topic));
        return schema_decode_json(type, &s->decode.schema, to_bytes(m->payload), scratch, out, err);
    }
    struct arena_mark mark = arena_mark(scratch);
    struct fby_value v;
    enum status result = pipeline_codec_decode(&s->decode, m, scratch, &v, err);
    if (result == STATUS_OK)
        result = pipeline_codec_encode(s, m, &v, out, err);
    arena_rewind(scratch, mark);
    return result;
}

bool pipeline_codec_is_raw(const struct pipeline_settings *s)
{
    return s->stage_count == 0 && s->decode.kind == DECODE_NONE && s->encode != ENCODE_JSON;
}

struct bytes pipeline_codec_content_type(const struct pipeline_settings *s, const struct fby_message *m)
{
    if (goes_out_as_json(s))
        return bytes_of_text("application/json");
    return to_bytes(m->content_type);
}
