/* SPDX-License-Identifier: Apache-2.0
 *
 * See json_writer.h. Most strings need no escape: they are looked at and copied eight bytes at a time, and
 * the careful path begins at the first byte that is not plain.
 */
#include "base/json_writer.h"

#include "base/number_format.h"
#include "base/utf8.h"

#include <assert.h>
#include <math.h>

#define EACH_BYTE(value) (UINT64_C(0x0101010101010101) * (value))
#define HIGH_BITS        EACH_BYTE(0x80)

static bool is_plain(uint8_t byte)
{
    return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

/* is_plain() for eight bytes at once. Where all are below 0x80 only a byte that is not plain borrows from its
 * own highest bit. */
static bool is_plain_word(uint64_t word)
{
    uint64_t quote = word ^ EACH_BYTE('"'), backslash = word ^ EACH_BYTE('\\');
    uint64_t borrows = (word - EACH_BYTE(0x20)) | (quote - EACH_BYTE(1)) | (backslash - EACH_BYTE(1));
    return !((word | borrows) & HIGH_BITS);
}

/* Number of plain bytes at the start of `text`. */
static size_t plain_length(struct bytes text)
{
    size_t at = 0;
    uint64_t word;
    for (; text.len - at >= sizeof word; at += sizeof word) {
        memcpy(&word, text.data + at, sizeof word);
        if (!is_plain_word(word))
            break;
    }
    while (at < text.len && is_plain(text.data[at]))
        at++;
    return at;
}

static void write_escape(struct buffer *out, uint8_t byte)
{
    static const char short_forms[0x20] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    static const char hex[] = "0123456789abcdef";
    char escape[6] = {'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]};
    if (byte >= 0x20)
        escape[1] = (char)byte;
    else if (short_forms[byte])
        escape[1] = short_forms[byte];
    buffer_add(out, escape, escape[1] == 'u' ? 6 : 2);
}

/* The part of a string from its first byte that is not plain on. */
static bool write_with_escapes(struct buffer *out, struct bytes text)
{
    bool valid = true;
    size_t copied = 0, at = 0;
    while (at < text.len) {
        struct bytes rest = bytes_of(text.data + at, text.len - at);
        size_t len = plain_length(rest);
        if (!len && rest.data[0] >= 0x80)
            len = utf8_sequence_length(rest);
        if (len) {
            at += len;
            continue;
        }
        buffer_add(out, text.data + copied, at - copied);
        if (rest.data[0] >= 0x80) {
            valid = false;
            buffer_add(out, "\xef\xbf\xbd", 3);
        } else {
            write_escape(out, rest.data[0]);
        }
        copied = ++at;
    }
    if (at > copied)
        buffer_add(out, text.data + copied, at - copied);
    buffer_add_byte(out, '"');
    return valid;
}

/* All of fewer than eight bytes, some of them twice, and plain ones to fill it up. */
static inline uint64_t word_of_few(struct bytes text)
{
    uint32_t low = EACH_BYTE(' ') & UINT32_MAX, high = low;
    if (text.len >= sizeof low) {
        memcpy(&low, text.data, sizeof low);
        memcpy(&high, text.data + text.len - sizeof high, sizeof high);
    } else if (text.len > 0) {
        low = (uint32_t)text.data[0] << 16 | (uint32_t)text.data[text.len / 2] << 8 | text.data[text.len - 1];
        low |= (uint32_t)' ' << 24;
    }
    return (uint64_t)high << 32 | low;
}

static inline void copy_few(uint8_t *to, struct bytes text)
{
    uint32_t low, high;
    if (text.len >= sizeof low) {
        memcpy(&low, text.data, sizeof low);
        memcpy(&high, text.data + text.len - sizeof high, sizeof high);
        memcpy(to, &low, sizeof low);
        memcpy(to + text.len - sizeof high, &high, sizeof high);
    } else if (text.len > 0) {
        to[0] = text.data[0];
        to[text.len / 2] = text.data[text.len / 2];
        to[text.len - 1] = text.data[text.len - 1];
    }
}

/* Copies bytes up to the first that is not plain, and returns their number. */
static inline size_t copy_short(uint8_t *to, struct bytes text)
{
    if (is_plain_word(word_of_few(text))) {
        copy_few(to, text);
        return text.len;
    }
    size_t at = 0;
    for (; at < text.len && is_plain(text.data[at]); at++)
        to[at] = text.data[at];
    return at;
}

/* The same for eight or more. */
static inline size_t copy_long(uint8_t *to, struct bytes text)
{
    size_t at = 0;
    uint64_t word;
    for (; text.len - at >= sizeof word; at += sizeof word) {
        memcpy(&word, text.data + at, sizeof word);
        if (!is_plain_word(word))
            break;
        memcpy(to + at, &word, sizeof word);
    }
    if (text.len - at < sizeof word) {
        /* The last eight bytes, of which some have been copied before. */
        memcpy(&word, text.data + text.len - sizeof word, sizeof word);
        if (is_plain_word(word)) {
            memcpy(to + text.len - sizeof word, &word, sizeof word);
            return text.len;
        }
    }
    for (; at < text.len && is_plain(text.data[at]); at++)
        to[at] = text.data[at];
    return at;
}

static __attribute__((noinline)) bool refuse_string(struct buffer *out, struct bytes text)
{
    out->failed = true;
    return utf8_is_valid(text);
}

/* The rest of a string whose quote is written, `at` bytes of it behind that. */
static inline bool finish_string(struct buffer *out, uint8_t *to, struct bytes text, size_t at)
{
    out->len += 1 + at;
    if (at < text.len)
        return write_with_escapes(out, bytes_of(text.data + at, text.len - at));
    to[at] = '"';
    out->len++;
    return true;
}

static __attribute__((noinline)) bool write_short_string(struct buffer *out, struct bytes text)
{
    if (!buffer_reserve(out, text.len + 2))
        return refuse_string(out, text);
    uint8_t *to = out->data + out->len;
    *to++ = '"';
    return finish_string(out, to, text, text.len ? copy_short(to, text) : 0);
}

bool json_write_string(struct buffer *out, struct bytes text)
{
    if (text.len < sizeof(uint64_t))
        return write_short_string(out, text);
    if (text.len > SIZE_MAX / 4 || !buffer_reserve(out, text.len + 2))
        return refuse_string(out, text);
    uint8_t *to = out->data + out->len;
    *to++ = '"';
    return finish_string(out, to, text, copy_long(to, text));
}

void json_write_name(struct buffer *out, struct bytes name, bool is_first)
{
    enum { AROUND = 4 }; /* , " " : */
    if (name.len > SIZE_MAX / 4 || !buffer_reserve(out, name.len + AROUND)) {
        out->failed = true;
        return;
    }
    uint8_t *to = out->data + out->len;
    if (!is_first)
        *to++ = ',';
    *to++ = '"';
    size_t at = name.len < sizeof(uint64_t) ? copy_short(to, name) : copy_long(to, name);
    to += at;
    if (at < name.len) {
        out->len = (size_t)(to - out->data);
        (void)write_with_escapes(out, bytes_of(name.data + at, name.len - at));
        buffer_add_byte(out, ':');
        return;
    }
    to[0] = '"';
    to[1] = ':';
    out->len = (size_t)(to - out->data) + 2;
}

void json_write_base64(struct buffer *out, struct bytes data)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (data.len > SIZE_MAX / 4 || !buffer_reserve(out, (data.len + 2) / 3 * 4 + 2)) {
        out->failed = true;
        return;
    }
    uint8_t *to = out->data + out->len;
    *to++ = '"';
    size_t at = 0;
    for (; data.len - at >= 3; at += 3, to += 4) {
        uint32_t bits =
            (uint32_t)data.data[at] << 16 | (uint32_t)data.data[at + 1] << 8 | (uint32_t)data.data[at + 2];
        for (int i = 0; i < 4; i++)
            to[i] = (uint8_t)digits[bits >> (18 - 6 * i) & 63];
    }
    if (at < data.len) {
        bool two = data.len - at == 2;
        uint32_t bits = (uint32_t)data.data[at] << 16 | (two ? (uint32_t)data.data[at + 1] << 8 : 0);
        *to++ = (uint8_t)digits[bits >> 18 & 63];
        *to++ = (uint8_t)digits[bits >> 12 & 63];
        *to++ = two ? (uint8_t)digits[bits >> 6 & 63] : '=';
        *to++ = '=';
    }
    *to++ = '"';
    out->len = (size_t)(to - out->data);
}

void json_write_uint(struct buffer *out, uint64_t value)
{
    if (buffer_reserve(out, NUMBER_FORMAT_MAX))
        out->len += number_format_uint64(value, (char *)out->data + out->len);
}

void json_write_int(struct buffer *out, int64_t value)
{
    if (buffer_reserve(out, NUMBER_FORMAT_MAX))
        out->len += number_format_int64(value, (char *)out->data + out->len);
}

/* The text of NaN and the infinities, or NULL. */
static const char *name_of_special(double value)
{
    if (isfinite(value))
        return NULL;
    if (isnan(value))
        return "\"NaN\"";
    return value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
}

void json_write_double(struct buffer *out, double value)
{
    const char *special = name_of_special(value);
    if (special)
        buffer_add_text(out, special);
    else if (buffer_reserve(out, NUMBER_FORMAT_MAX))
        out->len += number_format_double(value, (char *)out->data + out->len);
}

void json_write_float(struct buffer *out, float value)
{
    const char *special = name_of_special((double)value);
    if (special)
        buffer_add_text(out, special);
    else if (buffer_reserve(out, NUMBER_FORMAT_MAX))
        out->len += number_format_float(value, (char *)out->data + out->len);
}

void json_writer_init(struct json_writer *w, struct buffer *out)
{
    *w = (struct json_writer){.out = out};
}

/* What comes before a value: a comma when it is not the first, and the name. */
static void begin_value(struct json_writer *w, const char *name)
{
    if (w->comma)
        buffer_add_byte(w->out, ',');
    w->comma = true;
    if (!name)
        return;
    json_write_string(w->out, bytes_of_text(name));
    buffer_add_byte(w->out, ':');
}

static void begin(struct json_writer *w, const char *name, char bracket)
{
    begin_value(w, name);
    buffer_add_byte(w->out, (uint8_t)bracket);
    w->depth++;
    w->comma = false;
}

static void end(struct json_writer *w, char bracket)
{
    assert(w->depth > 0);
    buffer_add_byte(w->out, (uint8_t)bracket);
    w->depth--;
    w->comma = true;
}

void json_writer_begin_object(struct json_writer *w, const char *name)
{
    begin(w, name, '{');
}

void json_writer_end_object(struct json_writer *w)
{
    end(w, '}');
}

void json_writer_begin_list(struct json_writer *w, const char *name)
{
    begin(w, name, '[');
}

void json_writer_end_list(struct json_writer *w)
{
    end(w, ']');
}

void json_writer_add_text(struct json_writer *w, const char *name, const char *text)
{
    begin_value(w, name);
    if (text)
        json_write_string(w->out, bytes_of_text(text));
    else
        buffer_add_text(w->out, "null");
}

void json_writer_add_bytes(struct json_writer *w, const char *name, struct bytes text)
{
    begin_value(w, name);
    json_write_string(w->out, text);
}

void json_writer_add_base64(struct json_writer *w, const char *name, struct bytes data)
{
    begin_value(w, name);
    json_write_base64(w->out, data);
}

void json_writer_add_uint(struct json_writer *w, const char *name, uint64_t value)
{
    begin_value(w, name);
    json_write_uint(w->out, value);
}

void json_writer_add_int(struct json_writer *w, const char *name, int64_t value)
{
    begin_value(w, name);
    json_write_int(w->out, value);
}

void json_writer_add_double(struct json_writer *w, const char *name, double value)
{
    begin_value(w, name);
    json_write_double(w->out, value);
}

void json_writer_add_bool(struct json_writer *w, const char *name, bool value)
{
    begin_value(w, name);
    buffer_add_text(w->out, value ? "true" : "false");
}
