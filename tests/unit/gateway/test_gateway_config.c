/* SPDX-License-Identifier: Apache-2.0
 *
 * Proves what a reload relies on: fingerprints change exactly when something that matters has changed, and a
 * kept text gives the same configuration again, wherever it lies. What settings and messages come out of a
 * document is in tests/config/cases.
 */
#include "gateway_config.h"

#include "base/memory.h"
#include "gateway_document.h"
#include "loop/loop.h"
#include "metrics/metrics.h"
#include "plugin/plugin_host.h"
#include "schema/schema.h"
#include "unit.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const char proto[] = "syntax = \"proto3\";\npackage t;\nmessage A { int32 x = 1; }\n";
static const char document[] = "gateway: { id: g }\n"
                               "schemas: { proto: a.proto }\n"
                               "brokers:\n"
                               "  in: { url: mqtt://a }\n"
                               "  out: { url: mqtt://b }\n"
                               "upstreams: { sink: { \"null\": {} } }\n"
                               "routes:\n"
                               "  one:\n"
                               "    from: { broker: in, topics: \"s/{d}\" }\n"
                               "    decode: { protobuf: { message: t.A } }\n"
                               "    to: [sink, { out: { topic: \"x/{d}\" } }]\n"
                               "  two:\n"
                               "    from: { broker: in, topics: t/# }\n"
                               "    to: sink\n";

struct fixture {
    char folder[64], path[128];
    struct loop *loop;
    struct metrics *metrics;
    struct plugin_host *plugins;
    struct config_report *report;
};

static void write_file(const struct fixture *f, const char *name, const char *text)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", f->folder, name);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct error err;
    strcpy(f->folder, "/tmp/forebay-test-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof f->path, "%s/main.yaml", f->folder);
    f->loop = loop_create(&err);
    f->metrics = metrics_create();
    f->plugins = plugin_host_create("/nonexistent", f->loop, f->metrics);
    f->report = config_report_create();
    write_file(f, "a.proto", proto);
    write_file(f, "main.yaml", document);
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
    plugin_host_destroy(f->plugins);
    metrics_destroy(f->metrics);
    loop_destroy(f->loop);
    free(f);
    return 0;
}

static void assert_right(const struct fixture *f)
{
    struct buffer out = {0};
    config_report_render(f->report, &out);
    buffer_add_byte(&out, 0);
    if (config_report_error_count(f->report))
        fail_msg("%s", (const char *)out.data);
    buffer_finish(&out);
}

static struct gateway_config *read_config(const struct fixture *f)
{
    struct gateway_config *c = gateway_config_read(f->path, f->plugins, f->report);
    assert_right(f);
    return c;
}

/* Write the document with `from` replaced by `to`. */
static void change(const struct fixture *f, const char *from, const char *to)
{
    char text[2000];
    const char *at = strstr(document, from);
    assert_non_null(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - document), document, to, at + strlen(from));
    write_file(f, "main.yaml", text);
}

/* Which of brokers in and out, targets one/sink, one/out and two/sink changed, as five characters. */
static void assert_changed(const struct fixture *f, const struct gateway_config *before, const char *expected)
{
    struct gateway_config *after = read_config(f);
    char found[6] = {0};
    const uint64_t a[] = {before->brokers[0].fingerprint, before->brokers[1].fingerprint,
                          before->routes[0].targets[0].fingerprint, before->routes[0].targets[1].fingerprint,
                          before->routes[1].targets[0].fingerprint};
    const uint64_t b[] = {after->brokers[0].fingerprint, after->brokers[1].fingerprint,
                          after->routes[0].targets[0].fingerprint, after->routes[0].targets[1].fingerprint,
                          after->routes[1].targets[0].fingerprint};
    for (size_t i = 0; i < 5; i++)
        found[i] = a[i] == b[i] ? '-' : 'X';
    assert_string_equal(found, expected);
    gateway_config_destroy(after);
}

static void test_fingerprints(void **state)
{
    struct fixture *f = *state;
    struct gateway_config *before = read_config(f);
    static const struct {
        const char *from, *to, *changed;
    } cases[] = {
        {"routes:", "# nothing\nroutes:", "-----"},
        {"gateway:", "log: { level: debug }\ngateway:", "-----"},
        {"id: g", "id: h", "XXXXX"},
        {"mqtt://a", "mqtt://c", "X----"},
        {"mqtt://b", "mqtt://c", "-X-X-"},
        {"mqtt://b }", "mqtt://b, keepalive: 20s }", "-X-X-"},
        {"x/{d}", "y/{d}", "---X-"},
        {"t/#", "t/+", "----X"},
        {"message: t.A", "message: t.A, max_depth: 3", "--XX-"},
        {"{ topic: \"x/{d}\" }", "{ topic: \"x/{d}\", window: 7 }", "---X-"},
        {"to: sink", "to: { sink: { encode: raw } }", "----X"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        change(f, cases[i].from, cases[i].to);
        assert_changed(f, before, cases[i].changed);
    }
    write_file(f, "main.yaml", document);
    assert_changed(f, before, "-----");
    gateway_config_destroy(before);
}

static void test_fingerprint_of_schema_files(void **state)
{
    struct fixture *f = *state;
    struct gateway_config *before = read_config(f);
    write_file(f, "a.proto", "// the same\n");
    write_file(f, "other.proto", proto);
    write_file(f, "a.proto", proto); /* written anew: its time has changed and nothing else */
    assert_changed(f, before, "-----");
    write_file(f, "a.proto",
               "syntax = \"proto3\";\npackage t;\nimport \"b.proto\";\nmessage A { B b = 1; }\n");
    write_file(f, "b.proto", "syntax = \"proto3\";\npackage t;\nmessage B { int32 x = 1; }\n");
    assert_changed(f, before, "--XX-");
    gateway_config_destroy(before);
    before = read_config(f);
    write_file(f, "b.proto", "syntax = \"proto3\";\npackage t;\nmessage B { int32 y = 1; }\n");
    assert_changed(f, before, "--XX-"); /* what is imported counts */
    gateway_config_destroy(before);
}

static void test_saved_text(void **state)
{
    struct fixture *f = *state;
    char folder[100], saved[100];
    snprintf(folder, sizeof folder, "%s/conf.d", f->folder);
    assert_int_equal(mkdir(folder, 0700), 0);
    write_file(f, "conf.d/10-more.yaml", "routes:\n  more: { from: { broker: in, topics: u }, to: sink }");
    struct gateway_config *before = read_config(f);
    assert_int_equal(before->route_count, 3);
    snprintf(saved, sizeof saved, "%s/conf.d/saved", f->folder);
    write_file(f, "conf.d/saved", before->text);
    write_file(f, "main.yaml", "broken: [");
    struct gateway_config *after = gateway_config_read_saved(saved, NULL, f->plugins, f->report);
    assert_right(f); /* the relative schema was found beside the original file */
    assert_int_equal(after->route_count, 3);
    assert_string_equal(after->text, before->text);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(before->routes[i].targets[0].fingerprint, after->routes[i].targets[0].fingerprint);
    gateway_config_destroy(after);
    gateway_config_destroy(before);
}

static void test_saved_text_with_its_sets(void **state)
{
    struct fixture *f = *state;
    char saved[100];
    struct gateway_config *before = read_config(f);
    struct gateway_schema_sets sets = before->schema_sets;
    before->schema_sets = (struct gateway_schema_sets){0};
    assert_int_equal(sets.count, 1);
    snprintf(saved, sizeof saved, "%s/saved", f->folder);
    char *text = xasprintf(GATEWAY_DOCUMENT_NOTE "anything\n" GATEWAY_DOCUMENT_NOTE "more\n%s", before->text);
    write_file(f, "saved", text);
    free(text);
    write_file(f, "a.proto", "nonsense");
    struct gateway_config *after = gateway_config_read_saved(saved, &sets, f->plugins, f->report);
    assert_right(f); /* the file is not read */
    assert_int_equal(after->routes[0].targets[0].fingerprint, before->routes[0].targets[0].fingerprint);
    assert_int_equal(after->schema_sets.count, 1);
    gateway_config_destroy(after);
    after = gateway_config_read_saved(saved, &sets, f->plugins, f->report);
    assert_int_not_equal(config_report_error_count(f->report), 0); /* the set was taken: the file is read */
    gateway_config_destroy(after);
    gateway_config_destroy(before);
    gateway_schema_sets_finish(&sets);
}

static void test_saved_text_that_is_none(void **state)
{
    struct fixture *f = *state;
    struct gateway_config *c = gateway_config_read_saved(f->path, NULL, f->plugins, f->report);
    assert_int_equal(config_report_error_count(f->report), 1);
    gateway_config_destroy(c);
    c = gateway_config_read_saved("/nonexistent", NULL, f->plugins, f->report);
    assert_int_equal(config_report_error_count(f->report), 2);
    gateway_config_destroy(c);
}

/* ---- A stage that says how many messages it may hold ---- */

struct holder_options {
    int64_t count;
};

static void *holder_create(const struct fby_host *host, struct fby_instance *in, const void *options,
                           struct fby_error *err)
{
    (void)host;
    (void)in;
    (void)err;
    struct holder_options *own = malloc(sizeof *own);
    *own = *(const struct holder_options *)options;
    return own;
}

static void holder_process(void *self, struct fby_batch *batch)
{
    (void)self;
    (void)batch;
}

static size_t holder_holds(void *self)
{
    const struct holder_options *own = self;
    return own->count ? (size_t)own->count : SIZE_MAX;
}

static const struct fby_option holder_rows[] = {
    {.name = "count", .type = FBY_OPTION_INT, .help = "How many."}, {.name = NULL}};
static const struct fby_stage_ops holder_ops = {
    .create = holder_create, .destroy = free, .process = holder_process, .holds = holder_holds};
static const struct fby_plugin holder = {FBY_PLUGIN_ABI,
                                         .name = "holder",
                                         .kind = FBY_KIND_STAGE,
                                         .options = holder_rows,
                                         .options_size = sizeof(struct holder_options),
                                         .stage = &holder_ops,
                                         .scalar_option = "count"};

/* Warnings of route one with these stages and this window; every one must have `words` in it. */
static size_t count_warnings(struct fixture *f, const char *stages, const char *words)
{
    char text[600];
    snprintf(text, sizeof text,
             "gateway: { id: g }\nbrokers: { in: { url: mqtt://a } }\nupstreams: { sink: { \"null\": {} } }\n"
             "routes:\n  one:\n    from: { broker: in, topics: a }\n    decode: json\n    process: %s\n"
             "    to: { sink: { window: 100 } }\n",
             stages);
    write_file(f, "main.yaml", text);
    config_report_destroy(f->report);
    f->report = config_report_create();
    gateway_config_destroy(read_config(f));
    size_t count = config_report_warning_count(f->report);
    struct buffer out = {0};
    config_report_render(f->report, &out);
    buffer_add_byte(&out, 0);
    assert_true(count == 0 || strstr((const char *)out.data, words));
    buffer_finish(&out);
    return count;
}

static void test_stages_that_hold_more_than_the_window(void **state)
{
    struct fixture *f = *state;
    plugin_host_add_static(f->plugins, &holder);
    assert_int_equal(count_warnings(f, "[ holder: 100 ]", ""), 0);
    assert_int_equal(count_warnings(f, "[ holder: 101 ]", "main.yaml:8:16: warning"), 1);
    assert_int_equal(count_warnings(f, "[ holder: 40, holder: 61 ]", "main.yaml:8:28: warning"), 1);
    assert_int_equal(count_warnings(f, "[ holder: 40, holder: 60 ]", ""), 0);
    assert_int_equal(count_warnings(f, "[ holder ]", "may hold any number of messages"), 1);
    assert_int_equal(count_warnings(f, "[ holder, holder: 5 ]", "has only 100 on their way"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_fingerprints, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fingerprint_of_schema_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_saved_text, setup, teardown),
        cmocka_unit_test_setup_teardown(test_saved_text_with_its_sets, setup, teardown),
        cmocka_unit_test_setup_teardown(test_saved_text_that_is_none, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stages_that_hold_more_than_the_window, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
