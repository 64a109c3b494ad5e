/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON text: escapes, repair of bytes that are not UTF-8, base64, numbers, commas.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json_writer.h"
#include "base/memory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void assert_text(struct buffer *b, const char *expected)
{
    assert_false(b->failed);
    buffer_add_byte(b, 0);
    assert_string_equal((const char *)b->data, expected);
    buffer_clear(b);
}

static void test_escapes(void **state)
{
    (void)state;
    struct buffer b = {0};
    assert_true(json_write_string(&b, bytes_of_text("plain text that is longer than a word")));
    assert_text(&b, "\"plain text that is longer than a word\"");
    assert_true(json_write_string(&b, bytes_of("q\"b\\n\nr\rt\tb\bf\fz\0u\x1f/\x7f", 20)));
    assert_text(&b, "\"q\\\"b\\\\n\\nr\\rt\\tb\\bf\\fz\\u0000u\\u001f/\x7f\"");
    assert_true(json_write_string(&b, bytes_of_text("gr\xc3\xbc\xc3\x9f \xf0\x9f\x8c\x8a")));
    assert_text(&b, "\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x8c\x8a\"");
    assert_true(json_write_string(&b, bytes_of(NULL, 0)));
    assert_text(&b, "\"\"");
    buffer_finish(&b);
}

static void test_repair(void **state)
{
    (void)state;
    struct buffer b = {0};
    assert_false(json_write_string(&b, bytes_of_text("a\xff\xfe"
                                                     "b\xc3")));
    assert_text(&b, "\"a\xef\xbf\xbd\xef\xbf\xbd"
                    "b\xef\xbf\xbd\"");
    buffer_finish(&b);
}

/* Every byte at every place of a string, against a writer that looks at one byte at a time. */
static void test_every_byte_at_every_place(void **state)
{
    (void)state;
    struct buffer b = {0};
    for (size_t len = 1; len <= 20; len++) {
        uint8_t *text = malloc(len);
        memset(text, 'x', len);
        for (size_t at = 0; at < len; at++) {
            for (unsigned c = 1; c < 0x80; c++) {
                char expected[64], name[80], escape[8] = {(char)c};
                text[at] = (uint8_t)c;
                static const char shorts[] = "\bb\tt\nn\ff\rr\"\"\\\\";
                const char *found = NULL;
                for (const char *s = shorts; *s; s += 2)
                    if ((unsigned char)*s == c)
                        found = s;
                if (found)
                    snprintf(escape, sizeof escape, "\\%c", found[1]);
                else if (c < 0x20)
                    snprintf(escape, sizeof escape, "\\u%04x", c);
                snprintf(expected, sizeof expected, "\"%.*s%s%.*s\"", (int)at, "xxxxxxxxxxxxxxxxxxxx", escape,
                         (int)(len - at - 1), "xxxxxxxxxxxxxxxxxxxx");
                assert_true(json_write_string(&b, bytes_of(text, len)));
                assert_text(&b, expected);
                json_write_name(&b, bytes_of(text, len), c % 2);
                snprintf(name, sizeof name, "%s%s:", c % 2 ? "" : ",", expected);
                assert_text(&b, name);
            }
            text[at] = 'x';
        }
        free(text);
    }
    buffer_finish(&b);
}

static void test_base64(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "\"\""},
        {"f", "\"Zg==\""},
        {"fo", "\"Zm8=\""},
        {"foo", "\"Zm9v\""},
        {"foob", "\"Zm9vYg==\""},
        {"fooba", "\"Zm9vYmE=\""},
        {"foobar", "\"Zm9vYmFy\""},
        {"\xff\xef\xbe", "\"/+++\""},
    };
    struct buffer b = {0};
    for (size_t i = 0; i < array_count(cases); i++) {
        json_write_base64(&b, bytes_of_text(cases[i][0]));
        assert_text(&b, cases[i][1]);
    }
    buffer_finish(&b);
}

static void test_numbers(void **state)
{
    (void)state;
    struct buffer b = {0};
    json_write_uint(&b, UINT64_MAX);
    assert_text(&b, "18446744073709551615");
    json_write_int(&b, INT64_MIN);
    assert_text(&b, "-9223372036854775808");
    json_write_double(&b, -0.5);
    assert_text(&b, "-0.5");
    json_write_double(&b, (double)NAN);
    assert_text(&b, "\"NaN\"");
    json_write_double(&b, (double)-INFINITY);
    assert_text(&b, "\"-Infinity\"");
    json_write_float(&b, INFINITY);
    assert_text(&b, "\"Infinity\"");
    json_write_float(&b, 0.1f);
    assert_text(&b, "0.1");
    buffer_finish(&b);
}

static void test_document(void **state)
{
    (void)state;
    struct buffer b = {0};
    struct json_writer w;
    json_writer_init(&w, &b);
    json_writer_begin_object(&w, NULL);
    json_writer_add_text(&w, "name", "a\"b");
    json_writer_add_text(&w, "none", NULL);
    json_writer_begin_list(&w, "empty");
    json_writer_end_list(&w);
    json_writer_begin_list(&w, "list");
    json_writer_add_uint(&w, NULL, 1);
    json_writer_add_int(&w, NULL, -2);
    json_writer_begin_object(&w, NULL);
    json_writer_end_object(&w);
    json_writer_add_bytes(&w, NULL, bytes_of("x", 1));
    json_writer_end_list(&w);
    json_writer_add_double(&w, "double", 1.5);
    json_writer_add_bool(&w, "yes", true);
    json_writer_add_bool(&w, "no", false);
    json_writer_end_object(&w);
    assert_int_equal(w.depth, 0);
    assert_text(&b, "{\"name\":\"a\\\"b\",\"none\":null,\"empty\":[],\"list\":[1,-2,{},\"x\"],\"double\":1.5,"
                    "\"yes\":true,\"no\":false}");
    buffer_finish(&b);
}

/* Whatever the limit: no byte beyond it, and the failure is seen. */
static void test_limited_buffer(void **state)
{
    (void)state;
    static const char text[] = "some text\nwith \"escapes\" and \xff bytes";
    for (size_t limit = 1; limit < 60; limit++) {
        struct buffer b = {.limit = limit};
        assert_false(json_write_string(&b, bytes_of_text(text)));
        json_write_base64(&b, bytes_of_text(text));
        json_write_double(&b, 1.0 / 3);
        assert_true(b.failed);
        assert_true(b.len <= limit);
        buffer_finish(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_repair),
        cmocka_unit_test(test_every_byte_at_every_place),
        cmocka_unit_test(test_base64),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_document),
        cmocka_unit_test(test_limited_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
