/* SPDX-License-Identifier: Apache-2.0
 *
 * Group commit: one job at a time goes to the writer thread, everything appended until then shares it. After
 * a failed write or flush the segment is left behind where it was last durable, and what is unacknowledged
 * goes to a fresh one; if that fails as well the records are refused, and a timer tries to get out of the
 * state FULL or STORAGE_FAILED by creating a segment.
 */
#include "base/clock.h"
#include "base/log.h"
#include "journal/journal_file.h"
#include "journal/journal_internal.h"
#include "journal/journal_record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRIES = 2 };

static bool is_no_room(int failure)
{
    return failure == ENOSPC || failure == EDQUOT;
}

/* ---- Those who wait ---- */

static void add_waiter(struct journal_waiters *w, struct journal_waiter waiter)
{
    if (w->count == w->capacity) {
        w->capacity = w->capacity ? w->capacity * 2 : 16;
        w->items = xrealloc(w->items, w->capacity * sizeof(*w->items));
    }
    w->items[w->count++] = waiter;
}

static void call_answers(void *ctx)
{
    struct journal *j = ctx;
    struct journal_waiters batch = j->answers;
    j->answers = (struct journal_waiters){0};
    j->answers_deferred = false;
    /* A call may commit again, which is answered in a later batch, or cancel one that is still in this one.
     */
    struct journal_waiters *before = j->calling;
    j->calling = &batch;
    for (size_t i = 0; i < batch.count; i++) {
        struct journal_waiter waiter = batch.items[i];
        if (waiter.done)
            waiter.done(waiter.ctx, waiter.result);
    }
    j->calling = before;
    if (j->answers.items) {
        free(batch.items);
        return;
    }
    batch.count = 0;
    j->answers = batch;
}

static void answer(struct journal *j, struct journal_waiter waiter, enum status result)
{
    waiter.result = result;
    add_waiter(&j->answers, waiter);
}

/* Decide those up to `through`. */
static void answer_waiters(struct journal *j, uint64_t through, enum status result)
{
    size_t decided = 0;
    while (decided < j->waiters.count && j->waiters.items[decided].through <= through)
        answer(j, j->waiters.items[decided++], result);
    if (decided == 0)
        return;
    j->waiters.count -= decided;
    memmove(j->waiters.items, j->waiters.items + decided, j->waiters.count * sizeof(*j->waiters.items));
}

static void cancel_in(struct journal_waiters *w, const void *ctx)
{
    for (size_t i = 0; w && i < w->count; i++) {
        if (w->items[i].ctx == ctx)
            w->items[i].done = NULL;
    }
}

/* ---- States ---- */

static void set_state(struct journal *j, enum journal_state state, const char *text)
{
    bool changed = j->state != state;
    j->state = state;
    snprintf(j->state_text, sizeof(j->state_text), "%s", text);
    if (state == JOURNAL_OK) {
        j->refusal = STATUS_OK;
        loop_timer_stop(j->retry_timer);
        backoff_reset(&j->retry_backoff);
        if (changed)
            log_info("journal", "path=%s takes records again", j->path);
    } else {
        if (changed)
            log_error("journal", "path=%s %s", j->path, text);
        if (!loop_timer_is_running(j->retry_timer))
            loop_timer_start(j->retry_timer, backoff_next_ms(&j->retry_backoff));
    }
    if (changed && j->on_state && !j->closing)
        j->on_state(j->on_state_ctx);
}

static void enter_failure(struct journal *j, int failure)
{
    char text[300];
    if (is_no_room(failure)) {
        snprintf(text, sizeof(text),
                 "full: the file system has no room (%s). Free space on it, or lower journal.max_size.",
                 strerror(failure));
        set_state(j, JOURNAL_FULL, text);
        return;
    }
    if (failure == ENOENT && !journal_file_has_name(j->dir_fd)) {
        set_state(
            j, JOURNAL_STORAGE_FAILED,
            "storage failed: the directory has been removed. Nothing is acknowledged any more; restart the "
            "service, which makes a new one.");
        return;
    }
    snprintf(text, sizeof(text),
             "storage failed: %s: %s. Nothing is acknowledged until it works again; check the disk and the "
             "kernel log.",
             j->job.failed_step, strerror(failure));
    set_state(j, JOURNAL_STORAGE_FAILED, text);
}

/* ---- Building a job ---- */

static void start_job(struct journal *j)
{
    j->writer_busy = true;
    j->submitted_us = clock_monotonic_us();
    journal_writer_submit(j->writer, &j->job);
}

static struct journal_run *add_run(struct journal *j, struct journal_segment *s)
{
    struct journal_run *run = journal_job_add_run(&j->job);
    run->segment = s;
    memcpy(run->name, s->name, sizeof(run->name));
    run->create = !s->created;
    run->size = s->size;
    run->offset = run->end = s->end;
    run->last = s->last;
    if (run->create)
        journal_segment_encode_header(s, run->header);
    return run;
}

/* The bytes of `s` that are not durable, from `b` on; returns the first block of a later segment. */
static struct list *add_segment_parts(struct journal *j, struct journal_run *run, struct journal_segment *s,
                                      struct list *at)
{
    for (; at != &j->blocks; at = at->next) {
        struct journal_block *b = list_entry(at, struct journal_block, link);
        if (b->written == b->used)
            continue;
        if (b->segment != s)
            break;
        journal_job_add_part(&j->job, b->data + b->written, b->used - b->written);
        b->submitted = b->used;
        run->end += b->used - b->written;
        run->last = b->last;
        run->part_count++;
    }
    return at;
}

static void build_commit(struct journal *j)
{
    journal_append_finish_record(j);
    journal_cursor_state_submit(&j->cursor_state);
    journal_job_clear(&j->job, JOURNAL_JOB_COMMIT);
    struct list *at = j->blocks.next, *from = &j->segments;
    while (from->prev != &j->segments && !list_entry(from->prev, struct journal_segment, link)->sealed)
        from = from->prev;
    for (; from != &j->segments; from = from->next) {
        struct journal_segment *s = list_entry(from, struct journal_segment, link);
        if (!s->closed && s->append_end == s->end)
            continue;
        struct journal_run *run = add_run(j, s);
        at = add_segment_parts(j, run, s, at);
        run->seal = s->closed;
        if (run->seal)
            journal_segment_encode_footer(s, &run->footer);
    }
}

static void start_probe(struct journal *j)
{
    journal_job_clear(&j->job, JOURNAL_JOB_COMMIT);
    journal_append_close_segment(j);
    struct journal_segment *s =
        journal_append_add_segment(j, j->next_sequence, journal_append_segment_size(j, 0));
    s->follows = journal_recovery_find_newest(j, j->durable_head);
    add_run(j, s);
    j->active = s;
    j->probing = true;
    start_job(j);
}

/* ---- After a job ---- */

static void mark_written(struct journal *j, const struct journal_run *run)
{
    struct journal_segment *s = run->segment;
    s->created = true;
    s->end = run->end;
    s->last = run->last;
    if (run->seal) {
        s->sealed = true;
        j->size_bytes = j->size_bytes - s->size + run->size;
        if (s->size != run->size) /* with a footer, which has the places */
            journal_segment_forget_places(s);
        s->size = run->size;
    }
    if (s->last >= s->base && s->last > j->durable_head)
        j->durable_head = s->last;
    list_for_each(b, &j->blocks, struct journal_block, link)
    {
        if (b->segment != s || b->submitted == b->written)
            continue;
        b->written = b->submitted;
    }
}

/* Leave a segment at its last durable record. */
static void abandon_segment(struct journal *j, struct journal_segment *s, bool created)
{
    s->created = s->created || created;
    s->closed = s->sealed = true;
    s->append_end = s->end;
    s->append_last = s->last;
    if (j->active == s)
        journal_append_close_segment(j);
    if (s->last < s->base)
        journal_retention_drop_segment(j, s);
}

/* Give the pending records of `from` to `to`. */
static void move_records(struct journal *j, struct journal_segment *from, struct journal_segment *to)
{
    list_for_each(b, &j->blocks, struct journal_block, link)
    {
        b->submitted = b->written;
        if (b->segment != from || b->written == b->used)
            continue;
        b->segment = to;
        for (size_t at = b->written; at < b->used;) {
            struct journal_record_header h;
            journal_record_read(b->data + at, &h);
            journal_record_set_mark(b->data + at, journal_segment_mark(to, to->append_end));
            size_t span = journal_record_span(h.length);
            journal_segment_add_record(to, h.sequence, span, h.appended_us);
            at += span;
        }
    }
}

/* Replace a segment by a fresh one with its pending records. */
static void replace_segment(struct journal *j, struct journal_segment *s, bool created)
{
    bool was_active = j->active == s;
    struct journal_block *fill = j->fill;
    size_t pending = (size_t)(s->append_end - s->end);
    struct journal_segment *fresh = NULL;
    if (pending > 0) {
        fresh = journal_append_add_segment(j, s->last + 1, journal_append_segment_size(j, pending));
        list_remove(&fresh->link);
        list_add_first(&s->link, &fresh->link); /* right behind it */
        move_records(j, s, fresh);
        fresh->closed = !was_active;
    }
    abandon_segment(j, s, created);
    if (fresh && was_active) {
        j->active = fresh;
        j->fill = fill;
    }
}

/* Leave the segment that failed. Those behind it, of which none holds a durable record, are replaced as well,
 * because serials must ascend with the numbers. */
static void replant(struct journal *j, struct journal_segment *failed)
{
    journal_append_finish_record(j);
    for (struct list *at = &failed->link, *next; at != &j->segments; at = next) {
        struct journal_segment *s = list_entry(at, struct journal_segment, link);
        next = at->next;
        replace_segment(j, s, s == failed);
    }
}

/* Refuse everything that is not durable. */
static void give_up(struct journal *j, int failure)
{
    journal_append_drop_pending(j);
    j->active = NULL;
    list_for_each_safe(s, &j->segments, struct journal_segment, link)
    {
        if (!s->sealed)
            abandon_segment(j, s, s->created);
    }
    j->failed_tries = 0;
    j->refusal = is_no_room(failure) ? STATUS_FULL : STATUS_IO;
    answer_waiters(j, j->durable_head,
                   STATUS_OK); /* all of theirs went into a segment before the failed one */
    answer_waiters(j, UINT64_MAX, j->refusal);
    enter_failure(j, failure);
}

static void handle_failed_run(struct journal *j)
{
    int failure = j->job.failure;
    struct journal_segment *s = j->job.runs[j->job.runs_done].segment;
    j->stats.commit_failures++;
    log_limited(1000, LOG_LEVEL_ERROR, "journal", "path=%s segment=%s %s failed: %s", j->path, s->name,
                j->job.failed_step, strerror(failure));
    if (j->probing) {
        abandon_segment(j, s, true);
        enter_failure(j, failure);
        return;
    }
    if (++j->failed_tries >= TRIES) {
        s->created = true;
        give_up(j, failure);
        return;
    }
    replant(j, s);
    if (is_no_room(failure) && j->settings.when_full == JOURNAL_DROP_OLDEST)
        journal_retention_evict_oldest(j, "journal_full"); /* removed before the next try; may be `s` */
    j->commit_wanted = true;
}

static void handle_success(struct journal *j)
{
    j->failed_tries = 0;
    if (j->probing) {
        j->probing = false;
        set_state(j, JOURNAL_OK, "");
        return;
    }
    journal_cursor_state_settle(&j->cursor_state);
    j->stats.commits++;
    histogram_add_us(&j->stats.commit_us, clock_monotonic_us() - j->submitted_us);
}

static void handle_commit(struct journal *j)
{
    uint64_t before = j->durable_head;
    j->stats.sync_failures += j->job.sync_failures;
    for (size_t i = 0; i < j->job.runs_done; i++)
        mark_written(j, &j->job.runs[i]);
    if (j->job.failure) {
        handle_failed_run(j);
    } else {
        handle_success(j);
    }
    j->probing = false;
    answer_waiters(j, j->durable_head, STATUS_OK);
    journal_append_trim(j);
    if (j->durable_head > j->cursor_state.highest)
        j->cursor_state.highest = j->durable_head;
    if (j->durable_head > before)
        j->cursor_state.newest = j->durable_head;
    if (j->waiters.count > 0)
        j->commit_wanted = true;
    call_answers(j);
    if (j->durable_head > before)
        journal_cursor_wake(j);
}

static void run_deferred_pump(void *ctx)
{
    struct journal *j = ctx;
    j->pump_deferred = false;
    journal_commit_pump(j);
}

static void run_deferred_answers(void *ctx)
{
    call_answers(ctx);
}

/* Wait for the job in work and take its answer, without the loop. */
static void finish_job(struct journal *j)
{
    if (!j->writer_busy)
        return;
    journal_writer_wait(j->writer);
    journal_commit_handle_done(j);
}

static void handle_retry(void *ctx)
{
    struct journal *j = ctx;
    char why[300];
    if (j->state == JOURNAL_OK)
        return;
    if (journal_append_is_pending(j)) {
        /* Appended before it became full, and nobody has asked to commit since: a source that was refused in
         * the middle of a burst drops its connection. They must not stand in the way of the probe. */
        j->commit_wanted = true;
        journal_commit_pump(j);
    }
    if (j->names_pending) {
        j->upkeep_wanted = true;
        journal_commit_pump(j);
    }
    if (!j->writer_busy && /* so nothing is pending, and no name waits */
        (j->state == JOURNAL_STORAGE_FAILED ||
         journal_retention_make_room(j, journal_append_segment_size(j, 0), why, sizeof(why)))) {
        start_probe(j);
        return;
    }
    loop_timer_start(j->retry_timer, backoff_next_ms(&j->retry_backoff));
}

void journal_commit_pump(struct journal *j)
{
    if (j->writer_busy)
        return;
    if (j->upkeep_wanted && (!j->closing || !j->commit_wanted)) {
        journal_retention_encode_upkeep(j);
        start_job(j);
        return;
    }
    if (!j->commit_wanted || (j->names_pending && !j->closing))
        return;
    j->commit_wanted = false;
    if (!journal_append_is_pending(j))
        return;
    build_commit(j);
    start_job(j);
}

void journal_commit_pump_soon(struct journal *j)
{
    if (!j->pump_deferred)
        loop_defer(j->loop, run_deferred_pump, j);
    j->pump_deferred = true;
}

void journal_commit_handle_done(void *ctx)
{
    struct journal *j = ctx;
    j->writer_busy = false;
    if (j->job.kind == JOURNAL_JOB_COMMIT)
        handle_commit(j);
    else
        journal_retention_handle_upkeep(j);
    journal_commit_pump(j);
}

void journal_commit_fail(struct journal *j, int failure)
{
    if (j->closing || !journal_append_is_pending(j))
        return;
    give_up(j, failure);
    call_answers(j);
}

void journal_commit_enter_full(struct journal *j, const char *why)
{
    set_state(j, JOURNAL_FULL, why);
    j->stats.refused_full++;
}

void journal_commit_drain(struct journal *j)
{
    j->closing = true;
    j->waiters.count = j->answers.count = 0;
    j->commit_wanted = true;
    j->upkeep_wanted = false;
    while (j->writer_busy || journal_append_is_pending(j)) {
        finish_job(j);
        j->commit_wanted = true;
        journal_commit_pump(j);
    }
    journal_append_close_segment(j);
    list_for_each_safe(s, &j->segments, struct journal_segment, link)
    {
        if (!s->sealed && !s->created)
            abandon_segment(j, s, false);
    }
    build_commit(j); /* seals */
    if (j->job.run_count > 0) {
        start_job(j);
        journal_writer_wait(j->writer);
        j->writer_busy = false;
    }
    journal_retention_encode_upkeep(j);
    start_job(j);
    journal_writer_wait(j->writer);
    j->writer_busy = false;
}

void journal_commit_start(struct journal *j)
{
    j->retry_timer = loop_timer_create(j->loop, handle_retry, j);
}

void journal_commit_finish(struct journal *j)
{
    loop_timer_destroy(j->retry_timer);
    loop_defer_cancel(j->loop, run_deferred_pump, j);
    loop_defer_cancel(j->loop, run_deferred_answers, j);
    free(j->waiters.items);
    free(j->answers.items);
    journal_job_finish(&j->job);
}

void journal_commit(struct journal *j, journal_done_fn done, void *ctx)
{
    struct journal_waiter waiter = {.done = done, .ctx = ctx, .through = j->next_sequence - 1};
    if (!journal_append_is_pending(j)) {
        answer(j, waiter, j->refusal);
        if (!j->answers_deferred)
            loop_defer(j->loop, run_deferred_answers, j);
        j->answers_deferred = true;
        return;
    }
    add_waiter(&j->waiters, waiter);
    j->commit_wanted = true;
    journal_commit_pump_soon(j);
}

void journal_commit_cancel(struct journal *j, void *ctx)
{
    cancel_in(&j->waiters, ctx);
    cancel_in(&j->answers, ctx);
    cancel_in(j->calling, ctx);
}
