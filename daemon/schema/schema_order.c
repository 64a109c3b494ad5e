/* SPDX-License-Identifier: Apache-2.0
 *
 * See schema_order.h.
 */
#include "schema/schema_order.h"

enum { SORT_SMALL = 24 };

/* The slot; of an unknown field one behind all others. */
static uint32_t record_rank(const struct schema_type *t, const struct schema_record *record)
{
    uint32_t slot = SCHEMA_RECORD_SLOT(record->slot);
    return slot == SCHEMA_RECORD_UNKNOWN ? t->field_count : slot;
}

static void insertion_sort(struct schema_record *records, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        struct schema_record moving = records[i];
        uint32_t slot = SCHEMA_RECORD_SLOT(moving.slot), k = i;
        for (; k > 0 && SCHEMA_RECORD_SLOT(records[k - 1].slot) > slot; k--)
            records[k] = records[k - 1];
        records[k] = moving;
    }
}

static void merge_runs(const struct schema_record *from, struct schema_record *to, uint32_t begin,
                       uint32_t middle, uint32_t end)
{
    uint32_t a = begin, b = middle;
    for (uint32_t k = begin; k < end; k++) {
        bool left =
            a < middle && (b >= end || SCHEMA_RECORD_SLOT(from[a].slot) <= SCHEMA_RECORD_SLOT(from[b].slot));
        to[k] = left ? from[a++] : from[b++];
    }
}

/* Count the records of each slot, and then put each where those before it end: no more steps than records and
 * fields. False: no memory for it. */
static bool distribute_records(struct schema_reader *r, const struct schema_type *t,
                               struct schema_record *records, uint32_t count)
{
    uint32_t *ends = arena_calloc(r->arena, t->field_count + 1, sizeof *ends);
    struct schema_record *sorted = arena_alloc(r->arena, (size_t)count * sizeof *sorted);
    if (!ends || !sorted)
        return false;
    for (uint32_t i = 0; i < count; i++)
        ends[record_rank(t, &records[i])]++;
    for (uint32_t slot = 0, sum = 0; slot <= t->field_count; slot++) {
        uint32_t these = ends[slot];
        ends[slot] = sum;
        sum += these;
    }
    for (uint32_t i = 0; i < count; i++)
        sorted[ends[record_rank(t, &records[i])]++] = records[i];
    memcpy(records, sorted, (size_t)count * sizeof *records);
    return true;
}

bool schema_order_records(struct schema_reader *r, const struct schema_type *t, struct schema_record *records,
                          uint32_t count)
{
    if (count <= SORT_SMALL) {
        insertion_sort(records, count);
        return true;
    }
    struct arena_mark mark = arena_mark(r->arena);
    if (count >= t->field_count / 4) {
        bool done = distribute_records(r, t, records, count);
        arena_rewind(r->arena, mark);
        return done || schema_reader_no_memory(r);
    }
    struct schema_record *other = arena_alloc(r->arena, (size_t)count * sizeof *other);
    if (!other)
        return schema_reader_no_memory(r);
    for (uint32_t begin = 0; begin < count; begin += SORT_SMALL)
        insertion_sort(records + begin, count - begin < SORT_SMALL ? count - begin : SORT_SMALL);
    struct schema_record *from = records, *to = other;
    for (uint32_t width = SORT_SMALL; width < count; width *= 2) {
        for (uint32_t begin = 0; begin < count; begin += 2 * width) {
            uint32_t middle = count - begin < width ? count : begin + width;
            uint32_t end = count - begin < 2 * width ? count : begin + 2 * width;
            merge_runs(from, to, begin, middle, end);
        }
        struct schema_record *swap = from;
        from = to;
        to = swap;
    }
    if (from != records)
        memcpy(records, from, (size_t)count * sizeof *records);
    arena_rewind(r->arena, mark);
    return true;
}
