/* SPDX-License-Identifier: Apache-2.0
 *
 * The descriptor sets that the entries of `schemas` were read as, in their order: what the last good
 * configuration keeps of files that may be broken at the next start. Rank 6.
 */
#ifndef GATEWAY_SCHEMA_SETS_H
#define GATEWAY_SCHEMA_SETS_H

#include "base/bytes.h"

/* Zero-initialised is empty. */
struct gateway_schema_sets {
    struct buffer *items; /* an empty one: not kept */
    size_t count;
};

/* Takes what `set` holds and leaves it empty. */
void gateway_schema_sets_add(struct gateway_schema_sets *s, struct buffer *set);
/* Take out the set at `index`; false: it is not kept. */
bool gateway_schema_sets_take(struct gateway_schema_sets *s, size_t index, struct buffer *set);
/* Empty again. */
void gateway_schema_sets_finish(struct gateway_schema_sets *s);

#endif
