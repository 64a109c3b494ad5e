/* SPDX-License-Identifier: Apache-2.0
 *
 * Proves that a plugin's options are read with the messages of the rest of the file: place, path, nearest
 * name, and the plugin's own check.
 */
#include "plugin/plugin_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct options {
    const char *text;
    int64_t number;
};

static const struct fby_option rows[] = {
    {.name = "text",
     .type = FBY_OPTION_STRING,
     .offset = offsetof(struct options, text),
     .default_text = "none"},
    {.name = "number", .type = FBY_OPTION_INT, .offset = offsetof(struct options, number), .max = 10},
    {.name = NULL},
};

static const char *check(const void *options, struct fby_error *err)
{
    const struct options *o = options;
    if (strcmp(o->text, "wrong") != 0)
        return NULL;
    snprintf(err->text, sizeof err->text, "The text is %s.", o->text);
    return err->text;
}

static void *create(const struct fby_host *host, struct fby_instance *in, const void *options,
                    struct fby_error *err)
{
    (void)host;
    (void)options;
    (void)err;
    return in;
}

static void destroy(void *self)
{
    (void)self;
}

static void process(void *self, struct fby_batch *batch)
{
    (void)self;
    (void)batch;
}

static const struct fby_stage_ops ops = {.create = create, .destroy = destroy, .process = process};
static const struct fby_plugin description = {
    FBY_PLUGIN_ABI,         .name = "stage", .version = "1",
    .kind = FBY_KIND_STAGE, .options = rows, .options_size = sizeof(struct options),
    .check = check,         .stage = &ops,   .scalar_option = "text"};
static const struct fby_plugin bare = {FBY_PLUGIN_ABI, .name = "bare", .version = "1", .kind = FBY_KIND_STAGE,
                                       .stage = &ops};

static struct plugin_host *host;
static struct arena arena;
static struct config_report *report;

static int setup(void **state)
{
    (void)state;
    host = plugin_host_create("", NULL, NULL);
    plugin_host_add_static(host, &description);
    plugin_host_add_static(host, &bare);
    arena_init(&arena, 0, 0);
    report = config_report_create();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    config_report_destroy(report);
    arena_finish(&arena);
    plugin_host_destroy(host);
    return 0;
}

static const struct options *read_options(const char *name, const char *yaml)
{
    struct error err;
    struct plugin *p = plugin_host_load(host, name, NULL, &err);
    assert_non_null(p);
    struct yaml_node *root = yaml_tree_parse("f.yaml", yaml, strlen(yaml), &arena, report);
    assert_non_null(root);
    assert_int_equal(root->count, 1);
    const void *options = plugin_options_read(p, root->pairs[0].value, root->pairs[0].key, &arena, report);
    plugin_unref(p);
    return options;
}

static void expect_report(const char *words)
{
    struct buffer text = {0};
    config_report_render(report, &text);
    buffer_add_byte(&text, 0);
    if (!strstr((const char *)text.data, words))
        fail_msg("expected \"%s\": %s", words, (const char *)text.data);
    buffer_finish(&text);
}

static void reads_a_map(void **state)
{
    (void)state;
    const struct options *o = read_options("stage", "stage: { text: abc, number: 7 }\n");
    assert_non_null(o);
    assert_string_equal(o->text, "abc");
    assert_int_equal(o->number, 7);
}

static void reads_a_scalar_and_nothing(void **state)
{
    (void)state;
    const struct options *o = read_options("stage", "stage: \"a > 1\"\n");
    assert_non_null(o);
    assert_string_equal(o->text, "a > 1");
    o = read_options("stage", "stage:\n");
    assert_non_null(o);
    assert_string_equal(o->text, "none");
    assert_non_null(read_options("bare", "bare:\n"));
    assert_non_null(read_options("bare", "bare: {}\n"));
}

static void reports_faults_with_their_place(void **state)
{
    (void)state;
    assert_null(read_options("stage", "stage: { nummer: 3 }\n"));
    expect_report("f.yaml:1:10: error:");
    expect_report("\"number\"");
    assert_null(read_options("stage", "stage: { number: 11 }\n"));
    assert_null(read_options("bare", "bare: { a: 1 }\n"));
    assert_int_equal(config_report_error_count(report), 3);
}

static void reports_the_plugins_own_check(void **state)
{
    (void)state;
    assert_null(read_options("stage", "stage: wrong\n"));
    expect_report("f.yaml:1:8: error:");
    expect_report("The text is wrong.");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(reads_a_map),
        TEST(reads_a_scalar_and_nothing),
        TEST(reports_faults_with_their_place),
        TEST(reports_the_plugins_own_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
