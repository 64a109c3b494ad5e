/* SPDX-License-Identifier: Apache-2.0
 *
 * sparkplug_inflate.h with zlib. The output doubles while it is needed, so a small claim costs little.
 */
#include "sparkplug/sparkplug_inflate.h"

#include <zlib.h>

enum { FIRST_ROOM = 4096, EITHER_HEADER = 15 + 32 /* the largest window; gzip or zlib, as the bytes say */ };

struct output {
    struct arena *arena;
    uint8_t *data;
    size_t len, capacity;
};

static bool make_room(struct output *o, size_t limit)
{
    size_t capacity = o->capacity ? 2 * o->capacity : FIRST_ROOM;
    if (capacity > limit + 1)
        capacity = limit + 1; /* one more, so that passing the limit is seen */
    uint8_t *data = arena_grow(o->arena, o->data, o->capacity, capacity);
    if (!data)
        return false;
    o->data = data;
    o->capacity = capacity;
    return true;
}

static enum status inflate_stream(z_stream *z, struct output *o, size_t limit, struct error *err)
{
    for (;;) {
        if (o->len > limit)
            return error_set(err, STATUS_LIMIT, "the compressed payload unpacks to more than %zu bytes",
                             limit);
        if (o->len == o->capacity && !make_room(o, limit))
            return error_set(err, STATUS_LIMIT, "there is no memory to unpack the compressed payload");
        size_t room = o->capacity - o->len;
        z->next_out = o->data + o->len;
        z->avail_out = (uInt)room;
        int result = inflate(z, Z_NO_FLUSH);
        o->len += room - z->avail_out;
        if (result == Z_STREAM_END && o->len <= limit)
            return z->avail_in == 0 ? STATUS_OK
                                    : error_set(err, STATUS_INVALID, "bytes follow the compressed payload");
        if (result == Z_BUF_ERROR || (result == Z_OK && z->avail_in == 0 && z->avail_out > 0))
            return error_set(err, STATUS_INVALID, "the compressed payload ends too early");
        if (result == Z_MEM_ERROR)
            return error_set(err, STATUS_LIMIT, "there is no memory to unpack the compressed payload");
        if (result != Z_OK && result != Z_STREAM_END)
            return error_set(err, STATUS_INVALID, "the compressed payload is damaged: %s",
                             z->msg ? z->msg : "not gzip or zlib data");
    }
}

enum status sparkplug_inflate(struct bytes packed, size_t limit, struct arena *a, struct bytes *out,
                              struct error *err)
{
    z_stream z = {.next_in = (z_const Bytef *)(uintptr_t)packed.data, .avail_in = (uInt)packed.len};
    struct output o = {.arena = a};
    *out = bytes_of(NULL, 0);
    if (packed.len > UINT32_MAX || inflateInit2(&z, EITHER_HEADER) != Z_OK)
        return error_set(err, STATUS_LIMIT, "there is no memory to unpack the compressed payload");
    enum status s = inflate_stream(&z, &o, limit, err);
    inflateEnd(&z);
    if (s == STATUS_OK)
        *out = bytes_of(o.data, o.len);
    return s;
}
