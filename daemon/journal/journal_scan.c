/* SPDX-License-Identifier: Apache-2.0
 *
 * The walk over one segment. A record counts when its header has the segment's mark and a right checksum, its
 * number ascends and is possible at this offset, and its payload has a right checksum. Where that fails, the
 * walk looks for the next header that counts.
 */
#include "journal/journal_scan.h"

#include "base/mutant.h"

#include "journal/journal_block.h"
#include "journal/journal_file.h"
#include "journal/journal_format.h"
#include "journal/journal_record.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { PAGE = 4096, READ_TRIES = 3, READ_PAUSE_US = 10000 };

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* One page; the first that fails is given some time, because what follows is taken for lost. */
static bool read_patiently(const struct journal_scan *scan, uint8_t *data, size_t size, uint64_t offset,
                           size_t *got)
{
    for (int tries = 1;; tries++) {
        if (journal_file_read(scan->fd, data, size, offset, got) == 0)
            return true;
        if (tries == READ_TRIES)
            return false;
        if (scan->unread_bytes == 0)
            usleep(READ_PAUSE_US);
    }
}

/* Page by page, zeros for what cannot be read. */
static void read_salvaging(struct journal_scan *scan, uint8_t *data, size_t size, uint64_t offset,
                           size_t *got)
{
    for (*got = 0; *got < size;) {
        size_t step = (size_t)min_u64(size - *got, PAGE - (offset + *got) % PAGE), n = 0;
        if (!read_patiently(scan, data + *got, step, offset + *got, &n)) {
            memset(data + *got, 0, step);
            scan->unread_bytes += step;
            n = step;
        }
        *got += n;
        if (n < step)
            return;
    }
}

static enum status load(struct journal_scan *scan, uint64_t offset, size_t need)
{
    size_t size = need > JOURNAL_BLOCK_SIZE ? need : JOURNAL_BLOCK_SIZE;
    size = (size_t)min_u64(size, scan->end - offset);
    journal_block_unref(scan->block);
    scan->block = journal_block_take(scan->pool, size);
    if (!scan->block)
        return STATUS_NO_MEMORY;
    size_t got = 0;
    scan->failure = 0;
    if (scan->salvage)
        read_salvaging(scan, scan->block->data, size, offset, &got);
    else
        scan->failure = journal_file_read(scan->fd, scan->block->data, size, offset, &got);
    scan->block_offset = offset;
    scan->block->used = scan->failure ? 0 : got;
    if (scan->failure)
        return STATUS_IO;
    if (got < size)
        scan->end = offset + got; /* the file was cut */
    else if (offset + size < scan->end)
        (void)posix_fadvise(scan->fd, (off_t)(offset + size), JOURNAL_BLOCK_SIZE, POSIX_FADV_WILLNEED);
    return STATUS_OK;
}

/* Make `need` bytes at `offset` visible. STATUS_END: the file does not have them. */
static enum status view(struct journal_scan *scan, uint64_t offset, size_t need, const uint8_t **bytes)
{
    if (offset > scan->end || scan->end - offset < need)
        return STATUS_END;
    bool inside = scan->block && offset >= scan->block_offset &&
                  offset + need <= scan->block_offset + scan->block->used;
    if (!inside) {
        enum status st = load(scan, offset, need);
        if (st != STATUS_OK)
            return st;
        if (scan->end - offset < need)
            return STATUS_END;
    }
    *bytes = scan->block->data + (offset - scan->block_offset);
    return STATUS_OK;
}

static bool is_plausible(const struct journal_scan *scan, const struct journal_record_header *h,
                         uint64_t offset)
{
    uint64_t most = (offset - JOURNAL_SEGMENT_HEADER) / JOURNAL_RECORD_HEADER; /* records before it */
    return h->sequence >= scan->expect && h->sequence <= scan->last && h->sequence - scan->base <= most &&
           journal_record_span(h->length) <= scan->end - offset;
}

/* STATUS_CORRUPT: no header that counts stands here. */
static enum status header_at(struct journal_scan *scan, uint64_t offset, struct journal_record_header *h)
{
    const uint8_t *bytes = NULL;
    enum status st = view(scan, offset, JOURNAL_RECORD_HEADER, &bytes);
    if (st != STATUS_OK)
        return st;
    if (!journal_record_decode(bytes, journal_segment_mark(scan->segment, offset), h) ||
        !is_plausible(scan, h, offset))
        return STATUS_CORRUPT;
    return STATUS_OK;
}

static enum status report_damage(struct journal_scan *scan, uint64_t behind, uint64_t next)
{
    scan->damage =
        (struct journal_scan_damage){scan->offset, behind - scan->offset, scan->expect, next - scan->expect};
    scan->offset = behind;
    scan->expect = next;
    return STATUS_CORRUPT;
}

/* Bytes up to the last one that is not zero. */
static enum status measure_torn(struct journal_scan *scan)
{
    const uint8_t *bytes = NULL;
    scan->torn_bytes = 0;
    for (uint64_t at = scan->offset; at < scan->end;) {
        size_t step = (size_t)min_u64(scan->end - at, PAGE);
        enum status st = view(scan, at, step, &bytes);
        if (st == STATUS_END)
            break;
        if (st != STATUS_OK)
            return st;
        for (size_t i = 0; i < step; i++) {
            if (bytes[i])
                scan->torn_bytes = at + i + 1 - scan->offset;
        }
        at += step;
    }
    return STATUS_END;
}

/* A walk that has seen its last record does not come here. */
static enum status finish_walk(struct journal_scan *scan)
{
    if (!scan->exact)
        return measure_torn(scan);
    uint64_t behind = scan->end > scan->offset ? scan->end : scan->offset;
    return report_damage(scan, behind, scan->last + 1);
}

static enum status resync(struct journal_scan *scan)
{
    struct journal_record_header h;
    if (MUTANT(stop_at_damage))
        return finish_walk(scan);
    for (uint64_t at = scan->offset + 8;; at += 8) {
        enum status st = header_at(scan, at, &h);
        if (st == STATUS_OK)
            return report_damage(scan, at, h.sequence);
        if (st == STATUS_END)
            return finish_walk(scan);
        if (st != STATUS_CORRUPT)
            return st;
    }
}

void journal_scan_start(struct journal_scan *scan, struct journal_block_pool *pool, int fd,
                        const struct journal_segment *s, struct journal_segment_place from, bool exact,
                        uint64_t end_of_file)
{
    *scan = (struct journal_scan){.pool = pool,
                                  .fd = fd,
                                  .segment = s,
                                  .base = s->base,
                                  .end = exact ? s->end : end_of_file,
                                  .expect = from.sequence,
                                  .last = exact ? s->last : UINT64_MAX,
                                  .exact = exact,
                                  .offset = from.offset};
}

void journal_scan_finish(struct journal_scan *scan)
{
    journal_block_unref(scan->block);
    scan->block = NULL;
}

enum status journal_scan_next(struct journal_scan *scan, struct journal_record *record)
{
    struct journal_record_header h;
    if (scan->expect > scan->last)
        return STATUS_END;
    enum status st = header_at(scan, scan->offset, &h);
    if (st == STATUS_END)
        return finish_walk(scan);
    if (st == STATUS_CORRUPT)
        return resync(scan);
    if (st != STATUS_OK)
        return st;
    if (h.sequence != scan->expect)
        return report_damage(scan, scan->offset, h.sequence);
    const uint8_t *bytes = NULL;
    size_t span = journal_record_span(h.length);
    st = view(scan, scan->offset, span, &bytes);
    if (st == STATUS_END)
        return finish_walk(scan);
    if (st != STATUS_OK)
        return st;
    if (!journal_record_payload_matches(bytes, &h)) {
        if (!scan->exact) /* torn, unless a record follows */
            return resync(scan);
        return report_damage(scan, scan->offset + span, h.sequence + 1);
    }
    scan->record_offset = scan->offset;
    scan->offset += span;
    scan->expect = h.sequence + 1;
    *record = (struct journal_record){.sequence = h.sequence,
                                      .bytes = bytes_of(bytes + JOURNAL_RECORD_HEADER, h.length),
                                      .block = scan->block,
                                      .appended_us = h.appended_us};
    return STATUS_OK;
}
