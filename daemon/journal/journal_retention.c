/* SPDX-License-Identifier: Apache-2.0
 *
 * What is kept and for how long: segments that every open cursor has confirmed go; beyond the limits the
 * policy decides. A segment leaves the list at once; its file is unlinked by the writer thread after the
 * cursors have been written, so that no position on disk points into a hole.
 */
#include "base/clock.h"
#include "base/log.h"
#include "journal/journal_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/statvfs.h>

enum {
    UPKEEP_MS = 500,        /* cursors are written at most so often */
    UPKEEP_RETRY_MS = 5000, /* after a failure */
    SWEEP_MIN_MS = 1000,
    SWEEP_MAX_MS = 60000,
    EVICT_STEP = 1000, /* records: readers look at each of them */
};

static void want_upkeep(struct journal *j)
{
    j->upkeep_wanted = true;
    loop_timer_stop(j->upkeep_timer);
    if (!j->closing)
        loop_timer_start(j->sweep_timer, 0);
}

/* All its records are durable, it takes no more, and the writer is not at it. */
static bool is_complete(const struct journal *j, const struct journal_segment *s)
{
    return s->sealed || (s->closed && s->end == s->append_end && !j->writer_busy);
}

static int64_t sweep_interval_ms(const struct journal *j)
{
    int64_t ms = j->settings.max_age_ms > 0 ? j->settings.max_age_ms / 8 : SWEEP_MAX_MS;
    if (ms < SWEEP_MIN_MS)
        return SWEEP_MIN_MS;
    return ms < SWEEP_MAX_MS ? ms : SWEEP_MAX_MS;
}

static void remove_confirmed(struct journal *j)
{
    uint64_t lowest = 0;
    if (!journal_cursor_find_lowest(j, &lowest))
        return;
    for (;;) {
        struct journal_segment *s = list_first(&j->segments, struct journal_segment, link);
        if (!s || !is_complete(j, s) || s->last > lowest)
            return;
        journal_retention_drop_segment(j, s);
    }
}

/* The oldest segment is the one that is filled, and is to go: it takes no more. */
static void close_oldest(struct journal *j)
{
    const struct journal_segment *s = list_first(&j->segments, struct journal_segment, link);
    if (s && s == j->active && s->end == s->append_end && !j->writer_busy)
        journal_append_close_segment(j);
}

static bool is_expired(const struct journal *j, const struct journal_segment *s, int64_t now_us)
{
    return !s->untimed && s->newest_us > 0 && s->last >= s->base &&
           now_us - s->newest_us > j->settings.max_age_ms * 1000;
}

/* The oldest segment takes no more records and all of them are too old. */
static bool is_oldest_expired(struct journal *j)
{
    int64_t now_us = clock_realtime_us();
    struct journal_segment *s = list_first(&j->segments, struct journal_segment, link);
    if (j->settings.max_age_ms <= 0 || !clock_is_plausible(now_us) || !s || s->end != s->append_end ||
        !is_expired(j, s, now_us))
        return false;
    close_oldest(j);
    return is_complete(j, s);
}

/* Put everybody who still reads the oldest segment, which is complete, some records further; at its end it
 * goes. True when nobody had to be told, so that the next step may follow at once. */
static bool evict_step(struct journal *j, const char *reason)
{
    uint64_t lowest = 0;
    const struct journal_segment *s = list_first(&j->segments, struct journal_segment, link);
    if (!journal_cursor_find_lowest(j, &lowest) || lowest >= s->last) {
        journal_retention_evict_oldest(j, reason);
        return true;
    }
    uint64_t through = (lowest < s->base ? s->base - 1 : lowest) + EVICT_STEP;
    if (through < s->last)
        journal_cursor_evict(j, s, through, reason);
    else
        journal_retention_evict_oldest(j, reason);
    return false;
}

static void remove_expired(struct journal *j)
{
    while (is_oldest_expired(j)) {
        if (evict_step(j, "expired"))
            continue;
        loop_timer_start(j->evict_timer, 0);
        return;
    }
}

static bool has_free_space(const struct journal *j, uint64_t size)
{
    struct statvfs v;
    if (fstatvfs(j->dir_fd, &v) != 0)
        return true; /* the write will tell */
    return (uint64_t)v.f_bavail * v.f_frsize >= size + (uint64_t)j->settings.free_reserve;
}

/* Files that could not be removed yet count once they are more than two. */
static uint64_t counted_size(const struct journal *j)
{
    uint64_t allowed = 2 * (uint64_t)j->settings.segment_size;
    return j->size_bytes + (j->removing_bytes > allowed ? j->removing_bytes - allowed : 0);
}

static bool exceeds_limit(const struct journal *j, uint64_t size)
{
    return counted_size(j) + size > (uint64_t)j->settings.max_size;
}

/* The same for what removing records can change: files that are to be removed already are left out. */
static bool has_excess(const struct journal *j, uint64_t size)
{
    return j->size_bytes + size > (uint64_t)j->settings.max_size;
}

/* A reload has made the limit smaller, and the steps that bring the journal below it are under way: until
 * then records are taken, since the space has been in use all the time. */
static bool is_shrinking(const struct journal *j)
{
    const struct journal_segment *s = list_first(&j->segments, struct journal_segment, link);
    return j->settings.when_full == JOURNAL_DROP_OLDEST && has_excess(j, 0) && s && is_complete(j, s);
}

static void explain(const struct journal *j, uint64_t size, bool limit, char *why, size_t why_size)
{
    if (limit && !has_excess(j, size))
        snprintf(why, why_size,
                 "full: %" PRIu64 " bytes are in files that are not needed any more and could not be removed "
                 "yet. If this lasts, check the directory's permissions and the kernel log.",
                 j->removing_bytes);
    else if (limit)
        snprintf(why, why_size,
                 "full: %" PRIu64 " of %" PRId64 " bytes are used by records that are not delivered yet. New "
                 "messages wait at the broker; raise journal.max_size or set journal.when_full: drop_oldest.",
                 j->size_bytes, j->settings.max_size);
    else
        snprintf(why, why_size,
                 "full: less than journal.free_reserve (%" PRId64
                 " bytes) would stay free on the file system. "
                 "Free space on it, or lower journal.max_size.",
                 j->settings.free_reserve);
}

static void sweep(struct journal *j)
{
    remove_confirmed(j);
    remove_expired(j);
    if (is_shrinking(j) && !loop_timer_is_running(j->evict_timer))
        loop_timer_start(j->evict_timer, 0);
    journal_commit_pump(j);
    if (!loop_timer_is_running(j->sweep_timer))
        loop_timer_start(j->sweep_timer, sweep_interval_ms(j));
}

static void handle_sweep(void *ctx)
{
    sweep(ctx);
}

static void handle_upkeep_timer(void *ctx)
{
    struct journal *j = ctx;
    j->upkeep_wanted = true;
    journal_commit_pump(j);
}

/* The next step of what is under way, or of what has become due meanwhile. */
static void handle_evict(void *ctx)
{
    struct journal *j = ctx;
    uint64_t lowest = 0;
    const struct journal_segment *s = list_first(&j->segments, struct journal_segment, link);
    if (is_oldest_expired(j)) {
        remove_expired(j);
        return;
    }
    if (!s || !is_complete(j, s) || j->settings.when_full != JOURNAL_DROP_OLDEST ||
        !has_excess(j, (uint64_t)j->settings.segment_size))
        return;
    if (!is_shrinking(j) && (!journal_cursor_find_lowest(j, &lowest) || lowest >= s->last))
        return; /* nobody has to be told */
    evict_step(j, "journal_full");
    loop_timer_start(j->evict_timer, 0);
}

/* A segment was made. When there will be no room for the next one, the oldest starts to go now, in steps: all
 * of it at once would hold up the loop. */
static void prepare_room(struct journal *j, uint64_t size)
{
    const struct journal_segment *s = list_first(&j->segments, struct journal_segment, link);
    if (s && s->last > s->base + EVICT_STEP && has_excess(j, size + (uint64_t)j->settings.segment_size))
        loop_timer_start(j->evict_timer, 0);
}

bool journal_retention_make_room(struct journal *j, uint64_t size, char *why, size_t why_size)
{
    bool drop = j->settings.when_full == JOURNAL_DROP_OLDEST;
    if (exceeds_limit(j, size)) {
        close_oldest(j);
        remove_confirmed(j);
    }
    while (drop && has_excess(j, size) && !is_shrinking(j)) {
        if (!journal_retention_evict_oldest(j, "journal_full"))
            break;
    }
    if (is_shrinking(j)) {
        loop_timer_start(j->evict_timer, 0);
    } else if (exceeds_limit(j, size)) {
        explain(j, size, true, why, why_size);
        return false;
    }
    if (has_free_space(j, size)) {
        if (drop)
            prepare_room(j, size);
        return true;
    }
    remove_confirmed(j);
    if (drop && list_is_empty(&j->removing)) /* room appears once its file is gone */
        journal_retention_evict_oldest(j, "journal_full");
    explain(j, size, false, why, why_size);
    return false;
}

bool journal_retention_evict_oldest(struct journal *j, const char *reason)
{
    struct journal_segment *s = list_first(&j->segments, struct journal_segment, link);
    if (!s || !is_complete(j, s))
        return false;
    if (s->last >= s->base)
        journal_cursor_evict(j, s, s->last, reason);
    journal_retention_drop_segment(j, s);
    return true;
}

void journal_retention_check_soon(struct journal *j)
{
    if (!j->closing)
        loop_timer_start(j->sweep_timer, 0);
}

/* So an open cursor never stands before the oldest segment, unless that is missing. The note of a parked one
 * speaks of what is gone, and is forgotten. */
static void move_parked(struct journal *j, const struct journal_segment *s)
{
    list_for_each(e, &j->cursor_state.entries, struct journal_cursor_entry, link)
    {
        if (e->open || e->place.confirmed >= s->last)
            continue;
        e->place = (struct journal_cursor_place){.confirmed = s->last};
        e->safe = e->submitted = e->place;
    }
}

void journal_retention_drop_segment(struct journal *j, struct journal_segment *s)
{
    if (s->last >= s->base)
        move_parked(j, s);
    list_for_each(r, &j->readers, struct journal_reader, link) journal_reader_leave_segment(r, s);
    list_remove(&s->link);
    j->size_bytes -= s->size;
    if (!s->created) {
        journal_segment_destroy(s);
        return;
    }
    list_add(&j->removing, &s->link);
    j->removing_bytes += s->size;
    want_upkeep(j);
}

void journal_retention_note_moved(struct journal *j)
{
    if (!loop_timer_is_running(j->upkeep_timer) && !j->closing)
        loop_timer_start(j->upkeep_timer, UPKEEP_MS);
}

void journal_retention_save_soon(struct journal *j)
{
    j->upkeep_wanted = true;
    journal_commit_pump_soon(j);
}

void journal_retention_note_name(struct journal *j)
{
    j->names_pending = true;
    j->upkeep_wanted = true;
    loop_timer_stop(j->upkeep_timer);
}

void journal_retention_encode_upkeep(struct journal *j)
{
    journal_job_clear(&j->job, JOURNAL_JOB_UPKEEP);
    j->upkeep_wanted = false;
    loop_timer_stop(j->upkeep_timer);
    j->cursor_state.highest_serial = j->highest_serial;
    journal_cursor_submit_saves(j);
    journal_cursor_file_encode(&j->cursor_state, j->durable_head, &j->job.cursors);
    j->job.cursor_fd = j->cursor_fd;
    j->job.cursor_offset = journal_cursor_file_offset(j->cursor_state.generation);
    list_for_each(s, &j->removing, struct journal_segment, link) journal_job_add_removal(&j->job, s->name);
}

void journal_retention_handle_upkeep(struct journal *j)
{
    for (size_t i = 0; i < j->job.removals_done; i++) {
        struct journal_segment *s = list_first(&j->removing, struct journal_segment, link);
        list_remove(&s->link);
        j->removing_bytes -= s->size;
        journal_segment_destroy(s);
    }
    if (!j->job.cursors_written) /* into the same slot again: the other one is whole */
        j->cursor_state.generation--;
    else if (!j->upkeep_wanted)
        j->names_pending = false;
    if (j->job.failure) {
        log_limited(60000, LOG_LEVEL_ERROR, "journal", "path=%s %s failed: %s", j->path, j->job.failed_step,
                    strerror(j->job.failure));
        loop_timer_start(j->upkeep_timer, UPKEEP_RETRY_MS);
        if (j->names_pending)
            journal_commit_fail(j, j->job.failure);
    }
    if (j->state == JOURNAL_FULL && j->job.removals_done > 0)
        loop_timer_start(j->retry_timer, 0);
    journal_cursor_answer_saves(j);
}

void journal_retention_start(struct journal *j)
{
    j->upkeep_timer = loop_timer_create(j->loop, handle_upkeep_timer, j);
    j->sweep_timer = loop_timer_create(j->loop, handle_sweep, j);
    j->evict_timer = loop_timer_create(j->loop, handle_evict, j);
    loop_timer_start(j->sweep_timer, sweep_interval_ms(j));
}

void journal_retention_finish(struct journal *j)
{
    loop_timer_destroy(j->upkeep_timer);
    loop_timer_destroy(j->sweep_timer);
    loop_timer_destroy(j->evict_timer);
    list_for_each_safe(s, &j->removing, struct journal_segment, link)
    {
        list_remove(&s->link);
        journal_segment_destroy(s);
    }
    list_for_each_safe(s, &j->segments, struct journal_segment, link)
    {
        list_remove(&s->link);
        journal_segment_destroy(s);
    }
}
