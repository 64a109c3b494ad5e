/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of one delivery share: the delivery itself, its records, and the calls between its parts.
 *
 *   delivery.c           the window, the cursor, dead letters, the way to the upstream, life
 *   delivery_counters.c  what became of every message
 *   delivery_former.c    filters as they were before a reload
 *   delivery_record.c    a journal record as the pipeline sees it
 *   delivery_retry.c     dead letters that come again, beside the window
 */
#ifndef DELIVERY_DELIVERY_INTERNAL_H
#define DELIVERY_DELIVERY_INTERNAL_H

#include "base/log.h"
#include "delivery/delivery.h"
#include "delivery/delivery_batch.h"
#include "delivery/delivery_sender.h"
#include "metrics/metrics.h"
#include "pipeline/pipeline.h"

struct delivery_retry;
struct journal_record;
struct message;

enum delivery_record_state { RECORD_OPEN, RECORD_DEAD_WAITING, RECORD_DEAD_WRITING, RECORD_DONE };

struct delivery_record {
    struct pipeline_record pipeline; /* first */
    struct delivery *delivery;
    struct delivery_batch *batch;
    struct delivery_retry *retry; /* NULL: read from the journal */
    struct list link;             /* delivery.window or .retries */
    struct list dead_link;        /* delivery.dead_waiting */
    struct bytes raw;
    enum delivery_record_state state;
    enum pipeline_answer answer;
    const char *stage, *reason; /* FAILED */
    unsigned part;              /* outputs made from it so far */
    struct fby_pair captures[];
};

struct delivery {
    struct delivery_parts parts;
    char *cursor_name;
    struct topic_template *topic; /* NULL: the topic as received, or none */
    bool has_no_topic;
    struct pipeline *pipeline;
    struct delivery_sender sender;
    struct delivery_batch_pool batches;
    struct route_entry entry;
    struct journal_cursor *cursor;
    struct loop_timer *timer;
    struct metrics_group *metrics_group;
    struct list window;       /* delivery_record.link */
    struct list dead_waiting; /* delivery_record.dead_link: to be offered to the dead letters again */
    struct list retries;      /* delivery_record.link: dead letters that came again, in no order */
    size_t retry_count, retry_bytes;
    size_t window_count, window_bytes;
    size_t unsaved, in_save; /* records that have left the window since the cursor was written; of them, those
                              * that the write under way covers */
    struct delivery_counters counters;
    uint64_t settled;               /* records that left the window, or were dropped, since the start */
    uint64_t counted_early;         /* accepted before the start or counted on reading */
    uint64_t counted_new;           /* told by the route table … */
    uint64_t new_through;           /* … for records up to here */
    uint64_t counted_through;       /* records up to here are counted … */
    uint64_t count_on_read_through; /* … and those from there to here are counted when they are read */
    uint64_t backlog;               /* records counted before the start, of those up to counted_through */
    uint64_t backlog_read;          /* … that were met since */
    uint64_t backlog_missing;       /* numbers up to there that no record has */
    uint64_t last_read;             /* while there is a backlog */
    uint64_t evicted_through;       /* the cursor was moved up to here by the journal's limits */
    struct list formers;            /* delivery_former.link: filters before a reload */
    bool started, stopped, scheduled, pumping;
    char problem[200];
    char state[240];
    struct log_limit dead_limit, stalled_limit, evict_limit,
        read_limit; /* each delivery has its say in the log */
};

/* ---- delivery.c ---- */

void delivery_schedule_pump(struct delivery *d);

/* ---- delivery_counters.c ---- */

extern const struct metric_row delivery_counters_rows[];
void delivery_counters_refresh(void *counters);
/* Write down with the cursor up to where records were counted, and how many of them are not settled. */
void delivery_counters_note(struct delivery *d);
/* The route table has made `count` records durable that this route wants. */
void delivery_counters_handle_accepted(void *delivery, uint64_t count, uint64_t through);
/* A record is read, or dropped unread, and `wanted` by this route or not: count it when it was not counted as
 * it became durable, and when it was and is wanted no more. */
void delivery_counters_handle_read(struct delivery *d, uint64_t sequence, const struct message *m,
                                   bool wanted);
/* Every durable record was read: settle what was counted and could not be found; once the window is empty,
 * what is still open was lost to damage. */
void delivery_counters_handle_end(struct delivery *d);
/* Records in the window that the journal's limits have removed: a restart would not find them again. */
uint64_t delivery_counters_evicted_in_flight(const struct delivery *d, bool open_only);
void delivery_counters_handle_done(struct delivery *d, const struct delivery_record *r);
/* Records done but not confirmed before a reload are done again, and count as accepted again. */
void delivery_counters_begin(struct delivery *d);

/* ---- delivery_record.c ---- */

/* A record in the batch's arena, borrowing the bytes. NULL: this route does not want it (`m` is set), or it
 * is no message of this version (logged; m->topic is empty). */
struct delivery_record *delivery_record_create(struct delivery *d, struct delivery_batch *b,
                                               uint64_t sequence, struct bytes bytes, struct message *m);

/* ---- delivery_retry.c ---- */

/* Tell about the retries that ended and let them go. Not from inside the pipeline. */
void delivery_retry_finish_done(struct delivery *d);
/* The delivery ends: tell all, give back their memory. */
void delivery_retry_cancel_all(struct delivery *d);

#endif
