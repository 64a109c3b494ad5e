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

/* Text that stands for a number: FBY_FLAG_DIGITS, and rightly so. */
bool value_is_number_text(const struct fby_value *v);

/* Trees deeper than this are neither copied nor written: a plugin may have made a circle. */
enum { VALUE_DEPTH_MAX = 128 };

/* The field's value, or NULL. */
struct fby_value *value_field(const struct fby_value *map, struct bytes name);
/* Follow "a.b.0.c"; NULL when a step is missing. */
struct fby_value *value_path(struct fby_value *root, struct bytes path);
/* Set or add a field; `name` is borrowed and NUL-terminated. False: no memory, or not a map. */
bool value_set_field(struct fby_value *map, struct bytes name, struct fby_value field, struct arena *a);
/* False when it was not there. */
bool value_remove_field(struct fby_value *map, struct bytes name);
/* Deep copy with all bytes; false: no memory, or too deep. */
bool value_copy(const struct fby_value *from, struct fby_value *to, struct arena *a);
/* Numbers are equal when they are the same number, whatever their type; maps in any order; NaN equals NaN. */
bool value_equal(const struct fby_value *a, const struct fby_value *b);

enum value_json_bytes { VALUE_JSON_BASE64, VALUE_JSON_HEX };

/* JSON text, appended; bytes as base64, time as RFC 3339, NaN and infinities as strings, as ProtoJSON has
 * them. False: `out` failed,
 * or the tree is too deep (then `out` failed as well). */
bool value_write_json(const struct fby_value *v, struct buffer *out);
/* The same with another form of bytes. */
bool value_write_json_as(const struct fby_value *v, enum value_json_bytes bytes_as, struct buffer *out);

/* Whole numbers that 64 bits do not hold. */
enum value_json_big {
    VALUE_JSON_BIG_DOUBLE, /* the nearest double */
    VALUE_JSON_BIG_KEEP,   /* FBY_STRING with FBY_FLAG_DIGITS: written again with every digit */
    VALUE_JSON_BIG_FAIL,   /* STATUS_INVALID */
    VALUE_JSON_BIG_EXACT,  /* as KEEP, and so is any other number that might be less exact as a double */
};

/* 0, or a NULL struct: the default. */
struct value_json_limits {
    unsigned depth;         /* lists and maps within each other: 64; at most VALUE_DEPTH_MAX */
    size_t elements;        /* values of any kind: 65,536 */
    bool refuse_duplicates; /* a name that occurs twice in a map is STATUS_INVALID */
    int big_integers;       /* enum value_json_big */
};

/* Strict RFC 8259. Integers that fit stay integers, exactly; what has a fraction or an exponent is a double.
 * Strings without escapes are borrowed from `text`. Duplicate keys: the last wins. STATUS_INVALID with offset
 * and reason in `err` (may be NULL); STATUS_LIMIT: over a limit or the arena's. */
MUST_CHECK enum status value_parse_json(struct bytes text, const struct value_json_limits *limits,
                                        struct arena *a, struct fby_value *out, struct error *err);

#endif
