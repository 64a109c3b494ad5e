/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory that holds whole records: filled by appends, written by the writer thread, read by cursors; or one
 * chunk of a segment file. Counted references, all on the loop's thread. The memory comes from mmap, so that
 * it goes back to the system when it is not needed, and a few blocks are kept for the next use.
 */
#ifndef JOURNAL_JOURNAL_BLOCK_H
#define JOURNAL_JOURNAL_BLOCK_H

#include "base/list.h"

#include <stddef.h>
#include <stdint.h>

struct journal_block_pool;
struct journal_segment;

enum { JOURNAL_BLOCK_SIZE = 128 * 1024 };

struct journal_block {
    struct list link; /* journal.blocks, or the pool's idle ones */
    struct journal_block_pool *pool;
    unsigned references;
    uint8_t *data;
    size_t capacity;
    size_t used; /* bytes of whole records */

    /* Blocks that appends fill. */
    size_t written;                  /* durable bytes; readers stop here */
    size_t submitted;                /* bytes up to here are with the writer */
    struct journal_segment *segment; /* where the bytes behind `written` go, in order */
    uint64_t first, last;            /* sequence numbers in it */
};

struct journal_block_pool *journal_block_pool_create(void);
/* The memory goes when the last block comes back. */
void journal_block_pool_destroy(struct journal_block_pool *p);

/* A block of at least `capacity` bytes with one reference; NULL without memory. */
struct journal_block *journal_block_take(struct journal_block_pool *p, size_t capacity);

#endif
