/* SPDX-License-Identifier: Apache-2.0
 *
 * A file is replaced as a whole or not at all, and read within its bounds.
 */
#include "base/durable_file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[40], path[60];
static unsigned syncs, failing_sync; /* counted from 1; 0: none fails */

/* Instead of libc's. */
int fsync(int fd)
{
    if (++syncs == failing_sync) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/fby-durable-XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/file", directory);
    syncs = failing_sync = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory); /* fails when something else was left */
}

static void check_content(const char *wanted)
{
    char text[16];
    struct error err = {0};
    assert_int_equal(durable_file_read(path, text, sizeof text, &err), STATUS_OK);
    assert_string_equal(text, wanted);
}

static void test_replaces(void **state)
{
    (void)state;
    struct error err = {0};
    char text[16];
    assert_int_equal(durable_file_read(path, text, sizeof text, &err), STATUS_NOT_FOUND);
    assert_int_equal(durable_file_replace(path, bytes_of_text("first, longer"), &err), STATUS_OK);
    check_content("first, longer");
    assert_int_equal(durable_file_replace(path, bytes_of_text("second"), &err), STATUS_OK);
    check_content("second");
    assert_int_equal(durable_file_replace(path, bytes_of_text(""), &err), STATUS_OK);
    check_content("");
}

static void test_same_content_is_not_written_again(void **state)
{
    (void)state;
    struct error err = {0};
    struct stat before, after;
    assert_int_equal(durable_file_replace(path, bytes_of_text("17"), &err), STATUS_OK);
    assert_int_equal(stat(path, &before), 0);
    assert_int_equal(durable_file_replace(path, bytes_of_text("17"), &err), STATUS_OK);
    assert_int_equal(stat(path, &after), 0);
    assert_true(before.st_ino == after.st_ino && before.st_mtim.tv_nsec == after.st_mtim.tv_nsec);
    assert_int_equal(durable_file_replace(path, bytes_of_text("1"), &err), STATUS_OK);
    check_content("1");
    assert_int_equal(durable_file_replace(path, bytes_of_text("18"), &err), STATUS_OK);
    check_content("18");
}

static void test_reads_no_more_than_there_is_room(void **state)
{
    (void)state;
    struct error err = {0};
    char text[4];
    assert_int_equal(durable_file_replace(path, bytes_of_text("abcdef"), &err), STATUS_OK);
    assert_int_equal(durable_file_read(path, text, sizeof text, &err), STATUS_OK);
    assert_string_equal(text, "abc");
}

static void test_says_why_not(void **state)
{
    (void)state;
    struct error err = {0};
    char wrong[80], text[4];
    snprintf(wrong, sizeof wrong, "%s/no/file", directory);
    assert_int_equal(durable_file_replace(wrong, bytes_of_text("x"), &err), STATUS_IO);
    assert_non_null(strstr(err.text, "cannot write"));
    assert_int_equal(durable_file_read(directory, text, sizeof text, &err), STATUS_IO);
}

static void test_old_stands_when_it_cannot_be_replaced(void **state)
{
    (void)state;
    struct error err = {0};
    char fresh[80];
    assert_int_equal(durable_file_replace(path, bytes_of_text("old"), &err), STATUS_OK);
    snprintf(fresh, sizeof fresh, "%s.new", path);
    assert_int_equal(mkdir(fresh, 0700), 0); /* in the way of the new one */
    assert_int_equal(durable_file_replace(path, bytes_of_text("new"), &err), STATUS_IO);
    check_content("old");
    assert_int_equal(rmdir(fresh), 0);
}

static void test_what_may_be_undone_by_a_power_cut_is_no_success(void **state)
{
    (void)state;
    struct error err = {0};
    assert_int_equal(durable_file_replace(path, bytes_of_text("17"), &err), STATUS_OK);
    assert_int_equal(syncs, 2); /* the bytes and the name */
    failing_sync = 4;
    assert_int_equal(durable_file_replace(path, bytes_of_text("18"), &err), STATUS_IO);
    assert_int_equal(syncs, 4);
    /* The file says 18 now; who tries again must not be told that this is durable before it is. */
    failing_sync = 5;
    assert_int_equal(durable_file_replace(path, bytes_of_text("18"), &err), STATUS_IO);
    assert_int_equal(durable_file_replace(path, bytes_of_text("18"), &err), STATUS_OK);
    assert_int_equal(syncs, 6);
    failing_sync = 7;
    assert_int_equal(durable_file_replace(path, bytes_of_text("19"), &err), STATUS_IO);
    check_content("18");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_replaces, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_same_content_is_not_written_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reads_no_more_than_there_is_room, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_says_why_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_old_stands_when_it_cannot_be_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_may_be_undone_by_a_power_cut_is_no_success, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
