/* SPDX-License-Identifier: Apache-2.0
 *
 * See pipeline_plugin_codec.h. The limits are those that the decoders of the daemon have.
 */
#include "pipeline/pipeline_plugin_codec.h"

#include "base/list.h"
#include "pipeline/pipeline_settings.h"
#include "plugin/plugin_host.h"

#include <stdio.h>

enum {
    DEPTH_MAX = 64,
    ELEMENTS_MAX = 65536,
    MEMORY_BASE_BYTES = 64 << 10,
    MEMORY_FACTOR = 32, /* bytes for each byte of payload */
    MEMORY_MAX_BYTES = 8 << 20,
    OUTPUT_MAX_BYTES = 4 << 20,
};

struct decode_call {
    struct fby_decode decode; /* first: the plugin's pointer is ours */
    struct arena *arena;
    size_t used;
    bool exceeded;
};

struct encode_call {
    struct fby_encode encode;
    struct buffer *out;
    size_t used;
    bool exceeded;
};

static void *decode_alloc(struct fby_decode *d, size_t size)
{
    struct decode_call *call = container_of(d, struct decode_call, decode);
    size_t rounded = (size + 15) & ~(size_t)15;
    bool fits = rounded >= size && rounded <= d->limits.memory - call->used;
    void *memory = fits ? arena_alloc(call->arena, rounded) : NULL;
    if (!memory)
        call->exceeded = true;
    else
        call->used += rounded;
    return memory;
}

static bool encode_write(struct fby_encode *e, const void *data, size_t len)
{
    struct encode_call *call = container_of(e, struct encode_call, encode);
    if (len > e->limits.memory - call->used) {
        call->exceeded = true;
        return false;
    }
    buffer_add(call->out, data, len);
    call->used += len;
    return !call->out->failed;
}

static const struct plugin_side codec_side = {.decode_alloc = decode_alloc, .encode_write = encode_write};

struct plugin_instance *pipeline_plugin_codec_create(const struct codec_settings *s, const char *label,
                                                     struct plugin_host *plugins, struct error *err)
{
    char name[256];
    snprintf(name, sizeof name, "%s %s", label, s->name);
    return plugin_instance_create(plugins, s->plugin, name, s->options, &codec_side, NULL, err);
}

/* What is unpacked may be much larger than what came in; the plugin's own options bound that further. */
static size_t memory_limit(const struct fby_codec_ops *ops, size_t payload_len)
{
    size_t wanted = MEMORY_BASE_BYTES + MEMORY_FACTOR * payload_len;
    if ((ops->flags & FBY_CODEC_UNPACKS) || payload_len > MEMORY_MAX_BYTES / MEMORY_FACTOR)
        return MEMORY_MAX_BYTES;
    return wanted < MEMORY_MAX_BYTES ? wanted : MEMORY_MAX_BYTES;
}

static enum status refuse(struct error *err, const struct fby_error *reason, bool exceeded, size_t limit)
{
    size_t len = strnlen(reason->text, sizeof reason->text - 1);
    if (len)
        return error_set(err, exceeded ? STATUS_LIMIT : STATUS_INVALID, "%.*s", (int)len, reason->text);
    if (exceeded)
        return error_set(err, STATUS_LIMIT, "it needs more than the %zu bytes that it may use", limit);
    return error_set(err, STATUS_INVALID, "the codec refused it without a reason");
}

enum status pipeline_plugin_codec_decode(struct plugin_instance *in, const struct fby_message *m,
                                         struct bytes payload, struct arena *a, struct fby_value *out,
                                         struct error *err)
{
    const struct fby_codec_ops *ops = plugin_instance_description(in)->codec;
    struct decode_call call = {.arena = a};
    call.decode.message = m;
    call.decode.payload = (struct fby_bytes){(const char *)payload.data, payload.len};
    call.decode.limits = (struct fby_codec_limits){DEPTH_MAX, ELEMENTS_MAX, memory_limit(ops, payload.len)};
    size_t limit = call.decode.limits.memory;
    if (!ops->decode(plugin_instance_self(in), &call.decode))
        return refuse(err, &call.decode.error, call.exceeded, limit);
    if ((ops->flags & FBY_CODEC_UNPACKS) && call.decode.value.type != FBY_BYTES)
        return error_set(err, STATUS_INVALID, "the codec says that it unpacks, and gave no bytes");
    *out = call.decode.value;
    return STATUS_OK;
}

enum status pipeline_plugin_codec_encode(struct plugin_instance *in, const struct fby_message *m,
                                         const struct fby_value *v, struct buffer *out, struct error *err)
{
    const struct fby_codec_ops *ops = plugin_instance_description(in)->codec;
    struct encode_call call = {.out = out};
    call.encode.message = m;
    call.encode.value = v;
    call.encode.limits = (struct fby_codec_limits){DEPTH_MAX, ELEMENTS_MAX, OUTPUT_MAX_BYTES};
    bool made = ops->encode(plugin_instance_self(in), &call.encode);
    if (made && !call.exceeded)
        return STATUS_OK;
    return refuse(err, &call.encode.error, call.exceeded, OUTPUT_MAX_BYTES);
}
