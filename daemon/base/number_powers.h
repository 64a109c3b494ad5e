/* SPDX-License-Identifier: Apache-2.0
 *
 * Powers of ten with 128 bits each, for numbers to text and back.
 */
#ifndef BASE_NUMBER_POWERS_H
#define BASE_NUMBER_POWERS_H

#include "base/wide.h"

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

static inline struct number_product number_powers_multiply(struct number_power p, uint64_t factor)
{
    struct number_product product;
    uint64_t carry = wide_multiply(p.low, factor, &product.words[2]);
    product.words[0] = wide_multiply(p.high, factor, &product.words[1]);
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
