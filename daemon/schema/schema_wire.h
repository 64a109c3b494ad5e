/* SPDX-License-Identifier: Apache-2.0
 *
 * The wire walker. One message level at a time: one pass over its bytes makes a list of 16-byte records, the
 * list is put into the order of the fields when it is not, losers of oneofs are taken out, and only then does
 * a writer (JSON, value tree, wire) descend. So the work stays proportional to the payload whatever the order
 * on the wire. Records of nested levels stack up behind those of their parents.
 */
#ifndef SCHEMA_SCHEMA_WIRE_H
#define SCHEMA_SCHEMA_WIRE_H

#include "base/arena.h"
#include "schema/schema_type.h"

enum {
    SCHEMA_DEPTH_HARD_MAX = 200, /* levels of a message: bounds the stack */
    SCHEMA_RECORDS_INITIAL = 128,
    SCHEMA_DEFAULTS_BASE = 4096,
    SCHEMA_DEFAULTS_FACTOR = 4, /* for each byte of payload */
};

#define SCHEMA_RECORD_PACKED  UINT32_C(0x80000000) /* flag in `slot`: a packed run */
#define SCHEMA_RECORD_UNKNOWN UINT32_C(0x7fffffff) /* `slot`: a whole field, tag included */
#define SCHEMA_RECORD_SLOT(s) ((s)&UINT32_C(0x7fffffff))

/* One occurrence of a field. */
struct schema_record {
    union {
        uint64_t number;     /* varints and fixed, as they came */
        const uint8_t *data; /* length-delimited, groups, packed runs, unknown fields */
    };
    uint32_t len;
    uint32_t slot; /* of the field in its type, and flags */
};

/* The records of one message: schema_reader.records[begin..end). */
struct schema_level {
    uint32_t begin, end;
};

struct schema_group_end {
    const uint8_t *begin, *end; /* a nested group's content */
};

/* Those of SCHEMA_KEEP_PLAIN have a place to be shown in. */
enum schema_keep { SCHEMA_KEEP_NONE, SCHEMA_KEEP_PLAIN, SCHEMA_KEEP_ALL };

struct schema_reader {
    const struct schema_options *options; /* with every limit set */
    struct arena *arena;
    struct schema_record *records;
    uint32_t count, capacity;
    uint32_t elements_left;
    uint32_t defaults_left; /* unset fields that may still be shown */
    uint32_t depth_left;
    int keep_unknown;      /* enum schema_keep: whose unknown fields become records */
    uint32_t lost_depth;   /* in what others win over: it must be well formed, but need not be complete */
    bool unknown_enum;     /* a scan met a number outside a closed enum */
    const uint8_t *origin; /* start of the payload, for messages */
    enum status status;
    struct error *err;
    struct schema_group_end *groups; /* hash table by `begin` of the nested groups that were passed over */
    uint32_t group_count, group_capacity;
    struct schema_record initial[SCHEMA_RECORDS_INITIAL];
};

/* So many unset fields are shown for one payload (emit_defaults): a few bytes may stand for a message with
 * hundreds of them. */
static inline int64_t schema_reader_max_defaults(const struct schema_options *o, size_t payload_len)
{
    int64_t most = SCHEMA_DEFAULTS_BASE + SCHEMA_DEFAULTS_FACTOR * (int64_t)payload_len;
    return most < o->max_elements ? most : o->max_elements;
}

/* Places in messages count from the start of `payload`, framing included. */
void schema_reader_init(struct schema_reader *r, const struct schema_options *o, struct arena *a,
                        struct bytes payload, struct error *err);

/* Note why reading stops; `at` is the place in the payload or NULL. Always false. */
bool schema_reader_fail(struct schema_reader *r, enum status status, const uint8_t *at, const char *format,
                        ...) PRINTF_LIKE(4, 5);
bool schema_reader_no_memory(struct schema_reader *r);
/* Take `n` off the elements that this payload may have. */
bool schema_reader_spend(struct schema_reader *r, size_t n);
/* The same for `n` unset fields that are shown: these are bounded by the payload's size as well. */
bool schema_reader_spend_defaults(struct schema_reader *r, size_t n);

/* Scan a message and make it the newest level. */
bool schema_level_open_bytes(struct schema_reader *r, const struct schema_type *t, struct bytes message,
                             struct schema_level *level);
/* The same for a submessage, given as the records first..first+count of its parent: a message that occurs
 * more than once is the concatenation of its occurrences. Counts one level of depth. */
bool schema_level_open(struct schema_reader *r, const struct schema_type *t, uint32_t first, uint32_t count,
                       struct schema_level *level);
/* Give the newest level back, and its depth if it was opened by schema_level_open(). */
void schema_level_close_bytes(struct schema_reader *r, const struct schema_level *level);
void schema_level_close(struct schema_reader *r, const struct schema_level *level);
/* Records from `i` on that belong to the same field. */
static inline uint32_t schema_level_run(const struct schema_reader *r, const struct schema_level *level,
                                        uint32_t i)
{
    uint32_t slot = SCHEMA_RECORD_SLOT(r->records[i].slot), n = 1;
    while (i + n < level->end && SCHEMA_RECORD_SLOT(r->records[i + n].slot) == slot)
        n++;
    return n;
}
/* The last record of a field, which is the one that counts; NULL: the field is not there. */
const struct schema_record *schema_level_last(const struct schema_reader *r, const struct schema_level *level,
                                              uint32_t slot);

/* Records that will not be shown, because others follow that win over them, must be valid all the same. */
bool schema_records_check(struct schema_reader *r, const struct schema_type *t, uint32_t first,
                          uint32_t count);

/* A number that the closed enum of `f` lacks: false where that is an error. */
bool schema_reader_pass_enum(struct schema_reader *r, const struct schema_field *f, uint64_t raw,
                             const uint8_t *at);
/* Where the records of unknown fields begin, which stand behind all others. */
uint32_t schema_level_known_end(const struct schema_reader *r, const struct schema_level *level);

/* Count the elements of a packed run and spend them. */
bool schema_packed_count(struct schema_reader *r, const struct schema_field *f,
                         const struct schema_record *run, uint32_t *count);
bool schema_packed_next_slow(struct schema_reader *r, const struct schema_field *f, const uint8_t **at,
                             const uint8_t *end, uint64_t *value);

/* The next element of a run that was counted; moves *at. */
static inline bool schema_packed_next(struct schema_reader *r, const struct schema_field *f,
                                      const uint8_t **at, const uint8_t *end, uint64_t *value)
{
    const uint8_t *p = *at;
    if (f->wire != SCHEMA_WIRE_VARINT || (p[0] >= 0x80 && p[1] >= 0x80))
        return schema_packed_next_slow(r, f, at, end, value);
    bool two = p[0] >= 0x80;
    *value = two ? (uint64_t)(p[0] & 0x7f) | (uint64_t)p[1] << 7 : p[0];
    *at = p + 1 + two;
    return true;
}

static inline int32_t schema_sint32(uint64_t raw)
{
    uint32_t n = (uint32_t)raw;
    return (int32_t)((n >> 1) ^ (~(n & 1) + 1));
}

static inline int64_t schema_sint64(uint64_t raw)
{
    return (int64_t)((raw >> 1) ^ (~(raw & 1) + 1));
}

static inline float schema_float(uint64_t raw)
{
    uint32_t bits = (uint32_t)raw;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static inline double schema_double(uint64_t raw)
{
    double d;
    memcpy(&d, &raw, sizeof d);
    return d;
}

/* Is the value the one that an unset field has? -0.0 is not. */
static inline bool schema_record_is_default(const struct schema_field *f, const struct schema_record *record)
{
    if (f->wire == SCHEMA_WIRE_LENGTH)
        return record->len == 0;
    if (f->wire != SCHEMA_WIRE_VARINT)
        return record->number == 0;
    return (f->kind == SCHEMA_KIND_INT32 || f->kind == SCHEMA_KIND_UINT32 || f->kind == SCHEMA_KIND_SINT32 ||
            f->kind == SCHEMA_KIND_ENUM)
               ? (uint32_t)record->number == 0
               : record->number == 0;
}

/* Is this field's enum closed, and `raw` none of its numbers? */
static inline bool schema_field_rejects(const struct schema_field *f, uint64_t raw)
{
    return f->kind == SCHEMA_KIND_ENUM && f->enumeration->closed &&
           !schema_enum_find(f->enumeration, (int32_t)raw);
}

#endif
