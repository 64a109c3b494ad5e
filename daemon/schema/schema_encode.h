/* SPDX-License-Identifier: Apache-2.0
 *
 * The way back: a value tree or JSON text to protobuf, by the same compiled types. Rank 3.
 */
#ifndef SCHEMA_SCHEMA_ENCODE_H
#define SCHEMA_SCHEMA_ENCODE_H

#include "schema/schema.h"

struct schema_encode_options {
    int framing;         /* enum schema_framing: a length prefix in front of the message */
    bool ignore_unknown; /* leave out fields and enum names that the type lacks; else they are errors */
    bool keep_unknown;   /* write the fields listed under "@unknown", as decoding keeps them */
    int bytes_as;        /* enum schema_bytes: what text stands for bytes */
    /* Limits; 0: the default of each. */
    int64_t max_depth;    /* 64 */
    int64_t max_elements; /* of JSON text, 65,536 */
    int64_t max_output;   /* bytes, 4 MiB */
};

/* Append the message to `out`: fields in the order of their numbers, each once, packed as the schema says.
 * Fields may go by their JSON name or their name in the .proto; every form of a value that ProtoJSON allows
 * is taken, and FBY_BYTES and FBY_TIME as they are. `scratch` is rewound. STATUS_INVALID: `err` names the
 * path of the field and what is wrong; `out` is then as before. */
MUST_CHECK enum status schema_encode_value(const struct schema_type *t, const struct schema_encode_options *o,
                                           const struct fby_value *v, struct arena *scratch,
                                           struct buffer *out, struct error *err);
/* The same from ProtoJSON text; names that occur twice are refused. */
MUST_CHECK enum status schema_encode_json(const struct schema_type *t, const struct schema_encode_options *o,
                                          struct bytes json, struct arena *scratch, struct buffer *out,
                                          struct error *err);

/* Write a payload anew in the canonical form of the above: merged, in order, unknown fields kept at the end.
 * Framing and limits as for decoding. */
MUST_CHECK enum status schema_normalize(const struct schema_type *t, const struct schema_options *o,
                                        struct bytes payload, struct arena *scratch, struct buffer *out,
                                        struct error *err);

#endif
