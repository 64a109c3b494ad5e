/* SPDX-License-Identifier: Apache-2.0
 *
 * A walk over open dead letters that a request starts: some letters each turn, so that a large store does not
 * stop the loop. Rank 6.
 */
#ifndef DEAD_LETTER_WALK_H
#define DEAD_LETTER_WALK_H

#include "base/bytes.h"
#include "base/json_writer.h"
#include "base/list.h"
#include "delivery/dead_letter.h"

struct admin_request;
struct gateway_dead_letters;
struct loop_timer;

enum dead_letter_walk_step {
    WALK_NEXT,
    WALK_WAIT, /* come back with this letter when the timer is started again */
    WALK_STOP,
};

struct dead_letter_walk {
    struct list link; /* gateway_dead_letters.walks */
    struct gateway_dead_letters *owner;
    struct loop_timer *timer;    /* the next part */
    struct loop_timer *patience; /* a request is not kept waiting longer */
    uint64_t at, through;        /* numbers still to come */
    char *route, *target;        /* NULL: any */
    int64_t before_us;           /* only older ones; 0: any */
    /* What to do with a letter; `finish` when the last one was seen, which replies (if not yet done) and
     * calls dead_letter_walk_destroy(). */
    enum dead_letter_walk_step (*take)(struct dead_letter_walk *w, uint64_t number,
                                       const struct dead_letter *d);
    void (*finish)(struct dead_letter_walk *w);
    struct admin_request *request; /* NULL: answered */

    size_t limit, count;
    uint64_t next_number; /* list: where the next page begins; 0: there is none */
    uint64_t numbers[DEAD_LETTER_RETIRE_MAX];
    size_t number_count;
    struct buffer text;
    struct json_writer json;
    size_t under_way; /* retries, or notes being written */
    bool at_end;
    uint64_t delivered, filtered, aggregated, dead_lettered, skipped, failed;
};

/* Begin over the letters that are there now; the request's parameters route, target and older_than are the
 * filter. NULL: the request was refused and answered. */
struct dead_letter_walk *dead_letter_walk_create(struct gateway_dead_letters *l, struct admin_request *rq);
void dead_letter_walk_destroy(struct dead_letter_walk *w);
void dead_letter_walk_start(struct dead_letter_walk *w);
/* Answer the walk's request, once; later calls do nothing. */
void dead_letter_walk_reply(struct dead_letter_walk *w, int status, struct bytes json);

#endif
