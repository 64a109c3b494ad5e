/* SPDX-License-Identifier: Apache-2.0
 *
 * See number_format.h. Floating point takes one of two ways: values that are short decimals (most readings of
 * sensors are) are found by trying; all others go through the algorithm of Raffaello Giulietti, "The
 * Schubfach way to render doubles" (2020).
 */
#include "base/number_format.h"

#include "base/number_powers.h"

#include <stdbool.h>
#include <string.h>

/* ---- Integers ---- */

static const char digit_pairs[] = "00010203040506070809"
                                  "10111213141516171819"
                                  "20212223242526272829"
                                  "30313233343536373839"
                                  "40414243444546474849"
                                  "50515253545556575859"
                                  "60616263646566676869"
                                  "70717273747576777879"
                                  "80818283848586878889"
                                  "90919293949596979899";

static const uint64_t powers_of_ten[] = {
    1,
    10,
    100,
    1000,
    10000,
    100000,
    1000000,
    10000000,
    100000000,
    1000000000,
    10000000000,
    100000000000,
    1000000000000,
    10000000000000,
    100000000000000,
    1000000000000000,
    10000000000000000,
    100000000000000000,
    1000000000000000000,
    UINT64_C(10000000000000000000),
};

static unsigned count_digits(uint64_t value)
{
    unsigned bits = 64 - (unsigned)__builtin_clzll(value | 1);
    unsigned digits = bits * 1233 >> 12; /* log10(2) */
    return digits + (value >= powers_of_ten[digits]) + (value == 0);
}

static void write_digits(uint64_t value, unsigned count, char *text)
{
    char *to = text + count;
    for (; count >= 2; count -= 2, value /= 100)
        memcpy(to -= 2, digit_pairs + value % 100 * 2, 2);
    if (count)
        to[-1] = (char)('0' + value % 10);
}

void number_format_digits(uint64_t value, unsigned count, char *text)
{
    write_digits(value, count, text);
}

/* Up to four digits, which most numbers have. */
static size_t write_small(uint32_t value, char *text)
{
    uint32_t high = value / 100;
    const char *low = digit_pairs + (value - high * 100) * 2;
    if (high >= 10) {
        memcpy(text, digit_pairs + high * 2, 2);
        memcpy(text + 2, low, 2);
        return 4;
    }
    if (high) {
        text[0] = (char)('0' + high);
        memcpy(text + 1, low, 2);
        return 3;
    }
    if (value >= 10) {
        memcpy(text, low, 2);
        return 2;
    }
    text[0] = low[1];
    return 1;
}

size_t number_format_uint64(uint64_t value, char *text)
{
    if (value < 10000)
        return write_small((uint32_t)value, text);
    unsigned count = count_digits(value);
    write_digits(value, count, text);
    return count;
}

size_t number_format_int64(int64_t value, char *text)
{
    if (value >= 0)
        return number_format_uint64((uint64_t)value, text);
    *text = '-';
    return 1 + number_format_uint64(-(uint64_t)value, text + 1);
}

/* ---- Decimals to text ---- */

enum {
    LARGEST_PLAIN_POINT = 21, /* from 1e21 on with exponent, as JavaScript does */
    SMALLEST_PLAIN_POINT = -5 /* 0.000001; below with exponent */
};

static size_t write_exponent(int exponent, char *text)
{
    char *to = text;
    *to++ = 'e';
    if (exponent < 0) {
        *to++ = '-';
        exponent = -exponent;
    }
    return (size_t)(to - text) + number_format_uint64((uint64_t)exponent, to);
}

/* digits x 10^exponent; `digits` does not end in 0. */
static size_t write_decimal(uint64_t digits, int exponent, char *text)
{
    unsigned count = count_digits(digits);
    int point = (int)count + exponent; /* digits before the point */
    if (exponent >= 0 && point <= LARGEST_PLAIN_POINT) {
        write_digits(digits, count, text);
        memset(text + count, '0', (size_t)exponent);
        return (size_t)point;
    }
    if (point > 0 && exponent < 0) {
        write_digits(digits, count, text + 1);
        memmove(text, text + 1, (size_t)point);
        text[point] = '.';
        return count + 1;
    }
    if (point <= 0 && point >= SMALLEST_PLAIN_POINT) {
        size_t zeros = (size_t)-point;
        memcpy(text, "0.00000", 2 + zeros);
        write_digits(digits, count, text + 2 + zeros);
        return 2 + zeros + count;
    }
    size_t len = count;
    write_digits(digits, count, text + 1);
    text[0] = text[1];
    if (count > 1) {
        text[1] = '.';
        len++;
    }
    return len + write_exponent(point - 1, text + len);
}

/* ---- Short decimals ---- */

enum { MAX_SHORT_DECIMALS = 6 };
static const double short_scales[MAX_SHORT_DECIMALS + 1] = {1, 10, 100, 1000, 1e4, 1e5, 1e6};

/* Does quotient read back as the value? A float decides by rounding the quotient once more: its midpoints
 * have 25 bits, so no quotient of such small numbers is near enough to one to be rounded to the wrong side.
 */
static bool reads_back(double quotient, double value, bool is_float)
{
    return is_float ? (double)(float)quotient == value : quotient == value;
}

static bool is_near_whole(double scaled, double tolerance)
{
    double off = scaled - (double)(uint64_t)(scaled + 0.5);
    return off <= scaled * tolerance && off >= -scaled * tolerance;
}

/* Point and the six digits of `fraction`, less the zeros at their end. */
static size_t write_fraction(uint32_t fraction, char *text)
{
    size_t len = 1 + MAX_SHORT_DECIMALS;
    text[0] = '.';
    memcpy(text + 1, digit_pairs + fraction / 10000 * 2, 2);
    memcpy(text + 3, digit_pairs + fraction / 100 % 100 * 2, 2);
    memcpy(text + 5, digit_pairs + fraction % 100 * 2, 2);
    while (text[len - 1] == '0')
        len--;
    return len;
}

/* Try numbers with few decimals; 0 when `value` (positive) is none. With as many decimals as the limit on the
 * digits allows there is one candidate, and all that have fewer are the same one with zeros at its end. */
static size_t write_short_decimal(double value, bool is_float, char *text)
{
    double limit = is_float ? 0x1p21 : 0x1p50;
    double tolerance = is_float ? 0x1p-22 : 0x1p-50;
    unsigned decimals = MAX_SHORT_DECIMALS;
    double scaled = value * short_scales[MAX_SHORT_DECIMALS];
    while (scaled >= limit) {
        if (decimals == 0)
            return 0;
        scaled = value * short_scales[--decimals];
    }
    if (!is_near_whole(scaled, tolerance))
        return 0;
    uint64_t digits = (uint64_t)(scaled + 0.5);
    if (!reads_back((double)digits / short_scales[decimals], value, is_float))
        return 0;
    uint64_t whole = (uint64_t)value, unit = powers_of_ten[decimals];
    uint64_t fraction = digits - whole * unit; /* the unit itself where value is just below a whole number */
    whole += fraction == unit;
    size_t len = number_format_uint64(whole, text);
    if (fraction == 0 || fraction == unit)
        return len;
    return len +
           write_fraction((uint32_t)(fraction * powers_of_ten[MAX_SHORT_DECIMALS - decimals]), text + len);
}

/* ---- Shortest digits ---- */

struct decimal {
    uint64_t digits;
    int exponent;
};

/* Floors of logarithms by fixed point; exact for every exponent a double has. */
static int floor_log10_of_power2(int q)
{
    return q * 1262611 >> 22;
}

static int floor_log10_of_3_quarters_of_power2(int q)
{
    return (q * 1262611 - 524031) >> 22;
}

/* p x factor / 2^128; the lowest bit of the result is set when it is not exact, which keeps comparisons
 * right. */
static uint64_t scale(struct number_power p, uint64_t factor)
{
    struct number_product product = number_powers_multiply(p, factor);
    return product.words[0] | (product.words[1] > 1);
}

/* `tens` x 10^(exponent + 1), with the zeros at the end of `tens` taken off. */
static struct decimal strip_zeros(uint64_t tens, int exponent)
{
    struct decimal d = {tens, exponent + 1};
    while (d.digits % 10 == 0) {
        d.digits /= 10;
        d.exponent++;
    }
    return d;
}

/* Shortest decimal inside the rounding interval of mantissa x 2^exponent, the nearest of several. An even
 * mantissa owns the ends of its interval; a power of two has the number below it at half the distance. */
static struct decimal find_shortest(uint64_t mantissa, int exponent, bool below_is_closer)
{
    int k = below_is_closer ? floor_log10_of_3_quarters_of_power2(exponent) : floor_log10_of_power2(exponent);
    int shift = exponent + number_powers_log2(-k) + 1;
    struct number_power p = number_powers_get(-k);
    bool is_odd = mantissa & 1;
    /* In quarters of 10^k: the value and the ends of its interval. */
    uint64_t value = scale(p, mantissa * 4 << shift);
    uint64_t lower = scale(p, (mantissa * 4 - (below_is_closer ? 1 : 2)) << shift) + is_odd;
    uint64_t upper = scale(p, (mantissa * 4 + 2) << shift) - is_odd;
    uint64_t units = value / 4;

    uint64_t tens = units / 10;
    bool is_tens_inside = lower <= tens * 40 && tens;
    bool is_next_ten_inside = (tens + 1) * 40 <= upper;
    if (is_tens_inside || is_next_ten_inside)
        return strip_zeros(tens + is_next_ten_inside, k);

    bool is_unit_inside = lower <= units * 4;
    bool is_next_unit_inside = units * 4 + 4 <= upper;
    if (is_unit_inside != is_next_unit_inside)
        return (struct decimal){units + is_next_unit_inside, k};
    uint64_t middle = units * 4 + 2;
    bool round_up = value > middle || (value == middle && (units & 1));
    return (struct decimal){units + round_up, k};
}

/* Zero; a negative one with a fraction, because readers take "-0" for an integer, which has no sign. */
static size_t write_zero(bool is_negative, char *text)
{
    memcpy(text, is_negative ? "-0.0" : "0", is_negative ? 4 : 1);
    return is_negative ? 4 : 1;
}

size_t number_format_double(double value, char *text)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    char *to = text;
    bool is_negative = bits >> 63;
    bits &= UINT64_MAX >> 1;
    if (!bits)
        return write_zero(is_negative, text);
    if (is_negative)
        *to++ = '-';
    size_t len = write_short_decimal(value < 0 ? -value : value, false, to);
    if (len)
        return (size_t)(to - text) + len;
    uint64_t mantissa = bits & (UINT64_MAX >> 12);
    int exponent = (int)(bits >> 52);
    struct decimal d =
        exponent ? find_shortest(mantissa | UINT64_C(1) << 52, exponent - 1075, mantissa == 0 && exponent > 1)
                 : find_shortest(mantissa, -1074, false);
    return (size_t)(to - text) + write_decimal(d.digits, d.exponent, to);
}

size_t number_format_float(float value, char *text)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    char *to = text;
    bool is_negative = bits >> 31;
    bits &= UINT32_MAX >> 1;
    if (!bits)
        return write_zero(is_negative, text);
    if (is_negative)
        *to++ = '-';
    size_t len = write_short_decimal(value < 0 ? -(double)value : (double)value, true, to);
    if (len)
        return (size_t)(to - text) + len;
    uint32_t mantissa = bits & (UINT32_MAX >> 9);
    int exponent = (int)(bits >> 23);
    struct decimal d =
        exponent ? find_shortest(mantissa | UINT32_C(1) << 23, exponent - 150, mantissa == 0 && exponent > 1)
                 : find_shortest(mantissa, -149, false);
    return (size_t)(to - text) + write_decimal(d.digits, d.exponent, to);
}
