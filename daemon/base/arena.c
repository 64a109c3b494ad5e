/* SPDX-License-Identifier: Apache-2.0
 *
 * See arena.h.
 */
#include "base/arena.h"

#include <stdlib.h>

struct arena_chunk {
    struct arena_chunk *next;
    size_t size;
    _Alignas(16) uint8_t bytes[];
};

void arena_init(struct arena *a, size_t chunk_size, size_t limit)
{
    *a = (struct arena){.chunk_size = chunk_size ? chunk_size : 16 * 1024, .limit = limit};
}

void arena_init_within(struct arena *a, size_t chunk_size, size_t limit,
                       void *(*source)(void *ctx, size_t size), void *ctx)
{
    arena_init(a, chunk_size, limit);
    a->source = source;
    a->source_ctx = ctx;
}

static void enter_chunk(struct arena *a, struct arena_chunk *c)
{
    a->current = c;
    a->next = c ? c->bytes : NULL;
    a->end = c ? c->bytes + c->size : NULL;
}

/* Those of a source are only forgotten. */
static void free_chunks(const struct arena *a, struct arena_chunk *c)
{
    while (c && !a->source) {
        struct arena_chunk *next = c->next;
        free(c);
        c = next;
    }
}

void arena_reset(struct arena *a)
{
    if (a->first) {
        free_chunks(a, a->first->next);
        a->first->next = NULL;
    }
    enter_chunk(a, a->first);
    a->used = 0;
    a->failed = false;
}

void arena_finish(struct arena *a)
{
    free_chunks(a, a->first);
    *a = (struct arena){.chunk_size = a->chunk_size, .limit = a->limit};
}

struct arena_mark arena_mark(const struct arena *a)
{
    return (struct arena_mark){a->current, a->next, a->end, a->used};
}

void arena_rewind(struct arena *a, struct arena_mark mark)
{
    if (!mark.current) {
        arena_reset(a);
        return;
    }
    /* One usual chunk is kept: who marks, takes and rewinds at the end of a chunk would go to malloc each
     * time. */
    struct arena_chunk *spare = mark.current->next;
    if (spare && spare->size == a->chunk_size) {
        free_chunks(a, spare->next);
        spare->next = NULL;
    } else {
        free_chunks(a, spare);
        mark.current->next = NULL;
    }
    a->current = mark.current;
    a->next = mark.next;
    a->end = mark.end;
    a->used = mark.used;
}

/* A new chunk behind the current one, in the place of what a rewind has kept there. */
static struct arena_chunk *add_chunk(struct arena *a, size_t least)
{
    struct arena_chunk **place = a->current ? &a->current->next : &a->first;
    size_t size = least > a->chunk_size ? least : a->chunk_size;
    free_chunks(a, *place);
    struct arena_chunk *c = a->source ? a->source(a->source_ctx, sizeof *c + size) : malloc(sizeof *c + size);
    *place = c;
    if (c) {
        c->next = NULL;
        c->size = size;
    }
    return c;
}

void *arena_alloc_slow(struct arena *a, size_t size)
{
    size_t rounded = (size + 15) & ~(size_t)15;
    if (rounded < size || (a->limit && (rounded > a->limit || a->used > a->limit - rounded))) {
        a->failed = true;
        return NULL;
    }
    struct arena_chunk *c = a->current ? a->current->next : NULL;
    if (!c || c->size < rounded)
        c = add_chunk(a, rounded);
    if (!c) {
        a->failed = true;
        return NULL;
    }
    enter_chunk(a, c);
    a->next += rounded;
    a->used += rounded;
    return c->bytes;
}

void *arena_calloc(struct arena *a, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size) {
        a->failed = true;
        return NULL;
    }
    void *p = arena_alloc(a, count * size);
    if (p)
        memset(p, 0, count * size);
    return p;
}

char *arena_strndup(struct arena *a, const void *text, size_t len)
{
    char *copy = len == SIZE_MAX ? NULL : arena_alloc(a, len + 1);
    if (!copy)
        return NULL;
    if (len)
        memcpy(copy, text, len);
    copy[len] = 0;
    return copy;
}

char *arena_strdup(struct arena *a, const char *text)
{
    return arena_strndup(a, text, strlen(text));
}

void *arena_grow(struct arena *a, void *old, size_t old_size, size_t new_size)
{
    size_t rounded = (old_size + 15) & ~(size_t)15;
    if (old && (uint8_t *)old + rounded == a->next && new_size >= old_size) {
        size_t more = ((new_size + 15) & ~(size_t)15) - rounded;
        if ((size_t)(a->end - a->next) >= more && (!a->limit || a->used + more <= a->limit)) {
            a->next += more;
            a->used += more;
            return old;
        }
    }
    void *p = arena_alloc(a, new_size);
    if (p && old_size)
        memcpy(p, old, old_size < new_size ? old_size : new_size);
    return p;
}
