/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory that is given back all at once: everything made while a batch is processed. Chunks are kept by
 * arena_reset(), so the hot path does not reach malloc.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/bytes.h"

struct arena_chunk;

struct arena {
    struct arena_chunk *first, *current;
    uint8_t *next, *end;
    size_t used;                             /* bytes handed out since init or reset */
    size_t limit;                            /* bytes; 0: none */
    size_t chunk_size;                       /* bytes of a usual chunk */
    bool failed;                             /* an allocation was refused since the last reset */
    void *(*source)(void *ctx, size_t size); /* of chunks that are not the arena's own; NULL: malloc */
    void *source_ctx;
};

struct arena_mark {
    struct arena_chunk *current;
    uint8_t *next, *end;
    size_t used;
};

/* `chunk_size` 0: 16 KiB. */
void arena_init(struct arena *a, size_t chunk_size, size_t limit);
/* One whose chunks come from `source` and are never given back: what is handed out lives as long as they do,
 * whatever becomes of the arena, which need not be finished. */
void arena_init_within(struct arena *a, size_t chunk_size, size_t limit,
                       void *(*source)(void *ctx, size_t size), void *ctx);
/* Give back everything handed out; keeps the first chunk. */
void arena_reset(struct arena *a);
void arena_finish(struct arena *a);

struct arena_mark arena_mark(const struct arena *a);
/* Give back what was handed out since the mark; one chunk behind it is kept. */
void arena_rewind(struct arena *a, struct arena_mark mark);

void *arena_alloc_slow(struct arena *a, size_t size);

/* 16-byte aligned, not cleared; NULL (and failed) at the limit or without memory. */
static inline void *arena_alloc(struct arena *a, size_t size)
{
    size_t rounded = (size + 15) & ~(size_t)15;
    if (rounded < size || (size_t)(a->end - a->next) < rounded || (a->limit && a->used + rounded > a->limit))
        return arena_alloc_slow(a, size);
    void *p = a->next;
    a->next += rounded;
    a->used += rounded;
    return p;
}

void *arena_calloc(struct arena *a, size_t count, size_t size);
/* NUL-terminated copy. */
char *arena_strndup(struct arena *a, const void *text, size_t len);
char *arena_strdup(struct arena *a, const char *text);
/* Grow `old` (may be NULL) from old_size to new_size; in place when it is the newest allocation. */
void *arena_grow(struct arena *a, void *old, size_t old_size, size_t new_size);

#endif
