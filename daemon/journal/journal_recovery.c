/* SPDX-License-Identifier: Apache-2.0
 *
 * The start: which files are there, which of their records count, where numbering goes on. Sealed segments
 * are trusted by their footer; the others, usually one, are read through and sealed. Nothing that is found
 * prevents the start.
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/mutant.h"
#include "journal/journal_catalog.h"
#include "journal/journal_file.h"
#include "journal/journal_internal.h"
#include "journal/journal_record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

/* What the segments say of each other, oldest first. */
struct found {
    bool some;
    uint64_t follows; /* the newest record before the oldest segment; 0: not known */
    uint64_t newest;  /* the newest record so far */
};

static const uint64_t blind_step = UINT64_C(1) << 40; /* without a clock */

/* The disk may hold numbers that were given and that we do not see. More have never been given than there
 * were microseconds, so the time is a number to go on with. */
static void leave_numbers_out(struct journal *j)
{
    int64_t now_us = clock_realtime_us();
    uint64_t unused = clock_is_plausible(now_us) ? (uint64_t)now_us : j->next_sequence + blind_step;
    if (unused > j->next_sequence)
        j->next_sequence = unused;
}

/* The segment that was in work may have held records that are cut off now, and that were delivered before. */
static void leave_room(struct journal *j, const struct journal_segment *s)
{
    uint64_t size = (uint64_t)j->settings.segment_size;
    if (MUTANT(reuse_numbers))
        return;
    if (size < s->size)
        size = s->size;
    if (s->base + size / JOURNAL_RECORD_HEADER > j->next_sequence)
        j->next_sequence = s->base + size / JOURNAL_RECORD_HEADER;
}

static void note_damage(struct journal *j, const struct journal_segment *s, int fd,
                        const struct journal_scan_damage *damage)
{
    j->recovery.damaged_records += damage->records;
    j->recovery.damaged_bytes += damage->size;
    journal_quarantine_add(&j->quarantine, s, fd, damage);
}

/* Finish a file that was not, so that the next start need not read it. */
static void seal(struct journal *j, struct journal_segment *s)
{
    struct buffer footer = {0};
    int fd = journal_file_open_patiently(j->dir_fd, s->name, O_RDWR);
    int failure = fd < 0 ? errno : 0;
    journal_segment_encode_footer(s, &footer);
    if (failure == 0)
        failure = footer.failed ? ENOMEM : journal_file_write(fd, footer.data, footer.len, s->end);
    if (failure == 0 && ftruncate(fd, (off_t)(s->end + footer.len)) != 0)
        failure = errno;
    if (failure == 0)
        failure = journal_file_sync(fd);
    if (failure == 0) {
        j->size_bytes -= s->size;
        s->size = s->end + footer.len;
        j->size_bytes += s->size;
        journal_segment_forget_places(s);
    } else {
        log_warning("journal", "path=%s segment=%s cannot be sealed: %s; it is read again at the next start",
                    j->path, s->name, strerror(failure));
    }
    if (fd >= 0)
        close(fd);
    buffer_finish(&footer);
}

/* Only when the numbers that are left out are durable: a segment that is sealed does not tell of them. */
static void seal_segments(struct journal *j, bool numbers_safe)
{
    list_for_each(s, &j->segments, struct journal_segment, link)
    {
        if (!s->sealed && numbers_safe)
            seal(j, s);
        s->sealed = true;
    }
}

/* Walk all records up to `limit`. STATUS_IO: the disk did not give all of it. */
static enum status read_through(struct journal *j, struct journal_segment *s, int fd, uint64_t limit)
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
    if (st == STATUS_NO_MEMORY)
        return st;
    return scan.unread_bytes == 0 ? STATUS_OK : STATUS_IO;
}

/* What is only seen in part is left as it stands, for a better day: the file is neither cut nor sealed. */
static void note_unread(struct journal *j, const struct journal_segment *s)
{
    j->numbers_unsure = j->records_unseen = true;
    log_error(
        "journal",
        "path=%s segment=%s cannot be read completely; the records that can be read are delivered. Check "
        "the disk and the kernel log.",
        j->path, s->name);
    if (s->last < s->base)
        journal_quarantine_move(&j->quarantine, s->name, "cannot be read");
    else
        journal_quarantine_link(&j->quarantine, s->name);
}

/* A segment that the disk does not open is set aside. Any other reason is about us, not about the file (no
 * descriptor left, another user's): starting without its records would lose them. */
static enum status give_up_segment(struct journal *j, const struct journal_segment *s, struct error *err)
{
    int failure = errno;
    if (failure == ENOENT)
        return STATUS_OK;
    if (failure != EIO && failure != EUCLEAN && failure != EBADMSG)
        return error_set_errno(err, STATUS_IO, failure, "cannot open %s/%s%s", j->path, s->name,
                               failure == EACCES ? " (it must belong to the user of the service)" : "");
    log_error("journal", "path=%s segment=%s cannot be opened: %s", j->path, s->name, strerror(failure));
    j->numbers_unsure = j->records_unseen = true;
    journal_quarantine_move(&j->quarantine, s->name, "cannot be opened");
    return STATUS_OK;
}

/* The file may have been out of reach when it was listed: with a wrong size its records would be missed, and
 * it would be removed as an empty one. */
static enum status measure(const struct journal *j, struct journal_segment *s, int fd, struct error *err)
{
    off_t size = lseek(fd, 0, SEEK_END);
    if (size < 0)
        return error_set_errno(err, STATUS_IO, errno, "cannot learn the size of %s/%s", j->path, s->name);
    s->size = (uint64_t)size;
    return STATUS_OK;
}

/* `sealed` tells whether the file was finished with. */
static enum status recover_segment(struct journal *j, struct journal_segment *s, uint64_t limit, bool *sealed,
                                   struct error *err)
{
    enum status st = STATUS_OK;
    *sealed = false;
    if (s->base > limit)
        return STATUS_OK;
    int fd = journal_file_open_patiently(j->dir_fd, s->name, O_RDWR);
    if (fd < 0)
        fd = journal_file_open_patiently(j->dir_fd, s->name, O_RDONLY);
    if (fd < 0)
        return give_up_segment(j, s, err);
    st = measure(j, s, fd, err);
    if (st != STATUS_OK) {
        close(fd);
        return st;
    }
    *sealed = journal_segment_read_footer(s, fd, s->size) && s->last <= limit;
    if (!*sealed) {
        s->untimed = false;
        s->newest_us = 0;
        st = read_through(j, s, fd, limit);
        if (st == STATUS_IO)
            note_unread(j, s);
        else
            s->sealed = s->last < s->base; /* seal_segments() does it */
    }
    s->append_end = s->end;
    s->append_last = s->last;
    close(fd);
    /* That is about us, not about the file: starting without its records would lose them. */
    if (st == STATUS_NO_MEMORY)
        return error_set(err, st, "no memory to read %s/%s", j->path, s->name);
    return STATUS_OK;
}

static enum status take_segment(struct journal *j, struct journal_segment *s, uint64_t limit, bool newest,
                                struct error *err)
{
    bool sealed = false;
    if (s->serial > j->highest_serial)
        j->highest_serial = s->serial;
    if (s->base > j->next_sequence)
        j->next_sequence = s->base;
    list_add(&j->segments, &s->link);
    enum status st = recover_segment(j, s, limit, &sealed, err);
    if (st != STATUS_OK)
        return st;
    if (newest && !sealed)
        leave_room(j, s);
    j->size_bytes += s->size;
    if (s->last < s->base) {
        journal_retention_drop_segment(j, s);
        return STATUS_OK;
    }
    if (s->last >= j->next_sequence)
        j->next_sequence = s->last + 1;
    if (j->recovery.oldest == 0)
        j->recovery.oldest = s->base;
    if (s->last > j->recovery.head)
        j->recovery.head = s->last;
    return STATUS_OK;
}

static void tell_missing(struct journal *j, uint64_t before, uint64_t through)
{
    if (through <= before)
        return;
    j->recovery.missing_records += through - before;
    log_error("journal",
              "path=%s the records %" PRIu64 " to %" PRIu64
              " are missing: their segment was deleted, cut off, or is damaged throughout",
              j->path, before + 1, through);
}

static void check_gap(struct journal *j, const struct journal_catalog_item *item,
                      const struct journal_segment *s, struct found *f)
{
    uint64_t follows = item->is_header_damaged ? 0 : s->follows;
    if (s->base > item->limit)
        return;
    if (!f->some)
        f->follows = follows;
    else
        tell_missing(j, f->newest, follows);
    f->some = true;
    f->newest = s->last;
}

/* Open cursors hold back what they have not confirmed, so the oldest segment begins behind the lowest of
 * them. */
static void check_ends(struct journal *j, const struct found *f)
{
    const struct journal_cursor_state *c = &j->cursor_state;
    uint64_t lowest = UINT64_MAX;
    list_for_each(e, &c->entries, struct journal_cursor_entry, link)
    {
        if (e->place.confirmed < lowest)
            lowest = e->place.confirmed;
    }
    tell_missing(j, lowest, f->some ? f->follows : c->newest);
    if (f->some)
        tell_missing(j, f->newest, c->newest);
}

static enum status take_segments(struct journal *j, struct found *f, struct error *err)
{
    struct journal_catalog catalog = {0};
    enum status st = STATUS_OK;
    int failure = journal_catalog_read(&catalog, j->dir_fd);
    if (failure)
        st = error_set_errno(err, STATUS_IO, failure, "cannot list %s", j->path);
    for (size_t i = 0; st == STATUS_OK && i < catalog.count; i++) {
        struct journal_catalog_item *item = &catalog.items[i];
        if (item->is_header_damaged)
            log_warning("journal", "path=%s segment=%s has a damaged header; its name is used", j->path,
                        item->segment->name);
        if (item->is_copy) {
            journal_quarantine_move(&j->quarantine, item->segment->name, "is no part of this journal");
            continue;
        }
        struct journal_segment *s = item->segment;
        item->segment = NULL;
        st = take_segment(j, s, item->limit, i + 1 == catalog.count, err);
        if (st == STATUS_OK)
            check_gap(j, item, s, f);
    }
    f->some = catalog.count > 0;
    journal_catalog_finish(&catalog);
    return st;
}

/* A journal that begins: from now on a file without positions means that they were lost. And one that has
 * left out numbers: the next start must not give them. */
static bool write_cursors(struct journal *j)
{
    struct buffer slot = {0};
    journal_cursor_file_encode(&j->cursor_state, j->durable_head, &slot);
    int failure = slot.failed ? ENOMEM
                              : journal_file_write(j->cursor_fd, slot.data, slot.len,
                                                   journal_cursor_file_offset(j->cursor_state.generation));
    if (failure == 0)
        failure = journal_file_sync(j->cursor_fd);
    if (failure == 0)
        failure = journal_file_sync_directory(j->dir_fd);
    if (failure) {
        j->cursor_state.generation--; /* into the same slot again: the other one may be whole */
        log_warning("journal", "path=%s cannot write the cursors: %s", j->path, strerror(failure));
    }
    buffer_finish(&slot);
    return failure == 0;
}

/* False: there are none. */
static bool read_cursors(struct journal *j, bool segments)
{
    struct journal_cursor_state *c = &j->cursor_state;
    bool found = journal_cursor_file_read(c, j->cursor_fd);
    j->recovery.cursors_lost = !found && segments;
    if (c->unread || (!found && (segments || !j->cursors_are_new)))
        j->numbers_unsure = true;
    if (c->highest >= j->next_sequence)
        j->next_sequence = c->highest + 1;
    list_for_each(e, &c->entries, struct journal_cursor_entry, link)
    {
        if (e->place.confirmed >= j->next_sequence)
            j->next_sequence = e->place.confirmed + 1;
    }
    if (c->highest_serial > j->highest_serial)
        j->highest_serial = c->highest_serial;
    return found;
}

enum status journal_recovery_run(struct journal *j, struct error *err)
{
    struct found f = {0};
    j->next_sequence = 1;
    enum status st = take_segments(j, &f, err);
    if (st != STATUS_OK)
        return st;
    bool found = read_cursors(j, f.some);
    if (found)
        check_ends(j, &f);
    if (j->numbers_unsure)
        leave_numbers_out(j);
    j->durable_head = j->next_sequence - 1;
    bool jumped = j->durable_head > j->recovery.head && j->durable_head > j->cursor_state.highest;
    if (j->durable_head > j->cursor_state.highest)
        j->cursor_state.highest = j->durable_head;
    if (j->recovery.head > j->cursor_state.newest)
        j->cursor_state.newest = j->recovery.head;
    j->start_head = j->durable_head;
    j->start_newest = j->records_unseen ? j->start_head : j->cursor_state.newest;
    bool safe = true;
    if (found ? jumped : !f.some)
        safe = write_cursors(j);
    seal_segments(j, safe);
    return STATUS_OK;
}

uint64_t journal_recovery_find_newest(const struct journal *j, uint64_t number)
{
    return number == j->start_head ? j->start_newest : number;
}
