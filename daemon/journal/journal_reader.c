/* SPDX-License-Identifier: Apache-2.0
 *
 * From a sequence number to the next durable record: in the memory blocks near the head, in segment files
 * behind. A reader moves from the one to the other by number, so it does not matter when blocks or segments
 * come and go.
 */
#include "base/clock.h"
#include "base/log.h"
#include "journal/journal_internal.h"
#include "journal/journal_record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

enum {
    SALVAGE_AFTER_FAILURES = 5, /* a place that cannot be read so often … */
    SALVAGE_AFTER_S = 30,       /* … over so long is damage */
};

static void leave_block(struct journal_reader *r)
{
    journal_block_unref(r->block);
    r->block = NULL;
    r->offset = 0;
}

static void leave_disk(struct journal_reader *r)
{
    journal_scan_finish(&r->scan);
    if (r->fd >= 0)
        close(r->fd);
    r->fd = -1;
    r->segment = NULL;
}

/* First number that the blocks hold; UINT64_MAX: none. */
static uint64_t first_in_memory(const struct journal *j)
{
    if (list_is_empty(&j->blocks))
        return UINT64_MAX;
    return list_entry(j->blocks.next, struct journal_block, link)->first;
}

/* Stand at the first record of the blocks that is not before `next`. */
static void enter_memory(struct journal_reader *r)
{
    leave_disk(r);
    leave_block(r);
    list_for_each(b, &r->journal->blocks, struct journal_block, link)
    {
        if (b->last < r->next || b->written == 0)
            continue;
        r->block = b;
        journal_block_ref(b);
        return;
    }
}

/* The next record of the current block; STATUS_END behind its durable part. */
static enum status next_in_block(struct journal_reader *r, struct journal_record *record)
{
    struct journal_record_header h;
    while (r->offset < r->block->written) {
        const uint8_t *place = r->block->data + r->offset;
        journal_record_read(place, &h);
        r->offset += journal_record_span(h.length);
        if (h.sequence < r->next)
            continue;
        *record = (struct journal_record){.sequence = h.sequence,
                                          .bytes = bytes_of(place + JOURNAL_RECORD_HEADER, h.length),
                                          .block = r->block,
                                          .appended_us = h.appended_us};
        return STATUS_OK;
    }
    return STATUS_END;
}

/* The segment that holds the first durable record at or behind `next`. */
static struct journal_segment *find_segment(const struct journal_reader *r)
{
    struct list *segments = &r->journal->segments;
    struct list *at = r->segment ? &r->segment->link : segments->next;
    for (; at != segments; at = at->next) {
        struct journal_segment *s = list_entry(at, struct journal_segment, link);
        if (s->last >= r->next && s->last >= s->base)
            return s;
    }
    return NULL;
}

static enum status note_failure(struct journal_reader *r, const char *name, int failure)
{
    int64_t now_us = clock_monotonic_us();
    if (r->failures++ == 0)
        r->failing_since_us = now_us;
    r->journal->stats.read_errors++;
    log_limited(10000, LOG_LEVEL_ERROR, "journal", "path=%s segment=%s cannot be read: %s", r->journal->path,
                name, strerror(failure));
    return STATUS_IO;
}

static void begin_scan(struct journal_reader *r)
{
    struct journal_segment *s = r->segment;
    uint64_t wanted = r->next > s->base ? r->next : s->base;
    journal_scan_finish(&r->scan);
    journal_scan_start(&r->scan, r->journal->pool, r->fd, s, journal_segment_find_place(s, r->fd, wanted),
                       true, s->end);
}

/* Ask for the beginning of the segment after this one: the reads inside a segment ask for what comes next
 * themselves, and the loop should not wait for the disk at the step from one to the other. */
static void ask_for_next(const struct journal_reader *r, const struct journal_segment *s)
{
    if (s->link.next == &r->journal->segments)
        return;
    const struct journal_segment *next = list_entry(s->link.next, struct journal_segment, link);
    int fd = openat(r->journal->dir_fd, next->name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return; /* it is said when it is read */
    (void)posix_fadvise(fd, 0, JOURNAL_BLOCK_SIZE, POSIX_FADV_WILLNEED);
    close(fd);
}

static enum status enter_segment(struct journal_reader *r, struct journal_segment *s)
{
    leave_block(r);
    leave_disk(r);
    r->fd = openat(r->journal->dir_fd, s->name, O_RDONLY | O_CLOEXEC);
    if (r->fd < 0 && errno == ENOENT) { /* somebody took it away: its records are lost */
        log_error("journal", "path=%s segment=%s is missing; records up to %" PRIu64 " in it are lost",
                  r->journal->path, s->name, s->last);
        r->next = s->last + 1;
        return STATUS_CORRUPT;
    }
    if (r->fd < 0)
        return note_failure(r, s->name, errno);
    r->segment = s;
    begin_scan(r);
    ask_for_next(r, s);
    return STATUS_OK;
}

static void note_damage(struct journal_reader *r, const struct journal_segment *s)
{
    struct journal_quarantine *q = &r->journal->quarantine;
    journal_quarantine_add(q, s, r->fd, &r->scan.damage);
    if (r->scan.unread_bytes == 0)
        return;
    /* The disk may give it another day; and the next segment gets its own time to come back. */
    journal_quarantine_link(q, s->name);
    r->failures = 0;
}

/* STATUS_END: nothing more in this segment. */
static enum status next_in_segment(struct journal_reader *r, struct journal_record *record)
{
    struct journal_segment *s = r->segment;
    if (s->last > r->scan.last) { /* it has grown */
        r->scan.last = s->last;
        r->scan.end = s->end;
    }
    for (;;) {
        enum status st = journal_scan_next(&r->scan, record);
        if (st == STATUS_CORRUPT) {
            note_damage(r, s);
            continue;
        }
        if (st == STATUS_IO) {
            r->scan.salvage = r->failures >= SALVAGE_AFTER_FAILURES &&
                              clock_monotonic_us() - r->failing_since_us > SALVAGE_AFTER_S * INT64_C(1000000);
            return note_failure(r, s->name, r->scan.failure);
        }
        if (st == STATUS_END && r->next < r->scan.expect)
            r->next = r->scan.expect; /* what was damaged at its end */
        if (st != STATUS_OK)
            return st;
        r->failures = 0;
        if (record->sequence >= r->next)
            return STATUS_OK;
    }
}

/* Continue where the next record is. STATUS_CORRUPT: look again. */
static enum status find_place(struct journal_reader *r)
{
    struct journal *j = r->journal;
    uint64_t in_memory = first_in_memory(j), oldest = journal_oldest(j);
    if (r->next < oldest) /* what was removed may still stand in memory */
        r->next = oldest;
    if (r->next < in_memory) {
        struct journal_segment *s = find_segment(r);
        if (s && s->base < in_memory)
            return enter_segment(r, s);
        if (in_memory == UINT64_MAX)
            return STATUS_END;
        r->next = in_memory;
    }
    enter_memory(r);
    return r->block ? STATUS_OK : STATUS_END;
}

void journal_reader_init(struct journal_reader *r, struct journal *j, uint64_t next)
{
    *r = (struct journal_reader){.journal = j, .next = next, .fd = -1};
    list_add(&j->readers, &r->link);
}

void journal_reader_finish(struct journal_reader *r)
{
    leave_block(r);
    leave_disk(r);
    list_remove(&r->link);
}

void journal_reader_seek(struct journal_reader *r, uint64_t next)
{
    if (r->next == next)
        return;
    leave_block(r);
    leave_disk(r);
    r->next = next;
}

enum status journal_reader_next(struct journal_reader *r, struct journal_record *record)
{
    for (;;) {
        if (r->next > r->journal->durable_head)
            return STATUS_END;
        if (r->segment && r->next >= first_in_memory(r->journal))
            leave_disk(r);
        enum status st = STATUS_END;
        if (r->block)
            st = next_in_block(r, record);
        else if (r->segment)
            st = next_in_segment(r, record);
        if (st == STATUS_OK) {
            r->next = record->sequence + 1;
            return STATUS_OK;
        }
        if (st == STATUS_END)
            st = find_place(r);
        if (st != STATUS_OK && st != STATUS_CORRUPT)
            return st;
    }
}

void journal_reader_leave_segment(struct journal_reader *r, const struct journal_segment *s)
{
    if (r->segment == s)
        leave_disk(r);
}
