/* SPDX-License-Identifier: Apache-2.0
 *
 * See msgpack_writer.h. msgpack-c's packer keeps nothing: it calls write_piece for every head and body.
 */
#include "msgpack_writer.h"

#include <msgpack/pack.h>
#include <stdio.h>

struct writer {
    const struct fby_host *host;
    struct fby_encode *encode;
    uint32_t depth_left;
    msgpack_packer packer;
};

static int write_piece(void *data, const char *buf, size_t len)
{
    const struct writer *w = data;
    return w->host->encode_write(w->encode, buf, len) ? 0 : -1;
}

static bool write_text(struct writer *w, const char *text, size_t len)
{
    return msgpack_pack_str(&w->packer, len) == 0 &&
           (len == 0 || msgpack_pack_str_body(&w->packer, text, len) == 0);
}

static bool write_bytes(struct writer *w, const struct fby_value *v)
{
    return msgpack_pack_bin(&w->packer, v->len) == 0 &&
           (v->len == 0 || msgpack_pack_bin_body(&w->packer, v->bytes, v->len) == 0);
}

/* A float where it holds the same number. */
static bool write_double(struct writer *w, double d)
{
    float f = (float)d;
    if ((double)f == d || d != d)
        return msgpack_pack_float(&w->packer, f) == 0;
    return msgpack_pack_double(&w->packer, d) == 0;
}

static bool write_value(struct writer *w, const struct fby_value *v);

static bool write_entries(struct writer *w, const struct fby_value *v)
{
    bool is_map = v->type == FBY_MAP, right;
    if (w->depth_left == 0) {
        snprintf(w->encode->error.text, sizeof w->encode->error.text, "it is nested deeper than %u",
                 w->encode->limits.depth);
        return false;
    }
    w->depth_left--;
    right = (is_map ? msgpack_pack_map(&w->packer, v->len) : msgpack_pack_array(&w->packer, v->len)) == 0;
    for (uint32_t i = 0; right && i < v->len; i++)
        right = is_map ? write_text(w, v->fields[i].name.data, v->fields[i].name.len) &&
                             write_value(w, &v->fields[i].value)
                       : write_value(w, &v->items[i]);
    w->depth_left++;
    return right;
}

static bool write_value(struct writer *w, const struct fby_value *v)
{
    msgpack_packer *p = &w->packer;
    switch ((enum fby_type)v->type) {
    case FBY_BOOL:
        return (v->boolean ? msgpack_pack_true(p) : msgpack_pack_false(p)) == 0;
    case FBY_INT:
        return msgpack_pack_int64(p, v->integer) == 0;
    case FBY_UINT:
        return msgpack_pack_uint64(p, v->uinteger) == 0;
    case FBY_DOUBLE:
        return write_double(w, v->number);
    case FBY_STRING:
        return write_text(w, v->bytes, v->len);
    case FBY_BYTES:
        return write_bytes(w, v);
    case FBY_TIME:
        return msgpack_pack_timestamp(p, &(msgpack_timestamp){v->time_s, v->len}) == 0;
    case FBY_LIST:
    case FBY_MAP:
        return write_entries(w, v);
    case FBY_NULL:
        break;
    }
    return msgpack_pack_nil(p) == 0;
}

bool msgpack_writer_run(const struct fby_host *host, struct fby_encode *e)
{
    struct writer w = {.host = host, .encode = e, .depth_left = e->limits.depth};
    msgpack_packer_init(&w.packer, &w, write_piece);
    return write_value(&w, e->value);
}
