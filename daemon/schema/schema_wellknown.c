/* SPDX-License-Identifier: Apache-2.0
 *
 * See schema_wellknown.h.
 */
#include "schema/schema_wellknown.h"

#include "base/number_format.h"

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

/* `digits` decimal digits of `value`, zeros in front. */
static void put_digits(char *text, uint32_t value, unsigned digits)
{
    while (digits-- > 0) {
        text[digits] = (char)('0' + value % 10);
        value /= 10;
    }
}

/* ".5" in the fewest groups of three digits; nothing for zero. */
static size_t put_fraction(char *text, uint32_t nanos)
{
    if (nanos == 0)
        return 0;
    text[0] = '.';
    put_digits(text + 1, nanos, 9);
    return nanos % 1000000 == 0 ? 4 : nanos % 1000 == 0 ? 7 : 10;
}

/* Civil date from days since 1970-01-01, proleptic Gregorian, counted in eras of 400 years from a first of
 * March. */
static void civil_date(int64_t days, uint32_t *year, uint32_t *month, uint32_t *day)
{
    days += 719468;
    uint32_t era = (uint32_t)(days / 146097), day_of_era = (uint32_t)(days % 146097);
    uint32_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    uint32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint32_t shifted = (5 * day_of_year + 2) / 153;
    *day = day_of_year - (153 * shifted + 2) / 5 + 1;
    *month = shifted < 10 ? shifted + 3 : shifted - 9;
    *year = era * 400 + year_of_era + (*month <= 2);
}

size_t schema_timestamp_format(int64_t seconds, int32_t nanos, char *text)
{
    /* Counted from year 1, so that nothing is negative. */
    int64_t since_first = seconds - SCHEMA_TIMESTAMP_MIN_S;
    int64_t days = since_first / SECONDS_PER_DAY + SCHEMA_TIMESTAMP_MIN_S / SECONDS_PER_DAY;
    uint32_t second = (uint32_t)(since_first % SECONDS_PER_DAY);
    uint32_t year, month, day;
    civil_date(days, &year, &month, &day);
    memcpy(text, "0000-00-00T00:00:00", 19);
    put_digits(text, year, 4);
    put_digits(text + 5, month, 2);
    put_digits(text + 8, day, 2);
    put_digits(text + 11, second / 3600, 2);
    put_digits(text + 14, second / 60 % 60, 2);
    put_digits(text + 17, second % 60, 2);
    size_t len = 19 + put_fraction(text + 19, (uint32_t)nanos);
    text[len] = 'Z';
    return len + 1;
}

size_t schema_duration_format(int64_t seconds, int32_t nanos, char *text)
{
    size_t len = 0;
    if (seconds < 0 || nanos < 0)
        text[len++] = '-';
    len += number_format_uint64((uint64_t)(seconds < 0 ? -seconds : seconds), text + len);
    len += put_fraction(text + len, (uint32_t)(nanos < 0 ? -nanos : nanos));
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
