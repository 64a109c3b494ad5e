/* SPDX-License-Identifier: Apache-2.0
 *
 * Wire bytes straight to JSON text, by the ProtoJSON mapping: schema_decode_json() of schema.h and
 * schema_unwrap_json().
 */
#include "base/json_writer.h"
#include "base/number_format.h"
#include "base/time_format.h"
#include "base/utf8.h"
#include "schema/schema_decode.h"
#include "schema/schema_defaults.h"
#include "schema/schema_map.h"
#include "schema/schema_payload.h"
#include "schema/schema_unknown.h"
#include "schema/schema_wellknown.h"

#include <math.h>

struct json {
    struct schema_reader *r;
    struct buffer *out;
    unsigned names; /* which of a field's names: 0 JSON, 1 original */
};

static bool write_level(struct json *j, const struct schema_type *t, const struct schema_level *level);

static inline void put_raw(struct buffer *b, const char *text, size_t len)
{
    if (!buffer_reserve(b, len))
        return;
    memcpy(b->data + b->len, text, len);
    b->len += len;
}

#define PUT(b, literal) put_raw(b, literal, sizeof(literal) - 1)

static void put_int64(struct buffer *b, int64_t value, bool quoted)
{
    if (!buffer_reserve(b, NUMBER_FORMAT_MAX + 2))
        return;
    char *text = (char *)b->data + b->len;
    size_t len = 0;
    if (quoted)
        text[len++] = '"';
    len += number_format_int64(value, text + len);
    if (quoted)
        text[len++] = '"';
    b->len += len;
}

static void put_uint64(struct buffer *b, uint64_t value, bool quoted)
{
    if (!buffer_reserve(b, NUMBER_FORMAT_MAX + 2))
        return;
    char *text = (char *)b->data + b->len;
    size_t len = 0;
    if (quoted)
        text[len++] = '"';
    len += number_format_uint64(value, text + len);
    if (quoted)
        text[len++] = '"';
    b->len += len;
}

static void put_double(struct buffer *b, double value, bool is_float)
{
    if (!isfinite(value)) {
        json_write_double(b, value);
        return;
    }
    if (!buffer_reserve(b, NUMBER_FORMAT_MAX))
        return;
    char *text = (char *)b->data + b->len;
    b->len += is_float ? number_format_float((float)value, text) : number_format_double(value, text);
}

static void put_hex(struct buffer *b, struct bytes data)
{
    static const char digits[] = "0123456789abcdef";
    if (!buffer_reserve(b, 2 * data.len + 2))
        return;
    uint8_t *text = b->data + b->len;
    *text++ = '"';
    for (size_t i = 0; i < data.len; i++) {
        *text++ = (uint8_t)digits[data.data[i] >> 4];
        *text++ = (uint8_t)digits[data.data[i] & 15];
    }
    *text = '"';
    b->len += 2 * data.len + 2;
}

static void put_bytes(struct json *j, struct bytes data)
{
    if (j->r->options->bytes_as == SCHEMA_BYTES_HEX)
        put_hex(j->out, data);
    else
        json_write_base64(j->out, data);
}

static void put_enum(struct json *j, const struct schema_enum *e, int32_t number)
{
    if (e->is_null_value) {
        PUT(j->out, "null");
        return;
    }
    const struct schema_enum_value *v = j->r->options->enum_numbers ? NULL : schema_enum_find(e, number);
    if (!v) {
        put_int64(j->out, number, false);
        return;
    }
    /* Names of enum values are identifiers: nothing to escape. */
    if (!buffer_reserve(j->out, v->name.len + 2))
        return;
    uint8_t *text = j->out->data + j->out->len;
    text[0] = '"';
    memcpy(text + 1, v->name.data, v->name.len);
    text[v->name.len + 1] = '"';
    j->out->len += v->name.len + 2;
}

static bool put_string(struct json *j, const struct schema_field *f, struct bytes text)
{
    if (json_write_string(j->out, text) || !(f->flags & SCHEMA_FIELD_UTF8))
        return true;
    return schema_reader_fail(j->r, STATUS_INVALID, text.data, "%s is not UTF-8", f->names[1].data);
}

/* One value that is not a message. By value: the records may move. */
static bool write_scalar(struct json *j, const struct schema_field *f, struct schema_record v)
{
    bool quoted = !j->r->options->int64_numbers;
    switch ((enum schema_kind)f->kind) {
    case SCHEMA_KIND_DOUBLE:
        put_double(j->out, schema_double(v.number), false);
        return true;
    case SCHEMA_KIND_FLOAT:
        put_double(j->out, (double)schema_float(v.number), true);
        return true;
    case SCHEMA_KIND_INT64:
    case SCHEMA_KIND_SFIXED64:
        put_int64(j->out, (int64_t)v.number, quoted);
        return true;
    case SCHEMA_KIND_UINT64:
    case SCHEMA_KIND_FIXED64:
        put_uint64(j->out, v.number, quoted);
        return true;
    case SCHEMA_KIND_SINT64:
        put_int64(j->out, schema_sint64(v.number), quoted);
        return true;
    case SCHEMA_KIND_INT32:
    case SCHEMA_KIND_SFIXED32:
        put_int64(j->out, (int32_t)v.number, false);
        return true;
    case SCHEMA_KIND_UINT32:
    case SCHEMA_KIND_FIXED32:
        put_uint64(j->out, (uint32_t)v.number, false);
        return true;
    case SCHEMA_KIND_SINT32:
        put_int64(j->out, schema_sint32(v.number), false);
        return true;
    case SCHEMA_KIND_BOOL:
        put_raw(j->out, v.number ? "true" : "false", v.number ? 4 : 5);
        return true;
    case SCHEMA_KIND_ENUM:
        put_enum(j, f->enumeration, (int32_t)v.number);
        return true;
    case SCHEMA_KIND_STRING:
        return put_string(j, f, bytes_of(v.data, v.len));
    case SCHEMA_KIND_BYTES:
        put_bytes(j, bytes_of(v.data, v.len));
        return true;
    case SCHEMA_KIND_MESSAGE:
    case SCHEMA_KIND_GROUP:
        break;
    }
    return false;
}

static bool write_message(struct json *j, const struct schema_type *t, uint32_t first, uint32_t count)
{
    struct schema_level level;
    if (!schema_level_open(j->r, t, first, count, &level) || !write_level(j, t, &level))
        return false;
    schema_level_close(j->r, &level);
    return true;
}

static bool write_packed(struct json *j, const struct schema_field *f, struct schema_record run)
{
    uint32_t count;
    if (!schema_packed_count(j->r, f, &run, &count))
        return false;
    const uint8_t *at = run.data, *end = at + run.len;
    while (count-- > 0) {
        struct schema_record element = {.len = 0};
        if (!schema_packed_next(j->r, f, &at, end, &element.number))
            return false;
        if (f->kind == SCHEMA_KIND_ENUM && schema_field_rejects(f, element.number)) {
            if (!schema_reader_pass_enum(j->r, f, element.number, at))
                return false;
            continue;
        }
        if (!write_scalar(j, f, element))
            return false;
        buffer_add_byte(j->out, ',');
    }
    return true;
}

/* [*any] false: the list turned out to be empty. */
static bool write_list(struct json *j, const struct schema_field *f, uint32_t first, uint32_t count,
                       bool *any)
{
    bool is_message = schema_field_is_message(f);
    buffer_add_byte(j->out, '[');
    size_t begin = j->out->len;
    for (uint32_t i = first; i < first + count; i++) {
        struct schema_record record = j->r->records[i];
        if (record.slot & SCHEMA_RECORD_PACKED) {
            if (!write_packed(j, f, record))
                return false;
            continue;
        }
        if (!(is_message ? write_message(j, f->type, i, 1) : write_scalar(j, f, record)))
            return false;
        buffer_add_byte(j->out, ',');
        if (j->out->failed)
            return schema_reader_no_memory(j->r);
    }
    *any = j->out->len > begin;
    if (*any && !j->out->failed)
        j->out->data[j->out->len - 1] = ']';
    else
        buffer_add_byte(j->out, ']');
    return true;
}

static bool write_map_key(struct json *j, const struct schema_field *f, struct schema_record key)
{
    if (f->kind == SCHEMA_KIND_STRING) {
        if (!put_string(j, f, bytes_of(key.data, key.len)))
            return false;
    } else {
        bool quote = j->r->options->int64_numbers || f->wire == SCHEMA_WIRE_FIXED32 ||
                     f->kind == SCHEMA_KIND_INT32 || f->kind == SCHEMA_KIND_UINT32 ||
                     f->kind == SCHEMA_KIND_SINT32 || f->kind == SCHEMA_KIND_BOOL;
        if (quote)
            buffer_add_byte(j->out, '"');
        write_scalar(j, f, key);
        if (quote)
            buffer_add_byte(j->out, '"');
    }
    buffer_add_byte(j->out, ':');
    return true;
}

static bool write_map_value(struct json *j, const struct schema_field *f, const struct schema_map_entry *e)
{
    if (f->kind == SCHEMA_KIND_MESSAGE)
        return write_message(j, f->type, e->value_first, e->value_count);
    return write_scalar(j, f, e->value_count ? j->r->records[e->value_first] : schema_map_default(f));
}

static bool write_map(struct json *j, const struct schema_field *f, uint32_t first, uint32_t count, bool *any)
{
    struct schema_map map;
    if (!schema_map_open(j->r, f, first, count, &map))
        return false;
    buffer_add_byte(j->out, '{');
    uint32_t left = map.live;
    for (uint32_t i = 0; i < map.count; i++) {
        if (map.entries[i].dead)
            continue;
        if (!write_map_key(j, map.key, map.entries[i].key) || !write_map_value(j, map.value, &map.entries[i]))
            return false;
        if (--left)
            buffer_add_byte(j->out, ',');
        if (j->out->failed)
            return schema_reader_no_memory(j->r);
    }
    buffer_add_byte(j->out, '}');
    *any = map.live > 0;
    schema_map_close(j->r, &map);
    return true;
}

/* The key, with a comma unless it is the first in its object. */
static inline void put_key(struct json *j, const struct schema_field *f)
{
    struct fby_bytes key = f->keys[j->names];
    struct buffer *b = j->out;
    if (!buffer_reserve(b, key.len))
        return;
    size_t first = b->data[b->len - 1] == '{';
    memcpy(b->data + b->len, key.data + first, key.len - first);
    b->len += key.len - first;
}

/* What an unset field is shown as; nothing for an enum, whose name says it. */
static struct bytes default_text(const struct json *j, const struct schema_field *f)
{
    if (f->flags & SCHEMA_FIELD_MAP)
        return bytes_of("{}", 2);
    if (f->flags & SCHEMA_FIELD_REPEATED)
        return bytes_of("[]", 2);
    switch ((enum schema_kind)f->kind) {
    case SCHEMA_KIND_STRING:
    case SCHEMA_KIND_BYTES:
        return bytes_of("\"\"", 2);
    case SCHEMA_KIND_BOOL:
        return bytes_of("false", 5);
    case SCHEMA_KIND_ENUM:
        return bytes_of("", 0);
    case SCHEMA_KIND_INT64:
    case SCHEMA_KIND_UINT64:
    case SCHEMA_KIND_SINT64:
    case SCHEMA_KIND_FIXED64:
    case SCHEMA_KIND_SFIXED64:
        return j->r->options->int64_numbers ? bytes_of("0", 1) : bytes_of("\"0\"", 3);
    default:
        return bytes_of("0", 1);
    }
}

static void write_default(struct json *j, const struct schema_field *f)
{
    if (!schema_field_has_default(f))
        return;
    struct bytes text = default_text(j, f);
    put_key(j, f);
    if (text.len)
        put_raw(j->out, (const char *)text.data, text.len);
    else
        put_enum(j, f->enumeration, (int32_t)schema_map_default(f).number);
}

/* Those from slot `from` up to `to`, but for the one at `hidden`. */
static __attribute__((noinline)) void write_defaults(struct json *j, const struct schema_type *t,
                                                     uint32_t from, uint32_t to, uint32_t hidden)
{
    const struct schema_defaults *d = schema_defaults_of(t, j->r->options);
    if (from < hidden && hidden < to) {
        write_defaults(j, t, from, hidden, hidden);
        from = hidden;
    }
    from += from == hidden;
    if (from >= to)
        return;
    if (!d) {
        for (; from < to; from++)
            write_default(j, &t->fields[from]);
        return;
    }
    const char *text = d->text + d->places[from].text;
    size_t len = d->places[to].text - d->places[from].text;
    if (len == 0 || !buffer_reserve(j->out, len))
        return;
    size_t first = j->out->data[j->out->len - 1] == '{';
    put_raw(j->out, text + first, len - first);
}

/* One field of a message with all its occurrences. */
static bool write_field(struct json *j, const struct schema_type *t, const struct schema_field *f,
                        uint32_t first, uint32_t count)
{
    uint32_t last = first + count - 1;
    if (!schema_check_repeats(j->r, t, f, first, count))
        return false;
    if (schema_field_is_silent(j->r, f, last))
        return true;
    size_t before = j->out->len;
    put_key(j, f);
    bool any = true, ok;
    if (f->flags & SCHEMA_FIELD_MAP)
        ok = write_map(j, f, first, count, &any);
    else if (f->flags & SCHEMA_FIELD_REPEATED)
        ok = write_list(j, f, first, count, &any);
    else if (schema_field_is_message(f))
        ok = write_message(j, f->type, first, count);
    else
        ok = write_scalar(j, f, j->r->records[last]);
    if (ok && !any && !j->r->options->emit_defaults)
        j->out->len = before;
    return ok;
}

/* What stands between the number and the value of an unknown field. */
struct unknown_form {
    char text[15];
    uint8_t len;
};

#define UNKNOWN_FORM(text)                                                                                   \
    {                                                                                                        \
        text, sizeof(text) - 1                                                                               \
    }

static const struct unknown_form unknown_forms[] = {
    [SCHEMA_WIRE_VARINT] = UNKNOWN_FORM(",\"varint\":"),
    [SCHEMA_WIRE_FIXED64] = UNKNOWN_FORM(",\"fixed64\":"),
    [SCHEMA_WIRE_LENGTH] = UNKNOWN_FORM(",\"bytes\":"),
    [SCHEMA_WIRE_GROUP] = UNKNOWN_FORM(",\"group\":["),
    [SCHEMA_WIRE_FIXED32] = UNKNOWN_FORM(",\"fixed32\":"),
};

/* {"field":16,"varint":"1" with room for two bytes more; of bytes and of groups only what is before them. */
static bool put_unknown(struct json *j, const struct schema_unknown *u)
{
    static const char begin[] = "{\"field\":";
    const struct unknown_form *form = &unknown_forms[u->wire];
    struct buffer *b = j->out;
    if (!buffer_reserve(b, sizeof begin + 2 * NUMBER_FORMAT_MAX + sizeof form->text + 4))
        return schema_reader_no_memory(j->r);
    char *at = (char *)b->data + b->len;
    memcpy(at, begin, sizeof begin - 1);
    at += sizeof begin - 1;
    at += number_format_uint64(u->number, at);
    memcpy(at, form->text, sizeof form->text);
    at += form->len;
    if (u->wire != SCHEMA_WIRE_LENGTH && u->wire != SCHEMA_WIRE_GROUP) {
        bool quoted = u->wire != SCHEMA_WIRE_FIXED32 && !j->r->options->int64_numbers;
        if (quoted)
            *at++ = '"';
        at += number_format_uint64(u->value, at);
        if (quoted)
            *at++ = '"';
    }
    b->len = (size_t)(at - (char *)b->data);
    return true;
}

/* The rest of a list whose bracket is open; what follows in `list` behind its `count` fields, or NULL. */
static const struct schema_unknown *write_unknown_list(struct json *j, const struct schema_unknown *list,
                                                       uint64_t count)
{
    struct buffer *b = j->out;
    bool any = count > 0;
    for (; count > 0; count--) {
        const struct schema_unknown *u = list++;
        if (!put_unknown(j, u))
            return NULL;
        if (u->wire == SCHEMA_WIRE_LENGTH)
            put_bytes(j, u->content);
        else if (u->wire == SCHEMA_WIRE_GROUP && !(list = write_unknown_list(j, list, u->count)))
            return NULL;
        PUT(b, "},");
        if (b->failed) {
            (void)schema_reader_no_memory(j->r);
            return NULL;
        }
    }
    if (any)
        b->data[b->len - 1] = ']';
    else
        PUT(b, "]");
    return list;
}

/* The last entry of an object, when there is anything in it. */
static bool write_unknown_fields(struct json *j, const struct schema_type *t,
                                 const struct schema_level *level)
{
    struct schema_unknown *list;
    uint32_t count;
    if (!schema_unknown_collect(j->r, t, level, &list, &count))
        return false;
    if (count == 0)
        return true;
    if (!buffer_reserve(j->out, 1))
        return schema_reader_no_memory(j->r);
    if (j->out->data[j->out->len - 1] != '{')
        PUT(j->out, ",");
    PUT(j->out, "\"" SCHEMA_UNKNOWN_KEY "\":[");
    return write_unknown_list(j, list, count) != NULL;
}

/* The fields of an object whose brace is open. The field at `hidden`, which is not there, is not shown at its
 * default either. */
static bool write_fields_without(struct json *j, const struct schema_type *t,
                                 const struct schema_level *level, uint32_t hidden)
{
    bool defaults, keeps = j->r->keep_unknown != SCHEMA_KEEP_NONE;
    uint32_t next = 0, end = keeps ? schema_level_known_end(j->r, level) : level->end;
    if (!schema_spend_defaults(j->r, t, &defaults))
        return false;
    for (uint32_t i = level->begin; i < end;) {
        uint32_t count = schema_level_run(j->r, level, i);
        uint32_t slot = SCHEMA_RECORD_SLOT(j->r->records[i].slot);
        if (defaults && next < slot)
            write_defaults(j, t, next, slot, hidden);
        next = slot + 1;
        if (!write_field(j, t, &t->fields[slot], i, count))
            return false;
        i += count;
        if (j->out->failed)
            return schema_reader_fail(j->r, STATUS_LIMIT, NULL,
                                      "the JSON text is over the limit of %lld bytes",
                                      (long long)j->r->options->max_output);
    }
    if (defaults && next < t->field_count)
        write_defaults(j, t, next, t->field_count, hidden);
    return !keeps || write_unknown_fields(j, t, level);
}

static bool write_fields(struct json *j, const struct schema_type *t, const struct schema_level *level)
{
    return write_fields_without(j, t, level, UINT32_MAX);
}

static bool write_time(struct json *j, const struct schema_type *t, const struct schema_level *level)
{
    int64_t seconds;
    int32_t nanos;
    if (!schema_read_time(j->r, t, level, &seconds, &nanos))
        return false;
    if (!buffer_reserve(j->out, SCHEMA_TIME_TEXT_MAX + 2))
        return true;
    char *text = (char *)j->out->data + j->out->len;
    size_t len = t->wellknown == SCHEMA_TIMESTAMP ? time_format_utc(seconds, (uint32_t)nanos, text + 1)
                                                  : schema_duration_format(seconds, nanos, text + 1);
    text[0] = text[len + 1] = '"';
    j->out->len += len + 2;
    return true;
}

static bool write_field_mask(struct json *j, const struct schema_level *level)
{
    struct buffer paths = {0};
    bool ok = schema_read_field_mask(j->r, level, &paths);
    if (ok && !json_write_string(j->out, buffer_bytes(&paths)))
        ok = schema_reader_fail(j->r, STATUS_INVALID, NULL, "a path of a FieldMask is not UTF-8");
    buffer_finish(&paths);
    return ok;
}

static bool write_any(struct json *j, const struct schema_type *t, const struct schema_level *level)
{
    struct schema_any any;
    if (!schema_read_any(j->r, t, level, &any))
        return false;
    if (!any.type) {
        PUT(j->out, "{}");
        return true;
    }
    PUT(j->out, "{\"@type\":");
    if (!json_write_string(j->out, any.url))
        return schema_reader_fail(j->r, STATUS_INVALID, any.url.data, "the type of an Any is not UTF-8");
    struct schema_level inner;
    if (!schema_any_open(j->r, &any, &inner))
        return false;
    if (any.type->wellknown != SCHEMA_PLAIN)
        PUT(j->out, ",\"value\":");
    if (!(any.type->wellknown != SCHEMA_PLAIN ? write_level(j, any.type, &inner)
                                              : write_fields(j, any.type, &inner)))
        return false;
    schema_level_close(j->r, &inner);
    buffer_add_byte(j->out, '}');
    return true;
}

static bool write_value(struct json *j, const struct schema_type *t, const struct schema_level *level)
{
    if (level->begin == level->end) {
        PUT(j->out, "null");
        return true;
    }
    uint32_t first = level->begin, count = schema_level_run(j->r, level, first);
    const struct schema_field *f = &t->fields[SCHEMA_RECORD_SLOT(j->r->records[first].slot)];
    if (schema_field_is_message(f))
        return write_message(j, f->type, first, count);
    if (!schema_check_repeats(j->r, t, f, first, count))
        return false;
    struct schema_record v = j->r->records[first + count - 1];
    if (f->kind == SCHEMA_KIND_DOUBLE && !isfinite(schema_double(v.number)))
        return schema_reader_fail(j->r, STATUS_INVALID, NULL,
                                  "a Value holds NaN or an infinity, which JSON lacks");
    return write_scalar(j, f, v);
}

/* Struct is its map, ListValue its list, a wrapper its value; also when nothing is there. */
static bool write_inner(struct json *j, const struct schema_type *t, const struct schema_level *level)
{
    const struct schema_field *f = &t->fields[0];
    uint32_t count = level->begin < level->end ? schema_level_run(j->r, level, level->begin) : 0;
    bool any;
    if (count && !schema_check_repeats(j->r, t, f, level->begin, count))
        return false;
    if (t->wellknown == SCHEMA_WRAPPER)
        return write_scalar(j, f, count ? j->r->records[level->begin + count - 1] : schema_map_default(f));
    if (count)
        return t->wellknown == SCHEMA_STRUCT ? write_map(j, f, level->begin, count, &any)
                                             : write_list(j, f, level->begin, count, &any);
    put_raw(j->out, t->wellknown == SCHEMA_STRUCT ? "{}" : "[]", 2);
    return true;
}

static bool write_level(struct json *j, const struct schema_type *t, const struct schema_level *level)
{
    switch ((enum schema_wellknown)t->wellknown) {
    case SCHEMA_PLAIN:
        buffer_add_byte(j->out, '{');
        if (j->out->failed)
            return schema_reader_no_memory(j->r);
        if (!write_fields(j, t, level))
            return false;
        buffer_add_byte(j->out, '}');
        return true;
    case SCHEMA_TIMESTAMP:
    case SCHEMA_DURATION:
        return write_time(j, t, level);
    case SCHEMA_FIELD_MASK:
        return write_field_mask(j, level);
    case SCHEMA_ANY:
        return write_any(j, t, level);
    case SCHEMA_VALUE:
        return write_value(j, t, level);
    case SCHEMA_STRUCT:
    case SCHEMA_LIST_VALUE:
    case SCHEMA_WRAPPER:
        return write_inner(j, t, level);
    }
    return false;
}

/* ---- Envelopes ---- */

/* Names are UTF-8: they come from the schemas and from the configuration. */
static void put_entry(struct json *j, const char *key, const char *text)
{
    if (j->out->len && j->out->data[j->out->len - 1] != '{')
        PUT(j->out, ",");
    (void)json_write_string(j->out, bytes_of_text(key));
    PUT(j->out, ":");
    (void)json_write_string(j->out, bytes_of_text(text));
}

static bool write_kept(struct json *j, const struct schema_unwrap *u, const struct schema_level *level,
                       const struct schema_payload *p)
{
    (void)json_write_string(j->out, u->keep_as);
    PUT(j->out, ":{");
    if (u->oneof >= 0)
        put_entry(j, "@field", p->field->names[j->names].data);
    if (p->type)
        put_entry(j, "@type", p->type->full_name);
    if (j->out->failed)
        return schema_reader_no_memory(j->r);
    struct schema_level rest = *level;
    if (p->field)
        rest = schema_payload_cut(j->r, level, p);
    if (p->field && !write_fields_without(j, u->envelope, &rest, p->field->slot))
        return false;
    PUT(j->out, "}");
    return true;
}

static bool write_bare(struct json *j, const struct schema_payload *p)
{
    return p->type ? write_level(j, p->type, &p->level) : write_scalar(j, p->field, p->scalar);
}

static bool write_payload(struct json *j, const struct schema_unwrap *u, const struct schema_level *level)
{
    struct schema_payload p;
    if (!schema_payload_open(j->r, u, level, &p))
        return false;
    if (!u->keep_as.len)
        return write_bare(j, &p);
    PUT(j->out, "{");
    if (!write_kept(j, u, level, &p))
        return false;
    bool is_map = p.type && p.type->wellknown == SCHEMA_PLAIN;
    if (!is_map)
        PUT(j->out, ",\"value\":");
    if (j->out->failed)
        return schema_reader_no_memory(j->r);
    if (!(is_map ? write_fields(j, p.type, &p.level) : write_bare(j, &p)))
        return false;
    PUT(j->out, "}");
    return true;
}

/* `u` NULL: the message itself. */
static enum status decode_json(const struct schema_type *t, const struct schema_unwrap *u,
                               const struct schema_options *o, struct bytes payload, struct arena *scratch,
                               struct buffer *out, struct error *err)
{
    struct schema_options options = schema_options_resolve(o, payload.len);
    const struct bytes whole = payload;
    enum status status = schema_unframe(&options, &payload, err);
    if (status != STATUS_OK)
        return status;
    struct schema_reader r;
    struct schema_level level;
    struct arena_mark mark = arena_mark(scratch);
    struct json j = {.r = &r, .out = out, .names = options.original_names};
    size_t before = out->len, limit = out->limit;
    size_t own_limit = before + (size_t)options.max_output;
    if (!limit || own_limit < limit)
        out->limit = own_limit;
    size_t arena_limit = schema_limit_arena(&options, payload.len, scratch);
    schema_reader_init(&r, &options, scratch, whole, err);
    bool ok = schema_level_open_bytes(&r, t, payload, &level) &&
              (u ? write_payload(&j, u, &level) : write_level(&j, t, &level));
    if (out->failed)
        ok = schema_reader_fail(&r, STATUS_LIMIT, NULL, "the JSON text is over the limit of %lld bytes",
                                (long long)options.max_output);
    arena_rewind(scratch, mark);
    scratch->limit = arena_limit;
    out->limit = limit;
    if (ok)
        return STATUS_OK;
    out->len = before;
    out->failed = false;
    return r.status;
}

enum status schema_decode_json(const struct schema_type *t, const struct schema_options *o,
                               struct bytes payload, struct arena *scratch, struct buffer *out,
                               struct error *err)
{
    return decode_json(t, NULL, o, payload, scratch, out, err);
}

enum status schema_unwrap_json(const struct schema_unwrap *u, const struct schema_options *o,
                               struct bytes payload, struct arena *scratch, struct buffer *out,
                               struct error *err)
{
    return decode_json(u->envelope, u, o, payload, scratch, out, err);
}
