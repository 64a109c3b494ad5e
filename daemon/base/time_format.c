/* SPDX-License-Identifier: Apache-2.0
 *
 * See time_format.h.
 */
#include "base/time_format.h"

#include "base/number_format.h"

#include <string.h>

enum { SECONDS_PER_DAY = 86400, DAYS_PER_ERA = 146097 };

struct date {
    int64_t year;
    uint32_t month, day;
};

/* Gregorian date of a day counted from 1970-01-01, in eras of 400 years that begin on a first of March. */
static struct date find_date(int64_t day)
{
    struct date d;
    day += 719468;
    int64_t era = (day >= 0 ? day : day - (DAYS_PER_ERA - 1)) / DAYS_PER_ERA;
    uint32_t of_era = (uint32_t)(day - era * DAYS_PER_ERA);
    uint32_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    uint32_t day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint32_t shifted = (5 * day_of_year + 2) / 153;
    d.day = day_of_year - (153 * shifted + 2) / 5 + 1;
    d.month = shifted < 10 ? shifted + 3 : shifted - 9;
    d.year = era * 400 + (int64_t)year_of_era + (d.month <= 2);
    return d;
}

static void put_two(uint32_t value, char *to)
{
    to[0] = (char)('0' + value / 10);
    to[1] = (char)('0' + value % 10);
}

static char *put_year(int64_t year, char *to)
{
    uint64_t size = year < 0 ? -(uint64_t)year : (uint64_t)year;
    if (year < 0 || year > 9999)
        *to++ = year < 0 ? '-' : '+';
    if (size > 9999)
        return to + number_format_uint64(size, to);
    put_two((uint32_t)size / 100, to);
    put_two((uint32_t)size % 100, to + 2);
    return to + 4;
}

size_t time_format_fraction(uint32_t nanoseconds, char *text)
{
    if (nanoseconds == 0)
        return 0;
    text[0] = '.';
    number_format_digits(nanoseconds, 9, text + 1);
    return nanoseconds % 1000000 == 0 ? 4 : nanoseconds % 1000 == 0 ? 7 : 10;
}

size_t time_format_utc(int64_t seconds, uint32_t nanoseconds, char *text)
{
    int64_t day = seconds / SECONDS_PER_DAY - (seconds % SECONDS_PER_DAY < 0);
    uint32_t second = (uint32_t)(seconds - day * SECONDS_PER_DAY);
    struct date d = find_date(day);
    char *to = put_year(d.year, text);
    memcpy(to, "-00-00T00:00:00", 15);
    put_two(d.month, to + 1);
    put_two(d.day, to + 4);
    put_two(second / 3600, to + 7);
    put_two(second / 60 % 60, to + 10);
    put_two(second % 60, to + 13);
    to += 15;
    to += time_format_fraction(nanoseconds % 1000000000, to);
    *to++ = 'Z';
    return (size_t)(to - text);
}
