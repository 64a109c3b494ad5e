/* SPDX-License-Identifier: Apache-2.0
 *
 * Compiled message types: what schema_link makes of descriptors and what decoder and encoder walk by. Dense
 * tables give a field by its number and an enum name by its value; keys of JSON objects are escaped once,
 * here. Everything lives in the registry's arena and is immutable.
 */
#ifndef SCHEMA_SCHEMA_TYPE_H
#define SCHEMA_SCHEMA_TYPE_H

#include "base/bytes.h"
#include "schema/schema.h"

/* Numbers of FieldDescriptorProto.Type. */
enum schema_kind {
    SCHEMA_KIND_DOUBLE = 1,
    SCHEMA_KIND_FLOAT,
    SCHEMA_KIND_INT64,
    SCHEMA_KIND_UINT64,
    SCHEMA_KIND_INT32,
    SCHEMA_KIND_FIXED64,
    SCHEMA_KIND_FIXED32,
    SCHEMA_KIND_BOOL,
    SCHEMA_KIND_STRING,
    SCHEMA_KIND_GROUP,
    SCHEMA_KIND_MESSAGE,
    SCHEMA_KIND_BYTES,
    SCHEMA_KIND_UINT32,
    SCHEMA_KIND_ENUM,
    SCHEMA_KIND_SFIXED32,
    SCHEMA_KIND_SFIXED64,
    SCHEMA_KIND_SINT32,
    SCHEMA_KIND_SINT64,
};

enum schema_wire_type {
    SCHEMA_WIRE_VARINT = 0,
    SCHEMA_WIRE_FIXED64 = 1,
    SCHEMA_WIRE_LENGTH = 2,
    SCHEMA_WIRE_GROUP = 3,
    SCHEMA_WIRE_GROUP_END = 4,
    SCHEMA_WIRE_FIXED32 = 5,
};

/* Messages of google.protobuf with a JSON form of their own. */
enum schema_wellknown {
    SCHEMA_PLAIN,
    SCHEMA_TIMESTAMP,
    SCHEMA_DURATION,
    SCHEMA_FIELD_MASK,
    SCHEMA_STRUCT,
    SCHEMA_VALUE,
    SCHEMA_LIST_VALUE,
    SCHEMA_WRAPPER,
    SCHEMA_ANY,
};

enum {
    SCHEMA_FIELD_REPEATED = 1,
    SCHEMA_FIELD_PACKABLE = 2, /* repeated, of a numeric kind: reads packed and unpacked */
    SCHEMA_FIELD_PACKED = 4,   /* is written packed */
    SCHEMA_FIELD_PRESENCE = 8, /* set and unset differ, also when the value is the default */
    SCHEMA_FIELD_MAP = 16,
    SCHEMA_FIELD_REQUIRED = 32,
    SCHEMA_FIELD_UTF8 = 64, /* a string that must be valid UTF-8 (proto3) */
    SCHEMA_FIELD_EXTENSION = 128,
    SCHEMA_FIELD_WATCHED = 256, /* of a oneof or a closed enum: the walker looks twice */
};

enum { SCHEMA_NUMBER_MAX = 536870911 }; /* of a field */
enum { SCHEMA_FIELDS_MAX = 32767 };     /* of one message, extensions included */

struct schema_enum_value {
    int32_t number;
    struct fby_bytes name;
};

struct schema_enum {
    const char *full_name;
    bool closed;        /* proto2: a number that is not listed counts as an unknown field */
    bool is_null_value; /* google.protobuf.NullValue: JSON null */
    int32_t first;      /* number of the first value: the default */
    /* By number, ascending, one for each number (the first alias). */
    const struct schema_enum_value *values;
    uint32_t value_count;
    /* All names, sorted, aliases included. */
    const struct schema_enum_value *names;
    uint32_t name_count;
};

struct schema_field {
    uint32_t number;
    uint8_t kind;   /* enum schema_kind */
    uint8_t wire;   /* enum schema_wire_type of one element */
    uint16_t flags; /* SCHEMA_FIELD_* */
    uint16_t slot;  /* index in the type's fields */
    int32_t oneof;  /* index among the real oneofs of the type; -1: none */
    union {
        const struct schema_type *type; /* MESSAGE, GROUP; of a map: the entry */
        const struct schema_enum *enumeration;
    };
    /* [0] JSON name, [1] name in the .proto; of an extension "[full.name]" both times. NUL-terminated. */
    struct fby_bytes names[2];
    struct fby_bytes keys[2]; /* ,"name": ready to copy */
    const char *default_text; /* as in the .proto; NULL: none was given */
};

struct schema_name {
    struct fby_bytes name;
    const struct schema_field *field;
};

struct schema_type {
    const struct schema_registry *registry;
    const char *full_name;
    const struct schema_field *fields; /* by number, ascending, extensions included */
    uint32_t field_count;
    uint32_t dense_count;
    const uint16_t *dense; /* number -> slot + 1, for numbers below dense_count; 0: no such field */
    uint32_t oneof_count;
    uint32_t required_count;
    uint32_t default_count; /* fields that are shown at their default, when that is wanted */
    const char *const *oneof_names;
    const struct schema_defaults *defaults; /* NULL: few or none; see schema_defaults.h */
    uint8_t wellknown;                      /* enum schema_wellknown */
    bool is_map_entry;
    bool is_message_set;
    /* Every JSON and .proto name, sorted by bytes, for the encoder. */
    const struct schema_name *names;
    uint32_t name_count;
};

const struct schema_field *schema_type_field_sparse(const struct schema_type *t, uint32_t number);

/* NULL: the type has no such field. */
static inline const struct schema_field *schema_type_field(const struct schema_type *t, uint32_t number)
{
    if (number < t->dense_count) {
        uint16_t slot = t->dense[number];
        return slot ? &t->fields[slot - 1] : NULL;
    }
    return schema_type_field_sparse(t, number);
}

/* By JSON name or name in the .proto; NULL when there is none. */
const struct schema_field *schema_type_field_by_name(const struct schema_type *t, struct bytes name);
/* NULL: no value has this number. */
const struct schema_enum_value *schema_enum_find(const struct schema_enum *e, int32_t number);
const struct schema_enum_value *schema_enum_find_name(const struct schema_enum *e, struct bytes name);

/* Is an unset field shown when defaults are wanted? */
static inline bool schema_field_has_default(const struct schema_field *f)
{
    return !(f->flags & (SCHEMA_FIELD_PRESENCE | SCHEMA_FIELD_EXTENSION));
}

static inline bool schema_field_is_message(const struct schema_field *f)
{
    return f->kind == SCHEMA_KIND_MESSAGE || f->kind == SCHEMA_KIND_GROUP;
}

/* The message type of this full name, or NULL; for Any. */
const struct schema_type *schema_registry_type_named(const struct schema_registry *r, struct bytes name);

#endif
