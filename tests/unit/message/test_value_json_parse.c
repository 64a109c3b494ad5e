/* SPDX-License-Identifier: Apache-2.0
 *
 * Proves the strict JSON parser: what RFC 8259 allows comes out exactly, everything else is refused with its
 * place, and no text, however deep, long or cut off, goes over a limit.
 */
#include "message/value.h"

#include "unit.h"

#include <math.h>

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 0, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

/* From memory of exactly its size, so that a sanitizer sees reads behind it. */
static enum status parse_bytes(struct bytes text, struct fby_value *v, struct error *err)
{
    uint8_t *copy = malloc(text.len ? text.len : 1);
    if (text.len)
        memcpy(copy, text.data, text.len);
    struct fby_value found;
    enum status s = value_parse_json(bytes_of(copy, text.len), NULL, &arena, &found, err);
    if (s == STATUS_OK && v)
        assert_true(value_copy(&found, v, &arena));
    free(copy);
    return s;
}

static struct fby_value parse(const char *text)
{
    struct fby_value v = {0};
    struct error err = {0};
    if (parse_bytes(bytes_of_text(text), &v, &err) != STATUS_OK)
        fail_msg("%s: %s", text, err.text);
    return v;
}

static void assert_string(const char *text, struct bytes expected)
{
    struct fby_value v = parse(text);
    assert_int_equal(v.type, FBY_STRING);
    assert_true(bytes_equal(bytes_of(v.bytes, v.len), expected));
}

static void test_integers_are_exact(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        struct fby_value value;
    } cases[] = {
        {"0", {.type = FBY_INT, .integer = 0}},
        {"-1", {.type = FBY_INT, .integer = -1}},
        {"9223372036854775807", {.type = FBY_INT, .integer = INT64_MAX}},
        {"9223372036854775808", {.type = FBY_UINT, .uinteger = 9223372036854775808u}},
        {"18446744073709551615", {.type = FBY_UINT, .uinteger = UINT64_MAX}},
        {"18446744073709551616", {.type = FBY_DOUBLE, .number = 18446744073709551616.0}},
        {"-9223372036854775808", {.type = FBY_INT, .integer = INT64_MIN}},
        {"-9223372036854775809", {.type = FBY_DOUBLE, .number = -9223372036854775809.0}},
        {"100000000000000000000", {.type = FBY_DOUBLE, .number = 1e20}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fby_value v = parse(cases[i].text);
        assert_int_equal(v.type, cases[i].value.type);
        assert_int_equal(v.uinteger, cases[i].value.uinteger);
    }
}

static void test_exact_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum fby_type type;
    } cases[] = {
        {"1", FBY_INT},
        {"-0", FBY_DOUBLE},
        {"18446744073709551615", FBY_UINT},
        {"18446744073709551616", FBY_STRING},
        {"-9223372036854775809", FBY_STRING},
        {"21.5", FBY_DOUBLE},
        {"9007199254740993.0", FBY_STRING},
        {"1e5", FBY_STRING},
        {"1e400", FBY_STRING},
    };
    const struct value_json_limits limits = {.big_integers = VALUE_JSON_BIG_EXACT};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fby_value v;
        struct bytes text = bytes_of_text(cases[i].text);
        assert_int_equal(value_parse_json(text, &limits, &arena, &v, NULL), STATUS_OK);
        assert_int_equal(v.type, cases[i].type);
        assert_int_equal(value_is_number_text(&v), cases[i].type == FBY_STRING);
        assert_true(v.type != FBY_STRING || bytes_equal(bytes_of(v.bytes, v.len), text));
    }
    struct fby_value v = value_text("12a");
    assert_false(value_is_number_text(&v));
    v.flags = FBY_FLAG_DIGITS;
    assert_false(value_is_number_text(&v));
}

static void test_integers_beyond_64_bits(void **state)
{
    (void)state;
    static const char *const texts[] = {"18446744073709551616", "-9223372036854775809",
                                        "123456789012345678901234567890"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct fby_value v;
        struct buffer out = {0};
        struct value_json_limits limits = {.big_integers = VALUE_JSON_BIG_KEEP};
        struct bytes text = bytes_of_text(texts[i]);
        assert_int_equal(value_parse_json(text, &limits, &arena, &v, NULL), STATUS_OK);
        assert_int_equal(v.type, FBY_STRING);
        assert_true(value_write_json(&v, &out));
        assert_true(bytes_equal(buffer_bytes(&out), text));
        buffer_finish(&out);
        limits.big_integers = VALUE_JSON_BIG_FAIL;
        assert_int_equal(value_parse_json(text, &limits, &arena, &v, NULL), STATUS_INVALID);
        assert_int_equal(parse(texts[i]).type, FBY_DOUBLE);
    }
    struct value_json_limits keep = {.big_integers = VALUE_JSON_BIG_KEEP};
    struct fby_value v;
    /* What is no whole number stays one of the others. */
    assert_int_equal(value_parse_json(bytes_of_text("1e400"), &keep, &arena, &v, NULL), STATUS_INVALID);
    assert_int_equal(value_parse_json(bytes_of_text("1e30"), &keep, &arena, &v, NULL), STATUS_OK);
    assert_int_equal(v.type, FBY_DOUBLE);
    assert_int_equal(value_parse_json(bytes_of_text("18446744073709551615"), &keep, &arena, &v, NULL),
                     STATUS_OK);
    assert_int_equal(v.type, FBY_UINT);
    assert_int_equal(value_parse_json(bytes_of_text("-0"), &keep, &arena, &v, NULL), STATUS_OK);
    assert_int_equal(v.type, FBY_DOUBLE);
}

static void test_doubles_are_correctly_rounded(void **state)
{
    (void)state;
    static const char *const texts[] = {"0.1",
                                        "-0",
                                        "-0.0",
                                        "1.5e3",
                                        "1E+2",
                                        "1e-7",
                                        "123456.789012345",
                                        "0.000001",
                                        "1e308",
                                        "4.9e-324",
                                        "2.5",
                                        "1e22",
                                        "1e23",
                                        "3.141592653589793",
                                        "9007199254740993",
                                        "0.30000000000000004",
                                        "2.2250738585072011e-308",
                                        "123456789012345.6",
                                        "1.7976931348623157e308",
                                        "0.1000000000000000055511151231257827021181583404541015625"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct fby_value v = parse(texts[i]);
        double expected = strtod(texts[i], NULL), found = v.type == FBY_DOUBLE ? v.number : (double)v.integer;
        if (memcmp(&expected, &found, sizeof found) != 0)
            fail_msg("%s: %.17g", texts[i], found);
    }
    assert_int_equal(parse("1.0").type, FBY_DOUBLE);
    assert_true(signbit(parse("-0").number));
}

static void test_very_long_number(void **state)
{
    (void)state;
    char text[500];
    memset(text, '1', sizeof text);
    text[1] = '.';
    text[sizeof text - 1] = 0;
    assert_true(fabs(parse(text).number - 1.1111111111) < 1e-9);
}

static void test_strings(void **state)
{
    (void)state;
    assert_string("\"\"", bytes_of_text(""));
    assert_string("\"abcdefghijklmnop\"", bytes_of_text("abcdefghijklmnop"));
    assert_string("\"a\\\"\\\\\\/\\b\\f\\n\\r\\tz\"", bytes_of_text("a\"\\/\b\f\n\r\tz"));
    assert_string("\"\\u0041\\u00e9\\u20AC\\ud83d\\ude00\"",
                  bytes_of_text("A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"));
    assert_string("\"\\u0000x\"", bytes_of("\0x", 2));
    assert_string("\"caf\xc3\xa9 \xf0\x9f\x98\x80 longer text behind\"",
                  bytes_of_text("caf\xc3\xa9 \xf0\x9f\x98\x80 longer text behind"));
    assert_string("\"\xc3\xa9\\n\xc3\xa9 some plain text \\\"quoted\\\" \xe2\x82\xac\"",
                  bytes_of_text("\xc3\xa9\n\xc3\xa9 some plain text \"quoted\" \xe2\x82\xac"));
    assert_string("\"\x7f\"", bytes_of_text("\x7f"));
}

static void test_containers(void **state)
{
    (void)state;
    struct fby_value v =
        parse(" { \"a\" : [ 1 , [ ] , { } , null , true , false ] , \"b\" : { \"c\" : \"d\" } } \r\n\t");
    assert_int_equal(v.len, 2);
    assert_string_equal(v.fields[0].name.data, "a");
    assert_int_equal(v.fields[0].value.len, 6);
    assert_int_equal(v.fields[0].value.items[5].type, FBY_BOOL);
    assert_int_equal(value_path(&v, bytes_of_text("b.c"))->len, 1);
}

static void test_last_duplicate_wins(void **state)
{
    (void)state;
    struct fby_value v = parse("{\"a\":1,\"b\":2,\"a\":3}");
    assert_int_equal(v.len, 2);
    assert_string_equal(v.fields[0].name.data, "a");
    assert_int_equal(v.fields[0].value.integer, 3);
    struct buffer text = {0};
    buffer_add_text(&text, "{");
    for (int i = 0; i < 3000; i++)
        buffer_add_format(&text, "%s\"k%d\":%d", i ? "," : "", i % 1000, i);
    buffer_add_text(&text, "}");
    assert_int_equal(parse_bytes(buffer_bytes(&text), &v, NULL), STATUS_OK);
    assert_int_equal(v.len, 1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(v.fields[i].value.integer, 2000 + i);
    buffer_finish(&text);
}

static void test_duplicates_can_be_refused(void **state)
{
    (void)state;
    struct value_json_limits limits = {.refuse_duplicates = true};
    struct fby_value v;
    struct error err;
    static const char *const twice[] = {"{\"a\":1,\"a\":1}", "[{\"x\":{\"b\":1,\"a\":2,\"b\":3}}]",
                                        "{\"a\":1,\"\\u0061\":2}"};
    for (size_t i = 0; i < sizeof twice / sizeof *twice; i++)
        assert_int_equal(value_parse_json(bytes_of_text(twice[i]), &limits, &arena, &v, &err),
                         STATUS_INVALID);
    assert_int_equal(
        value_parse_json(bytes_of_text("[{\"a\":{\"a\":1}},{\"a\":2}]"), &limits, &arena, &v, &err),
        STATUS_OK);
    /* among many, which are looked up by their hash */
    struct buffer many = {0};
    buffer_add_text(&many, "{");
    for (int i = 0; i < 1000; i++)
        buffer_add_format(&many, "\"k%d\":%d,", i, i);
    buffer_add_text(&many, "\"k500\":0}");
    assert_int_equal(value_parse_json(buffer_bytes(&many), &limits, &arena, &v, &err), STATUS_INVALID);
    buffer_finish(&many);
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        " ",
        "{",
        "[",
        "\"",
        "}",
        "]",
        ",",
        "nul",
        "tru",
        "fals",
        "nulls",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{1:2}",
        "01",
        "-",
        "-a",
        "1.",
        ".5",
        "+1",
        "1e",
        "1e+",
        "0x1",
        "1.e1",
        "NaN",
        "Infinity",
        "-Infinity",
        "\"\n\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\ud800\"",
        "\"\\ud800x\"",
        "\"\\ud800\\u0041\"",
        "\"\\udc00\"",
        "\"\\",
        "\"\\u",
        "'a'",
        "1 2",
        "{} []",
        "// c\n1",
        "\xef\xbb\xbf 1",
        "\"\xff\"",
        "\"\xc3\"",
        "\"\xed\xa0\x80\"",
        "\"\xc0\x80\"",
        "\"\\n\xff\"",
        "1e999",
        "-1e999",
        "[1}",
        "{\"a\":1]",
        "\"\t\"",
        "\"abc\\n\t\"",
        "\x01",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct error err = {0};
        if (parse_bytes(bytes_of_text(texts[i]), NULL, &err) != STATUS_INVALID ||
            strncmp(err.text, "byte ", 5) != 0)
            fail_msg("%s: %s", texts[i], err.text);
    }
    assert_int_equal(parse_bytes(bytes_of("\"a\0b\"", 5), NULL, NULL), STATUS_INVALID);
    assert_int_equal(parse_bytes(bytes_of("1\0", 2), NULL, NULL), STATUS_INVALID);
}

static void test_place_of_an_error(void **state)
{
    (void)state;
    struct error err;
    assert_int_equal(parse_bytes(bytes_of_text("{\"a\": nope}"), NULL, &err), STATUS_INVALID);
    assert_string_equal(err.text, "byte 6: expected a value");
}

static void test_every_cut(void **state)
{
    (void)state;
    const char *text = "{\"a\":[1.5e3,-2,\"x\\u0041\\n\xc3\xa9\",true,null],\"b\":{\"c\":false}}";
    for (size_t len = 0; len < strlen(text); len++)
        assert_int_equal(parse_bytes(bytes_of(text, len), NULL, NULL), STATUS_INVALID);
}

static void test_depth(void **state)
{
    (void)state;
    char text[400];
    struct fby_value v;
    memset(text, '[', 200);
    memset(text + 200, ']', 200);
    assert_int_equal(value_parse_json(bytes_of(text + 136, 128), NULL, &arena, &v, NULL), STATUS_OK);
    assert_int_equal(value_parse_json(bytes_of(text + 135, 130), NULL, &arena, &v, NULL), STATUS_LIMIT);
    struct value_json_limits limits = {.depth = 1000};
    assert_int_equal(value_parse_json(bytes_of(text + 72, 256), &limits, &arena, &v, NULL), STATUS_OK);
    assert_int_equal(value_parse_json(bytes_of(text, 400), &limits, &arena, &v, NULL), STATUS_LIMIT);
}

static void test_deep_nest_ends_early(void **state)
{
    (void)state;
    size_t size = 10u << 20;
    uint8_t *text = malloc(size);
    memset(text, '[', size);
    struct fby_value v;
    assert_int_equal(value_parse_json(bytes_of(text, size), NULL, &arena, &v, NULL), STATUS_LIMIT);
    free(text);
}

static void test_elements(void **state)
{
    (void)state;
    struct value_json_limits limits = {.elements = 4};
    struct fby_value v;
    assert_int_equal(value_parse_json(bytes_of_text("[1,2,3]"), &limits, &arena, &v, NULL), STATUS_OK);
    assert_int_equal(value_parse_json(bytes_of_text("[1,2,3,4]"), &limits, &arena, &v, NULL), STATUS_LIMIT);
    assert_int_equal(value_parse_json(bytes_of_text("[[[[[]]]]]"), &limits, &arena, &v, NULL), STATUS_LIMIT);
}

static void test_memory_limit(void **state)
{
    (void)state;
    static const char text[] =
        "{\"a\":[1,2,3,4,5,6,7,8,9,10],\"b\":\"\\n\",\"c\":0.12345678901234567890123456789}";
    for (size_t limit = 16; limit < 2000; limit += 16) {
        struct arena small;
        struct fby_value v;
        arena_init(&small, 64, limit);
        enum status s = value_parse_json(bytes_of_text(text), NULL, &small, &v, NULL);
        assert_true(s == STATUS_OK || s == STATUS_LIMIT);
        assert_true(small.used <= limit);
        arena_finish(&small);
    }
}

static void test_many_entries(void **state)
{
    (void)state;
    struct buffer text = {0};
    buffer_add_text(&text, "[");
    for (int i = 0; i < 60000; i++)
        buffer_add_format(&text, "%s%d", i ? "," : "", i);
    buffer_add_text(&text, "]");
    struct fby_value v;
    assert_int_equal(parse_bytes(buffer_bytes(&text), &v, NULL), STATUS_OK);
    assert_int_equal(v.len, 60000);
    assert_int_equal(v.items[59999].integer, 59999);
    buffer_finish(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers_are_exact),
        cmocka_unit_test(test_integers_beyond_64_bits),
        cmocka_unit_test(test_exact_numbers),
        cmocka_unit_test(test_doubles_are_correctly_rounded),
        cmocka_unit_test(test_very_long_number),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_containers),
        cmocka_unit_test(test_last_duplicate_wins),
        cmocka_unit_test(test_duplicates_can_be_refused),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_place_of_an_error),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_deep_nest_ends_early),
        cmocka_unit_test(test_elements),
        cmocka_unit_test(test_memory_limit),
        cmocka_unit_test(test_many_entries),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
