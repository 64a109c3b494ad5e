/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers as they stand in the journal's files: little-endian, at any alignment.
 */
#ifndef JOURNAL_JOURNAL_FORMAT_H
#define JOURNAL_JOURNAL_FORMAT_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline void journal_format_put32(uint8_t *p, uint32_t value)
{
    value = htole32(value);
    memcpy(p, &value, sizeof(value));
}

static inline void journal_format_put64(uint8_t *p, uint64_t value)
{
    value = htole64(value);
    memcpy(p, &value, sizeof(value));
}

static inline uint32_t journal_format_get32(const uint8_t *p)
{
    uint32_t value;
    memcpy(&value, p, sizeof(value));
    return le32toh(value);
}

static inline uint64_t journal_format_get64(const uint8_t *p)
{
    uint64_t value;
    memcpy(&value, p, sizeof(value));
    return le64toh(value);
}

#endif
