/* SPDX-License-Identifier: Apache-2.0
 *
 * Proves what comes out of a YAML text, with places; and that no text takes long, goes deep or grows large.
 * What the messages say word by word is in tests/config/cases.
 */
#include "config/config_report.h"
#include "config/yaml_tree.h"

#include "unit.h"

#include <stdio.h>
#include <time.h>

struct fixture {
    struct arena arena;
    struct config_report *report;
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

static struct yaml_node *parse(struct fixture *f, const char *text)
{
    return yaml_tree_parse("test.yaml", text, strlen(text), &f->arena, f->report);
}

static void test_nodes_and_places(void **state)
{
    struct fixture *f = *state;
    struct yaml_node *root = parse(f, "a: 1\nb:\n  - x\n  - \"y\"\nc: {d: ~, \xc3\xa9: z}\n");
    assert_non_null(root);
    assert_int_equal(root->count, 3);
    const struct yaml_node *a = yaml_tree_find(root, "a"), *b = yaml_tree_find(root, "b"),
                           *c = yaml_tree_find(root, "c");
    assert_string_equal(a->text, "1");
    assert_true(a->plain && a->line == 1 && a->column == 4 && a->end_column == 5);
    assert_int_equal(b->kind, YAML_LIST);
    assert_int_equal(b->count, 2);
    assert_false(b->items[1]->plain);
    assert_true(b->items[1]->line == 4 && b->items[1]->column == 5);
    assert_string_equal(b->items[1]->file, "test.yaml");
    assert_true(yaml_node_is_null(yaml_tree_find(c, "d")));
    const struct yaml_node *z = yaml_tree_find(c, "\xc3\xa9");
    assert_int_equal(z->column, 14); /* counted in characters */
    assert_null(yaml_tree_find(c, "x"));
    assert_null(yaml_tree_find(a, "x"));
    assert_int_equal(config_report_error_count(f->report), 0);
}

static void test_empty_documents_are_empty_maps(void **state)
{
    struct fixture *f = *state;
    static const char *const texts[] = {"",    "\n",           "# nothing\n",     "---\n",
                                        "~\n", "\xef\xbb\xbf", "%YAML 1.1\n---\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct yaml_node *root = parse(f, texts[i]);
        if (!root || root->kind != YAML_MAP || root->count || config_report_error_count(f->report))
            fail_msg("%zu", i);
    }
}

static void test_null_words(void **state)
{
    struct fixture *f = *state;
    struct yaml_node *root = parse(f, "[~, null, Null, NULL, '', 'null', nul, 0]");
    for (size_t i = 0; i < 4; i++)
        assert_true(yaml_node_is_null(root->items[i]));
    for (size_t i = 4; i < 8; i++)
        assert_false(yaml_node_is_null(root->items[i]));
    assert_true(yaml_node_is_null(NULL));
    assert_false(yaml_node_is_null(root));
}

static void test_alias_shares_its_node(void **state)
{
    struct fixture *f = *state;
    struct yaml_node *root = parse(f, "a: &x {b: 1}\nc: *x\nd: &x 5\ne: *x\n");
    assert_ptr_equal(yaml_tree_find(root, "a"), yaml_tree_find(root, "c"));
    assert_string_equal(yaml_tree_find(root, "e")->text, "5");
}

static void test_text_tags_make_text(void **state)
{
    struct fixture *f = *state;
    struct yaml_node *root = parse(f, "[! 5, !!str 5]");
    assert_false(root->items[0]->plain || root->items[1]->plain);
}

static void test_duplicate_keys_are_reported_and_reading_goes_on(void **state)
{
    struct fixture *f = *state;
    struct yaml_node *root = parse(f, "a: 1\na: 2\nb: 3\nb: 4\n");
    assert_non_null(root);
    assert_int_equal(config_report_error_count(f->report), 2);
    assert_string_equal(yaml_tree_find(root, "a")->text, "1");
}

static char *repeat(const char *head, const char *part, size_t count)
{
    size_t len = strlen(part), at = strlen(head);
    char *text = malloc(at + len * count + 1);
    memcpy(text, head, at);
    for (size_t i = 0; i < count; i++, at += len)
        memcpy(text + at, part, len);
    text[at] = 0;
    return text;
}

static void test_hostile_texts_end_early(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *head, *part;
        size_t count;
    } texts[] = {
        {"", "[", 200000},
        {"", "{", 200000},
        {"", "[\n", 200000},
        {"a: ", "[", 200000},
        {"", "- ", 200000},
        {"", "? ", 200000},
        {"", "a: ", 200000},
        {"", "- - \n", 150000},
        {"", "{a: ", 200000},
        {"", "&a ", 200000},
        {"", "!a ", 200000},
        {"", "*a ", 200000},
        {"", "%TAG !a! b\n", 100000},
        {"a: b\n...\n", "%TAG !a! b\n", 100000},
        {"a: b\n", "---\n", 100000},
        {"", "k: v\n", 200000},
        {"", "[],", 200000},
        {"[", "[],", 300000},
        {"a: \"", "\\n", 1000000},
    };
    clock_t begin = clock();
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char *text = repeat(texts[i].head, texts[i].part, texts[i].count);
        struct arena arena;
        struct config_report *report = config_report_create();
        arena_init(&arena, 0, 0);
        struct yaml_node *root = yaml_tree_parse("x", text, strlen(text), &arena, report);
        if (config_report_error_count(report) == 0)
            fail_msg("text %zu was taken", i);
        (void)root;
        config_report_destroy(report);
        arena_finish(&arena);
        free(text);
    }
    (void)f;
    /* Quadratic work would take minutes. Generous, for slow machines and sanitizers. */
    assert_true((double)(clock() - begin) / CLOCKS_PER_SEC < 30);
}

static void test_depth_counts_aliases(void **state)
{
    struct fixture *f = *state;
    struct buffer text = {0};
    buffer_add_text(&text, "a: &a [[[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]]\nb: ");
    for (int i = 0; i < 16; i++)
        buffer_add_byte(&text, '[');
    buffer_add_text(&text, "*a");
    for (int i = 0; i < 16; i++)
        buffer_add_byte(&text, ']');
    buffer_add_byte(&text, 0);
    assert_null(parse(f, (const char *)text.data));
    assert_int_equal(config_report_error_count(f->report), 1);
    buffer_finish(&text);
}

static void test_size_limit(void **state)
{
    struct fixture *f = *state;
    char *text = repeat("", "# comment\n", YAML_SIZE_MAX / 10 + 1);
    assert_null(parse(f, text));
    free(text);
}

static void test_files_that_cannot_be_read(void **state)
{
    struct fixture *f = *state;
    assert_null(yaml_tree_read("/nonexistent/file.yaml", &f->arena, f->report));
    assert_null(yaml_tree_read("/", &f->arena, f->report));
    assert_int_equal(config_report_error_count(f->report), 2);
}

static uint64_t fingerprint(struct fixture *f, const char *text)
{
    return yaml_node_fingerprint(parse(f, text));
}

static void test_fingerprint(void **state)
{
    struct fixture *f = *state;
    uint64_t first = fingerprint(f, "{a: 1, b: [x, y]}");
    assert_true(first == fingerprint(f, "# moved\nb:\n  - x\n  - y\na: 1\n"));
    static const char *const others[] = {
        "{a: 2, b: [x, y]}", "{a: 1, b: [y, x]}",       "{a: 1, b: [x]}",    "{a: '1', b: [x, y]}", "{a: 1}",
        "{a: 1, b: {x: y}}", "{a: 1, b: [x, y], c: ~}", "{b: 1, a: [x, y]}", "[a, 1, b, [x, y]]"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (first == fingerprint(f, others[i]))
            fail_msg("%s", others[i]);
    assert_int_equal(yaml_node_fingerprint(NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nodes_and_places, setup, teardown),
        cmocka_unit_test_setup_teardown(test_empty_documents_are_empty_maps, setup, teardown),
        cmocka_unit_test_setup_teardown(test_null_words, setup, teardown),
        cmocka_unit_test_setup_teardown(test_alias_shares_its_node, setup, teardown),
        cmocka_unit_test_setup_teardown(test_text_tags_make_text, setup, teardown),
        cmocka_unit_test_setup_teardown(test_duplicate_keys_are_reported_and_reading_goes_on, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_hostile_texts_end_early, setup, teardown),
        cmocka_unit_test_setup_teardown(test_depth_counts_aliases, setup, teardown),
        cmocka_unit_test_setup_teardown(test_size_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_files_that_cannot_be_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fingerprint, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
