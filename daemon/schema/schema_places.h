/* SPDX-License-Identifier: Apache-2.0
 *
 * Where in its .proto something was declared, and what its author wrote beside it: a file's source info,
 * which protoc leaves out unless asked and buf puts in.
 */
#ifndef SCHEMA_SCHEMA_PLACES_H
#define SCHEMA_SCHEMA_PLACES_H

#include "base/arena.h"

/* Field numbers in descriptor.proto, the odd steps of a path. */
enum {
    SCHEMA_STEP_IMPORT = 3,
    SCHEMA_STEP_MESSAGE = 4,
    SCHEMA_STEP_ENUM = 5,
    SCHEMA_STEP_EXTENSION = 7,
    SCHEMA_STEP_FIELD = 2, /* these in a message */
    SCHEMA_STEP_NESTED_MESSAGE = 3,
    SCHEMA_STEP_NESTED_ENUM = 4,
    SCHEMA_STEP_NESTED_EXTENSION = 6,
    SCHEMA_STEP_ONEOF = 8,
    SCHEMA_STEP_VALUE = 2, /* in an enum */
};

struct Google__Protobuf__FieldDescriptorProto;
struct Google__Protobuf__FileDescriptorProto;
struct Google__Protobuf__SourceCodeInfo__Location;

/* Steps from a file's descriptor to a part of it: field number, index, field number, index. */
enum { SCHEMA_PATH_MAX = 72 };
struct schema_path {
    int32_t steps[SCHEMA_PATH_MAX];
    size_t len;
};

/* The path one level further down. */
struct schema_path schema_path_join(const struct schema_path *parent, int32_t field, size_t index);

/* Where `field` (compared by its address) is declared in `file`; false: nowhere. */
bool schema_path_find_field(const struct Google__Protobuf__FileDescriptorProto *file,
                            const struct Google__Protobuf__FieldDescriptorProto *field,
                            struct schema_path *path);

/* The locations of one file, ordered by their path. */
struct schema_places {
    const struct Google__Protobuf__SourceCodeInfo__Location **sorted; /* in the arena */
    size_t count;
};

/* Without source info, or without memory, there are none. The descriptor must outlive it. */
void schema_places_init(struct schema_places *p, const struct Google__Protobuf__FileDescriptorProto *file,
                        struct arena *a);
/* NULL: the file does not tell. */
const struct Google__Protobuf__SourceCodeInfo__Location *schema_places_find(const struct schema_places *p,
                                                                            const struct schema_path *path);
/* From 1; 0: the file does not tell. */
unsigned schema_places_line(const struct schema_places *p, const struct schema_path *path);

#endif
