/* SPDX-License-Identifier: Apache-2.0
 *
 * Envelopes. The first byte chooses what carries the message and the options, the rest is the envelope.
 * Proves that both ways of decoding take and refuse the same envelopes and give the same text.
 */
#include "fuzz_types.h"

#include "message/value.h"
#include "schema/schema_unwrap.h"

#include <assert.h>

enum { WAYS = 8 };

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct schema_unwrap *ways[2 * WAYS]; /* the second half keeps the rest of the envelope */
static struct arena arena;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static struct arena compiled;
    (void)argc;
    (void)argv;
    const struct schema_registry *r = fuzz_types_registry();
    const struct schema_type *three = fuzz_types_find(r, "protobuf_test_messages.proto3.TestAllTypesProto3"),
                             *two = fuzz_types_find(r, "protobuf_test_messages.proto2.TestAllTypesProto2"),
                             *any = fuzz_types_find(r, "google.protobuf.Any");
    const struct schema_unwrap_case numbers[] = {{"0", three}, {"-1", two}, {"7", any}},
                                    texts[] = {{"", two}, {"three", three}};
    const struct {
        const struct schema_type *envelope;
        struct schema_unwrap_settings settings;
    } all[WAYS] = {
        {any, {.field = "value"}},
        {three, {.field = "oneof_field"}},
        {three, {.field = "optional_any"}},
        {three, {.field = "recursive_message"}},
        {three, {.field = "optional_bytes", .type = two}},
        {three, {.field = "optional_bytes", .type_field = "optional_string"}},
        {three,
         {.field = "optional_bytes", .type_field = "optional_sint64", .types = numbers, .type_count = 3}},
        {two, {.field = "optional_bytes", .type_field = "optional_string", .types = texts, .type_count = 2}},
    };
    arena_init(&compiled, 0, 0);
    for (int i = 0; i < 2 * WAYS; i++) {
        struct schema_unwrap_settings s = all[i % WAYS].settings;
        const char *option;
        s.keep_as = i < WAYS ? NULL : "kept";
        ways[i] = schema_unwrap_compile(all[i % WAYS].envelope, &s, &compiled, &option, NULL);
        assert(ways[i]);
    }
    arena_init(&arena, 0, 8 * 1024 * 1024);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const struct schema_unwrap *u = ways[data[0] % (2 * WAYS)];
    const struct schema_options o = {.original_names = data[0] & 16,
                                     .int64_numbers = data[0] & 32,
                                     .emit_defaults = data[0] & 64,
                                     .unknown_fields =
                                         data[0] & 128 ? SCHEMA_UNKNOWN_KEEP : SCHEMA_UNKNOWN_DROP};
    struct bytes payload = bytes_of(data + 1, size - 1);
    struct buffer direct = {0}, tree = {0};
    struct fby_value v;
    struct error err;
    enum status one = schema_unwrap_json(u, &o, payload, &arena, &direct, &err);
    arena_reset(&arena);
    enum status other = schema_unwrap_value(u, &o, payload, &arena, &v, &err);
    /* A tree needs more memory than its text. */
    assert(one == STATUS_LIMIT || other == STATUS_LIMIT || one == other);
    assert(one == STATUS_OK || direct.len == 0);
    if (one == STATUS_OK && other == STATUS_OK && value_write_json(&v, &tree))
        assert(bytes_equal(buffer_bytes(&tree), buffer_bytes(&direct)));
    arena_reset(&arena);
    buffer_finish(&direct);
    buffer_finish(&tree);
    return 0;
}
