/* SPDX-License-Identifier: Apache-2.0
 *
 * Append-only store of byte records, read by named cursors. It knows no messages. Used by one thread, the
 * loop's; a writer thread inside does write and fdatasync. Rank 3.
 *
 * Sequence numbers start at 1, ascend by one for each record, and are never given twice, not even after a
 * crash: a start that finds a segment in work leaves out the numbers that it may have held. A record can be
 * read once it is durable. Segments whose records every cursor has confirmed are removed.
 */
#ifndef JOURNAL_JOURNAL_H
#define JOURNAL_JOURNAL_H

#include "base/bytes.h"
#include "base/error.h"

#include <sys/uio.h>

struct journal;
struct journal_cursor;
struct journal_block;
struct loop;
struct metrics;

enum journal_when_full { JOURNAL_BLOCK, JOURNAL_DROP_OLDEST };

struct journal_settings {
    const char *path;     /* directory; created (0700) when missing */
    int64_t max_size;     /* bytes of all segments */
    int64_t max_age_ms;   /* 0: for ever */
    int64_t segment_size; /* bytes, preallocated */
    int64_t free_reserve; /* bytes to leave free on the file system */
    int64_t record_limit; /* bytes of one record */
    int64_t memory_tail;  /* bytes of the newest records kept in memory for readers at the head */
    int when_full;        /* enum journal_when_full */
};

enum journal_state { JOURNAL_OK, JOURNAL_FULL, JOURNAL_STORAGE_FAILED };

/* What recovery found; for log and status. */
struct journal_recovery {
    uint64_t oldest, head;    /* sequence numbers; head = newest durable record, 0: none */
    uint64_t torn_bytes;      /* cut from the tail */
    uint64_t damaged_records; /* skipped and copied to quarantine/ */
    uint64_t damaged_bytes;
    uint64_t missing_records; /* gone with a whole segment, or with the end of the newest one */
    bool cursors_lost;        /* both slots bad: reading starts at the oldest record */
};

/* STATUS_LOCKED: another process has the directory. Damage never prevents opening. `metrics` may be NULL;
 * `label` is the value of the label "journal". */
struct journal *journal_open(const struct journal_settings *s, const char *label, struct loop *l,
                             struct metrics *metrics, struct error *err);
/* Commits what was appended, writes the cursors, waits for the writer. Open cursors must be closed before. */
void journal_close(struct journal *j);
/* Take over limits and policies of a reload; path, segment_size and memory_tail stay as opened. */
void journal_configure(struct journal *j, const struct journal_settings *s);

const struct journal_recovery *journal_recovery(const struct journal *j);
enum journal_state journal_state(const struct journal *j);
/* One line for the operator: what is wrong and what to do; "" when JOURNAL_OK. */
const char *journal_state_text(const struct journal *j);
uint64_t journal_size_bytes(const struct journal *j);
uint64_t journal_durable_head(const struct journal *j); /* newest record that readers can see */
uint64_t journal_oldest(const struct journal *j);       /* oldest record kept; head + 1 when empty */

/* Durable records behind `sequence`. Numbers are left out after a crash, so this is not a difference. */
uint64_t journal_count_after(const struct journal *j, uint64_t sequence);

/* Told on the loop when the state changes, and when room appears after STATUS_FULL. */
void journal_set_state_callback(struct journal *j, void (*fn)(void *ctx), void *ctx);

/* Append one record made of `parts` and give its number. The bytes are copied. Durable only after a commit
 * that succeeded. STATUS_FULL: the limit or the disk, nothing was appended. STATUS_LIMIT: over record_limit.
 * STATUS_IO: STORAGE_FAILED. STATUS_NO_MEMORY: try later. */
MUST_CHECK enum status journal_append(struct journal *j, const struct iovec *parts, size_t count,
                                      uint64_t *sequence);
/* The same, with `size` bytes for the caller to fill before it returns to the loop. */
MUST_CHECK enum status journal_append_space(struct journal *j, size_t size, uint8_t **space,
                                            uint64_t *sequence);
/* Take back the records from `sequence` on, all of them appended since the last journal_commit(): a burst
 * that was refused in the middle leaves nothing behind, and its numbers are given again. False: some of them
 * are being written or are waited for; nothing was taken back. */
bool journal_append_undo(struct journal *j, uint64_t sequence);

typedef void (*journal_done_fn)(void *ctx, enum status result);
/* Make everything appended so far durable; `done` is called on the loop, never from inside. Calls while a
 * commit runs share the next one. A failure is answered only after appending to a fresh segment failed as
 * well; the records are gone then (STATUS_IO, or STATUS_FULL when there was no room), and their numbers are
 * not used again. Those up to journal_durable_head() are not gone: they went into a segment before it. With
 * nothing to commit `done` follows in the same turn. Call it from the callback that appended: a commit that
 * fails takes everything appended until then with it, whoever asked. */
void journal_commit(struct journal *j, journal_done_fn done, void *ctx);
void journal_commit_cancel(struct journal *j, void *ctx); /* forget done calls for this ctx */

/* ---- Cursors ---- */

struct journal_record {
    uint64_t sequence;
    struct bytes bytes; /* valid while the caller holds a reference to `block` */
    struct journal_block
        *block; /* journal_block_ref() to keep the bytes; else until the next journal_cursor_next() */
    int64_t appended_us; /* real time of the append; 0: clock was not valid */
};

void journal_block_ref(struct journal_block *b);
void journal_block_unref(struct journal_block *b); /* NULL is fine */

enum journal_start { JOURNAL_FROM_OLDEST, JOURNAL_FROM_HEAD };

struct journal_cursor_events {
    /* New durable records can be read, after journal_cursor_next() said STATUS_END. */
    void (*on_ready)(void *ctx);
    /* Records up to and including `through` are about to be removed by the policy `reason` ("journal_full" or
     * "expired"), although this cursor has not confirmed them. During the call they can still be read with
     * journal_peek(). Afterwards the cursor stands behind them. May be NULL. */
    void (*on_evict)(void *ctx, uint64_t through, const char *reason);
    /* The answer to journal_cursor_save(). May be NULL. */
    void (*on_saved)(void *ctx);
};

/* Open a cursor by name ([A-Za-z0-9_.:-]{1,128}); known ones continue behind their confirmed record, new ones
 * start at `start` (after recovery.cursors_lost: at the oldest record). At the start of the process open all
 * cursors before the loop runs: what every open cursor has confirmed is removed from then on. While none is
 * open nothing is removed but by the limits. */
struct journal_cursor *journal_cursor_open(struct journal *j, const char *name, enum journal_start start,
                                           const struct journal_cursor_events *events, void *ctx,
                                           struct error *err);
/* It stays known, parked: it no longer pins segments, and goes on behind those that were removed meanwhile.
 */
void journal_cursor_close(struct journal_cursor *c);
/* Forget a name that is not open. */
void journal_cursor_forget(struct journal *j, const char *name);
/* Names known and not open: call `fn` for each. */
void journal_cursor_list_parked(struct journal *j,
                                void (*fn)(void *ctx, const char *name, uint64_t confirmed), void *ctx);

/* The next durable record. STATUS_END: none now, on_ready follows. STATUS_IO: the disk cannot be read just
 * now (the text says why); try later. Damaged records are skipped, counted and quarantined. */
MUST_CHECK enum status journal_cursor_next(struct journal_cursor *c, struct journal_record *record);
/* Read again from behind the confirmed record. */
void journal_cursor_rewind(struct journal_cursor *c);
/* Everything up to `sequence` is done with. Made durable soon after, and never past the durable head. */
void journal_cursor_confirm(struct journal_cursor *c, uint64_t sequence);
/* Write what is confirmed now, as soon as the writer is free. on_saved follows on the loop once: it is on
 * disk, or the disk did not take it (which is logged, and tried again some time later). */
void journal_cursor_save(struct journal_cursor *c);
uint64_t journal_cursor_confirmed(const struct journal_cursor *c);
uint64_t journal_cursor_position(const struct journal_cursor *c); /* newest record that next() returned */

/* Read any record from `sequence` on without moving a cursor (for on_evict and for listing): *sequence
 * becomes the number behind the one returned. The bytes are valid until the next peek, or while the caller
 * holds the block. STATUS_END past the durable head. */
MUST_CHECK enum status journal_peek(struct journal *j, uint64_t *sequence, struct journal_record *record);

/* Two numbers that the owner keeps with the cursor, written together with the confirmed record:
 * `counted_through` (a sequence number) and `pending` (records up to it that were counted and are not done).
 * A note whose counted_through is not durable yet is written only after the commit; until then the former
 * position and note stay on disk together. See delivery/. */
struct journal_cursor_note {
    uint64_t counted_through;
    uint64_t pending;
};
void journal_cursor_set_note(struct journal_cursor *c, struct journal_cursor_note note);
struct journal_cursor_note journal_cursor_note(const struct journal_cursor *c);

#endif
