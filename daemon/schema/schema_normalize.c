/* SPDX-License-Identifier: Apache-2.0
 *
 * A payload written anew in canonical form: schema_normalize() of schema_encode.h. Everything is written from
 * the end, so each level goes backwards over its records.
 */
#include "base/utf8.h"
#include "schema/schema_decode.h"
#include "schema/schema_encode.h"
#include "schema/schema_map.h"
#include "schema/schema_writer.h"

struct normal {
    struct schema_reader *r;
    struct schema_writer *w;
};

static bool write_level(struct normal *n, const struct schema_type *t, const struct schema_level *level);

static bool write_bytes(struct normal *n, const struct schema_field *f, struct schema_record record)
{
    if ((f->flags & SCHEMA_FIELD_UTF8) && !utf8_is_valid(bytes_of(record.data, record.len)))
        return schema_reader_fail(n->r, STATUS_INVALID, record.data, "%s is not UTF-8", f->names[1].data);
    size_t mark = schema_writer_len(n->w);
    schema_writer_add(n->w, record.data, record.len);
    schema_writer_wrap(n->w, f->number, mark);
    return true;
}

static bool write_number(struct normal *n, const struct schema_field *f, uint64_t raw)
{
    schema_writer_add_number(n->w, f, raw);
    schema_writer_add_tag(n->w, f->number, f->wire);
    return true;
}

/* A message of a message set stands in a group with its number. */
static void wrap_set_item(struct schema_writer *w, const struct schema_field *f, size_t mark)
{
    schema_writer_wrap(w, 3, mark);
    schema_writer_add_varint(w, f->number);
    schema_writer_add_tag(w, 2, SCHEMA_WIRE_VARINT);
    schema_writer_add_tag(w, 1, SCHEMA_WIRE_GROUP);
}

static bool write_message(struct normal *n, const struct schema_type *parent, const struct schema_field *f,
                          uint32_t first, uint32_t count)
{
    struct schema_level level;
    bool in_set = parent->is_message_set && (f->flags & SCHEMA_FIELD_EXTENSION);
    if (in_set)
        schema_writer_add_tag(n->w, 1, SCHEMA_WIRE_GROUP_END);
    if (f->kind == SCHEMA_KIND_GROUP)
        schema_writer_add_tag(n->w, f->number, SCHEMA_WIRE_GROUP_END);
    size_t mark = schema_writer_len(n->w);
    if (!schema_level_open(n->r, f->type, first, count, &level) || !write_level(n, f->type, &level))
        return false;
    schema_level_close(n->r, &level);
    if (f->kind == SCHEMA_KIND_GROUP)
        schema_writer_add_tag(n->w, f->number, SCHEMA_WIRE_GROUP);
    else if (in_set)
        wrap_set_item(n->w, f, mark);
    else
        schema_writer_wrap(n->w, f->number, mark);
    return true;
}

static bool write_single(struct normal *n, const struct schema_type *parent, const struct schema_field *f,
                         uint32_t first, uint32_t count)
{
    if (schema_field_is_message(f))
        return write_message(n, parent, f, first, count);
    const struct schema_record record = n->r->records[first + count - 1];
    return f->wire == SCHEMA_WIRE_LENGTH ? write_bytes(n, f, record) : write_number(n, f, record.number);
}

static bool collect_run(struct normal *n, const struct schema_field *f, struct schema_record run,
                        uint64_t *numbers, uint32_t *used)
{
    const uint8_t *at = run.data, *end = at + run.len;
    while (at < end)
        if (!schema_packed_next(n->r, f, &at, end, &numbers[(*used)++]))
            return false;
    return true;
}

/* All elements of a repeated number, packed and not, in order. */
static uint64_t *collect_numbers(struct normal *n, const struct schema_field *f, uint32_t first,
                                 uint32_t count, uint32_t *used)
{
    size_t total = 0;
    for (uint32_t i = first; i < first + count; i++) {
        uint32_t elements = 1;
        if ((n->r->records[i].slot & SCHEMA_RECORD_PACKED) &&
            !schema_packed_count(n->r, f, &n->r->records[i], &elements))
            return NULL;
        total += elements;
    }
    uint64_t *numbers = arena_alloc(n->r->arena, (total + 1) * sizeof *numbers);
    if (!numbers) {
        schema_reader_no_memory(n->r);
        return NULL;
    }
    *used = 0;
    for (uint32_t i = first; i < first + count; i++) {
        if (!(n->r->records[i].slot & SCHEMA_RECORD_PACKED))
            numbers[(*used)++] = n->r->records[i].number;
        else if (!collect_run(n, f, n->r->records[i], numbers, used))
            return NULL;
    }
    return numbers;
}

static bool write_numbers(struct normal *n, const struct schema_field *f, uint32_t first, uint32_t count)
{
    uint32_t used;
    const uint64_t *numbers = collect_numbers(n, f, first, count, &used);
    if (!numbers)
        return false;
    bool packed = f->flags & SCHEMA_FIELD_PACKED;
    size_t mark = schema_writer_len(n->w);
    for (uint32_t i = used; i-- > 0;) {
        if (schema_field_rejects(f, numbers[i]))
            continue;
        if (packed)
            schema_writer_add_number(n->w, f, numbers[i]);
        else
            write_number(n, f, numbers[i]);
    }
    if (packed && schema_writer_len(n->w) > mark)
        schema_writer_wrap(n->w, f->number, mark);
    return true;
}

/* Numbers in packed runs that their closed enum lacks are unknown fields: single, behind all others. */
static bool write_unknown_numbers(struct normal *n, const struct schema_type *t,
                                  const struct schema_level *level)
{
    for (uint32_t i = level->end; i-- > level->begin;) {
        if (!(n->r->records[i].slot & SCHEMA_RECORD_PACKED))
            continue;
        const struct schema_field *f = &t->fields[SCHEMA_RECORD_SLOT(n->r->records[i].slot)];
        uint32_t used;
        if (f->kind != SCHEMA_KIND_ENUM || !f->enumeration->closed)
            continue;
        const uint64_t *numbers = collect_numbers(n, f, i, 1, &used);
        if (!numbers)
            return false;
        while (used-- > 0)
            if (schema_field_rejects(f, numbers[used]))
                write_number(n, f, numbers[used]);
    }
    return true;
}

static bool write_entry(struct normal *n, const struct schema_field *f, const struct schema_map *map,
                        const struct schema_map_entry *e)
{
    size_t mark = schema_writer_len(n->w);
    bool ok = true;
    if (map->value->kind == SCHEMA_KIND_MESSAGE) {
        ok = write_message(n, f->type, map->value, e->value_first, e->value_count);
    } else {
        struct schema_record value =
            e->value_count ? n->r->records[e->value_first] : schema_map_default(map->value);
        ok = map->value->wire == SCHEMA_WIRE_LENGTH ? write_bytes(n, map->value, value)
                                                    : write_number(n, map->value, value.number);
    }
    ok = ok && (map->key->wire == SCHEMA_WIRE_LENGTH ? write_bytes(n, map->key, e->key)
                                                     : write_number(n, map->key, e->key.number));
    schema_writer_wrap(n->w, f->number, mark);
    return ok;
}

static bool write_map(struct normal *n, const struct schema_field *f, uint32_t first, uint32_t count)
{
    struct schema_map map;
    if (!schema_map_open(n->r, f, first, count, &map))
        return false;
    for (uint32_t i = map.count; i-- > 0;) {
        const struct schema_map_entry *e = &map.entries[i];
        if (e->is_unknown) {
            size_t mark = schema_writer_len(n->w);
            schema_writer_add(n->w, n->r->records[first + i].data, n->r->records[first + i].len);
            schema_writer_wrap(n->w, f->number, mark);
        } else if (!e->dead && !write_entry(n, f, &map, e)) {
            return false;
        }
    }
    schema_map_close(n->r, &map);
    return true;
}

static bool write_field(struct normal *n, const struct schema_type *t, const struct schema_field *f,
                        uint32_t first, uint32_t count)
{
    if (!schema_check_repeats(n->r, t, f, first, count))
        return false;
    if (schema_field_is_silent(n->r, f, first + count - 1))
        return true;
    if (f->flags & SCHEMA_FIELD_MAP)
        return write_map(n, f, first, count);
    if (f->flags & SCHEMA_FIELD_PACKABLE)
        return write_numbers(n, f, first, count);
    if (!(f->flags & SCHEMA_FIELD_REPEATED))
        return write_single(n, t, f, first, count);
    for (uint32_t i = first + count; i-- > first;)
        if (!write_single(n, t, f, i, 1))
            return false;
    return true;
}

static bool write_level(struct normal *n, const struct schema_type *t, const struct schema_level *level)
{
    if (!write_unknown_numbers(n, t, level))
        return false;
    for (uint32_t end = level->end; end > level->begin;) {
        uint32_t slot = SCHEMA_RECORD_SLOT(n->r->records[end - 1].slot), first = end - 1;
        while (first > level->begin && SCHEMA_RECORD_SLOT(n->r->records[first - 1].slot) == slot)
            first--;
        if (slot == SCHEMA_RECORD_UNKNOWN) {
            for (uint32_t i = end; i-- > first;)
                schema_writer_add(n->w, n->r->records[i].data, n->r->records[i].len);
        } else if (!write_field(n, t, &t->fields[slot], first, end - first)) {
            return false;
        }
        if (n->w->failed)
            return schema_reader_fail(n->r, STATUS_LIMIT, NULL, "the message is over the limit of %zu bytes",
                                      n->w->limit);
        end = first;
    }
    return true;
}

enum status schema_normalize(const struct schema_type *t, const struct schema_options *o,
                             struct bytes payload, struct arena *scratch, struct buffer *out,
                             struct error *err)
{
    struct schema_options options = schema_options_resolve(o, payload.len);
    options.emit_defaults = false;
    options.unknown_fields = SCHEMA_UNKNOWN_KEEP;
    const struct bytes whole = payload;
    enum status status = schema_unframe(&options, &payload, err);
    if (status != STATUS_OK)
        return status;
    struct schema_reader r;
    struct schema_writer w;
    struct schema_level level;
    struct normal n = {&r, &w};
    struct arena_mark mark = arena_mark(scratch);
    size_t arena_limit = schema_limit_arena(&options, payload.len, scratch);
    schema_reader_init(&r, &options, scratch, whole, err);
    r.keep_unknown = SCHEMA_KEEP_ALL;
    schema_writer_init(&w, scratch, (size_t)options.max_output);
    bool ok = schema_level_open_bytes(&r, t, payload, &level) && write_level(&n, t, &level);
    if (ok && !schema_writer_frame(&w, options.framing))
        ok = schema_reader_fail(&r, STATUS_LIMIT, NULL, "the message is too long for its length prefix");
    if (ok && !w.failed)
        buffer_add(out, w.at, schema_writer_len(&w));
    if (ok && (w.failed || out->failed))
        ok = schema_reader_no_memory(&r);
    arena_rewind(scratch, mark);
    scratch->limit = arena_limit;
    return ok ? STATUS_OK : r.status;
}
