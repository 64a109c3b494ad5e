/* SPDX-License-Identifier: Apache-2.0
 *
 * Value trees as JSON text, see value.h. The parser is value_json_parse.c.
 */
#include "base/json_writer.h"
#include "base/number_format.h"
#include "base/time_format.h"
#include "message/value.h"

#include <math.h>

static void write_number(const struct fby_value *v, struct buffer *out)
{
    bool quoted = v->type != FBY_DOUBLE && (v->flags & FBY_FLAG_TEXT64);
    if (!buffer_reserve(out, NUMBER_FORMAT_MAX + 2))
        return;
    char *text = (char *)out->data + out->len;
    if (v->type == FBY_INT && !quoted) {
        out->len += number_format_int64(v->integer, text);
        return;
    }
    size_t len = 0;
    if (quoted)
        text[len++] = '"';
    if (v->type == FBY_INT)
        len += number_format_int64(v->integer, text + len);
    else if (v->type == FBY_UINT)
        len += number_format_uint64(v->uinteger, text + len);
    else if (v->flags & FBY_FLAG_FLOAT32)
        len += number_format_float((float)v->number, text + len);
    else
        len += number_format_double(v->number, text + len);
    if (quoted)
        text[len++] = '"';
    out->len += len;
}

static void write_double(const struct fby_value *v, struct buffer *out)
{
    if (isfinite(v->number))
        write_number(v, out);
    else
        json_write_double(out, v->number);
}

static void write_hex(struct buffer *out, const char *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    if (!buffer_reserve(out, 2 * len + 2))
        return;
    uint8_t *at = out->data + out->len;
    *at++ = '"';
    for (size_t i = 0; i < len; i++) {
        *at++ = (uint8_t)digits[(uint8_t)data[i] >> 4];
        *at++ = (uint8_t)digits[(uint8_t)data[i] & 15];
    }
    *at++ = '"';
    out->len += 2 * len + 2;
}

static void write_time(struct buffer *out, int64_t time_s, uint32_t nanoseconds)
{
    if (!buffer_reserve(out, TIME_FORMAT_MAX + 2))
        return;
    char *text = (char *)out->data + out->len;
    size_t len = time_format_utc(time_s, nanoseconds, text + 1);
    text[0] = text[len + 1] = '"';
    out->len += len + 2;
}

/* Whether the text is a whole number: a stage may have put another one under the same flags. */
static bool is_whole_number(const char *text, size_t len)
{
    size_t at = len && *text == '-';
    if (at == len || (text[at] == '0' && at + 1 < len))
        return false;
    for (; at < len; at++)
        if (text[at] < '0' || text[at] > '9')
            return false;
    return true;
}

static void write_string(const struct fby_value *v, struct buffer *out)
{
    if ((v->flags & FBY_FLAG_DIGITS) && is_whole_number(v->bytes, v->len))
        buffer_add(out, v->bytes, v->len);
    else
        json_write_string(out, bytes_of(v->bytes, v->len));
}

struct writer {
    struct buffer *out;
    enum value_json_bytes bytes_as;
};

static void write_below(const struct writer *w, const struct fby_value *v, unsigned depth);

static void write_boolean(bool b, struct buffer *out)
{
    buffer_add(out, b ? "true" : "false", b ? 4 : 5);
}

/* Those that `items` begins with, the first of which is one, with a comma behind each; how many they were. An
 * array may have eight for each byte of a message. */
static uint32_t write_booleans(const struct fby_value *items, uint32_t most, struct buffer *out)
{
    enum { AT_ONCE = 64, WORD = 8 /* written each time, of which less counts */ };
    uint32_t count = 0, room = most < AT_ONCE ? most : AT_ONCE;
    bool is_near_limit = out->limit && out->limit - out->len < (size_t)room * WORD;
    if (is_near_limit || !buffer_reserve(out, (size_t)room * WORD)) {
        write_boolean(items->boolean, out);
        buffer_add_byte(out, ',');
        return 1;
    }
    uint8_t *to = out->data + out->len;
    for (; count < room && items[count].type == FBY_BOOL; count++) {
        memcpy(to, items[count].boolean ? "true,\0\0" : "false,\0", WORD);
        to += items[count].boolean ? 5 : 6;
    }
    out->len = (size_t)(to - out->data);
    return count;
}

/* Of one item or more. Not inline, so that most values need no stack frame. */
static __attribute__((noinline)) void write_list(const struct writer *w, const struct fby_value *v,
                                                 unsigned depth)
{
    struct buffer *out = w->out;
    buffer_add_byte(out, '[');
    for (uint32_t i = 0; i < v->len && !out->failed; i++) {
        const struct fby_value *item = &v->items[i];
        if (item->type == FBY_INT && !(item->flags & FBY_FLAG_TEXT64) &&
            buffer_reserve(out, NUMBER_FORMAT_MAX + 1)) {
            out->len += number_format_int64(item->integer, (char *)out->data + out->len);
            out->data[out->len++] = ',';
            continue;
        }
        if (item->type == FBY_BOOL) {
            i += write_booleans(item, v->len - i, out) - 1;
            continue;
        }
        if (item->type == FBY_STRING)
            write_string(item, out);
        else
            write_below(w, item, depth);
        buffer_add_byte(out, ',');
    }
    if (!out->failed)
        out->data[out->len - 1] = ']';
}

static __attribute__((noinline)) void write_map(const struct writer *w, const struct fby_value *v,
                                                unsigned depth)
{
    buffer_add_byte(w->out, '{');
    for (uint32_t i = 0; i < v->len && !w->out->failed; i++) {
        const struct fby_field *f = &v->fields[i];
        json_write_name(w->out, bytes_of(f->name.data, f->name.len), i == 0);
        if (f->value.type == FBY_STRING)
            write_string(&f->value, w->out);
        else
            write_below(w, &f->value, depth);
    }
    buffer_add_byte(w->out, '}');
}

static void write_bytes(const struct writer *w, const struct fby_value *v)
{
    if (w->bytes_as == VALUE_JSON_HEX)
        write_hex(w->out, v->bytes, v->len);
    else
        json_write_base64(w->out, bytes_of(v->bytes, v->len));
}

static void write_below(const struct writer *w, const struct fby_value *v, unsigned depth)
{
    if (depth > VALUE_DEPTH_MAX) {
        w->out->failed = true;
        return;
    }
    switch (v->type) {
    case FBY_BOOL:
        write_boolean(v->boolean, w->out);
        return;
    case FBY_INT:
    case FBY_UINT:
        write_number(v, w->out);
        return;
    case FBY_DOUBLE:
        write_double(v, w->out);
        return;
    case FBY_STRING:
        write_string(v, w->out);
        return;
    case FBY_BYTES:
        write_bytes(w, v);
        return;
    case FBY_TIME:
        write_time(w->out, v->time_s, v->len);
        return;
    case FBY_LIST:
        if (v->len == 0)
            buffer_add(w->out, "[]", 2);
        else
            write_list(w, v, depth + 1);
        return;
    case FBY_MAP:
        if (v->len == 0)
            buffer_add(w->out, "{}", 2);
        else
            write_map(w, v, depth + 1);
        return;
    default:
        buffer_add(w->out, "null", 4);
    }
}

bool value_write_json_as(const struct fby_value *v, enum value_json_bytes bytes_as, struct buffer *out)
{
    struct writer w = {out, bytes_as};
    write_below(&w, v, 0);
    return !out->failed;
}

bool value_write_json(const struct fby_value *v, struct buffer *out)
{
    return value_write_json_as(v, VALUE_JSON_BASE64, out);
}
