/* SPDX-License-Identifier: Apache-2.0
 *
 * Proves that value trees become wire bytes, and that errors name the path of the field. The forms of JSON
 * are proven by tests/conformance.
 */
#include "message/value.h"
#include "schema/schema_encode.h"
#include "schema_fixture.h"

#include "unit.h"

static const char schema_text[] = "syntax='proto2'; package t; import 'google/protobuf/timestamp.proto';"
                                  "import 'google/protobuf/struct.proto'; enum E { ZERO = 0; ONE = 1; }\n"
                                  "message Item { required int32 id = 1; optional string name = 2; }\n"
                                  "message M { optional int32 n = 1; repeated Item items = 2; map<string, "
                                  "Item> by_name = 3; optional E e = 4;"
                                  " oneof o { int32 left = 5; string right = 6; } optional bytes data = 7; "
                                  "repeated float f = 8 [packed=true];"
                                  " optional google.protobuf.Timestamp at = 9; optional "
                                  "google.protobuf.Value any = 10; optional M m = 11; }";

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

static void assert_refused(const char *json, const char *expected)
{
    struct schema_encode_options o = {0};
    struct buffer out = {0};
    struct error err = {.text = ""};
    buffer_add_text(&out, "before");
    arena_reset(&arena);
    assert_int_equal(schema_encode_json(type, &o, bytes_of_text(json), &arena, &out, &err), STATUS_INVALID);
    assert_string_equal(err.text, expected);
    assert_int_equal(out.len, 6);
    buffer_finish(&out);
}

static void test_errors_name_the_path(void **state)
{
    (void)state;
    assert_refused("{\"n\":\"x\"}", "n must be an integer");
    assert_refused("{\"n\":3000000000}", "n is out of range");
    assert_refused("{\"n\":\"-9223372036854775809\"}", "n is out of range");
    assert_refused("{\"n\":-9223372036854775809}", "n is out of range");
    assert_refused("{\"n\":18446744073709551617}", "n is out of range");
    assert_refused("{\"n\":1.00000000000000000001}", "n must be an integer");
    assert_refused("{\"n\":\" 1\"}", "n must be an integer");
    assert_refused("{\"f\":[1e400]}", "f[0] is out of range");
    assert_refused("{\"f\":[\"1e400\"]}", "f[0] is out of range");
    assert_refused("{\"f\":[\"1 \"]}", "f[0] must be a number");
    assert_refused("{\"right\":12345678901234567890123}", "right must be a string");
    assert_refused("{\"e\":12345678901234567890123}", "e is out of range");
    assert_refused("{\"items\":[{\"id\":1},{\"id\":true}]}", "items[1].id must be an integer");
    assert_refused("{\"items\":[{\"id\":1},{}]}", "items[1] lacks the required field id");
    assert_refused("{\"items\":[null]}", "items[0] must not be null");
    assert_refused("{\"items\":{}}", "items must be a list");
    assert_refused("{\"by_name\":{\"a b\":{\"id\":1,\"nmae\":2}}}",
                   "by_name.a b.nmae is not a field of t.Item");
    assert_refused("{\"e\":\"TWO\"}", "e is not a value of the enum t.E: TWO");
    assert_refused("{\"e\":2}", "e is not a value of the enum");
    assert_refused("{\"left\":1,\"right\":\"\"}",
                   "right and left cannot both be set: they are members of the oneof o");
    assert_refused("{\"m\":{\"data\":\"???\"}}", "m.data is not base64");
    assert_refused("{\"at\":\"yesterday\"}",
                   "at must be a time such as \"2026-01-31T12:00:00Z\", years 1 to 9999");
    assert_refused("[]", "the message must be a map with the fields of t.M");
    assert_refused("{\"n\":1,\"n\":2}", "byte 13: a name occurs twice in this map");
}

static struct fby_field field(const char *name, struct fby_value v)
{
    return (struct fby_field){{name, strlen(name)}, v};
}

static void test_value_tree(void **state)
{
    (void)state;
    struct fby_value floats[2] = {value_double(1.5), value_int(2)};
    struct fby_field fields[] = {
        field("at", (struct fby_value){.type = FBY_TIME, .len = 5, .time_s = 100}),
        field("data", value_bytes(bytes_of("\x01", 1))),
        field("n", value_int(-1)),
        field("f", (struct fby_value){.type = FBY_LIST, .len = 2, .items = floats}),
        field("e", value_text("ONE")),
        field("any", value_bytes(bytes_of("\x01", 1))),
        field("right", value_null()),
    };
    const struct fby_value v = {.type = FBY_MAP, .len = 7, .fields = fields};
    static const uint8_t expected[] = "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" /* n */
                                      "\x20\x01"                                     /* e */
                                      "\x3a\x01\x01"                                 /* data */
                                      "\x42\x08\0\0\xc0\x3f\0\0\0\x40"               /* f, packed */
                                      "\x4a\x04\x08\x64\x10\x05"                     /* at */
                                      "\x52\x06\x1a\x04"
                                      "AQ==";
    struct schema_encode_options o = {0};
    struct buffer out = {0};
    arena_reset(&arena);
    assert_int_equal(schema_encode_value(type, &o, &v, &arena, &out, NULL), STATUS_OK);
    assert_int_equal(out.len, sizeof expected - 1);
    assert_memory_equal(out.data, expected, out.len);
    buffer_clear(&out);
    o.framing = SCHEMA_FRAMING_FIXED16_BE;
    assert_int_equal(schema_encode_value(type, &o, &v, &arena, &out, NULL), STATUS_OK);
    assert_memory_equal(out.data, "\0\x28", 2);
    assert_int_equal(out.len, sizeof expected + 1);
    buffer_finish(&out);
}

static void test_unknown_names_can_be_left_out(void **state)
{
    (void)state;
    struct schema_encode_options o = {.ignore_unknown = true};
    struct buffer out = {0};
    arena_reset(&arena);
    assert_int_equal(schema_encode_json(type, &o, bytes_of_text("{\"x\":{\"y\":1},\"e\":\"TWO\",\"n\":1}"),
                                        &arena, &out, NULL),
                     STATUS_OK);
    assert_int_equal(out.len, 2);
    assert_memory_equal(out.data, "\x08\x01", 2);
    buffer_finish(&out);
}

static void test_limits(void **state)
{
    (void)state;
    struct schema_encode_options o = {.max_output = 100};
    struct buffer json = {0}, out = {0};
    struct error err;
    buffer_add_text(&json, "{\"right\":\"");
    for (int i = 0; i < 200; i++)
        buffer_add_byte(&json, 'x');
    buffer_add_text(&json, "\"}");
    assert_int_equal(schema_encode_json(type, &o, buffer_bytes(&json), &arena, &out, &err), STATUS_LIMIT);
    assert_non_null(strstr(err.text, "limit of 100 bytes"));
    buffer_clear(&json);
    o.max_output = 0;
    for (int i = 0; i < 70; i++)
        buffer_add_text(&json, "{\"m\":");
    buffer_add_text(&json, "{}");
    for (int i = 0; i < 70; i++)
        buffer_add_byte(&json, '}');
    assert_int_equal(schema_encode_json(type, &o, buffer_bytes(&json), &arena, &out, &err), STATUS_LIMIT);
    assert_non_null(strstr(err.text, "nested too deep"));
    assert_int_equal(out.len, 0);
    buffer_finish(&json);
    buffer_finish(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors_name_the_path),
        cmocka_unit_test(test_value_tree),
        cmocka_unit_test(test_unknown_names_can_be_left_out),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
