/* SPDX-License-Identifier: Apache-2.0
 *
 * Shared by gateway_dead_letters.c (requests, list, purge) and gateway_dead_letters_retry.c: the walk over
 * open letters that a request starts, a bounded part of it each turn. Rank 6.
 */
#ifndef GATEWAY_DEAD_LETTERS_PARTS_H
#define GATEWAY_DEAD_LETTERS_PARTS_H

#include "base/list.h"
#include "dead_letter_walk.h"
#include "gateway_dead_letters.h"

#include <stdint.h>

struct admin_request;

struct gateway_dead_letters {
    struct gateway *gateway;
    struct dead_letter_store *store;
    struct list walks;   /* dead_letter_walk.link */
    struct list retries; /* of gateway_dead_letters_retry.c */
};

/* The letter with this number. False: the request was answered with why not. */
bool gateway_dead_letters_find(struct gateway_dead_letters *l, struct admin_request *rq, uint64_t number,
                               struct dead_letter *d);
/* ---- gateway_dead_letters_retry.c ---- */

void gateway_dead_letters_retry_one(struct gateway_dead_letters *l, struct admin_request *rq,
                                    uint64_t number);
void gateway_dead_letters_retry_many(struct gateway_dead_letters *l, struct admin_request *rq);
bool gateway_dead_letters_is_retrying(const struct gateway_dead_letters *l, uint64_t number);
size_t gateway_dead_letters_retry_count(const struct gateway_dead_letters *l);
void gateway_dead_letters_retry_finish(struct gateway_dead_letters *l);

#endif
