/* SPDX-License-Identifier: Apache-2.0
 *
 * See sparkplug_birth.h. Metrics are found by keyed hashes: aliases and names come from outside, and without
 * the key nobody can choose ones that fall together.
 */
#include "sparkplug/sparkplug_birth.h"

#include "base/strmap.h"
#include "sparkplug/sparkplug_b.pb-c.h"
#include "sparkplug/sparkplug_type.h"

#include <stdlib.h>

/* Behind the birth, so that it can be made of one that is only looked at. */
struct sparkplug_index {
    struct sparkplug_known *metrics; /* NULL: not made yet */
    uint32_t *by_alias, *by_name;    /* index + 1 of the first metric that has it; 0: free */
    size_t slot_count;               /* of each; a power of two, at least twice `count` */
    uint32_t count, equal_count;
};

/* In front of the name and the unit of each metric. */
struct entry {
    uint64_t alias;
    uint32_t name_len, unit_len;
    uint8_t has_alias, type, padding[6];
};

/* The specification names none; these are what edge nodes use. */
static const char *const unit_keys[] = {"engUnit", "engUnits", "EngUnit", "unit", "Unit", "units"};

static bool is_unit_key(ProtobufCBinaryData key)
{
    for (size_t i = 0; i < sizeof unit_keys / sizeof unit_keys[0]; i++)
        if (bytes_equal(bytes_of(key.data, key.len), bytes_of_text(unit_keys[i])))
            return true;
    return false;
}

struct bytes sparkplug_birth_unit(const struct Spb__Metric *m)
{
    const Spb__PropertySet *set = m->properties;
    for (size_t i = 0; set && i < set->n_keys && i < set->n_values; i++) {
        const Spb__PropertyValue *v = set->values[i];
        if (v->value_case == SPB__PROPERTY_VALUE__VALUE_STRING_VALUE && is_unit_key(set->keys[i]))
            return bytes_of(v->string_value.data, v->string_value.len);
    }
    return bytes_of(NULL, 0);
}

bool sparkplug_birth_pack(const struct Spb__Payload *payload, struct buffer *out)
{
    for (size_t i = 0; i < payload->n_metrics; i++) {
        const Spb__Metric *m = payload->metrics[i];
        if (!m->has_name || m->name.len == 0)
            continue;
        struct bytes unit = sparkplug_birth_unit(m);
        struct entry e = {.alias = m->has_alias ? m->alias : 0,
                          .name_len = (uint32_t)m->name.len,
                          .unit_len = (uint32_t)unit.len,
                          .has_alias = m->has_alias != 0,
                          .type = m->datatype < SPARKPLUG_TYPE_COUNT ? (uint8_t)m->datatype : 0};
        buffer_add(out, &e, sizeof e);
        buffer_add(out, m->name.data, m->name.len);
        buffer_add(out, unit.data, unit.len);
    }
    return !out->failed;
}

/* Read one metric at `*at`; false: the bytes are not whole. */
static bool read_entry(struct bytes packed, size_t *at, struct sparkplug_known *k)
{
    struct entry e;
    size_t left = packed.len - *at;
    if (left < sizeof e)
        return false;
    memcpy(&e, packed.data + *at, sizeof e);
    left -= sizeof e;
    if (e.name_len > left || e.unit_len > left - e.name_len || e.has_alias > 1 ||
        e.type >= SPARKPLUG_TYPE_COUNT)
        return false;
    const uint8_t *name = packed.data + *at + sizeof e;
    *k = (struct sparkplug_known){.name = bytes_of(name, e.name_len),
                                  .unit = bytes_of(name + e.name_len, e.unit_len),
                                  .alias = e.alias,
                                  .has_alias = e.has_alias,
                                  .type = e.type};
    *at += sizeof e + e.name_len + e.unit_len;
    return true;
}

static bool count_entries(struct bytes packed, uint32_t *count)
{
    struct sparkplug_known k;
    *count = 0;
    for (size_t at = 0; at < packed.len; (*count)++)
        if (!read_entry(packed, &at, &k))
            return false;
    return true;
}

/* The place of the alias, or the free one where it belongs. */
static uint32_t *find_alias_slot(const struct sparkplug_index *x, uint64_t alias)
{
    size_t at = (size_t)strmap_hash_number(alias) & (x->slot_count - 1);
    while (x->by_alias[at] && x->metrics[x->by_alias[at] - 1].alias != alias)
        at = (at + 1) & (x->slot_count - 1);
    return &x->by_alias[at];
}

static uint32_t *find_name_slot(const struct sparkplug_index *x, struct bytes name)
{
    size_t at = (size_t)strmap_hash(name.data, name.len) & (x->slot_count - 1);
    while (x->by_name[at] && !bytes_equal(x->metrics[x->by_name[at] - 1].name, name))
        at = (at + 1) & (x->slot_count - 1);
    return &x->by_name[at];
}

/* No right birth has one alias for several metrics. */
static void add_alias(struct sparkplug_index *x, uint32_t i)
{
    uint32_t *slot = find_alias_slot(x, x->metrics[i].alias);
    if (*slot == 0) {
        *slot = i + 1;
        return;
    }
    struct sparkplug_known *first = &x->metrics[*slot - 1];
    x->equal_count += first->is_ambiguous ? 1 : 2;
    first->is_ambiguous = true;
}

static void fill(struct sparkplug_index *x, struct bytes packed)
{
    size_t at = 0;
    for (uint32_t i = 0; i < x->count; i++) {
        if (!read_entry(packed, &at, &x->metrics[i]))
            return; /* never: all were counted */
        if (x->metrics[i].has_alias)
            add_alias(x, i);
        uint32_t *slot = find_name_slot(x, x->metrics[i].name);
        if (*slot == 0)
            *slot = i + 1;
    }
}

static __attribute__((noinline)) const struct sparkplug_index *make_index(const struct sparkplug_birth *b)
{
    struct sparkplug_index *x = b->index;
    x->slot_count = 2;
    while (x->slot_count < 2 * (size_t)x->count)
        x->slot_count *= 2;
    size_t metrics_size = x->count * sizeof *x->metrics;
    x->metrics = malloc(metrics_size + 2 * x->slot_count * sizeof(uint32_t));
    if (!x->metrics)
        return NULL;
    x->by_alias = (uint32_t *)(void *)(x->metrics + x->count);
    x->by_name = x->by_alias + x->slot_count;
    memset(x->by_alias, 0, 2 * x->slot_count * sizeof(uint32_t));
    fill(x, b->packed);
    return x;
}

/* NULL: there is no memory, and so nothing to be found. */
static inline const struct sparkplug_index *get_index(const struct sparkplug_birth *b)
{
    return b->index->metrics || b->index->count == 0 ? b->index : make_index(b);
}

struct sparkplug_birth *sparkplug_birth_create(struct bytes packed)
{
    uint32_t count;
    if (!count_entries(packed, &count))
        return NULL;
    struct sparkplug_birth *b = malloc(sizeof *b + sizeof *b->index + packed.len);
    if (!b)
        return NULL;
    struct sparkplug_index *x = (struct sparkplug_index *)(b + 1);
    *x = (struct sparkplug_index){.count = count};
    uint8_t *copy = (uint8_t *)(x + 1);
    if (packed.len)
        memcpy(copy, packed.data, packed.len);
    *b = (struct sparkplug_birth){1, bytes_of(copy, packed.len), x};
    return b;
}

struct sparkplug_birth *sparkplug_birth_ref(struct sparkplug_birth *b)
{
    b->references++;
    return b;
}

void sparkplug_birth_unref(struct sparkplug_birth *b)
{
    if (!b || --b->references)
        return;
    free(b->index->metrics);
    free(b);
}

uint32_t sparkplug_birth_equal_count(const struct sparkplug_birth *b)
{
    const struct sparkplug_index *x = get_index(b);
    return x ? x->equal_count : 0;
}

const struct sparkplug_known *sparkplug_birth_find_alias(const struct sparkplug_birth *b, uint64_t alias)
{
    const struct sparkplug_index *x = get_index(b);
    uint32_t found = x && x->count ? *find_alias_slot(x, alias) : 0;
    return found && !x->metrics[found - 1].is_ambiguous ? &x->metrics[found - 1] : NULL;
}

const struct sparkplug_known *sparkplug_birth_find_name(const struct sparkplug_birth *b, struct bytes name)
{
    const struct sparkplug_index *x = get_index(b);
    uint32_t found = x && x->count ? *find_name_slot(x, name) : 0;
    return found ? &x->metrics[found - 1] : NULL;
}
