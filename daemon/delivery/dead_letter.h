/* SPDX-License-Identifier: Apache-2.0
 *
 * The dead-letter store: a second journal whose records are messages that a route could not process or an
 * upstream rejected, with the reason. Rank 5.
 */
#ifndef DELIVERY_DEAD_LETTER_H
#define DELIVERY_DEAD_LETTER_H

#include "base/bytes.h"
#include "base/error.h"

struct dead_letter_store;
struct journal;
struct loop;

struct dead_letter {
    int64_t time_us;   /* when it was given up */
    uint64_t sequence; /* of the record in the main journal */
    struct bytes route, target, stage, reason;
    struct bytes record; /* as message_codec made it */
};

struct dead_letter_store *dead_letter_store_create(struct journal *j, struct loop *l);
void dead_letter_store_destroy(struct dead_letter_store *s);
struct journal *dead_letter_store_journal(struct dead_letter_store *s);

typedef void (*dead_letter_done_fn)(void *ctx, enum status result);
/* Append; `done` follows on the loop when it is durable (STATUS_OK) or could not be made so (try again
 * later). Those added in one turn share a commit. STATUS_FULL, STATUS_IO: not taken, try again later; `done`
 * is not called. */
MUST_CHECK enum status dead_letter_add(struct dead_letter_store *s, const struct dead_letter *d,
                                       dead_letter_done_fn done, void *ctx);
void dead_letter_cancel(struct dead_letter_store *s, void *ctx); /* forget done calls */
/* STATUS_CORRUPT: not such a record. Borrows from `bytes`. */
MUST_CHECK enum status dead_letter_parse(struct bytes bytes, struct dead_letter *d);

#endif
