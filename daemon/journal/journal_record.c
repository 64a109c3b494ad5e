/* SPDX-License-Identifier: Apache-2.0
 *
 * Record headers to and from bytes.
 */
#include "journal/journal_record.h"

#include "base/mutant.h"

#include "journal/journal_crc32c.h"
#include "journal/journal_format.h"

enum {
    AT_LENGTH = 4,
    AT_PAYLOAD_CRC = 8,
    AT_MARK = 12,
    AT_SEQUENCE = 16,
    AT_APPENDED = 24,
    LENGTH_BITS = 28,
    LENGTH_MASK = (1 << LENGTH_BITS) - 1,
};

static uint32_t header_crc(const uint8_t *place)
{
    return journal_crc32c(0, place + AT_LENGTH, JOURNAL_RECORD_HEADER - AT_LENGTH);
}

void journal_record_encode(uint8_t *place, const struct journal_record_header *h)
{
    journal_format_put32(place + AT_LENGTH, h->length | h->flags << LENGTH_BITS);
    journal_format_put32(place + AT_MARK, h->mark);
    journal_format_put64(place + AT_SEQUENCE, h->sequence);
    journal_format_put64(place + AT_APPENDED, (uint64_t)h->appended_us);
}

void journal_record_read(const uint8_t *place, struct journal_record_header *h)
{
    uint32_t word = journal_format_get32(place + AT_LENGTH);
    h->length = word & (LENGTH_MASK);
    h->flags = word >> LENGTH_BITS;
    h->payload_crc = journal_format_get32(place + AT_PAYLOAD_CRC);
    h->mark = journal_format_get32(place + AT_MARK);
    h->sequence = journal_format_get64(place + AT_SEQUENCE);
    h->appended_us = (int64_t)journal_format_get64(place + AT_APPENDED);
}

bool journal_record_decode(const uint8_t *place, uint32_t mark, struct journal_record_header *h)
{
    if (journal_format_get32(place + AT_MARK) != mark)
        return false;
    if (journal_format_get32(place) != header_crc(place) && !MUTANT(trust_length))
        return false;
    journal_record_read(place, h);
    return h->length <= JOURNAL_RECORD_MAX;
}

bool journal_record_payload_matches(const uint8_t *place, const struct journal_record_header *h)
{
    return journal_crc32c(0, place + JOURNAL_RECORD_HEADER, h->length) == h->payload_crc || MUTANT(skip_crc);
}

void journal_record_seal(uint8_t *place)
{
    uint32_t length = journal_format_get32(place + AT_LENGTH) & LENGTH_MASK;
    journal_format_put32(place + AT_PAYLOAD_CRC, journal_crc32c(0, place + JOURNAL_RECORD_HEADER, length));
    journal_format_put32(place, header_crc(place));
}

void journal_record_set_mark(uint8_t *place, uint32_t mark)
{
    journal_format_put32(place + AT_MARK, mark);
    journal_format_put32(place, header_crc(place));
}
