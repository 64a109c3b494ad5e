/* SPDX-License-Identifier: Apache-2.0
 *
 * What the two writers of decoded messages need of an envelope: the message in it, opened.
 */
#ifndef SCHEMA_SCHEMA_PAYLOAD_H
#define SCHEMA_SCHEMA_PAYLOAD_H

#include "schema/schema_unwrap.h"
#include "schema/schema_wire.h"

struct schema_unwrap {
    const struct schema_type *envelope;
    const char *name;                 /* of the field or the oneof */
    const struct schema_field *field; /* NULL: a oneof, or the envelope is an Any itself */
    int32_t oneof;                    /* index; -1: none */
    const struct schema_type *type;   /* of bytes; NULL: type_field says it */
    const struct schema_field *type_field;
    const struct schema_unwrap_case *types;
    const int64_t *numbers; /* of `types`, when type_field is no text; ascending */
    size_t type_count;
    struct bytes keep_as; /* empty: the rest of the envelope is dropped */
};

struct schema_payload {
    const struct schema_field *field; /* of the envelope; NULL: the envelope is an Any itself */
    uint32_t first, count;            /* its records in the envelope; none: it is not there */
    const struct schema_type *type;   /* of the message; NULL: a scalar */
    struct schema_record scalar;      /* its last record, when it is one */
    struct schema_level level;        /* the message, when it is one; the newest level */
};

/* Find and open what the envelope, opened as `level`, carries. */
bool schema_payload_open(struct schema_reader *r, const struct schema_unwrap *u,
                         const struct schema_level *level, struct schema_payload *p);
/* The envelope without the records of what it carries; `level` and `p->first` are not good for anything
 * then. */
struct schema_level schema_payload_cut(struct schema_reader *r, const struct schema_level *level,
                                       const struct schema_payload *p);

#endif
