/* SPDX-License-Identifier: Apache-2.0
 *
 * Which filter covers which, what a set is reduced to, and the file that remembers it.
 */
#include "ingest/source_subscriptions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void test_covers(void **state)
{
    (void)state;
    static const struct {
        const char *wide, *narrow;
        bool covers;
    } cases[] = {
        {"#", "a/b", true},       {"#", "#", true},           {"#", "+/b", true},
        {"a/#", "a", true},       {"a/#", "a/+/c", true},     {"a/#", "b/c", false},
        {"a/+", "a/b", true},     {"a/+", "a/+", true},       {"a/+", "a/#", false},
        {"a/+", "a/b/c", false},  {"a/+/c", "a/b/c", true},   {"a/b", "a/+", false},
        {"+/+", "a/b", true},     {"+", "a/b", false},        {"#", "$SYS/x", false},
        {"+/x", "$SYS/x", false}, {"$SYS/#", "$SYS/x", true}, {"a", "a", true},
        {"a", "a/b", false},      {"a/b", "a", false},        {"a/", "a", false},
        {"a/+", "a/", true},      {"+/#", "+", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (source_subscriptions_covers(cases[i].wide, cases[i].narrow) != cases[i].covers)
            fail_msg("%s covers %s: not %d", cases[i].wide, cases[i].narrow, cases[i].covers);
}

static void test_reduce_and_overlap(void **state)
{
    (void)state;
    struct source_subscriptions set = {0};
    const char *other;
    source_subscriptions_add(&set, "a/b/c", 1);
    source_subscriptions_add(&set, "a/+/c", 0);
    source_subscriptions_add(&set, "a/#", 0);
    source_subscriptions_add(&set, "x", 0);
    source_subscriptions_add(&set, "x", 1);
    source_subscriptions_reduce(&set);
    assert_int_equal(set.count, 2);
    assert_int_equal(source_subscriptions_find(&set, "a/#")->qos, 1);
    assert_int_equal(source_subscriptions_find(&set, "x")->qos, 1);
    assert_null(source_subscriptions_overlap(&set, &other));
    source_subscriptions_add(&set, "+/b", 1);
    assert_string_equal(source_subscriptions_overlap(&set, &other), "a/#");
    assert_string_equal(other, "+/b");
    source_subscriptions_remove(&set, "a/#");
    source_subscriptions_remove(&set, "absent");
    assert_int_equal(set.count, 2);
    source_subscriptions_clear(&set);
}

static void test_file(void **state)
{
    (void)state;
    char path[] = "/tmp/fby-subscriptions-XXXXXX";
    close(mkstemp(path));
    struct error err;
    struct source_subscriptions set = {0}, loaded = {0};
    assert_false(source_subscriptions_load(&loaded, path, "gw@host:1883"));
    source_subscriptions_add(&set, "with space/#", 1);
    source_subscriptions_add(&set, "b", 0);
    assert_int_equal(source_subscriptions_save(&set, path, "gw@host:1883", &err), STATUS_OK);
    assert_true(source_subscriptions_load(&loaded, path, "gw@host:1883"));
    assert_int_equal(loaded.count, 2);
    assert_int_equal(source_subscriptions_find(&loaded, "with space/#")->qos, 1);
    assert_false(source_subscriptions_load(&loaded, path, "other@host:1883"));
    assert_int_equal(loaded.count, 0);
    /* A file that ends early counts as none. */
    for (long cut = 1; cut < 60; cut++) {
        assert_int_equal(source_subscriptions_save(&set, path, "gw@host:1883", &err), STATUS_OK);
        FILE *file = fopen(path, "r+");
        fseek(file, 0, SEEK_END);
        long size = ftell(file);
        assert_int_equal(ftruncate(fileno(file), size > cut ? size - cut : 0), 0);
        fclose(file);
        assert_false(source_subscriptions_load(&loaded, path, "gw@host:1883"));
        assert_int_equal(loaded.count, 0);
    }
    unlink(path);
    assert_int_equal(source_subscriptions_save(&set, "/nowhere/at/all", "s", &err), STATUS_IO);
    source_subscriptions_clear(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_covers),
        cmocka_unit_test(test_reduce_and_overlap),
        cmocka_unit_test(test_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
