/* SPDX-License-Identifier: Apache-2.0
 *
 * See utf8.h.
 */
#include "base/utf8.h"

#define HIGH_BITS UINT64_C(0x8080808080808080)

static bool is_continuation(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

/* The second byte carries the rules against overlong forms, surrogates and what lies above U+10FFFF. */
static bool is_second_allowed(uint8_t first, uint8_t second)
{
    switch (first) {
    case 0xe0:
        return second >= 0xa0 && second <= 0xbf;
    case 0xed:
        return second >= 0x80 && second <= 0x9f;
    case 0xf0:
        return second >= 0x90 && second <= 0xbf;
    case 0xf4:
        return second >= 0x80 && second <= 0x8f;
    default:
        return is_continuation(second);
    }
}

size_t utf8_sequence_length(struct bytes text)
{
    if (text.len == 0)
        return 0;
    uint8_t first = text.data[0];
    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    size_t len = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (text.len < len || !is_second_allowed(first, text.data[1]))
        return 0;
    for (size_t i = 2; i < len; i++)
        if (!is_continuation(text.data[i]))
            return 0;
    return len;
}

static uint64_t load_high_bits(const uint8_t *from, size_t size)
{
    uint64_t word = 0;
    memcpy(&word, from, size);
    return word & HIGH_BITS;
}

/* Is every byte below 0x80? Most texts are, and words that overlap settle it without a loop over the rest. */
static bool is_ascii(struct bytes text)
{
    uint64_t high = 0;
    if (text.len >= 8) {
        for (size_t at = 0; at + 8 <= text.len; at += 8)
            high |= load_high_bits(text.data + at, 8);
        return !(high | load_high_bits(text.data + text.len - 8, 8));
    }
    if (text.len >= 4)
        return !(load_high_bits(text.data, 4) | load_high_bits(text.data + text.len - 4, 4));
    for (size_t at = 0; at < text.len; at++)
        high |= text.data[at];
    return high < 0x80;
}

bool utf8_is_valid(struct bytes text)
{
    if (is_ascii(text))
        return true;
    while (text.len) {
        uint64_t word;
        if (text.len >= sizeof word) {
            memcpy(&word, text.data, sizeof word);
            if (!(word & HIGH_BITS)) {
                text = bytes_of(text.data + sizeof word, text.len - sizeof word);
                continue;
            }
        }
        size_t len = utf8_sequence_length(text);
        if (!len)
            return false;
        text = bytes_of(text.data + len, text.len - len);
    }
    return true;
}
