/* SPDX-License-Identifier: Apache-2.0
 *
 * See cbor_writer.h.
 */
#include "cbor_writer.h"

#include <cbor.h>
#include <stdio.h>

struct writer {
    const struct fby_host *host;
    struct fby_encode *encode;
    uint32_t depth_left;
};

enum { HEAD_MAX = 9 };

static bool write_head(struct writer *w, const unsigned char *head, size_t len)
{
    return len > 0 && w->host->encode_write(w->encode, head, len);
}

static bool write_run(struct writer *w, const unsigned char *head, size_t head_len, const struct fby_value *v)
{
    return write_head(w, head, head_len) &&
           (v->len == 0 || w->host->encode_write(w->encode, v->bytes, v->len));
}

/* A float where it holds the same number. */
static bool write_double(struct writer *w, double d)
{
    unsigned char head[HEAD_MAX];
    float f = (float)d;
    if ((double)f == d || d != d)
        return write_head(w, head, cbor_encode_single(f, head, sizeof head));
    return write_head(w, head, cbor_encode_double(d, head, sizeof head));
}

static bool write_int(struct writer *w, int64_t i)
{
    unsigned char head[HEAD_MAX];
    size_t len = i >= 0 ? cbor_encode_uint((uint64_t)i, head, sizeof head)
                        : cbor_encode_negint((uint64_t)(-1 - i), head, sizeof head);
    return write_head(w, head, len);
}

/* Tag 1: seconds since 1970, with a fraction only where there is one. */
static bool write_time(struct writer *w, const struct fby_value *v)
{
    unsigned char head[HEAD_MAX];
    if (!write_head(w, head, cbor_encode_tag(1, head, sizeof head)))
        return false;
    if (v->len == 0)
        return write_int(w, v->time_s);
    return write_double(w, (double)v->time_s + v->len / 1e9);
}

static bool write_value(struct writer *w, const struct fby_value *v);

static bool write_text(struct writer *w, struct fby_bytes text)
{
    unsigned char head[HEAD_MAX];
    return write_head(w, head, cbor_encode_string_start(text.len, head, sizeof head)) &&
           (text.len == 0 || w->host->encode_write(w->encode, text.data, text.len));
}

static bool write_entries(struct writer *w, const struct fby_value *v)
{
    unsigned char head[HEAD_MAX];
    bool is_map = v->type == FBY_MAP, right;
    if (w->depth_left == 0) {
        snprintf(w->encode->error.text, sizeof w->encode->error.text, "it is nested deeper than %u",
                 w->encode->limits.depth);
        return false;
    }
    w->depth_left--;
    right = write_head(w, head,
                       is_map ? cbor_encode_map_start(v->len, head, sizeof head)
                              : cbor_encode_array_start(v->len, head, sizeof head));
    for (uint32_t i = 0; right && i < v->len; i++)
        right = is_map ? write_text(w, v->fields[i].name) && write_value(w, &v->fields[i].value)
                       : write_value(w, &v->items[i]);
    w->depth_left++;
    return right;
}

static bool write_value(struct writer *w, const struct fby_value *v)
{
    unsigned char head[HEAD_MAX];
    switch ((enum fby_type)v->type) {
    case FBY_BOOL:
        return write_head(w, head, cbor_encode_bool(v->boolean, head, sizeof head));
    case FBY_INT:
        return write_int(w, v->integer);
    case FBY_UINT:
        return write_head(w, head, cbor_encode_uint(v->uinteger, head, sizeof head));
    case FBY_DOUBLE:
        return write_double(w, v->number);
    case FBY_STRING:
        return write_run(w, head, cbor_encode_string_start(v->len, head, sizeof head), v);
    case FBY_BYTES:
        return write_run(w, head, cbor_encode_bytestring_start(v->len, head, sizeof head), v);
    case FBY_TIME:
        return write_time(w, v);
    case FBY_LIST:
    case FBY_MAP:
        return write_entries(w, v);
    case FBY_NULL:
        break;
    }
    return write_head(w, head, cbor_encode_null(head, sizeof head));
}

bool cbor_writer_run(const struct fby_host *host, struct fby_encode *e)
{
    struct writer w = {host, e, e->limits.depth};
    return write_value(&w, e->value);
}
