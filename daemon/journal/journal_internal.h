/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files behind journal.h share: the journal itself and the calls between its parts.
 *
 *   journal_append.c    records into memory blocks, and the segment they will go to
 *   journal_commit.c    blocks to the writer thread and back; failed writes; the states FULL and
 * STORAGE_FAILED journal_retention.c limits by size, age and free space; eviction; removal of segments
 *   journal_reader.c    from a sequence number to a record, in memory or on disk
 *   journal_cursor.c    named readers and their positions
 *   journal_recovery.c  what is found at the start
 */
#ifndef JOURNAL_JOURNAL_INTERNAL_H
#define JOURNAL_JOURNAL_INTERNAL_H

#include "base/backoff.h"
#include "journal/journal.h"
#include "journal/journal_block.h"
#include "journal/journal_cursor_file.h"
#include "journal/journal_quarantine.h"
#include "journal/journal_scan.h"
#include "journal/journal_segment.h"
#include "journal/journal_writer.h"
#include "loop/loop.h"
#include "metrics/metrics.h"

/* Counters for /metrics; the rows are in journal.c. */
struct journal_stats {
    uint64_t appended_records, appended_bytes;
    uint64_t commits, commit_failures, sync_failures;
    uint64_t refused_full, refused_io, lost_uncommitted;
    uint64_t evicted_full, evicted_expired;
    uint64_t read_errors;
    struct histogram commit_us;
    int64_t size_bytes, segments, oldest, head, state, parked_cursors;
};

/* Where something reads: a cursor, or journal_peek(). */
struct journal_reader {
    struct list link; /* journal.readers */
    struct journal *journal;
    uint64_t next; /* no record before this one is wanted */

    struct journal_block *block; /* in memory: reading here … */
    size_t offset;               /* … at this byte */

    struct journal_segment *segment; /* on disk: reading this one; NULL: not */
    struct journal_scan scan;
    int fd;

    unsigned failures; /* reads that failed one after the other … */
    int64_t failing_since_us;
};

struct journal_cursor {
    struct list link; /* journal.cursors, .waiting or .ready */
    struct journal *journal;
    struct journal_cursor_entry *entry; /* confirmed position and note */
    struct journal_reader reader;
    uint64_t position;
    bool save_wanted, save_submitted; /* journal_cursor_save(), not yet with the writer; with it */
    struct journal_cursor_events events;
    void *ctx;
};

struct journal_waiter {
    journal_done_fn done; /* NULL: cancelled */
    void *ctx;
    uint64_t through; /* newest record it waits for */
    enum status result;
};

struct journal_waiters {
    struct journal_waiter *items;
    size_t count, capacity;
};

struct journal {
    struct journal_stats stats; /* first: the rows of metrics point into it */
    struct journal_settings settings;
    char *path;
    struct loop *loop;
    struct metrics_group *metrics;
    int dir_fd, lock_fd, cursor_fd;
    struct journal_recovery recovery;
    bool cursors_are_new;  /* their file was not there */
    bool numbers_unsure;   /* numbers may have been given that recovery has not seen */
    bool records_unseen;   /* records may be there that recovery could not read */
    uint64_t start_head;   /* durable_head as recovery left it, with the numbers that it left out … */
    uint64_t start_newest; /* … and the newest record up to there */
    struct journal_quarantine quarantine;

    /* On disk. */
    struct list segments; /* oldest first: journal_segment.link */
    struct list removing; /* taken out, file not yet unlinked */
    uint64_t size_bytes;  /* of `segments` */
    uint64_t removing_bytes;
    uint64_t highest_serial;

    /* In memory, newest last. Those with written < used are not durable. */
    struct journal_block_pool *pool;
    struct list blocks; /* journal_block.link */
    size_t blocks_bytes;
    struct journal_block *fill; /* takes the next record; NULL: none */
    struct journal_segment *active;
    uint8_t *unfinished; /* record handed out by journal_append_space, without checksums yet */
    uint64_t next_sequence;
    uint64_t durable_head;

    /* Commits. */
    struct journal_writer *writer;
    struct journal_job job;
    bool writer_busy;
    bool commit_wanted;
    bool pump_deferred;
    bool probing;          /* the job in work only tries to create a segment */
    enum status refusal;   /* why the newest records were refused; STATUS_OK: they were not */
    unsigned failed_tries; /* of the commit in work */
    int64_t submitted_us;
    struct journal_waiters waiters;  /* in order of `through` */
    struct journal_waiters answers;  /* decided, called in this turn */
    struct journal_waiters *calling; /* the batch that is being called */
    bool answers_deferred;

    enum journal_state state;
    char state_text[400];
    struct backoff retry_backoff;
    struct loop_timer *retry_timer;
    void (*on_state)(void *ctx);
    void *on_state_ctx;

    /* Readers. */
    struct list readers; /* journal_reader.link */
    struct journal_reader peek;
    struct journal_cursor_state cursor_state;
    struct list cursors; /* open and not waiting: journal_cursor.link */
    struct list waiting; /* told STATUS_END */
    struct list ready;   /* to be told on_ready */

    bool upkeep_wanted;
    bool names_pending;              /* a new cursor's name is not on the disk yet: commits wait for it */
    struct loop_timer *upkeep_timer; /* writes cursors some time after they moved */
    struct loop_timer *sweep_timer;  /* looks for what has expired */
    struct loop_timer *evict_timer;  /* the next step of removing the oldest segment */
    bool closing;
};

/* ---- journal_append.c ---- */

void journal_append_finish_record(struct journal *j); /* checksums of `unfinished` */
/* Let the active segment take no more. */
void journal_append_close_segment(struct journal *j);
/* A segment for records from `base` on; in the list, without a file. */
struct journal_segment *journal_append_add_segment(struct journal *j, uint64_t base, uint64_t size);
uint64_t journal_append_segment_size(const struct journal *j, size_t span);
bool journal_append_is_pending(const struct journal *j); /* something is not durable */
/* Drop blocks that readers at the head no longer need. */
void journal_append_trim(struct journal *j);
void journal_append_drop_pending(struct journal *j);

/* ---- journal_commit.c ---- */

void journal_commit_pump(struct journal *j);      /* give the writer its next job, if it is free */
void journal_commit_pump_soon(struct journal *j); /* the same, behind the current callback */
void journal_commit_handle_done(void *ctx);       /* the writer's answer */
/* What commits wait for cannot be done: refuse the records that are not durable. */
void journal_commit_fail(struct journal *j, int failure);
void journal_commit_enter_full(struct journal *j, const char *why);
void journal_commit_drain(struct journal *j); /* for closing: everything durable, or given up */
void journal_commit_start(struct journal *j);
void journal_commit_finish(struct journal *j);

/* ---- journal_retention.c ---- */

/* Make room for a segment of `size` bytes within the limits, by the policy. False: FULL; why is in `why`. */
bool journal_retention_make_room(struct journal *j, uint64_t size, char *why, size_t why_size);
/* Remove the oldest segment against its readers; false when there is none that may go. */
bool journal_retention_evict_oldest(struct journal *j, const char *reason);
/* A cursor has confirmed through `sequence`, or is open no more: see in this turn what can go. */
void journal_retention_check_soon(struct journal *j);
/* Take a segment out of the journal; its file goes with the next upkeep. */
void journal_retention_drop_segment(struct journal *j, struct journal_segment *s);
/* Positions have moved: write them some time soon. */
void journal_retention_note_moved(struct journal *j);
/* Write the positions with the writer's next job. */
void journal_retention_save_soon(struct journal *j);
/* A cursor was opened under a new name. It must be on the disk before a record is acknowledged: after a crash
 * an unknown cursor would start at the head, behind that record. */
void journal_retention_note_name(struct journal *j);
void journal_retention_encode_upkeep(struct journal *j); /* into j->job */
void journal_retention_handle_upkeep(struct journal *j); /* its answer */
void journal_retention_start(struct journal *j);
void journal_retention_finish(struct journal *j);

/* ---- journal_reader.c ---- */

void journal_reader_init(struct journal_reader *r, struct journal *j, uint64_t next);
void journal_reader_finish(struct journal_reader *r);
void journal_reader_seek(struct journal_reader *r, uint64_t next);
enum status journal_reader_next(struct journal_reader *r, struct journal_record *record);
/* The segment goes away: let go of it. */
void journal_reader_leave_segment(struct journal_reader *r, const struct journal_segment *s);

/* ---- journal_cursor.c ---- */

void journal_cursor_wake(struct journal *j); /* new records can be read */
/* Tell those who have not confirmed what is in `s` up to `through`, and put them behind it. */
void journal_cursor_evict(struct journal *j, const struct journal_segment *s, uint64_t through,
                          const char *reason);
/* The positions go to the writer; and they have come back from it. */
void journal_cursor_submit_saves(struct journal *j);
void journal_cursor_answer_saves(struct journal *j);
/* The lowest confirmed position of the open cursors; false: none is open. */
bool journal_cursor_find_lowest(const struct journal *j, uint64_t *confirmed);

/* ---- journal_recovery.c ---- */

/* Fill segments, cursor state, numbers and j->recovery from the directory. */
enum status journal_recovery_run(struct journal *j, struct error *err);
/* The newest record up to `number`, which is `number` itself unless recovery has left it out. */
uint64_t journal_recovery_find_newest(const struct journal *j, uint64_t number);

#endif
