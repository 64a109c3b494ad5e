/* SPDX-License-Identifier: Apache-2.0
 *
 * The entries of one map field, taken apart and freed of keys that occur again later (the last wins). The
 * table is hashed with a key that the sender does not know.
 */
#ifndef SCHEMA_SCHEMA_MAP_H
#define SCHEMA_SCHEMA_MAP_H

#include "schema/schema_wire.h"

struct schema_map_entry {
    struct schema_record key; /* as in the entry, or the default of its kind */
    uint32_t value_first;     /* records of the value */
    uint32_t value_count;     /* 0: not there, the default counts */
    bool dead;                /* overwritten, or unknown */
    bool is_unknown;          /* its value is a number that a closed enum lacks */
};

struct schema_map {
    struct schema_level level; /* records of all entries */
    const struct schema_field *key, *value;
    struct schema_map_entry *entries;
    uint32_t count, live;
};

/* The records first..first+count are the entries of `f`. Counts one level of depth. */
bool schema_map_open(struct schema_reader *r, const struct schema_field *f, uint32_t first, uint32_t count,
                     struct schema_map *map);
void schema_map_close(struct schema_reader *r, const struct schema_map *map);

/* The value of one that is not there: a scalar's default, or a message without fields. */
struct schema_record schema_map_default(const struct schema_field *value);

#endif
