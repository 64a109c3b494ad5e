/* SPDX-License-Identifier: Apache-2.0
 *
 * One record as it stands in a segment: a header of 32 bytes, the payload, zeros up to a multiple of 8.
 *
 *    0  u32  CRC-32C of bytes 4 to 31
 *    4  u32  length of the payload (28 bits), flags above it (4 bits)
 *    8  u32  CRC-32C of the payload
 *   12  u32  mark of the segment, which is random, plus an eighth of the offset: so bytes of a payload, or of
 *            another place, are never taken for a record
 *   16  u64  sequence number
 *   24  i64  append time, microseconds since 1970; 0: the clock was not valid
 */
#ifndef JOURNAL_JOURNAL_RECORD_H
#define JOURNAL_JOURNAL_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    JOURNAL_RECORD_HEADER = 32,
    JOURNAL_RECORD_MAX = 64 << 20, /* bytes of a payload; a longer one is damage */
};

struct journal_record_header {
    uint32_t length;
    uint32_t flags;       /* none are defined; a record with any is from a newer version */
    uint32_t payload_crc; /* filled by reading only */
    uint32_t mark;
    uint64_t sequence;
    int64_t appended_us;
};

/* Bytes that a record with this payload takes in its segment. */
static inline size_t journal_record_span(size_t length)
{
    return JOURNAL_RECORD_HEADER + ((length + 7) & ~(size_t)7);
}

/* Write the header without its checksums; journal_record_seal() adds them once the payload stands behind it.
 */
void journal_record_encode(uint8_t *place, const struct journal_record_header *h);
/* False when these 32 bytes are not a header of a segment with this mark. */
bool journal_record_decode(const uint8_t *place, uint32_t mark, struct journal_record_header *h);
/* Of bytes that are known to be right. */
void journal_record_read(const uint8_t *place, struct journal_record_header *h);
bool journal_record_payload_matches(const uint8_t *place, const struct journal_record_header *h);
void journal_record_seal(uint8_t *place);
/* Give the record to another segment. */
void journal_record_set_mark(uint8_t *place, uint32_t mark);

#endif
