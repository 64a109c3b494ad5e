/* SPDX-License-Identifier: Apache-2.0
 *
 * See schema_unknown.h. Everything here was scanned before, so it is well formed.
 */
#include "schema/schema_unknown.h"

enum { FIRST_CAPACITY = 8 };

/* A list that grows in the reader's arena. */
struct collection {
    struct schema_reader *r;
    struct schema_unknown *items;
    uint32_t count, capacity;
};

const char *schema_unknown_form(uint32_t wire)
{
    static const char *const forms[] = {"varint", "fixed64", "bytes", "group", NULL, "fixed32"};
    return wire < sizeof forms / sizeof forms[0] ? forms[wire] : NULL;
}

static struct schema_unknown *add(struct collection *c)
{
    if (c->count == c->capacity) {
        uint32_t capacity = c->capacity ? 2 * c->capacity : FIRST_CAPACITY;
        c->items =
            arena_grow(c->r->arena, c->items, c->capacity * sizeof *c->items, capacity * sizeof *c->items);
        if (!c->items) {
            schema_reader_no_memory(c->r);
            return NULL;
        }
        c->capacity = capacity;
    }
    return &c->items[c->count++];
}

/* One field, tag included; moves *at behind it. */
static bool read_field(struct schema_reader *r, const uint8_t **at, const uint8_t *end,
                       struct schema_unknown *u)
{
    uint64_t tag = 0;
    bool ok = schema_varint_read(at, end, &tag);
    *u = (struct schema_unknown){.number = (uint32_t)tag >> 3, .wire = (uint32_t)tag & 7};
    const struct schema_field shape = {.wire = (uint8_t)u->wire};
    const uint8_t *begin;
    uint64_t len = 0;
    switch (u->wire) {
    case SCHEMA_WIRE_GROUP:
        begin = *at;
        ok = ok && schema_group_skip(r, at, end, u->number, &u->content.data);
        if (ok)
            u->content = bytes_of(begin, (size_t)(u->content.data - begin));
        break;
    case SCHEMA_WIRE_LENGTH:
        ok = ok && schema_varint_read(at, end, &len) && len <= (uint64_t)(end - *at);
        u->content = bytes_of(*at, ok ? (size_t)len : 0);
        *at += u->content.len;
        break;
    case SCHEMA_WIRE_VARINT:
        ok = ok && schema_varint_read(at, end, &u->value);
        break;
    default:
        ok = ok && end - *at >= (u->wire == SCHEMA_WIRE_FIXED64 ? 8 : 4) &&
             schema_packed_next_slow(r, &shape, at, end, &u->value);
        break;
    }
    return ok || schema_reader_fail(r, STATUS_INVALID, *at, "an unknown field is malformed");
}

/* Numbers of a packed run that the closed enum of `f` lacks. */
static bool collect_packed(struct collection *c, const struct schema_field *f, struct schema_record run)
{
    const uint8_t *at = run.data, *end = at + run.len;
    while (at < end) {
        uint64_t value;
        if (!schema_packed_next(c->r, f, &at, end, &value))
            return false;
        if (!schema_field_rejects(f, value))
            continue;
        struct schema_unknown *u = add(c);
        if (!u)
            return false;
        *u = (struct schema_unknown){.number = f->number, .wire = SCHEMA_WIRE_VARINT, .value = value};
    }
    return true;
}

/* A map entry whose value the closed enum lacks is unknown as a whole. */
static bool collect_entry(struct collection *c, const struct schema_field *f, struct schema_record record)
{
    struct schema_level inner;
    struct bytes entry = bytes_of(record.data, record.len);
    c->r->unknown_enum = false;
    if (!schema_level_open_bytes(c->r, f->type, entry, &inner))
        return false;
    schema_level_close_bytes(c->r, &inner);
    struct schema_unknown *u = c->r->unknown_enum ? add(c) : NULL;
    if (u)
        *u = (struct schema_unknown){.number = f->number, .wire = SCHEMA_WIRE_LENGTH, .content = entry};
    return u || !c->r->unknown_enum;
}

static bool is_closed_enum(const struct schema_field *f)
{
    return f->kind == SCHEMA_KIND_ENUM && f->enumeration->closed;
}

static bool collect_record(struct collection *c, const struct schema_type *t, struct schema_record record)
{
    if (record.slot == SCHEMA_RECORD_UNKNOWN) {
        const uint8_t *at = record.data;
        struct schema_unknown *u = add(c);
        return u && read_field(c->r, &at, record.data + record.len, u);
    }
    const struct schema_field *f = &t->fields[SCHEMA_RECORD_SLOT(record.slot)];
    if ((record.slot & SCHEMA_RECORD_PACKED) && is_closed_enum(f))
        return collect_packed(c, f, record);
    if ((f->flags & SCHEMA_FIELD_MAP) && is_closed_enum(&f->type->fields[1]))
        return collect_entry(c, f, record);
    return true;
}

bool schema_unknown_collect(struct schema_reader *r, const struct schema_type *t,
                            const struct schema_level *level, struct schema_unknown **list, uint32_t *count)
{
    struct collection c = {.r = r};
    for (uint32_t i = level->begin; i < level->end; i++)
        if (!collect_record(&c, t, r->records[i]))
            return false;
    *list = c.items;
    *count = c.count;
    return true;
}

bool schema_unknown_open(struct schema_reader *r, const struct schema_unknown *group,
                         struct schema_unknown **list, uint32_t *count)
{
    struct collection c = {.r = r};
    const uint8_t *at = group->content.data, *end = at + group->content.len;
    while (at < end) {
        struct schema_unknown *u = schema_reader_spend(r, 1) ? add(&c) : NULL;
        if (!u || !read_field(r, &at, end, u))
            return false;
    }
    *list = c.items;
    *count = c.count;
    return true;
}
