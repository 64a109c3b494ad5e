/* SPDX-License-Identifier: Apache-2.0
 *
 * See pipeline_encoder.h.
 */
#include "pipeline/pipeline_encoder.h"

#include "message/value.h"
#include "pipeline/pipeline_plugin_codec.h"
#include "plugin/plugin_host.h"

bool pipeline_encoder_init(struct pipeline_encoder *e, const struct encode_settings *s, const char *label,
                           struct plugin_host *plugins, struct error *err)
{
    *e = (struct pipeline_encoder){.settings = s};
    if (!s->codec.plugin)
        return true;
    e->codec = pipeline_plugin_codec_create(&s->codec, label, plugins, err);
    if (!e->codec)
        error_wrap(err, "encode %s", s->codec.name);
    return e->codec != NULL;
}

void pipeline_encoder_finish(struct pipeline_encoder *e)
{
    plugin_instance_destroy(e->codec);
    *e = (struct pipeline_encoder){0};
}

static enum status encode_plain(const struct fby_value *v, struct buffer *out, struct error *err)
{
    if (v->type != FBY_STRING && v->type != FBY_BYTES)
        return error_set(err, STATUS_INVALID,
                         "a stage made a structured value, which needs `encode: json` at the target");
    buffer_add(out, v->bytes, v->len);
    return STATUS_OK;
}

enum status pipeline_encoder_run(const struct pipeline_encoder *e, int kind, const struct fby_message *m,
                                 const struct fby_value *v, struct arena *scratch, struct buffer *out,
                                 struct error *err)
{
    enum status result = STATUS_OK;
    switch ((enum encode_kind)kind) {
    case ENCODE_JSON:
        (void)value_write_json(v, out);
        break;
    case ENCODE_PROTOBUF:
        result = schema_encode_value(e->settings->type, &e->settings->schema, v, scratch, out, err);
        break;
    case ENCODE_PLUGIN:
        result = pipeline_plugin_codec_encode(e->codec, m, v, out, err);
        break;
    case ENCODE_SPARKPLUG:
        result = sparkplug_draft_encode(&e->settings->sparkplug, v, m->time_us / 1000, scratch, out, err);
        break;
    case ENCODE_RAW:
        buffer_add(out, m->payload.data, m->payload.len);
        break;
    case ENCODE_AUTO:
        result = encode_plain(v, out, err);
        break;
    }
    if (result == STATUS_OK && out->failed)
        return error_set(err, STATUS_LIMIT, "the output is larger than %zu bytes", out->limit);
    return result;
}

struct bytes pipeline_encoder_content_type(const struct encode_settings *s, int kind,
                                           const struct fby_message *m)
{
    if (kind == ENCODE_JSON)
        return bytes_of_text("application/json");
    if (kind == ENCODE_PROTOBUF || kind == ENCODE_SPARKPLUG)
        return bytes_of_text("application/x-protobuf");
    if (kind == ENCODE_PLUGIN)
        return bytes_of_text(plugin_description(s->codec.plugin)->codec->content_type);
    return bytes_of(m->content_type.data, m->content_type.len);
}
