/* SPDX-License-Identifier: Apache-2.0
 *
 * See number_parse.h. Nineteen digits times a power of ten with 128 bits give an interval that holds the
 * number; when both of its ends round to the same double, that is the one. They nearly always do.
 */
#include "base/number_parse.h"

#include "base/number_powers.h"

#include <math.h>

enum {
    DIGITS_MAX = 19,             /* always fit into 64 bits */
    EXPONENT_LIMIT = 1000000000, /* beyond it everything is zero or infinite, whatever the digits */
    MANTISSA_BITS = 53,
    EXPONENT_MIN = -1022, /* below, a double loses bits */
    EXPONENT_MAX = 1023,
};

/* digits x 10^exponent, or up to one more digit than that. */
struct decimal {
    uint64_t digits;
    int64_t exponent;
    bool is_cut; /* digits that are not zero follow */
};

static void take_digit(struct decimal *d, unsigned digit, unsigned *count)
{
    if (*count == 0 && digit == 0)
        return;
    if (*count < DIGITS_MAX) {
        d->digits = d->digits * 10 + digit;
        (*count)++;
        return;
    }
    d->is_cut |= digit != 0;
    d->exponent++;
}

static int64_t read_exponent(const uint8_t *at, const uint8_t *end)
{
    bool negative = at < end && *at == '-';
    int64_t n = 0;
    for (at += at < end && (*at == '-' || *at == '+'); at < end && n < EXPONENT_LIMIT; at++)
        n = n * 10 + (*at - '0');
    return negative ? -n : n;
}

static struct decimal read_decimal(const uint8_t *at, const uint8_t *end)
{
    struct decimal d = {0};
    unsigned count = 0;
    bool behind_point = false;
    for (; at < end && (*at | 0x20) != 'e'; at++) {
        if (*at == '.') {
            behind_point = true;
            continue;
        }
        d.exponent -= behind_point;
        take_digit(&d, *at - (unsigned)'0', &count);
    }
    if (at < end)
        d.exponent += read_exponent(at + 1, end);
    return d;
}

/* Bits `shift` and higher of a product, as far as 64 bits go; *half: the one below, *rest: any below that. */
static uint64_t cut(const struct number_product *p, unsigned shift, bool *half, bool *rest)
{
    unsigned below = shift - 1, word = 2 - below / 64, bit = below % 64;
    *half = p->words[word] >> bit & 1;
    *rest = bit && p->words[word] << (64 - bit);
    for (unsigned i = word + 1; i < 3; i++)
        *rest |= p->words[i] != 0;
    if (bit == 63)
        return word > 0 ? p->words[word - 1] : 0;
    uint64_t value = p->words[word] >> (bit + 1);
    return word > 0 ? value | p->words[word - 1] << (63 - bit) : value;
}

/* The bits of the double nearest to product x 2^scale. */
static uint64_t round_product(const struct number_product *p, int scale)
{
    int top = p->words[0] ? 191 - __builtin_clzll(p->words[0]) : 127 - __builtin_clzll(p->words[1] | 1);
    int exponent = top + scale;
    if (exponent > EXPONENT_MAX)
        return (uint64_t)0x7ff << 52;
    int bits = exponent >= EXPONENT_MIN ? MANTISSA_BITS : MANTISSA_BITS - (EXPONENT_MIN - exponent);
    if (bits < 0)
        return 0;
    bool half, rest;
    uint64_t mantissa = cut(p, (unsigned)(top + 1 - bits), &half, &rest);
    uint64_t result = mantissa;
    if (exponent >= EXPONENT_MIN)
        result = mantissa + ((uint64_t)(exponent - EXPONENT_MIN) << 52);
    return result + (half && (rest || (mantissa & 1)));
}

/* The two ends of where the number is. */
static bool round_decimal(const struct decimal *d, uint64_t *bits)
{
    int power = (int)d->exponent;
    struct number_power p = number_powers_get(power), below = p;
    int scale = number_powers_log2(power) - 127;
    bool exact = power >= 0 && power <= NUMBER_POWERS_EXACT_LAST;
    if (!exact) {
        below.high -= below.low == 0;
        below.low--;
    }
    struct number_product low = number_powers_multiply(below, d->digits);
    struct number_product high = number_powers_multiply(p, d->digits + d->is_cut);
    *bits = round_product(&low, scale);
    return *bits == round_product(&high, scale);
}

bool number_parse_double(struct bytes text, double *out)
{
    const uint8_t *at = text.data, *end = at + text.len;
    bool negative = at < end && *at == '-';
    struct decimal d = read_decimal(at + negative, end);
    uint64_t bits = 0;
    if (d.digits && d.exponent > NUMBER_POWERS_LAST)
        bits = (uint64_t)0x7ff << 52;
    else if (d.digits && d.exponent >= NUMBER_POWERS_FIRST && !round_decimal(&d, &bits))
        return false;
    bits |= (uint64_t)negative << 63;
    memcpy(out, &bits, sizeof bits);
    return true;
}

/* ---- Integers ---- */

static const uint8_t *skip_digits(const uint8_t *at, const uint8_t *end)
{
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

bool number_is_json(struct bytes text)
{
    const uint8_t *at = text.data, *end = at + text.len;
    at += at < end && *at == '-';
    const uint8_t *digits = at;
    at = skip_digits(at, end);
    if (at == digits || (*digits == '0' && at - digits > 1))
        return false;
    if (at < end && *at == '.') {
        digits = ++at;
        at = skip_digits(at, end);
        if (at == digits)
            return false;
    }
    if (at < end && (*at | 0x20) == 'e') {
        at++;
        at += at < end && (*at == '+' || *at == '-');
        digits = at;
        at = skip_digits(at, end);
        if (at == digits)
            return false;
    }
    return at == end;
}

/* value x 10^zeros + digit; false: that is beyond 64 bits. */
static bool append(uint64_t *value, uint64_t zeros, unsigned digit)
{
    for (; *value && zeros; zeros--)
        if (__builtin_mul_overflow(*value, UINT64_C(10), value))
            return false;
    return !__builtin_add_overflow(*value, (uint64_t)digit, value);
}

enum number_integer number_parse_integer(struct bytes text, uint64_t *magnitude, bool *negative)
{
    if (!number_is_json(text))
        return NUMBER_NOT_INTEGER;
    const uint8_t *at = text.data, *end = at + text.len;
    bool minus = *at == '-', behind_point = false, fits = true;
    uint64_t value = 0, zeros = 0; /* the zeros that follow the digits taken so far */
    int64_t exponent = 0;
    for (at += minus; at < end && (*at | 0x20) != 'e'; at++) {
        if (*at == '.') {
            behind_point = true;
            continue;
        }
        exponent -= behind_point;
        zeros++;
        if (*at == '0')
            continue;
        fits = fits && append(&value, zeros, *at - (unsigned)'0');
        zeros = 0;
    }
    if (at < end)
        exponent += read_exponent(at + 1, end);
    exponent += (int64_t)zeros;
    bool is_zero = fits && value == 0;
    if (!is_zero && exponent < 0)
        return NUMBER_NOT_INTEGER;
    if (!is_zero && (!fits || !append(&value, (uint64_t)exponent, 0)))
        return NUMBER_OUT_OF_RANGE;
    *magnitude = value;
    *negative = minus && value;
    return NUMBER_INTEGER;
}
