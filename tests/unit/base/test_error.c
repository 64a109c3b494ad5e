/* SPDX-License-Identifier: Apache-2.0
 *
 * Statuses and error texts: set, errno words, wrapping, truncation, NULL.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"

#include <errno.h>
#include <string.h>

static void test_set_and_wrap(void **state)
{
    (void)state;
    struct error err;
    assert_int_equal(error_set(&err, STATUS_FULL, "segment %d", 7), STATUS_FULL);
    assert_int_equal(err.code, STATUS_FULL);
    assert_string_equal(err.text, "segment 7");
    assert_int_equal(error_wrap(&err, "journal %s", "/x"), STATUS_FULL);
    assert_string_equal(err.text, "journal /x: segment 7");
    assert_int_equal(error_set_errno(&err, STATUS_IO, ENOENT, "open %s", "f"), STATUS_IO);
    assert_string_equal(err.text, "open f: No such file or directory");
}

static void test_null(void **state)
{
    (void)state;
    assert_int_equal(error_set(NULL, STATUS_BUSY, "x"), STATUS_BUSY);
    assert_int_equal(error_set_errno(NULL, STATUS_IO, EIO, "x"), STATUS_IO);
    assert_int_equal(error_wrap(NULL, "x"), STATUS_INVALID);
}

static void test_long_text_is_cut(void **state)
{
    (void)state;
    char longer[2000];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    struct error err;
    (void)!error_set(&err, STATUS_INVALID, "%s", longer);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    (void)!error_wrap(&err, "%s", longer);
    (void)!error_set_errno(&err, STATUS_IO, EIO, "%s", longer);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
}

static void test_names(void **state)
{
    (void)state;
    for (int s = STATUS_OK; s <= STATUS_LOCKED; s++)
        assert_string_not_equal(status_name((enum status)s), "unknown");
    assert_string_equal(status_name((enum status)99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_and_wrap),
        cmocka_unit_test(test_null),
        cmocka_unit_test(test_long_text_is_cut),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
