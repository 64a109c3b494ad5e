/* SPDX-License-Identifier: Apache-2.0
 *
 * Proves what loads and what is refused with which words: sources as operators have them, and crafted sets.
 */
#include "schema/schema.h"
#include "schema_fixture.h"

#include "unit.h"

#include <stdio.h>

/* FileDescriptorProto 1 name, 2 package, 3 dependency, 4 message, 5 enum, 7 extension, 12 syntax.
 * DescriptorProto 1 name, 2 field, 3 nested, 4 enum, 5 extension range, 7 options.
 * FieldDescriptorProto 1 name, 2 extendee, 3 number, 4 label, 5 type, 6 type_name. */
enum { LABEL_OPTIONAL = 1, TYPE_INT32 = 5, TYPE_MESSAGE = 11 };

static void add_field(struct buffer *message, const char *name, uint64_t number, uint64_t type,
                      const char *type_name)
{
    struct buffer f = {0};
    if (name)
        wire_text(&f, 1, name);
    wire_number(&f, 3, number);
    wire_number(&f, 4, LABEL_OPTIONAL);
    wire_number(&f, 5, type);
    if (type_name)
        wire_text(&f, 6, type_name);
    wire_message(message, 2, &f);
}

/* A set of one file "a.proto" with this content behind its name. */
static const char *load_file(struct buffer *content)
{
    struct buffer file = {0}, set = {0};
    wire_text(&file, 1, "a.proto");
    buffer_add(&file, content->data, content->len);
    buffer_finish(content);
    wire_message(&set, 1, &file);
    const char *text = fixture_load_error(buffer_bytes(&set));
    buffer_finish(&set);
    return text;
}

/* A set of one message M with this content behind its name. */
static const char *load_message(struct buffer *content)
{
    struct buffer message = {0}, file = {0};
    wire_text(&message, 1, "M");
    buffer_add(&message, content->data, content->len);
    buffer_finish(content);
    wire_message(&file, 4, &message);
    return load_file(&file);
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("'%s' is not in: %s", part, text);
}

static const char *load_path(const char *path)
{
    static struct error err;
    err.text[0] = 0;
    struct schema_registry *r = schema_registry_create();
    const struct schema_source source = {.descriptor_set = path};
    if (schema_registry_add(r, &source, &err) == STATUS_OK && schema_registry_link(r, &err) == STATUS_OK)
        err.text[0] = 0;
    schema_registry_destroy(r);
    return err.text;
}

static void test_sources(void **state)
{
    (void)state;
    assert_has(load_path("/no/such/file.desc"), "/no/such/file.desc: No such file");
    assert_has(load_path("/tmp"), "not a regular file");
    assert_has(load_path("x.proto"), "{ proto: [x.proto] }");
    assert_has(load_path(fixture_write("empty.desc", bytes_of("", 0))), "is empty");
    assert_has(load_path(fixture_write("text.desc", bytes_of_text("syntax = \"proto3\";"))),
               "not a protobuf descriptor set");
}

static void test_missing_import(void **state)
{
    (void)state;
    fixture_write("b.proto", bytes_of_text("syntax='proto3'; package p; message B { int32 x = 1; }"));
    fixture_write("c.proto",
                  bytes_of_text("syntax='proto3'; package p; import 'b.proto'; message C { B b = 1; }"));
    fixture_protoc("-o c.desc c.proto");
    char path[128];
    snprintf(path, sizeof path, "%s/c.desc", fixture_folder());
    assert_has(load_path(path), "c.proto: imports b.proto");
    assert_has(load_path(path), "--include_imports");
    fixture_protoc("-o b.desc b.proto");
    fixture_protoc("--include_imports --include_source_info -o both.desc c.proto");
    struct schema_registry *r = schema_registry_create();
    struct error err = {.text = ""};
    /* The import may come from another set, and again, with source information, from a third. */
    static const char *const names[] = {"c.desc", "b.desc", "both.desc"};
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", fixture_folder(), names[i]);
        const struct schema_source source = {.descriptor_set = path};
        assert_int_equal(schema_registry_add(r, &source, &err), STATUS_OK);
    }
    assert_int_equal(schema_registry_link(r, &err), STATUS_OK);
    assert_int_equal(schema_registry_type_count(r), 2);
    schema_registry_destroy(r);
}

static void test_well_known_types_need_no_import_in_the_set(void **state)
{
    (void)state;
    fixture_write("t.proto", bytes_of_text("syntax='proto3'; import 'google/protobuf/timestamp.proto';"
                                           "message T { google.protobuf.Timestamp at = 1; }"));
    fixture_protoc("-o t.desc t.proto");
    char path[128];
    snprintf(path, sizeof path, "%s/t.desc", fixture_folder());
    assert_string_equal(load_path(path), "");
}

static void test_find(void **state)
{
    (void)state;
    struct error err = {.text = ""};
    struct schema_registry *r = fixture_registry("syntax='proto3'; package acme.v1; message Telemetry {"
                                                 " map<string, int32> m = 1; message Inner {} }");
    const struct schema_type *t = schema_registry_find(r, ".acme.v1.Telemetry", &err);
    assert_non_null(t);
    assert_string_equal(schema_type_name(t), "acme.v1.Telemetry");
    assert_ptr_equal(schema_registry_find(r, "acme.v1.Telemetry", &err), t);
    assert_non_null(schema_registry_find(r, "acme.v1.Telemetry.Inner", &err));
    assert_null(schema_registry_find(r, "Telemetry", &err));
    assert_has(err.text, "Did you mean acme.v1.Telemetry?");
    assert_null(schema_registry_find(r, "acme.v1.Telemetri", &err));
    assert_has(err.text, "Did you mean acme.v1.Telemetry?");
    assert_null(schema_registry_find(r, "other", &err));
    assert_has(err.text, "which have acme.v1.Telemetry");
    /* Map entries are no types of their own. */
    assert_int_equal(schema_registry_type_count(r), 2);
    assert_null(schema_registry_type(r, 2));
    assert_null(schema_registry_find(r, "acme.v1.Telemetry.MEntry", &err));
    schema_registry_destroy(r);

    r = schema_registry_create();
    assert_int_equal(schema_registry_link(r, &err), STATUS_OK);
    assert_null(schema_registry_find(r, "a.B", &err));
    assert_has(err.text, "no schema is loaded");
    schema_registry_destroy(r);
}

static void test_same_and_different_definitions(void **state)
{
    (void)state;
    struct error err = {.text = ""};
    struct schema_registry *r = schema_registry_create();
    const char *one =
        fixture_write("one.proto", bytes_of_text("syntax='proto3'; message M { int32 a = 1; }"));
    const char *same =
        fixture_write("two.proto", bytes_of_text("syntax='proto3'; message M { int32 a = 1; }"));
    const char *other =
        fixture_write("six.proto", bytes_of_text("syntax='proto3'; message M { int32 a = 2; }"));
    const struct schema_source sources[] = {
        {.proto = {&one, 1}}, {.proto = {&same, 1}}, {.proto = {&other, 1}}};
    for (int i = 0; i < 2; i++)
        assert_int_equal(schema_registry_add(r, &sources[i], &err), STATUS_OK);
    assert_int_equal(schema_registry_link(r, &err), STATUS_OK);
    assert_int_equal(schema_registry_type_count(r), 1);
    schema_registry_destroy(r);

    r = schema_registry_create();
    assert_int_equal(schema_registry_add(r, &sources[0], &err), STATUS_OK);
    assert_int_equal(schema_registry_add(r, &sources[2], &err), STATUS_OK);
    assert_int_equal(schema_registry_link(r, &err), STATUS_INVALID);
    assert_has(err.text, "M is defined differently in");
    schema_registry_destroy(r);
}

static void test_absent_names(void **state)
{
    (void)state;
    struct buffer file = {0}, empty = {0}, fields = {0}, set = {0}, values = {0}, value = {0};
    wire_message(&file, 4, &empty);
    assert_has(load_file(&file), "a message in '' has no valid name");
    wire_message(&file, 5, &empty);
    assert_has(load_file(&file), "an enum in '' has no valid name");
    wire_message(&file, 7, &empty);
    assert_has(load_file(&file), "an extension in '' has no valid name");
    add_field(&fields, NULL, 1, TYPE_INT32, NULL);
    assert_has(load_message(&fields), "a field of M has no valid name");
    add_field(&fields, "a\"b", 1, TYPE_INT32, NULL);
    assert_has(load_message(&fields), "no valid name");
    wire_text(&values, 1, "E");
    wire_number(&value, 2, 1);
    wire_message(&values, 2, &value);
    wire_message(&file, 5, &values);
    assert_has(load_file(&file), "a value of enum E has no valid name");
    wire_message(&set, 1, &empty);
    assert_has(fixture_load_error(buffer_bytes(&set)), "has no name");
    buffer_finish(&set);
}

static void test_wrong_fields(void **state)
{
    (void)state;
    struct buffer fields = {0};
    static const uint64_t numbers[] = {0, 19000, 19999, 536870912, UINT64_MAX};
    for (size_t i = 0; i < 5; i++) {
        add_field(&fields, "x", numbers[i], TYPE_INT32, NULL);
        assert_has(load_message(&fields), "is not a field number");
    }
    add_field(&fields, "x", 1, TYPE_INT32, NULL);
    add_field(&fields, "y", 1, TYPE_INT32, NULL);
    assert_has(load_message(&fields), "two fields with number 1");
    add_field(&fields, "x", 1, TYPE_INT32, NULL);
    add_field(&fields, "x", 2, TYPE_INT32, NULL);
    assert_has(load_message(&fields), "two fields named x");
    add_field(&fields, "x", 1, 77, NULL);
    assert_string_not_equal(load_message(&fields), "");
    add_field(&fields, "x", 1, TYPE_MESSAGE, ".no.Such");
    assert_has(load_message(&fields), "M.x has type .no.Such, which is missing");
    add_field(&fields, "x", 1, TYPE_MESSAGE, NULL);
    assert_has(load_message(&fields), "which is missing");
    /* A relative name is looked for from the inside out. */
    add_field(&fields, "x", 1, TYPE_MESSAGE, "M");
    assert_string_equal(load_message(&fields), "");
}

static void test_import_circle(void **state)
{
    (void)state;
    struct buffer set = {0};
    for (int i = 0; i < 2; i++) {
        struct buffer file = {0};
        wire_text(&file, 1, i ? "b.proto" : "a.proto");
        wire_text(&file, 3, i ? "a.proto" : "b.proto");
        wire_message(&set, 1, &file);
    }
    assert_has(fixture_load_error(buffer_bytes(&set)), "imports itself");
    buffer_finish(&set);
}

static void test_limits(void **state)
{
    (void)state;
    struct buffer file = {0}, inner = {0}, set = {0};
    for (int i = 0; i < 10001; i++) {
        struct buffer message = {0};
        char name[16];
        snprintf(name, sizeof name, "M%d", i);
        wire_text(&message, 1, name);
        wire_message(&file, 4, &message);
    }
    assert_has(load_file(&file), "more than 10000");

    /* Nested ever deeper, each level a message without a name: the unpacker is stopped by its stack. */
    for (int i = 0; i < 10000; i++) {
        struct buffer outer = {0};
        wire_message(&outer, 3, &inner);
        inner = outer;
    }
    wire_message(&file, 4, &inner);
    assert_has(load_file(&file), "too deeply");

    assert_true(buffer_reserve(&set, 5 << 20));
    memset(set.data, 0, 5 << 20);
    set.len = 5 << 20;
    assert_has(fixture_load_error(buffer_bytes(&set)), "at most 4 MiB");
    buffer_finish(&set);
}

static void test_every_prefix_of_a_set(void **state)
{
    (void)state;
    fixture_write("p.proto",
                  bytes_of_text("syntax='proto2'; package p; enum E { A = 0; B = 1; }\n"
                                "message M { optional E e = 1; map<int32, M> m = 2; oneof o { "
                                "string s = 3; M n = 4; } extensions 10 to 20; optional group G = "
                                "5 { optional int32 x = 1; } }\nextend M { optional int32 x = 10; }"));
    fixture_protoc("-o p.desc p.proto");
    char path[128];
    uint8_t bytes[4096];
    snprintf(path, sizeof path, "%s/p.desc", fixture_folder());
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t len = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    assert_string_equal(fixture_load_error(bytes_of(bytes, len)), "");
    for (size_t i = 0; i < len; i++)
        assert_string_not_equal(fixture_load_error(bytes_of(bytes, i)), "");
    for (size_t i = 0; i < len; i++) {
        bytes[i] ^= 0x41;
        fixture_load_error(bytes_of(bytes, len));
        bytes[i] ^= 0x41;
    }
}

static void test_json_names_that_fall_together(void **state)
{
    (void)state;
    /* proto2 lets these two fields have one JSON name; each must stay apart. */
    struct schema_registry *r = fixture_registry(
        "syntax='proto2'; message M { optional int32 foo_bar = 1; optional int32 fooBar = 2; }");
    const uint8_t payload[] = {0x08, 1, 0x10, 2};
    struct schema_options o = {0};
    struct arena a;
    struct buffer out = {0};
    arena_init(&a, 0, 0);
    assert_int_equal(
        schema_decode_json(schema_registry_find(r, "M", NULL), &o, bytes_of(payload, 4), &a, &out, NULL),
        STATUS_OK);
    assert_memory_equal(out.data, "{\"foo_bar\":1,\"fooBar\":2}", out.len);
    buffer_finish(&out);
    arena_finish(&a);
    schema_registry_destroy(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sources),
        cmocka_unit_test(test_missing_import),
        cmocka_unit_test(test_well_known_types_need_no_import_in_the_set),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_same_and_different_definitions),
        cmocka_unit_test(test_absent_names),
        cmocka_unit_test(test_wrong_fields),
        cmocka_unit_test(test_import_circle),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_every_prefix_of_a_set),
        cmocka_unit_test(test_json_names_that_fall_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
