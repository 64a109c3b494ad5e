/* SPDX-License-Identifier: Apache-2.0
 *
 * See pipeline_codec.h. Here is decided what `encode: auto` stands for.
 */
#include "pipeline/pipeline_codec.h"

bool pipeline_codec_init(struct pipeline_codec *c, const struct pipeline_settings *s, const char *label,
                         struct plugin_host *plugins, struct error *err)
{
    *c = (struct pipeline_codec){.settings = s, .last_encode = pipeline_settings_last_encode(s)};
    if (pipeline_decoder_init(&c->decoder, &s->decode, label, plugins, err) &&
        pipeline_encoder_init(&c->encoder, &s->encode, label, plugins, err))
        return true;
    pipeline_codec_finish(c);
    return false;
}

void pipeline_codec_finish(struct pipeline_codec *c)
{
    pipeline_decoder_finish(&c->decoder);
    pipeline_encoder_finish(&c->encoder);
    *c = (struct pipeline_codec){0};
}

/* How this message goes out: `auto` makes JSON of what was decoded, and leaves text and bytes, which is what
 * a stage has encoded as well. */
static int encode_kind(const struct pipeline_codec *c, const struct fby_message *m)
{
    if (c->settings->encode.kind != ENCODE_AUTO)
        return c->settings->encode.kind;
    if (c->last_encode)
        return ENCODE_AUTO;
    const struct pipeline_decoder *d = pipeline_decoder_find(&c->decoder, m);
    return !d || d->settings->kind == DECODE_NONE || d->settings->kind == DECODE_TEXT ? ENCODE_AUTO
                                                                                      : ENCODE_JSON;
}

enum status pipeline_codec_decode(const struct pipeline_codec *c, const struct fby_message *m,
                                  struct arena *a, struct fby_value *out, struct error *err)
{
    return pipeline_decoder_run(&c->decoder, m, a, out, err);
}

/* Without decode a stage may have changed the bytes, and those are what `encode: raw` means then. */
static enum status encode(const struct pipeline_codec *c, int kind, const struct fby_message *m,
                          const struct fby_value *v, struct arena *scratch, struct buffer *out,
                          struct error *err)
{
    if (kind == ENCODE_RAW && pipeline_decoder_is_none(&c->decoder, m))
        kind = ENCODE_AUTO;
    return pipeline_encoder_run(&c->encoder, kind, m, v, scratch, out, err);
}

enum status pipeline_codec_encode(const struct pipeline_codec *c, const struct fby_message *m,
                                  const struct fby_value *v, struct arena *scratch, struct buffer *out,
                                  struct error *err)
{
    buffer_clear(out);
    return encode(c, encode_kind(c, m), m, v, scratch, out, err);
}

static enum status convert(const struct pipeline_codec *c, const struct fby_message *m, struct arena *scratch,
                           struct buffer *out, const char **where, struct error *err)
{
    struct fby_value v;
    int kind = encode_kind(c, m);
    bool is_done = false;
    *where = "decode";
    enum status result = kind == ENCODE_JSON
                             ? pipeline_decoder_to_json(&c->decoder, m, scratch, out, &is_done, &v, err)
                             : pipeline_decoder_run(&c->decoder, m, scratch, &v, err);
    if (result != STATUS_OK || is_done)
        return result;
    *where = "encode";
    return encode(c, kind, m, &v, scratch, out, err);
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

bool pipeline_codec_is_raw(const struct pipeline_codec *c, const struct fby_message *m)
{
    return c->settings->stage_count == 0 &&
           (c->settings->encode.kind == ENCODE_AUTO || c->settings->encode.kind == ENCODE_RAW) &&
           pipeline_decoder_is_none(&c->decoder, m);
}

struct bytes pipeline_codec_content_type(const struct pipeline_codec *c, const struct fby_message *m)
{
    int kind = encode_kind(c, m);
    if (kind == ENCODE_AUTO && c->last_encode)
        return pipeline_encoder_content_type(c->last_encode, c->last_encode->kind, m);
    return pipeline_encoder_content_type(&c->settings->encode, kind, m);
}
