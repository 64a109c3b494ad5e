/* SPDX-License-Identifier: Apache-2.0
 *
 * Text forms of the well-known types: RFC 3339 times, durations in seconds, field masks in lowerCamelCase.
 */
#ifndef SCHEMA_SCHEMA_WELLKNOWN_H
#define SCHEMA_SCHEMA_WELLKNOWN_H

#include "base/bytes.h"

#define SCHEMA_TIMESTAMP_MIN_S INT64_C(-62135596800)
#define SCHEMA_TIMESTAMP_MAX_S INT64_C(253402300799)
#define SCHEMA_DURATION_MAX_S  INT64_C(315576000000)

enum {
    SCHEMA_TIME_TEXT_MAX = 48, /* bytes of any timestamp or duration */
};

/* One that is valid is written by time_format_utc(). */
bool schema_timestamp_is_valid(int64_t seconds, int32_t nanos);

bool schema_duration_is_valid(int64_t seconds, int32_t nanos);
/* "-1.500s". */
size_t schema_duration_format(int64_t seconds, int32_t nanos, char *text);

/* RFC 3339 with any offset and 0 to 9 digits of fraction, and "1.5s"; false: it is not that, or out of range.
 */
bool schema_timestamp_parse(struct bytes text, int64_t *seconds, int32_t *nanos);
bool schema_duration_parse(struct bytes text, int64_t *seconds, int32_t *nanos);

/* lowerCamelCase to snake_case, appended; false when it is not lowerCamelCase. */
bool schema_field_mask_parse(struct bytes path, struct buffer *out);
/* snake_case to lowerCamelCase, appended; false when the way back would give another path. */
bool schema_field_mask_format(struct bytes path, struct buffer *out);

#endif
