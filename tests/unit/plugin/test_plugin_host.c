/* SPDX-License-Identifier: Apache-2.0
 *
 * Proves that a plugin is found in either layout, that each way of being wrong is refused in words that name
 * file and remedy, and that a changed file is loaded beside the old one.
 */
#include "plugin/plugin_host.h"

#include "base/log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define FIXTURES "tests/unit/plugin/fixtures/"

static char directory[64];

static void copy_fixture(const char *fixture, const char *to)
{
    char command[512];
    snprintf(command, sizeof command, "mkdir -p \"$(dirname '%s/%s')\" && cp '" FIXTURES "%s' '%s/%s'",
             directory, to, fixture, directory, to);
    assert_int_equal(system(command), 0);
}

static const char *place(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

static int setup(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/fby-plugin-XXXXXX");
    log_set_level(LOG_LEVEL_ERROR);
    return mkdtemp(directory) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", directory);
    return system(command);
}

static void expect_refusal(const char *name, const char *path, const char *words)
{
    struct plugin_host *h = plugin_host_create(directory, NULL, NULL);
    struct error err = {0};
    assert_null(plugin_host_load(h, name, path, &err));
    if (!strstr(err.text, words))
        fail_msg("expected \"%s\": %s", words, err.text);
    if (path && !strstr(err.text, path))
        fail_msg("the path is not named: %s", err.text);
    plugin_host_destroy(h);
}

static void finds_plugins_in_both_layouts(void **state)
{
    (void)state;
    copy_fixture("fixture.so", "installed/fixture.so");
    copy_fixture("fixture.so", "built/fixture/fixture.so");
    static const char *const layouts[] = {"installed", "built"};
    for (size_t i = 0; i < 2; i++) {
        char directories[256];
        snprintf(directories, sizeof directories, "/nowhere::%s/%s", directory, layouts[i]);
        struct plugin_host *h = plugin_host_create(directories, NULL, NULL);
        struct error err = {0};
        struct plugin *p = plugin_host_load(h, "fixture", NULL, &err);
        if (!p)
            fail_msg("%s", err.text);
        assert_string_equal(plugin_description(p)->name, "fixture");
        assert_ptr_equal(plugin_host_load(h, "fixture", NULL, &err), p);
        const char *names[4];
        assert_int_equal(plugin_host_list_names(h, names, 4), 1);
        assert_string_equal(names[0], "fixture");
        plugin_unref(p);
        plugin_unref(p);
        plugin_host_destroy(h);
    }
}

static void says_where_it_looked(void **state)
{
    (void)state;
    expect_refusal("absent", NULL, "there is no plugin \"absent\" in /tmp/fby-plugin-");
    expect_refusal("absent", place("absent.so"), "does not exist");
    expect_refusal("../absent", NULL, "cannot be the name of a plugin");
}

static void refuses_what_breaks_the_contract(void **state)
{
    (void)state;
    static const struct {
        const char *fixture, *words;
    } cases[] = {
        {"wrong_abi.so", "built for plugin ABI 99.2 and this daemon offers 1.2. Build it again"},
        {"wrong_size.so", "says it is 8 bytes long"},
        {"no_symbol.so", "exports no symbol forebay_plugin"},
        {"no_process.so", "does not fill in every operation"},
        {"bad_option.so", "its option \"number\" lies outside the options struct"},
        {"unresolved.so", "undefined symbol: nobody_has_this"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        copy_fixture(cases[i].fixture, "fixture.so");
        expect_refusal("fixture", place("fixture.so"), cases[i].words);
    }
    copy_fixture("fixture.so", "another.so");
    expect_refusal("another", place("another.so"), "calls itself \"fixture\"");
}

static void write_bytes(const char *path, long offset, const void *bytes, size_t len)
{
    FILE *f = fopen(path, "r+");
    if (!f)
        f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fseek(f, offset, SEEK_SET), 0);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    fclose(f);
}

static void refuses_files_of_another_kind(void **state)
{
    (void)state;
    const char *path = place("fixture.so");
    static const unsigned char s390[] = {0, 22}, aarch64[] = {183, 0}, program[] = {2, 0};
    const unsigned char other_class[] = {sizeof(void *) == 8 ? 1 : 2}; /* 32 or 64 bits */
    write_bytes(path, 0, "#!/bin/sh\n", 10);
    expect_refusal("fixture", path, "is not a shared object");
    copy_fixture("fixture.so", "fixture.so");
    write_bytes(path, 18, aarch64, 2);
    expect_refusal("fixture", path, "is built for 64-bit ARM and this daemon runs on");
    write_bytes(path, 18, s390, 2);
    expect_refusal("fixture", path, "is built for another machine");
    copy_fixture("fixture.so", "fixture.so");
    write_bytes(path, 4, other_class, 1);
    expect_refusal("fixture", path, "Install the build for this machine");
    copy_fixture("fixture.so", "fixture.so");
    write_bytes(path, 16, program, 2);
    expect_refusal("fixture", path, "Link it with -shared");
    copy_fixture("fixture.so", "fixture.so");
    assert_int_equal(truncate(path, 300), 0);
    expect_refusal("fixture", path, "cannot be loaded");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0755), 0);
    expect_refusal("fixture", path, "is not a file");
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(mkfifo(path, 0644), 0);
    expect_refusal("fixture", path, "is not a file");
}

static void refuses_files_that_others_may_change(void **state)
{
    (void)state;
    copy_fixture("fixture.so", "open/fixture.so");
    char path[160];
    snprintf(path, sizeof path, "%s", place("open/fixture.so"));
    assert_int_equal(chmod(path, 0666), 0);
    expect_refusal("fixture", path, "chmod o-w /tmp/fby-plugin-");
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(chmod(place("open"), 0777), 0);
    expect_refusal("fixture", path, "every user may replace files");
    assert_int_equal(chmod(place("open"), 01777), 0); /* as /tmp: others cannot replace it */
    struct plugin_host *h = plugin_host_create("", NULL, NULL);
    struct error err = {0};
    struct plugin *p = plugin_host_load(h, "fixture", path, &err);
    if (!p)
        fail_msg("%s", err.text);
    plugin_unref(p);
    plugin_host_destroy(h);
    if (geteuid() != 0)
        return; /* only root can give files away */
    assert_int_equal(chown(path, 4242, 4242), 0);
    expect_refusal("fixture", path, "belongs to user 4242");
}

/* The rights of the file behind a link count, not those of the link. */
static void looks_behind_links(void **state)
{
    (void)state;
    copy_fixture("fixture.so", "real.so");
    char target[160];
    snprintf(target, sizeof target, "%s", place("real.so"));
    assert_int_equal(chmod(target, 0666), 0);
    assert_int_equal(symlink(target, place("fixture.so")), 0);
    expect_refusal("fixture", NULL, "real.so: can be changed by every user");
}

static void loads_a_changed_file_beside_the_old_one(void **state)
{
    (void)state;
    static const struct plugin_side side = {0};
    copy_fixture("fixture.so", "fixture.so");
    struct plugin_host *h = plugin_host_create(directory, NULL, NULL);
    struct error err = {0};
    struct plugin *old = plugin_host_load(h, "fixture", NULL, &err);
    assert_non_null(old);
    struct plugin_instance *in = plugin_instance_create(h, old, "test", NULL, &side, NULL, &err);
    assert_non_null(in);
    copy_fixture("fixture_2.so", "next.so");
    char from[160];
    snprintf(from, sizeof from, "%s", place("next.so"));
    assert_int_equal(rename(from, place("fixture.so")), 0);
    struct plugin *new = plugin_host_load(h, "fixture", NULL, &err);
    if (!new)
        fail_msg("%s", err.text);
    assert_ptr_not_equal(new, old);
    assert_string_equal(plugin_description(old)->version, "1");
    assert_string_equal(plugin_description(new)->version, "2");
    assert_ptr_equal(plugin_host_load(h, "fixture", NULL, &err), new);
    plugin_unref(new);
    plugin_unref(new);
    plugin_instance_destroy(in);
    plugin_unref(old);
    plugin_host_destroy(h);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(finds_plugins_in_both_layouts),           TEST(says_where_it_looked),
        TEST(refuses_what_breaks_the_contract),        TEST(refuses_files_of_another_kind),
        TEST(refuses_files_that_others_may_change),    TEST(looks_behind_links),
        TEST(loads_a_changed_file_beside_the_old_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
