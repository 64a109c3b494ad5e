/* SPDX-License-Identifier: Apache-2.0
 *
 * Proves reading, changing, copying and comparing of value trees, and that a circle made by a plugin is
 * refused.
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

static struct fby_value parse(const char *json)
{
    struct fby_value v;
    assert_int_equal(value_parse_json(bytes_of_text(json), NULL, &arena, &v, NULL), STATUS_OK);
    return v;
}

static void assert_json(const struct fby_value *v, const char *expected)
{
    struct buffer out = {0};
    assert_true(value_write_json(v, &out));
    buffer_add_byte(&out, 0);
    assert_string_equal((const char *)out.data, expected);
    buffer_finish(&out);
}

static void test_path(void **state)
{
    (void)state;
    struct fby_value v = parse("{\"a\":{\"b\":[10,{\"c\":true}]},\"\":5}");
    assert_int_equal(value_path(&v, bytes_of_text("a.b.0"))->integer, 10);
    assert_true(value_path(&v, bytes_of_text("a.b.1.c"))->boolean);
    assert_int_equal(value_path(&v, bytes_of_text(""))->integer, 5);
    static const char *const missing[] = {
        "x", "a.x", "a.b.2", "a.b.x", "a.b.-1", "a.b.", "a.b.99999999999", "a.b.0.c", "."};
    for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++)
        assert_null(value_path(&v, bytes_of_text(missing[i])));
}

static void test_set_and_remove(void **state)
{
    (void)state;
    struct fby_value v = parse("{\"a\":1,\"b\":2}");
    assert_true(value_set_field(&v, bytes_of_text("b"), value_text("new"), &arena));
    assert_true(value_set_field(&v, bytes_of_text("c"), value_bool(true), &arena));
    assert_json(&v, "{\"a\":1,\"b\":\"new\",\"c\":true}");
    assert_true(value_remove_field(&v, bytes_of_text("a")));
    assert_false(value_remove_field(&v, bytes_of_text("a")));
    assert_json(&v, "{\"b\":\"new\",\"c\":true}");
    struct fby_value number = value_int(1);
    assert_false(value_set_field(&number, bytes_of_text("a"), number, &arena));
    assert_false(value_remove_field(&number, bytes_of_text("a")));
    struct fby_value empty = parse("{}");
    assert_true(value_set_field(&empty, bytes_of_text("x"), value_null(), &arena));
    assert_json(&empty, "{\"x\":null}");
}

static void test_set_without_memory(void **state)
{
    (void)state;
    struct arena small;
    arena_init(&small, 64, 32);
    struct fby_value v = {.type = FBY_MAP};
    assert_true(value_set_field(&v, bytes_of_text("a"), value_null(), &small));
    assert_false(value_set_field(&v, bytes_of_text("b"), value_null(), &small));
    assert_int_equal(v.len, 1);
    arena_finish(&small);
}

static void test_copy_is_independent(void **state)
{
    (void)state;
    char text[] = "{\"a\":[1,\"xyz\",{}],\"b\":[]}";
    struct fby_value v = parse(text), copy;
    assert_true(value_copy(&v, &copy, &arena));
    assert_true(value_equal(&v, &copy));
    memset(text, 'q', sizeof text - 1);
    assert_json(&copy, "{\"a\":[1,\"xyz\",{}],\"b\":[]}");
}

static void test_numbers_compare_by_value(void **state)
{
    (void)state;
    struct fby_value values[] = {value_int(-1),          value_uint(UINT64_MAX), value_double(-1),
                                 value_double(0x1p64),   value_int(5),           value_uint(5),
                                 value_double(5),        value_double(5.5),      value_double(NAN),
                                 value_double(INFINITY), value_int(INT64_MIN),   value_double(-0x1p63)};
    static const char equal[][12] = {
        {1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}, {0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
        {1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}, {0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0},
        {0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0}, {0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0},
        {0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0}, {0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0},
        {0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0}, {0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0},
        {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1}, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1}};
    for (size_t i = 0; i < 12; i++)
        for (size_t j = 0; j < 12; j++)
            if (value_equal(&values[i], &values[j]) != (bool)equal[i][j])
                fail_msg("%zu and %zu", i, j);
}

static void test_equal_containers(void **state)
{
    (void)state;
    struct fby_value a = parse("{\"a\":1,\"b\":[1,2]}"), b = parse("{\"b\":[1,2.0],\"a\":1.0}");
    struct fby_value c = parse("{\"a\":1,\"b\":[2,1]}"), d = parse("{\"a\":1}"),
                     e = parse("{\"a\":1,\"c\":[1,2]}");
    assert_true(value_equal(&a, &b));
    assert_false(value_equal(&a, &c));
    assert_false(value_equal(&a, &d));
    assert_false(value_equal(&a, &e));
    struct fby_value text = value_text("x"), data = value_bytes(bytes_of_text("x"));
    assert_false(value_equal(&text, &data));
    assert_true(value_equal(&text, &text) && value_equal(&data, &data));
}

static void test_circle_is_refused(void **state)
{
    (void)state;
    struct fby_value item, copy, list = {.type = FBY_LIST, .len = 1, .items = &item};
    item = list;
    struct buffer out = {.limit = 1 << 20};
    assert_false(value_copy(&list, &copy, &arena));
    assert_false(value_write_json(&list, &out));
    assert_false(value_equal(&list, &item));
    buffer_finish(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_path),
        cmocka_unit_test(test_set_and_remove),
        cmocka_unit_test(test_set_without_memory),
        cmocka_unit_test(test_copy_is_independent),
        cmocka_unit_test(test_numbers_compare_by_value),
        cmocka_unit_test(test_equal_containers),
        cmocka_unit_test(test_circle_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
