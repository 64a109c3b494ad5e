/* SPDX-License-Identifier: Apache-2.0
 *
 * See delivery_batch.h.
 */
#include "delivery/delivery_batch.h"

#include "journal/journal.h"

#include <stdlib.h>

enum {
    IDLE_MAX = 4,
    ARENA_CHUNK = 64 * 1024,
    ARENA_LIMIT = 64 << 20,
    ARENA_SHARED = 1 << 20, /* in use: the next record gets another one, so that each may use the limit */
    KEPT_MAX = 24,          /* blocks of 128 KiB: more than a full window of records without gaps needs */
};

void delivery_batch_pool_init(struct delivery_batch_pool *p)
{
    *p = (struct delivery_batch_pool){0};
    list_init(&p->idle);
}

static void free_batch(struct delivery_batch *b)
{
    arena_finish(&b->arena);
    free(b);
}

void delivery_batch_pool_finish(struct delivery_batch_pool *p)
{
    list_for_each_safe(b, &p->idle, struct delivery_batch, link)
    {
        list_remove(&b->link);
        free_batch(b);
    }
    p->idle_count = 0;
}

struct delivery_batch *delivery_batch_take(struct delivery_batch_pool *p)
{
    struct delivery_batch *b = list_first(&p->idle, struct delivery_batch, link);
    if (b) {
        list_remove(&b->link);
        p->idle_count--;
        return b;
    }
    b = xcalloc(1, sizeof *b);
    arena_init(&b->arena, ARENA_CHUNK, ARENA_LIMIT);
    list_init(&b->link);
    return b;
}

void delivery_batch_give(struct delivery_batch_pool *p, struct delivery_batch *b)
{
    for (size_t i = 0; i < b->block_count; i++) {
        if (b->blocks[i] == p->newest)
            p->newest = NULL;
        journal_block_unref(b->blocks[i]);
    }
    p->kept -= b->kept;
    if (p->filling == b)
        p->filling = NULL;
    b->block_count = b->kept = 0;
    b->bytes = b->count = b->open = 0;
    if (p->idle_count >= IDLE_MAX) {
        free_batch(b);
        return;
    }
    arena_reset(&b->arena);
    list_add_first(&p->idle, &b->link);
    p->idle_count++;
}

static bool takes_more(const struct delivery_batch *b)
{
    return b->count < DELIVERY_BATCH_RECORDS && b->bytes < DELIVERY_BATCH_BYTES &&
           b->arena.used < ARENA_SHARED;
}

struct delivery_batch *delivery_batch_fill(struct delivery_batch_pool *p)
{
    if (!p->filling || !takes_more(p->filling))
        p->filling = delivery_batch_take(p);
    return p->filling;
}

static bool holds(const struct delivery_batch *b, const struct journal_block *block)
{
    return b->block_count && b->blocks[b->block_count - 1] == block;
}

void delivery_batch_hold(struct delivery_batch_pool *p, struct delivery_batch *b, struct journal_block *block)
{
    if (!block || holds(b, block))
        return;
    if (block != p->newest) {
        p->kept++;
        b->kept++;
        p->newest = block;
    }
    journal_block_ref(block);
    b->blocks[b->block_count++] = block;
}

bool delivery_batch_may_hold(const struct delivery_batch_pool *p, const struct delivery_batch *b,
                             const struct journal_block *block)
{
    return p->kept < KEPT_MAX || block == p->newest || holds(b, block);
}
