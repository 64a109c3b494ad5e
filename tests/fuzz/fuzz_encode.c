/* SPDX-License-Identifier: Apache-2.0
 *
 * Value trees and JSON text to protobuf. The first byte chooses type and options, its highest bit a tree that
 * the rest describes instead of text. Proves that what is encoded can be decoded within the same limits, and
 * that what was decoded encodes to the same bytes.
 */
#include "fuzz_types.h"

#include "base/utf8.h"
#include "message/value.h"
#include "schema/schema_encode.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct schema_type *types[8];
static struct arena arena, scratch;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const char *const names[] = {"protobuf_test_messages.proto3.TestAllTypesProto3",
                                        "protobuf_test_messages.proto2.TestAllTypesProto2",
                                        "google.protobuf.Struct",
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
    arena_init(&arena, 0, 8 << 20);
    arena_init(&scratch, 0, 8 << 20);
    return 0;
}

/* ---- A tree from bytes ---- */

struct source {
    const uint8_t *at, *end;
    unsigned values_left;
};

static uint8_t take(struct source *s)
{
    return s->at < s->end ? *s->at++ : 0;
}

static uint64_t take_number(struct source *s)
{
    uint64_t n = 0;
    for (unsigned bytes = take(s) % 9; bytes > 0; bytes--)
        n = n << 8 | take(s);
    return n;
}

static struct fby_bytes take_run(struct source *s)
{
    size_t len = take(s), left = (size_t)(s->end - s->at);
    struct fby_bytes run = {(const char *)s->at, len < left ? len : left};
    s->at += run.len;
    return run;
}

static struct fby_value take_tree(struct source *s, unsigned depth);

/* Names of a tree are unique. */
static bool has_name(const struct fby_value *map, struct fby_bytes name)
{
    for (uint32_t i = 0; i < map->len; i++)
        if (bytes_equal(bytes_of(map->fields[i].name.data, map->fields[i].name.len),
                        bytes_of(name.data, name.len)))
            return true;
    return false;
}

static void take_entries(struct source *s, unsigned depth, struct fby_value *v)
{
    unsigned count = take(s) % 8;
    if (v->type == FBY_MAP)
        v->fields = arena_calloc(&arena, count + 1, sizeof *v->fields);
    else
        v->items = arena_calloc(&arena, count + 1, sizeof *v->items);
    for (unsigned i = 0; i < count && s->values_left; i++) {
        if (v->type == FBY_LIST) {
            v->items[v->len++] = take_tree(s, depth + 1);
            continue;
        }
        struct fby_bytes name = take_run(s);
        if (has_name(v, name) || !utf8_is_valid(bytes_of(name.data, name.len)))
            continue;
        struct fby_field *f = &v->fields[v->len++];
        f->name = (struct fby_bytes){arena_strndup(&arena, name.data, name.len), name.len};
        f->value = take_tree(s, depth + 1);
    }
}

static struct fby_value take_tree(struct source *s, unsigned depth)
{
    struct fby_value v = {.type = take(s) % (FBY_MAP + 1)};
    s->values_left -= s->values_left > 0;
    if (depth > 60 && (v.type == FBY_LIST || v.type == FBY_MAP))
        v.type = FBY_NULL;
    if (v.type == FBY_BOOL) {
        v.boolean = take(s) & 1;
    } else if (v.type == FBY_STRING || v.type == FBY_BYTES) {
        struct fby_bytes run = take_run(s);
        v.bytes = run.data;
        v.len = (uint32_t)run.len;
        if (v.type == FBY_STRING && !utf8_is_valid(bytes_of(run.data, run.len)))
            v.type = FBY_BYTES;
    } else if (v.type == FBY_LIST || v.type == FBY_MAP) {
        take_entries(s, depth, &v);
    } else if (v.type != FBY_NULL) {
        v.uinteger = take_number(s); /* of a double: its bits */
        if (v.type == FBY_TIME)
            v.len = (uint32_t)(take_number(s) % 1000000000);
    }
    return v;
}

/* ---- */

static void check_wire(const struct schema_type *t, struct bytes wire)
{
    const struct schema_options o = {.max_depth = 200, .max_elements = 1 << 20, .max_output = 16 << 20};
    const struct schema_encode_options e = {.max_depth = 200, .max_elements = 1 << 20};
    struct buffer text = {0}, again = {0};
    struct error err;
    enum status status = schema_decode_json(t, &o, wire, &scratch, &text, &err);
    if (status == STATUS_OK) {
        status = schema_encode_json(t, &e, buffer_bytes(&text), &scratch, &again, &err);
        assert(status == STATUS_LIMIT || (status == STATUS_OK && bytes_equal(buffer_bytes(&again), wire)));
    }
    buffer_finish(&again);
    buffer_finish(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const struct schema_type *t = types[(data[0] & 3) | (data[0] & 8) >> 1];
    const struct schema_encode_options o = {.ignore_unknown = data[0] & 4};
    struct buffer wire = {0};
    struct error err = {0};
    enum status status;
    if (data[0] & 0x80) {
        struct source s = {data + 1, data + size, 2000};
        struct fby_value v = take_tree(&s, 0);
        status = schema_encode_value(t, &o, &v, &scratch, &wire, &err);
    } else {
        status = schema_encode_json(t, &o, bytes_of(data + 1, size - 1), &scratch, &wire, &err);
    }
    assert(status == STATUS_OK || (err.text[0] && wire.len == 0));
    if (status == STATUS_OK)
        check_wire(t, buffer_bytes(&wire));
    buffer_finish(&wire);
    arena_reset(&arena);
    arena_reset(&scratch);
    return 0;
}
