/* SPDX-License-Identifier: Apache-2.0
 *
 * Proves which features hold where: those of an edition, and what a file, a message, a oneof, an enum and a
 * field say beside it, from the outside in. What they mean for payloads is proven by tests/conformance.
 */
#include "schema/schema_features.h"
#include "schema/schema_type.h"
#include "schema_fixture.h"

#include "unit.h"

#include <stdio.h>

enum { PRESENCE = 1, ENUM = 2, REPEATED = 3, UTF8 = 4, MESSAGE = 5 };                    /* of FeatureSet */
enum { OF_FILE = 50, OF_MESSAGE = 12, OF_FIELD = 21, OF_ONEOF = 1, OF_ENUM = 7 };        /* of the options */
enum { INT32 = 5, STRING = 9, TYPE_MESSAGE = 11, TYPE_ENUM = 14, SINGLE = 1, LIST = 3 }; /* of a field */
enum { PROTO2 = 998, PROTO3 = 999, EDITION_2023 = 1000, EDITION_2024 = 1001 };

/* Options with one feature, as field `number` of a descriptor; `value` 0: none. */
static void add_feature(struct buffer *descriptor, uint32_t number, uint32_t place, uint32_t feature,
                        uint64_t value)
{
    struct buffer set = {0}, options = {0};
    if (value == 0)
        return;
    wire_number(&set, feature, value);
    wire_message(&options, place, &set);
    wire_message(descriptor, number, &options);
}

struct field {
    const char *name;
    uint64_t number, label, type;
    const char *type_name;
    uint32_t feature;
    uint64_t value;
    bool in_oneof;
    const char *extendee;
};

static void add_field(struct buffer *out, uint32_t where, const struct field *f)
{
    struct buffer b = {0};
    wire_text(&b, 1, f->name);
    if (f->extendee)
        wire_text(&b, 2, f->extendee);
    wire_number(&b, 3, f->number);
    wire_number(&b, 4, f->label);
    wire_number(&b, 5, f->type);
    if (f->type_name)
        wire_text(&b, 6, f->type_name);
    add_feature(&b, 8, OF_FIELD, f->feature, f->value);
    if (f->in_oneof)
        wire_number(&b, 9, 0);
    wire_message(out, where, &b);
}

static void begin_file(struct buffer *file, uint64_t edition)
{
    wire_text(file, 1, "a.proto");
    if (edition < EDITION_2023) {
        wire_text(file, 12, edition == PROTO2 ? "proto2" : "proto3");
        return;
    }
    wire_text(file, 12, "editions");
    wire_number(file, 14, edition);
}

/* Consumes the file. */
static struct schema_registry *load(struct buffer *file)
{
    struct error err = {.text = ""};
    struct buffer set = {0};
    struct schema_registry *r = schema_registry_create();
    wire_message(&set, 1, file);
    if (schema_registry_add_set(r, "test.desc", buffer_bytes(&set), &err) != STATUS_OK ||
        schema_registry_link(r, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    buffer_finish(&set);
    return r;
}

static void assert_refused(struct buffer *file, const char *part)
{
    struct buffer set = {0};
    wire_message(&set, 1, file);
    const char *text = fixture_load_error(buffer_bytes(&set));
    if (!strstr(text, part))
        fail_msg("'%s' is not in: %s", part, text);
    buffer_finish(&set);
}

static const struct schema_field *find(const struct schema_registry *r, const char *type, const char *name)
{
    const struct schema_type *t = schema_registry_find(r, type, NULL);
    assert_non_null(t);
    const struct schema_field *f = schema_type_field_by_name(t, bytes_of_text(name));
    assert_non_null(f);
    return f;
}

static unsigned flags_of(const struct schema_registry *r, const char *type, const char *name)
{
    return find(r, type, name)->flags &
           (SCHEMA_FIELD_PRESENCE | SCHEMA_FIELD_REQUIRED | SCHEMA_FIELD_PACKED | SCHEMA_FIELD_UTF8);
}

/* A message with one of each, and an enum. */
static void add_plain(struct buffer *file)
{
    static const struct field fields[] = {{.name = "n", .number = 1, .label = SINGLE, .type = INT32},
                                          {.name = "s", .number = 2, .label = SINGLE, .type = STRING},
                                          {.name = "list", .number = 3, .label = LIST, .type = INT32},
                                          {"m", 4, SINGLE, TYPE_MESSAGE, ".M", 0, 0, false, NULL},
                                          {"e", 5, SINGLE, TYPE_ENUM, ".E", 0, 0, false, NULL}};
    struct buffer message = {0}, enumeration = {0}, value = {0};
    wire_text(&message, 1, "M");
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        add_field(&message, 2, &fields[i]);
    wire_message(file, 4, &message);
    wire_text(&enumeration, 1, "E");
    wire_text(&value, 1, "ZERO");
    wire_number(&value, 2, 0);
    wire_message(&enumeration, 2, &value);
    wire_message(file, 5, &enumeration);
}

struct expected {
    unsigned n, s, list, m;
    bool closed, group;
};

static void assert_plain(uint64_t edition, uint32_t feature, uint64_t value, struct expected e)
{
    struct buffer file = {0};
    begin_file(&file, edition);
    add_feature(&file, 8, OF_FILE, feature, value);
    add_plain(&file);
    struct schema_registry *r = load(&file);
    assert_int_equal(flags_of(r, "M", "n"), e.n);
    assert_int_equal(flags_of(r, "M", "s"), e.s);
    assert_int_equal(flags_of(r, "M", "list"), e.list);
    assert_int_equal(flags_of(r, "M", "m"), e.m);
    assert_int_equal(find(r, "M", "m")->kind, e.group ? SCHEMA_KIND_GROUP : SCHEMA_KIND_MESSAGE);
    assert_int_equal(find(r, "M", "m")->wire, e.group ? SCHEMA_WIRE_GROUP : SCHEMA_WIRE_LENGTH);
    assert_int_equal(find(r, "M", "e")->enumeration->closed, e.closed);
    assert_int_equal((find(r, "M", "e")->flags & SCHEMA_FIELD_WATCHED) != 0, e.closed);
    schema_registry_destroy(r);
}

static void test_editions(void **state)
{
    (void)state;
    enum {
        P = SCHEMA_FIELD_PRESENCE,
        R = SCHEMA_FIELD_REQUIRED,
        K = SCHEMA_FIELD_PACKED,
        U = SCHEMA_FIELD_UTF8
    };
    assert_plain(PROTO2, 0, 0, (struct expected){P, P, 0, P, true, false});
    assert_plain(PROTO3, 0, 0, (struct expected){0, U, K, P, false, false});
    assert_plain(EDITION_2023, 0, 0, (struct expected){P, P | U, K, P, false, false});
    assert_plain(EDITION_2024, 0, 0, (struct expected){P, P | U, K, P, false, false});
    /* One after the other; a message has presence whatever is said. */
    assert_plain(EDITION_2023, PRESENCE, 1, (struct expected){P, P | U, K, P, false, false});
    assert_plain(EDITION_2023, PRESENCE, 2, (struct expected){0, U, K, P, false, false});
    assert_plain(EDITION_2024, PRESENCE, 2, (struct expected){0, U, K, P, false, false});
    assert_plain(EDITION_2023, PRESENCE, 3, (struct expected){P | R, P | R | U, K, P | R, false, false});
    assert_plain(EDITION_2023, ENUM, 1, (struct expected){P, P | U, K, P, false, false});
    assert_plain(EDITION_2023, ENUM, 2, (struct expected){P, P | U, K, P, true, false});
    assert_plain(EDITION_2023, REPEATED, 1, (struct expected){P, P | U, K, P, false, false});
    assert_plain(EDITION_2023, REPEATED, 2, (struct expected){P, P | U, 0, P, false, false});
    assert_plain(EDITION_2023, UTF8, 2, (struct expected){P, P | U, K, P, false, false});
    assert_plain(EDITION_2023, UTF8, 3, (struct expected){P, P, K, P, false, false});
    assert_plain(EDITION_2023, MESSAGE, 1, (struct expected){P, P | U, K, P, false, false});
    assert_plain(EDITION_2023, MESSAGE, 2, (struct expected){P, P | U, K, P, false, true});
    /* json_format, and what a later edition has added, change nothing. */
    assert_plain(EDITION_2024, 6, 2, (struct expected){P, P | U, K, P, false, false});
    assert_plain(EDITION_2024, 8, 3, (struct expected){P, P | U, K, P, false, false});
    /* proto2 and proto3 have no features to say. */
    assert_plain(PROTO3, PRESENCE, 1, (struct expected){0, U, K, P, false, false});
    assert_plain(PROTO2, MESSAGE, 2, (struct expected){P, P, 0, P, true, false});
}

/* The file says EXPANDED, the outer message IMPLICIT, what is inside has both and may say otherwise. */
static void test_from_the_outside_in(void **state)
{
    (void)state;
    static const struct field outer = {.name = "n", .number = 1, .label = SINGLE, .type = INT32};
    static const struct field inner[] = {
        {.name = "n", .number = 1, .label = SINGLE, .type = INT32},
        {"explicit", 2, SINGLE, INT32, NULL, PRESENCE, 1, false, NULL},
        {.name = "list", .number = 3, .label = LIST, .type = INT32},
        {"packed", 4, LIST, INT32, NULL, REPEATED, 1, false, NULL},
        {"chosen", 5, SINGLE, STRING, NULL, 0, 0, true, NULL},
        {"checked", 6, SINGLE, STRING, NULL, UTF8, 2, true, NULL},
        {"e", 7, SINGLE, TYPE_ENUM, ".Outer.E", 0, 0, false, NULL},
        {"group", 8, LIST, TYPE_MESSAGE, ".Outer", MESSAGE, 2, false, NULL},
    };
    struct buffer file = {0}, message = {0}, nested = {0}, enumeration = {0}, value = {0}, oneof = {0};
    begin_file(&file, EDITION_2023);
    add_feature(&file, 8, OF_FILE, REPEATED, 2);
    wire_text(&message, 1, "Outer");
    add_feature(&message, 7, OF_MESSAGE, PRESENCE, 2);
    add_field(&message, 2, &outer);
    wire_text(&nested, 1, "Inner");
    for (size_t i = 0; i < sizeof inner / sizeof inner[0]; i++)
        add_field(&nested, 2, &inner[i]);
    wire_text(&oneof, 1, "choice");
    add_feature(&oneof, 2, OF_ONEOF, UTF8, 3);
    wire_message(&nested, 8, &oneof);
    wire_message(&message, 3, &nested);
    wire_text(&enumeration, 1, "E");
    wire_text(&value, 1, "ZERO");
    wire_number(&value, 2, 0);
    wire_message(&enumeration, 2, &value);
    add_feature(&enumeration, 3, OF_ENUM, ENUM, 2);
    wire_message(&message, 4, &enumeration);
    wire_message(&file, 4, &message);
    struct schema_registry *r = load(&file);
    assert_int_equal(flags_of(r, "Outer", "n"), 0);
    assert_int_equal(flags_of(r, "Outer.Inner", "n"), 0);
    assert_int_equal(flags_of(r, "Outer.Inner", "explicit"), SCHEMA_FIELD_PRESENCE);
    assert_int_equal(flags_of(r, "Outer.Inner", "list"), 0);
    assert_int_equal(flags_of(r, "Outer.Inner", "packed"), SCHEMA_FIELD_PACKED);
    assert_int_equal(flags_of(r, "Outer.Inner", "chosen"), SCHEMA_FIELD_PRESENCE);
    assert_int_equal(flags_of(r, "Outer.Inner", "checked"), SCHEMA_FIELD_PRESENCE | SCHEMA_FIELD_UTF8);
    assert_true(find(r, "Outer.Inner", "e")->enumeration->closed);
    assert_int_equal(find(r, "Outer.Inner", "group")->kind, SCHEMA_KIND_GROUP);
    schema_registry_destroy(r);
}

/* Maps and what stands in a message set keep their form in a file of groups; an extension has the features of
 * where it is declared. */
static void test_what_is_never_delimited(void **state)
{
    (void)state;
    struct buffer file = {0}, message = {0}, entry = {0}, set = {0}, scope = {0}, range = {0}, options = {0};
    static const struct field key = {.name = "key", .number = 1, .label = SINGLE, .type = INT32};
    static const struct field value = {"value", 2, SINGLE, TYPE_MESSAGE, ".M", 0, 0, false, NULL};
    static const struct field map = {"map", 1, LIST, TYPE_MESSAGE, ".M.MapEntry", 0, 0, false, NULL};
    static const struct field in_set = {"item", 100, SINGLE, TYPE_MESSAGE, ".M", 0, 0, false, ".Set"};
    static const struct field in_plain = {"more", 100, SINGLE, TYPE_MESSAGE, ".M", 0, 0, false, ".M"};
    static const struct field prefixed = {"other", 101, SINGLE, TYPE_MESSAGE, ".M", 0, 0, false, ".M"};
    begin_file(&file, EDITION_2023);
    add_feature(&file, 8, OF_FILE, MESSAGE, 2);
    wire_number(&range, 1, 100);
    wire_number(&range, 2, 200);

    wire_text(&message, 1, "M");
    add_field(&message, 2, &map);
    wire_text(&entry, 1, "MapEntry");
    add_field(&entry, 2, &key);
    add_field(&entry, 2, &value);
    wire_number(&options, 7, 1);
    wire_message(&entry, 7, &options);
    wire_message(&message, 3, &entry);
    wire_bytes(&message, 5, buffer_bytes(&range));
    wire_message(&file, 4, &message);

    wire_text(&set, 1, "Set");
    wire_number(&options, 1, 1);
    wire_message(&set, 7, &options);
    wire_message(&set, 5, &range);
    wire_message(&file, 4, &set);

    wire_text(&scope, 1, "Scope");
    add_feature(&scope, 7, OF_MESSAGE, MESSAGE, 1);
    add_field(&scope, 6, &prefixed);
    wire_message(&file, 4, &scope);
    add_field(&file, 7, &in_set);
    add_field(&file, 7, &in_plain);

    struct schema_registry *r = load(&file);
    const struct schema_field *f = find(r, "M", "map");
    assert_int_equal(f->kind, SCHEMA_KIND_MESSAGE);
    assert_int_equal(f->type->fields[1].kind, SCHEMA_KIND_MESSAGE);
    assert_int_equal(find(r, "Set", "[item]")->kind, SCHEMA_KIND_MESSAGE);
    assert_int_equal(find(r, "M", "[more]")->kind, SCHEMA_KIND_GROUP);
    assert_int_equal(find(r, "M", "[Scope.other]")->kind, SCHEMA_KIND_MESSAGE);
    schema_registry_destroy(r);
}

static void test_refused_editions(void **state)
{
    (void)state;
    static const uint64_t numbers[] = {0, 1, 900, 998, 999, 1002, 9999, 0x7fffffff};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct buffer file = {0};
        wire_text(&file, 1, "a.proto");
        wire_text(&file, 12, "editions");
        if (numbers[i])
            wire_number(&file, 14, numbers[i]);
        assert_refused(&file, "test.desc: a.proto: uses a protobuf edition that is not supported (number ");
    }
    struct buffer file = {0};
    wire_text(&file, 1, "a.proto");
    wire_text(&file, 12, "editions");
    wire_number(&file, 14, 1002);
    assert_refused(&file, "(number 1002). Supported are the editions 2023 and 2024, proto2 and proto3");
    wire_text(&file, 1, "a.proto");
    wire_text(&file, 12, "proto4");
    assert_refused(&file, "uses syntax 'proto4', which is not known. Supported are");
    assert_true(schema_edition_is_supported("2023") && schema_edition_is_supported("2024"));
    assert_false(schema_edition_is_supported("2026") || schema_edition_is_supported("proto3") ||
                 schema_edition_is_supported("202") || schema_edition_is_supported(""));
    assert_null(schema_edition_name(997));
    assert_null(schema_edition_name(1002));
    assert_string_equal(schema_edition_name(1001), "edition 2024");
}

static void test_refused_values(void **state)
{
    (void)state;
    static const struct {
        uint32_t feature;
        const char *name;
        uint64_t wrong[3];
    } cases[] = {
        {PRESENCE, "field_presence", {4, 99, UINT64_MAX}},
        {ENUM, "enum_type", {3, 99, UINT64_MAX}},
        {REPEATED, "repeated_field_encoding", {3, 99, UINT64_MAX}},
        {UTF8, "utf8_validation", {1, 4, UINT64_MAX}},
        {MESSAGE, "message_encoding", {3, 99, (uint64_t)INT64_MIN}},
    };
    static const struct field plain = {.name = "f", .number = 1, .label = SINGLE, .type = INT32};
    char text[128];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t k = 0; k < 3; k++) {
            struct buffer file = {0}, message = {0}, field_file = {0};
            uint64_t wrong = cases[i].wrong[k];
            begin_file(&file, EDITION_2023);
            add_feature(&file, 8, OF_FILE, cases[i].feature, wrong);
            snprintf(text, sizeof text, "a.proto: sets the feature %s to a value that is not known",
                     cases[i].name);
            assert_refused(&file, text);
            begin_file(&file, EDITION_2024);
            wire_text(&message, 1, "M");
            add_feature(&message, 7, OF_MESSAGE, cases[i].feature, wrong);
            wire_message(&file, 4, &message);
            snprintf(text, sizeof text, "a.proto: M sets the feature %s", cases[i].name);
            assert_refused(&file, text);
            begin_file(&field_file, EDITION_2023);
            struct field f = plain;
            f.feature = cases[i].feature;
            f.value = wrong;
            wire_text(&message, 1, "M");
            add_field(&message, 2, &f);
            wire_message(&field_file, 4, &message);
            snprintf(text, sizeof text, "a.proto: field M.f sets the feature %s", cases[i].name);
            assert_refused(&field_file, text);
        }
    }
}

/* The same message twice is fine, unless other features hold around it. */
static void test_same_and_different_features(void **state)
{
    (void)state;
    for (uint64_t other = 0; other < 3; other++) {
        struct buffer files[2] = {{0}, {0}};
        struct error err = {.text = ""};
        struct schema_registry *r = schema_registry_create();
        for (int i = 0; i < 2; i++) {
            struct buffer set = {0};
            begin_file(&files[i], i && other == 2 ? EDITION_2024 : EDITION_2023);
            add_feature(&files[i], 8, OF_FILE, REPEATED, i && other == 1 ? 2 : 1);
            add_plain(&files[i]);
            if (i) /* another name */
                wire_text(&files[i], 1, "b.proto");
            wire_message(&set, 1, &files[i]);
            assert_int_equal(schema_registry_add_set(r, i ? "b.desc" : "a.desc", buffer_bytes(&set), &err),
                             STATUS_OK);
            buffer_finish(&set);
        }
        assert_int_equal(schema_registry_link(r, &err), other ? STATUS_INVALID : STATUS_OK);
        assert_true(other == 0 || strstr(err.text, "M is defined differently in"));
        schema_registry_destroy(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_editions),
        cmocka_unit_test(test_from_the_outside_in),
        cmocka_unit_test(test_what_is_never_delimited),
        cmocka_unit_test(test_refused_editions),
        cmocka_unit_test(test_refused_values),
        cmocka_unit_test(test_same_and_different_features),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
