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

static void copy_start(struct place *p, const char *from, const char *to, size_t size)
{
    uint8_t bytes[512];
    int source = openat(p->dir_fd, from, O_RDONLY), target = openat(p->dir_fd, to, O_WRONLY);
    assert_int_equal(pread(source, bytes, size, 0), size);
    assert_int_equal(pwrite(target, bytes, size, 0), size);
    close(source);
    close(target);
}

/* A block that was written to the wrong place: the header is a right one, of another segment, and what stands
 * behind it is this segment's. `sealed`: both have a footer that says so; without, their records do. */
static void check_header_of_another(struct place *p, bool is_sealed)
{
    const char *first = "00000000000000000001-0000000100000005.seg",
               *second = "00000000000000000041-0000000200000007.seg";
    fixture_write_segment(p->fixture.path,
                          &(struct fixture_segment){1, UINT64_C(0x100000005), 0, 40, is_sealed});
    fixture_write_segment(p->fixture.path,
                          &(struct fixture_segment){41, UINT64_C(0x200000007), 40, 40, is_sealed});
    copy_start(p, first, second, 512);
    assert_int_equal(journal_catalog_read(&p->catalog, p->dir_fd), 0);
    assert_int_equal(p->catalog.count, 2);
    const struct journal_catalog_item *items = p->catalog.items;
    assert_string_equal(items[0].segment->name, first);
    assert_string_equal(items[1].segment->name, second);
    assert_true(!items[0].is_copy && !items[0].is_header_damaged && items[0].name_fits);
    assert_true(!items[1].is_copy && items[1].is_header_damaged && items[1].name_fits);
    assert_int_equal(items[1].segment->base, 41);
    assert_int_equal(items[1].segment->serial, UINT64_C(0x200000007));
    journal_catalog_finish(&p->catalog);
    assert_int_equal(unlinkat(p->dir_fd, first, 0), 0);
    assert_int_equal(unlinkat(p->dir_fd, second, 0), 0);
}

static void test_header_of_another(void **state)
{
    check_header_of_another(*state, true);
    check_header_of_another(*state, false);
}

/* Files that have changed their names are what their headers say. */
static void test_exchanged_names(void **state)
{
    struct place *p = *state;
    const char *first = "00000000000000000001-0000000100000005.seg",
               *second = "00000000000000000041-0000000200000007.seg";
    fixture_write_segment(p->fixture.path, &(struct fixture_segment){1, UINT64_C(0x100000005), 0, 40, true});
    fixture_write_segment(p->fixture.path,
                          &(struct fixture_segment){41, UINT64_C(0x200000007), 40, 9, false});
    assert_int_equal(renameat(p->dir_fd, first, p->dir_fd, "other"), 0);
    assert_int_equal(renameat(p->dir_fd, second, p->dir_fd, first), 0);
    assert_int_equal(renameat(p->dir_fd, "other", p->dir_fd, second), 0);
    assert_int_equal(journal_catalog_read(&p->catalog, p->dir_fd), 0);
    const struct journal_catalog_item *items = p->catalog.items;
    assert_true(items[0].segment->base == 1 && strcmp(items[0].segment->name, second) == 0);
    assert_true(items[1].segment->base == 41 && strcmp(items[1].segment->name, first) == 0);
    for (size_t i = 0; i < 2; i++)
        assert_true(!items[i].is_copy && !items[i].is_header_damaged && !items[i].name_fits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_many_files_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_copies, setup, teardown),
        cmocka_unit_test_setup_teardown(test_header_of_another, setup, teardown),
        cmocka_unit_test_setup_teardown(test_exchanged_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_disk_fails, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
