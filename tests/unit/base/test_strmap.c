/* SPDX-License-Identifier: Apache-2.0
 *
 * Map of strings: order, duplicates, growth, names with NUL.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/strmap.h"

#include <stdio.h>

static void test_add_and_find(void **state)
{
    (void)state;
    struct strmap m = {0};
    int values[2];
    assert_null(strmap_find(&m, "a"));
    assert_true(strmap_add(&m, "a", &values[0]));
    assert_false(strmap_add(&m, "a", &values[1]));
    assert_ptr_equal(strmap_find(&m, "a"), &values[0]);
    assert_true(strmap_add(&m, "null", NULL));
    assert_true(strmap_has(&m, "null"));
    assert_null(strmap_find(&m, "null"));
    assert_false(strmap_has(&m, "nul"));
    strmap_finish(&m);
    assert_int_equal(m.count, 0);
}

static void test_many_keep_their_order(void **state)
{
    (void)state;
    struct strmap m = {0};
    char name[32];
    for (uintptr_t i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "name-%u", (unsigned)i);
        assert_true(strmap_add(&m, name, (void *)(i + 1)));
    }
    for (uintptr_t i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "name-%u", (unsigned)i);
        assert_string_equal(m.entries[i].name, name);
        assert_ptr_equal(strmap_find(&m, name), (void *)(i + 1));
    }
    strmap_finish(&m);
}

static void test_any_bytes(void **state)
{
    (void)state;
    struct strmap m = {0};
    int values[3];
    assert_true(strmap_add_bytes(&m, bytes_of("a\0b", 3), &values[0]));
    assert_true(strmap_add_bytes(&m, bytes_of("a\0c", 3), &values[1]));
    assert_true(strmap_add_bytes(&m, bytes_of(NULL, 0), &values[2]));
    assert_ptr_equal(strmap_find_bytes(&m, bytes_of("a\0c", 3)), &values[1]);
    assert_ptr_equal(strmap_find(&m, ""), &values[2]);
    assert_null(strmap_find(&m, "a"));
    strmap_finish(&m);
}

static void test_hash_uses_every_byte(void **state)
{
    (void)state;
    uint8_t data[24] = {0};
    for (size_t len = 1; len <= sizeof data; len++) {
        uint64_t before = strmap_hash(data, len);
        assert_int_equal(strmap_hash(data, len), before);
        assert_int_not_equal(strmap_hash(data, len - 1), before);
        for (size_t i = 0; i < len; i++) {
            data[i] ^= 1;
            assert_int_not_equal(strmap_hash(data, len), before);
            data[i] ^= 1;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add_and_find),
        cmocka_unit_test(test_many_keep_their_order),
        cmocka_unit_test(test_any_bytes),
        cmocka_unit_test(test_hash_uses_every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
