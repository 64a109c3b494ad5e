/* SPDX-License-Identifier: Apache-2.0
 *
 * Points in time as text, as RFC 3339 writes them. No printf, no time zone of the machine.
 */
#ifndef BASE_TIME_FORMAT_H
#define BASE_TIME_FORMAT_H

#include <stddef.h>
#include <stdint.h>

enum { TIME_FORMAT_MAX = 48 }; /* bytes that may be written; no NUL is */

/* "1970-01-01T00:00:00Z", with 3, 6 or 9 digits of a second behind the point when it needs them. Years that
 * have more than four digits, or lie before year 0, get a sign. Returns the number of bytes written. */
size_t time_format_utc(int64_t seconds, uint32_t nanoseconds, char *text);
/* ".5" in the fewest groups of three digits; nothing for zero. Below 1,000,000,000. */
size_t time_format_fraction(uint32_t nanoseconds, char *text);

#endif
