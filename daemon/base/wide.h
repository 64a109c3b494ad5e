/* SPDX-License-Identifier: Apache-2.0
 *
 * Products of two 64-bit numbers with all their 128 bits, also on machines whose compiler has no such
 * integer. No other file uses __int128 (tests/lint/check_style.sh).
 */
#ifndef BASE_WIDE_H
#define BASE_WIDE_H

#include <stdint.h>

/* The high 64 bits of a x b; the others go to *low. */
#ifdef __SIZEOF_INT128__
static inline uint64_t wide_multiply(uint64_t a, uint64_t b, uint64_t *low)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    *low = (uint64_t)product;
    return (uint64_t)(product >> 64);
}
#else
static inline uint64_t wide_multiply(uint64_t a, uint64_t b, uint64_t *low)
{
    uint64_t a_low = (uint32_t)a, a_high = a >> 32, b_low = (uint32_t)b, b_high = b >> 32;
    uint64_t lowest = a_low * b_low;
    uint64_t middle = a_high * b_low + (lowest >> 32);
    uint64_t other = a_low * b_high + (uint32_t)middle;
    *low = other << 32 | (uint32_t)lowest;
    return a_high * b_high + (middle >> 32) + (other >> 32);
}
#endif

#endif
