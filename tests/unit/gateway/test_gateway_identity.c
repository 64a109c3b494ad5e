/* SPDX-License-Identifier: Apache-2.0
 *
 * Proves that the derived id is stable for ever (it names sessions and messages in the field), differs
 * between machines, and that no id is made from a file that holds none.
 */
#include "gateway_identity.h"

#include "unit.h"

#include <stdio.h>
#include <unistd.h>

static char path[] = "/tmp/forebay-test-XXXXXX";

static void write_id(const char *text)
{
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
}

static void test_ids(void **state)
{
    (void)state;
    char id[GATEWAY_IDENTITY_SIZE], other[GATEWAY_IDENTITY_SIZE];
    struct error err;
    write_id("0123456789abcdef0123456789abcdef\n");
    assert_int_equal(gateway_identity_read(path, id, &err), STATUS_OK);
    assert_string_equal(id, "fby-cdb94080bba5");
    write_id("0123456789abcdef0123456789abcdee\n");
    assert_int_equal(gateway_identity_read(path, other, &err), STATUS_OK);
    assert_string_not_equal(id, other);
}

static void test_no_id(void **state)
{
    (void)state;
    char id[GATEWAY_IDENTITY_SIZE];
    struct error err;
    static const char *const texts[] = {"", "uninitialized\n", "0123456789abcdef",
                                        "0123456789abcdef0123456789abcdeg\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        write_id(texts[i]);
        assert_int_equal(gateway_identity_read(path, id, &err), STATUS_INVALID);
    }
    assert_int_equal(gateway_identity_read("/nonexistent", id, &err), STATUS_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ids), cmocka_unit_test(test_no_id)};
    close(mkstemp(path));
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
