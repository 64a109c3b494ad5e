/* SPDX-License-Identifier: Apache-2.0
 *
 * Proves that a description is checked to its last option row, and that older, shorter ones are completed.
 */
#include "plugin/plugin_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct options {
    int64_t number;
    struct {
        bool flag;
    } section;
};

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

static size_t send_outputs(void *self, const struct fby_output *const *outputs, size_t count)
{
    (void)self;
    (void)outputs;
    return count;
}

static const struct fby_upstream_ops ops = {create, destroy, send_outputs, destroy};

static struct fby_option section_rows[] = {{.name = "flag", .type = FBY_OPTION_BOOL}, {.name = NULL}};
static struct fby_option rows[] = {
    {.name = "number", .type = FBY_OPTION_INT},
    {.name = "section",
     .type = FBY_OPTION_SECTION,
     .offset = offsetof(struct options, section),
     .section = section_rows},
    {.name = NULL},
};

static struct fby_plugin good(void)
{
    return (struct fby_plugin){
        FBY_PLUGIN_ABI,   .name = "good",
        .version = "1",   .kind = FBY_KIND_UPSTREAM,
        .options = rows,  .options_size = sizeof(struct options),
        .upstream = &ops, .scalar_option = "number",
    };
}

static void expect_fault(const struct fby_plugin *p, const char *words)
{
    struct fby_plugin description;
    struct error err = {0};
    assert_int_equal(plugin_check_description(p, "good", &description, &err), STATUS_INVALID);
    if (!strstr(err.text, words))
        fail_msg("expected \"%s\": %s", words, err.text);
}

static void accepts_what_is_right(void **state)
{
    (void)state;
    struct fby_plugin p = good(), description;
    struct error err = {0};
    assert_int_equal(plugin_check_description(&p, "good", &description, &err), STATUS_OK);
    assert_memory_equal(&p, &description, sizeof p);
    p.abi_minor = 7; /* built with a later header */
    p.size += 64;
    assert_int_equal(plugin_check_description(&p, "good", &description, &err), STATUS_OK);
    p = good();
    p.version = NULL;
    assert_int_equal(plugin_check_description(&p, "good", &description, &err), STATUS_OK);
    assert_string_equal(description.version, "unknown");
}

static void checks_numbers_and_names(void **state)
{
    (void)state;
    struct fby_plugin p = good();
    p.abi_major = 0;
    expect_fault(&p, "plugin ABI 0.");
    p = good();
    p.size = 1 << 20;
    expect_fault(&p, "bytes long");
    p = good();
    p.name = NULL;
    expect_fault(&p, "not of the form");
    p.name = "Good";
    expect_fault(&p, "not of the form");
    p.name = "better";
    expect_fault(&p, "calls itself \"better\"");
    p = good();
    p.kind = (enum fby_kind)9;
    expect_fault(&p, "kind 9");
    p = good();
    p.upstream = NULL;
    expect_fault(&p, "every operation");
}

static void checks_option_rows(void **state)
{
    (void)state;
    static const char *const none[] = {NULL};
    struct fby_plugin p = good();
    p.scalar_option = "absent";
    expect_fault(&p, "scalar_option \"absent\"");
    p = good();
    p.options_size = 0;
    expect_fault(&p, "options_size is 0");
    p = good();
    struct fby_option saved = rows[0];
    rows[0].offset = sizeof(struct options) - 4;
    expect_fault(&p, "\"number\" lies outside");
    rows[0].offset = SIZE_MAX - 3;
    expect_fault(&p, "\"number\" lies outside");
    rows[0] = saved;
    rows[0].type = FBY_OPTION_CHOICE;
    rows[0].choices = none;
    expect_fault(&p, "choice without choices");
    rows[0] = saved;
    rows[0].type = (enum fby_option_type)99;
    expect_fault(&p, "type this daemon does not know");
    rows[0] = saved;
    section_rows[0].offset = 8;
    expect_fault(&p, "\"flag\" lies outside");
    section_rows[0].offset = 0;
    rows[1].section = rows; /* nested for ever */
    rows[1].offset = 0;
    expect_fault(&p, "nested more than");
    rows[1].section = NULL;
    expect_fault(&p, "section without rows");
    rows[1].section = section_rows;
    rows[1].offset = offsetof(struct options, section);
}

static void knows_names(void **state)
{
    (void)state;
    assert_true(plugin_check_name("a_1"));
    assert_false(plugin_check_name(NULL));
    assert_false(plugin_check_name(""));
    assert_false(plugin_check_name("1a"));
    assert_false(plugin_check_name("a/b"));
    assert_false(plugin_check_name("a.so"));
    assert_false(plugin_check_name("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_what_is_right),
        cmocka_unit_test(checks_numbers_and_names),
        cmocka_unit_test(checks_option_rows),
        cmocka_unit_test(knows_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
