/* SPDX-License-Identifier: Apache-2.0
 *
 * Slips of the pen find the word that was meant; what is like none of them finds none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/nearest_word.h"

#include <string.h>

static void test_nearest(void **state)
{
    (void)state;
    static const char *const words[] = {"window", "retry", "encode", "topic", "qos"};
    static const char *const cases[][2] = {{"windw", "window"},    {"windwo", "window"}, {"Retry", "retry"},
                                           {"encoding", "encode"}, {"toppic", "topic"},  {"qs", "qos"}};
    for (size_t i = 0; i < array_count(cases); i++)
        assert_string_equal(nearest_word_find(cases[i][0], words, array_count(words)), cases[i][1]);
    assert_null(nearest_word_find("", words, array_count(words)));
    assert_null(nearest_word_find("zzz", words, array_count(words)));
    assert_null(nearest_word_find("q", words, array_count(words)));
    assert_null(nearest_word_find("x", words, 0));
    char large[200];
    memset(large, 'w', sizeof large);
    large[sizeof large - 1] = 0;
    assert_null(nearest_word_find(large, words, array_count(words)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_nearest)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
