/* SPDX-License-Identifier: Apache-2.0
 *
 * The memory of some records that a delivery has read one behind the other: an arena, and references to the
 * journal's blocks that hold the raw bytes. Goes away with the last of its records.
 */
#ifndef DELIVERY_DELIVERY_BATCH_H
#define DELIVERY_DELIVERY_BATCH_H

#include "base/arena.h"
#include "base/list.h"

struct journal_block;

enum { DELIVERY_BATCH_RECORDS = 64, DELIVERY_BATCH_BYTES = 256 * 1024 };

struct delivery_batch {
    struct arena arena;
    size_t open;  /* records not done */
    size_t count; /* records read into it */
    size_t bytes; /* raw bytes read */
    struct journal_block *blocks[DELIVERY_BATCH_RECORDS];
    size_t block_count;
    size_t kept;      /* of these, counted in delivery_batch_pool.kept */
    struct list link; /* delivery_batch_pool.idle */
};

/* Batches for use again, so that a busy delivery does not allocate. */
struct delivery_batch_pool {
    struct list idle; /* delivery_batch.link */
    size_t idle_count;
    struct delivery_batch *filling; /* takes more records, which the window may hold for long; NULL: none */
    const struct journal_block *newest; /* kept by a batch that is in use; NULL: none */
    size_t kept;                        /* blocks, each once: records follow one another */
};

void delivery_batch_pool_init(struct delivery_batch_pool *p);
void delivery_batch_pool_finish(struct delivery_batch_pool *p);
struct delivery_batch *delivery_batch_take(struct delivery_batch_pool *p);
void delivery_batch_give(struct delivery_batch_pool *p, struct delivery_batch *b);
/* The batch to read into: the one before while it has room, so that single records do not take an arena
 * each. */
struct delivery_batch *delivery_batch_fill(struct delivery_batch_pool *p);
/* Keep the block as long as the batch. */
void delivery_batch_hold(struct delivery_batch_pool *p, struct delivery_batch *b,
                         struct journal_block *block);
/* False: many are kept, and this would be one more. Better copy what is needed of it. */
bool delivery_batch_may_hold(const struct delivery_batch_pool *p, const struct delivery_batch *b,
                             const struct journal_block *block);

#endif
