/* SPDX-License-Identifier: Apache-2.0
 *
 * See schema_convert.h.
 */
#include "schema/schema_convert.h"

#include "base/number_parse.h"
#include "base/time_format.h"
#include "base/utf8.h"
#include "message/value.h"
#include "schema/schema_wellknown.h"

#include <float.h>
#include <math.h>

static const char out_of_range[] = "is out of range";
static const char not_integer[] = "must be an integer";
static const char not_number[] = "must be a number";
static const char no_memory[] = "takes more memory than allowed";

static bool text_is(const struct fby_value *v, const char *word)
{
    return v->type == FBY_STRING && v->len == strlen(word) && memcmp(v->bytes, word, v->len) == 0;
}

static bool is_text(const struct fby_value *v)
{
    return v->type == FBY_STRING && !value_is_number_text(v);
}

/* A number in quotes, by the rules of JSON; nothing around it. */
static const char *quoted_to_double(const struct fby_value *v, double *out)
{
    const struct bytes text = bytes_of(v->bytes, v->len);
    struct fby_value number;
    if (!number_is_json(text))
        return not_number;
    struct arena scratch;
    arena_init(&scratch, 512, 0);
    struct error err;
    bool ok = value_parse_json(text, NULL, &scratch, &number, &err) == STATUS_OK;
    arena_finish(&scratch);
    if (!ok)
        return out_of_range;
    *out = number.type == FBY_INT    ? (double)number.integer
           : number.type == FBY_UINT ? (double)number.uinteger
                                     : number.number;
    return NULL;
}

/* The same as an integer, to the last digit: two integers may share a double. */
static const char *quoted_to_integer(const struct fby_value *v, uint64_t *magnitude, bool *is_negative)
{
    switch (number_parse_integer(bytes_of(v->bytes, v->len), magnitude, is_negative)) {
    case NUMBER_INTEGER:
        return NULL;
    case NUMBER_OUT_OF_RANGE:
        return out_of_range;
    case NUMBER_NOT_INTEGER:
        break;
    }
    return not_integer;
}

/* An integer of either sign: `magnitude` and whether it is below zero. */
static const char *to_integer(const struct fby_value *v, uint64_t *magnitude, bool *is_negative)
{
    if (v->type == FBY_STRING)
        return quoted_to_integer(v, magnitude, is_negative);
    *is_negative = false;
    if (v->type == FBY_UINT) {
        *magnitude = v->uinteger;
        return NULL;
    }
    if (v->type == FBY_INT) {
        *is_negative = v->integer < 0;
        *magnitude = *is_negative ? 0 - (uint64_t)v->integer : (uint64_t)v->integer;
        return NULL;
    }
    if (v->type != FBY_DOUBLE)
        return not_integer;
    double d = fabs(v->number);
    if (!(d < 18446744073709551616.0))
        return out_of_range;
    if (d != floor(d))
        return not_integer;
    *magnitude = (uint64_t)d;
    *is_negative = v->number < 0;
    return NULL;
}

static const char *to_signed(const struct fby_value *v, int64_t max, int64_t *out)
{
    uint64_t magnitude;
    bool is_negative;
    if (v->type == FBY_INT) {
        *out = v->integer;
        return v->integer > max || v->integer < -max - 1 ? out_of_range : NULL;
    }
    const char *why = to_integer(v, &magnitude, &is_negative);
    if (why)
        return why;
    if (magnitude > (uint64_t)max + is_negative)
        return out_of_range;
    *out = (int64_t)(is_negative ? 0 - magnitude : magnitude);
    return NULL;
}

static const char *to_unsigned(const struct fby_value *v, uint64_t max, uint64_t *out)
{
    bool is_negative;
    const char *why = to_integer(v, out, &is_negative);
    if (why)
        return why;
    return *out > max || (is_negative && *out) ? out_of_range : NULL;
}

static const char *to_double(const struct fby_value *v, double *out)
{
    if (text_is(v, "NaN") || text_is(v, "Infinity") || text_is(v, "-Infinity")) {
        *out = v->bytes[0] == 'N' ? NAN : v->bytes[0] == '-' ? -INFINITY : INFINITY;
        return NULL;
    }
    if (v->type == FBY_STRING)
        return quoted_to_double(v, out);
    if (v->type != FBY_INT && v->type != FBY_UINT && v->type != FBY_DOUBLE)
        return not_number;
    *out = v->type == FBY_INT ? (double)v->integer : v->type == FBY_UINT ? (double)v->uinteger : v->number;
    return NULL;
}

static const char *to_float_bits(const struct fby_value *v, uint64_t *raw)
{
    double d;
    const char *why = to_double(v, &d);
    if (why)
        return why;
    /* Half a step above the largest float still rounds to it. */
    if (isfinite(d) && fabs(d) >= (double)FLT_MAX + ldexp(1.0, 103))
        return out_of_range;
    float f = (float)d;
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    *raw = bits;
    return NULL;
}

const char *schema_convert_number(const struct schema_field *f, const struct fby_value *v, uint64_t *raw)
{
    int64_t n = 0;
    double d;
    const char *why;
    switch ((enum schema_kind)f->kind) {
    case SCHEMA_KIND_DOUBLE:
        why = to_double(v, &d);
        if (!why)
            memcpy(raw, &d, sizeof *raw);
        return why;
    case SCHEMA_KIND_FLOAT:
        return to_float_bits(v, raw);
    case SCHEMA_KIND_UINT32:
    case SCHEMA_KIND_FIXED32:
        return to_unsigned(v, UINT32_MAX, raw);
    case SCHEMA_KIND_UINT64:
    case SCHEMA_KIND_FIXED64:
        return to_unsigned(v, UINT64_MAX, raw);
    case SCHEMA_KIND_BOOL:
        if (v->type != FBY_BOOL)
            return "must be true or false";
        *raw = v->boolean;
        return NULL;
    case SCHEMA_KIND_INT32:
    case SCHEMA_KIND_SFIXED32:
    case SCHEMA_KIND_SINT32:
        why = to_signed(v, INT32_MAX, &n);
        break;
    default:
        why = to_signed(v, INT64_MAX, &n);
        break;
    }
    bool zigzag = f->kind == SCHEMA_KIND_SINT32 || f->kind == SCHEMA_KIND_SINT64;
    *raw = zigzag ? (uint64_t)n << 1 ^ (n < 0 ? UINT64_MAX : 0) : (uint64_t)n;
    return why;
}

const char *schema_convert_key(const struct schema_field *f, struct bytes text, uint64_t *raw)
{
    struct fby_value v = value_string(text);
    if (f->kind != SCHEMA_KIND_BOOL)
        return schema_convert_number(f, &v, raw);
    *raw = text_is(&v, "true");
    return *raw || text_is(&v, "false") ? NULL : "must be \"true\" or \"false\"";
}

const char *schema_convert_enum(const struct schema_enum *e, const struct fby_value *v, uint64_t *raw,
                                bool *unknown)
{
    int64_t number;
    *unknown = false;
    if (v->type == FBY_NULL && e->is_null_value) {
        *raw = 0;
        return NULL;
    }
    if (is_text(v)) {
        const struct schema_enum_value *known = schema_enum_find_name(e, bytes_of(v->bytes, v->len));
        *unknown = !known;
        *raw = known ? (uint64_t)(int64_t)known->number : 0;
        return known ? NULL : "is not a value of the enum";
    }
    if (v->type != FBY_INT && v->type != FBY_UINT && v->type != FBY_DOUBLE && v->type != FBY_STRING)
        return "must be the name or the number of an enum value";
    const char *why = to_signed(v, INT32_MAX, &number);
    if (why)
        return why;
    *raw = (uint64_t)number;
    *unknown = e->closed && !schema_enum_find(e, (int32_t)number);
    return *unknown ? "is not a value of the enum" : NULL;
}

/* Base64 digit of either alphabet, or 64. */
static uint8_t base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (uint8_t)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (uint8_t)(c - 'a' + 26);
    if (c >= '0' && c <= '9')
        return (uint8_t)(c - '0' + 52);
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : 64;
}

static const char *decode_base64(const struct fby_value *v, struct arena *a, struct bytes *out)
{
    size_t len = v->len;
    while (len && v->len - len < 2 && v->bytes[len - 1] == '=')
        len--;
    if (len % 4 == 1 || (len < v->len && v->len % 4 != 0))
        return "is not base64";
    uint8_t *data = arena_alloc(a, len / 4 * 3 + 3);
    if (!data)
        return no_memory;
    size_t used = 0;
    uint32_t bits = 0;
    for (size_t i = 0; i < len; i++) {
        uint8_t digit = base64_digit(v->bytes[i]);
        if (digit == 64)
            return "is not base64";
        bits = bits << 6 | digit;
        if (i % 4 != 0)
            data[used++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
    }
    *out = bytes_of(data, used);
    return NULL;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static const char *decode_hex(const struct fby_value *v, struct arena *a, struct bytes *out)
{
    uint8_t *data = arena_alloc(a, v->len / 2 + 1);
    if (!data)
        return no_memory;
    if (v->len % 2)
        return "is not hexadecimal";
    for (size_t i = 0; i < v->len / 2; i++) {
        int high = hex_digit(v->bytes[2 * i]), low = hex_digit(v->bytes[2 * i + 1]);
        if (high < 0 || low < 0)
            return "is not hexadecimal";
        data[i] = (uint8_t)(high << 4 | low);
    }
    *out = bytes_of(data, v->len / 2);
    return NULL;
}

static const char *format_time(const struct fby_value *v, struct arena *a, struct bytes *out)
{
    if (!schema_timestamp_is_valid(v->time_s, (int32_t)v->len))
        return out_of_range;
    char *text = arena_alloc(a, SCHEMA_TIME_TEXT_MAX);
    if (!text)
        return no_memory;
    *out = bytes_of(text, time_format_utc(v->time_s, v->len, text));
    return NULL;
}

const char *schema_convert_bytes(const struct schema_field *f, const struct fby_value *v, int bytes_as,
                                 struct arena *a, struct bytes *out)
{
    if (f->kind == SCHEMA_KIND_BYTES) {
        if (is_text(v))
            return bytes_as == SCHEMA_BYTES_HEX ? decode_hex(v, a, out) : decode_base64(v, a, out);
        *out = bytes_of(v->bytes, v->len);
        return v->type == FBY_BYTES ? NULL : "must be bytes, or text that stands for them";
    }
    if (v->type == FBY_TIME)
        return format_time(v, a, out);
    if (!is_text(v))
        return "must be a string";
    *out = bytes_of(v->bytes, v->len);
    return utf8_is_valid(*out) ? NULL : "is not UTF-8";
}
