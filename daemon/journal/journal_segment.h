/* SPDX-License-Identifier: Apache-2.0
 *
 * One file of the journal: its name, its header of 64 bytes, records, and a footer once it is sealed. Knows
 * no loop, so that tools can use it on a journal at rest.
 *
 * The name is <number of its first record>-<serial>.seg. A serial is never used twice; the upper half counts
 * up, the lower half is random and marks the records. Records of a segment at or past the first number of one
 * with a higher serial do not count: they were given again after a failed write.
 */
#ifndef JOURNAL_JOURNAL_SEGMENT_H
#define JOURNAL_JOURNAL_SEGMENT_H

#include "base/bytes.h"
#include "base/list.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    JOURNAL_SEGMENT_HEADER = 64,
    JOURNAL_SEGMENT_FOOTER = 64, /* without the index in front of it */
    JOURNAL_SEGMENT_NAME = 48,
    JOURNAL_SEGMENT_STRIDE = 64 * 1024, /* bytes between two entries of the index */
};

/* Where the first record of a stride stands. */
struct journal_segment_place {
    uint64_t sequence;
    uint64_t offset;
};

struct journal_segment {
    struct list link; /* journal.segments or journal.removing */
    uint64_t base;
    uint64_t serial;
    uint64_t follows; /* newest record that counts in the segments before it */
    char name[JOURNAL_SEGMENT_NAME];

    uint64_t last; /* newest durable record; base - 1: none */
    uint64_t end;  /* offset behind it */
    uint64_t size; /* bytes on disk, or to be preallocated */
    int64_t newest_us;
    bool untimed; /* a record without a valid time is in it: it does not expire */
    bool created; /* the file is there */
    bool closed;  /* takes no more appends */
    bool sealed;  /* finished with its file: footer written, or given up */

    /* While it is filled. */
    uint64_t append_end;
    uint64_t append_last;
    struct journal_segment_place *places;
    size_t place_count, place_capacity;
};

struct journal_segment *journal_segment_create(uint64_t base, uint64_t serial, uint64_t follows);
void journal_segment_destroy(struct journal_segment *s);

/* The serial of the next segment, with a new random half. */
uint64_t journal_segment_next_serial(uint64_t highest);
/* What a record at `offset` carries, so that bytes which ended up in another place are none. */
static inline uint32_t journal_segment_mark(const struct journal_segment *s, uint64_t offset)
{
    return (uint32_t)(s->serial + offset / 8);
}
/* Base and serial from a file's name; false when it is no segment's. */
bool journal_segment_parse_name(const char *name, uint64_t *base, uint64_t *serial);

/* Account for a record that takes `span` bytes at append_end. */
void journal_segment_add_record(struct journal_segment *s, uint64_t sequence, size_t span,
                                int64_t appended_us);
void journal_segment_forget_places(struct journal_segment *s);
/* Bytes the footer of a segment with records up to `end` needs at most. */
uint64_t journal_segment_footer_reserve(uint64_t end);

void journal_segment_encode_header(const struct journal_segment *s, uint8_t header[JOURNAL_SEGMENT_HEADER]);
/* Index and footer of the records up to `last`, `end`, to be written at `end`. */
void journal_segment_encode_footer(const struct journal_segment *s, struct buffer *out);

/* Read the header: base, serial and follows are taken from it. False: damaged, nothing changed. */
bool journal_segment_read_header(struct journal_segment *s, int fd);
/* Look for a footer that ends at `end_of_file`; fills last, end, newest_us, untimed. False: none. */
bool journal_segment_read_footer(struct journal_segment *s, int fd, uint64_t end_of_file);
/* Is this the start of this segment's footer (index included)? Then the records end here. */
bool journal_segment_read_footer_at(struct journal_segment *s, int fd, uint64_t offset, uint64_t end_of_file);
/* A place at or before the record `sequence`, to begin reading: from memory, the footer, or the start. */
struct journal_segment_place journal_segment_find_place(const struct journal_segment *s, int fd,
                                                        uint64_t sequence);

/* Create the file, reserve its space, write the header, make both durable. Returns 0 or errno; *fd is open
 * for writing then. Nothing is left behind on failure. */
int journal_segment_create_file(int dir_fd, const char *name, uint64_t size,
                                const uint8_t header[JOURNAL_SEGMENT_HEADER], int *fd);

#endif
