/* SPDX-License-Identifier: Apache-2.0
 *
 * Wire bytes written from the end towards the beginning: when the length prefix of a message is due, its
 * content stands there already and has a length. So nothing is measured beforehand or moved afterwards.
 */
#ifndef SCHEMA_SCHEMA_WRITER_H
#define SCHEMA_SCHEMA_WRITER_H

#include "base/arena.h"
#include "schema/schema_type.h"

struct schema_writer {
    struct arena *arena;
    uint8_t *begin, *at, *end; /* written: at..end */
    size_t limit;              /* bytes */
    bool failed;               /* over the limit, or no memory; later writes are ignored */
};

void schema_writer_init(struct schema_writer *w, struct arena *a, size_t limit);
/* Bytes written so far; the length of a part is a difference of two of these. */
static inline size_t schema_writer_len(const struct schema_writer *w)
{
    return (size_t)(w->end - w->at);
}
void schema_writer_add(struct schema_writer *w, const void *data, size_t len);
void schema_writer_add_varint(struct schema_writer *w, uint64_t value);
void schema_writer_add_fixed32(struct schema_writer *w, uint32_t value);
void schema_writer_add_fixed64(struct schema_writer *w, uint64_t value);
void schema_writer_add_tag(struct schema_writer *w, uint32_t number, uint32_t wire);
/* Length prefix and tag in front of what was written since `mark` (a schema_writer_len()). */
void schema_writer_wrap(struct schema_writer *w, uint32_t number, size_t mark);
/* One value of the field's wire form, without its tag. `raw`: as it comes from the wire, of any width. */
void schema_writer_add_number(struct schema_writer *w, const struct schema_field *f, uint64_t raw);
/* A length prefix of this framing in front of everything. */
bool schema_writer_frame(struct schema_writer *w, int framing);

#endif
