/* SPDX-License-Identifier: Apache-2.0
 *
 * See journal_inspect.h. The same catalog and the same walk as recovery, without its repairs.
 */
#include "journal/journal_inspect.h"

#include "base/memory.h"
#include "journal/journal_block.h"
#include "journal/journal_catalog.h"
#include "journal/journal_cursor_file.h"
#include "journal/journal_scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

struct journal_inspect {
    char *path;
    int dir_fd, lock_fd;
    struct journal_block_pool *pool;
    struct journal_catalog catalog;
    struct journal_cursor_state cursors;
    bool cursors_found, cursors_missing; /* a whole slot; not even the file */
};

/* One walk. */
struct walk {
    struct journal_inspect *in;
    const struct journal_inspect_events *events;
    void *ctx;
    struct journal_inspect_summary *sum;
    uint64_t from;
    bool some;     /* a segment was seen */
    uint64_t last; /* newest record so far */
};

/* `name` is a file in the directory, or "". */
static enum status refuse_open(int failure, const char *path, const char *name, struct error *err)
{
    bool denied = failure == EACCES || failure == EPERM;
    bool none = !*name && (failure == ENOENT || failure == ENOTDIR);
    enum status s = denied ? STATUS_REFUSED : none ? STATUS_NOT_FOUND : STATUS_IO;
    return error_set_errno(err, s, failure, "cannot open %s%s%s%s", path, *name ? "/" : "", name,
                           denied ? "; try it as root or as the user of the service" : "");
}

static enum status open_locked(struct journal_inspect *in, bool live, struct error *err)
{
    in->dir_fd = open(in->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (in->dir_fd < 0)
        return refuse_open(errno, in->path, "", err);
    in->lock_fd = openat(in->dir_fd, "lock", O_RDONLY | O_CLOEXEC);
    if (in->lock_fd >= 0 && flock(in->lock_fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK && !live)
        return error_set(
            err, STATUS_LOCKED,
            "%s is in use by a running forebayd. Stop it first; `forebay status` and `forebay dead` "
            "show what it has while it runs",
            in->path);
    return STATUS_OK;
}

static void read_cursors(struct journal_inspect *in)
{
    int fd = openat(in->dir_fd, JOURNAL_CURSOR_FILE_NAME, O_RDONLY | O_CLOEXEC);
    in->cursors_missing = fd < 0;
    if (fd < 0)
        return;
    in->cursors_found = journal_cursor_file_read(&in->cursors, fd);
    close(fd);
}

struct journal_inspect *journal_inspect_open(const char *path, bool live, struct error *err)
{
    struct journal_inspect *in = xcalloc(1, sizeof *in);
    in->path = xstrdup(path);
    in->dir_fd = in->lock_fd = -1;
    in->pool = journal_block_pool_create();
    journal_cursor_state_init(&in->cursors);
    if (open_locked(in, live, err) != STATUS_OK)
        goto fail;
    read_cursors(in);
    int failure = journal_catalog_read(&in->catalog, in->dir_fd);
    if (failure) {
        error_set_errno(err, STATUS_IO, failure, "cannot list %s", path);
        goto fail;
    }
    if (in->catalog.count == 0 && in->cursors_missing) {
        error_set(err, STATUS_NOT_FOUND, "%s holds no journal: neither segments nor cursors", path);
        goto fail;
    }
    return in;
fail:
    journal_inspect_close(in);
    return NULL;
}

void journal_inspect_close(struct journal_inspect *in)
{
    if (!in)
        return;
    journal_catalog_finish(&in->catalog);
    journal_cursor_state_finish(&in->cursors);
    journal_block_pool_destroy(in->pool);
    if (in->lock_fd >= 0)
        close(in->lock_fd);
    if (in->dir_fd >= 0)
        close(in->dir_fd);
    free(in->path);
    free(in);
}

/* ---- The walk ---- */

static void tell_damage(struct walk *w, const struct journal_inspect_damage *damage)
{
    w->sum->damaged_places++;
    w->sum->lost_records += damage->records;
    if (w->events->on_damage)
        w->events->on_damage(w->ctx, damage);
}

static void tell_record(struct walk *w, struct journal_inspect_segment *shown,
                        const struct journal_record *record)
{
    shown->records++;
    shown->last = record->sequence;
    if (record->appended_us) {
        if (!shown->oldest_us)
            shown->oldest_us = record->appended_us;
        shown->newest_us = record->appended_us;
    }
    w->sum->records++;
    if (!w->sum->oldest)
        w->sum->oldest = record->sequence;
    w->last = w->sum->head = record->sequence;
    if (w->events->on_record && record->sequence >= w->from)
        w->events->on_record(w->ctx, shown->name, record);
}

static enum status read_segment(struct walk *w, struct journal_segment *s, uint64_t limit, int fd,
                                struct journal_inspect_segment *shown)
{
    struct journal_scan scan;
    struct journal_record record;
    struct journal_segment_place start = {s->base, JOURNAL_SEGMENT_HEADER};
    enum status st;
    shown->is_sealed = journal_segment_read_footer(s, fd, s->size) && s->last <= limit;
    journal_scan_start(&scan, w->in->pool, fd, s, start, shown->is_sealed, s->size);
    scan.salvage = true;
    if (!shown->is_sealed)
        scan.last = limit;
    while ((st = journal_scan_next(&scan, &record)) == STATUS_OK || st == STATUS_CORRUPT) {
        if (st == STATUS_OK) {
            tell_record(w, shown, &record);
            continue;
        }
        shown->is_damaged = true;
        tell_damage(w, &(struct journal_inspect_damage){shown->name, "damaged bytes", scan.damage.offset,
                                                        scan.damage.size, scan.damage.sequence,
                                                        scan.damage.records});
    }
    uint64_t behind = scan.offset;
    if (st == STATUS_END && !shown->is_sealed && !journal_segment_read_footer_at(s, fd, behind, s->size))
        shown->torn_bytes = scan.torn_bytes;
    journal_scan_finish(&scan);
    return st == STATUS_END ? STATUS_OK : st;
}

static void tell_missing(struct walk *w, const char *what, uint64_t before, uint64_t through)
{
    if (through > before)
        tell_damage(w, &(struct journal_inspect_damage){NULL, what, 0, 0, before + 1, through - before});
}

/* A file between two others is gone: nobody has confirmed its records, or it would not be in between. The
 * same goes for what a reader has not confirmed and that stood before the oldest. */
static void check_gap(struct walk *w, const struct journal_catalog_item *item)
{
    const struct journal_segment *s = item->segment;
    if (w->some)
        tell_missing(w, "a segment is missing, or nothing in it can be read", w->last, s->follows);
    else if (!item->is_header_damaged)
        tell_missing(w, "the oldest segments are missing", journal_inspect_lowest(w->in), s->follows);
    if (!w->some || w->last < s->base - 1) /* those in between were never given, or are told as missing */
        w->last = s->base - 1;
    w->some = true;
}

static enum status walk_segment(struct walk *w, const struct journal_catalog_item *item, struct error *err)
{
    struct journal_segment *s = item->segment;
    struct journal_inspect_segment shown = {
        .name = s->name,
        .base = s->base,
        .last = s->base - 1,
        .size_bytes = s->size,
        .is_superseded = item->is_copy || s->base > item->limit,
    };
    enum status result = STATUS_OK;
    w->sum->segments++;
    w->sum->size_bytes += s->size;
    if (item->is_header_damaged) {
        shown.is_damaged = true;
        tell_damage(
            w, &(struct journal_inspect_damage){s->name, "damaged header", 0, JOURNAL_SEGMENT_HEADER, 0, 0});
    }
    if (!shown.is_superseded) {
        int fd = openat(w->in->dir_fd, s->name, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            return refuse_open(errno, w->in->path, s->name, err);
        check_gap(w, item);
        result = read_segment(w, s, item->limit, fd, &shown);
        close(fd);
    }
    if (result != STATUS_OK)
        return error_set(err, result, "cannot read %s/%s: %s", w->in->path, s->name, status_name(result));
    w->sum->torn_bytes += shown.torn_bytes;
    if (!w->sum->oldest_us)
        w->sum->oldest_us = shown.oldest_us;
    if (shown.newest_us)
        w->sum->newest_us = shown.newest_us;
    if (w->events->on_segment)
        w->events->on_segment(w->ctx, &shown);
    return STATUS_OK;
}

/* The cursors know of records that are not there any more. */
static void check_tail(struct walk *w)
{
    if (w->some)
        tell_missing(w, "the newest records are missing", w->last, w->in->cursors.newest);
    else
        tell_missing(w, "all segments are missing", journal_inspect_lowest(w->in), w->in->cursors.newest);
}

enum status journal_inspect_walk(struct journal_inspect *in, uint64_t from,
                                 const struct journal_inspect_events *events, void *ctx,
                                 struct journal_inspect_summary *summary, struct error *err)
{
    struct journal_inspect_summary own;
    struct walk w = {in, events, ctx, summary ? summary : &own, from, false, 0};
    *w.sum = (struct journal_inspect_summary){.cursors_damaged = !in->cursors_found};
    for (size_t i = 0; i < in->catalog.count; i++) {
        enum status result = walk_segment(&w, &in->catalog.items[i], err);
        if (result != STATUS_OK)
            return result;
    }
    check_tail(&w);
    return journal_inspect_has_damage(w.sum) ? error_set(err, STATUS_CORRUPT, "%s is damaged", in->path)
                                             : STATUS_OK;
}

bool journal_inspect_has_damage(const struct journal_inspect_summary *summary)
{
    return summary->damaged_places > 0 || summary->cursors_damaged;
}

size_t journal_inspect_cursor_count(const struct journal_inspect *in)
{
    return in->cursors.count;
}

void journal_inspect_each_cursor(const struct journal_inspect *in,
                                 void (*fn)(void *ctx, const struct journal_inspect_cursor *c), void *ctx)
{
    list_for_each(e, &in->cursors.entries, struct journal_cursor_entry, link)
    {
        struct journal_inspect_cursor shown = {e->name, e->place.confirmed, e->place.note};
        fn(ctx, &shown);
    }
}

uint64_t journal_inspect_highest(const struct journal_inspect *in)
{
    return in->cursors.highest;
}

uint64_t journal_inspect_lowest(const struct journal_inspect *in)
{
    uint64_t lowest = UINT64_MAX;
    list_for_each(e, &in->cursors.entries, struct journal_cursor_entry, link)
    {
        if (e->place.confirmed < lowest)
            lowest = e->place.confirmed;
    }
    return lowest;
}

int journal_inspect_directory(const struct journal_inspect *in)
{
    return in->dir_fd;
}
