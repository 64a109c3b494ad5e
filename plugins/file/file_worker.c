/* SPDX-License-Identifier: Apache-2.0
 *
 * See file_worker.h. When a write fails, everything behind it is given back as well and nothing is taken
 * until the loop has passed that on: otherwise a later line could be stored before an earlier one.
 */
#include "file_worker.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BYTES_MAX = 4 << 20, STACK_BYTES = 256 << 10 };

/* Lines in the order they came; `bytes` holds them one behind the other. */
struct queue {
    struct file_line *items;
    size_t count, capacity;
    char *bytes;
    size_t len, size;
};

struct file_worker {
    pthread_mutex_t lock;
    pthread_cond_t wanted;
    unsigned refs; /* the loop's and the thread's */
    bool stop;
    struct queue waiting; /* under lock */
    struct queue writing; /* the thread's own */
    uint64_t generation;  /* counts cancels */
    size_t unreported;    /* lines added and not yet in a report that was taken */
    bool failing;         /* take nothing until file_worker_resume() */
    bool has_opened;
    struct file_worker_report report; /* being filled; under lock */
    void (*wake)(void *ctx);
    void *ctx;
    struct file_log *log; /* the thread's own */
};

/* ---- The queue ---- */

static size_t larger(size_t capacity, size_t needed)
{
    size_t next = capacity ? capacity * 2 : 64;
    while (next < needed)
        next *= 2;
    return next;
}

static bool queue_reserve(struct queue *q, size_t len)
{
    if (q->count == q->capacity) {
        size_t capacity = larger(q->capacity, q->count + 1);
        struct file_line *items = realloc(q->items, capacity * sizeof *items);
        if (!items)
            return false;
        q->items = items;
        q->capacity = capacity;
    }
    if (q->size - q->len < len) {
        size_t size = larger(q->size, q->len + len);
        char *bytes = realloc(q->bytes, size);
        if (!bytes)
            return false;
        q->bytes = bytes;
        q->size = size;
    }
    return true;
}

static bool queue_add(struct queue *q, uint64_t token, const char *data, size_t len)
{
    if (!queue_reserve(q, len + 1))
        return false;
    if (len)
        memcpy(q->bytes + q->len, data, len);
    q->bytes[q->len + len] = '\n';
    q->len += len + 1;
    q->items[q->count++] = (struct file_line){.end = q->len, .token = token};
    return true;
}

static void queue_finish(struct queue *q)
{
    free(q->items);
    free(q->bytes);
    *q = (struct queue){0};
}

static void queue_clear(struct queue *q)
{
    q->count = q->len = 0;
    if (q->size > BYTES_MAX) /* one very long line should not be paid for for ever */
        queue_finish(q);
}

/* ---- The thread ---- */

/* Under lock. There is room: a report never holds more than FILE_WORKER_LINES_MAX lines. */
static void report_lines(struct file_worker *w, const struct queue *q, size_t stored)
{
    for (size_t i = 0; i < q->count; i++)
        w->report.results[w->report.count++] = (struct file_worker_result){
            .token = q->items[i].token, .outcome = i < stored ? FBY_DELIVERED : FBY_RETRY};
}

/* Under lock. */
static void report_round(struct file_worker *w, size_t stored, uint64_t generation,
                         const struct fby_error *err)
{
    const char *note = file_log_take_note(w->log);
    if (note)
        snprintf(w->report.note, sizeof w->report.note, "%s", note);
    w->report.is_open = !err->text[0];
    snprintf(w->report.reason, sizeof w->report.reason, "%s", err->text);
    if (generation == w->generation) {
        report_lines(w, &w->writing, stored);
        if (stored < w->writing.count) {
            report_lines(w, &w->waiting, 0);
            queue_clear(&w->waiting);
            w->failing = true;
        }
    }
    if (w->wake)
        w->wake(w->ctx);
}

static void unref(struct file_worker *w)
{
    pthread_mutex_lock(&w->lock);
    unsigned left = --w->refs;
    pthread_mutex_unlock(&w->lock);
    if (left)
        return;
    file_log_destroy(w->log);
    queue_finish(&w->waiting);
    queue_finish(&w->writing);
    pthread_cond_destroy(&w->wanted);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

static void write_round(struct file_worker *w)
{
    struct queue swap = w->waiting;
    w->waiting = w->writing;
    w->writing = swap;
    uint64_t generation = w->generation;
    pthread_mutex_unlock(&w->lock);
    struct fby_error err = {{0}};
    size_t stored = 0;
    if (w->writing.count) {
        struct file_lines lines = {w->writing.bytes, w->writing.items, w->writing.count};
        stored = file_log_write(w->log, &lines, &err);
    } else {
        file_log_open(w->log, &err); /* at start, so that a wrong path shows before the first message */
    }
    pthread_mutex_lock(&w->lock);
    report_round(w, stored, generation, &err);
    queue_clear(&w->writing);
    w->has_opened = true;
}

static void *run(void *ctx)
{
    struct file_worker *w = ctx;
    pthread_mutex_lock(&w->lock);
    while (!w->stop) {
        if (w->waiting.count || !w->has_opened)
            write_round(w);
        else
            pthread_cond_wait(&w->wanted, &w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    unref(w);
    return NULL;
}

/* ---- The loop's side ---- */

static bool start_thread(struct file_worker *w)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the daemon's business */
    pthread_t thread;
    w->refs++;
    bool started = pthread_create(&thread, &attributes, run, w) == 0;
    if (!started)
        w->refs--;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return started;
}

struct file_worker *file_worker_create(const struct file_log_settings *settings, void (*wake)(void *ctx),
                                       void *ctx, struct fby_error *err)
{
    struct file_worker *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->wanted, NULL);
    w->refs = 1;
    w->wake = wake;
    w->ctx = ctx;
    w->log = file_log_create(settings);
    if (w->log && start_thread(w))
        return w;
    snprintf(err->text, sizeof err->text, "There is no memory or no thread left for the file's writer.");
    unref(w);
    return NULL;
}

void file_worker_destroy(struct file_worker *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    w->wake = NULL;
    pthread_cond_signal(&w->wanted);
    pthread_mutex_unlock(&w->lock);
    unref(w);
}

/* Under lock. */
static void report_one(struct file_worker *w, uint64_t token, enum fby_outcome outcome)
{
    w->unreported++;
    w->report.results[w->report.count++] = (struct file_worker_result){.token = token, .outcome = outcome};
    w->wake(w->ctx);
}

bool file_worker_add(struct file_worker *w, uint64_t token, const char *data, size_t len)
{
    pthread_mutex_lock(&w->lock);
    bool full =
        w->unreported >= FILE_WORKER_LINES_MAX || (w->waiting.count && w->waiting.len + len > BYTES_MAX);
    bool taken = !full && !w->failing;
    if (taken && queue_add(&w->waiting, token, data, len)) {
        w->unreported++;
        if (w->waiting.count == 1)
            pthread_cond_signal(&w->wanted);
    } else if (taken) {
        w->failing = true;
        snprintf(w->report.reason, sizeof w->report.reason, "there is no memory for a line of %zu bytes",
                 len);
        report_one(w, token, FBY_RETRY);
    }
    pthread_mutex_unlock(&w->lock);
    return taken;
}

bool file_worker_refuse(struct file_worker *w, uint64_t token)
{
    pthread_mutex_lock(&w->lock);
    bool taken = w->unreported < FILE_WORKER_LINES_MAX && !w->failing;
    if (taken)
        report_one(w, token, FBY_REJECTED);
    pthread_mutex_unlock(&w->lock);
    return taken;
}

void file_worker_take_report(struct file_worker *w, struct file_worker_report *report)
{
    pthread_mutex_lock(&w->lock);
    memcpy(report->results, w->report.results, w->report.count * sizeof *report->results);
    report->count = w->report.count;
    report->is_open = w->report.is_open;
    memcpy(report->reason, w->report.reason, sizeof report->reason);
    memcpy(report->note, w->report.note, sizeof report->note);
    w->unreported -= w->report.count;
    w->report.count = 0;
    w->report.note[0] = 0;
    pthread_mutex_unlock(&w->lock);
}

void file_worker_resume(struct file_worker *w)
{
    pthread_mutex_lock(&w->lock);
    w->failing = false;
    pthread_mutex_unlock(&w->lock);
}

void file_worker_cancel(struct file_worker *w)
{
    pthread_mutex_lock(&w->lock);
    w->generation++;
    queue_clear(&w->waiting);
    w->report.count = 0;
    w->unreported = 0;
    w->failing = false;
    pthread_mutex_unlock(&w->lock);
}
