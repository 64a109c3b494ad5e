/* SPDX-License-Identifier: Apache-2.0
 *
 * One FileDescriptorSet, unpacked by protobuf-c inside an allocator that bounds bytes, calls and stack depth:
 * the unpacker itself knows no limits. Lives from schema_registry_add() to schema_registry_link().
 */
#ifndef SCHEMA_SCHEMA_SET_H
#define SCHEMA_SCHEMA_SET_H

#include "base/arena.h"
#include "base/error.h"

#include <protobuf-c/protobuf-c.h>

enum {
    SCHEMA_SET_BYTES_MAX = 4 * 1024 * 1024,
    SCHEMA_SET_STACK_MAX = 192 * 1024, /* bytes of stack that unpacking may use */
};

/* The allocator of a bounded unpack. free() does nothing: all goes with the arena. */
struct schema_guard {
    ProtobufCAllocator allocator;
    struct arena arena;
    size_t calls_left;
    const char *stack_base;
    bool refused; /* a limit was hit: the input is too large or too deep rather than malformed */
};

/* Limits fit for `input_bytes` of input; call it from the function that unpacks. */
void schema_guard_init(struct schema_guard *g, size_t input_bytes);
void schema_guard_finish(struct schema_guard *g);

struct schema_set {
    char *name; /* of the file, for messages */
    struct schema_guard guard;
    struct Google__Protobuf__FileDescriptorSet *files; /* in the guard's arena */
};

/* NULL and the reason in `err`. */
struct schema_set *schema_set_create(const char *name, struct bytes packed, struct error *err);
void schema_set_destroy(struct schema_set *s);

#endif
