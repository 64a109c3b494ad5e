/* SPDX-License-Identifier: Apache-2.0
 *
 * Limits and framing of a payload, and the parts of well-known types that both writers read alike.
 */
#include "schema/schema_decode.h"

#include "base/varint.h"
#include "schema/schema_wellknown.h"

enum {
    PAYLOAD_DEFAULT = 256 * 1024,
    PAYLOAD_MAX = 16 * 1024 * 1024,
    DEPTH_DEFAULT = 64,
    ELEMENTS_DEFAULT = 65536,
    ELEMENTS_MAX = 64 * 1024 * 1024,
    OUTPUT_BASE = 16 * 1024,
    OUTPUT_DEFAULT_MAX = 4 * 1024 * 1024,
    OUTPUT_FACTOR = 32,
    ARENA_BASE = 64 * 1024,
    ARENA_MAX = 8 * 1024 * 1024,
    ARENA_FACTOR = 48,
};

static int64_t limit_or(int64_t value, int64_t fallback, int64_t max)
{
    if (value <= 0)
        value = fallback;
    return value < max ? value : max;
}

struct schema_options schema_options_default(void)
{
    return (struct schema_options){.original_names = true, .int64_numbers = true, .emit_defaults = true};
}

struct schema_options schema_options_resolve(const struct schema_options *o, size_t payload_len)
{
    struct schema_options r = *o;
    int64_t output = OUTPUT_BASE + OUTPUT_FACTOR * (int64_t)payload_len;
    if (output > OUTPUT_DEFAULT_MAX)
        output = OUTPUT_DEFAULT_MAX;
    r.max_payload = limit_or(o->max_payload, PAYLOAD_DEFAULT, PAYLOAD_MAX);
    r.max_depth = limit_or(o->max_depth, DEPTH_DEFAULT, SCHEMA_DEPTH_HARD_MAX);
    r.max_elements = limit_or(o->max_elements, ELEMENTS_DEFAULT, ELEMENTS_MAX);
    r.max_output = limit_or(o->max_output, output, INT64_MAX);
    return r;
}

size_t schema_limit_arena(const struct schema_options *o, size_t payload_len, struct arena *a)
{
    size_t limit = a->limit, bound = ARENA_BASE + ARENA_FACTOR * payload_len;
    if (o->emit_defaults)
        bound += ARENA_FACTOR * (size_t)schema_reader_max_defaults(o, payload_len);
    if (o->unknown_fields == SCHEMA_UNKNOWN_KEEP) /* two bytes can become a map of two entries */
        bound += 2 * ARENA_FACTOR * payload_len;
    if (bound > ARENA_MAX && o->max_elements <= ELEMENTS_DEFAULT)
        bound = ARENA_MAX;
    if (!limit || a->used + bound < limit)
        a->limit = a->used + bound;
    return limit;
}

static enum status read_prefix(int framing, struct bytes *b, uint64_t *length, struct error *err)
{
    const uint8_t *p = b->data;
    size_t size = framing == SCHEMA_FRAMING_FIXED16_BE || framing == SCHEMA_FRAMING_FIXED16_LE ? 2 : 4;
    if (framing == SCHEMA_FRAMING_VARINT) {
        if (!varint_read(&p, b->data + b->len, length))
            return error_set(err, STATUS_INVALID, "the varint length prefix is cut short or too long");
    } else {
        if (b->len < size)
            return error_set(err, STATUS_INVALID,
                             "the payload has %zu bytes, too few for its %zu-byte length prefix", b->len,
                             size);
        bool big = framing == SCHEMA_FRAMING_FIXED16_BE || framing == SCHEMA_FRAMING_FIXED32_BE;
        *length = 0;
        for (size_t i = 0; i < size; i++)
            *length |= (uint64_t)p[i] << 8 * (big ? size - 1 - i : i);
        p += size;
    }
    b->len -= (size_t)(p - b->data);
    b->data = p;
    return STATUS_OK;
}

enum status schema_unframe(const struct schema_options *o, struct bytes *payload, struct error *err)
{
    if (!payload->data)
        *payload = bytes_of("", 0);
    if (payload->len > (uint64_t)o->max_payload)
        return error_set(err, STATUS_LIMIT, "the payload has %zu bytes; the limit is %lld", payload->len,
                         (long long)o->max_payload);
    if (o->skip_bytes > 0) {
        if ((uint64_t)o->skip_bytes > payload->len)
            return error_set(err, STATUS_INVALID, "the payload has %zu bytes, fewer than the %lld to skip",
                             payload->len, (long long)o->skip_bytes);
        payload->data += o->skip_bytes;
        payload->len -= (size_t)o->skip_bytes;
    }
    if (o->framing == SCHEMA_FRAMING_NONE)
        return STATUS_OK;
    uint64_t length = 0;
    enum status status = read_prefix(o->framing, payload, &length, err);
    if (status != STATUS_OK)
        return status;
    if (length > payload->len)
        return error_set(err, STATUS_INVALID, "the length prefix says %llu bytes, but %zu follow",
                         (unsigned long long)length, payload->len);
    if (length < payload->len)
        return error_set(err, STATUS_INVALID,
                         "%llu bytes follow the framed message; a payload holds exactly one message",
                         (unsigned long long)(payload->len - length));
    return STATUS_OK;
}

bool schema_read_time(struct schema_reader *r, const struct schema_type *t, const struct schema_level *level,
                      int64_t *seconds, int32_t *nanos)
{
    const struct schema_record *first = schema_level_last(r, level, 0),
                               *second = schema_level_last(r, level, 1);
    *seconds = first ? (int64_t)first->number : 0;
    *nanos = second ? (int32_t)second->number : 0;
    bool ok = t->wellknown == SCHEMA_TIMESTAMP ? schema_timestamp_is_valid(*seconds, *nanos)
                                               : schema_duration_is_valid(*seconds, *nanos);
    return ok || schema_reader_fail(r, STATUS_INVALID, NULL, "%s of %lld s and %d ns is out of range",
                                    t->full_name, (long long)*seconds, *nanos);
}

bool schema_read_any(struct schema_reader *r, const struct schema_type *t, const struct schema_level *level,
                     struct schema_any *any)
{
    const struct schema_record *url = schema_level_last(r, level, 0), *value = schema_level_last(r, level, 1);
    *any = (struct schema_any){.has_value = value != NULL};
    if (!schema_records_check(r, t, level->begin, level->end - level->begin))
        return false;
    if (value)
        any->value = (uint32_t)(value - r->records);
    if (!url || url->len == 0)
        return !value || value->len == 0 ||
               schema_reader_fail(r, STATUS_INVALID, value->data, "an Any has a value and no type");
    any->url = bytes_of(url->data, url->len);
    const uint8_t *slash = memrchr(url->data, '/', url->len);
    struct bytes name = any->url;
    if (slash)
        name = bytes_of(slash + 1, (size_t)(url->data + url->len - (slash + 1)));
    any->type = schema_registry_type_named(t->registry, name);
    return any->type ||
           schema_reader_fail(r, STATUS_INVALID, url->data, "an Any holds %.*s, which is not in the schemas",
                              name.len > 200 ? 200 : (int)name.len, (const char *)name.data);
}

bool schema_any_open(struct schema_reader *r, const struct schema_any *any, struct schema_level *level)
{
    return schema_level_open(r, any->type, any->value, any->has_value ? 1 : 0, level);
}

bool schema_read_field_mask(struct schema_reader *r, const struct schema_level *level, struct buffer *out)
{
    for (uint32_t i = level->begin; i < level->end; i++) {
        if (r->records[i].slot != 0)
            break;
        if (i > level->begin)
            buffer_add_byte(out, ',');
        if (!schema_field_mask_format(bytes_of(r->records[i].data, r->records[i].len), out))
            return schema_reader_fail(r, STATUS_INVALID, r->records[i].data,
                                      "a path of a FieldMask has no JSON form");
    }
    return !out->failed || schema_reader_no_memory(r);
}
