/* SPDX-License-Identifier: Apache-2.0
 *
 * What one birth has declared: name, alias, type and unit of each metric, found by alias or by name. Made of
 * a flat run of bytes that is also what goes into the state, so two births are the same when their bytes are.
 * They are put into tables when somebody looks for the first time: after a start thousands are read at once.
 * Private to daemon/sparkplug.
 */
#ifndef SPARKPLUG_SPARKPLUG_BIRTH_H
#define SPARKPLUG_SPARKPLUG_BIRTH_H

#include "base/bytes.h"

enum { SPARKPLUG_BIRTH_MAX = 2 << 20 }; /* bytes, packed */

struct Spb__Metric;
struct Spb__Payload;

struct sparkplug_known {
    struct bytes name; /* UTF-8 or not, as it came */
    struct bytes unit; /* empty: none */
    uint64_t alias;
    bool has_alias;
    bool is_ambiguous; /* others have its alias, too; only the first of them is marked */
    uint8_t type;      /* enum sparkplug_type */
};

struct sparkplug_index;

struct sparkplug_birth {
    unsigned references;
    struct bytes packed;
    struct sparkplug_index *index;
};

/* The unit that a metric's own properties name; empty: none. In the payload. */
struct bytes sparkplug_birth_unit(const struct Spb__Metric *m);
/* The declarations of an NBIRTH or DBIRTH, appended; metrics without a name are left out. False: `out`
 * failed. */
bool sparkplug_birth_pack(const struct Spb__Payload *payload, struct buffer *out);
/* With one reference. NULL: the bytes are not what sparkplug_birth_pack() makes, or no memory. */
struct sparkplug_birth *sparkplug_birth_create(struct bytes packed);
struct sparkplug_birth *sparkplug_birth_ref(struct sparkplug_birth *b);
void sparkplug_birth_unref(struct sparkplug_birth *b); /* NULL is fine */

/* Metrics whose alias another one has. */
uint32_t sparkplug_birth_equal_count(const struct sparkplug_birth *b);
/* NULL: not declared, or declared for several metrics. */
const struct sparkplug_known *sparkplug_birth_find_alias(const struct sparkplug_birth *b, uint64_t alias);
/* Of several with one name the first. */
const struct sparkplug_known *sparkplug_birth_find_name(const struct sparkplug_birth *b, struct bytes name);

#endif
