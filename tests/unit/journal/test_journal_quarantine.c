/* SPDX-License-Identifier: Apache-2.0
 *
 * Damaged bytes are kept once for whoever wants to look, within bounds; when they cannot be kept the journal
 * goes on without.
 */
#include "journal/journal_quarantine.h"

#include "base/log.h"
#include "journal/journal_file.h"
#include "journal_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
    struct fixture fixture; /* its directory only */
    struct journal_quarantine quarantine;
    struct journal_segment *segment;
    int dir_fd, fd; /* the segment's bytes */
    unsigned lines;
};

static void count_line(void *ctx, enum log_level level, const char *line)
{
    struct place *p = ctx;
    (void)level;
    (void)line;
    p->lines++;
}

static int setup(void **state)
{
    struct place *p = calloc(1, sizeof(*p));
    uint8_t bytes[1024];
    fixture_init(&p->fixture);
    p->dir_fd = open(p->fixture.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    p->fd = memfd_create("segment", MFD_CLOEXEC);
    memset(bytes, 'd', sizeof(bytes));
    assert_int_equal(journal_file_write(p->fd, bytes, sizeof(bytes), 0), 0);
    p->segment = journal_segment_create(1, UINT64_C(0x100000001), 0);
    journal_quarantine_init(&p->quarantine, p->dir_fd, p->fixture.path);
    log_set_sink(count_line, p);
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct place *p = *state;
    log_set_sink(NULL, NULL);
    fixture_fail_none();
    journal_quarantine_finish(&p->quarantine);
    journal_segment_destroy(p->segment);
    close(p->fd);
    close(p->dir_fd);
    fixture_finish(&p->fixture);
    free(p);
    return 0;
}

static void add(struct place *p, uint64_t offset, uint64_t size, uint64_t records)
{
    journal_quarantine_add(&p->quarantine, p->segment, p->fd,
                           &(struct journal_scan_damage){offset, size, 1, records});
}

/* Size of what is kept of the bytes at `offset`; -1: nothing. */
static off_t kept(const struct place *p, uint64_t offset)
{
    char path[400];
    struct stat st;
    snprintf(path, sizeof(path), "%s/quarantine/%s@%lu", p->fixture.path, p->segment->name,
             (unsigned long)offset);
    return stat(path, &st) == 0 ? st.st_size : -1;
}

/* However many readers come by, a place is counted and kept once, also with many places. */
static void test_each_place_once(void **state)
{
    struct place *p = *state;
    for (unsigned round = 0; round < 2; round++) {
        for (uint64_t i = 0; i < 40; i++)
            add(p, i * 8, 8, 2);
    }
    assert_int_equal(p->quarantine.damaged_records, 80);
    assert_int_equal(p->quarantine.damaged_bytes, 320);
    assert_int_equal(p->quarantine.kept_bytes, 320);
    for (uint64_t i = 0; i < 40; i++)
        assert_int_equal(kept(p, i * 8), 8);
    journal_quarantine_finish(&p->quarantine); /* the next start finds them there */
    journal_quarantine_init(&p->quarantine, p->dir_fd, p->fixture.path);
    add(p, 8, 8, 2);
    assert_int_equal(p->quarantine.kept_bytes, 0);
    assert_int_equal(p->quarantine.damaged_records, 2);
}

/* Missing records without bytes, and more bytes than are kept: counted, not copied. */
static void test_bounds(void **state)
{
    struct place *p = *state;
    add(p, 0, 0, 5);
    assert_int_equal(kept(p, 0), -1);
    add(p, 8, 17 << 20, 5);
    assert_int_equal(kept(p, 8), -1);
    assert_int_equal(p->quarantine.damaged_records, 10);
    assert_int_equal(p->quarantine.kept_bytes, 0);
}

/* What cannot be read or written is kept as far as it goes. */
static void test_bytes_cannot_be_copied(void **state)
{
    struct place *p = *state;
    add(p, 1000, 4096, 1); /* past the end of the file */
    assert_int_equal(kept(p, 1000), 24);
    fixture_fail(FAULT_PREAD, 1, 1, EIO);
    add(p, 16, 8, 1);
    assert_int_equal(kept(p, 16), 0);
    fixture_fail(FAULT_PWRITEV, 1, 1, ENOSPC);
    add(p, 24, 8, 1);
    assert_int_equal(kept(p, 24), 0);
    fixture_fail(FAULT_OPENAT, 1, 1, EMFILE);
    add(p, 32, 8, 1);
    assert_int_equal(kept(p, 32), -1);
    fixture_fail(FAULT_MKDIRAT, 1, 1, ENOSPC);
    add(p, 40, 8, 1);
    assert_int_equal(kept(p, 40), -1);
    assert_int_equal(p->quarantine.damaged_records, 5);
}

/* Files are moved or linked when that is possible, and stay where they are when not. */
static void test_whole_files(void **state)
{
    struct place *p = *state;
    close(openat(p->dir_fd, "a.seg", O_CREAT | O_WRONLY, 0600));
    fixture_fail(FAULT_MKDIRAT, 1, 2, ENOSPC);
    journal_quarantine_move(&p->quarantine, "a.seg", "is odd");
    journal_quarantine_link(&p->quarantine, "a.seg");
    assert_int_equal(faccessat(p->dir_fd, "a.seg", F_OK, 0), 0);
    assert_int_not_equal(faccessat(p->dir_fd, "quarantine", F_OK, 0), 0);
    journal_quarantine_move(&p->quarantine, "gone.seg", "is odd");
    journal_quarantine_link(&p->quarantine, "gone.seg");
    assert_int_equal(p->lines, 0); /* nothing is claimed */
    journal_quarantine_link(&p->quarantine, "a.seg");
    assert_int_equal(faccessat(p->dir_fd, "a.seg", F_OK, 0), 0);
    assert_int_equal(faccessat(p->dir_fd, "quarantine/a.seg", F_OK, 0), 0);
    assert_int_equal(unlinkat(p->dir_fd, "quarantine/a.seg", 0), 0);
    journal_quarantine_move(&p->quarantine, "a.seg", "is odd");
    assert_int_not_equal(faccessat(p->dir_fd, "a.seg", F_OK, 0), 0);
    assert_int_equal(faccessat(p->dir_fd, "quarantine/a.seg", F_OK, 0), 0);
    assert_int_equal(p->lines, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_place_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bytes_cannot_be_copied, setup, teardown),
        cmocka_unit_test_setup_teardown(test_whole_files, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
