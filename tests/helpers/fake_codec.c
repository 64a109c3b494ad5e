/* SPDX-License-Identifier: Apache-2.0
 *
 * See fake_codec.h.
 */
#include "fake_codec.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 1 << 20, BLOCKS_MAX = 1 << 16, MEMORY = 1 << 20 };

struct fake_codec {
    const struct fby_codec_ops *ops;
    void *self;
    struct fby_codec_limits limits;
    size_t used, text_len, out_len, block_count;
    struct fby_value tree;
    void *blocks[BLOCKS_MAX]; /* each its own allocation, so that a sanitizer sees its end */
    char text[TEXT_MAX];
    uint8_t out[TEXT_MAX];
};

static struct fake_codec *current; /* the host's functions carry no instance */

static void *host_decode_alloc(struct fby_decode *d, size_t size)
{
    struct fake_codec *c = current;
    size_t rounded = (size + 15) & ~(size_t)15;
    if (rounded > d->limits.memory - c->used || c->block_count == BLOCKS_MAX)
        return NULL;
    c->used += rounded;
    return c->blocks[c->block_count++] = malloc(size ? size : 1);
}

static bool host_encode_write(struct fby_encode *e, const void *data, size_t len)
{
    struct fake_codec *c = current;
    if (len > e->limits.memory - c->out_len || len > sizeof c->out - c->out_len)
        return false;
    memcpy(c->out + c->out_len, data, len);
    c->out_len += len;
    return true;
}

static const struct fby_host host = {
    .size = sizeof(struct fby_host), .decode_alloc = host_decode_alloc, .encode_write = host_encode_write};

static void free_blocks(struct fake_codec *c)
{
    while (c->block_count)
        free(c->blocks[--c->block_count]);
    c->used = 0;
}

struct fake_codec *fake_codec_create(const char *path, const void *options)
{
    char place[4096];
    struct fby_error err = {{0}};
    snprintf(place, sizeof place, "./%s", path);
    void *handle = dlopen(place, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        return NULL;
    const struct fby_plugin *plugin = dlsym(handle, "forebay_plugin");
    struct fake_codec *c = calloc(1, sizeof *c);
    if (!c || !plugin || plugin->kind != FBY_KIND_CODEC)
        abort();
    c->ops = plugin->codec;
    c->limits = (struct fby_codec_limits){64, 65536, MEMORY};
    c->self = c->ops->create(&host, NULL, options, &err);
    if (!c->self)
        abort();
    return c;
}

void fake_codec_destroy(struct fake_codec *c)
{
    if (!c)
        return;
    free_blocks(c);
    c->ops->destroy(c->self);
    free(c);
}

struct fby_codec_limits *fake_codec_limits(struct fake_codec *c)
{
    return &c->limits;
}

size_t fake_codec_memory(const struct fake_codec *c)
{
    return c->used;
}

/* ---- A tree as text ---- */

__attribute__((format(printf, 2, 3))) static void put(struct fake_codec *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(c->text + c->text_len, sizeof c->text - c->text_len, format, args);
    va_end(args);
    c->text_len += n > 0 ? (size_t)n : 0;
    if (c->text_len >= sizeof c->text)
        abort();
}

static void put_hex(struct fake_codec *c, const void *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        put(c, "%02x", ((const uint8_t *)data)[i]);
}

static void put_value(struct fake_codec *c, const struct fby_value *v);

static void put_entries(struct fake_codec *c, const struct fby_value *v)
{
    bool is_map = v->type == FBY_MAP;
    put(c, is_map ? "{" : "[");
    for (uint32_t i = 0; i < v->len; i++) {
        put(c, "%s", i ? ", " : "");
        if (is_map) {
            const struct fby_bytes *name = &v->fields[i].name;
            if (name->data[name->len])
                abort(); /* the NUL that plugin.h promises */
            put(c, "\"%.*s\": ", (int)name->len, name->data);
        }
        put_value(c, is_map ? &v->fields[i].value : &v->items[i]);
    }
    put(c, is_map ? "}" : "]");
}

static void put_value(struct fake_codec *c, const struct fby_value *v)
{
    switch ((enum fby_type)v->type) {
    case FBY_NULL:
        put(c, "null");
        return;
    case FBY_BOOL:
        put(c, v->boolean ? "true" : "false");
        return;
    case FBY_INT:
        put(c, "%" PRId64, v->integer);
        return;
    case FBY_UINT:
        put(c, "%" PRIu64 "u", v->uinteger);
        return;
    case FBY_DOUBLE:
        put(c, "%.17g%s", v->number, v->flags & FBY_FLAG_FLOAT32 ? "f" : "");
        return;
    case FBY_STRING:
        put(c, "\"%.*s\"", (int)v->len, v->bytes);
        return;
    case FBY_BYTES:
        put(c, "h'");
        put_hex(c, v->bytes, v->len);
        put(c, "'");
        return;
    case FBY_TIME:
        put(c, "t%" PRId64 ".%09u", v->time_s, v->len);
        return;
    case FBY_LIST:
    case FBY_MAP:
        put_entries(c, v);
    }
}

/* ---- */

static bool decode(struct fake_codec *c, const void *payload, size_t len, struct fby_decode *d)
{
    static const struct fby_message message;
    current = c;
    free_blocks(c);
    c->text_len = 0;
    *d = (struct fby_decode){.message = &message, .payload = {payload, len}, .limits = c->limits};
    if (c->ops->decode(c->self, d))
        return true;
    put(c, "! %s", d->error.text);
    return false;
}

const char *fake_codec_decode(struct fake_codec *c, const void *payload, size_t len)
{
    struct fby_decode d;
    if (decode(c, payload, len, &d))
        put_value(c, &d.value);
    return c->text;
}

const struct fby_value *fake_codec_tree(struct fake_codec *c, const void *payload, size_t len)
{
    struct fby_decode d;
    if (!decode(c, payload, len, &d))
        return NULL;
    c->tree = d.value;
    return &c->tree;
}

const char *fake_codec_reason(const struct fake_codec *c)
{
    return c->text;
}

const char *fake_codec_encode(struct fake_codec *c, const struct fby_value *v)
{
    static const struct fby_message message;
    struct fby_encode e = {.message = &message, .value = v, .limits = c->limits};
    current = c;
    c->text_len = c->out_len = 0;
    if (c->ops->encode(c->self, &e))
        put_hex(c, c->out, c->out_len);
    else
        put(c, "! %s", e.error.text);
    return c->text;
}

const char *fake_codec_repeat(struct fake_codec *c, const void *payload, size_t len)
{
    const struct fby_value *v = fake_codec_tree(c, payload, len);
    return v ? fake_codec_encode(c, v) : c->text;
}
