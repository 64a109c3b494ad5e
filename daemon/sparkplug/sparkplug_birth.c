/* SPDX-License-Identifier: Apache-2.0
 *
 * See sparkplug_birth.h. Metrics are found by binary search: aliases and names come from outside, and a
 * search cannot be flooded as a hash can.
 */
#include "sparkplug/sparkplug_birth.h"

#include "sparkplug/sparkplug_b.pb-c.h"
#include "sparkplug/sparkplug_type.h"

#include <stdlib.h>

/* Behind the birth, so that it can be made of one that is only looked at. */
struct sparkplug_index {
    struct sparkplug_known *metrics; /* those with an alias first, by alias; NULL: not made yet */
    uint32_t *by_name;               /* indexes of `metrics` */
    uint32_t count, alias_count, equal_count;
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

static struct bytes find_unit(const Spb__PropertySet *set)
{
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
        struct bytes unit = find_unit(m->properties);
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
    *k = (struct sparkplug_known){bytes_of(name, e.name_len), bytes_of(name + e.name_len, e.unit_len),
                                  e.alias, e.has_alias, e.type};
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

static int compare_metrics(const void *a, const void *b)
{
    const struct sparkplug_known *x = a, *y = b;
    if (x->has_alias != y->has_alias)
        return x->has_alias ? -1 : 1;
    if (x->has_alias && x->alias != y->alias)
        return x->alias < y->alias ? -1 : 1;
    return x->name.data < y->name.data ? -1 : 1;
}

static int compare_names(struct bytes x, struct bytes y)
{
    size_t shorter = x.len < y.len ? x.len : y.len;
    int order = shorter ? memcmp(x.data, y.data, shorter) : 0;
    return order ? order : x.len < y.len ? -1 : x.len > y.len;
}

static int compare_indexes(const void *a, const void *b, void *ctx)
{
    const struct sparkplug_known *metrics = ctx;
    return compare_names(metrics[*(const uint32_t *)a].name, metrics[*(const uint32_t *)b].name);
}

/* Whether the alias at `i` of the sorted metrics stands for another one, too: no right birth has that. */
static bool is_ambiguous(const struct sparkplug_index *x, uint32_t i)
{
    return (i > 0 && x->metrics[i - 1].alias == x->metrics[i].alias) ||
           (i + 1 < x->alias_count && x->metrics[i + 1].alias == x->metrics[i].alias);
}

static void fill(struct sparkplug_index *x, struct bytes packed)
{
    size_t at = 0;
    for (uint32_t i = 0; i < x->count; i++)
        (void)read_entry(packed, &at, &x->metrics[i]);
    qsort(x->metrics, x->count, sizeof *x->metrics, compare_metrics);
    for (uint32_t i = 0; i < x->count; i++) {
        x->by_name[i] = i;
        x->alias_count += x->metrics[i].has_alias;
    }
    for (uint32_t i = 0; i < x->alias_count; i++)
        x->equal_count += is_ambiguous(x, i);
    qsort_r(x->by_name, x->count, sizeof *x->by_name, compare_indexes, x->metrics);
}

/* NULL: there is no memory, and so nothing to be found. */
static const struct sparkplug_index *get_index(const struct sparkplug_birth *b)
{
    struct sparkplug_index *x = b->index;
    if (x->metrics || x->count == 0)
        return x;
    x->metrics = malloc(x->count * (sizeof *x->metrics + sizeof *x->by_name));
    if (!x->metrics)
        return NULL;
    x->by_name = (uint32_t *)(void *)(x->metrics + x->count);
    fill(x, b->packed);
    return x;
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
    uint32_t low = 0, high = x ? x->alias_count : 0;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (x->metrics[middle].alias < alias)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = x && low < x->alias_count && x->metrics[low].alias == alias && !is_ambiguous(x, low);
    return found ? &x->metrics[low] : NULL;
}

const struct sparkplug_known *sparkplug_birth_find_name(const struct sparkplug_birth *b, struct bytes name)
{
    const struct sparkplug_index *x = get_index(b);
    uint32_t low = 0, high = x ? x->count : 0;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (compare_names(x->metrics[x->by_name[middle]].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    const struct sparkplug_known *k = x && low < x->count ? &x->metrics[x->by_name[low]] : NULL;
    return k && bytes_equal(k->name, name) ? k : NULL;
}
