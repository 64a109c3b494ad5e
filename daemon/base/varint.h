/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers of seven bits to a byte, the lowest first, as protobuf has them (encoding, "Base 128 Varints").
 * Inline, so that the compiler can take the loop into the callers that matter: those of two bytes are
 * frequent.
 */
#ifndef BASE_VARINT_H
#define BASE_VARINT_H

#include <stdbool.h>
#include <stdint.h>

static inline bool varint_read_long(const uint8_t **at, const uint8_t *end, uint64_t *value)
{
    uint64_t v = 0;
    const uint8_t *p = *at;
    for (unsigned shift = 0; shift < 70 && p < end; shift += 7) {
        uint8_t byte = *p++;
        v |= shift < 64 ? (uint64_t)(byte & 0x7f) << shift : 0;
        if (byte < 0x80) {
            *at = p;
            *value = v;
            return true;
        }
    }
    return false;
}

/* Read one at `*at` and go on behind it; false, and `*at` stays: it does not end before `end` or within ten
 * bytes. Bits above 64 are lost. */
static inline bool varint_read(const uint8_t **at, const uint8_t *end, uint64_t *value)
{
    if (*at < end && **at < 0x80) {
        *value = *(*at)++;
        return true;
    }
    return varint_read_long(at, end, value);
}

#endif
