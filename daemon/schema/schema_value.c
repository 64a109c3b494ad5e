/* SPDX-License-Identifier: Apache-2.0
 *
 * Wire bytes to a value tree: schema_decode_value() of schema.h and schema_unwrap_value(). Strings and bytes
 * stay in the payload, names in the schema.
 */
#include "base/number_format.h"
#include "base/utf8.h"
#include "schema/schema_decode.h"
#include "schema/schema_defaults.h"
#include "schema/schema_map.h"
#include "schema/schema_payload.h"
#include "schema/schema_unknown.h"
#include "schema/schema_wellknown.h"

#include <math.h>

struct tree {
    struct schema_reader *r;
    unsigned names; /* which of a field's names: 0 JSON, 1 original */
    uint8_t flags64;
};

/* Room for `count` things, also when that is none. */
static void *make_items(struct tree *b, size_t count, size_t size)
{
    void *items = arena_alloc(b->r->arena, (count ? count : 1) * size);
    if (!items)
        schema_reader_no_memory(b->r);
    return items;
}

static bool build_level(struct tree *b, const struct schema_type *t, const struct schema_level *level,
                        struct fby_value *out);

static inline void set_value(struct fby_value *v, enum fby_type type, uint8_t flags)
{
    *v = (struct fby_value){.type = (uint8_t)type, .flags = flags};
}

static inline void set_int(struct fby_value *v, int64_t n, uint8_t flags)
{
    set_value(v, FBY_INT, flags);
    v->integer = n;
}

static inline void set_uint(struct fby_value *v, uint64_t n, uint8_t flags)
{
    set_value(v, FBY_UINT, flags);
    v->uinteger = n;
}

static inline void set_bytes(struct fby_value *v, enum fby_type type, const void *data, size_t len)
{
    set_value(v, type, 0);
    v->len = (uint32_t)len;
    v->bytes = data;
}

/* A copy with U+FFFD for what is not UTF-8: the tree promises valid strings. */
static bool set_repaired(struct tree *b, struct bytes text, struct fby_value *v)
{
    char *copy = arena_alloc(b->r->arena, 3 * text.len + 1);
    if (!copy)
        return schema_reader_no_memory(b->r);
    size_t len = 0;
    for (size_t at = 0; at < text.len;) {
        size_t n = utf8_sequence_length(bytes_of(text.data + at, text.len - at));
        memcpy(copy + len, n ? (const void *)(text.data + at) : "\xef\xbf\xbd", n ? n : 3);
        len += n ? n : 3;
        at += n ? n : 1;
    }
    set_bytes(v, FBY_STRING, copy, len);
    return true;
}

static __attribute__((noinline)) bool set_string(struct tree *b, const struct schema_field *f,
                                                 struct bytes text, struct fby_value *v)
{
    if (utf8_is_valid(text)) {
        set_bytes(v, FBY_STRING, text.data, text.len);
        return true;
    }
    if (f->flags & SCHEMA_FIELD_UTF8)
        return schema_reader_fail(b->r, STATUS_INVALID, text.data, "%s is not UTF-8", f->names[1].data);
    return set_repaired(b, text, v);
}

static __attribute__((noinline)) void set_enum(const struct tree *b, const struct schema_enum *e,
                                               int32_t number, struct fby_value *v)
{
    if (e->is_null_value) {
        set_value(v, FBY_NULL, 0);
        return;
    }
    const struct schema_enum_value *known = b->r->options->enum_numbers ? NULL : schema_enum_find(e, number);
    if (known)
        set_bytes(v, FBY_STRING, known->name.data, known->name.len);
    else
        set_int(v, number, 0);
}

static bool build_scalar(struct tree *b, const struct schema_field *f, struct schema_record raw,
                         struct fby_value *v)
{
    switch ((enum schema_kind)f->kind) {
    case SCHEMA_KIND_DOUBLE:
        set_value(v, FBY_DOUBLE, 0);
        v->number = schema_double(raw.number);
        return true;
    case SCHEMA_KIND_FLOAT:
        set_value(v, FBY_DOUBLE, FBY_FLAG_FLOAT32);
        v->number = (double)schema_float(raw.number);
        return true;
    case SCHEMA_KIND_INT64:
    case SCHEMA_KIND_SFIXED64:
        set_int(v, (int64_t)raw.number, b->flags64);
        return true;
    case SCHEMA_KIND_UINT64:
    case SCHEMA_KIND_FIXED64:
        set_uint(v, raw.number, b->flags64);
        return true;
    case SCHEMA_KIND_SINT64:
        set_int(v, schema_sint64(raw.number), b->flags64);
        return true;
    case SCHEMA_KIND_INT32:
    case SCHEMA_KIND_SFIXED32:
        set_int(v, (int32_t)raw.number, 0);
        return true;
    case SCHEMA_KIND_UINT32:
    case SCHEMA_KIND_FIXED32:
        set_uint(v, (uint32_t)raw.number, 0);
        return true;
    case SCHEMA_KIND_SINT32:
        set_int(v, schema_sint32(raw.number), 0);
        return true;
    case SCHEMA_KIND_BOOL:
        set_value(v, FBY_BOOL, 0);
        v->boolean = raw.number != 0;
        return true;
    case SCHEMA_KIND_ENUM:
        set_enum(b, f->enumeration, (int32_t)raw.number, v);
        return true;
    case SCHEMA_KIND_STRING:
        return set_string(b, f, bytes_of(raw.data, raw.len), v);
    case SCHEMA_KIND_BYTES:
        set_bytes(v, FBY_BYTES, raw.data, raw.len);
        return true;
    case SCHEMA_KIND_MESSAGE:
    case SCHEMA_KIND_GROUP:
        break;
    }
    return false;
}

static bool build_message(struct tree *b, const struct schema_type *t, uint32_t first, uint32_t count,
                          struct fby_value *v)
{
    struct schema_level level;
    if (!schema_level_open(b->r, t, first, count, &level) || !build_level(b, t, &level, v))
        return false;
    schema_level_close(b->r, &level);
    return true;
}

/* A packed run, appended to the list. */
static bool build_packed(struct tree *b, const struct schema_field *f, struct schema_record run,
                         struct fby_value *items, uint32_t *used)
{
    const uint8_t *at = run.data, *end = at + run.len;
    bool is_enum = f->kind == SCHEMA_KIND_ENUM;
    while (at < end) {
        struct schema_record element = {.len = 0};
        if (!schema_packed_next(b->r, f, &at, end, &element.number))
            return false;
        if (is_enum && schema_field_rejects(f, element.number)) {
            if (!schema_reader_pass_enum(b->r, f, element.number, at))
                return false;
            continue;
        }
        build_scalar(b, f, element, &items[(*used)++]);
    }
    return true;
}

static bool build_item(struct tree *b, const struct schema_field *f, uint32_t record, struct fby_value *items,
                       uint32_t *used)
{
    if (b->r->records[record].slot & SCHEMA_RECORD_PACKED)
        return build_packed(b, f, b->r->records[record], items, used);
    struct fby_value *v = &items[(*used)++];
    if (schema_field_is_message(f))
        return build_message(b, f->type, record, 1, v);
    return build_scalar(b, f, b->r->records[record], v);
}

static bool build_list(struct tree *b, const struct schema_field *f, uint32_t first, uint32_t count,
                       struct fby_value *v)
{
    size_t total = 0;
    uint32_t used = 0;
    for (uint32_t i = first; i < first + count; i++) {
        uint32_t elements = 1;
        if ((b->r->records[i].slot & SCHEMA_RECORD_PACKED) &&
            !schema_packed_count(b->r, f, &b->r->records[i], &elements))
            return false;
        total += elements;
    }
    struct fby_value *items = make_items(b, total, sizeof *items);
    if (!items)
        return false;
    for (uint32_t i = first; i < first + count; i++)
        if (!build_item(b, f, i, items, &used))
            return false;
    set_value(v, FBY_LIST, 0);
    v->len = used;
    v->items = items;
    return true;
}

/* Map keys are names: numbers and bools as text. */
static bool build_key(struct tree *b, const struct schema_field *f, struct schema_record key,
                      struct fby_bytes *name)
{
    char text[NUMBER_FORMAT_MAX];
    struct fby_value v;
    if (!build_scalar(b, f, key, &v))
        return false;
    const char *from = text;
    size_t len = 0;
    if (v.type == FBY_STRING) {
        from = v.bytes;
        len = v.len;
    } else if (v.type == FBY_BOOL) {
        from = v.boolean ? "true" : "false";
        len = v.boolean ? 4 : 5;
    } else {
        len =
            v.type == FBY_INT ? number_format_int64(v.integer, text) : number_format_uint64(v.uinteger, text);
    }
    name->data = arena_strndup(b->r->arena, from, len);
    name->len = len;
    return name->data || schema_reader_no_memory(b->r);
}

static bool build_map(struct tree *b, const struct schema_field *f, uint32_t first, uint32_t count,
                      struct fby_value *v)
{
    struct schema_map map;
    if (!schema_map_open(b->r, f, first, count, &map))
        return false;
    struct fby_field *fields = make_items(b, map.live, sizeof *fields);
    if (!fields)
        return false;
    uint32_t used = 0;
    for (uint32_t i = 0; i < map.count; i++) {
        const struct schema_map_entry *e = &map.entries[i];
        if (e->dead)
            continue;
        struct fby_field *to = &fields[used++];
        if (!build_key(b, map.key, e->key, &to->name))
            return false;
        bool ok =
            map.value->kind == SCHEMA_KIND_MESSAGE
                ? build_message(b, map.value->type, e->value_first, e->value_count, &to->value)
                : build_scalar(b, map.value,
                               e->value_count ? b->r->records[e->value_first] : schema_map_default(map.value),
                               &to->value);
        if (!ok)
            return false;
    }
    set_value(v, FBY_MAP, 0);
    v->len = used;
    v->fields = fields;
    schema_map_close(b->r, &map);
    return true;
}

static bool build_field(struct tree *b, const struct schema_field *f, uint32_t first, uint32_t count,
                        struct fby_value *v)
{
    if (f->flags & SCHEMA_FIELD_MAP)
        return build_map(b, f, first, count, v);
    if (f->flags & SCHEMA_FIELD_REPEATED)
        return build_list(b, f, first, count, v);
    if (schema_field_is_message(f))
        return build_message(b, f->type, first, count, v);
    return build_scalar(b, f, b->r->records[first + count - 1], v);
}

static bool build_default(struct tree *b, const struct schema_field *f, struct fby_field *to)
{
    to->name = f->names[b->names];
    if (!(f->flags & SCHEMA_FIELD_REPEATED))
        return build_scalar(b, f, schema_map_default(f), &to->value);
    set_value(&to->value, f->flags & SCHEMA_FIELD_MAP ? FBY_MAP : FBY_LIST, 0);
    to->value.fields = NULL;
    return true;
}

/* Those from slot `from` up to `to`, but for the one at `hidden`. */
static __attribute__((noinline)) bool build_defaults(struct tree *b, const struct schema_type *t,
                                                     uint32_t from, uint32_t to, uint32_t hidden,
                                                     struct fby_field *fields, uint32_t *used)
{
    const struct schema_defaults *d = schema_defaults_of(t, b->r->options);
    for (; d && from < to; from++) {
        uint32_t end = from <= hidden && hidden < to ? hidden : to;
        uint32_t first = d->places[from].field, count = d->places[end].field - first;
        memcpy(&fields[*used], &d->fields[first], count * sizeof *fields);
        *used += count;
        from = end;
    }
    for (; from < to; from++)
        if (from != hidden && schema_field_has_default(&t->fields[from]) &&
            !build_default(b, &t->fields[from], &fields[(*used)++]))
            return false;
    return true;
}

/* How many entries the map of this level has at most, without those at their default. */
static size_t count_fields(const struct tree *b, const struct schema_level *level)
{
    enum { FEW = 32 };
    size_t records = level->end - level->begin, count = 0;
    if (records <= FEW)
        return records;
    for (uint32_t i = level->begin; i < level->end; i += schema_level_run(b->r, level, i))
        count++;
    return count;
}

static bool build_set_field(struct tree *b, const struct schema_type *t, const struct schema_field *f,
                            uint32_t first, uint32_t count, struct fby_field *to, uint32_t *used)
{
    if (!schema_check_repeats(b->r, t, f, first, count))
        return false;
    if (schema_field_is_silent(b->r, f, first + count - 1))
        return true;
    to->name = f->names[b->names];
    if (!build_field(b, f, first, count, &to->value))
        return false;
    bool empty = (f->flags & SCHEMA_FIELD_REPEATED) && to->value.len == 0;
    *used += !empty || b->r->options->emit_defaults;
    return true;
}

/* What follows in `list` behind its `count` fields, or NULL. */
static const struct schema_unknown *build_unknown_list(struct tree *b, const struct schema_unknown *list,
                                                       uint64_t count, struct fby_value *v)
{
    struct fby_value *items = make_items(b, (size_t)count, sizeof *items);
    if (!items)
        return NULL;
    set_value(v, FBY_LIST, 0);
    v->len = (uint32_t)count;
    v->items = items;
    for (; count > 0; count--, items++) {
        const struct schema_unknown *u = list++;
        struct fby_field *fields = make_items(b, 2, sizeof *fields);
        if (!fields)
            return NULL;
        const char *form = schema_unknown_form(u->wire);
        set_value(items, FBY_MAP, 0);
        items->len = 2;
        items->fields = fields;
        fields[0].name = (struct fby_bytes){"field", 5};
        set_uint(&fields[0].value, u->number, 0);
        fields[1].name = (struct fby_bytes){form, strlen(form)};
        if (u->wire == SCHEMA_WIRE_LENGTH)
            set_bytes(&fields[1].value, FBY_BYTES, u->content.data, u->content.len);
        else if (u->wire != SCHEMA_WIRE_GROUP)
            set_uint(&fields[1].value, u->value, u->wire == SCHEMA_WIRE_FIXED32 ? 0 : b->flags64);
        else if (!(list = build_unknown_list(b, list, u->count, &fields[1].value)))
            return NULL;
    }
    return list;
}

/* The last entry of a map, when there is anything in it. */
static bool build_unknown_fields(struct tree *b, const struct schema_type *t,
                                 const struct schema_level *level, struct fby_field *to, uint32_t *used)
{
    struct schema_unknown *list;
    uint32_t count;
    if (!schema_unknown_collect(b->r, t, level, &list, &count))
        return false;
    to->name = (struct fby_bytes){SCHEMA_UNKNOWN_KEY, sizeof SCHEMA_UNKNOWN_KEY - 1};
    *used += count > 0;
    return count == 0 || build_unknown_list(b, list, count, &to->value) != NULL;
}

/* The fields of a message, after the `extra` entries that the caller fills in front. The field at `hidden`,
 * which is not there, is not shown at its default either. */
static bool build_fields_without(struct tree *b, const struct schema_type *t,
                                 const struct schema_level *level, uint32_t extra, uint32_t hidden,
                                 struct fby_value *v)
{
    bool defaults, keeps = b->r->keep_unknown != SCHEMA_KEEP_NONE;
    if (!schema_spend_defaults(b->r, t, &defaults))
        return false;
    size_t count = count_fields(b, level) + extra + keeps + (defaults ? t->default_count : 0);
    struct fby_field *fields = count ? make_items(b, count, sizeof *fields) : NULL;
    if (count && !fields)
        return false;
    uint32_t used = extra, next = 0, end = keeps ? schema_level_known_end(b->r, level) : level->end;
    for (uint32_t i = level->begin; i < end;) {
        uint32_t run = schema_level_run(b->r, level, i), slot = SCHEMA_RECORD_SLOT(b->r->records[i].slot);
        if (defaults && next < slot && !build_defaults(b, t, next, slot, hidden, fields, &used))
            return false;
        next = slot + 1;
        if (!build_set_field(b, t, &t->fields[slot], i, run, &fields[used], &used))
            return false;
        i += run;
    }
    if (defaults && next < t->field_count &&
        !build_defaults(b, t, next, t->field_count, hidden, fields, &used))
        return false;
    if (keeps && !build_unknown_fields(b, t, level, &fields[used], &used))
        return false;
    set_value(v, FBY_MAP, 0);
    v->len = used;
    v->fields = fields;
    return true;
}

static bool build_fields(struct tree *b, const struct schema_type *t, const struct schema_level *level,
                         uint32_t extra, struct fby_value *v)
{
    return build_fields_without(b, t, level, extra, UINT32_MAX, v);
}

static bool build_time(struct tree *b, const struct schema_type *t, const struct schema_level *level,
                       struct fby_value *v)
{
    int64_t seconds;
    int32_t nanos;
    if (!schema_read_time(b->r, t, level, &seconds, &nanos))
        return false;
    if (t->wellknown == SCHEMA_TIMESTAMP) {
        set_value(v, FBY_TIME, 0);
        v->len = (uint32_t)nanos;
        v->time_s = seconds;
        return true;
    }
    char text[SCHEMA_TIME_TEXT_MAX];
    size_t len = schema_duration_format(seconds, nanos, text);
    char *copy = arena_strndup(b->r->arena, text, len);
    if (!copy)
        return schema_reader_no_memory(b->r);
    set_bytes(v, FBY_STRING, copy, len);
    return true;
}

static bool build_field_mask(struct tree *b, const struct schema_level *level, struct fby_value *v)
{
    struct buffer paths = {0};
    bool ok = schema_read_field_mask(b->r, level, &paths);
    char *copy = ok ? arena_strndup(b->r->arena, paths.data, paths.len) : NULL;
    if (ok && !copy)
        ok = schema_reader_no_memory(b->r);
    if (ok)
        set_bytes(v, FBY_STRING, copy, paths.len);
    if (ok && !utf8_is_valid(buffer_bytes(&paths)))
        ok = schema_reader_fail(b->r, STATUS_INVALID, NULL, "a path of a FieldMask is not UTF-8");
    buffer_finish(&paths);
    return ok;
}

static bool build_any(struct tree *b, const struct schema_type *t, const struct schema_level *level,
                      struct fby_value *v)
{
    struct schema_any any;
    struct schema_level inner;
    if (!schema_read_any(b->r, t, level, &any))
        return false;
    if (!any.type) {
        set_value(v, FBY_MAP, 0);
        v->fields = NULL;
        return true;
    }
    if (!utf8_is_valid(any.url))
        return schema_reader_fail(b->r, STATUS_INVALID, any.url.data, "the type of an Any is not UTF-8");
    if (!schema_any_open(b->r, &any, &inner))
        return false;
    if (any.type->wellknown == SCHEMA_PLAIN) {
        if (!build_fields(b, any.type, &inner, 1, v))
            return false;
    } else {
        struct fby_field *fields = make_items(b, 2, sizeof *fields);
        if (!fields)
            return false;
        fields[1].name = (struct fby_bytes){"value", 5};
        if (!build_level(b, any.type, &inner, &fields[1].value))
            return false;
        set_value(v, FBY_MAP, 0);
        v->len = 2;
        v->fields = fields;
    }
    v->fields[0].name = (struct fby_bytes){"@type", 5};
    set_bytes(&v->fields[0].value, FBY_STRING, any.url.data, any.url.len);
    schema_level_close(b->r, &inner);
    return true;
}

static bool build_value(struct tree *b, const struct schema_type *t, const struct schema_level *level,
                        struct fby_value *v)
{
    set_value(v, FBY_NULL, 0);
    if (level->begin == level->end)
        return true;
    uint32_t first = level->begin, count = schema_level_run(b->r, level, first);
    const struct schema_field *f = &t->fields[SCHEMA_RECORD_SLOT(b->r->records[first].slot)];
    if (!schema_check_repeats(b->r, t, f, first, count) || !build_field(b, f, first, count, v))
        return false;
    if (v->type == FBY_DOUBLE && !isfinite(v->number))
        return schema_reader_fail(b->r, STATUS_INVALID, NULL,
                                  "a Value holds NaN or an infinity, which JSON lacks");
    return true;
}

/* Struct is its map, ListValue its list, a wrapper its value; also when nothing is there. */
static bool build_inner(struct tree *b, const struct schema_type *t, const struct schema_level *level,
                        struct fby_value *v)
{
    const struct schema_field *f = &t->fields[0];
    uint32_t count = level->begin < level->end ? schema_level_run(b->r, level, level->begin) : 0;
    if (count)
        return schema_check_repeats(b->r, t, f, level->begin, count) &&
               build_field(b, f, level->begin, count, v);
    if (t->wellknown == SCHEMA_WRAPPER)
        return build_scalar(b, f, schema_map_default(f), v);
    set_value(v, t->wellknown == SCHEMA_STRUCT ? FBY_MAP : FBY_LIST, 0);
    v->fields = NULL;
    return true;
}

static bool build_level(struct tree *b, const struct schema_type *t, const struct schema_level *level,
                        struct fby_value *v)
{
    switch ((enum schema_wellknown)t->wellknown) {
    case SCHEMA_PLAIN:
        return build_fields(b, t, level, 0, v);
    case SCHEMA_TIMESTAMP:
    case SCHEMA_DURATION:
        return build_time(b, t, level, v);
    case SCHEMA_FIELD_MASK:
        return build_field_mask(b, level, v);
    case SCHEMA_ANY:
        return build_any(b, t, level, v);
    case SCHEMA_VALUE:
        return build_value(b, t, level, v);
    case SCHEMA_STRUCT:
    case SCHEMA_LIST_VALUE:
    case SCHEMA_WRAPPER:
        return build_inner(b, t, level, v);
    }
    return false;
}

/* ---- Envelopes ---- */

static void set_entry(struct fby_field *to, const char *name, const char *text)
{
    to->name = (struct fby_bytes){name, strlen(name)};
    set_bytes(&to->value, FBY_STRING, text, strlen(text));
}

static bool build_kept(struct tree *b, const struct schema_unwrap *u, const struct schema_level *level,
                       const struct schema_payload *p, struct fby_field *to)
{
    uint32_t extra = (u->oneof >= 0 ? 1u : 0u) + (p->type ? 1u : 0u), used = 0;
    to->name = (struct fby_bytes){(const char *)u->keep_as.data, u->keep_as.len};
    if (p->field) {
        struct schema_level rest = schema_payload_cut(b->r, level, p);
        if (!build_fields_without(b, u->envelope, &rest, extra, p->field->slot, &to->value))
            return false;
    } else { /* all that an Any has beside its message is the name of it */
        set_value(&to->value, FBY_MAP, 0);
        to->value.len = extra;
        to->value.fields = make_items(b, extra, sizeof *to->value.fields);
        if (!to->value.fields)
            return false;
    }
    if (u->oneof >= 0)
        set_entry(&to->value.fields[used++], "@field", p->field->names[b->names].data);
    if (p->type)
        set_entry(&to->value.fields[used], "@type", p->type->full_name);
    return true;
}

static bool build_bare(struct tree *b, const struct schema_payload *p, struct fby_value *v)
{
    return p->type ? build_level(b, p->type, &p->level, v) : build_scalar(b, p->field, p->scalar, v);
}

static bool build_payload(struct tree *b, const struct schema_unwrap *u, const struct schema_level *level,
                          struct fby_value *v)
{
    struct schema_payload p;
    if (!schema_payload_open(b->r, u, level, &p))
        return false;
    if (!u->keep_as.len)
        return build_bare(b, &p, v);
    if (p.type && p.type->wellknown == SCHEMA_PLAIN)
        return build_fields(b, p.type, &p.level, 1, v) && build_kept(b, u, level, &p, &v->fields[0]);
    struct fby_field *fields = make_items(b, 2, sizeof *fields);
    if (!fields || !build_bare(b, &p, &fields[1].value))
        return false;
    fields[1].name = (struct fby_bytes){"value", 5};
    set_value(v, FBY_MAP, 0);
    v->len = 2;
    v->fields = fields;
    return build_kept(b, u, level, &p, &fields[0]);
}

/* `u` NULL: the message itself. */
static enum status decode_value(const struct schema_type *t, const struct schema_unwrap *u,
                                const struct schema_options *o, struct bytes payload, struct arena *a,
                                struct fby_value *out, struct error *err)
{
    struct schema_options options = schema_options_resolve(o, payload.len);
    const struct bytes whole = payload;
    enum status status = schema_unframe(&options, &payload, err);
    if (status != STATUS_OK)
        return status;
    struct schema_reader r;
    struct schema_level level;
    struct tree b = {
        .r = &r, .names = options.original_names, .flags64 = options.int64_numbers ? 0 : FBY_FLAG_TEXT64};
    size_t arena_limit = schema_limit_arena(&options, payload.len, a);
    schema_reader_init(&r, &options, a, whole, err);
    bool ok = schema_level_open_bytes(&r, t, payload, &level) &&
              (u ? build_payload(&b, u, &level, out) : build_level(&b, t, &level, out));
    a->limit = arena_limit;
    return ok ? STATUS_OK : r.status;
}

enum status schema_decode_value(const struct schema_type *t, const struct schema_options *o,
                                struct bytes payload, struct arena *a, struct fby_value *out,
                                struct error *err)
{
    return decode_value(t, NULL, o, payload, a, out, err);
}

enum status schema_unwrap_value(const struct schema_unwrap *u, const struct schema_options *o,
                                struct bytes payload, struct arena *a, struct fby_value *out,
                                struct error *err)
{
    return decode_value(u->envelope, u, o, payload, a, out, err);
}
