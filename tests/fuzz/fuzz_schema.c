/* SPDX-License-Identifier: Apache-2.0
 *
 * Descriptor sets: the input is one. Proves that a crafted set is refused or loads, and that whatever loads
 * decodes and encodes payloads without harm. Start it with a real set as corpus.
 */
#include "message/value.h"
#include "schema/schema.h"
#include "schema/schema_encode.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_type(const struct schema_type *t, struct bytes payload, struct arena *a)
{
    const struct schema_options options = {.emit_defaults = true, .max_depth = 20, .max_output = 1 << 16};
    const struct schema_encode_options encode_options = {.max_depth = 20};
    struct buffer json = {0}, wire = {0};
    struct fby_value v;
    struct error err;
    if (schema_decode_json(t, &options, payload, a, &json, &err) == STATUS_OK &&
        schema_encode_json(t, &encode_options, buffer_bytes(&json), a, &wire, &err) == STATUS_OK)
        buffer_clear(&wire);
    if (schema_decode_value(t, &options, payload, a, &v, &err) == STATUS_OK &&
        schema_normalize(t, &options, payload, a, &wire, &err) == STATUS_OK)
        buffer_clear(&wire);
    buffer_finish(&json);
    buffer_finish(&wire);
    arena_reset(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t some[] = {0x08, 0x01, 0x12, 0x02, 0x08, 0x01, 0x1a, 0x00,
                                   0x23, 0x24, 0x2d, 1,    2,    3,    4};
    struct error err;
    struct arena arena;
    arena_init(&arena, 0, 1 << 20);
    struct schema_registry *r = schema_registry_create();
    if (schema_registry_add_set(r, "fuzz", bytes_of(data, size), &err) == STATUS_OK &&
        schema_registry_link(r, &err) == STATUS_OK) {
        size_t count = schema_registry_type_count(r);
        for (size_t i = 0; i < count && i < 20; i++) {
            try_type(schema_registry_type(r, i), bytes_of(some, sizeof some), &arena);
            try_type(schema_registry_type(r, i), bytes_of(data, size < 4096 ? size : 4096), &arena);
        }
        schema_registry_find(r, "no.such.Type", &err);
    }
    schema_registry_destroy(r);
    arena_finish(&arena);
    return 0;
}
