/* SPDX-License-Identifier: Apache-2.0
 *
 * See schema_wellknown.h.
 */
#include "schema/schema_wellknown.h"

#include "base/number_format.h"
#include "base/time_format.h"

enum { NANOS_MAX = 999999999, SECONDS_PER_DAY = 86400 };

bool schema_timestamp_is_valid(int64_t seconds, int32_t nanos)
{
    return seconds >= SCHEMA_TIMESTAMP_MIN_S && seconds <= SCHEMA_TIMESTAMP_MAX_S && nanos >= 0 &&
           nanos <= NANOS_MAX;
}

bool schema_duration_is_valid(int64_t seconds, int32_t nanos)
{
    if (seconds < -SCHEMA_DURATION_MAX_S || seconds > SCHEMA_DURATION_MAX_S || nanos < -NANOS_MAX ||
        nanos > NANOS_MAX)
        return false;
    return !((seconds > 0 && nanos < 0) || (seconds < 0 && nanos > 0));
}

size_t schema_duration_format(int64_t seconds, int32_t nanos, char *text)
{
    size_t len = 0;
    if (seconds < 0 || nanos < 0)
        text[len++] = '-';
    len += number_format_uint64((uint64_t)(seconds < 0 ? -seconds : seconds), text + len);
    len += time_format_fraction((uint32_t)(nanos < 0 ? -nanos : nanos), text + len);
    text[len++] = 's';
    return len;
}

bool schema_field_mask_format(struct bytes path, struct buffer *out)
{
    bool raise = false;
    for (size_t i = 0; i < path.len; i++) {
        uint8_t c = path.data[i];
        bool lower = c >= 'a' && c <= 'z';
        if (c == '_') {
            if (raise)
                return false;
            raise = true;
            continue;
        }
        if ((c >= 'A' && c <= 'Z') || (raise && !lower))
            return false;
        buffer_add_byte(out, raise ? (uint8_t)(c - 'a' + 'A') : c);
        raise = false;
    }
    return !raise;
}

/* ---- Parsing. */

/* Exactly `digits` digits; moves on. */
static bool take_digits(struct bytes *text, unsigned digits, uint32_t *value)
{
    *value = 0;
    if (text->len < digits)
        return false;
    for (unsigned i = 0; i < digits; i++) {
        uint8_t c = text->data[i];
        if (c < '0' || c > '9')
            return false;
        *value = *value * 10 + (c - (uint32_t)'0');
    }
    text->data += digits;
    text->len -= digits;
    return true;
}

static bool take_char(struct bytes *text, char c)
{
    if (text->len == 0 || text->data[0] != (uint8_t)c)
        return false;
    text->data++;
    text->len--;
    return true;
}

/* ".5" as nanoseconds; nothing is zero. */
static bool take_fraction(struct bytes *text, int32_t *nanos)
{
    *nanos = 0;
    if (!take_char(text, '.'))
        return true;
    unsigned digits = 0;
    for (; text->len && text->data[0] >= '0' && text->data[0] <= '9'; text->data++, text->len--)
        if (digits++ < 9)
            *nanos = *nanos * 10 + (text->data[0] - '0');
    if (digits == 0 || digits > 9)
        return false;
    for (; digits < 9; digits++)
        *nanos *= 10;
    return true;
}

static int64_t days_from_civil(uint32_t year, uint32_t month, uint32_t day)
{
    int64_t y = (int64_t)year - (month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400, year_of_era = y - era * 400;
    int64_t shifted = month > 2 ? month - 3 : month + 9;
    int64_t day_of_year = (153 * shifted + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

static bool is_date(uint32_t year, uint32_t month, uint32_t day)
{
    static const uint8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (year < 1 || month < 1 || month > 12 || day < 1)
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return day <= lengths[month - 1] + (uint32_t)(leap && month == 2);
}

/* "Z" or "+01:00", to the end of the text. */
static bool take_offset(struct bytes *text, int64_t *seconds)
{
    uint32_t hours, minutes;
    *seconds = 0;
    if (take_char(text, 'Z'))
        return text->len == 0;
    bool minus = text->len && text->data[0] == '-';
    if (!take_char(text, minus ? '-' : '+') || !take_digits(text, 2, &hours) || !take_char(text, ':') ||
        !take_digits(text, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *seconds = (int64_t)(hours * 3600 + minutes * 60) * (minus ? -1 : 1);
    return text->len == 0;
}

bool schema_timestamp_parse(struct bytes text, int64_t *seconds, int32_t *nanos)
{
    uint32_t year, month, day, hour, minute, second;
    int64_t offset;
    if (!take_digits(&text, 4, &year) || !take_char(&text, '-') || !take_digits(&text, 2, &month) ||
        !take_char(&text, '-') || !take_digits(&text, 2, &day) || !take_char(&text, 'T') ||
        !take_digits(&text, 2, &hour) || !take_char(&text, ':') || !take_digits(&text, 2, &minute) ||
        !take_char(&text, ':') || !take_digits(&text, 2, &second) || !take_fraction(&text, nanos) ||
        !take_offset(&text, &offset))
        return false;
    if (!is_date(year, month, day) || hour > 23 || minute > 59 || second > 59)
        return false;
    *seconds =
        days_from_civil(year, month, day) * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second - offset;
    return schema_timestamp_is_valid(*seconds, *nanos);
}

bool schema_duration_parse(struct bytes text, int64_t *seconds, int32_t *nanos)
{
    bool minus = take_char(&text, '-');
    uint64_t whole = 0;
    unsigned digits = 0;
    for (; text.len && text.data[0] >= '0' && text.data[0] <= '9' && digits < 13;
         text.data++, text.len--, digits++)
        whole = whole * 10 + (text.data[0] - (uint64_t)'0');
    if (digits == 0 || !take_fraction(&text, nanos) || !take_char(&text, 's') || text.len)
        return false;
    *seconds = minus ? -(int64_t)whole : (int64_t)whole;
    *nanos = minus ? -*nanos : *nanos;
    return schema_duration_is_valid(*seconds, *nanos);
}

bool schema_field_mask_parse(struct bytes path, struct buffer *out)
{
    for (size_t i = 0; i < path.len; i++) {
        uint8_t c = path.data[i];
        if (c == '_')
            return false;
        bool upper = c >= 'A' && c <= 'Z';
        if (upper)
            buffer_add_byte(out, '_');
        buffer_add_byte(out, upper ? (uint8_t)(c - 'A' + 'a') : c);
    }
    return !out->failed;
}
