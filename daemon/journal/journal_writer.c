/* SPDX-License-Identifier: Apache-2.0
 *
 * The writer thread: waits for a job, does its system calls, says that it is done.
 */
#include "journal/journal_writer.h"

#include "base/memory.h"
#include "base/mutant.h"
#include "journal/journal_file.h"
#include "loop/loop.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct journal_writer {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct journal_job *job; /* in work, or waiting for the thread */
    bool done;               /* with `job`; the loop has not taken it back */
    bool stopping;

    struct loop_notifier *notifier;
    void (*on_done)(void *ctx);
    void *ctx;

    /* The thread's own. */
    int dir_fd;                      /* borrowed */
    int fd;                          /* of the segment that is being filled; -1: none */
    bool had_name;                   /* its file had one when it was opened, as most file systems say */
    char name[JOURNAL_SEGMENT_NAME]; /* of `fd` */
};

static void close_segment(struct journal_writer *w)
{
    if (w->fd >= 0)
        close(w->fd);
    w->fd = -1;
}

static int open_segment(struct journal_writer *w, const struct journal_run *run)
{
    if (w->fd >= 0 && !run->create && strcmp(w->name, run->name) == 0)
        return 0;
    close_segment(w);
    memcpy(w->name, run->name, sizeof(w->name));
    int failure = 0;
    if (run->create)
        failure = journal_segment_create_file(w->dir_fd, run->name, run->size, run->header, &w->fd);
    else if ((w->fd = openat(w->dir_fd, run->name, O_RDWR | O_CLOEXEC)) < 0)
        failure = errno;
    w->had_name = failure == 0 && journal_file_has_name(w->fd);
    return failure;
}

/* The records are durable already, or will be with the same flush; a footer that fails only makes the next
 * start read the file. */
static void seal_segment(struct journal_writer *w, struct journal_run *run)
{
    if (ftruncate(w->fd, (off_t)(run->end + run->footer.len)) == 0)
        run->size = run->end + run->footer.len;
    close_segment(w);
}

static int do_run(struct journal_writer *w, struct journal_job *job, struct journal_run *run)
{
    job->failed_step = run->create ? "create" : "open";
    int failure = open_segment(w, run);
    if (failure)
        return failure;
    job->failed_step = "write";
    if (run->part_count > 0)
        failure = journal_file_write_parts(w->fd, job->parts + run->first_part, run->part_count, run->offset);
    if (failure)
        return failure;
    bool footer = run->seal && !run->footer.failed &&
                  journal_file_write(w->fd, run->footer.data, run->footer.len, run->end) == 0;
    if (run->part_count > 0 || footer) {
        job->failed_step = "fdatasync";
        failure = MUTANT(ack_before_sync) ? 0 : journal_file_sync(w->fd);
        if (failure) {
            job->sync_failures++;
            return failure;
        }
    }
    job->failed_step = "looking for its file";
    if (w->had_name && !journal_file_has_name(w->fd))
        return ENOENT; /* somebody took it away: what was written goes with it when it is closed */
    if (footer)
        seal_segment(w, run);
    else if (run->seal)
        close_segment(w);
    return 0;
}

static void do_commit(struct journal_writer *w, struct journal_job *job)
{
    for (; job->runs_done < job->run_count; job->runs_done++) {
        job->failure = do_run(w, job, &job->runs[job->runs_done]);
        if (job->failure) {
            close_segment(w);
            return;
        }
    }
}

static void write_cursors(struct journal_job *job)
{
    job->failed_step = "write of the cursors";
    job->failure = job->cursors.failed ? ENOMEM
                                       : journal_file_write(job->cursor_fd, job->cursors.data,
                                                            job->cursors.len, job->cursor_offset);
    if (job->failure == 0)
        job->failure = journal_file_sync(job->cursor_fd);
    job->cursors_written = job->failure == 0;
}

static void remove_segments(struct journal_writer *w, struct journal_job *job)
{
    size_t before = job->removals_done;
    job->failed_step = "removal of a segment";
    for (; job->removals_done < job->removal_count; job->removals_done++) {
        if (unlinkat(w->dir_fd, job->removals[job->removals_done], 0) != 0 && errno != ENOENT) {
            job->failure = errno;
            break;
        }
    }
    if (job->removals_done > before) {
        int failure = journal_file_sync_directory(w->dir_fd);
        if (!job->failure)
            job->failure = failure;
    }
}

static void do_upkeep(struct journal_writer *w, struct journal_job *job)
{
    if (MUTANT(unlink_before_cursors))
        remove_segments(w, job);
    write_cursors(job);
    if (job->cursors_written)
        remove_segments(w, job);
}

static void *run_thread(void *ctx)
{
    struct journal_writer *w = ctx;
    pthread_mutex_lock(&w->mutex);
    for (;;) {
        while (!w->stopping && (!w->job || w->done))
            pthread_cond_wait(&w->changed, &w->mutex);
        if (!w->job || w->done)
            break;
        struct journal_job *job = w->job;
        pthread_mutex_unlock(&w->mutex);
        if (job->kind == JOURNAL_JOB_COMMIT)
            do_commit(w, job);
        else
            do_upkeep(w, job);
        pthread_mutex_lock(&w->mutex);
        w->done = true;
        pthread_cond_broadcast(&w->changed);
        loop_notifier_signal(w->notifier);
    }
    pthread_mutex_unlock(&w->mutex);
    close_segment(w);
    return NULL;
}

static void handle_notify(void *ctx)
{
    struct journal_writer *w = ctx;
    pthread_mutex_lock(&w->mutex);
    bool done = w->done;
    if (done) {
        w->job = NULL;
        w->done = false;
    }
    pthread_mutex_unlock(&w->mutex);
    if (done)
        w->on_done(w->ctx);
}

/* Signals are the loop's. */
static int start_thread(struct journal_writer *w)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 256 * 1024);
    int failure = pthread_create(&w->thread, &attributes, run_thread, w);
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failure;
}

void journal_job_clear(struct journal_job *job, enum journal_job_kind kind)
{
    for (size_t i = 0; i < job->run_count; i++)
        buffer_finish(&job->runs[i].footer);
    buffer_clear(&job->cursors);
    job->kind = kind;
    job->run_count = job->part_count = job->removal_count = 0;
    job->runs_done = job->removals_done = 0;
    job->failure = 0;
    job->failed_step = "";
    job->sync_failures = 0;
    job->cursors_written = false;
}

struct journal_run *journal_job_add_run(struct journal_job *job)
{
    if (job->run_count == job->run_capacity) {
        job->run_capacity = job->run_capacity ? job->run_capacity * 2 : 4;
        job->runs = xrealloc(job->runs, job->run_capacity * sizeof(*job->runs));
    }
    struct journal_run *run = &job->runs[job->run_count++];
    *run = (struct journal_run){.first_part = job->part_count};
    return run;
}

void journal_job_add_part(struct journal_job *job, void *data, size_t len)
{
    if (job->part_count == job->part_capacity) {
        job->part_capacity = job->part_capacity ? job->part_capacity * 2 : 16;
        job->parts = xrealloc(job->parts, job->part_capacity * sizeof(*job->parts));
    }
    job->parts[job->part_count++] = (struct iovec){data, len};
}

void journal_job_add_removal(struct journal_job *job, const char *name)
{
    if (job->removal_count == job->removal_capacity) {
        job->removal_capacity = job->removal_capacity ? job->removal_capacity * 2 : 16;
        job->removals = xrealloc(job->removals, job->removal_capacity * sizeof(*job->removals));
    }
    memcpy(job->removals[job->removal_count++], name, sizeof(*job->removals));
}

void journal_job_finish(struct journal_job *job)
{
    journal_job_clear(job, JOURNAL_JOB_COMMIT);
    buffer_finish(&job->cursors);
    free(job->runs);
    free(job->parts);
    free(job->removals);
}

struct journal_writer *journal_writer_create(struct loop *l, int dir_fd, void (*on_done)(void *ctx),
                                             void *ctx, struct error *err)
{
    struct journal_writer *w = xcalloc(1, sizeof(*w));
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->changed, NULL);
    w->dir_fd = dir_fd;
    w->fd = -1;
    w->on_done = on_done;
    w->ctx = ctx;
    w->notifier = loop_notifier_create(l, handle_notify, w);
    int failure = w->notifier ? start_thread(w) : ENOMEM;
    if (failure == 0)
        return w;
    error_set_errno(err, STATUS_IO, failure, "cannot start the writer thread");
    loop_notifier_destroy(w->notifier);
    free(w);
    return NULL;
}

void journal_writer_destroy(struct journal_writer *w)
{
    if (!w)
        return;
    journal_writer_wait(w);
    pthread_mutex_lock(&w->mutex);
    w->stopping = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->mutex);
    pthread_join(w->thread, NULL);
    loop_notifier_destroy(w->notifier);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->mutex);
    free(w);
}

void journal_writer_submit(struct journal_writer *w, struct journal_job *job)
{
    pthread_mutex_lock(&w->mutex);
    assert(!w->job);
    w->job = job;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->mutex);
}

void journal_writer_wait(struct journal_writer *w)
{
    pthread_mutex_lock(&w->mutex);
    while (w->job && !w->done)
        pthread_cond_wait(&w->changed, &w->mutex);
    w->job = NULL;
    w->done = false;
    pthread_mutex_unlock(&w->mutex);
}
