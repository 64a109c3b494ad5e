/* SPDX-License-Identifier: Apache-2.0
 *
 * Proves that a plugin's state comes back as it was saved, whole or not at all, that the newest wins while
 * older ones are still being written, and that damage is told from absence.
 */
#include "plugin/plugin_state.h"

#include "loop/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[64];
static char place[128];
static struct loop *loop;
static struct plugin_state_store *store;
static unsigned saved, failed;

static int set_up(void **state)
{
    (void)state;
    struct error err;
    snprintf(directory, sizeof directory, "/tmp/test_plugin_state.XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(place, sizeof place, "%s/plugins", directory);
    loop = loop_create(&err);
    store = plugin_state_store_create(place, loop);
    saved = failed = 0;
    return 0;
}

static void remove_file(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", place, name);
    unlink(path);
}

static int tear_down(void **state)
{
    (void)state;
    plugin_state_store_destroy(store);
    loop_destroy(loop);
    remove_file("lake%2Fa%20b.state");
    remove_file("lake%2Fa%20b.state.new");
    rmdir(place);
    rmdir(directory);
    return 0;
}

static void count(void *ctx, bool is_saved)
{
    (void)ctx;
    saved += is_saved;
    failed += !is_saved;
}

static void wait_for(unsigned answers)
{
    for (int turns = 0; saved + failed < answers && turns < 2000; turns++)
        loop_turn(loop, 10);
    assert_int_equal(saved + failed, answers);
}

static enum status save(const char *text, const void *owner)
{
    return plugin_state_save(store, "lake/a b", bytes_of_text(text), owner, count, NULL);
}

static void assert_loads(const char *text)
{
    uint8_t *data;
    size_t len;
    struct error err;
    assert_int_equal(plugin_state_load(store, "lake/a b", &data, &len, &err), STATUS_OK);
    assert_int_equal(len, strlen(text));
    assert_memory_equal(data, text, len);
    free(data);
}

static void test_comes_back(void **state)
{
    (void)state;
    uint8_t *data;
    size_t len;
    struct error err;
    assert_int_equal(plugin_state_load(store, "lake/a b", &data, &len, &err), STATUS_NOT_FOUND);
    assert_int_equal(save("one", &saved), STATUS_OK);
    wait_for(1);
    assert_int_equal(saved, 1);
    assert_loads("one");
    plugin_state_store_destroy(store);
    store = plugin_state_store_create(place, loop);
    assert_loads("one");
}

static void test_newest_wins(void **state)
{
    (void)state;
    assert_int_equal(save("one", &saved), STATUS_OK);
    assert_int_equal(save("two", &saved), STATUS_OK);
    assert_loads("two"); /* whether it is written or not */
    wait_for(2);
    assert_loads("two");
}

static void test_is_bounded(void **state)
{
    (void)state;
    static uint8_t much[FBY_STATE_MAX + 1];
    assert_int_equal(plugin_state_save(store, "lake/a b", bytes_of(much, sizeof much), NULL, NULL, NULL),
                     STATUS_LIMIT);
    for (int i = 0; i < PLUGIN_STATE_SAVES_MAX; i++)
        assert_int_equal(save("x", &saved), STATUS_OK);
    assert_int_equal(save("x", &saved), STATUS_BUSY); /* nobody was told yet: the loop did not turn */
    wait_for(PLUGIN_STATE_SAVES_MAX);
    assert_int_equal(save("y", &saved), STATUS_OK);
    wait_for(PLUGIN_STATE_SAVES_MAX + 1);
}

static void test_who_is_gone_is_not_told(void **state)
{
    (void)state;
    int other = 0;
    assert_int_equal(save("one", &other), STATUS_OK);
    plugin_state_forget(store, &other);
    assert_int_equal(save("two", &saved), STATUS_OK);
    wait_for(1);
    assert_loads("two");
}

static void test_destroy_writes_everything(void **state)
{
    (void)state;
    assert_int_equal(save("last", &saved), STATUS_OK);
    plugin_state_store_destroy(store);
    store = plugin_state_store_create(place, loop);
    assert_loads("last");
}

static void test_damage_is_told(void **state)
{
    (void)state;
    uint8_t *data;
    size_t len;
    struct error err;
    char path[512];
    assert_int_equal(save("precious", &saved), STATUS_OK);
    wait_for(1);
    snprintf(path, sizeof path, "%s/lake%%2Fa%%20b.state", place);
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    fseek(file, -1, SEEK_END);
    fputc('X', file);
    fclose(file);
    assert_int_equal(plugin_state_load(store, "lake/a b", &data, &len, &err), STATUS_CORRUPT);
    assert_non_null(strstr(err.text, "is damaged"));
    assert_int_equal(truncate(path, 5), 0);
    assert_int_equal(plugin_state_load(store, "lake/a b", &data, &len, &err), STATUS_CORRUPT);
}

static void put_at(const char *path, long offset, int byte)
{
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    fseek(file, offset, SEEK_END);
    fputc(byte, file);
    fclose(file);
}

static void test_damage_of_any_byte_is_told(void **state)
{
    (void)state;
    static const char text[] = "three words and a bit";
    const long len = sizeof text - 1;
    char path[512];
    assert_int_equal(save(text, &saved), STATUS_OK);
    wait_for(1);
    snprintf(path, sizeof path, "%s/lake%%2Fa%%20b.state", place);
    for (long at = 0; at < len; at++) {
        uint8_t *data;
        size_t found;
        struct error err;
        put_at(path, at - len, text[at] ^ 0x80);
        assert_int_equal(plugin_state_load(store, "lake/a b", &data, &found, &err), STATUS_CORRUPT);
        put_at(path, at - len, text[at]);
    }
    assert_loads(text);
}

static void test_a_failure_is_told(void **state)
{
    (void)state;
    plugin_state_store_destroy(store);
    store = plugin_state_store_create("/proc/no/such/place", loop);
    assert_int_equal(save("one", &saved), STATUS_OK);
    wait_for(1);
    assert_int_equal(failed, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_comes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_newest_wins, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_who_is_gone_is_not_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_destroy_writes_everything, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_damage_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_damage_of_any_byte_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_failure_is_told, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
