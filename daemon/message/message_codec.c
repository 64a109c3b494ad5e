/* SPDX-License-Identifier: Apache-2.0
 *
 * See message_codec.h. One record, little endian:
 *   0  u8   version, 1
 *   1  u8   flags: bits 0-1 QoS, 2 retain, 3 duplicate, 4 content type, 5 response topic, 6 correlation data
 *   2  u16  length of the topic
 *   4  u16  length of the source
 *   6  u8   number of user properties
 *   7  u8   0
 *   8  i64  arrival, microseconds since 1970
 *   16 a u16 length for each of the bits 4 to 6 that is set, then two (name, text) for each property,
 *      then the bytes in the same order: topic, source, the optional texts, the properties, the payload.
 */
#include "message/message_codec.h"

#include <assert.h>

enum {
    VERSION = 1,
    HEADER_SIZE = 16,
    FLAG_QOS = 3,
    FLAG_RETAIN = 4,
    FLAG_DUPLICATE = 8,
    FLAG_CONTENT_TYPE = 16,
    FLAG_RESPONSE_TOPIC = 32,
    FLAG_CORRELATION = 64,
    FLAGS_KNOWN = 127,
};

static uint8_t *put_u16(uint8_t *out, size_t value)
{
    out[0] = (uint8_t)value;
    out[1] = (uint8_t)(value >> 8);
    return out + 2;
}

static size_t get_u16(const uint8_t *in)
{
    return (size_t)in[0] | (size_t)in[1] << 8;
}

static void put_i64(uint8_t *out, int64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        out[i] = (uint8_t)((uint64_t)value >> (8 * i));
}

static int64_t get_i64(const uint8_t *in)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < 8; i++)
        value |= (uint64_t)in[i] << (8 * i);
    return (int64_t)value;
}

static uint8_t *put_bytes(uint8_t *out, struct bytes b)
{
    if (b.len)
        memcpy(out, b.data, b.len);
    return out + b.len;
}

static size_t optional_size(struct bytes b)
{
    return b.len ? 2 + b.len : 0;
}

size_t message_codec_size(const struct message *m)
{
    size_t size = HEADER_SIZE + m->topic.len + m->source.len + m->payload.len;
    size += optional_size(m->content_type) + optional_size(m->response_topic) +
            optional_size(m->correlation_data);
    for (size_t i = 0; i < m->property_count; i++)
        size += 4 + m->properties[i].name.len + m->properties[i].text.len;
    return size;
}

static uint8_t flags_of(const struct message *m)
{
    unsigned flags = m->qos & FLAG_QOS;
    flags |= m->retain ? FLAG_RETAIN : 0;
    flags |= m->duplicate ? FLAG_DUPLICATE : 0;
    flags |= m->content_type.len ? FLAG_CONTENT_TYPE : 0;
    flags |= m->response_topic.len ? FLAG_RESPONSE_TOPIC : 0;
    flags |= m->correlation_data.len ? FLAG_CORRELATION : 0;
    return (uint8_t)flags;
}

static uint8_t *put_length(uint8_t *out, struct bytes b)
{
    assert(b.len <= UINT16_MAX);
    return b.len ? put_u16(out, b.len) : out;
}

void message_codec_encode(const struct message *m, uint8_t *out)
{
    assert(m->topic.len <= UINT16_MAX && m->source.len <= UINT16_MAX);
    assert(m->property_count <= MESSAGE_PROPERTIES_MAX);
    out[0] = VERSION;
    out[1] = flags_of(m);
    put_u16(out + 2, m->topic.len);
    put_u16(out + 4, m->source.len);
    out[6] = (uint8_t)m->property_count;
    out[7] = 0;
    put_i64(out + 8, m->time_us);
    uint8_t *at = out + HEADER_SIZE;
    at = put_length(at, m->content_type);
    at = put_length(at, m->response_topic);
    at = put_length(at, m->correlation_data);
    for (size_t i = 0; i < m->property_count; i++) {
        assert(m->properties[i].name.len <= UINT16_MAX && m->properties[i].text.len <= UINT16_MAX);
        at = put_u16(at, m->properties[i].name.len);
        at = put_u16(at, m->properties[i].text.len);
    }
    at = put_bytes(at, m->topic);
    at = put_bytes(at, m->source);
    at = put_bytes(at, m->content_type);
    at = put_bytes(at, m->response_topic);
    at = put_bytes(at, m->correlation_data);
    for (size_t i = 0; i < m->property_count; i++) {
        at = put_bytes(at, m->properties[i].name);
        at = put_bytes(at, m->properties[i].text);
    }
    put_bytes(at, m->payload);
}

/* Where the decoder is: the table of lengths, and the bytes behind it. */
struct reader {
    const uint8_t *lengths, *bytes, *end;
};

static bool take(struct reader *r, size_t len, struct bytes *out)
{
    if ((size_t)(r->end - r->bytes) < len)
        return false;
    *out = bytes_of(r->bytes, len);
    r->bytes += len;
    return true;
}

static bool take_listed(struct reader *r, struct bytes *out)
{
    size_t len = get_u16(r->lengths);
    r->lengths += 2;
    return take(r, len, out);
}

static bool take_optional(struct reader *r, bool present, struct bytes *out)
{
    if (!present)
        return true;
    return take_listed(r, out) && out->len > 0;
}

static enum status take_properties(struct reader *r, size_t count, struct arena *arena, struct message *m)
{
    if (count == 0)
        return STATUS_OK;
    struct message_property *properties = arena_alloc(arena, count * sizeof *properties);
    if (!properties)
        return STATUS_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        if (!take_listed(r, &properties[i].name) || !take_listed(r, &properties[i].text))
            return STATUS_CORRUPT;
    m->properties = properties;
    m->property_count = count;
    return STATUS_OK;
}

enum status message_codec_decode(struct bytes record, struct arena *arena, struct message *m)
{
    *m = (struct message){0};
    const uint8_t *in = record.data;
    if (record.len < HEADER_SIZE || in[0] != VERSION || in[1] & ~FLAGS_KNOWN || (in[1] & FLAG_QOS) == 3 ||
        in[7])
        return STATUS_CORRUPT;
    unsigned flags = in[1];
    size_t count = in[6];
    size_t lengths = 4 * count;
    for (unsigned flag = FLAG_CONTENT_TYPE; flag <= FLAG_CORRELATION; flag <<= 1)
        lengths += flags & flag ? 2 : 0;
    if (count > MESSAGE_PROPERTIES_MAX || record.len - HEADER_SIZE < lengths)
        return STATUS_CORRUPT;

    struct reader r = {in + HEADER_SIZE, in + HEADER_SIZE + lengths, in + record.len};
    m->qos = flags & FLAG_QOS;
    m->retain = flags & FLAG_RETAIN;
    m->duplicate = flags & FLAG_DUPLICATE;
    m->time_us = get_i64(in + 8);
    if (!take(&r, get_u16(in + 2), &m->topic) || !take(&r, get_u16(in + 4), &m->source) ||
        !take_optional(&r, flags & FLAG_CONTENT_TYPE, &m->content_type) ||
        !take_optional(&r, flags & FLAG_RESPONSE_TOPIC, &m->response_topic) ||
        !take_optional(&r, flags & FLAG_CORRELATION, &m->correlation_data))
        return STATUS_CORRUPT;
    enum status s = take_properties(&r, count, arena, m);
    if (s != STATUS_OK)
        return s;
    m->payload = bytes_of(r.bytes, (size_t)(r.end - r.bytes));
    return STATUS_OK;
}
