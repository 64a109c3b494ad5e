/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages that carry others. What travels is an envelope; what is decoded is the message in it: in an Any,
 * in the member of a oneof that is set, or in a field of bytes whose type is given or said by another field.
 * An Any that is carried is opened as well. Rank 3.
 */
#ifndef SCHEMA_SCHEMA_UNWRAP_H
#define SCHEMA_SCHEMA_UNWRAP_H

#include "schema/schema.h"

struct schema_unwrap; /* compiled for one envelope type; lives in the arena it was made in */

struct schema_unwrap_case {
    const char *text; /* what the field says: a text, a number or the name of an enum value */
    const struct schema_type *type;
};

struct schema_unwrap_settings {
    const char *field;                      /* of the envelope, or the name of a oneof; "value" of an Any */
    const struct schema_type *type;         /* of what bytes hold, when it is always the same */
    const char *type_field;                 /* of the envelope: says what the bytes hold, */
    const struct schema_unwrap_case *types; /* by these; without any it says the full name or a type URL */
    size_t type_count;
    const char *keep_as; /* the other fields of the envelope stay as a map of this name; NULL: they do not */
};

/* NULL: what does not fit, in `err`, and the name of the setting in `option`. */
const struct schema_unwrap *schema_unwrap_compile(const struct schema_type *envelope,
                                                  const struct schema_unwrap_settings *s, struct arena *a,
                                                  const char **option, struct error *err);

/* As schema_decode_value() and schema_decode_json(), for the message within. With keep_as its first entry is
 * the envelope's other fields, with "@type" (the name of the message) and, of a oneof, "@field" in front;
 * what is no map goes under "value" then. */
MUST_CHECK enum status schema_unwrap_value(const struct schema_unwrap *u, const struct schema_options *o,
                                           struct bytes payload, struct arena *a, struct fby_value *out,
                                           struct error *err);
MUST_CHECK enum status schema_unwrap_json(const struct schema_unwrap *u, const struct schema_options *o,
                                          struct bytes payload, struct arena *scratch, struct buffer *out,
                                          struct error *err);

#endif
