/* SPDX-License-Identifier: Apache-2.0
 *
 * Proves what the vectors of tests/conformance and the differential test do not reach: options, framing, the
 * value tree, limits, and that hostile payloads cost no more than their size allows.
 */
#include "message/value.h"
#include "schema/schema.h"
#include "schema_fixture.h"

#include "unit.h"

#include <stdio.h>

static const char schema_text[] =
    "syntax='proto3'; package t; import 'google/protobuf/timestamp.proto';"
    "import 'google/protobuf/duration.proto'; import 'google/protobuf/wrappers.proto';"
    "import 'google/protobuf/struct.proto'; import 'google/protobuf/any.proto';"
    "enum E { ZERO = 0; ONE = 1; }\n"
    "message M { int32 small_number = 1; int64 big = 2; E e = 3; bytes data = 4; M inner = 5; string text = "
    "6;"
    " repeated M list = 7; map<string, int32> map = 8; repeated int32 numbers = 9; float f = 10;"
    " google.protobuf.Timestamp at = 11; google.protobuf.Duration took = 12;"
    " google.protobuf.Int64Value wrapped = 13; google.protobuf.Struct free = 14; google.protobuf.Any any = "
    "15;"
    " oneof choice { int32 left = 16; M right = 17; } optional int32 maybe = 18; uint64 huge = 19;"
    " map<string, string> texts = 20; }";

static struct schema_registry *registry;
static const struct schema_type *type;
static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    registry = fixture_registry(schema_text);
    type = schema_registry_find(registry, "t.M", NULL);
    arena_init(&arena, 0, 0);
    return type == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    schema_registry_destroy(registry);
    arena_finish(&arena);
    return 0;
}

static enum status decode(const struct schema_options *o, struct bytes payload, struct buffer *out,
                          struct error *err)
{
    arena_reset(&arena);
    return schema_decode_json(type, o, payload, &arena, out, err);
}

/* Consumes the payload. */
static void assert_json(const struct schema_options *o, struct buffer *payload, const char *expected)
{
    struct buffer out = {0};
    struct error err = {.text = ""};
    if (decode(o, buffer_bytes(payload), &out, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    buffer_add_byte(&out, 0);
    assert_string_equal((char *)out.data, expected);
    buffer_finish(&out);
    buffer_finish(payload);
}

static void assert_refused(const struct schema_options *o, struct buffer *payload, enum status status,
                           const char *part)
{
    struct buffer out = {0};
    struct error err = {.text = ""};
    struct fby_value v;
    buffer_add_text(&out, "before");
    assert_int_equal(decode(o, buffer_bytes(payload), &out, &err), status);
    assert_memory_equal(out.data, "before", out.len);
    assert_int_equal(out.len, 6);
    assert_false(out.failed);
    if (!strstr(err.text, part))
        fail_msg("'%s' is not in: %s", part, err.text);
    arena_reset(&arena);
    assert_int_equal(schema_decode_value(type, o, buffer_bytes(payload), &arena, &v, &err), status);
    buffer_finish(&out);
    buffer_finish(payload);
}

static void add_sample(struct buffer *b)
{
    wire_number(b, 1, 7);
    wire_number(b, 2, 1234567890123);
    wire_number(b, 3, 1);
    wire_bytes(b, 4, bytes_of("\x01\xff", 2));
}

static void test_options(void **state)
{
    (void)state;
    struct buffer b = {0};
    struct schema_options o = {0};
    add_sample(&b);
    assert_json(&o, &b, "{\"smallNumber\":7,\"big\":\"1234567890123\",\"e\":\"ONE\",\"data\":\"Af8=\"}");
    o = schema_options_default();
    assert_true(o.emit_defaults);
    o.emit_defaults = false;
    add_sample(&b);
    assert_json(&o, &b, "{\"small_number\":7,\"big\":1234567890123,\"e\":\"ONE\",\"data\":\"Af8=\"}");
    o.enum_numbers = true;
    o.bytes_as = SCHEMA_BYTES_HEX;
    add_sample(&b);
    assert_json(&o, &b, "{\"small_number\":7,\"big\":1234567890123,\"e\":1,\"data\":\"01ff\"}");
}

static void test_defaults(void **state)
{
    (void)state;
    struct buffer b = {0};
    struct schema_options o = {.emit_defaults = true};
    wire_number(&b, 3, 0);
    assert_json(
        &o, &b,
        "{\"smallNumber\":0,\"big\":\"0\",\"e\":\"ZERO\",\"data\":\"\",\"text\":\"\",\"list\":[],\"map\":{},"
        "\"numbers\":[],\"f\":0,\"huge\":\"0\",\"texts\":{}}");
}

static void test_unknown_fields(void **state)
{
    (void)state;
    struct buffer b = {0};
    struct schema_options o = {.unknown_fields = SCHEMA_UNKNOWN_FAIL};
    wire_number(&b, 1, 7);
    assert_json(&o, &b, "{\"smallNumber\":7}");
    wire_number(&b, 99, 7);
    assert_refused(&o, &b, STATUS_INVALID, "t.M has no field 99");
}

/* Two fields, the first of them a group with three in it, two of which are groups again. */
static void add_unknown_groups(struct buffer *b)
{
    wire_tag(b, 40, 3);
    wire_tag(b, 41, 3);
    wire_tag(b, 41, 4);
    wire_number(b, 42, 1);
    wire_tag(b, 5000, 3);
    wire_tag(b, 44, 5);
    buffer_add(b, "\x05\0\0\0", 4);
    wire_text(b, 45, "x");
    wire_tag(b, 5000, 4);
    wire_tag(b, 40, 4);
    wire_number(b, 46, 300);
}

static void test_kept_groups(void **state)
{
    (void)state;
    static const char expected[] =
        "{\"@unknown\":[{\"field\":40,\"group\":[{\"field\":41,\"group\":[]},{\"field\":42,\"varint\":\"1\"},"
        "{\"field\":5000,\"group\":[{\"field\":44,\"fixed32\":5},{\"field\":45,\"bytes\":\"eA==\"}]}]},"
        "{\"field\":46,\"varint\":\"300\"}]}";
    struct buffer b = {0}, text = {0};
    struct schema_options o = {.unknown_fields = SCHEMA_UNKNOWN_KEEP, .max_elements = 7};
    struct fby_value v;
    add_unknown_groups(&b);
    arena_reset(&arena);
    assert_int_equal(schema_decode_value(type, &o, buffer_bytes(&b), &arena, &v, NULL), STATUS_OK);
    assert_true(value_write_json(&v, &text));
    assert_int_equal(text.len, sizeof expected - 1);
    assert_memory_equal(text.data, expected, text.len);
    buffer_finish(&text);
    assert_json(&o, &b, expected);
    o.max_elements = 6;
    add_unknown_groups(&b);
    assert_refused(&o, &b, STATUS_LIMIT, "more than 6 elements");
}

static void test_framing(void **state)
{
    (void)state;
    static const struct {
        int framing;
        const char *prefix;
        size_t len;
    } cases[] = {
        {SCHEMA_FRAMING_VARINT, "\x02", 1},           {SCHEMA_FRAMING_FIXED32_BE, "\0\0\0\x02", 4},
        {SCHEMA_FRAMING_FIXED32_LE, "\x02\0\0\0", 4}, {SCHEMA_FRAMING_FIXED16_BE, "\0\x02", 2},
        {SCHEMA_FRAMING_FIXED16_LE, "\x02\0", 2},
    };
    for (size_t i = 0; i < 5; i++) {
        struct schema_options o = {.framing = cases[i].framing, .skip_bytes = 3};
        struct buffer b = {0};
        buffer_add_text(&b, "abc");
        buffer_add(&b, cases[i].prefix, cases[i].len);
        wire_number(&b, 1, 7);
        assert_json(&o, &b, "{\"smallNumber\":7}");
        buffer_add_text(&b, "abc");
        buffer_add(&b, cases[i].prefix, cases[i].len);
        wire_number(&b, 1, 7);
        buffer_add_text(&b, "xy");
        assert_refused(&o, &b, STATUS_INVALID, "2 bytes follow the framed message");
        buffer_add_text(&b, "abc");
        buffer_add(&b, cases[i].prefix, cases[i].len);
        buffer_add_byte(&b, 8);
        assert_refused(&o, &b, STATUS_INVALID, "says 2 bytes, but 1 follow");
        buffer_add_text(&b, "ab");
        assert_refused(&o, &b, STATUS_INVALID, "fewer than the 3 to skip");
        buffer_add_text(&b, "abc");
        assert_refused(&o, &b, STATUS_INVALID, "length prefix");
    }
}

static void add_tree(struct buffer *b)
{
    struct buffer part = {0}, deeper = {0};
    wire_number(b, 2, (uint64_t)-5);
    wire_number(&part, 1, 100);
    wire_number(&part, 2, 5);
    wire_message(b, 11, &part);
    wire_number(&part, 1, 1);
    wire_number(&part, 2, 500000000);
    wire_message(b, 12, &part);
    wire_number(&part, 1, 9);
    wire_message(b, 13, &part);
    wire_text(&part, 1, "k");
    wire_message(&deeper, 1, &part);
    wire_message(b, 14, &deeper);
    wire_number(b, 19, UINT64_MAX);
}

static void test_value_tree(void **state)
{
    (void)state;
    struct buffer b = {0};
    struct schema_options o = {0};
    struct fby_value v;
    add_tree(&b);
    arena_reset(&arena);
    assert_int_equal(schema_decode_value(type, &o, buffer_bytes(&b), &arena, &v, NULL), STATUS_OK);
    assert_int_equal(v.type, FBY_MAP);
    assert_int_equal(v.len, 6);
    assert_string_equal(v.fields[0].name.data, "big");
    assert_int_equal(v.fields[0].value.type, FBY_INT);
    assert_int_equal(v.fields[0].value.flags, FBY_FLAG_TEXT64);
    assert_int_equal(v.fields[0].value.integer, -5);
    assert_int_equal(v.fields[1].value.type, FBY_TIME);
    assert_int_equal(v.fields[1].value.time_s, 100);
    assert_int_equal(v.fields[1].value.len, 5);
    assert_int_equal(v.fields[2].value.type, FBY_STRING);
    assert_memory_equal(v.fields[2].value.bytes, "1.500s", 6);
    assert_int_equal(v.fields[3].value.integer, 9);
    assert_int_equal(v.fields[4].value.type, FBY_MAP);
    assert_int_equal(v.fields[4].value.fields[0].value.type, FBY_NULL);
    assert_int_equal(v.fields[5].value.type, FBY_UINT);
    assert_true(v.fields[5].value.uinteger == UINT64_MAX);
    buffer_finish(&b);
}

static void test_limits(void **state)
{
    (void)state;
    struct buffer b = {0};
    struct schema_options o = {.max_payload = 10};
    wire_text(&b, 6, "0123456789");
    assert_refused(&o, &b, STATUS_LIMIT, "the payload has 12 bytes; the limit is 10");
    o = (struct schema_options){.max_elements = 3};
    for (int i = 0; i < 4; i++)
        wire_number(&b, 9, 1);
    assert_refused(&o, &b, STATUS_LIMIT, "more than 3 elements");
    wire_bytes(&b, 9, bytes_of("\1\1\1\1", 4));
    assert_refused(&o, &b, STATUS_LIMIT, "more than 3 elements");
    o = (struct schema_options){.max_output = 20};
    wire_text(&b, 6, "0123456789");
    struct buffer out = {0};
    struct error err;
    assert_int_equal(decode(&o, buffer_bytes(&b), &out, &err), STATUS_LIMIT);
    assert_non_null(strstr(err.text, "over the limit of 20 bytes"));
    buffer_finish(&out);
    buffer_finish(&b);
}

static void test_defaults_are_limited(void **state)
{
    (void)state;
    struct schema_options o = {.emit_defaults = true, .max_output = 64 << 20};
    struct buffer b = {0};
    for (int i = 0; i < 10000; i++)
        wire_text(&b, 7, "");
    assert_refused(&o, &b, STATUS_LIMIT, "more than 65536 elements");
}

static void test_many_small_messages_fit(void **state)
{
    (void)state;
    struct schema_options o = {0};
    for (uint32_t which = 0; which < 3; which++) {
        struct buffer b = {0}, out = {0};
        struct fby_value v;
        struct error err = {.text = ""};
        for (int i = 0; i < 20000; i++) {
            struct buffer piece = {0};
            if (which > 0)
                wire_number(&piece, which, (uint64_t)i);
            wire_message(&b, which == 1 ? 8 : 7, &piece);
        }
        if (which == 1) /* map entries whose key is a number in place of a text: unknown */
            wire_text(&b, 6, "x");
        if (decode(&o, buffer_bytes(&b), &out, &err) != STATUS_OK)
            fail_msg("case %u: %s", which, err.text);
        arena_reset(&arena);
        if (schema_decode_value(type, &o, buffer_bytes(&b), &arena, &v, &err) != STATUS_OK)
            fail_msg("case %u: %s", which, err.text);
        buffer_finish(&b);
        buffer_finish(&out);
    }
}

/* Overwritten keys and values of a map entry are refused like all others when they are not valid. */
static void test_overwritten_parts_of_map_entries(void **state)
{
    (void)state;
    struct schema_options o = {0};
    for (uint32_t number = 1; number <= 2; number++) {
        struct buffer b = {0}, entry = {0}, outer = {0};
        wire_bytes(&entry, number, bytes_of("\xff", 1));
        wire_text(&entry, number, "x");
        wire_message(&outer, 20, &entry);
        assert_refused(&o, &outer, STATUS_INVALID, "is not UTF-8");
        wire_text(&entry, number, "w");
        wire_text(&entry, number, "x");
        wire_message(&b, 20, &entry);
        assert_json(&o, &b, number == 1 ? "{\"texts\":{\"x\":\"\"}}" : "{\"texts\":{\"\":\"x\"}}");
    }
}

/* What others win over may lack required fields, as when it is set aside before it is complete. */
static void test_required_fields_of_what_is_lost(void **state)
{
    (void)state;
    static const struct {
        const char *payload, *json; /* NULL: refused */
        size_t len;
    } cases[] = {
        {"\x0a\x00", NULL, 2},                /* the member of the oneof that counts */
        {"\x0a\x00\x10\x01", "{\"n\":1}", 4}, /* another one follows */
        {"\x10\x01\x0a\x00", NULL, 4},
        {"\x1a\x02\x12\x00", NULL, 4}, /* an entry of the map */
        {"\x1a\x02\x12\x00\x1a\x04\x12\x02\x08\x05", "{\"m\":{\"0\":{\"id\":5}}}", 10},
        {"\x1a\x04\x12\x02\x08\x05\x1a\x02\x12\x00", NULL, 10},
        {"\x22\x00\x22\x02\x08\x07", "{\"r\":{\"id\":7}}", 6}, /* two pieces of one message */
    };
    struct schema_registry *r = fixture_registry(
        "syntax='proto2'; package t; message R { required int32 id = 1; }\n"
        "message P { oneof c { R o = 1; int32 n = 2; } map<int32, R> m = 3; optional R r = 4; }");
    const struct schema_type *p = schema_registry_find(r, "t.P", NULL);
    const struct schema_options o = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes payload = bytes_of(cases[i].payload, cases[i].len);
        struct buffer out = {0};
        struct error err;
        enum status status = schema_decode_json(p, &o, payload, &arena, &out, &err);
        assert_int_equal(status, cases[i].json ? STATUS_OK : STATUS_INVALID);
        if (cases[i].json)
            assert_true(bytes_equal(buffer_bytes(&out), bytes_of_text(cases[i].json)));
        else
            assert_non_null(strstr(err.text, "the required field id is missing"));
        buffer_finish(&out);
    }
    schema_registry_destroy(r);
}

static void nest(struct buffer *b, uint32_t number, int depth)
{
    for (int i = 0; i < depth; i++) {
        struct buffer outer = {0};
        wire_message(&outer, number, b);
        *b = outer;
    }
}

static void test_depth(void **state)
{
    (void)state;
    struct schema_options o = {0};
    struct buffer b = {0}, out = {0};
    nest(&b, 5, 64);
    assert_int_equal(decode(&o, buffer_bytes(&b), &out, NULL), STATUS_OK);
    buffer_finish(&b);
    buffer_finish(&out);
    nest(&b, 5, 65);
    assert_refused(&o, &b, STATUS_LIMIT, "nested more than 64 deep");
    o.max_payload = 16 << 20;
    o.max_depth = 1000000;
    nest(&b, 5, 10000);
    assert_refused(&o, &b, STATUS_LIMIT, "nested");
    /* Unknown groups nest as well. */
    for (int i = 0; i < 100000; i++)
        wire_tag(&b, 77, 3);
    assert_refused(&o, &b, STATUS_LIMIT, "groups are nested");
}

/* Grows a payload to about `size` by repeating a piece. */
static void repeat(struct buffer *b, struct buffer *piece, size_t size)
{
    while (b->len < size)
        buffer_add(b, piece->data, piece->len);
    buffer_finish(piece);
}

static void make_hostile(int which, struct buffer *b, size_t size)
{
    struct buffer piece = {0}, inner = {0};
    switch (which) {
    case 0: /* out of order at every level, which must not be redone */
        for (int i = 0; i < 60; i++) {
            struct buffer outer = {0};
            wire_bytes(&outer, 17, buffer_bytes(&inner));
            wire_number(&outer, 1, 1);
            inner = (buffer_finish(&inner), outer);
        }
        repeat(b, &inner, size);
        return;
    case 1: /* one message merged from many pieces, each deep */
        nest(&piece, 5, 50);
        repeat(b, &piece, size);
        return;
    case 2: /* many different map keys */
        for (uint32_t i = 0; b->len < size; i++) {
            char name[16];
            struct buffer entry = {0};
            wire_text(&entry, 1, (snprintf(name, sizeof name, "%x", i * 2654435761u), name));
            wire_message(b, 8, &entry);
        }
        return;
    case 3: /* members of a oneof taking turns */
        wire_number(&piece, 16, 1);
        wire_text(&piece, 17, "");
        repeat(b, &piece, size);
        return;
    case 4: /* the smallest messages */
        wire_text(&piece, 7, "");
        repeat(b, &piece, size);
        return;
    default: /* fields backwards */
        wire_number(&piece, 9, 1);
        wire_number(&piece, 1, 1);
        repeat(b, &piece, size);
        return;
    }
}

/* Work that doubles with each level would never end here; that it grows with the size alone is counted by
 * tests/bench/bench_codec_limits.py. */
static void test_hostile_payloads_come_to_an_end(void **state)
{
    (void)state;
    struct schema_options o = {.max_elements = 1 << 24, .max_payload = 16 << 20, .max_output = 64 << 20};
    for (int which = 0; which < 6; which++) {
        struct buffer payload = {0}, out = {0};
        struct fby_value v;
        struct error err = {.text = ""};
        make_hostile(which, &payload, 1 << 20);
        if (decode(&o, buffer_bytes(&payload), &out, &err) != STATUS_OK)
            fail_msg("case %d to JSON: %s", which, err.text);
        arena_reset(&arena);
        if (schema_decode_value(type, &o, buffer_bytes(&payload), &arena, &v, &err) != STATUS_OK)
            fail_msg("case %d to a value tree: %s", which, err.text);
        buffer_finish(&payload);
        buffer_finish(&out);
    }
}

static void test_big_payload(void **state)
{
    (void)state;
    struct schema_options o = {0};
    struct buffer b = {0}, text = {0};
    assert_true(buffer_reserve(&text, 10 << 20));
    memset(text.data, 'x', 10 << 20);
    text.len = 10 << 20;
    wire_message(&b, 6, &text);
    assert_refused(&o, &b, STATUS_LIMIT, "the limit is 262144");
}

static void test_arena_limit(void **state)
{
    (void)state;
    struct buffer b = {0}, out = {0};
    struct schema_options o = {0};
    struct arena small;
    struct fby_value v;
    struct error err;
    for (int i = 0; i < 5000; i++)
        wire_text(&b, 7, "");
    arena_init(&small, 0, 32 * 1024);
    assert_int_equal(schema_decode_json(type, &o, buffer_bytes(&b), &small, &out, &err), STATUS_LIMIT);
    assert_non_null(strstr(err.text, "more memory than allowed"));
    assert_int_equal(schema_decode_value(type, &o, buffer_bytes(&b), &small, &v, &err), STATUS_LIMIT);
    arena_finish(&small);
    buffer_finish(&b);
    buffer_finish(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_unknown_fields),
        cmocka_unit_test(test_kept_groups),
        cmocka_unit_test(test_framing),
        cmocka_unit_test(test_value_tree),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_defaults_are_limited),
        cmocka_unit_test(test_many_small_messages_fit),
        cmocka_unit_test(test_overwritten_parts_of_map_entries),
        cmocka_unit_test(test_required_fields_of_what_is_lost),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_hostile_payloads_come_to_an_end),
        cmocka_unit_test(test_big_payload),
        cmocka_unit_test(test_arena_limit),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
