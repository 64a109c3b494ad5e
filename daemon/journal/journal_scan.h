/* SPDX-License-Identifier: Apache-2.0
 *
 * Walks the records of one segment file, in chunks, and finds its way past damage. Cursors that lag, recovery
 * and tools read through it. Knows no loop.
 */
#ifndef JOURNAL_JOURNAL_SCAN_H
#define JOURNAL_JOURNAL_SCAN_H

#include "base/error.h"
#include "journal/journal.h"
#include "journal/journal_segment.h"

/* Bytes that belong to no record. */
struct journal_scan_damage {
    uint64_t offset;
    uint64_t size;
    uint64_t sequence; /* first record that is missing … */
    uint64_t records;  /* … and how many; 0: only bytes */
};

struct journal_scan {
    struct journal_block_pool *pool;       /* borrowed */
    int fd;                                /* borrowed */
    const struct journal_segment *segment; /* borrowed; for the marks of its records */
    uint64_t base;
    uint64_t end;           /* records end here, or before */
    uint64_t expect;        /* number of the next record */
    uint64_t last;          /* no record has a higher number */
    bool exact;             /* `end` and `last` are known: a record that is missing before them is damage */
    bool salvage;           /* pages that cannot be read count as zeros instead of stopping … */
    uint64_t unread_bytes;  /* … and so many there were */
    uint64_t offset;        /* of the next record */
    uint64_t record_offset; /* of the record returned */
    struct journal_block *block;
    uint64_t block_offset; /* of the block in the file */
    struct journal_scan_damage damage;
    uint64_t
        torn_bytes; /* after STATUS_END of a scan that is not exact: what stands behind the last record */
    int failure;    /* errno of STATUS_IO */
};

/* Read segment `s` from the place on. Exact: up to s->last and s->end; else up to `end_of_file`. */
void journal_scan_start(struct journal_scan *scan, struct journal_block_pool *pool, int fd,
                        const struct journal_segment *s, struct journal_segment_place from, bool exact,
                        uint64_t end_of_file);
void journal_scan_finish(struct journal_scan *scan);

/* STATUS_OK: a record; its block is the scan's until the next call. STATUS_CORRUPT: `damage` was skipped, go
 * on. STATUS_END. STATUS_IO: cannot be read (`failure`); the next call tries again. STATUS_NO_MEMORY. */
MUST_CHECK enum status journal_scan_next(struct journal_scan *scan, struct journal_record *record);

#endif
