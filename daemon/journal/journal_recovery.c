/* SPDX-License-Identifier: Apache-2.0
 *
 * The start: which files are there, which of their records count, where numbering goes on. Sealed segments
 * are trusted by their footer; the others, usually one, are read through and sealed. Nothing that is found
 * prevents the start.
 */
#include "base/log.h"
#include "journal/journal_catalog.h"
#include "journal/journal_file.h"
#include "journal/journal_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

static void note_damage(struct journal *j, const struct journal_segment *s, int fd,
                        const struct journal_scan_damage *damage)
{
    j->recovery.damaged_records += damage->records;
    j->recovery.damaged_bytes += damage->size;
    journal_quarantine_add(&j->quarantine, s, fd, damage);
}

/* Finish a file that was not, so that the next start need not read it. */
static void seal(struct journal *j, struct journal_segment *s, int fd)
{
    struct buffer footer = {0};
    journal_segment_encode_footer(s, &footer);
    int failure = footer.failed ? ENOMEM : journal_file_write(fd, footer.data, footer.len, s->end);
    if (failure == 0 && ftruncate(fd, (off_t)(s->end + footer.len)) != 0)
        failure = errno;
    if (failure == 0)
        failure = journal_file_sync(fd);
    if (failure == 0) {
        s->size = s->end + footer.len;
        journal_segment_forget_places(s);
    } else {
        log_warning("journal", "path=%s segment=%s cannot be sealed: %s; it is read again at the next start",
                    j->path, s->name, strerror(failure));
    }
    buffer_finish(&footer);
}

/* Walk all records up to `limit`. */
static void read_through(struct journal *j, struct journal_segment *s, int fd, uint64_t limit)
{
    struct journal_scan scan;
    struct journal_record record;
    struct journal_segment_place start = {s->base, JOURNAL_SEGMENT_HEADER};
    uint64_t behind = JOURNAL_SEGMENT_HEADER;
    enum status st;
    journal_scan_start(&scan, j->pool, fd, s, start, false, s->size);
    scan.salvage = true;
    scan.last = limit;
    while ((st = journal_scan_next(&scan, &record)) == STATUS_OK || st == STATUS_CORRUPT) {
        if (st == STATUS_CORRUPT) {
            note_damage(j, s, fd, &scan.damage);
            continue;
        }
        s->append_end = scan.record_offset;
        journal_segment_add_record(s, record.sequence, (size_t)(scan.offset - scan.record_offset),
                                   record.appended_us);
        behind = scan.offset;
    }
    s->end = s->append_end = behind;
    s->last = s->append_last;
    bool footer =
        st == STATUS_END && scan.torn_bytes > 0 && journal_segment_read_footer_at(s, fd, behind, s->size);
    if (!footer)
        j->recovery.torn_bytes += scan.torn_bytes;
    journal_scan_finish(&scan);
}

/* False: no record of it counts. */
static bool recover_segment(struct journal *j, struct journal_segment *s, uint64_t limit)
{
    if (s->base > limit)
        return false;
    int fd = openat(j->dir_fd, s->name, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        fd = openat(j->dir_fd, s->name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        log_error("journal", "path=%s segment=%s cannot be opened: %s", j->path, s->name, strerror(errno));
        return false;
    }
    bool sealed = journal_segment_read_footer(s, fd, s->size) && s->last <= limit;
    if (!sealed) {
        s->untimed = false;
        s->newest_us = 0;
        read_through(j, s, fd, limit);
        if (s->last >= s->base)
            seal(j, s, fd);
    }
    s->append_end = s->end;
    s->append_last = s->last;
    close(fd);
    return s->last >= s->base;
}

static void take_segment(struct journal *j, struct journal_segment *s, uint64_t limit)
{
    if (s->serial > j->highest_serial)
        j->highest_serial = s->serial;
    if (s->base > j->next_sequence)
        j->next_sequence = s->base;
    bool counts = recover_segment(j, s, limit);
    list_add(&j->segments, &s->link);
    j->size_bytes += s->size;
    if (!counts) {
        journal_retention_drop_segment(j, s);
        return;
    }
    if (s->last >= j->next_sequence)
        j->next_sequence = s->last + 1;
    if (j->recovery.oldest == 0)
        j->recovery.oldest = s->base;
    if (s->last > j->recovery.head)
        j->recovery.head = s->last;
}

/* True when there are some. */
static bool take_segments(struct journal *j)
{
    struct journal_catalog catalog = {0};
    int failure = journal_catalog_read(&catalog, j->dir_fd);
    if (failure)
        log_error("journal", "path=%s cannot be listed: %s", j->path, strerror(failure));
    bool some = catalog.count > 0;
    for (size_t i = 0; i < catalog.count; i++) {
        struct journal_catalog_item *item = &catalog.items[i];
        if (item->is_header_damaged)
            log_warning("journal", "path=%s segment=%s has a damaged header; its name is used", j->path,
                        item->segment->name);
        if (item->is_copy) {
            journal_quarantine_move(&j->quarantine, item->segment->name);
            continue;
        }
        struct journal_segment *s = item->segment;
        item->segment = NULL;
        take_segment(j, s, item->limit);
    }
    journal_catalog_finish(&catalog);
    return some;
}

/* A journal that begins: from now on a file without positions means that they were lost. */
static void write_first_cursors(struct journal *j)
{
    struct buffer slot = {0};
    journal_cursor_file_encode(&j->cursor_state, 0, &slot);
    int failure = journal_file_write(j->cursor_fd, slot.data, slot.len,
                                     journal_cursor_file_offset(j->cursor_state.generation));
    if (failure == 0)
        failure = journal_file_sync(j->cursor_fd);
    if (failure == 0)
        failure = journal_file_sync_directory(j->dir_fd);
    if (failure)
        log_warning("journal", "path=%s cannot write the cursors: %s", j->path, strerror(failure));
    buffer_finish(&slot);
}

static void read_cursors(struct journal *j, bool segments)
{
    struct journal_cursor_state *c = &j->cursor_state;
    bool found = journal_cursor_file_read(c, j->cursor_fd);
    if (!found && !segments)
        write_first_cursors(j);
    j->recovery.cursors_lost = !found && segments;
    if (c->highest >= j->next_sequence)
        j->next_sequence = c->highest + 1;
    list_for_each(e, &c->entries, struct journal_cursor_entry, link)
    {
        if (e->place.confirmed >= j->next_sequence)
            j->next_sequence = e->place.confirmed + 1;
    }
    if (c->highest_serial > j->highest_serial)
        j->highest_serial = c->highest_serial;
}

void journal_recovery_run(struct journal *j)
{
    j->next_sequence = 1;
    read_cursors(j, take_segments(j));
    j->durable_head = j->next_sequence - 1;
    if (j->durable_head > j->cursor_state.highest)
        j->cursor_state.highest = j->durable_head;
}
