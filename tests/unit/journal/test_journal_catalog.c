/* SPDX-License-Identifier: Apache-2.0
 *
 * Which files of a directory are segments, in what order they are read, and which records of each count.
 */
#include "journal/journal_catalog.h"

#include "journal_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

struct place {
    struct fixture fixture; /* its directory only */
    struct journal_catalog catalog;
    int dir_fd;
};

static int setup(void **state)
{
    struct place *p = calloc(1, sizeof(*p));
    fixture_init(&p->fixture);
    p->dir_fd = open(p->fixture.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct place *p = *state;
    fixture_fail_none();
    journal_catalog_finish(&p->catalog);
    close(p->dir_fd);
    fixture_finish(&p->fixture);
    free(p);
    return 0;
}

static void write_segment(struct place *p, uint64_t base, uint64_t serial, uint64_t follows)
{
    fixture_write_segment(p->fixture.path, &(struct fixture_segment){base, serial, follows, 3, true});
}

static void test_many_files_in_order(void **state)
{
    struct place *p = *state;
    for (uint64_t i = 200; i > 0; i--)
        write_segment(p, 1 + (i - 1) * 3, i << 32 | 1, (i - 1) * 3);
    assert_int_equal(journal_catalog_read(&p->catalog, p->dir_fd), 0);
    assert_int_equal(p->catalog.count, 200);
    for (uint64_t i = 0; i < 200; i++) {
        assert_int_equal(p->catalog.items[i].segment->base, 1 + i * 3);
        assert_true(p->catalog.items[i].name_fits && !p->catalog.items[i].is_copy);
    }
}

/* Two files with one serial: the one whose name fits its header counts, whichever part of it differs. */
static void test_copies(void **state)
{
    struct place *p = *state;
    write_segment(p, 1, UINT64_C(0x100000001), 0);
    const char *name = "00000000000000000001-0000000100000001.seg";
    assert_int_equal(linkat(p->dir_fd, name, p->dir_fd, "00000000000000000001-0000000700000001.seg", 0), 0);
    assert_int_equal(linkat(p->dir_fd, name, p->dir_fd, "00000000000000000009-0000000100000001.seg", 0), 0);
    assert_int_equal(journal_catalog_read(&p->catalog, p->dir_fd), 0);
    assert_int_equal(p->catalog.count, 3);
    for (size_t i = 0; i < 3; i++) {
        const struct journal_catalog_item *item = &p->catalog.items[i];
        assert_int_equal(item->is_copy, strcmp(item->segment->name, name) != 0);
        assert_int_equal(item->name_fits, !item->is_copy);
    }
}

/* The newer of two files that hold the same numbers bounds the older one; a header that claims to follow its
 * own records bounds at its first. */
static void test_limits(void **state)
{
    struct place *p = *state;
    write_segment(p, 1, UINT64_C(0x100000001), 0);
    write_segment(p, 4, UINT64_C(0x200000001), 3);
    write_segment(p, 4, UINT64_C(0x300000001), 3);
    write_segment(p, 2, UINT64_C(0x400000001), 900);
    assert_int_equal(journal_catalog_read(&p->catalog, p->dir_fd), 0);
    const struct journal_catalog_item *items = p->catalog.items;
    assert_int_equal(items[0].segment->base, 1);
    assert_int_equal(items[0].limit, 1);
    assert_int_equal(items[1].segment->base, 2);
    assert_int_equal(items[1].limit, UINT64_MAX);
    assert_int_equal(items[2].limit, 1);
    assert_int_equal(items[2].segment->serial, UINT64_C(0x200000001));
    assert_int_equal(items[3].limit, 1);
}

/* A file that cannot be opened is listed by its name, so that its records are missed. One without a size is
 * refused. */
static void test_disk_fails(void **state)
{
    struct place *p = *state;
    write_segment(p, 5, UINT64_C(0x100000001), 4);
    fixture_fail(FAULT_OPENAT, 1, 3, EIO);
    assert_int_equal(journal_catalog_read(&p->catalog, p->dir_fd), EIO);
    assert_int_equal(p->catalog.count, 0);
    fixture_fail(FAULT_OPENAT, 2, 3, EIO);
    assert_int_equal(journal_catalog_read(&p->catalog, p->dir_fd), 0);
    assert_int_equal(p->catalog.count, 1);
    assert_int_equal(p->catalog.items[0].segment->base, 5);
    assert_int_equal(p->catalog.items[0].segment->size, 0);
    journal_catalog_finish(&p->catalog);
    fixture_fail_none();
    fixture_fail(FAULT_PREAD, 1, 1, EIO);
    assert_int_equal(journal_catalog_read(&p->catalog, p->dir_fd), 0);
    assert_true(p->catalog.items[0].is_header_damaged);
    assert_int_equal(p->catalog.items[0].segment->base, 5);
    journal_catalog_finish(&p->catalog);
    fixture_fail(FAULT_LSEEK, 1, 1, EIO);
    assert_int_equal(journal_catalog_read(&p->catalog, p->dir_fd), EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_many_files_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_copies, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_disk_fails, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
