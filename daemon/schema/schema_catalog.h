/* SPDX-License-Identifier: Apache-2.0
 *
 * What descriptor sets declare, for people: names with file and line, and a declaration in the protobuf
 * language with its author's comments. Decoding uses the registry, which forgets such things. Rank 3.
 */
#ifndef SCHEMA_SCHEMA_CATALOG_H
#define SCHEMA_SCHEMA_CATALOG_H

#include "base/bytes.h"
#include "base/error.h"

struct schema_catalog;

/* A message or an enum. */
struct schema_catalog_entry {
    const char *name; /* full, without a leading dot */
    const char *file; /* as the set names it */
    unsigned line;    /* 0: the set has no source info */
    bool is_enum;
    size_t member_count; /* fields or values */
};

struct schema_catalog *schema_catalog_create(void);
void schema_catalog_destroy(struct schema_catalog *c);
/* Add what a set declares; a name that is there already is left alone. `name` is for messages. The set should
 * be one that a registry has linked: what is malformed in others is passed over. */
MUST_CHECK enum status schema_catalog_add_set(struct schema_catalog *c, const char *name, struct bytes set,
                                              struct error *err);

size_t schema_catalog_file_count(const struct schema_catalog *c);
/* Entries in the order of their names, without those of map entries; valid until the next set is added. */
size_t schema_catalog_entry_count(const struct schema_catalog *c);
const struct schema_catalog_entry *schema_catalog_entry(const struct schema_catalog *c, size_t index);
/* With or without a leading dot; NULL: no such entry. */
const struct schema_catalog_entry *schema_catalog_find(const struct schema_catalog *c, const char *name);

/* Append the declaration of `e`; control characters in comments are replaced. */
void schema_catalog_show(const struct schema_catalog *c, const struct schema_catalog_entry *e,
                         struct buffer *out);
/* The names of the messages and enums that the fields of `e` have, each once for each field; calls `found`
 * with an entry of the catalog. */
void schema_catalog_walk_uses(const struct schema_catalog *c, const struct schema_catalog_entry *e,
                              void (*found)(void *ctx, const struct schema_catalog_entry *used), void *ctx);

#endif
