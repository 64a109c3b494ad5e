/* SPDX-License-Identifier: Apache-2.0
 *
 * Value trees and JSON text to wire bytes, see schema_encode.h. Written from the end: the fields of a message
 * are looked up by name, put into the order of their numbers, and written last to first.
 */
#include "schema/schema_encode.h"

#include "message/value.h"
#include "schema/schema_convert.h"
#include "schema/schema_decode.h"
#include "schema/schema_unknown.h"
#include "schema/schema_wellknown.h"
#include "schema/schema_writer.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { DEPTH_DEFAULT = 64, OUTPUT_DEFAULT = 4 * 1024 * 1024, ELEMENTS_DEFAULT = 65536, FEW_FIELDS = 24 };

/* Where in the tree the encoder is, for messages. */
struct place {
    const struct place *parent;
    struct bytes name; /* empty: `index` of a list */
    size_t index;
};

struct encoder {
    const struct schema_encode_options *options;
    struct schema_writer w;
    struct arena *arena;
    struct error *err;
    enum status status;
    const struct place *place;
    int64_t depth_left;
};

/* A field of a message together with its value. */
struct setting {
    const struct schema_field *field;
    const struct fby_value *value;
};

static bool write_body(struct encoder *e, const struct schema_type *t, const struct fby_value *v);

static void format_place(const struct place *p, struct buffer *out)
{
    if (!p)
        return;
    format_place(p->parent, out);
    if (p->name.data)
        buffer_add_format(out, "%s%.*s", out->len ? "." : "", p->name.len > 100 ? 100 : (int)p->name.len,
                          (const char *)p->name.data);
    else
        buffer_add_format(out, "[%zu]", p->index);
}

static bool refuse(struct encoder *e, enum status status, const char *format, ...) PRINTF_LIKE(3, 4);

static bool refuse(struct encoder *e, enum status status, const char *format, ...)
{
    if (e->status != STATUS_OK)
        return false;
    e->status = status;
    char text[300];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct buffer path = {0};
    format_place(e->place, &path);
    if (path.len)
        error_set(e->err, status, "%.*s %s", (int)path.len, (const char *)path.data, text);
    else
        error_set(e->err, status, "the message %s", text);
    buffer_finish(&path);
    return false;
}

static bool no_memory(struct encoder *e)
{
    return refuse(e, STATUS_LIMIT, "takes more memory than allowed");
}

static bool put_text(struct encoder *e, uint32_t number, struct bytes text)
{
    if (text.len == 0)
        return true;
    size_t mark = schema_writer_len(&e->w);
    schema_writer_add(&e->w, text.data, text.len);
    schema_writer_wrap(&e->w, number, mark);
    return true;
}

/* ---- Single values. */

/* Scalars are written only where they differ from what an unset field means. */
static bool is_silent(const struct schema_field *f, const struct schema_record *record, bool always)
{
    return !always && !(f->flags & (SCHEMA_FIELD_PRESENCE | SCHEMA_FIELD_REPEATED)) &&
           schema_record_is_default(f, record);
}

/* *skip: an enum name that the type lacks is to be left out. */
static bool convert_raw(struct encoder *e, const struct schema_field *f, const struct fby_value *v,
                        uint64_t *raw, bool *skip)
{
    bool unknown = false;
    const char *why = f->kind == SCHEMA_KIND_ENUM ? schema_convert_enum(f->enumeration, v, raw, &unknown)
                                                  : schema_convert_number(f, v, raw);
    *skip = unknown && e->options->ignore_unknown;
    if (!why || *skip)
        return true;
    if (unknown && v->type == FBY_STRING)
        return refuse(e, STATUS_INVALID, "%s %s: %.*s", why, f->enumeration->full_name,
                      v->len > 100 ? 100 : (int)v->len, v->bytes);
    return refuse(e, STATUS_INVALID, "%s", why);
}

/* `always`: the default is written too, as in lists, maps and oneofs. */
static bool write_scalar(struct encoder *e, const struct schema_field *f, const struct fby_value *v,
                         bool always)
{
    struct schema_record record = {.number = 0};
    if (f->wire == SCHEMA_WIRE_LENGTH) {
        struct bytes text;
        const char *why = schema_convert_bytes(f, v, e->options->bytes_as, e->arena, &text);
        if (why)
            return refuse(e, STATUS_INVALID, "%s", why);
        record.len = (uint32_t)text.len;
        if (is_silent(f, &record, always))
            return true;
        size_t mark = schema_writer_len(&e->w);
        schema_writer_add(&e->w, text.data, text.len);
        schema_writer_wrap(&e->w, f->number, mark);
        return true;
    }
    bool skip;
    if (!convert_raw(e, f, v, &record.number, &skip))
        return false;
    if (skip || is_silent(f, &record, always))
        return true;
    schema_writer_add_number(&e->w, f, record.number);
    schema_writer_add_tag(&e->w, f->number, f->wire);
    return true;
}

static bool write_double(struct encoder *e, const struct schema_field *f, double number)
{
    uint64_t raw;
    memcpy(&raw, &number, sizeof raw);
    schema_writer_add_fixed64(&e->w, raw);
    schema_writer_add_tag(&e->w, f->number, SCHEMA_WIRE_FIXED64);
    return true;
}

static bool write_message(struct encoder *e, const struct schema_type *parent, const struct schema_field *f,
                          const struct fby_value *v)
{
    struct schema_writer *w = &e->w;
    bool in_set = parent->is_message_set && (f->flags & SCHEMA_FIELD_EXTENSION);
    if (in_set)
        schema_writer_add_tag(w, 1, SCHEMA_WIRE_GROUP_END);
    if (f->kind == SCHEMA_KIND_GROUP)
        schema_writer_add_tag(w, f->number, SCHEMA_WIRE_GROUP_END);
    size_t mark = schema_writer_len(w);
    if (!write_body(e, f->type, v))
        return false;
    if (f->kind == SCHEMA_KIND_GROUP) {
        schema_writer_add_tag(w, f->number, SCHEMA_WIRE_GROUP);
        return true;
    }
    schema_writer_wrap(w, in_set ? 3 : f->number, mark);
    if (in_set) {
        schema_writer_add_varint(w, f->number);
        schema_writer_add_tag(w, 2, SCHEMA_WIRE_VARINT);
        schema_writer_add_tag(w, 1, SCHEMA_WIRE_GROUP);
    }
    return true;
}

static bool write_single(struct encoder *e, const struct schema_type *parent, const struct schema_field *f,
                         const struct fby_value *v, bool always)
{
    return schema_field_is_message(f) ? write_message(e, parent, f, v) : write_scalar(e, f, v, always);
}

/* null stands for "not set", but where null is a value. */
static bool takes_null(const struct schema_field *f)
{
    if (f->kind == SCHEMA_KIND_ENUM)
        return f->enumeration->is_null_value;
    return schema_field_is_message(f) && f->type->wellknown == SCHEMA_VALUE;
}

static bool write_list(struct encoder *e, const struct schema_type *t, const struct schema_field *f,
                       const struct fby_value *v)
{
    if (v->type != FBY_LIST)
        return refuse(e, STATUS_INVALID, "must be a list");
    bool packed = f->flags & SCHEMA_FIELD_PACKED;
    size_t mark = schema_writer_len(&e->w);
    struct place here = {.parent = e->place};
    for (size_t i = v->len; i-- > 0;) {
        const struct fby_value *item = &v->items[i];
        uint64_t raw = 0;
        bool skip = false;
        here.index = i;
        e->place = &here;
        if (item->type == FBY_NULL && !takes_null(f))
            return refuse(e, STATUS_INVALID, "must not be null");
        if (!(packed ? convert_raw(e, f, item, &raw, &skip) : write_single(e, t, f, item, true)))
            return false;
        if (packed && !skip)
            schema_writer_add_number(&e->w, f, raw);
    }
    e->place = here.parent;
    if (packed && schema_writer_len(&e->w) > mark)
        schema_writer_wrap(&e->w, f->number, mark);
    return true;
}

static bool write_key(struct encoder *e, const struct schema_field *f, struct bytes text)
{
    if (f->kind == SCHEMA_KIND_STRING) {
        struct fby_value v = value_string(text);
        return write_scalar(e, f, &v, true);
    }
    uint64_t raw;
    const char *why = schema_convert_key(f, text, &raw);
    if (why)
        return refuse(e, STATUS_INVALID, "is not a key of this map: it %s", why);
    schema_writer_add_number(&e->w, f, raw);
    schema_writer_add_tag(&e->w, f->number, f->wire);
    return true;
}

static bool write_map(struct encoder *e, const struct schema_field *f, const struct fby_value *v)
{
    const struct schema_field *key = &f->type->fields[0], *value = &f->type->fields[1];
    if (v->type != FBY_MAP)
        return refuse(e, STATUS_INVALID, "must be a map");
    struct place here = {.parent = e->place};
    for (size_t i = v->len; i-- > 0;) {
        const struct fby_field *entry = &v->fields[i];
        here.name = bytes_of(entry->name.data, entry->name.len);
        e->place = &here;
        if (entry->value.type == FBY_NULL && !takes_null(value))
            return refuse(e, STATUS_INVALID, "must not be null");
        size_t mark = schema_writer_len(&e->w);
        bool unknown = false;
        uint64_t raw;
        if (value->kind == SCHEMA_KIND_ENUM && e->options->ignore_unknown)
            schema_convert_enum(value->enumeration, &entry->value, &raw, &unknown);
        if (unknown)
            continue;
        if (!write_single(e, f->type, value, &entry->value, true) || !write_key(e, key, here.name))
            return false;
        schema_writer_wrap(&e->w, f->number, mark);
    }
    e->place = here.parent;
    return true;
}

/* ---- Unknown fields that were kept. */

static bool write_unknown_list(struct encoder *e, const struct fby_value *v);

/* The value of an unknown field, in the form that the wire type has. */
static bool write_unknown_value(struct encoder *e, uint32_t number, uint32_t wire, const struct fby_value *v)
{
    static const struct schema_field shapes[] = {
        [SCHEMA_WIRE_VARINT] = {.kind = SCHEMA_KIND_UINT64, .wire = SCHEMA_WIRE_VARINT},
        [SCHEMA_WIRE_FIXED64] = {.kind = SCHEMA_KIND_FIXED64, .wire = SCHEMA_WIRE_FIXED64},
        [SCHEMA_WIRE_LENGTH] = {.kind = SCHEMA_KIND_BYTES, .wire = SCHEMA_WIRE_LENGTH},
        [SCHEMA_WIRE_FIXED32] = {.kind = SCHEMA_KIND_FIXED32, .wire = SCHEMA_WIRE_FIXED32},
    };
    if (wire == SCHEMA_WIRE_GROUP) {
        if (e->depth_left == 0)
            return refuse(e, STATUS_LIMIT, "is nested too deep");
        e->depth_left--;
        schema_writer_add_tag(&e->w, number, SCHEMA_WIRE_GROUP_END);
        if (!write_unknown_list(e, v))
            return false;
        schema_writer_add_tag(&e->w, number, SCHEMA_WIRE_GROUP);
        e->depth_left++;
        return true;
    }
    struct schema_field shape = shapes[wire];
    shape.number = number;
    return write_scalar(e, &shape, v, true);
}

static bool write_unknown_item(struct encoder *e, const struct fby_value *v)
{
    static const struct schema_field number_shape = {.kind = SCHEMA_KIND_UINT32};
    const struct fby_value *field = v->type == FBY_MAP ? value_field(v, bytes_of_text("field")) : NULL;
    uint64_t number = 0;
    if (!field || v->len != 2 || schema_convert_number(&number_shape, field, &number) || number == 0 ||
        number > SCHEMA_NUMBER_MAX)
        return refuse(e, STATUS_INVALID, "must be a map of a field number and one value");
    for (uint32_t wire = SCHEMA_WIRE_VARINT; wire <= SCHEMA_WIRE_FIXED32; wire++) {
        const char *form = schema_unknown_form(wire);
        const struct fby_value *value = form ? value_field(v, bytes_of_text(form)) : NULL;
        if (!value)
            continue;
        struct place here = {e->place, bytes_of_text(form), 0};
        e->place = &here;
        if (!write_unknown_value(e, (uint32_t)number, wire, value))
            return false;
        e->place = here.parent;
        return true;
    }
    return refuse(e, STATUS_INVALID, "lacks one of varint, fixed32, fixed64, bytes and group");
}

static bool write_unknown_list(struct encoder *e, const struct fby_value *v)
{
    if (v->type != FBY_LIST)
        return refuse(e, STATUS_INVALID, "must be a list");
    struct place here = {.parent = e->place};
    for (size_t i = v->len; i-- > 0;) {
        here.index = i;
        e->place = &here;
        if (!write_unknown_item(e, &v->items[i]))
            return false;
    }
    e->place = here.parent;
    return true;
}

static bool write_unknown_fields(struct encoder *e, const struct fby_value *v)
{
    struct place here = {e->place, bytes_of_text(SCHEMA_UNKNOWN_KEY), 0};
    e->place = &here;
    if (!write_unknown_list(e, v))
        return false;
    e->place = here.parent;
    return true;
}

/* ---- Messages. */

static int compare_settings(const void *a, const void *b)
{
    int x = ((const struct setting *)a)->field->slot, y = ((const struct setting *)b)->field->slot;
    return x - y;
}

/* *unknown: the list of unknown fields, or NULL. */
static bool find_settings(struct encoder *e, const struct schema_type *t, const struct fby_value *v,
                          struct bytes ignore, struct setting *settings, size_t *count,
                          const struct fby_value **unknown)
{
    *unknown = NULL;
    for (size_t i = 0; i < v->len; i++) {
        struct bytes name = bytes_of(v->fields[i].name.data, v->fields[i].name.len);
        const struct schema_field *f = schema_type_field_by_name(t, name);
        if (!f && (e->options->ignore_unknown || (ignore.len && bytes_equal(name, ignore))))
            continue;
        if (!f && e->options->keep_unknown && bytes_equal(name, bytes_of_text(SCHEMA_UNKNOWN_KEY))) {
            *unknown = &v->fields[i].value;
            continue;
        }
        struct place here = {e->place, name, 0};
        if (!f) {
            e->place = &here;
            return refuse(e, STATUS_INVALID, "is not a field of %s", t->full_name);
        }
        settings[(*count)++] = (struct setting){f, &v->fields[i].value};
    }
    return true;
}

/* No field twice, and of each oneof one. */
static bool check_settings(struct encoder *e, const struct schema_type *t, const struct setting *settings,
                           size_t count)
{
    const struct schema_field **members = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct schema_field *f = settings[i].field;
        struct place here = {e->place, bytes_of(f->names[1].data, f->names[1].len), 0};
        if (i && settings[i - 1].field == f) {
            e->place = &here;
            return refuse(e, STATUS_INVALID, "is given twice");
        }
        if (f->oneof < 0 || (settings[i].value->type == FBY_NULL && !takes_null(f)))
            continue;
        if (!members)
            members = arena_calloc(e->arena, t->oneof_count, sizeof *members);
        if (!members)
            return no_memory(e);
        if (members[f->oneof]) {
            e->place = &here;
            return refuse(e, STATUS_INVALID, "and %s cannot both be set: they are members of the oneof %s",
                          members[f->oneof]->names[1].data, t->oneof_names[f->oneof]);
        }
        members[f->oneof] = f;
    }
    return true;
}

static bool check_required(struct encoder *e, const struct schema_type *t, const struct setting *settings,
                           size_t count)
{
    size_t at = 0;
    for (uint32_t slot = 0; slot < t->field_count && t->required_count; slot++) {
        while (at < count && settings[at].field->slot < slot)
            at++;
        bool given = at < count && settings[at].field->slot == slot && settings[at].value->type != FBY_NULL;
        if ((t->fields[slot].flags & SCHEMA_FIELD_REQUIRED) && !given)
            return refuse(e, STATUS_INVALID, "lacks the required field %s", t->fields[slot].names[1].data);
    }
    return true;
}

static bool write_setting(struct encoder *e, const struct schema_type *t, const struct setting *s)
{
    const struct schema_field *f = s->field;
    if (s->value->type == FBY_NULL && (!takes_null(f) || (f->flags & SCHEMA_FIELD_REPEATED)))
        return true;
    struct place here = {e->place, bytes_of(f->names[1].data, f->names[1].len), 0};
    e->place = &here;
    bool ok;
    if (f->flags & SCHEMA_FIELD_MAP)
        ok = write_map(e, f, s->value);
    else if (f->flags & SCHEMA_FIELD_REPEATED)
        ok = write_list(e, t, f, s->value);
    else
        ok = write_single(e, t, f, s->value, false);
    if (ok)
        e->place = here.parent;
    return ok;
}

/* The fields of a message; `ignore` is a name that is not one of them (@type). */
static bool write_fields(struct encoder *e, const struct schema_type *t, const struct fby_value *v,
                         struct bytes ignore)
{
    struct setting few[FEW_FIELDS], *settings = few;
    size_t count = 0;
    if (v->type != FBY_MAP)
        return refuse(e, STATUS_INVALID, "must be a map with the fields of %s", t->full_name);
    if (v->len > FEW_FIELDS) {
        settings = arena_alloc(e->arena, v->len * sizeof *settings);
        if (!settings)
            return no_memory(e);
    }
    const struct fby_value *unknown;
    if (!find_settings(e, t, v, ignore, settings, &count, &unknown))
        return false;
    qsort(settings, count, sizeof *settings, compare_settings);
    if (!check_settings(e, t, settings, count) || !check_required(e, t, settings, count))
        return false;
    if (unknown && !write_unknown_fields(e, unknown))
        return false;
    for (size_t i = count; i-- > 0;)
        if (!write_setting(e, t, &settings[i]))
            return false;
    return !e->w.failed ||
           refuse(e, STATUS_LIMIT, "makes the output larger than the limit of %zu bytes", e->w.limit);
}

/* ---- Well-known types. */

static bool write_time(struct encoder *e, const struct schema_type *t, const struct fby_value *v)
{
    bool is_timestamp = t->wellknown == SCHEMA_TIMESTAMP, ok = false;
    int64_t seconds = 0;
    int32_t nanos = 0;
    if (v->type == FBY_TIME && is_timestamp) {
        seconds = v->time_s;
        nanos = (int32_t)v->len;
        ok = schema_timestamp_is_valid(seconds, nanos);
    } else if (v->type == FBY_STRING) {
        struct bytes text = bytes_of(v->bytes, v->len);
        ok = is_timestamp ? schema_timestamp_parse(text, &seconds, &nanos)
                          : schema_duration_parse(text, &seconds, &nanos);
    }
    if (!ok)
        return refuse(e, STATUS_INVALID, "must be %s",
                      is_timestamp ? "a time such as \"2026-01-31T12:00:00Z\", years 1 to 9999"
                                   : "a duration such as \"1.5s\"");
    if (nanos) {
        schema_writer_add_varint(&e->w, (uint64_t)(int64_t)nanos);
        schema_writer_add_tag(&e->w, 2, SCHEMA_WIRE_VARINT);
    }
    if (seconds) {
        schema_writer_add_varint(&e->w, (uint64_t)seconds);
        schema_writer_add_tag(&e->w, 1, SCHEMA_WIRE_VARINT);
    }
    return true;
}

static bool write_field_mask(struct encoder *e, const struct fby_value *v)
{
    if (v->type != FBY_STRING || value_is_number_text(v))
        return refuse(e, STATUS_INVALID, "must be a string of field paths");
    struct buffer path = {0};
    bool ok = true;
    for (size_t end = v->len; ok && v->len;) {
        const char *comma = memrchr(v->bytes, ',', end);
        size_t begin = comma ? (size_t)(comma - v->bytes) + 1 : 0;
        buffer_clear(&path);
        ok = schema_field_mask_parse(bytes_of(v->bytes + begin, end - begin), &path);
        size_t mark = schema_writer_len(&e->w);
        schema_writer_add(&e->w, path.data, path.len);
        schema_writer_wrap(&e->w, 1, mark);
        if (!comma)
            break;
        end = begin - 1;
    }
    buffer_finish(&path);
    return ok || refuse(e, STATUS_INVALID, "must have its paths in lowerCamelCase");
}

static bool write_value_of(struct encoder *e, const struct schema_type *t, const struct fby_value *v)
{
    static const uint8_t slots[] = {
        [FBY_NULL] = 0,   [FBY_BOOL] = 3,  [FBY_INT] = 1,  [FBY_UINT] = 1, [FBY_DOUBLE] = 1,
        [FBY_STRING] = 2, [FBY_BYTES] = 2, [FBY_TIME] = 2, [FBY_LIST] = 5, [FBY_MAP] = 4};
    const struct schema_field *f = &t->fields[slots[value_is_number_text(v) ? FBY_DOUBLE : v->type]];
    if (v->type == FBY_DOUBLE && !isfinite(v->number))
        return refuse(e, STATUS_INVALID, "must not be NaN or infinite");
    if (v->type == FBY_INT || v->type == FBY_DOUBLE)
        return write_double(e, f, v->type == FBY_INT ? (double)v->integer : v->number);
    if (v->type != FBY_BYTES)
        return write_single(e, t, f, v, true);
    /* A Value knows no bytes: base64, as in JSON. */
    struct buffer text = {0};
    bool ok = value_write_json(v, &text) && text.len >= 2;
    if (ok) {
        size_t mark = schema_writer_len(&e->w);
        schema_writer_add(&e->w, text.data + 1, text.len - 2);
        schema_writer_wrap(&e->w, f->number, mark);
    }
    buffer_finish(&text);
    return ok || no_memory(e);
}

static bool write_any(struct encoder *e, const struct schema_type *t, const struct fby_value *v)
{
    const struct bytes type_name = bytes_of_text("@type"), value_name = bytes_of_text("value");
    if (v->type == FBY_MAP && v->len == 0)
        return true;
    const struct fby_value *url = v->type == FBY_MAP ? value_field(v, type_name) : NULL;
    if (!url || url->type != FBY_STRING || url->len == 0)
        return refuse(e, STATUS_INVALID, "must be a map with \"@type\"");
    const char *slash = memrchr(url->bytes, '/', url->len);
    struct bytes name = slash ? bytes_of(slash + 1, (size_t)(url->bytes + url->len - (slash + 1)))
                              : bytes_of(url->bytes, url->len);
    const struct schema_type *inner = schema_registry_type_named(t->registry, name);
    if (!inner)
        return refuse(e, STATUS_INVALID, "holds %.*s, which is not in the schemas",
                      name.len > 200 ? 200 : (int)name.len, (const char *)name.data);
    size_t mark = schema_writer_len(&e->w);
    bool ok;
    if (inner->wellknown == SCHEMA_PLAIN) {
        ok = write_fields(e, inner, v, type_name);
    } else {
        const struct fby_value *value = value_field(v, value_name);
        ok = value ? write_body(e, inner, value) : refuse(e, STATUS_INVALID, "lacks \"value\"");
    }
    if (!ok)
        return false;
    if (schema_writer_len(&e->w) > mark)
        schema_writer_wrap(&e->w, 2, mark);
    return put_text(e, 1, bytes_of(url->bytes, url->len));
}

static bool write_wellknown(struct encoder *e, const struct schema_type *t, const struct fby_value *v)
{
    switch ((enum schema_wellknown)t->wellknown) {
    case SCHEMA_PLAIN:
        break;
    case SCHEMA_TIMESTAMP:
    case SCHEMA_DURATION:
        return write_time(e, t, v);
    case SCHEMA_FIELD_MASK:
        return write_field_mask(e, v);
    case SCHEMA_ANY:
        return write_any(e, t, v);
    case SCHEMA_VALUE:
        return write_value_of(e, t, v);
    case SCHEMA_STRUCT:
        return write_map(e, &t->fields[0], v);
    case SCHEMA_LIST_VALUE:
        return write_list(e, t, &t->fields[0], v);
    case SCHEMA_WRAPPER:
        return write_scalar(e, &t->fields[0], v, false);
    }
    return write_fields(e, t, v, (struct bytes){0});
}

/* A message without tag and length. */
static bool write_body(struct encoder *e, const struct schema_type *t, const struct fby_value *v)
{
    if (e->depth_left == 0)
        return refuse(e, STATUS_LIMIT, "is nested too deep");
    e->depth_left--;
    if (!write_wellknown(e, t, v))
        return false;
    e->depth_left++;
    return true;
}

static int64_t limit_or(int64_t value, int64_t fallback)
{
    return value > 0 ? value : fallback;
}

enum status schema_encode_value(const struct schema_type *t, const struct schema_encode_options *o,
                                const struct fby_value *v, struct arena *scratch, struct buffer *out,
                                struct error *err)
{
    struct arena_mark mark = arena_mark(scratch);
    struct encoder e = {.options = o, .arena = scratch, .err = err};
    e.depth_left = limit_or(o->max_depth, DEPTH_DEFAULT);
    if (e.depth_left > SCHEMA_DEPTH_HARD_MAX)
        e.depth_left = SCHEMA_DEPTH_HARD_MAX;
    schema_writer_init(&e.w, scratch, (size_t)limit_or(o->max_output, OUTPUT_DEFAULT));
    bool ok = write_body(&e, t, v);
    if (ok && !schema_writer_frame(&e.w, o->framing))
        ok = refuse(&e, STATUS_LIMIT, "is too long for its length prefix");
    if (ok && e.w.failed)
        ok = refuse(&e, STATUS_LIMIT, "is larger than the limit of %zu bytes", e.w.limit);
    if (ok && buffer_reserve(out, schema_writer_len(&e.w)))
        buffer_add(out, e.w.at, schema_writer_len(&e.w));
    else if (ok)
        ok = no_memory(&e);
    arena_rewind(scratch, mark);
    return ok ? STATUS_OK : e.status;
}

enum status schema_encode_json(const struct schema_type *t, const struct schema_encode_options *o,
                               struct bytes json, struct arena *scratch, struct buffer *out,
                               struct error *err)
{
    struct arena_mark mark = arena_mark(scratch);
    const struct value_json_limits limits = {
        .depth = VALUE_DEPTH_MAX,
        .elements = (size_t)limit_or(o->max_elements, ELEMENTS_DEFAULT),
        .refuse_duplicates = true,
        .big_integers = VALUE_JSON_BIG_EXACT,
    };
    struct fby_value v;
    enum status status = value_parse_json(json, &limits, scratch, &v, err);
    if (status == STATUS_OK)
        status = schema_encode_value(t, o, &v, scratch, out, err);
    arena_rewind(scratch, mark);
    return status;
}
