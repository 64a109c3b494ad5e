/* SPDX-License-Identifier: Apache-2.0
 *
 * The thread that writes: one job at a time, handed over by the loop, answered through its notifier. A job
 * holds all it needs; the thread touches nothing else of the journal.
 */
#ifndef JOURNAL_JOURNAL_WRITER_H
#define JOURNAL_JOURNAL_WRITER_H

#include "base/bytes.h"
#include "base/error.h"
#include "journal/journal_segment.h"

#include <sys/uio.h>

struct journal_writer;
struct loop;

/* What goes to one segment in a commit: create it if new, write the parts, flush, finish it if full. */
struct journal_run {
    struct journal_segment *segment; /* for the loop's side; the thread uses the copies below */
    char name[JOURNAL_SEGMENT_NAME];
    bool create;
    uint64_t size; /* to preallocate */
    uint8_t header[JOURNAL_SEGMENT_HEADER];
    size_t first_part, part_count; /* in journal_job.parts */
    uint64_t offset;               /* of the first part */
    uint64_t end;                  /* behind the last one */
    uint64_t last;                 /* newest record in it */
    bool seal;
    struct buffer footer; /* goes to `end` */
};

enum journal_job_kind {
    JOURNAL_JOB_COMMIT,
    JOURNAL_JOB_UPKEEP, /* cursors, then removals that depend on them */
};

struct journal_job {
    enum journal_job_kind kind;

    struct journal_run *runs;
    size_t run_count, run_capacity;
    struct iovec *parts;
    size_t part_count, part_capacity;

    int cursor_fd;
    struct buffer cursors; /* a slot */
    uint64_t cursor_offset;
    char (*removals)[JOURNAL_SEGMENT_NAME];
    size_t removal_count, removal_capacity;

    /* Answers. */
    size_t runs_done;        /* durable */
    int failure;             /* errno; of the run `runs_done`, or of the upkeep */
    const char *failed_step; /* words for the log */
    uint64_t sync_failures;
    bool cursors_written;
    size_t removals_done;
};

/* Empty the lists, keep the memory. */
void journal_job_clear(struct journal_job *job, enum journal_job_kind kind);
struct journal_run *journal_job_add_run(struct journal_job *job);
void journal_job_add_part(struct journal_job *job, void *data, size_t len);
void journal_job_add_removal(struct journal_job *job, const char *name);
void journal_job_finish(struct journal_job *job);

/* `on_done` is called on the loop after each job. */
struct journal_writer *journal_writer_create(struct loop *l, int dir_fd, void (*on_done)(void *ctx),
                                             void *ctx, struct error *err);
/* Waits for the job in work. Its on_done is not called any more. */
void journal_writer_destroy(struct journal_writer *w);

/* The job is the writer's until on_done or journal_writer_wait(). */
void journal_writer_submit(struct journal_writer *w, struct journal_job *job);
/* Wait for the job in work, without on_done. */
void journal_writer_wait(struct journal_writer *w);

#endif
