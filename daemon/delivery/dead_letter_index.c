/* SPDX-License-Identifier: Apache-2.0
 *
 * See dead_letter_index.h.
 */
#include "delivery/dead_letter_index.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* Index of the first run that ends at or behind `number`. */
static size_t find_run(const struct dead_letter_index *x, uint64_t number)
{
    size_t low = 0, high = x->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (x->runs[middle].last < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void insert_run(struct dead_letter_index *x, size_t at, struct dead_letter_run run)
{
    if (x->count == x->capacity) {
        x->capacity = x->capacity ? 2 * x->capacity : 16;
        x->runs = xrealloc(x->runs, x->capacity * sizeof *x->runs);
    }
    memmove(x->runs + at + 1, x->runs + at, (x->count - at) * sizeof *x->runs);
    x->runs[at] = run;
    x->count++;
}

static void remove_runs(struct dead_letter_index *x, size_t from, size_t to)
{
    if (from == to)
        return;
    memmove(x->runs + from, x->runs + to, (x->count - to) * sizeof *x->runs);
    x->count -= to - from;
}

void dead_letter_index_finish(struct dead_letter_index *x)
{
    free(x->runs);
    *x = (struct dead_letter_index){0};
}

uint64_t dead_letter_index_add(struct dead_letter_index *x, uint64_t first, uint64_t last)
{
    if (last < first)
        return 0;
    struct dead_letter_run merged = {first, last};
    uint64_t present = 0;
    size_t from = find_run(x, first > 0 ? first - 1 : 0), to = from;
    for (; to < x->count && x->runs[to].first <= last + 1; to++) {
        const struct dead_letter_run *r = &x->runs[to];
        uint64_t low = r->first > first ? r->first : first, high = r->last < last ? r->last : last;
        present += high >= low ? high - low + 1 : 0;
        merged.first = r->first < merged.first ? r->first : merged.first;
        merged.last = r->last > merged.last ? r->last : merged.last;
    }
    if (from == to) {
        insert_run(x, from, merged);
    } else {
        x->runs[from] = merged;
        remove_runs(x, from + 1, to);
    }
    return last - first + 1 - present;
}

bool dead_letter_index_has(const struct dead_letter_index *x, uint64_t number)
{
    size_t at = find_run(x, number);
    return at < x->count && x->runs[at].first <= number;
}

uint64_t dead_letter_index_next_open(const struct dead_letter_index *x, uint64_t number)
{
    size_t at = find_run(x, number);
    return at < x->count && x->runs[at].first <= number ? x->runs[at].last + 1 : number;
}

void dead_letter_index_trim(struct dead_letter_index *x, uint64_t through)
{
    size_t behind = find_run(x, through + 1);
    remove_runs(x, 0, behind);
    if (x->count > 0 && x->runs[0].first <= through)
        x->runs[0].first = through + 1;
}
