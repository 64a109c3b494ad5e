/* SPDX-License-Identifier: Apache-2.0
 *
 * Fields that the schema does not have, where they are kept: how both writers of decoded messages find them,
 * and how the encoder takes them back. In JSON and in the tree they are a list under SCHEMA_UNKNOWN_KEY, each
 * a map of `field` (its number) and one of `varint`, `fixed32`, `fixed64`, `bytes` or `group` (such a list).
 */
#ifndef SCHEMA_SCHEMA_UNKNOWN_H
#define SCHEMA_SCHEMA_UNKNOWN_H

#include "schema/schema_wire.h"

#define SCHEMA_UNKNOWN_KEY "@unknown"

struct schema_unknown {
    uint32_t number;
    uint32_t wire; /* enum schema_wire_type */
    union {
        uint64_t value;
        uint64_t count;       /* GROUP: fields in it, which follow in the list with all that is in them */
        struct bytes content; /* LENGTH */
    };
};

/* "varint" and so on; NULL: no such wire type. */
const char *schema_unknown_form(uint32_t wire);

/* The unknown fields of a level, in the arena: those that came as such, and what a closed enum refused in
 * packed runs and in maps. `count` is without those inside groups, each of which is spent like a field that
 * is known. The level must be the newest. */
bool schema_unknown_collect(struct schema_reader *r, const struct schema_type *t,
                            const struct schema_level *level, struct schema_unknown **list, uint32_t *count);

#endif
