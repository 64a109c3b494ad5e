/* SPDX-License-Identifier: Apache-2.0
 *
 * The dead-letter store: a second journal whose records are messages that a route could not process or an
 * upstream rejected, with the reason. A letter is open until it is retired by a note that is appended to the
 * same journal; a segment goes once all its letters are retired. Rank 5.
 */
#ifndef DELIVERY_DEAD_LETTER_H
#define DELIVERY_DEAD_LETTER_H

#include "base/bytes.h"
#include "base/error.h"

struct dead_letter_store;
struct journal;
struct journal_settings;
struct loop;

struct dead_letter {
    int64_t time_us;   /* when it was given up */
    uint64_t sequence; /* of the record in the main journal */
    struct bytes route, target, stage, reason;
    struct bytes record; /* as message_codec made it */
};

enum { DEAD_LETTER_RETIRE_MAX = 64 }; /* letters in one call */
enum dead_letter_end { DEAD_LETTER_RETRIED, DEAD_LETTER_PURGED };

/* For metrics and status; since the start, but for `open`. */
struct dead_letter_counters {
    int64_t open;
    uint64_t added, retried, purged;
    uint64_t dropped_full, dropped_expired; /* removed by the limits of the store while they were open */
};

/* `own` for a store of letters from a journal opened with `messages`: a letter is larger than its message by
 * the reason and the names, and none may be too large to be kept. */
struct journal_settings dead_letter_journal_settings(const struct journal_settings *own,
                                                     const struct journal_settings *messages);

/* The letters that are there are read in the background. */
struct dead_letter_store *dead_letter_store_create(struct journal *j, struct loop *l);
void dead_letter_store_destroy(struct dead_letter_store *s);
struct journal *dead_letter_store_journal(struct dead_letter_store *s);
/* False while the letters of before the start are being read: what follows is not complete then. */
bool dead_letter_store_is_read(const struct dead_letter_store *s);
struct dead_letter_counters *dead_letter_store_counters(struct dead_letter_store *s);
/* The first open letter from *number on; *number becomes its own. Borrows from the journal until the next
 * call. STATUS_END: no more. STATUS_IO, STATUS_NO_MEMORY: cannot be read just now. */
MUST_CHECK enum status dead_letter_store_next(struct dead_letter_store *s, uint64_t *number,
                                              struct dead_letter *d);

typedef void (*dead_letter_done_fn)(void *ctx, enum status result);
/* Append; `done` follows on the loop when it is durable (STATUS_OK) or could not be made so (try again
 * later). Those added in one turn share a commit. STATUS_FULL, STATUS_IO: not taken, try again later; `done`
 * is not called. */
MUST_CHECK enum status dead_letter_add(struct dead_letter_store *s, const struct dead_letter *d,
                                       dead_letter_done_fn done, void *ctx);
/* These letters are done with; `done` follows when that is durable (STATUS_OK) or failed: they are open then.
 * A full store takes no notes, so that it can be emptied: they are retired at once, the note is written when
 * there is room, and a crash before may bring them back. STATUS_IO: nothing was done. */
MUST_CHECK enum status dead_letter_retire(struct dead_letter_store *s, const uint64_t *numbers, size_t count,
                                          enum dead_letter_end why, dead_letter_done_fn done, void *ctx);
void dead_letter_cancel(struct dead_letter_store *s, void *ctx); /* forget done calls */
/* STATUS_CORRUPT: not such a record. Borrows from `bytes`. */
MUST_CHECK enum status dead_letter_parse(struct bytes bytes, struct dead_letter *d);

#endif
