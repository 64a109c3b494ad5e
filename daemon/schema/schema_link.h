/* SPDX-License-Identifier: Apache-2.0
 *
 * From descriptors to compiled types, in two steps: schema_link declares every message and enum under its
 * full name and finds what a name in a descriptor refers to; schema_compile fills in one type. Descriptors
 * may be crafted: everything in them is checked here, once.
 */
#ifndef SCHEMA_SCHEMA_LINK_H
#define SCHEMA_SCHEMA_LINK_H

#include "base/strmap.h"
#include "schema/schema_features.h"
#include "schema/schema_places.h"
#include "schema/schema_set.h"
#include "schema/schema_type.h"

struct Google__Protobuf__DescriptorProto;
struct Google__Protobuf__EnumDescriptorProto;
struct Google__Protobuf__FieldDescriptorProto;
struct Google__Protobuf__FileDescriptorProto;

enum { SCHEMA_TYPES_MAX = 10000, SCHEMA_FILES_MAX = 4000, SCHEMA_NESTING_MAX = 32 };

/* A file of a set, with what messages about it need. */
struct schema_file {
    const char *set_name;
    const struct Google__Protobuf__FileDescriptorProto *descriptor;
    struct schema_features features;
};

/* A declared message or enum. */
struct schema_symbol {
    const char *full_name;
    const struct schema_file *file;
    const struct Google__Protobuf__DescriptorProto *message; /* one of the two */
    const struct Google__Protobuf__EnumDescriptorProto *enumeration;
    struct schema_type *type; /* one of the two */
    struct schema_enum *compiled_enum;
    struct schema_features features;
    struct schema_extension *extensions; /* of a message: fields declared elsewhere */
    size_t extension_count;
};

/* A field that a file adds to a message of another. */
struct schema_extension {
    struct schema_extension *next; /* of the same extendee */
    const struct schema_file *file;
    const char *scope;               /* full name of what it is declared in: its package or message */
    struct schema_features features; /* of that */
    const struct Google__Protobuf__FieldDescriptorProto *field;
};

struct schema_linker {
    const struct schema_registry *registry;
    struct arena *arena;  /* compiled types */
    struct arena scratch; /* gone after linking */
    struct strmap file_names;
    struct strmap *symbols; /* struct schema_symbol, in the order of declaration */
    struct schema_file **files;
    size_t file_count, file_capacity;
    struct error *err;
};

/* The file's place for a message: "acme.desc: acme/v1.proto". Returns false always, so that it can be
 * returned. */
bool schema_link_refuse(struct schema_linker *l, const struct schema_file *f, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* The same about a field of that file, with its line where the set has source info. */
bool schema_link_refuse_field(struct schema_linker *l, const struct schema_file *f,
                              const struct Google__Protobuf__FieldDescriptorProto *field, const char *format,
                              ...) PRINTF_LIKE(4, 5);
bool schema_link_no_memory(struct schema_linker *l);
/* What `name`, written inside `scope`, refers to; NULL: nothing. A name with a leading dot is complete. */
struct schema_symbol *schema_link_resolve(struct schema_linker *l, const char *scope, const char *name);
/* Letters, digits and underscores, not starting with a digit. NULL is none. */
bool schema_link_is_identifier(const char *name);

/* Fill in the symbol's type or enum. */
bool schema_compile_symbol(struct schema_linker *l, struct schema_symbol *s);

/* Declare, resolve and compile all files of `sets` into `symbols` (struct schema_symbol, living in `arena`).
 */
MUST_CHECK enum status schema_link(const struct schema_registry *r, struct schema_set *const *sets,
                                   size_t set_count, struct arena *arena, struct strmap *symbols,
                                   struct error *err);

#endif
