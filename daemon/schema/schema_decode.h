/* SPDX-License-Identifier: Apache-2.0
 *
 * What the two writers of decoded messages (JSON text, value tree) have in common beside the wire walker.
 */
#ifndef SCHEMA_SCHEMA_DECODE_H
#define SCHEMA_SCHEMA_DECODE_H

#include "schema/schema_wire.h"

/* `o` with the default of each limit that is 0, and hard caps applied. */
struct schema_options schema_options_resolve(const struct schema_options *o, size_t payload_len);
/* Take skip_bytes and the framing off; what is left is exactly one message. */
MUST_CHECK enum status schema_unframe(const struct schema_options *o, struct bytes *payload,
                                      struct error *err);

/* Bound what decoding takes from `a`; returns the arena's own limit, to be put back afterwards. */
size_t schema_limit_arena(const struct schema_options *o, size_t payload_len, struct arena *a);

/* Seconds and nanoseconds of a Timestamp or Duration, checked. */
bool schema_read_time(struct schema_reader *r, const struct schema_type *t, const struct schema_level *level,
                      int64_t *seconds, int32_t *nanos);

/* What an Any holds. */
struct schema_any {
    struct bytes url;
    const struct schema_type *type; /* NULL: nothing at all */
    uint32_t value;                 /* its record, when has_value; else the message has no bytes */
    bool has_value;
};
bool schema_read_any(struct schema_reader *r, const struct schema_type *t, const struct schema_level *level,
                     struct schema_any *any);
/* Open the message that an Any holds; counts one level of depth. */
bool schema_any_open(struct schema_reader *r, const struct schema_any *any, struct schema_level *level);

/* FieldMask as text, appended to `out`. */
bool schema_read_field_mask(struct schema_reader *r, const struct schema_level *level, struct buffer *out);

/* Is the field, seen `count` times from `first` on, to be left out because its value is the default? */
static inline bool schema_field_is_silent(const struct schema_reader *r, const struct schema_field *f,
                                          uint32_t last)
{
    return !(f->flags & (SCHEMA_FIELD_PRESENCE | SCHEMA_FIELD_REPEATED)) && !r->options->emit_defaults &&
           schema_record_is_default(f, &r->records[last]);
}

/* Of a scalar that occurs more than once only the last occurrence counts: check the others. */
static inline bool schema_check_repeats(struct schema_reader *r, const struct schema_type *t,
                                        const struct schema_field *f, uint32_t first, uint32_t count)
{
    return count == 1 || !(f->flags & SCHEMA_FIELD_UTF8) || (f->flags & SCHEMA_FIELD_REPEATED) ||
           schema_records_check(r, t, first, count - 1);
}

/* Are the unset fields of this message to be shown? Then they are spent like fields that are there: one byte
 * of payload can stand for a message with any number of them. False with a reason in `r`: over the limit. */
static inline bool schema_spend_defaults(struct schema_reader *r, const struct schema_type *t, bool *defaults)
{
    *defaults = r->options->emit_defaults && t->default_count > 0;
    return !*defaults || schema_reader_spend_defaults(r, t->default_count);
}

#endif
