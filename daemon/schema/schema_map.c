/* SPDX-License-Identifier: Apache-2.0
 *
 * See schema_map.h.
 */
#include "schema/schema_map.h"

#include "base/strmap.h"
#include "base/utf8.h"

enum { FEW = 8 }; /* so many keys are compared one by one */

/* Keys that mean the same must have the same bits. */
static uint64_t normal_key(const struct schema_field *f, uint64_t raw)
{
    switch (f->kind) {
    case SCHEMA_KIND_BOOL:
        return raw != 0;
    case SCHEMA_KIND_INT32:
    case SCHEMA_KIND_UINT32:
    case SCHEMA_KIND_SINT32:
        return (uint32_t)raw;
    default:
        return raw;
    }
}

static bool same_key(bool is_text, const struct schema_record *a, const struct schema_record *b)
{
    if (!is_text)
        return a->number == b->number;
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

/* Take an entry out whose key occurs again; what it holds must be valid still. */
static bool kill_entry(struct schema_reader *r, const struct schema_type *entry, struct schema_map *map,
                       struct schema_map_entry *e)
{
    e->dead = true;
    map->live--;
    return schema_records_check(r, entry, e->value_first, e->value_count);
}

static bool kill_repeated_few(struct schema_reader *r, const struct schema_type *entry,
                              struct schema_map *map, bool is_text)
{
    for (uint32_t i = map->count; i-- > 1;)
        for (uint32_t k = 0; k < i && !map->entries[i].dead; k++)
            if (!map->entries[k].dead && same_key(is_text, &map->entries[k].key, &map->entries[i].key) &&
                !kill_entry(r, entry, map, &map->entries[k]))
                return false;
    return true;
}

static bool kill_repeated_many(struct schema_reader *r, const struct schema_type *entry,
                               struct schema_map *map, bool is_text)
{
    uint32_t slots = 16;
    while (slots < 2 * map->count)
        slots *= 2;
    uint32_t *table = arena_calloc(r->arena, slots, sizeof *table);
    if (!table)
        return schema_reader_no_memory(r);
    for (uint32_t i = map->count; i-- > 0;) {
        struct schema_map_entry *e = &map->entries[i];
        if (e->dead)
            continue;
        uint64_t hash = is_text ? strmap_hash(e->key.data, e->key.len) : strmap_hash_number(e->key.number);
        uint32_t at = (uint32_t)hash & (slots - 1);
        while (table[at] && !same_key(is_text, &map->entries[table[at] - 1].key, &e->key))
            at = (at + 1) & (slots - 1);
        if (!table[at])
            table[at] = i + 1;
        else if (!kill_entry(r, entry, map, e))
            return false;
    }
    return true;
}

static bool check_key(struct schema_reader *r, const struct schema_field *f, const struct schema_field *key,
                      const struct schema_record *record)
{
    return !(key->flags & SCHEMA_FIELD_UTF8) || utf8_is_valid(bytes_of(record->data, record->len)) ||
           schema_reader_fail(r, STATUS_INVALID, record->data, "a key of %s is not UTF-8", f->names[1].data);
}

/* An entry that is more, or less, than a key and a value. */
static bool take_odd_entry(struct schema_reader *r, const struct schema_field *f,
                           const struct schema_level *level, struct schema_map_entry *e)
{
    const struct schema_record *key = schema_level_last(r, level, 0), *last = schema_level_last(r, level, 1);
    e->key = key ? *key : schema_map_default(&f->type->fields[0]);
    if (last) {
        uint32_t end = (uint32_t)(last - r->records) + 1, first = end - 1;
        if (f->type->fields[1].kind == SCHEMA_KIND_MESSAGE)
            while (first > level->begin && SCHEMA_RECORD_SLOT(r->records[first - 1].slot) == 1)
                first--;
        e->value_first = first;
        e->value_count = end - first;
    }
    /* Of two keys or two values one is overwritten, and must be valid all the same. What counts is looked at
     * when it is shown: doing that here as well would do it once for each level above. */
    uint32_t others = (last ? e->value_first : level->end) - level->begin;
    return others == 0 || schema_records_check(r, f->type, level->begin, others);
}

static bool take_entry(struct schema_reader *r, const struct schema_field *f, uint32_t record,
                       struct schema_map *map)
{
    struct schema_map_entry *e = &map->entries[map->count++];
    struct schema_level level;
    r->unknown_enum = false;
    struct bytes entry = {r->records[record].data, r->records[record].len};
    if (!schema_level_open_bytes(r, f->type, entry, &level))
        return false;
    const struct schema_record *two = &r->records[level.begin];
    e->dead = e->is_unknown = r->unknown_enum;
    e->value_count = 0;
    map->live += !e->dead;
    if (level.end - level.begin == 2 && two[0].slot == 0 && two[1].slot == 1) {
        e->key = two[0];
        e->value_first = level.begin + 1;
        e->value_count = 1;
    } else if (!take_odd_entry(r, f, &level, e)) {
        return false;
    }
    if (map->key->kind == SCHEMA_KIND_STRING)
        return check_key(r, f, map->key, &e->key);
    e->key.number = normal_key(map->key, e->key.number);
    return true;
}

bool schema_map_open(struct schema_reader *r, const struct schema_field *f, uint32_t first, uint32_t count,
                     struct schema_map *map)
{
    if (r->depth_left == 0)
        return schema_reader_fail(r, STATUS_LIMIT, r->records[first].data,
                                  "messages are nested more than %lld deep",
                                  (long long)r->options->max_depth);
    r->depth_left--;
    *map = (struct schema_map){.key = &f->type->fields[0], .value = &f->type->fields[1]};
    map->level.begin = r->count;
    map->entries = arena_alloc(r->arena, count * sizeof *map->entries);
    if (!map->entries)
        return schema_reader_no_memory(r);
    for (uint32_t i = 0; i < count; i++)
        if (!take_entry(r, f, first + i, map))
            return false;
    map->level.end = r->count;
    bool is_text = map->key->kind == SCHEMA_KIND_STRING;
    if (map->count > FEW)
        return kill_repeated_many(r, f->type, map, is_text);
    return kill_repeated_few(r, f->type, map, is_text);
}

void schema_map_close(struct schema_reader *r, const struct schema_map *map)
{
    r->count = map->level.begin;
    r->depth_left++;
}

struct schema_record schema_map_default(const struct schema_field *value)
{
    struct schema_record record = {.number = 0};
    if (value->wire == SCHEMA_WIRE_LENGTH)
        record.data = (const uint8_t *)"";
    else if (value->kind == SCHEMA_KIND_ENUM)
        record.number = (uint64_t)(int64_t)value->enumeration->first;
    return record;
}
