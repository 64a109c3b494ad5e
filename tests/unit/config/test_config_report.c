/* SPDX-License-Identifier: Apache-2.0
 *
 * Proves the form of the report: order, paths, source lines with carets, hidden texts, the cut of long lines.
 */
#include "config/config_report.h"
#include "config/yaml_tree.h"

#include "unit.h"

static void assert_rendered(const struct config_report *r, const char *expected)
{
    struct buffer out = {0};
    config_report_render(r, &out);
    buffer_add_byte(&out, 0);
    assert_string_equal((const char *)out.data, expected);
    buffer_finish(&out);
}

static void test_order_of_places(void **state)
{
    (void)state;
    struct config_report *r = config_report_create();
    config_report_add_source(r, "a", "one\ntwo\n", 8);
    config_report_add_source(r, "b", "three", 5);
    config_report_error(r, NULL, "Nowhere.");
    config_report_error_at(r, "b", 1, 2, "In b.");
    config_report_error_at(r, "a", 2, 1, "Second line.");
    config_report_error_at(r, "a", 1, 3, "First line, later.");
    config_report_error_at(r, "a", 1, 1, "First line, %s.", "first");
    config_report_error_at(r, "c", 7, 1, "Not a source.");
    config_report_error_at(r, "a", 0, 0, "The file.");
    assert_rendered(r, "a: error: The file.\n"
                       "a:1:1: error: First line, first.\n  one\n  ^\n"
                       "a:1:3: error: First line, later.\n  one\n    ^\n"
                       "a:2:1: error: Second line.\n  two\n  ^\n"
                       "b:1:2: error: In b.\n  three\n   ^\n"
                       "c:7:1: error: Not a source.\n"
                       "error: Nowhere.\n");
    assert_int_equal(config_report_error_count(r), 7);
    config_report_destroy(r);
}

static void test_first_error(void **state)
{
    (void)state;
    struct config_report *r = config_report_create();
    config_report_add_source(r, "a", "one\ntwo\n", 8);
    assert_null(config_report_first_error(r));
    config_report_warning(r, NULL, "Unusual.");
    config_report_error_at(r, "a", 2, 1, "Second line.");
    config_report_error_at(r, "a", 1, 3, "First line.\nMore.");
    char *text = config_report_first_error(r);
    assert_string_equal(text, "a:1:3: error: First line. More.");
    free(text);
    config_report_destroy(r);
}

static void test_path(void **state)
{
    (void)state;
    struct config_report *r = config_report_create();
    assert_string_equal(config_report_path(r), "");
    config_report_enter(r, "routes");
    config_report_enter(r, "a b");
    config_report_enter(r, "to");
    config_report_enter_index(r, 12);
    assert_string_equal(config_report_path(r), "routes[\"a b\"].to[12]");
    config_report_leave(r);
    config_report_enter(r, "x");
    assert_string_equal(config_report_path(r), "routes[\"a b\"].to.x");
    for (int i = 0; i < 4; i++)
        config_report_leave(r);
    assert_string_equal(config_report_path(r), "");
    for (int i = 0; i < 200; i++)
        config_report_enter(r, "deep");
    for (int i = 0; i < 200; i++)
        config_report_leave(r);
    assert_string_equal(config_report_path(r), "");
    config_report_destroy(r);
}

static void test_warnings_do_not_count_as_errors(void **state)
{
    (void)state;
    struct config_report *r = config_report_create();
    struct yaml_node n = {.file = "a", .line = 1, .column = 1};
    config_report_enter(r, "key");
    config_report_warning(r, &n, "Odd.");
    assert_int_equal(config_report_error_count(r), 0);
    assert_int_equal(config_report_warning_count(r), 1);
    assert_rendered(r, "a:1:1: warning: key: Odd.\n");
    config_report_destroy(r);
}

static void test_hidden_text(void **state)
{
    (void)state;
    struct config_report *r = config_report_create();
    static const char text[] = "k: hunter2 # x\nm: |\n  hunter\n  2\nn: 1\n";
    struct yaml_node one = {.file = "a", .line = 1, .column = 4, .end_line = 1, .end_column = 11};
    struct yaml_node two = {.file = "a", .line = 2, .column = 4, .end_line = 5, .end_column = 1};
    config_report_add_source(r, "a", text, sizeof text - 1);
    config_report_hide(r, &one);
    config_report_hide(r, &two);
    config_report_error_at(r, "a", 1, 4, "One.");
    config_report_error_at(r, "a", 3, 3, "Two.");
    config_report_error_at(r, "a", 5, 1, "Three.");
    assert_rendered(r, "a:1:4: error: One.\n  k: ******* # x\n     ^\n"
                       "a:3:3: error: Two.\n  ********\n    ^\n"
                       "a:5:1: error: Three.\n  n: 1\n  ^\n");
    config_report_destroy(r);
}

static void test_lines_are_shown_as_they_are(void **state)
{
    (void)state;
    struct config_report *r = config_report_create();
    static const char text[] = "\tx\r\ncaf\xc3\xa9 y\n\x01\x7f\xff z";
    config_report_add_source(r, "a", text, sizeof text - 1);
    config_report_error_at(r, "a", 1, 2, "Tab.");
    config_report_error_at(r, "a", 2, 6, "Accent.");
    config_report_error_at(r, "a", 3, 5, "Strange bytes.");
    config_report_error_at(r, "a", 9, 9, "Behind the end.");
    assert_rendered(r, "a:1:2: error: Tab.\n  \tx\n  \t^\n"
                       "a:2:6: error: Accent.\n  caf\xc3\xa9 y\n       ^\n"
                       "a:3:5: error: Strange bytes.\n  ??? z\n      ^\n"
                       "a:9:9: error: Behind the end.\n");
    config_report_destroy(r);
}

static void test_long_lines_are_cut(void **state)
{
    (void)state;
    struct config_report *r = config_report_create();
    char line[1000];
    memset(line, 'x', sizeof line);
    line[499] = 'Y';
    config_report_add_source(r, "a", line, sizeof line);
    config_report_error_at(r, "a", 1, 500, "Far.");
    struct buffer out = {0};
    config_report_render(r, &out);
    buffer_add_byte(&out, 0);
    const char *shown = strchr((const char *)out.data, '\n') + 1, *caret = strchr(shown, '\n') + 1;
    assert_int_equal(strchr(shown, 'Y') - shown, strchr(caret, '^') - caret);
    assert_true(out.len < 300);
    buffer_finish(&out);
    config_report_destroy(r);
}

static void test_many_problems(void **state)
{
    (void)state;
    struct config_report *r = config_report_create();
    for (int i = 0; i < CONFIG_REPORT_SHOWN_MAX + 5; i++)
        config_report_error(r, NULL, "Number %d.", i);
    struct buffer out = {0};
    config_report_render(r, &out);
    buffer_add_byte(&out, 0);
    assert_non_null(strstr((const char *)out.data, "error: Number 199.\n5 more problems are not shown.\n"));
    buffer_finish(&out);
    config_report_destroy(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_of_places),
        cmocka_unit_test(test_first_error),
        cmocka_unit_test(test_path),
        cmocka_unit_test(test_warnings_do_not_count_as_errors),
        cmocka_unit_test(test_hidden_text),
        cmocka_unit_test(test_lines_are_shown_as_they_are),
        cmocka_unit_test(test_long_lines_are_cut),
        cmocka_unit_test(test_many_problems),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
