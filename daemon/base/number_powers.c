/* SPDX-License-Identifier: Apache-2.0
 *
 * See number_powers.h. The table is computed when the program starts.
 */
#include "base/number_powers.h"

#include <stdbool.h>
#include <string.h>

/* The 128 leading bits of 10^power, rounded up. */
static struct number_power powers[NUMBER_POWERS_LAST - NUMBER_POWERS_FIRST + 1];

enum {
    BIG_WORDS = 16,
    BIG_HALVES = 2 * BIG_WORDS
}; /* 5^324 has 753 bits; 5^-342 begins 794 bits behind the point */

/* The leading bits of `big` (lowest word first), rounded up if anything follows or `more` does. */
static struct number_power leading_bits(const uint64_t *big, bool more)
{
    int top = BIG_WORDS - 1;
    while (!big[top])
        top--;
    int shift = __builtin_clzll(big[top]);
    uint64_t words[3] = {big[top], top > 0 ? big[top - 1] : 0, top > 1 ? big[top - 2] : 0};
    struct number_power p = {words[0], words[1]};
    if (shift) {
        p.high = words[0] << shift | words[1] >> (64 - shift);
        p.low = words[1] << shift | words[2] >> (64 - shift);
    }
    more = more || words[2] << shift;
    for (int i = 0; i < top - 2 && !more; i++)
        more = big[i] != 0;
    if (more && ++p.low == 0)
        p.high++;
    return p;
}

/* `halves` has words of 32 bits, so that 64 bits are enough for what carries over. */
static struct number_power leading_bits_of(const uint32_t *halves, bool more)
{
    uint64_t big[BIG_WORDS];
    for (int i = 0; i < BIG_WORDS; i++)
        big[i] = (uint64_t)halves[2 * i + 1] << 32 | halves[2 * i];
    return leading_bits(big, more);
}

/* A factor of two only moves the bits, so powers of five do. Division by five, each time cut to an integer,
 * gives the same as one division by the power. */
static void __attribute__((constructor)) compute_powers(void)
{
    uint32_t big[BIG_HALVES] = {1};
    for (int k = 0; k <= NUMBER_POWERS_LAST; k++) {
        powers[k - NUMBER_POWERS_FIRST] = leading_bits_of(big, false);
        uint64_t carry = 0;
        for (int i = 0; i < BIG_HALVES; i++) {
            carry += (uint64_t)big[i] * 5;
            big[i] = (uint32_t)carry;
            carry >>= 32;
        }
    }
    memset(big, 0, sizeof big);
    big[BIG_HALVES - 1] = UINT32_C(1) << 31;
    for (int k = -1; k >= NUMBER_POWERS_FIRST; k--) {
        uint64_t rest = 0;
        for (int i = BIG_HALVES - 1; i >= 0; i--) {
            rest = rest << 32 | big[i];
            big[i] = (uint32_t)(rest / 5);
            rest %= 5;
        }
        powers[k - NUMBER_POWERS_FIRST] = leading_bits_of(big, true);
    }
}

struct number_power number_powers_get(int power)
{
    return powers[power - NUMBER_POWERS_FIRST];
}
