/* SPDX-License-Identifier: Apache-2.0
 *
 * The upstream that accepts everything and keeps nothing: for measuring, for trying a route, for tests.
 * Rank 5.
 */
#ifndef DELIVERY_UPSTREAM_NULL_H
#define DELIVERY_UPSTREAM_NULL_H

#include "delivery/upstream.h"

struct loop;

struct upstream *upstream_null_create(const char *name, struct loop *l);

/* Tests: called for each output instead of delivering it; it answers with upstream_answer() when it likes.
 * NULL: deliver. */
void upstream_null_set_handler(struct upstream *u,
                               void (*handle)(void *ctx, struct upstream *u, struct outgoing *o), void *ctx);
/* Tests: take at most so many without an answer. */
void upstream_null_set_capacity(struct upstream *u, size_t capacity);

#endif
