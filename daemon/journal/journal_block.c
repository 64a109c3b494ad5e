/* SPDX-License-Identifier: Apache-2.0
 *
 * Blocks and the pool they return to. A pool outlives its journal while a reader still holds a record.
 */
#include "journal/journal_block.h"

#include "journal/journal.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { IDLE_LIMIT = 4 };

struct journal_block_pool {
    struct list idle; /* journal_block.link */
    unsigned idle_count;
    unsigned lent;
    bool abandoned; /* its journal is gone */
};

static void free_block(struct journal_block *b)
{
    munmap(b->data, b->capacity);
    free(b);
}

static void free_pool_if_done(struct journal_block_pool *p)
{
    if (!p->abandoned || p->lent > 0)
        return;
    list_for_each_safe(b, &p->idle, struct journal_block, link)
    {
        list_remove(&b->link);
        free_block(b);
    }
    free(p);
}

static struct journal_block *make_block(size_t capacity)
{
    const size_t page = 4096;
    size_t size =
        capacity <= JOURNAL_BLOCK_SIZE ? (size_t)JOURNAL_BLOCK_SIZE : (capacity + page - 1) & ~(page - 1);
    void *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED)
        return NULL;
    struct journal_block *b = xcalloc(1, sizeof(*b));
    b->data = data;
    b->capacity = size;
    return b;
}

struct journal_block_pool *journal_block_pool_create(void)
{
    struct journal_block_pool *p = xcalloc(1, sizeof(*p));
    list_init(&p->idle);
    return p;
}

void journal_block_pool_destroy(struct journal_block_pool *p)
{
    if (!p)
        return;
    p->abandoned = true;
    free_pool_if_done(p);
}

struct journal_block *journal_block_take(struct journal_block_pool *p, size_t capacity)
{
    struct journal_block *b = NULL;
    if (capacity <= JOURNAL_BLOCK_SIZE && (b = list_first(&p->idle, struct journal_block, link))) {
        list_remove(&b->link);
        p->idle_count--;
    } else {
        b = make_block(capacity);
    }
    if (!b)
        return NULL;
    *b = (struct journal_block){.pool = p, .references = 1, .data = b->data, .capacity = b->capacity};
    list_init(&b->link);
    p->lent++;
    return b;
}

void journal_block_ref(struct journal_block *b)
{
    b->references++;
}

void journal_block_unref(struct journal_block *b)
{
    if (!b)
        return;
    assert(b->references > 0);
    if (--b->references > 0)
        return;
    struct journal_block_pool *p = b->pool;
    p->lent--;
    if (b->capacity == JOURNAL_BLOCK_SIZE && p->idle_count < IDLE_LIMIT && !p->abandoned) {
        list_add_first(&p->idle, &b->link);
        p->idle_count++;
        return;
    }
    free_block(b);
    free_pool_if_done(p);
}
