/* SPDX-License-Identifier: Apache-2.0
 *
 * What the two files of the dead-letter store share: dead_letter.c appends, dead_letter_store.c reads what
 * has become durable and knows which letters are open.
 */
#ifndef DELIVERY_DEAD_LETTER_INTERNAL_H
#define DELIVERY_DEAD_LETTER_INTERNAL_H

#include "base/list.h"
#include "delivery/dead_letter.h"
#include "delivery/dead_letter_index.h"

struct journal_cursor;
struct loop_timer;

struct dead_letter_store {
    struct journal *journal;
    struct loop *loop;

    /* Appending. */
    struct list waiters; /* waiter.link: appends that are not durable yet */
    uint64_t *late;      /* retired while the store was full: no note is written yet */
    size_t late_count;
    struct loop_timer *late_timer;

    /* Which letters are open: all numbers behind the confirmed one and up to the cursor's position that are
     * not in the index. */
    struct journal_cursor *cursor; /* NULL: could not be opened */
    struct dead_letter_index gone;
    struct dead_letter_counters counters;
    struct loop_timer *read_timer;
    bool is_read;
};

/* ---- dead_letter.c ---- */

void dead_letter_start(struct dead_letter_store *s);
void dead_letter_finish(struct dead_letter_store *s);
/* The numbers of a note, at most `most`; 0: it is none. */
size_t dead_letter_parse_note(struct bytes bytes, uint64_t *numbers, size_t most);

/* ---- dead_letter_store.c ---- */

void dead_letter_store_handle_retired(struct dead_letter_store *s, const uint64_t *numbers, size_t count,
                                      enum dead_letter_end why);

#endif
