/* SPDX-License-Identifier: Apache-2.0
 *
 * See schema_writer.h.
 */
#include "schema/schema_writer.h"

#include <endian.h>

enum { FIRST_SIZE = 1024 };

void schema_writer_init(struct schema_writer *w, struct arena *a, size_t limit)
{
    *w = (struct schema_writer){.arena = a, .limit = limit};
}

static bool grow(struct schema_writer *w, size_t extra)
{
    size_t len = schema_writer_len(w), capacity = (size_t)(w->end - w->begin);
    if (w->failed || extra > w->limit || len > w->limit - extra) {
        w->failed = true;
        return false;
    }
    capacity = capacity ? capacity : FIRST_SIZE;
    while (capacity < len + extra)
        capacity *= 2;
    uint8_t *grown = arena_alloc(w->arena, capacity);
    if (!grown) {
        w->failed = true;
        return false;
    }
    if (len)
        memcpy(grown + capacity - len, w->at, len);
    w->begin = grown;
    w->end = grown + capacity;
    w->at = w->end - len;
    return true;
}

static inline uint8_t *reserve(struct schema_writer *w, size_t len)
{
    if ((size_t)(w->at - w->begin) < len && !grow(w, len))
        return NULL;
    w->at -= len;
    return w->at;
}

void schema_writer_add(struct schema_writer *w, const void *data, size_t len)
{
    uint8_t *to = len ? reserve(w, len) : NULL;
    if (to)
        memcpy(to, data, len);
}

static void put_long_varint(struct schema_writer *w, uint64_t value)
{
    size_t len = 1;
    for (uint64_t rest = value >> 7; rest; rest >>= 7)
        len++;
    uint8_t *to = reserve(w, len);
    if (!to)
        return;
    for (; value > 127; value >>= 7)
        *to++ = (uint8_t)(value | 128);
    *to = (uint8_t)value;
}

/* Most tags, lengths and numbers have one byte or two. */
static inline void put_varint(struct schema_writer *w, uint64_t value)
{
    size_t room = (size_t)(w->at - w->begin);
    if (value < 128 && room >= 1) {
        *--w->at = (uint8_t)value;
    } else if (value < 128 * 128 && room >= 2) {
        w->at -= 2;
        w->at[0] = (uint8_t)(value | 128);
        w->at[1] = (uint8_t)(value >> 7);
    } else {
        put_long_varint(w, value);
    }
}

void schema_writer_add_varint(struct schema_writer *w, uint64_t value)
{
    put_varint(w, value);
}

void schema_writer_add_fixed32(struct schema_writer *w, uint32_t value)
{
    value = htole32(value);
    uint8_t *to = reserve(w, sizeof value);
    if (to)
        memcpy(to, &value, sizeof value);
}

void schema_writer_add_fixed64(struct schema_writer *w, uint64_t value)
{
    value = htole64(value);
    uint8_t *to = reserve(w, sizeof value);
    if (to)
        memcpy(to, &value, sizeof value);
}

void schema_writer_add_tag(struct schema_writer *w, uint32_t number, uint32_t wire)
{
    put_varint(w, number << 3 | wire);
}

void schema_writer_wrap(struct schema_writer *w, uint32_t number, size_t mark)
{
    put_varint(w, schema_writer_len(w) - mark);
    put_varint(w, number << 3 | SCHEMA_WIRE_LENGTH);
}

void schema_writer_add_number(struct schema_writer *w, const struct schema_field *f, uint64_t raw)
{
    switch ((enum schema_kind)f->kind) {
    case SCHEMA_KIND_INT32:
    case SCHEMA_KIND_ENUM:
        /* Negative numbers are written as the 64-bit numbers that they are. */
        schema_writer_add_varint(w, (uint64_t)(int64_t)(int32_t)raw);
        return;
    case SCHEMA_KIND_UINT32:
    case SCHEMA_KIND_SINT32:
        schema_writer_add_varint(w, (uint32_t)raw);
        return;
    case SCHEMA_KIND_BOOL:
        schema_writer_add_varint(w, raw != 0);
        return;
    default:
        break;
    }
    if (f->wire == SCHEMA_WIRE_FIXED32)
        schema_writer_add_fixed32(w, (uint32_t)raw);
    else if (f->wire == SCHEMA_WIRE_FIXED64)
        schema_writer_add_fixed64(w, raw);
    else
        schema_writer_add_varint(w, raw);
}

bool schema_writer_frame(struct schema_writer *w, int framing)
{
    size_t len = schema_writer_len(w);
    switch ((enum schema_framing)framing) {
    case SCHEMA_FRAMING_NONE:
        return true;
    case SCHEMA_FRAMING_VARINT:
        schema_writer_add_varint(w, len);
        return true;
    case SCHEMA_FRAMING_FIXED32_LE:
        schema_writer_add_fixed32(w, (uint32_t)len);
        return true;
    case SCHEMA_FRAMING_FIXED32_BE:
        schema_writer_add_fixed32(w, __builtin_bswap32((uint32_t)len));
        return true;
    case SCHEMA_FRAMING_FIXED16_LE:
    case SCHEMA_FRAMING_FIXED16_BE:
        break;
    }
    if (len > UINT16_MAX)
        return false;
    bool big = framing == SCHEMA_FRAMING_FIXED16_BE;
    uint8_t bytes[2] = {(uint8_t)(big ? len >> 8 : len), (uint8_t)(big ? len : len >> 8)};
    schema_writer_add(w, bytes, sizeof bytes);
    return true;
}
