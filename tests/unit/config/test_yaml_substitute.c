/* SPDX-License-Identifier: Apache-2.0
 *
 * Proves what each ${…} becomes, that what comes from files is marked as secret, and that failures are
 * reported once and leave the text alone.
 */
#include "config/config_report.h"
#include "config/yaml_tree.h"

#include "unit.h"

#include <stdio.h>
#include <unistd.h>

struct fixture {
    struct arena arena;
    struct config_report *report;
    char folder[64], main[96];
};

static void write_file(const struct fixture *f, const char *name, const char *text, size_t len)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", f->folder, name);
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(text, 1, len, out), len);
    fclose(out);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    arena_init(&f->arena, 0, 0);
    f->report = config_report_create();
    strcpy(f->folder, "/tmp/forebay-test-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->main, sizeof f->main, "%s/main.yaml", f->folder);
    setenv("FBY_TEST", "value", 1);
    setenv("FBY_EMPTY", "", 1);
    unsetenv("FBY_UNSET");
    setenv("CREDENTIALS_DIRECTORY", f->folder, 1);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", f->folder);
    assert_int_equal(system(command), 0);
    config_report_destroy(f->report);
    arena_finish(&f->arena);
    free(f);
    return 0;
}

static const char *lookup(void *ctx, const char *name)
{
    (void)ctx;
    return strcmp(name, "gateway.id") == 0 ? "g1" : NULL;
}

/* The node of the only key, substituted. */
static struct yaml_node *substitute(struct fixture *f, const char *value)
{
    char text[400];
    snprintf(text, sizeof text, "a: '%s'\n", value);
    struct yaml_node *root = yaml_tree_parse(f->main, text, strlen(text), &f->arena, f->report);
    yaml_tree_substitute(root, &f->arena, f->report, lookup, NULL);
    return yaml_tree_find(root, "a");
}

static void test_names(void **state)
{
    struct fixture *f = *state;
    static const char *const cases[][2] = {
        {"${FBY_TEST}", "value"},
        {"x${FBY_TEST}y${FBY_TEST}", "xvalueyvalue"},
        {"${FBY_EMPTY}", ""},
        {"${FBY_EMPTY:-d}", "d"},
        {"${FBY_UNSET:-}", ""},
        {"${FBY_UNSET:-a b}", "a b"},
        {"${FBY_TEST:-d}", "value"},
        {"${FBY_UNSET:-${FBY_EMPTY:-${FBY_TEST}}}", "value"},
        {"${FBY_UNSET:-$$x}", "$x"},
        {"$$", "$"},
        {"$${FBY_TEST}", "${FBY_TEST}"},
        {"$x $", "$x $"},
        {"x:match(\"a$\")", "x:match(\"a$\")"},
        {"${gateway.id}", "g1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct yaml_node *n = substitute(f, cases[i][0]);
        assert_string_equal(n->text, cases[i][1]);
        assert_int_equal(n->text_len, strlen(cases[i][1]));
        assert_false(n->secret || n->unresolved);
    }
    assert_int_equal(config_report_error_count(f->report), 0);
}

static void test_files(void **state)
{
    struct fixture *f = *state;
    char absolute[128];
    write_file(f, "one", "secret\n", 7);
    write_file(f, "two", "a\nb\r\n", 5);
    write_file(f, "none", "", 0);
    assert_string_equal(substitute(f, "${file:one}")->text, "secret");
    assert_true(substitute(f, "${file:one}")->secret);
    assert_string_equal(yaml_node_show(substitute(f, "${file:one}")), "(hidden)");
    assert_string_equal(substitute(f, "<${file:two}>")->text, "<a\nb>");
    assert_string_equal(substitute(f, "${file:none}")->text, "");
    assert_string_equal(substitute(f, "${credential:one}")->text, "secret");
    snprintf(absolute, sizeof absolute, "${file:%s/one}", f->folder);
    assert_string_equal(substitute(f, absolute)->text, "secret");
    assert_int_equal(config_report_error_count(f->report), 0);
}

static void test_failures_are_reported_once(void **state)
{
    struct fixture *f = *state;
    char *large = calloc(1, 70000);
    memset(large, 'x', 70000);
    write_file(f, "large", large, 70000);
    write_file(f, "nul", "a\0b", 3);
    write_file(f, "latin1", "\xe9", 1);
    free(large);
    static const char *const cases[] = {
        "${FBY_UNSET}",
        "${}",
        "${1}",
        "${a b}",
        "${FBY_TEST",
        "${other.name}",
        "${file:}",
        "${file:gone}",
        "${file:large}",
        "${file:nul}",
        "${file:latin1}",
        "${file:.}",
        "${credential:}",
        "${credential:gone}",
        "${credential:../one}",
        "${credential:..}",
        "${gateway.id:-x}",
        "${X:-${X:-${X:-${X:-${X:-${X:-${X:-${X:-${X:-}}}}}}}}}",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct yaml_node *n = substitute(f, cases[i]);
        if (!n->unresolved || strcmp(n->text, cases[i]) != 0 || config_report_error_count(f->report) != i + 1)
            fail_msg("%s: %s", cases[i], n->text);
    }
    unsetenv("CREDENTIALS_DIRECTORY");
    assert_true(substitute(f, "${credential:one}")->unresolved);
}

static void test_once_for_each_node(void **state)
{
    struct fixture *f = *state;
    setenv("FBY_TEST", "${FBY_TEST} $$", 1);
    static const char text[] = "a: &x [\"${FBY_TEST}\"]\nb: *x\n\"${FBY_TEST}\": 1\n";
    struct yaml_node *root = yaml_tree_parse(f->main, text, sizeof text - 1, &f->arena, f->report);
    yaml_tree_substitute(root, &f->arena, f->report, NULL, NULL);
    yaml_tree_substitute(root, &f->arena, f->report, NULL, NULL);
    assert_string_equal(yaml_tree_find(root, "b")->items[0]->text, "${FBY_TEST} $$");
    assert_non_null(yaml_tree_find(root, "${FBY_TEST}")); /* keys are not touched */
    assert_int_equal(config_report_error_count(f->report), 0);
}

static void test_growth_is_bounded(void **state)
{
    struct fixture *f = *state;
    char *large = calloc(1, 60001);
    memset(large, 'x', 60000);
    setenv("FBY_LARGE", large, 1);
    struct buffer text = {0};
    for (int i = 0; i < 30; i++)
        buffer_add_text(&text, "${FBY_LARGE}");
    buffer_add_byte(&text, 0);
    const struct yaml_node *n = substitute(f, (const char *)text.data);
    assert_true(n->unresolved);
    unsetenv("FBY_LARGE");
    buffer_finish(&text);
    free(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failures_are_reported_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_once_for_each_node, setup, teardown),
        cmocka_unit_test_setup_teardown(test_growth_is_bounded, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
