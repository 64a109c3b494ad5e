/* SPDX-License-Identifier: Apache-2.0
 *
 * See upstream_null.h.
 */
#include "delivery/upstream_null.h"

#include "loop/loop.h"

#include <stdlib.h>

struct upstream_null {
    struct upstream base;
    struct loop *loop;
    struct list taken; /* outgoing.link */
    size_t taken_count, capacity;
    bool scheduled, was_busy;
    void (*handle)(void *ctx, struct upstream *u, struct outgoing *o);
    void *ctx;
};

static struct upstream_null *null_of(struct upstream *u)
{
    return container_of(u, struct upstream_null, base);
}

static void answer_taken(void *ctx)
{
    struct upstream_null *n = ctx;
    n->scheduled = false;
    size_t count = n->taken_count;
    while (count-- && !list_is_empty(&n->taken)) {
        struct outgoing *o = list_first(&n->taken, struct outgoing, link);
        list_remove(&o->link);
        n->taken_count--;
        if (n->handle)
            n->handle(n->ctx, &n->base, o);
        else
            upstream_answer(&n->base, o, FBY_DELIVERED, NULL, 0);
    }
    if (n->was_busy) {
        n->was_busy = false;
        upstream_tell_ready(&n->base);
    }
}

static size_t null_send(struct upstream *u, struct outgoing *const *items, size_t count)
{
    struct upstream_null *n = null_of(u);
    size_t i = 0;
    for (; i < count && n->taken_count < n->capacity; i++) {
        list_add(&n->taken, &items[i]->link);
        n->taken_count++;
    }
    n->was_busy = n->was_busy || i < count;
    if (i && !n->scheduled) {
        n->scheduled = true;
        loop_defer(n->loop, answer_taken, n);
    }
    return i;
}

static void null_cancel(struct upstream *u, struct upstream_user *user)
{
    struct upstream_null *n = null_of(u);
    list_for_each_safe(o, &n->taken, struct outgoing, link)
    {
        if (o->user != user)
            continue;
        list_remove(&o->link);
        n->taken_count--;
    }
}

static void null_destroy(struct upstream *u)
{
    struct upstream_null *n = null_of(u);
    loop_defer_cancel(n->loop, answer_taken, n);
    upstream_finish(u);
    free(n);
}

static const struct upstream_ops null_ops = {NULL, null_send, null_cancel, null_destroy, NULL};

struct upstream *upstream_null_create(const char *name, struct loop *l)
{
    struct upstream_null *n = xcalloc(1, sizeof *n);
    upstream_init(&n->base, &null_ops, "null", name);
    n->base.connected = true;
    n->loop = l;
    n->capacity = 1024;
    list_init(&n->taken);
    return &n->base;
}

void upstream_null_set_handler(struct upstream *u,
                               void (*handle)(void *, struct upstream *, struct outgoing *), void *ctx)
{
    null_of(u)->handle = handle;
    null_of(u)->ctx = ctx;
}

void upstream_null_set_capacity(struct upstream *u, size_t capacity)
{
    null_of(u)->capacity = capacity;
}
