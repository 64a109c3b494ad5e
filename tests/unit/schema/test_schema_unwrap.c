/* SPDX-License-Identifier: Apache-2.0
 *
 * What this proves: the message that an envelope carries (Any, oneof, message, bytes) is decoded in its
 * place, the same on both ways; the rest of the envelope is kept under a name or dropped, and must be valid
 * in both cases; settings that do not fit the envelope are refused with the reason.
 */
#include "message/value.h"
#include "schema/schema_unwrap.h"
#include "schema_fixture.h"

#include "unit.h"

static const char source[] =
    "syntax = \"proto3\"; package t;\n"
    "import \"google/protobuf/any.proto\";\n"
    "import \"google/protobuf/wrappers.proto\";\n"
    "enum Kind { KIND_NONE = 0; KIND_POINT = 1; KIND_NAME = 2; }\n"
    "message Point { int32 x = 1; int32 y = 2; }\n"
    "message Name { string name = 1; }\n"
    "message Envelope {\n"
    "  string id = 1;\n"
    "  google.protobuf.Any any = 2;\n"
    "  oneof body { Point point = 3; Name name = 4; string text = 5; google.protobuf.Any other = 6;\n"
    "               google.protobuf.Int32Value wrapped = 7; }\n"
    "  bytes data = 8; string type = 9; Kind kind = 10; sint64 number = 11;\n"
    "  Point always = 12; repeated Point many = 13; double ratio = 14;\n"
    "}\n";

struct fixture {
    struct schema_registry *registry;
    struct arena arena;
    struct schema_options options;
    struct buffer payload;
    const char *option;
    struct error err;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->registry = fixture_registry(source);
    f->options.original_names = f->options.int64_numbers = true;
    arena_init(&f->arena, 0, 0);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    buffer_finish(&f->payload);
    arena_finish(&f->arena);
    schema_registry_destroy(f->registry);
    free(f);
    return 0;
}

static const struct schema_type *find(struct fixture *f, const char *name)
{
    const struct schema_type *t = schema_registry_find(f->registry, name, &f->err);
    if (!t)
        fail_msg("%s", f->err.text);
    return t;
}

static const struct schema_unwrap *compile(struct fixture *f, const char *envelope,
                                           struct schema_unwrap_settings s)
{
    return schema_unwrap_compile(find(f, envelope), &s, &f->arena, &f->option, &f->err);
}

static const struct schema_unwrap *must_compile(struct fixture *f, const char *envelope,
                                                struct schema_unwrap_settings s)
{
    const struct schema_unwrap *u = compile(f, envelope, s);
    if (!u)
        fail_msg("%s: %s", f->option, f->err.text);
    return u;
}

/* Both ways give this text; the payload is emptied. */
static void expect(struct fixture *f, const struct schema_unwrap *u, const char *json)
{
    struct fby_value v;
    struct buffer direct = {0}, tree = {0};
    struct bytes payload = buffer_bytes(&f->payload);
    if (schema_unwrap_json(u, &f->options, payload, &f->arena, &direct, &f->err) != STATUS_OK ||
        schema_unwrap_value(u, &f->options, payload, &f->arena, &v, &f->err) != STATUS_OK)
        fail_msg("%s", f->err.text);
    assert_true(value_write_json(&v, &tree));
    buffer_add_byte(&direct, 0);
    buffer_add_byte(&tree, 0);
    assert_string_equal((const char *)direct.data, json);
    assert_string_equal((const char *)tree.data, json);
    buffer_finish(&direct);
    buffer_finish(&tree);
    buffer_clear(&f->payload);
}

/* Both ways refuse with a reason that has `words` in it; the payload is emptied. */
static void expect_refusal(struct fixture *f, const struct schema_unwrap *u, const char *words)
{
    struct fby_value v;
    struct buffer direct = {0};
    struct bytes payload = buffer_bytes(&f->payload);
    assert_int_equal(schema_unwrap_json(u, &f->options, payload, &f->arena, &direct, &f->err),
                     STATUS_INVALID);
    if (!strstr(f->err.text, words))
        fail_msg("expected \"%s\": %s", words, f->err.text);
    assert_int_equal(direct.len, 0);
    assert_int_equal(schema_unwrap_value(u, &f->options, payload, &f->arena, &v, &f->err), STATUS_INVALID);
    if (!strstr(f->err.text, words))
        fail_msg("expected \"%s\": %s", words, f->err.text);
    buffer_finish(&direct);
    buffer_clear(&f->payload);
}

static void put_point(struct buffer *b, uint32_t field)
{
    struct buffer point = {0};
    wire_number(&point, 1, 7);
    wire_message(b, field, &point);
}

static void put_any_of(struct buffer *b, uint32_t field, const char *url, struct buffer *value)
{
    struct buffer any = {0};
    wire_text(&any, 1, url);
    wire_message(&any, 2, value);
    wire_message(b, field, &any);
}

static void put_any(struct buffer *b, uint32_t field)
{
    struct buffer point = {0};
    wire_number(&point, 1, 7);
    put_any_of(b, field, "type.googleapis.com/t.Point", &point);
}

static void an_any_gives_what_it_carries(void **state)
{
    struct fixture *f = *state;
    const struct schema_unwrap *u =
        must_compile(f, "t.Envelope", (struct schema_unwrap_settings){.field = "any"});
    wire_text(&f->payload, 1, "id1");
    put_any(&f->payload, 2);
    expect(f, u, "{\"x\":7}");
    f->options.emit_defaults = true;
    put_any(&f->payload, 2);
    expect(f, u, "{\"x\":7,\"y\":0}");
    wire_text(&f->payload, 1, "id1");
    expect_refusal(f, u, "t.Envelope: any is not there");
    wire_text(&f->payload, 2, "");
    expect_refusal(f, u, "is empty");
    struct buffer nothing = {0};
    put_any_of(&f->payload, 2, "type.googleapis.com/t.Unheard", &nothing);
    expect_refusal(f, u, "t.Unheard, which is not in the schemas");
}

static void an_envelope_may_be_an_any_itself(void **state)
{
    struct fixture *f = *state;
    struct schema_unwrap_settings s = {.field = "value"};
    const struct schema_unwrap *u = must_compile(f, "google.protobuf.Any", s);
    wire_text(&f->payload, 1, "x/t.Name");
    wire_text(&f->payload, 2, "\n\003abc");
    expect(f, u, "{\"name\":\"abc\"}");
    s.keep_as = "envelope";
    u = must_compile(f, "google.protobuf.Any", s);
    wire_text(&f->payload, 1, "x/t.Name");
    expect(f, u, "{\"envelope\":{\"@type\":\"t.Name\"}}");
    /* an Any in an Any in an Any */
    struct buffer point = {0}, inner = {0};
    wire_number(&point, 2, 1);
    wire_text(&inner, 1, "x/t.Point");
    wire_message(&inner, 2, &point);
    struct buffer middle = {0};
    wire_text(&middle, 1, "x/google.protobuf.Any");
    wire_message(&middle, 2, &inner);
    wire_text(&f->payload, 1, "x/google.protobuf.Any");
    wire_message(&f->payload, 2, &middle);
    expect(f, u, "{\"envelope\":{\"@type\":\"t.Point\"},\"y\":1}");
}

static void of_a_oneof_the_member_that_is_set_counts(void **state)
{
    struct fixture *f = *state;
    struct schema_unwrap_settings s = {.field = "body"};
    const struct schema_unwrap *u = must_compile(f, "t.Envelope", s);
    wire_text(&f->payload, 4, "\n\001a");
    put_point(&f->payload, 3);
    expect(f, u, "{\"x\":7}");
    wire_text(&f->payload, 5, "plain");
    expect(f, u, "\"plain\"");
    put_any(&f->payload, 6);
    expect(f, u, "{\"x\":7}");
    wire_text(&f->payload, 7, "\010\005");
    expect(f, u, "5");
    wire_text(&f->payload, 1, "id1");
    expect_refusal(f, u, "t.Envelope: body has no member that is set");
    s.keep_as = "of";
    u = must_compile(f, "t.Envelope", s);
    wire_text(&f->payload, 1, "id1");
    wire_text(&f->payload, 5, "plain");
    expect(f, u, "{\"of\":{\"@field\":\"text\",\"id\":\"id1\"},\"value\":\"plain\"}");
    wire_text(&f->payload, 7, "\010\005");
    wire_text(&f->payload, 1, "id1");
    expect(f, u,
           "{\"of\":{\"@field\":\"wrapped\",\"@type\":\"google.protobuf.Int32Value\",\"id\":\"id1\"},"
           "\"value\":5}");
}

static void the_rest_of_the_envelope_can_be_kept(void **state)
{
    struct fixture *f = *state;
    const struct schema_unwrap *u = must_compile(
        f, "t.Envelope", (struct schema_unwrap_settings){.field = "always", .keep_as = "envelope"});
    wire_text(&f->payload, 9, "late");
    put_point(&f->payload, 12);
    wire_text(&f->payload, 1, "early");
    put_point(&f->payload, 13);
    expect(f, u,
           "{\"envelope\":{\"@type\":\"t.Point\",\"id\":\"early\",\"type\":\"late\",\"many\":[{\"x\":7}]},"
           "\"x\":7}");
    /* twice is once, merged */
    put_point(&f->payload, 12);
    wire_text(&f->payload, 12, "\020\003");
    expect(f, u, "{\"envelope\":{\"@type\":\"t.Point\"},\"x\":7,\"y\":3}");
    f->options.emit_defaults = true;
    put_point(&f->payload, 12);
    expect(
        f, u,
        "{\"envelope\":{\"@type\":\"t.Point\",\"id\":\"\",\"data\":\"\",\"type\":\"\",\"kind\":\"KIND_NONE\","
        "\"number\":0,\"many\":[],\"ratio\":0},\"x\":7,\"y\":0}");
}

static void what_is_dropped_must_be_valid(void **state)
{
    struct fixture *f = *state;
    const struct schema_unwrap *u =
        must_compile(f, "t.Envelope", (struct schema_unwrap_settings){.field = "always"});
    put_point(&f->payload, 12);
    wire_text(&f->payload, 1, "\xff");
    expect_refusal(f, u, "UTF-8");
    put_point(&f->payload, 12);
    wire_text(&f->payload, 13, "\x08");
    expect_refusal(f, u, "");
    put_point(&f->payload, 12);
    wire_text(&f->payload, 99, "unknown fields are no harm");
    expect(f, u, "{\"x\":7}");
}

static void bytes_hold_the_type_that_is_given(void **state)
{
    struct fixture *f = *state;
    const struct schema_unwrap *u = must_compile(
        f, "t.Envelope", (struct schema_unwrap_settings){.field = "data", .type = find(f, "t.Point")});
    wire_text(&f->payload, 8, "nonsense that is overwritten");
    wire_text(&f->payload, 8, "\020\003");
    expect(f, u, "{\"y\":3}");
    wire_text(&f->payload, 1, "no data is an empty message");
    expect(f, u, "{}");
    f->options.emit_defaults = true;
    wire_text(&f->payload, 8, "");
    expect(f, u, "{\"x\":0,\"y\":0}");
    wire_text(&f->payload, 8, "\020");
    expect_refusal(f, u, "");
    /* The field that carries the message is not shown beside it, set or not. */
    u = must_compile(
        f, "t.Envelope",
        (struct schema_unwrap_settings){.field = "data", .type = find(f, "t.Point"), .keep_as = "e"});
    for (int is_set = 0; is_set < 2; is_set++) {
        wire_text(&f->payload, 9, "t");
        if (is_set)
            wire_text(&f->payload, 8, "\020\003");
        expect(f, u,
               is_set ? "{\"e\":{\"@type\":\"t.Point\",\"id\":\"\",\"type\":\"t\",\"kind\":\"KIND_NONE\","
                        "\"number\":0,"
                        "\"many\":[],\"ratio\":0},\"x\":0,\"y\":3}"
                      : "{\"e\":{\"@type\":\"t.Point\",\"id\":\"\",\"type\":\"t\",\"kind\":\"KIND_NONE\","
                        "\"number\":0,"
                        "\"many\":[],\"ratio\":0},\"x\":0,\"y\":0}");
    }
}

static void bytes_hold_what_a_text_says(void **state)
{
    struct fixture *f = *state;
    struct schema_unwrap_settings s = {.field = "data", .type_field = "type", .keep_as = "e"};
    const struct schema_unwrap *u = must_compile(f, "t.Envelope", s);
    wire_text(&f->payload, 8, "\020\003");
    wire_text(&f->payload, 9, "t.Point");
    expect(f, u, "{\"e\":{\"@type\":\"t.Point\",\"type\":\"t.Point\"},\"y\":3}");
    wire_text(&f->payload, 9, "https://types.example.com/t.Name");
    expect(f, u, "{\"e\":{\"@type\":\"t.Name\",\"type\":\"https://types.example.com/t.Name\"}}");
    wire_text(&f->payload, 9, "t.Unheard");
    expect_refusal(f, u, "type is \"t.Unheard\", which names no message type");
    expect_refusal(f, u, "type is \"\"");
    const struct schema_unwrap_case types[] = {
        {"name", find(f, "t.Name")}, {"a", find(f, "t.Point")}, {"name2", find(f, "t.Point")}};
    s = (struct schema_unwrap_settings){
        .field = "data", .type_field = "type", .types = types, .type_count = 3};
    u = must_compile(f, "t.Envelope", s);
    wire_text(&f->payload, 9, "name");
    wire_text(&f->payload, 8, "\n\001n");
    expect(f, u, "{\"name\":\"n\"}");
    wire_text(&f->payload, 9, "name2");
    wire_text(&f->payload, 8, "\020\003");
    expect(f, u, "{\"y\":3}");
    wire_text(&f->payload, 9, "t.Name");
    expect_refusal(f, u, "names no message type");
}

static void bytes_hold_what_a_number_says(void **state)
{
    struct fixture *f = *state;
    const struct schema_unwrap_case kinds[] = {
        {"KIND_NAME", find(f, "t.Name")}, {"KIND_NONE", find(f, "t.Point")}, {"7", find(f, "t.Name")}};
    struct schema_unwrap_settings s = {
        .field = "data", .type_field = "kind", .types = kinds, .type_count = 3};
    const struct schema_unwrap *u = must_compile(f, "t.Envelope", s);
    wire_text(&f->payload, 8, "\n\001n");
    wire_number(&f->payload, 10, 2);
    expect(f, u, "{\"name\":\"n\"}");
    wire_text(&f->payload, 8, "\n\001n");
    wire_number(&f->payload, 10, 7);
    expect(f, u, "{\"name\":\"n\"}");
    wire_text(&f->payload, 8, "\020\003"); /* absent is the first value */
    expect(f, u, "{\"y\":3}");
    wire_number(&f->payload, 10, 1);
    expect_refusal(f, u, "kind is 1, which names no message type");
    const struct schema_unwrap_case numbers[] = {{"-2", find(f, "t.Name")}, {"5", find(f, "t.Point")}};
    s = (struct schema_unwrap_settings){
        .field = "data", .type_field = "number", .types = numbers, .type_count = 2};
    u = must_compile(f, "t.Envelope", s);
    wire_text(&f->payload, 8, "\n\001n");
    wire_number(&f->payload, 11, 3);
    expect(f, u, "{\"name\":\"n\"}");
}

static void the_depth_is_bounded(void **state)
{
    struct fixture *f = *state;
    const struct schema_unwrap *u =
        must_compile(f, "google.protobuf.Any", (struct schema_unwrap_settings){.field = "value"});
    struct fby_value v;
    for (int i = 0; i < 80; i++) {
        struct buffer outer = {0};
        wire_text(&outer, 1, i ? "x/google.protobuf.Any" : "x/t.Point");
        wire_message(&outer, 2, &f->payload);
        f->payload = outer;
    }
    assert_int_equal(schema_unwrap_value(u, &f->options, buffer_bytes(&f->payload), &f->arena, &v, &f->err),
                     STATUS_LIMIT);
}

static void expect_compile_error(struct fixture *f, const char *envelope, struct schema_unwrap_settings s,
                                 const char *option, const char *words)
{
    assert_null(compile(f, envelope, s));
    assert_string_equal(f->option, option);
    if (!strstr(f->err.text, words))
        fail_msg("expected \"%s\": %s", words, f->err.text);
}

static void settings_must_fit_the_envelope(void **state)
{
    struct fixture *f = *state;
    const struct schema_type *point = find(f, "t.Point");
    const struct schema_unwrap_case wrong[] = {{"KIND_OTHER", point}},
                                    twice[] = {{"1", point}, {"KIND_POINT", point}};
    const struct {
        const char *envelope;
        struct schema_unwrap_settings settings;
        const char *option, *words;
    } cases[] = {
        {"t.Envelope", {.field = "nobody"}, "field", "neither a field nor a oneof \"nobody\""},
        {"t.Envelope", {.field = "id"}, "field", "cannot carry a message"},
        {"t.Envelope", {.field = "many"}, "field", "cannot carry a message"},
        {"google.protobuf.Any", {.field = "any"}, "field", "its field \"value\""},
        {"t.Envelope", {.field = "data"}, "field", "Say what they hold"},
        {"t.Envelope", {.field = "any", .type = point}, "type", "only of bytes"},
        {"t.Envelope", {.field = "body", .type_field = "kind"}, "type_field", "only of bytes"},
        {"t.Envelope",
         {.field = "data", .type = point, .type_field = "kind"},
         "type",
         "leave out type_field"},
        {"t.Envelope", {.field = "data", .type_field = "nobody"}, "type_field", "has no field \"nobody\""},
        {"t.Envelope", {.field = "data", .type_field = "ratio"}, "type_field", "cannot name a message type"},
        {"t.Envelope", {.field = "data", .type_field = "kind"}, "type_field", "types: {"},
        {"t.Envelope",
         {.field = "data", .type_field = "kind", .types = wrong, .type_count = 1},
         "types",
         "\"KIND_OTHER\" is no value"},
        {"t.Envelope",
         {.field = "data", .type_field = "kind", .types = twice, .type_count = 2},
         "types",
         "are the same value"},
        {"t.Envelope", {.field = "body", .keep_as = "x"}, "keep_as", "t.Point has a field \"x\" itself"},
        {"t.Envelope", {.field = "always", .keep_as = "y"}, "keep_as", "take another name"},
        {"t.Envelope", {.field = "data", .type = point, .keep_as = "y"}, "keep_as", "take another name"},
        {"t.Envelope", {.field = "any", .keep_as = ""}, "keep_as", "expected a name"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_compile_error(f, cases[i].envelope, cases[i].settings, cases[i].option, cases[i].words);
    /* What an Any may carry is only seen with the message. */
    const struct schema_unwrap *u =
        must_compile(f, "t.Envelope", (struct schema_unwrap_settings){.field = "any", .keep_as = "x"});
    put_any(&f->payload, 2);
    expect_refusal(f, u, "t.Point has a field x itself");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_any_gives_what_it_carries),
        TEST(an_envelope_may_be_an_any_itself),
        TEST(of_a_oneof_the_member_that_is_set_counts),
        TEST(the_rest_of_the_envelope_can_be_kept),
        TEST(what_is_dropped_must_be_valid),
        TEST(bytes_hold_the_type_that_is_given),
        TEST(bytes_hold_what_a_text_says),
        TEST(bytes_hold_what_a_number_says),
        TEST(the_depth_is_bounded),
        TEST(settings_must_fit_the_envelope),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
