/* SPDX-License-Identifier: Apache-2.0
 *
 * Powers of ten with 128 bits each, for numbers to text and back.
 */
#ifndef BASE_NUMBER_POWERS_H
#define BASE_NUMBER_POWERS_H

#include <stdint.h>

enum {
    NUMBER_POWERS_FIRST = -342,
    NUMBER_POWERS_LAST = 324,
    NUMBER_POWERS_EXACT_LAST = 55, /* from 0 to here nothing is rounded: 5^55 has 128 bits */
};

/* The leading 128 bits of 10^power, rounded up; the highest bit is set. */
struct number_power {
    uint64_t high, low;
};

struct number_power number_powers_get(int power);

/* 192 bits, the highest word first. */
struct number_product {
    uint64_t words[3];
};

#ifdef __SIZEOF_INT128__
static inline uint64_t number_powers_multiply_words(uint64_t a, uint64_t b, uint64_t *low)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    *low = (uint64_t)product;
    return (uint64_t)(product >> 64);
}
#else /* 32-bit machines */
static inline uint64_t number_powers_multiply_words(uint64_t a, uint64_t b, uint64_t *low)
{
    uint64_t a_low = (uint32_t)a, a_high = a >> 32, b_low = (uint32_t)b, b_high = b >> 32;
    uint64_t lowest = a_low * b_low;
    uint64_t middle = a_high * b_low + (lowest >> 32);
    uint64_t other = a_low * b_high + (uint32_t)middle;
    *low = other << 32 | (uint32_t)lowest;
    return a_high * b_high + (middle >> 32) + (other >> 32);
}
#endif

static inline struct number_product number_powers_multiply(struct number_power p, uint64_t factor)
{
    struct number_product product;
    uint64_t carry = number_powers_multiply_words(p.low, factor, &product.words[2]);
    product.words[0] = number_powers_multiply_words(p.high, factor, &product.words[1]);
    product.words[1] += carry;
    product.words[0] += product.words[1] < carry;
    return product;
}

/* The exponent of two of 10^power, rounded down. */
static inline int number_powers_log2(int power)
{
    return power * 1741647 >> 19;
}

#endif
