/* SPDX-License-Identifier: Apache-2.0
 *
 * See schema_unknown.h. Everything here was scanned before, so it is well formed.
 */
#include "schema/schema_unknown.h"

#include "base/varint.h"

#include <assert.h>

enum { FIRST_CAPACITY = 8 };

/* A list that grows in the reader's arena. */
struct collection {
    struct schema_reader *r;
    struct schema_unknown *items;
    uint32_t count, capacity;
    uint32_t outer; /* of them, not inside a group */
};

const char *schema_unknown_form(uint32_t wire)
{
    static const char *const forms[] = {"varint", "fixed64", "bytes", "group", NULL, "fixed32"};
    return wire < sizeof forms / sizeof forms[0] ? forms[wire] : NULL;
}

static inline struct schema_unknown *add(struct collection *c)
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

/* What stands behind a tag that begins no group; moves *at behind it. */
static bool read_content(struct schema_reader *r, const uint8_t **at, const uint8_t *end,
                         struct schema_unknown *u)
{
    const struct schema_field shape = {.wire = (uint8_t)u->wire};
    uint64_t len = 0;
    bool ok;
    switch (u->wire) {
    case SCHEMA_WIRE_LENGTH:
        ok = varint_read(at, end, &len) && len <= (uint64_t)(end - *at);
        u->content = bytes_of(*at, ok ? (size_t)len : 0);
        *at += u->content.len;
        break;
    case SCHEMA_WIRE_VARINT:
        if (*at < end && **at < 0x80) {
            u->value = *(*at)++;
            return true;
        }
        ok = varint_read(at, end, &u->value);
        break;
    default:
        ok = end - *at >= (u->wire == SCHEMA_WIRE_FIXED64 ? 8 : 4) &&
             schema_packed_next_slow(r, &shape, at, end, &u->value);
        break;
    }
    return ok || schema_reader_fail(r, STATUS_INVALID, *at, "an unknown field is malformed");
}

/* One field, and when it is a group all that is in it: how many that are is known at its end. */
static bool collect_field(struct collection *c, const uint8_t *at, const uint8_t *end)
{
    uint32_t open[SCHEMA_DEPTH_HARD_MAX], depth = 0;
    while (at < end) {
        uint64_t tag = *at;
        if (tag < 0x80)
            at++;
        else if (!varint_read(&at, end, &tag))
            return schema_reader_fail(c->r, STATUS_INVALID, at, "an unknown field is malformed");
        uint32_t wire = (uint32_t)tag & 7;
        if (wire == SCHEMA_WIRE_GROUP_END) {
            assert(depth > 0);
            depth--;
            continue;
        }
        if (depth > 0) {
            c->items[open[depth - 1]].count++;
            if (!schema_reader_spend(c->r, 1))
                return false;
        }
        struct schema_unknown *u = add(c);
        if (!u)
            return false;
        u->number = (uint32_t)tag >> 3;
        u->wire = wire;
        if (wire == SCHEMA_WIRE_GROUP) {
            assert(depth < SCHEMA_DEPTH_HARD_MAX); /* the scan would have refused it */
            u->count = 0;
            open[depth++] = c->count - 1;
        } else if (!read_content(c->r, &at, end, u)) {
            return false;
        }
    }
    return true;
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
        c->outer++;
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
    c->outer += u != NULL;
    return u || !c->r->unknown_enum;
}

static bool is_closed_enum(const struct schema_field *f)
{
    return f->kind == SCHEMA_KIND_ENUM && f->enumeration->closed;
}

static bool collect_record(struct collection *c, const struct schema_type *t, struct schema_record record)
{
    if (record.slot == SCHEMA_RECORD_UNKNOWN) {
        c->outer++;
        return collect_field(c, record.data, record.data + record.len);
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
    *count = c.outer;
    return true;
}
