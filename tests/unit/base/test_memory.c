/* SPDX-License-Identifier: Apache-2.0
 *
 * Allocation helpers for control objects.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

struct outer {
    int before;
    int member;
};

static void test_helpers(void **state)
{
    (void)state;
    char *zeroes = xcalloc(4, 4);
    for (int i = 0; i < 16; i++)
        assert_int_equal(zeroes[i], 0);
    zeroes = xrealloc(zeroes, 100);
    assert_int_equal(zeroes[15], 0);
    free(zeroes);
    void *none = xcalloc(0, 8);
    assert_non_null(none);
    free(none);
    char *text = xstrdup("abc"), *part = xstrndup("abcdef", 2), *formatted = xasprintf("%d-%s", 7, "x");
    assert_string_equal(text, "abc");
    assert_string_equal(part, "ab");
    assert_string_equal(formatted, "7-x");
    free(text);
    free(part);
    free(formatted);
}

static void test_container(void **state)
{
    (void)state;
    struct outer o = {1, 2};
    assert_ptr_equal(container_of(&o.member, struct outer, member), &o);
    int numbers[3];
    assert_int_equal(array_count(numbers), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_helpers), cmocka_unit_test(test_container)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
