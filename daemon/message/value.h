/* SPDX-License-Identifier: Apache-2.0
 *
 * The value tree that every decoder makes and every stage sees; the struct is struct fby_value of the plugin
 * contract, so plugins and daemon share one tree without copying. Everything lives in an arena. Rank 2.
 */
#ifndef MESSAGE_VALUE_H
#define MESSAGE_VALUE_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"
#include "forebay/plugin.h"

struct fby_value value_null(void);
struct fby_value value_bool(bool b);
struct fby_value value_int(int64_t i);
struct fby_value value_uint(uint64_t u);
struct fby_value value_double(double d);
struct fby_value value_string(struct bytes text); /* borrowed */
struct fby_value value_text(const char *text);    /* borrowed */
struct fby_value value_bytes(struct bytes data);  /* borrowed */

/* The field's value, or NULL. */
struct fby_value *value_field(const struct fby_value *map, struct bytes name);
/* Follow "a.b.0.c"; NULL when a step is missing. */
struct fby_value *value_path(struct fby_value *root, struct bytes path);
/* Set or add a field; `name` is borrowed. False: no memory, or not a map. */
bool value_set_field(struct fby_value *map, struct bytes name, struct fby_value field, struct arena *a);
/* False when it was not there. */
bool value_remove_field(struct fby_value *map, struct bytes name);
/* Deep copy with all bytes; false: no memory. */
bool value_copy(const struct fby_value *from, struct fby_value *to, struct arena *a);
bool value_equal(const struct fby_value *a, const struct fby_value *b);

enum value_json_bytes { VALUE_JSON_BASE64, VALUE_JSON_HEX };

/* JSON text; bytes as base64, time as RFC 3339, NaN and infinities as strings. False: `out` failed. */
bool value_write_json(const struct fby_value *v, struct buffer *out);

struct value_json_limits {
    unsigned depth;  /* 64 */
    size_t elements; /* 65,536 */
};

/* Strict RFC 8259. Integers that fit stay integers, exactly; others become double. Strings without escapes
 * are borrowed from `text`. Duplicate keys: the last wins. STATUS_INVALID with offset and reason in `err`;
 * STATUS_LIMIT. */
MUST_CHECK enum status value_parse_json(struct bytes text, const struct value_json_limits *limits,
                                        struct arena *a, struct fby_value *out, struct error *err);

#endif
