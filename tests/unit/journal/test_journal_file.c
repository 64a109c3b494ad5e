/* SPDX-License-Identifier: Apache-2.0
 *
 * The calls to the file system: what is interrupted or cut short is continued, and a failure is an errno.
 */
#include "journal/journal_file.h"

#include "journal_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* A disk that stumbles gets two more tries; a file that is not there is told at once. */
static void test_open_patiently(void **state)
{
    (void)state;
    fixture_fail(FAULT_OPENAT, 1, 2, EIO);
    int fd = journal_file_open_patiently(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY);
    assert_true(fd >= 0);
    close(fd);
    fixture_fail(FAULT_OPENAT, 1, 9, EIO);
    assert_int_equal(journal_file_open_patiently(AT_FDCWD, "/", O_RDONLY), -1);
    assert_int_equal(errno, EIO);
    assert_int_equal(fixture_calls(FAULT_OPENAT), 3);
    fixture_fail_none();
    assert_int_equal(journal_file_open_patiently(AT_FDCWD, "/forebay-is-not-here", O_RDONLY), -1);
    assert_int_equal(fixture_calls(FAULT_OPENAT), 1);
}

/* More parts than one call takes, some of them empty, interrupted and short: the bytes arrive in order. */
static void test_many_parts(void **state)
{
    (void)state;
    enum { PARTS = 2500 };
    static uint8_t bytes[PARTS], back[PARTS];
    static struct iovec parts[PARTS];
    int fd = memfd_create("parts", MFD_CLOEXEC);
    for (unsigned i = 0; i < PARTS; i++) {
        bytes[i] = (uint8_t)(i * 7);
        parts[i] = (struct iovec){bytes + i, i % 5 ? 1 : 0};
    }
    fixture_fail(FAULT_PWRITEV, 2, 1, EINTR);
    assert_int_equal(journal_file_write_parts(fd, parts, PARTS, 10), 0);
    size_t got = 0;
    assert_int_equal(journal_file_read(fd, back, sizeof(back), 10, &got), 0);
    assert_int_equal(got, PARTS / 5 * 4);
    for (unsigned i = 0, at = 0; i < PARTS; i++) {
        if (i % 5)
            assert_int_equal(back[at++], bytes[i]);
    }
    close(fd);
    fixture_fail_none();
}

/* A write that takes nothing, again and again, would hang: it is a failure. */
static void test_write_of_nothing(void **state)
{
    (void)state;
    int fd = memfd_create("nothing", MFD_CLOEXEC);
    fixture_fail(FAULT_PWRITEV, 1, 1, FAULT_NOTHING);
    assert_int_equal(journal_file_write(fd, "abc", 3, 0), EIO);
    fixture_fail_none();
    assert_int_equal(journal_file_write(fd, "abc", 3, 0), 0);
    close(fd);
}

/* File systems that cannot reserve space give a file of the size; other failures are told. */
static void test_preallocate(void **state)
{
    (void)state;
    const int without[] = {EOPNOTSUPP, ENOSYS};
    struct stat st;
    int fd = memfd_create("space", MFD_CLOEXEC);
    for (unsigned i = 0; i < 2; i++) {
        fixture_fail(FAULT_FALLOCATE, 1, 1, without[i]);
        assert_int_equal(journal_file_preallocate(fd, 4096 * (i + 1)), 0);
        assert_int_equal(fstat(fd, &st), 0);
        assert_int_equal(st.st_size, 4096 * (i + 1));
    }
    fixture_fail(FAULT_FALLOCATE, 1, 1, EINTR);
    assert_int_equal(journal_file_preallocate(fd, 65536), 0);
    fixture_fail(FAULT_FALLOCATE, 1, 1, ENOSPC);
    assert_int_equal(journal_file_preallocate(fd, 131072), ENOSPC);
    close(fd);
    fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    fixture_fail(FAULT_FALLOCATE, 1, 1, EOPNOTSUPP);
    assert_int_not_equal(journal_file_preallocate(fd, 4096), 0);
    close(fd);
    fixture_fail_none();
}

/* Interrupted reads go on, the end of the file is no failure, and a failed flush is never tried again. */
static void test_read_and_sync(void **state)
{
    (void)state;
    uint8_t bytes[8];
    size_t got = 9;
    int fd = memfd_create("read", MFD_CLOEXEC);
    assert_int_equal(journal_file_write(fd, "abcd", 4, 0), 0);
    fixture_fail(FAULT_PREAD, 1, 2, EINTR);
    assert_int_equal(journal_file_read(fd, bytes, sizeof(bytes), 0, &got), 0);
    assert_int_equal(got, 4);
    fixture_fail(FAULT_PREAD, 1, 1, EIO);
    assert_int_equal(journal_file_read(fd, bytes, sizeof(bytes), 0, &got), EIO);
    fixture_fail(FAULT_FDATASYNC, 1, 1, EIO);
    assert_int_equal(journal_file_sync(fd), EIO);
    assert_int_equal(fixture_calls(FAULT_FDATASYNC), 1);
    fixture_fail(FAULT_FSYNC, 1, 1, EIO);
    assert_int_equal(journal_file_sync_directory(fd), EIO);
    fixture_fail_none();
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_patiently),   cmocka_unit_test(test_many_parts),
        cmocka_unit_test(test_write_of_nothing), cmocka_unit_test(test_preallocate),
        cmocka_unit_test(test_read_and_sync),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
