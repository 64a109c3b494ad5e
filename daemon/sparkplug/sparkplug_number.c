/* SPDX-License-Identifier: Apache-2.0
 *
 * See sparkplug_number.h.
 */
#include "sparkplug/sparkplug_number.h"

#include <math.h>

static struct fby_value integer(int64_t i)
{
    return (struct fby_value){.type = FBY_INT, .integer = i};
}

static int64_t sign_extend(uint64_t bits, unsigned width)
{
    unsigned shift = 64 - width;
    return (int64_t)(bits << shift) >> shift;
}

static uint64_t cut(uint64_t bits, unsigned width)
{
    return width == 64 ? bits : bits & ((UINT64_C(1) << width) - 1);
}

struct fby_value sparkplug_number_time(uint64_t ms)
{
    int64_t signed_ms = (int64_t)ms, s = signed_ms / 1000, rest = signed_ms % 1000;
    if (rest < 0) {
        rest += 1000;
        s--;
    }
    return (struct fby_value){.type = FBY_TIME, .len = (uint32_t)rest * 1000000, .time_s = s};
}

struct fby_value sparkplug_number_from_bits(uint64_t bits, enum sparkplug_type type)
{
    unsigned width = sparkplug_type_bits(type);
    if (type == SPARKPLUG_DATETIME)
        return sparkplug_number_time(bits);
    if (type == SPARKPLUG_FLOAT) {
        uint32_t bits32 = (uint32_t)bits;
        float f;
        memcpy(&f, &bits32, sizeof f);
        return (struct fby_value){.type = FBY_DOUBLE, .flags = FBY_FLAG_FLOAT32, .number = (double)f};
    }
    if (type == SPARKPLUG_DOUBLE) {
        struct fby_value v = {.type = FBY_DOUBLE};
        memcpy(&v.number, &bits, sizeof v.number);
        return v;
    }
    if (sparkplug_type_is_signed(type))
        return integer(sign_extend(bits, width));
    bits = cut(bits, width);
    return bits > INT64_MAX ? (struct fby_value){.type = FBY_UINT, .uinteger = bits} : integer((int64_t)bits);
}

bool sparkplug_number_is_of_type(uint64_t bits, unsigned field_bits, enum sparkplug_type type)
{
    unsigned width = sparkplug_type_bits(type);
    if (cut(bits, width) == bits)
        return true;
    return sparkplug_type_is_signed(type) && cut((uint64_t)sign_extend(bits, width), field_bits) == bits;
}

/* The number as an integer; false: it is none, or beyond 64 bits. `negative` tells how to read it. */
static bool as_integer(const struct fby_value *v, uint64_t *bits, bool *negative)
{
    const double limit = 18446744073709551616.0; /* 2^64 */
    *negative = false;
    if (v->type == FBY_UINT) {
        *bits = v->uinteger;
        return true;
    }
    if (v->type == FBY_INT) {
        *bits = (uint64_t)v->integer;
        *negative = v->integer < 0;
        return true;
    }
    if (v->type != FBY_DOUBLE || v->number != floor(v->number) || v->number >= limit ||
        v->number < -limit / 2)
        return false;
    *negative = v->number < 0;
    /* cppcheck-suppress floatConversionOverflow ; the number is within the limits above */
    *bits = *negative ? (uint64_t)(int64_t)v->number : (uint64_t)v->number;
    return true;
}

bool sparkplug_number_fits(const struct fby_value *v, enum sparkplug_type type)
{
    uint64_t bits;
    bool negative;
    if (type == SPARKPLUG_FLOAT || type == SPARKPLUG_DOUBLE)
        return v->type == FBY_DOUBLE || v->type == FBY_INT || v->type == FBY_UINT;
    if (type == SPARKPLUG_DATETIME && v->type == FBY_TIME)
        return v->time_s >= INT64_MIN / 1000 + 1 && v->time_s <= INT64_MAX / 1000 - 1;
    if (!as_integer(v, &bits, &negative))
        return false;
    if (type == SPARKPLUG_DATETIME)
        return negative || bits <= INT64_MAX;
    unsigned width = sparkplug_type_bits(type);
    if (!sparkplug_type_is_signed(type))
        return !negative && cut(bits, width) == bits;
    return negative ? sign_extend(bits, width) == (int64_t)bits : bits <= (UINT64_C(1) << (width - 1)) - 1;
}

static double as_double(const struct fby_value *v)
{
    return v->type == FBY_DOUBLE ? v->number : v->type == FBY_INT ? (double)v->integer : (double)v->uinteger;
}

uint64_t sparkplug_number_to_bits(const struct fby_value *v, enum sparkplug_type type)
{
    uint64_t bits = 0;
    bool negative;
    if (type == SPARKPLUG_FLOAT) {
        float f = (float)as_double(v);
        uint32_t bits32;
        memcpy(&bits32, &f, sizeof bits32);
        return bits32;
    }
    if (type == SPARKPLUG_DOUBLE) {
        double d = as_double(v);
        memcpy(&bits, &d, sizeof bits);
        return bits;
    }
    if (v->type == FBY_TIME)
        return (uint64_t)(v->time_s * 1000 + v->len / 1000000);
    (void)as_integer(v, &bits, &negative);
    return cut(bits, sparkplug_type_bits(type));
}
