/* SPDX-License-Identifier: Apache-2.0
 *
 * Fills in one message type or enum: fields sorted by number with their dense table, names escaped, types
 * resolved, oneofs counted. See schema_link.h.
 */
#include "base/json_writer.h"
#include "base/utf8.h"
#include "schema/schema_descriptor.pb-c.h"
#include "schema/schema_link.h"

#include <stdlib.h>

typedef Google__Protobuf__FieldDescriptorProto field_proto;

enum { RESERVED_FIRST = 19000, RESERVED_LAST = 19999 };

/* A field on its way: where its descriptor comes from. */
struct draft {
    const struct schema_file *file;
    const char *scope;
    struct schema_features features;
    const field_proto *field;
    const struct schema_type *owner;
    bool is_extension;
};

struct kind_facts {
    uint8_t wire;
    bool packable;
};

static const struct kind_facts kinds[] = {
    [SCHEMA_KIND_DOUBLE] = {SCHEMA_WIRE_FIXED64, true},
    [SCHEMA_KIND_FLOAT] = {SCHEMA_WIRE_FIXED32, true},
    [SCHEMA_KIND_INT64] = {SCHEMA_WIRE_VARINT, true},
    [SCHEMA_KIND_UINT64] = {SCHEMA_WIRE_VARINT, true},
    [SCHEMA_KIND_INT32] = {SCHEMA_WIRE_VARINT, true},
    [SCHEMA_KIND_FIXED64] = {SCHEMA_WIRE_FIXED64, true},
    [SCHEMA_KIND_FIXED32] = {SCHEMA_WIRE_FIXED32, true},
    [SCHEMA_KIND_BOOL] = {SCHEMA_WIRE_VARINT, true},
    [SCHEMA_KIND_STRING] = {SCHEMA_WIRE_LENGTH, false},
    [SCHEMA_KIND_GROUP] = {SCHEMA_WIRE_GROUP, false},
    [SCHEMA_KIND_MESSAGE] = {SCHEMA_WIRE_LENGTH, false},
    [SCHEMA_KIND_BYTES] = {SCHEMA_WIRE_LENGTH, false},
    [SCHEMA_KIND_UINT32] = {SCHEMA_WIRE_VARINT, true},
    [SCHEMA_KIND_ENUM] = {SCHEMA_WIRE_VARINT, true},
    [SCHEMA_KIND_SFIXED32] = {SCHEMA_WIRE_FIXED32, true},
    [SCHEMA_KIND_SFIXED64] = {SCHEMA_WIRE_FIXED64, true},
    [SCHEMA_KIND_SINT32] = {SCHEMA_WIRE_VARINT, true},
    [SCHEMA_KIND_SINT64] = {SCHEMA_WIRE_VARINT, true},
};

static int compare_drafts(const void *a, const void *b)
{
    int32_t x = ((const struct draft *)a)->field->number, y = ((const struct draft *)b)->field->number;
    return (x > y) - (x < y);
}

static int compare_text(struct fby_bytes a, struct fby_bytes b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n ? memcmp(a.data, b.data, n) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* The JSON name that protoc would give: "_x" becomes "X". */
static size_t camel_name(const char *name, char *out)
{
    size_t len = 0;
    bool raise = false;
    for (const char *c = name; *c; c++) {
        if (*c == '_') {
            raise = true;
            continue;
        }
        out[len++] = raise && *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
        raise = false;
    }
    out[len] = 0;
    return len;
}

static struct fby_bytes keep_text(struct schema_linker *l, const void *text, size_t len)
{
    char *copy = arena_strndup(l->arena, text, len);
    return (struct fby_bytes){copy, copy ? len : 0};
}

/* ,"name": as it stands inside an object. */
static struct fby_bytes make_key(struct schema_linker *l, struct fby_bytes name)
{
    struct buffer b = {0};
    buffer_add_byte(&b, ',');
    json_write_string(&b, bytes_of(name.data, name.len));
    buffer_add_byte(&b, ':');
    struct fby_bytes key = b.failed ? (struct fby_bytes){0} : keep_text(l, b.data, b.len);
    buffer_finish(&b);
    return key;
}

static bool name_extension(struct schema_linker *l, const struct draft *d, struct schema_field *f)
{
    struct buffer b = {0};
    buffer_add_format(&b, "[%s%s%s]", d->scope, *d->scope ? "." : "", d->field->name);
    if (b.failed) {
        buffer_finish(&b);
        return schema_link_no_memory(l);
    }
    f->names[0] = f->names[1] = keep_text(l, b.data, b.len);
    buffer_finish(&b);
    return true;
}

static bool name_field(struct schema_linker *l, const struct draft *d, struct schema_field *f)
{
    if (!schema_link_is_identifier(d->field->name))
        return schema_link_refuse(l, d->file, "a field of %s has no valid name", d->scope);
    if (d->is_extension)
        return name_extension(l, d, f);
    f->names[1] = keep_text(l, d->field->name, strlen(d->field->name));
    const char *json = d->field->json_name;
    if (json && *json) {
        if (!utf8_is_valid(bytes_of_text(json)))
            return schema_link_refuse_field(l, d->file, d->field, "the JSON name of field %s.%s is not UTF-8",
                                            d->scope, d->field->name);
        f->names[0] = keep_text(l, json, strlen(json));
        return true;
    }
    char camel[520];
    size_t len = camel_name(d->field->name, camel);
    f->names[0] = len ? keep_text(l, camel, len) : f->names[1];
    return true;
}

/* Maps with their values, and what stands in a message set, have a form of their own. */
static bool is_delimited(const struct draft *d, const struct schema_field *f)
{
    return (d->features.flags & SCHEMA_FEATURE_DELIMITED) && !(f->flags & SCHEMA_FIELD_MAP) &&
           !d->owner->is_map_entry && !(d->is_extension && d->owner->is_message_set);
}

static bool refer(struct schema_linker *l, const struct draft *d, struct schema_field *f)
{
    const field_proto *p = d->field;
    struct schema_symbol *s = schema_link_resolve(l, d->scope, p->type_name);
    if (!s)
        return schema_link_refuse_field(l, d->file, p,
                                        "field %s.%s has type %s, which is missing. Make the set with "
                                        "protoc --include_imports",
                                        d->scope, p->name, p->type_name ? p->type_name : "nothing");
    /* A set that was not made by protoc may leave it to the name whether it is a message or an enum. */
    if (!p->has_type)
        f->kind = s->message ? SCHEMA_KIND_MESSAGE : SCHEMA_KIND_ENUM;
    if ((f->kind == SCHEMA_KIND_ENUM) != (s->enumeration != NULL))
        return schema_link_refuse_field(l, d->file, p, "field %s.%s: %s is %s", d->scope, p->name,
                                        s->full_name,
                                        s->message ? "a message, not an enum" : "an enum, not a message");
    if (s->message)
        f->type = s->type;
    else
        f->enumeration = s->compiled_enum;
    if (s->enumeration && (s->features.flags & SCHEMA_FEATURE_CLOSED))
        f->flags |= SCHEMA_FIELD_WATCHED;
    if (f->kind == SCHEMA_KIND_MESSAGE && (f->flags & SCHEMA_FIELD_REPEATED) && s->message->options &&
        s->message->options->map_entry)
        f->flags |= SCHEMA_FIELD_MAP;
    if (f->kind == SCHEMA_KIND_MESSAGE && is_delimited(d, f))
        f->kind = SCHEMA_KIND_GROUP;
    return true;
}

/* The features of the field itself, from those around it. */
static bool settle_features(struct schema_linker *l, const Google__Protobuf__DescriptorProto *m,
                            struct draft *d)
{
    const field_proto *p = d->field;
    const char *wrong = NULL;
    bool in_oneof = !d->is_extension && p->has_oneof_index && p->oneof_index >= 0 &&
                    (size_t)p->oneof_index < m->n_oneof_decl;
    if (in_oneof && m->oneof_decl[p->oneof_index]->options)
        wrong = schema_features_override(&d->features, m->oneof_decl[p->oneof_index]->options->features);
    if (!wrong && p->options)
        wrong = schema_features_override(&d->features, p->options->features);
    return !wrong || schema_link_refuse_field(l, d->file, p,
                                              "field %s.%s sets the feature %s to a value that is not known",
                                              d->scope, p->name ? p->name : "?", wrong);
}

static void set_flags(const struct draft *d, struct schema_field *f)
{
    const field_proto *p = d->field;
    unsigned features = d->features.flags;
    bool proto3 = d->features.edition == SCHEMA_EDITION_PROTO3;
    bool has_option = d->features.edition <= SCHEMA_EDITION_PROTO3 && p->options && p->options->has_packed;
    if (p->label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED)
        f->flags |= SCHEMA_FIELD_REPEATED;
    else if ((features & SCHEMA_FEATURE_PRESENCE) || p->has_oneof_index || d->is_extension ||
             schema_field_is_message(f))
        f->flags |= SCHEMA_FIELD_PRESENCE;
    if (!proto3 && p->label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REQUIRED)
        f->flags |= SCHEMA_FIELD_REQUIRED;
    if ((features & SCHEMA_FEATURE_REQUIRED) && !(f->flags & SCHEMA_FIELD_REPEATED) && !p->has_oneof_index)
        f->flags |= SCHEMA_FIELD_REQUIRED;
    if (d->is_extension)
        f->flags |= SCHEMA_FIELD_EXTENSION;
    if ((features & SCHEMA_FEATURE_UTF8) && f->kind == SCHEMA_KIND_STRING)
        f->flags |= SCHEMA_FIELD_UTF8;
    if (!(f->flags & SCHEMA_FIELD_REPEATED) || !kinds[f->kind].packable)
        return;
    f->flags |= SCHEMA_FIELD_PACKABLE;
    if (has_option ? p->options->packed : (features & SCHEMA_FEATURE_PACKED) != 0)
        f->flags |= SCHEMA_FIELD_PACKED;
}

static bool compile_field(struct schema_linker *l, const struct draft *d, struct schema_field *f)
{
    const field_proto *p = d->field;
    if (!name_field(l, d, f))
        return false;
    if (p->number < 1 || p->number > SCHEMA_NUMBER_MAX ||
        (p->number >= RESERVED_FIRST && p->number <= RESERVED_LAST))
        return schema_link_refuse_field(l, d->file, p, "field %s.%s: %d is not a field number", d->scope,
                                        p->name, p->number);
    f->number = (uint32_t)p->number;
    f->kind = p->has_type ? (uint8_t)p->type : SCHEMA_KIND_MESSAGE;
    if (p->has_type && ((int)p->type < SCHEMA_KIND_DOUBLE || (int)p->type > SCHEMA_KIND_SINT64))
        return schema_link_refuse_field(l, d->file, p, "field %s.%s has type number %d, which is not known",
                                        d->scope, p->name, (int)p->type);
    f->oneof = -1;
    set_flags(d, f);
    if ((f->kind == SCHEMA_KIND_ENUM || schema_field_is_message(f)) && !refer(l, d, f))
        return false;
    f->wire = kinds[f->kind].wire;
    if (p->default_value) {
        f->default_text = arena_strdup(l->arena, p->default_value);
        if (!f->default_text)
            return schema_link_no_memory(l);
    }
    return true;
}

static int compare_names(const void *a, const void *b)
{
    const struct schema_name *x = a, *y = b;
    int order = compare_text(x->name, y->name);
    return order ? order : (x->field->slot > y->field->slot) - (x->field->slot < y->field->slot);
}

static size_t sort_names(const struct schema_type *t, int which, struct schema_name *names)
{
    for (uint32_t i = 0; i < t->field_count; i++)
        names[i] = (struct schema_name){t->fields[i].names[which], &t->fields[i]};
    qsort(names, t->field_count, sizeof *names, compare_names);
    for (uint32_t i = 1; i < t->field_count; i++)
        if (compare_text(names[i - 1].name, names[i].name) == 0)
            return i;
    return 0;
}

/* Two JSON names that differ in the .proto only by underscores or case fall together, which proto2 allows:
 * one of them then goes by its original name. */
static bool separate_names(struct schema_linker *l, const struct schema_symbol *s, struct schema_name *names)
{
    const struct schema_type *t = s->type;
    size_t clash = sort_names(t, 1, names);
    if (clash)
        return schema_link_refuse(l, s->file, "%s has two fields named %s", s->full_name,
                                  names[clash].name.data);
    if (!sort_names(t, 0, names))
        return true;
    for (uint32_t i = 1; i < t->field_count; i++) {
        if (compare_text(names[i - 1].name, names[i].name) != 0)
            continue;
        const struct schema_field *f = names[i].field;
        if (compare_text(f->names[0], f->names[1]) == 0)
            f = names[i - 1].field;
        struct schema_field *own = (struct schema_field *)(uintptr_t)f;
        own->names[0] = own->names[1];
    }
    clash = sort_names(t, 0, names);
    if (clash)
        return schema_link_refuse(l, s->file, "%s has two fields with the JSON name %s", s->full_name,
                                  names[clash].name.data);
    return true;
}

/* The sorted list of every name, JSON names first where both kinds meet. */
static bool index_names(struct schema_linker *l, const struct schema_symbol *s)
{
    struct schema_type *t = s->type;
    struct schema_name *names = arena_alloc(l->arena, (2 * (size_t)t->field_count + 1) * sizeof *names);
    if (!names)
        return schema_link_no_memory(l);
    if (!separate_names(l, s, names))
        return false;
    size_t count = t->field_count;
    for (uint32_t i = 0; i < t->field_count; i++)
        if (compare_text(t->fields[i].names[0], t->fields[i].names[1]) != 0)
            names[count++] = (struct schema_name){t->fields[i].names[1], &t->fields[i]};
    qsort(names, count, sizeof *names, compare_names);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        bool same = kept && compare_text(names[kept - 1].name, names[i].name) == 0;
        if (same && compare_text(names[i].field->names[0], names[i].name) != 0)
            continue;
        names[same ? kept - 1 : kept] = names[i];
        kept += !same;
    }
    t->names = names;
    t->name_count = (uint32_t)kept;
    return true;
}

static bool make_keys(struct schema_linker *l, struct schema_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct schema_field *f = &fields[i];
        f->keys[1] = make_key(l, f->names[1]);
        f->keys[0] = compare_text(f->names[0], f->names[1]) == 0 ? f->keys[1] : make_key(l, f->names[0]);
        if (!f->keys[0].data || !f->keys[1].data || !f->names[0].data || !f->names[1].data)
            return schema_link_no_memory(l);
    }
    return true;
}

static bool make_dense(struct schema_linker *l, struct schema_type *t)
{
    uint32_t top = t->field_count ? t->fields[t->field_count - 1].number : 0;
    uint32_t bound = 4 * t->field_count + 32;
    t->dense_count = top < bound ? top + 1 : bound;
    uint16_t *dense = arena_calloc(l->arena, t->dense_count, sizeof *dense);
    if (!dense)
        return schema_link_no_memory(l);
    for (uint32_t i = 0; i < t->field_count && t->fields[i].number < t->dense_count; i++)
        dense[t->fields[i].number] = (uint16_t)(i + 1);
    t->dense = dense;
    return true;
}

/* Real oneofs get numbers; a oneof that only stands for proto3 `optional` is none. */
static bool compile_oneofs(struct schema_linker *l, const struct schema_symbol *s, const struct draft *drafts,
                           struct schema_field *fields)
{
    size_t declared = s->message->n_oneof_decl;
    if (declared == 0)
        return true;
    int32_t *numbers = arena_alloc(&l->scratch, declared * sizeof *numbers);
    const char **names = arena_alloc(l->arena, declared * sizeof *names);
    if (!numbers || !names)
        return schema_link_no_memory(l);
    for (size_t i = 0; i < declared; i++)
        numbers[i] = -1;
    for (uint32_t i = 0; i < s->type->field_count; i++) {
        const field_proto *p = drafts[i].field;
        if (drafts[i].is_extension || !p->has_oneof_index || p->proto3_optional)
            continue;
        if (p->oneof_index < 0 || (size_t)p->oneof_index >= declared ||
            (fields[i].flags & SCHEMA_FIELD_REPEATED))
            return schema_link_refuse(l, s->file, "field %s.%s has a wrong oneof", s->full_name, p->name);
        int32_t *number = &numbers[p->oneof_index];
        if (*number < 0) {
            const char *name = s->message->oneof_decl[p->oneof_index]->name;
            *number = (int32_t)s->type->oneof_count++;
            names[*number] = arena_strdup(l->arena, name ? name : "");
            if (!names[*number])
                return schema_link_no_memory(l);
        }
        fields[i].oneof = *number;
        fields[i].flags |= SCHEMA_FIELD_WATCHED;
    }
    s->type->oneof_names = names;
    return true;
}

static bool is_map_key(uint8_t kind)
{
    return kind != SCHEMA_KIND_DOUBLE && kind != SCHEMA_KIND_FLOAT && kind != SCHEMA_KIND_GROUP &&
           kind != SCHEMA_KIND_MESSAGE && kind != SCHEMA_KIND_BYTES && kind != SCHEMA_KIND_ENUM;
}

static bool check_map_entry(struct schema_linker *l, const struct schema_symbol *s)
{
    const struct schema_type *t = s->type;
    bool ok =
        t->field_count == 2 && t->fields[0].number == 1 && t->fields[1].number == 2 &&
        !((t->fields[0].flags | t->fields[1].flags) & (SCHEMA_FIELD_REPEATED | SCHEMA_FIELD_REQUIRED)) &&
        t->fields[0].oneof < 0 && t->fields[1].oneof < 0 && is_map_key(t->fields[0].kind) &&
        t->fields[1].kind != SCHEMA_KIND_GROUP;
    return ok || schema_link_refuse(l, s->file, "%s is not a valid map entry", s->full_name);
}

/* The messages of google.protobuf that are treated apart, with the fields they must have: a message that only
 * has the name is an ordinary one. */
static const struct {
    const char *name;
    uint8_t wellknown, kind1, kind2;
} wellknown_types[] = {
    {"google.protobuf.Timestamp", SCHEMA_TIMESTAMP, SCHEMA_KIND_INT64, SCHEMA_KIND_INT32},
    {"google.protobuf.Duration", SCHEMA_DURATION, SCHEMA_KIND_INT64, SCHEMA_KIND_INT32},
    {"google.protobuf.FieldMask", SCHEMA_FIELD_MASK, SCHEMA_KIND_STRING, 0},
    {"google.protobuf.Struct", SCHEMA_STRUCT, SCHEMA_KIND_MESSAGE, 0},
    {"google.protobuf.ListValue", SCHEMA_LIST_VALUE, SCHEMA_KIND_MESSAGE, 0},
    {"google.protobuf.Any", SCHEMA_ANY, SCHEMA_KIND_STRING, SCHEMA_KIND_BYTES},
    {"google.protobuf.DoubleValue", SCHEMA_WRAPPER, SCHEMA_KIND_DOUBLE, 0},
    {"google.protobuf.FloatValue", SCHEMA_WRAPPER, SCHEMA_KIND_FLOAT, 0},
    {"google.protobuf.Int64Value", SCHEMA_WRAPPER, SCHEMA_KIND_INT64, 0},
    {"google.protobuf.UInt64Value", SCHEMA_WRAPPER, SCHEMA_KIND_UINT64, 0},
    {"google.protobuf.Int32Value", SCHEMA_WRAPPER, SCHEMA_KIND_INT32, 0},
    {"google.protobuf.UInt32Value", SCHEMA_WRAPPER, SCHEMA_KIND_UINT32, 0},
    {"google.protobuf.BoolValue", SCHEMA_WRAPPER, SCHEMA_KIND_BOOL, 0},
    {"google.protobuf.StringValue", SCHEMA_WRAPPER, SCHEMA_KIND_STRING, 0},
    {"google.protobuf.BytesValue", SCHEMA_WRAPPER, SCHEMA_KIND_BYTES, 0},
};

static bool has_kinds(const struct schema_type *t, uint8_t kind1, uint8_t kind2)
{
    return t->field_count == (kind2 ? 2 : 1) && t->fields[0].number == 1 && t->fields[0].kind == kind1 &&
           (!kind2 || (t->fields[1].number == 2 && t->fields[1].kind == kind2));
}

/* Value: null, number, string, bool, struct, list at 1 to 6, in one oneof. */
static bool is_value(const struct schema_type *t)
{
    static const uint8_t wanted[] = {SCHEMA_KIND_ENUM, SCHEMA_KIND_DOUBLE,  SCHEMA_KIND_STRING,
                                     SCHEMA_KIND_BOOL, SCHEMA_KIND_MESSAGE, SCHEMA_KIND_MESSAGE};
    if (t->field_count != 6 || t->oneof_count != 1)
        return false;
    for (uint32_t i = 0; i < 6; i++)
        if (t->fields[i].number != i + 1 || t->fields[i].kind != wanted[i] || t->fields[i].oneof != 0)
            return false;
    return strcmp(t->fields[4].type->full_name, "google.protobuf.Struct") == 0 &&
           strcmp(t->fields[5].type->full_name, "google.protobuf.ListValue") == 0;
}

static uint8_t find_wellknown(const struct schema_type *t)
{
    if (strncmp(t->full_name, "google.protobuf.", 16) != 0)
        return SCHEMA_PLAIN;
    if (strcmp(t->full_name, "google.protobuf.Value") == 0)
        return is_value(t) ? SCHEMA_VALUE : SCHEMA_PLAIN;
    for (size_t i = 0; i < sizeof wellknown_types / sizeof wellknown_types[0]; i++) {
        if (strcmp(t->full_name, wellknown_types[i].name) != 0)
            continue;
        if (!has_kinds(t, wellknown_types[i].kind1, wellknown_types[i].kind2))
            return SCHEMA_PLAIN;
        bool repeats = t->fields[0].flags & SCHEMA_FIELD_REPEATED;
        bool maps = t->fields[0].flags & SCHEMA_FIELD_MAP;
        uint8_t w = wellknown_types[i].wellknown;
        bool fits = w == SCHEMA_STRUCT                                 ? maps
                    : w == SCHEMA_LIST_VALUE || w == SCHEMA_FIELD_MASK ? repeats && !maps
                                                                       : !repeats;
        return fits ? w : SCHEMA_PLAIN;
    }
    return SCHEMA_PLAIN;
}

static size_t collect_drafts(const struct schema_symbol *s, struct draft *drafts)
{
    size_t count = 0;
    for (size_t i = 0; i < s->message->n_field; i++)
        drafts[count++] =
            (struct draft){s->file, s->full_name, s->features, s->message->field[i], s->type, false};
    for (const struct schema_extension *x = s->extensions; x; x = x->next)
        drafts[count++] = (struct draft){x->file, x->scope, x->features, x->field, s->type, true};
    qsort(drafts, count, sizeof *drafts, compare_drafts);
    return count;
}

static bool compile_fields(struct schema_linker *l, struct schema_symbol *s, struct draft *drafts,
                           struct schema_field *fields)
{
    struct schema_type *t = s->type;
    for (uint32_t i = 0; i < t->field_count; i++) {
        if (i && drafts[i - 1].field->number == drafts[i].field->number)
            return schema_link_refuse(l, drafts[i].file, "%s has two fields with number %d", s->full_name,
                                      drafts[i].field->number);
        if (!settle_features(l, s->message, &drafts[i]) || !compile_field(l, &drafts[i], &fields[i]))
            return false;
        fields[i].slot = (uint16_t)i;
        t->required_count += (fields[i].flags & SCHEMA_FIELD_REQUIRED) != 0;
        t->default_count += schema_field_has_default(&fields[i]);
    }
    return true;
}

static bool compile_message(struct schema_linker *l, struct schema_symbol *s)
{
    struct schema_type *t = s->type;
    size_t count = s->message->n_field + s->extension_count;
    if (count > SCHEMA_FIELDS_MAX)
        return schema_link_refuse(l, s->file, "%s has more than %d fields", s->full_name, SCHEMA_FIELDS_MAX);
    struct draft *drafts = arena_alloc(&l->scratch, (count + 1) * sizeof *drafts);
    struct schema_field *fields = arena_calloc(l->arena, count + 1, sizeof *fields);
    if (!drafts || !fields)
        return schema_link_no_memory(l);
    t->fields = fields;
    t->field_count = (uint32_t)collect_drafts(s, drafts);
    const Google__Protobuf__MessageOptions *options = s->message->options;
    t->is_map_entry = options && options->map_entry;
    t->is_message_set = options && options->message_set_wire_format;
    if (!compile_fields(l, s, drafts, fields) || !compile_oneofs(l, s, drafts, fields) || !make_dense(l, t) ||
        !index_names(l, s) || !make_keys(l, fields, count))
        return false;
    if (t->is_map_entry && !check_map_entry(l, s))
        return false;
    t->wellknown = find_wellknown(t);
    return true;
}

static int compare_enum_numbers(const void *a, const void *b)
{
    const struct schema_enum_value *x = a, *y = b;
    if (x->number != y->number)
        return x->number > y->number ? 1 : -1;
    /* Aliases: the first declared one is shown. Names were stored in order of declaration. */
    return (x->name.data > y->name.data) - (x->name.data < y->name.data);
}

static int compare_enum_names(const void *a, const void *b)
{
    return compare_text(((const struct schema_enum_value *)a)->name,
                        ((const struct schema_enum_value *)b)->name);
}

static bool copy_enum_values(struct schema_linker *l, const struct schema_symbol *s,
                             struct schema_enum_value *values)
{
    const Google__Protobuf__EnumDescriptorProto *e = s->enumeration;
    size_t text_len = 0;
    for (size_t i = 0; i < e->n_value; i++) {
        if (!schema_link_is_identifier(e->value[i]->name))
            return schema_link_refuse(l, s->file, "a value of enum %s has no valid name", s->full_name);
        text_len += strlen(e->value[i]->name) + 1;
    }
    char *text = arena_alloc(l->arena, text_len);
    if (!text)
        return schema_link_no_memory(l);
    for (size_t i = 0; i < e->n_value; i++) {
        size_t len = strlen(e->value[i]->name);
        memcpy(text, e->value[i]->name, len + 1);
        values[i] = (struct schema_enum_value){e->value[i]->number, {text, len}};
        text += len + 1;
    }
    return true;
}

static bool compile_enum(struct schema_linker *l, struct schema_symbol *s)
{
    struct schema_enum *e = s->compiled_enum;
    size_t count = s->enumeration->n_value;
    if (count == 0 || count > 1000000)
        return schema_link_refuse(l, s->file, "enum %s has %s values", s->full_name,
                                  count ? "too many" : "no");
    struct schema_enum_value *values = arena_alloc(l->arena, 2 * count * sizeof *values);
    if (!values)
        return schema_link_no_memory(l);
    if (!copy_enum_values(l, s, values))
        return false;
    e->full_name = s->full_name;
    e->closed = s->features.flags & SCHEMA_FEATURE_CLOSED;
    e->is_null_value = strcmp(s->full_name, "google.protobuf.NullValue") == 0;
    e->first = values[0].number;
    struct schema_enum_value *names = values + count;
    memcpy(names, values, count * sizeof *values);
    qsort(values, count, sizeof *values, compare_enum_numbers);
    qsort(names, count, sizeof *names, compare_enum_names);
    for (size_t i = 1; i < count; i++)
        if (compare_text(names[i - 1].name, names[i].name) == 0)
            return schema_link_refuse(l, s->file, "enum %s has two values named %s", s->full_name,
                                      names[i].name.data);
    size_t kept = 1;
    for (size_t i = 1; i < count; i++)
        if (values[i].number != values[kept - 1].number)
            values[kept++] = values[i];
    e->values = values;
    e->value_count = (uint32_t)kept;
    e->names = names;
    e->name_count = (uint32_t)count;
    return true;
}

bool schema_compile_symbol(struct schema_linker *l, struct schema_symbol *s)
{
    return s->message ? compile_message(l, s) : compile_enum(l, s);
}
