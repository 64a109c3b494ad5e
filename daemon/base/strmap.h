/* SPDX-License-Identifier: Apache-2.0
 *
 * Map from byte strings to pointers, keeping the order of insertion. The hash is keyed with random bytes, so
 * that names from outside cannot be chosen to collide.
 */
#ifndef BASE_STRMAP_H
#define BASE_STRMAP_H

#include "base/bytes.h"

struct strmap_entry {
    char *name; /* owned, NUL-terminated */
    size_t len;
    uint64_t hash;
    void *value; /* borrowed */
};

/* Zero-initialised is empty. */
struct strmap {
    struct strmap_entry *entries; /* in order of insertion; iterate 0..count-1 */
    size_t count, capacity;
    uint32_t *slots; /* index + 1 */
    size_t slot_count;
};

/* Keyed 64-bit hash (SipHash-1-3); the key is drawn once for each process. */
uint64_t strmap_hash(const void *data, size_t len);

/* The same for a number: cheaper, and without the key nobody can choose numbers that fall together. */
uint64_t strmap_hash_number(uint64_t number);

/* Add; false when the name is there already (nothing changes). */
bool strmap_add(struct strmap *m, const char *name, void *value);
bool strmap_add_bytes(struct strmap *m, struct bytes name, void *value);
/* NULL when absent. */
void *strmap_find(const struct strmap *m, const char *name);
void *strmap_find_bytes(const struct strmap *m, struct bytes name);
bool strmap_has(const struct strmap *m, const char *name);
void strmap_finish(struct strmap *m);

#endif
