/* SPDX-License-Identifier: Apache-2.0
 *
 * See schema_payload.h.
 */
#include "schema/schema_payload.h"

#include "schema/schema_decode.h"

static bool fail(struct schema_reader *r, const struct schema_unwrap *u, const char *what)
{
    return schema_reader_fail(r, STATUS_INVALID, NULL, "%s: %s %s", u->envelope->full_name, u->name, what);
}

/* The records of the field, or of the member of the oneof that is set. */
static bool find_records(struct schema_reader *r, const struct schema_unwrap *u,
                         const struct schema_level *level, struct schema_payload *p)
{
    for (uint32_t i = level->begin; i < level->end; i += p->count) {
        uint32_t slot = SCHEMA_RECORD_SLOT(r->records[i].slot);
        p->count = schema_level_run(r, level, i);
        if (slot >= u->envelope->field_count)
            break;
        const struct schema_field *f = &u->envelope->fields[slot];
        if (f != u->field && (u->oneof < 0 || f->oneof != u->oneof))
            continue;
        p->field = f;
        p->first = i;
        return schema_check_repeats(r, u->envelope, f, i, p->count);
    }
    p->count = 0;
    p->field = u->field;
    if (u->oneof >= 0)
        return fail(r, u, "has no member that is set");
    return !schema_field_is_message(u->field) || fail(r, u, "is not there");
}

/* What is dropped must be valid all the same. */
static bool check_rest(struct schema_reader *r, const struct schema_unwrap *u,
                       const struct schema_level *level, const struct schema_payload *p)
{
    uint32_t end = level->end, behind = p->first + p->count;
    while (end > level->begin && SCHEMA_RECORD_SLOT(r->records[end - 1].slot) >= u->envelope->field_count)
        end--;
    if (p->count == 0)
        return schema_records_check(r, u->envelope, level->begin, end - level->begin);
    return schema_records_check(r, u->envelope, level->begin, p->first - level->begin) &&
           (behind >= end || schema_records_check(r, u->envelope, behind, end - behind));
}

static int64_t to_number(const struct schema_field *f, const struct schema_record *record)
{
    uint64_t raw = record ? record->number : 0;
    switch ((enum schema_kind)f->kind) {
    case SCHEMA_KIND_ENUM:
        return record ? (int32_t)raw : f->enumeration->first;
    case SCHEMA_KIND_INT32:
    case SCHEMA_KIND_SFIXED32:
        return (int32_t)raw;
    case SCHEMA_KIND_SINT32:
        return schema_sint32(raw);
    case SCHEMA_KIND_SINT64:
        return schema_sint64(raw);
    case SCHEMA_KIND_UINT32:
    case SCHEMA_KIND_FIXED32:
        return (uint32_t)raw;
    default:
        return (int64_t)raw;
    }
}

static const struct schema_type *find_by_number(const struct schema_unwrap *u, int64_t number)
{
    size_t low = 0, high = u->type_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (u->numbers[middle] == number)
            return u->types[middle].type;
        if (u->numbers[middle] < number)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static const struct schema_type *find_by_text(const struct schema_unwrap *u, struct bytes text)
{
    size_t low = 0, high = u->type_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct bytes here = bytes_of_text(u->types[middle].text);
        size_t shorter = here.len < text.len ? here.len : text.len;
        int order = shorter ? memcmp(here.data, text.data, shorter) : 0;
        if (order == 0 && here.len == text.len)
            return u->types[middle].type;
        if (order < 0 || (order == 0 && here.len < text.len))
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* The type of the bytes by what another field of the envelope says. */
static const struct schema_type *read_type(struct schema_reader *r, const struct schema_unwrap *u,
                                           const struct schema_level *level)
{
    const struct schema_field *f = u->type_field;
    const struct schema_record *said = schema_level_last(r, level, f->slot);
    const char *name = f->names[1].data;
    if (f->kind != SCHEMA_KIND_STRING) {
        int64_t number = to_number(f, said);
        const struct schema_type *type = find_by_number(u, number);
        if (!type)
            (void)schema_reader_fail(r, STATUS_INVALID, NULL, "%s: %s is %lld, which names no message type",
                                     u->envelope->full_name, name, (long long)number);
        return type;
    }
    struct bytes text = said ? bytes_of(said->data, said->len) : bytes_of("", 0);
    const uint8_t *slash = text.len && !u->type_count ? memrchr(text.data, '/', text.len) : NULL;
    struct bytes full = slash ? bytes_of(slash + 1, (size_t)(text.data + text.len - (slash + 1))) : text;
    const struct schema_type *type =
        u->type_count ? find_by_text(u, text) : schema_registry_type_named(u->envelope->registry, full);
    if (!type)
        (void)schema_reader_fail(r, STATUS_INVALID, said ? said->data : NULL,
                                 "%s: %s is \"%.*s\", which names no message type", u->envelope->full_name,
                                 name, text.len > 200 ? 200 : (int)text.len, (const char *)text.data);
    return type;
}

static bool open_message(struct schema_reader *r, const struct schema_unwrap *u,
                         const struct schema_level *level, struct schema_payload *p)
{
    if (schema_field_is_message(p->field)) {
        p->type = p->field->type;
        return schema_level_open(r, p->type, p->first, p->count, &p->level);
    }
    p->type = u->type ? u->type : read_type(r, u, level);
    /* Of bytes the last occurrence counts; without any the message is empty. */
    return p->type &&
           schema_level_open(r, p->type, p->count ? p->first + p->count - 1 : 0, p->count > 0, &p->level);
}

static bool open_any(struct schema_reader *r, struct schema_payload *p)
{
    struct schema_any any;
    struct schema_level inner;
    if (!schema_read_any(r, p->type, &p->level, &any))
        return false;
    if (!any.type)
        return schema_reader_fail(r, STATUS_INVALID, NULL, "an Any that should carry a message is empty");
    if (!schema_any_open(r, &any, &inner))
        return false;
    p->type = any.type;
    p->level = inner;
    return true;
}

bool schema_payload_open(struct schema_reader *r, const struct schema_unwrap *u,
                         const struct schema_level *level, struct schema_payload *p)
{
    *p = (struct schema_payload){.type = u->envelope, .level = *level};
    if (u->envelope->wellknown != SCHEMA_ANY) {
        if (!find_records(r, u, level, p) || (!u->keep_as.len && !check_rest(r, u, level, p)))
            return false;
        bool is_scalar = u->oneof >= 0 && !schema_field_is_message(p->field);
        p->type = NULL;
        if (is_scalar) {
            p->scalar = r->records[p->first + p->count - 1];
            return true;
        }
        if (!open_message(r, u, level, p))
            return false;
    }
    while (p->type->wellknown == SCHEMA_ANY)
        if (!open_any(r, p))
            return false;
    if (u->keep_as.len && schema_type_field_by_name(p->type, u->keep_as))
        return schema_reader_fail(r, STATUS_INVALID, NULL,
                                  "%s has a field %.*s itself, which is where the envelope is to be kept",
                                  p->type->full_name, (int)u->keep_as.len, (const char *)u->keep_as.data);
    return true;
}

struct schema_level schema_payload_cut(struct schema_reader *r, const struct schema_level *level,
                                       const struct schema_payload *p)
{
    struct schema_level rest = {level->begin, level->end - p->count};
    uint32_t behind = p->first + p->count;
    if (p->count)
        memmove(&r->records[p->first], &r->records[behind], (level->end - behind) * sizeof *r->records);
    return rest;
}
