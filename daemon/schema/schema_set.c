/* SPDX-License-Identifier: Apache-2.0
 *
 * See schema_set.h.
 */
#include "schema/schema_set.h"

#include "base/memory.h"
#include "schema/schema_descriptor.pb-c.h"

#include <stdlib.h>

enum {
    GUARD_BYTES_BASE = 256 * 1024,
    GUARD_BYTES_FACTOR = 48, /* a descriptor unpacks to about ten times its size; source info to more */
};

static void *guard_alloc(void *ctx, size_t size)
{
    struct schema_guard *g = ctx;
    const char *here = __builtin_frame_address(0);
    size_t depth = here < g->stack_base ? (size_t)(g->stack_base - here) : (size_t)(here - g->stack_base);
    if (g->calls_left == 0 || depth > SCHEMA_SET_STACK_MAX) {
        g->refused = true;
        return NULL;
    }
    g->calls_left--;
    void *p = arena_alloc(&g->arena, size);
    if (!p)
        g->refused = true;
    return p;
}

static void guard_free(void *ctx, void *pointer)
{
    (void)ctx;
    (void)pointer;
}

void schema_guard_init(struct schema_guard *g, size_t input_bytes)
{
    *g = (struct schema_guard){
        .allocator = {.alloc = guard_alloc, .free = guard_free, .allocator_data = g},
        .calls_left = 64 + input_bytes,
        .stack_base = __builtin_frame_address(0),
    };
    arena_init(&g->arena, 32 * 1024, GUARD_BYTES_BASE + input_bytes * GUARD_BYTES_FACTOR);
}

void schema_guard_finish(struct schema_guard *g)
{
    arena_finish(&g->arena);
}

/* What a file that is no descriptor set may be instead: buf writes some of these. */
static const char *guess_format(struct bytes packed)
{
    if (packed.len >= 2 && packed.data[0] == 0x1f && packed.data[1] == 0x8b)
        return "compressed with gzip. Unpack it first";
    if (packed.len >= 4 && memcmp(packed.data, "\x28\xb5\x2f\xfd", 4) == 0)
        return "compressed with zstd. Unpack it first";
    if (packed.len && (packed.data[0] == '{' || packed.data[0] == '['))
        return "JSON. Make it binary, with: buf build -o FILE.binpb";
    return NULL;
}

struct schema_set *schema_set_create(const char *name, struct bytes packed, struct error *err)
{
    if (packed.len > SCHEMA_SET_BYTES_MAX) {
        error_set(
            err, STATUS_LIMIT,
            "%s: the descriptor set has %zu bytes; at most 4 MiB are read. Leave source info out of it, "
            "and files that no message needs",
            name, packed.len);
        return NULL;
    }
    struct schema_set *s = xcalloc(1, sizeof *s);
    s->name = xstrdup(name);
    schema_guard_init(&s->guard, packed.len);
    s->files = google__protobuf__file_descriptor_set__unpack(&s->guard.allocator, packed.len, packed.data);
    if (s->files && s->files->n_file > 0)
        return s;
    const char *format = s->files ? NULL : guess_format(packed);
    if (format)
        error_set(err, STATUS_INVALID, "%s: not a protobuf descriptor set but %s", name, format);
    else if (s->guard.refused)
        error_set(err, STATUS_LIMIT, "%s: the descriptor set is nested too deeply or needs too much memory",
                  name);
    else if (s->files)
        error_set(err, STATUS_INVALID,
                  "%s: the descriptor set is empty. Make it with: protoc --include_imports -o FILE SOURCES",
                  name);
    else
        error_set(err, STATUS_INVALID,
                  "%s: not a protobuf descriptor set. Make it with: protoc --include_imports -o FILE SOURCES",
                  name);
    schema_set_destroy(s);
    return NULL;
}

void schema_set_destroy(struct schema_set *s)
{
    if (!s)
        return;
    schema_guard_finish(&s->guard);
    free(s->name);
    free(s);
}
