/* SPDX-License-Identifier: Apache-2.0
 *
 * Payloads. The first byte chooses type and options, the rest is the payload. Proves that what JSON text can
 * be made of has a value tree that gives the same text, that the canonical form of a payload means the same
 * and is its own canonical form, and that the text encodes back to a message that gives it again.
 */
#include "fuzz_types.h"

#include "message/value.h"
#include "schema/schema.h"
#include "schema/schema_encode.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct schema_type *types[8];
static struct arena arena;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const char *const names[] = {"protobuf_test_messages.proto3.TestAllTypesProto3",
                                        "protobuf_test_messages.proto2.TestAllTypesProto2",
                                        "protobuf_test_messages.proto2.TestAllTypesProto2.MessageSetCorrect",
                                        "google.protobuf.Any",
                                        "protobuf_test_messages.editions.TestAllTypesEdition2023",
                                        "protobuf_test_messages.editions.proto2.TestAllTypesProto2",
                                        "protobuf_test_messages.editions.proto3.TestAllTypesProto3",
                                        "protobuf_test_messages.editions.proto2.TestAllTypesProto2."
                                        "MessageSetCorrect"};
    (void)argc;
    (void)argv;
    const struct schema_registry *r = fuzz_types_registry();
    for (int i = 0; i < 8; i++)
        types[i] = fuzz_types_find(r, names[i]);
    arena_init(&arena, 0, 8 * 1024 * 1024);
    return 0;
}

static enum status to_json(const struct schema_type *t, const struct schema_options *o, struct bytes payload,
                           struct buffer *out)
{
    struct error err;
    buffer_clear(out);
    enum status status = schema_decode_json(t, o, payload, &arena, out, &err);
    arena_reset(&arena);
    return status;
}

/* The value tree agrees with the text. */
static void check_value(const struct schema_type *t, const struct schema_options *o, struct bytes payload,
                        const struct buffer *json, enum status status)
{
    struct fby_value v;
    struct error err;
    struct buffer text = {0};
    enum status other = schema_decode_value(t, o, payload, &arena, &v, &err);
    /* A tree needs more memory than its text, and names of a map may fall together that are apart. */
    assert(status == STATUS_LIMIT || other == STATUS_LIMIT || other == status);
    if (status == STATUS_OK && other == STATUS_OK && value_write_json(&v, &text))
        assert(bytes_equal(buffer_bytes(&text), buffer_bytes(json)));
    buffer_finish(&text);
    arena_reset(&arena);
}

static void check_normal(const struct schema_type *t, const struct schema_options *o, struct bytes payload,
                         const struct buffer *json, enum status status)
{
    struct buffer once = {0}, twice = {0}, text = {0};
    struct schema_options plain = *o;
    plain.framing = SCHEMA_FRAMING_NONE;
    plain.skip_bytes = 0;
    enum status normal = schema_normalize(t, &plain, payload, &arena, &once, NULL);
    assert(status != STATUS_OK || normal == STATUS_OK || normal == STATUS_LIMIT);
    arena_reset(&arena);
    if (normal == STATUS_OK) {
        enum status again = schema_normalize(t, &plain, buffer_bytes(&once), &arena, &twice, NULL);
        assert(again == STATUS_LIMIT || bytes_equal(buffer_bytes(&once), buffer_bytes(&twice)));
        arena_reset(&arena);
        if (to_json(t, &plain, buffer_bytes(&once), &text) == STATUS_OK && status == STATUS_OK)
            assert(bytes_equal(buffer_bytes(&text), buffer_bytes(json)));
    }
    buffer_finish(&once);
    buffer_finish(&twice);
    buffer_finish(&text);
}

/* Text that came from a payload gives itself again when it is encoded; any other must do no harm. */
static void check_encode(const struct schema_type *t, const struct schema_options *o, struct bytes json,
                         bool is_ours)
{
    const struct schema_encode_options options = {.max_depth = 200, .max_elements = 1 << 20};
    struct buffer wire = {0}, text = {0};
    struct error err;
    enum status status = schema_encode_json(t, &options, json, &arena, &wire, &err);
    arena_reset(&arena);
    /* Every number of a NullValue shows as null, and null in a field says that it is not set. */
    bool has_null = memmem(json.data, json.len, "null", 4) != NULL;
    if (status == STATUS_OK && to_json(t, o, buffer_bytes(&wire), &text) == STATUS_OK && is_ours && !has_null)
        assert(bytes_equal(buffer_bytes(&text), json));
    buffer_finish(&wire);
    buffer_finish(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const struct schema_type *t = types[(data[0] & 3) | (data[0] & 128) >> 5];
    struct schema_options o = {
        .original_names = data[0] & 4,
        .int64_numbers = data[0] & 8,
        .enum_numbers = data[0] & 16,
        .emit_defaults = data[0] & 32,
        .unknown_fields = data[0] & 64 ? SCHEMA_UNKNOWN_FAIL : SCHEMA_UNKNOWN_DROP,
    };
    struct bytes payload = bytes_of(data + 1, size - 1);
    struct buffer json = {0};
    enum status status = to_json(t, &o, payload, &json);
    check_value(t, &o, payload, &json, status);
    o.unknown_fields = SCHEMA_UNKNOWN_DROP;
    check_normal(t, &o, payload, &json, status);
    if (status == STATUS_OK)
        check_encode(t, &o, buffer_bytes(&json), true);
    else
        check_encode(t, &o, payload, false);
    buffer_finish(&json);
    return 0;
}
