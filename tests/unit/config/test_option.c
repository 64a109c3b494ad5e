/* SPDX-License-Identifier: Apache-2.0
 *
 * Proves that a table fills its struct: every type, defaults, sections, required keys; and that every problem
 * of a map is reported in one pass.
 */
#include "config/option.h"

#include "base/memory.h"
#include "unit.h"

struct inner {
    const char *name;
    int64_t count;
};

struct settings {
    bool flag;
    int64_t number, size, wait;
    double ratio;
    const char *text;
    int choice;
    struct fby_strings list;
    struct fby_string_map map;
    const struct fby_value *any;
    struct inner inner;
};

#define AT(member) offsetof(struct settings, member)

static const char *const colours[] = {"red", "green", NULL};

static const struct fby_option inner_rows[] = {
    {.name = "name",
     .type = FBY_OPTION_STRING,
     .flags = FBY_OPTION_REQUIRED,
     .offset = offsetof(struct inner, name)},
    {.name = "count", .type = FBY_OPTION_INT, .offset = offsetof(struct inner, count), .default_text = "3"},
    {.name = NULL},
};

static const struct fby_option rows[] = {
    {.name = "flag", .type = FBY_OPTION_BOOL, .offset = AT(flag), .default_text = "true"},
    {.name = "number", .type = FBY_OPTION_INT, .offset = AT(number), .min = -5, .max = 5},
    {.name = "size",
     .type = FBY_OPTION_SIZE,
     .offset = AT(size),
     .default_text = "1 KiB",
     .min = 16,
     .max = 1 << 20},
    {.name = "wait", .type = FBY_OPTION_DURATION, .offset = AT(wait), .default_text = "2s", .max = 60000},
    {.name = "ratio", .type = FBY_OPTION_DOUBLE, .offset = AT(ratio), .max = 1},
    {.name = "text", .type = FBY_OPTION_STRING, .offset = AT(text)},
    {.name = "choice",
     .type = FBY_OPTION_CHOICE,
     .offset = AT(choice),
     .default_text = "green",
     .choices = colours},
    {.name = "list", .type = FBY_OPTION_STRINGS, .offset = AT(list)},
    {.name = "map", .type = FBY_OPTION_STRING_MAP, .offset = AT(map)},
    {.name = "any", .type = FBY_OPTION_VALUE, .offset = AT(any)},
    {.name = "inner", .type = FBY_OPTION_SECTION, .offset = AT(inner), .section = inner_rows},
    {.name = NULL},
};

struct fixture {
    struct arena arena;
    struct config_report *report;
    struct settings settings;
    bool right;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    arena_init(&f->arena, 0, 0);
    f->report = config_report_create();
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    config_report_destroy(f->report);
    arena_finish(&f->arena);
    free(f);
    return 0;
}

static void apply(struct fixture *f, const struct fby_option *table, const char *text)
{
    static const char *const also[] = {"elsewhere", NULL};
    struct yaml_node *root = yaml_tree_parse("x", text, strlen(text), &f->arena, f->report);
    assert_non_null(root);
    f->right = option_apply(table, root, root, also, &f->settings, &f->arena, f->report);
}

static void assert_report(struct fixture *f, const char *const *parts)
{
    struct buffer out = {0};
    config_report_render(f->report, &out);
    buffer_add_byte(&out, 0);
    size_t count = 0;
    for (; *parts; parts++, count++)
        if (!strstr((const char *)out.data, *parts))
            fail_msg("no \"%s\" in:\n%s", *parts, (const char *)out.data);
    if (count != config_report_error_count(f->report))
        fail_msg("%s", (const char *)out.data);
    buffer_finish(&out);
}

static void test_every_type(void **state)
{
    struct fixture *f = *state;
    apply(f, rows,
          "{flag: no, number: -5, size: 2 KiB, wait: 500ms, ratio: 0.5, text: 12, choice: red, list: [a, b], "
          "map: {x: y, n: 1}, any: [1, {}], inner: {name: n}, elsewhere: 1}");
    const struct settings *s = &f->settings;
    assert_true(f->right && !s->flag && s->number == -5 && s->size == 2048 && s->wait == 500);
    assert_true(s->ratio > 0.49 && s->ratio < 0.51);
    assert_string_equal(s->text, "12");
    assert_int_equal(s->choice, 0);
    assert_int_equal(s->list.count, 2);
    assert_string_equal(s->list.items[1], "b");
    assert_int_equal(s->map.count, 2);
    assert_string_equal(s->map.names[1], "n");
    assert_string_equal(s->map.texts[1], "1");
    assert_int_equal(s->any->len, 2);
    assert_string_equal(s->inner.name, "n");
    assert_int_equal(s->inner.count, 3);
}

static void test_defaults(void **state)
{
    struct fixture *f = *state;
    apply(f, rows, "{number: ~, text: }");
    const struct settings *s = &f->settings;
    assert_true(f->right && s->flag && s->number == 0 && s->size == 1024 && s->wait == 2000 &&
                s->choice == 1);
    assert_null(s->text);
    assert_null(s->any);
    assert_null(s->inner.name);
    assert_int_equal(s->inner.count, 3);
    assert_int_equal(s->list.count, 0);
}

static void test_no_map_is_all_defaults(void **state)
{
    struct fixture *f = *state;
    assert_true(option_apply(rows, NULL, NULL, NULL, &f->settings, &f->arena, f->report));
    assert_int_equal(f->settings.wait, 2000);
}

static void test_single_text_is_a_list(void **state)
{
    struct fixture *f = *state;
    apply(f, rows, "{list: one}");
    assert_int_equal(f->settings.list.count, 1);
    assert_string_equal(f->settings.list.items[0], "one");
}

static void test_all_problems_in_one_pass(void **state)
{
    struct fixture *f = *state;
    apply(f, rows,
          "{flag: maybe, number: 6, size: 4, wait: 2m, ratio: [1], text: {a: b}, choice: blue, "
          "list: {a: b}, map: [x], inner: {cont: 1}, nmber: 3, zzzzzz: 1}");
    static const char *const parts[] = {"flag: Expected true or false, found \"maybe\".",
                                        "number: Must be between -5 and 5, found \"6\".",
                                        "size: Must be between 16 bytes and 1 MiB, found \"4\".",
                                        "wait: Must be between 0ms and 1m, found \"2m\".",
                                        "ratio: Expected a number, found a list.",
                                        "text: Expected a text, found a map.",
                                        "choice: Expected one of red, green, found \"blue\".",
                                        "list: Expected a text or a list of texts, found a map.",
                                        "map: Expected a map of texts, found a list.",
                                        "inner: Unknown key \"cont\". Did you mean \"count\"?",
                                        "inner: The setting \"name\" is missing.",
                                        "Unknown key \"nmber\". Did you mean \"number\"?",
                                        "Unknown key \"zzzzzz\". Known keys are flag, number,",
                                        NULL};
    assert_false(f->right);
    assert_report(f, parts);
}

static void test_open_ended_range(void **state)
{
    struct fixture *f = *state;
    static const struct fby_option table[] = {{.name = "n", .type = FBY_OPTION_INT, .min = 1, .max = 0x1p63},
                                              {.name = NULL}};
    static const char *const parts[] = {"n: Must be at least 1, found \"0\".", NULL};
    apply(f, table, "{n: 0}");
    assert_report(f, parts);
}

static void test_help_follows(void **state)
{
    struct fixture *f = *state;
    static const struct fby_option table[] = {
        {.name = "n", .type = FBY_OPTION_INT, .help = "How many."},
        {.name = "m", .type = FBY_OPTION_INT, .offset = 8, .flags = FBY_OPTION_REQUIRED, .help = "How much."},
        {.name = NULL}};
    static const char *const parts[] = {"n: Expected a whole number, found \"x\". How many.",
                                        "The setting \"m\" is missing. How much.", NULL};
    apply(f, table, "{n: x}");
    assert_report(f, parts);
}

static void test_not_a_map(void **state)
{
    struct fixture *f = *state;
    static const char *const parts[] = {"Expected a map of settings, found a list.", NULL};
    apply(f, rows, "[a]");
    assert_false(f->right);
    assert_report(f, parts);
}

static void test_unresolved_is_reported_by_others(void **state)
{
    struct fixture *f = *state;
    static const struct fby_option table[] = {
        {.name = "n", .type = FBY_OPTION_INT, .flags = FBY_OPTION_REQUIRED}, {.name = NULL}};
    struct yaml_node *root = yaml_tree_parse("x", "n: x", 4, &f->arena, f->report);
    root->pairs[0].value->unresolved = true;
    assert_false(option_apply(table, root, root, NULL, &f->settings, &f->arena, f->report));
    assert_int_equal(config_report_error_count(f->report), 0);
}

static void test_secrets(void **state)
{
    struct fixture *f = *state;
    static const struct fby_option table[] = {
        {.name = "code", .type = FBY_OPTION_INT, .flags = FBY_OPTION_SECRET},
        {.name = "headers", .type = FBY_OPTION_STRING_MAP, .flags = FBY_OPTION_SECRET, .offset = 8},
        {.name = NULL}};
    apply(f, table, "{code: hunter2, headers: {a: hunter2, b: [hunter2]}, cod: hunter2}");
    struct buffer out = {0};
    config_report_render(f->report, &out);
    buffer_add_byte(&out, 0);
    assert_int_equal(config_report_error_count(f->report), 3);
    assert_null(strstr((const char *)out.data, "hunter2"));
    buffer_finish(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_type, setup, teardown),
        cmocka_unit_test_setup_teardown(test_defaults, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_map_is_all_defaults, setup, teardown),
        cmocka_unit_test_setup_teardown(test_single_text_is_a_list, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all_problems_in_one_pass, setup, teardown),
        cmocka_unit_test_setup_teardown(test_open_ended_range, setup, teardown),
        cmocka_unit_test_setup_teardown(test_help_follows, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_a_map, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unresolved_is_reported_by_others, setup, teardown),
        cmocka_unit_test_setup_teardown(test_secrets, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
