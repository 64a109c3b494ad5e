/* SPDX-License-Identifier: Apache-2.0
 *
 * Values of a tree as numbers and bytes of a field: whatever ProtoJSON lets stand for them. Each returns
 * NULL, or why the value does not fit.
 */
#ifndef SCHEMA_SCHEMA_CONVERT_H
#define SCHEMA_SCHEMA_CONVERT_H

#include "base/arena.h"
#include "schema/schema_type.h"

/* As the wire has it: zigzag applied, floats as their bits. The enum kind is not one of them. */
const char *schema_convert_number(const struct schema_field *f, const struct fby_value *v, uint64_t *raw);
/* A map key, which is text, as a number. */
const char *schema_convert_key(const struct schema_field *f, struct bytes text, uint64_t *raw);
/* *unknown: a name or number that the enum lacks. */
const char *schema_convert_enum(const struct schema_enum *e, const struct fby_value *v, uint64_t *raw,
                                bool *unknown);
/* FBY_STRING for strings; FBY_BYTES, or text for bytes: base64 in either alphabet, or hexadecimal, as
 * `bytes_as` (enum schema_bytes) says. May allocate. */
const char *schema_convert_bytes(const struct schema_field *f, const struct fby_value *v, int bytes_as,
                                 struct arena *a, struct bytes *out);

#endif
