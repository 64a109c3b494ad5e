/* SPDX-License-Identifier: Apache-2.0
 *
 * What the start makes of files as crashes, faulty disks and people leave them: only what was touched is
 * lost, no wrong byte is delivered, numbers are not given twice, and opening always succeeds.
 */
#include "journal_fixture.h"

#include "base/log.h"

#include "journal/journal_internal.h"
#include "journal/journal_record.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    fixture_init(f);
    log_set_level(LOG_LEVEL_ERROR);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_finish(*state);
    free(*state);
    return 0;
}

static uint64_t xorshift(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x;
}

static void ignore_line(void *ctx, enum log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    (void)line;
}

/* Open `path`, read everything with a new cursor; returns the count. */
static unsigned read_all(struct fixture *f, const char *path, uint64_t *last)
{
    f->settings.path = path;
    fixture_open(f);
    struct journal_cursor *c = fixture_cursor(f, "reader", JOURNAL_FROM_OLDEST);
    unsigned count = fixture_read(f, c, last);
    journal_cursor_close(c);
    return count;
}

static void join(char *path, size_t size, const char *directory, const char *name)
{
    snprintf(path, size, "%s/%s", directory, name);
}

static void copy_path(const struct fixture *f, char *path, size_t size)
{
    snprintf(path, size, "%s.copy", f->path);
}

/* A copy of the files after each commit has every committed record; the next number is above all of them. */
static void test_copy_at_every_commit(void **state)
{
    struct fixture *f = *state, g = {0};
    char copy[300];
    uint64_t last = 0;
    copy_path(f, copy, sizeof(copy));
    g.loop = f->loop;
    g.settings = f->settings;
    fixture_open(f);
    for (unsigned i = 1; i <= 60; i++) {
        fixture_fill(f, 20, 20);
        fixture_copy_directory(f->path, copy);
        assert_int_equal(read_all(&g, copy, &last), 20 * i);
        assert_int_equal(last, 20 * i);
        assert_int_equal(journal_recovery(g.journal)->torn_bytes, 0);
        assert_int_equal(journal_recovery(g.journal)->damaged_bytes, 0);
        uint64_t next = fixture_append(&g);
        assert_true(next > 20 * i);
        assert_int_equal(fixture_commit(&g), STATUS_OK);
        fixture_close(&g);
        g.settings.path = copy; /* and once more, with the segment that was added */
        read_all(&g, copy, &last);
        assert_int_equal(last, next);
        fixture_close(&g);
    }
    fixture_remove_directory(copy);
}

/* The last segment cut at any byte of its last records: what is whole stays, the rest is torn. */
static void test_truncate_every_byte(void **state)
{
    struct fixture *f = *state, g = {0};
    char copy[300], names[8][64], file[400];
    copy_path(f, copy, sizeof(copy));
    g.loop = f->loop;
    g.settings = f->settings;
    fixture_open(f);
    fixture_fill(f, 5, 5);
    const struct journal_segment *s = list_first(&f->journal->segments, struct journal_segment, link);
    uint64_t ends[6] = {0};
    uint64_t at = JOURNAL_SEGMENT_HEADER;
    for (unsigned i = 1; i <= 5; i++) {
        uint8_t bytes[512];
        ends[i] = at += journal_record_span(fixture_payload(i, bytes));
    }
    assert_int_equal(s->end, at);
    for (uint64_t size = 0; size <= at; size++) {
        fixture_copy_directory(f->path, copy);
        assert_int_equal(fixture_list_segments(copy, names, 8), 1);
        join(file, sizeof(file), copy, names[0]);
        assert_int_equal(truncate(file, (off_t)size), 0);
        if (size & 1) /* as a preallocated file would look */
            assert_int_equal(truncate(file, 65536), 0);
        unsigned expected = 0;
        while (expected < 5 &&
               ends[expected + 1] <= size + 7) /* the padding is not needed when it is zeros */
            expected++;
        unsigned count = read_all(&g, copy, NULL);
        if (count != expected && (count + 1 != expected || ends[expected] <= size))
            fail_msg("cut at %" PRIu64 ": %u records instead of %u", size, count, expected);
        if (journal_recovery(g.journal)->damaged_records)
            fail_msg("cut at %" PRIu64 ": taken for damage", size);
        fixture_close(&g);
    }
    fixture_remove_directory(copy);
}

static size_t flip_bits(const char *file, uint64_t *seed, unsigned flips)
{
    int fd = open(file, O_RDWR);
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    for (unsigned i = 0; i < flips; i++) {
        uint8_t byte = 0;
        off_t at = (off_t)(xorshift(seed) % (uint64_t)st.st_size);
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        byte ^= (uint8_t)(1u << (xorshift(seed) & 7));
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    }
    close(fd);
    return (size_t)st.st_size;
}

/* Random bits flipped in random segments: at most one record is lost for each, none has wrong bytes. */
static void test_bit_flips(void **state)
{
    struct fixture *f = *state, g = {0};
    char copy[300], names[32][64], file[400];
    uint64_t seed = 88172645463325252u;
    copy_path(f, copy, sizeof(copy));
    g.loop = f->loop;
    g.settings = f->settings;
    fixture_open(f);
    fixture_fill(f, 700, 50);
    log_set_sink(ignore_line, NULL);
    for (unsigned round = 0; round < 150; round++) {
        fixture_copy_directory(f->path, copy);
        size_t count = fixture_list_segments(copy, names, 32);
        unsigned flips = 1 + (unsigned)(xorshift(&seed) % 4);
        for (unsigned i = 0; i < flips; i++) {
            join(file, sizeof(file), copy, names[xorshift(&seed) % count]);
            flip_bits(file, &seed, 1);
        }
        unsigned left = read_all(&g, copy, NULL);
        if (left + flips < 700)
            fail_msg("round %u: %u of 700 left after %u flips", round, left, flips);
        fixture_close(&g);
        assert_int_equal(read_all(&g, copy, NULL), left); /* the same again */
        assert_true(fixture_append(&g) > 700 - flips);
        fixture_close(&g);
    }
    log_set_sink(NULL, NULL);
    fixture_remove_directory(copy);
}

/* Blocks of zeros and of garbage, in any segment. */
static void test_overwritten_ranges(void **state)
{
    struct fixture *f = *state, g = {0};
    char copy[300], names[32][64], file[400];
    static uint8_t junk[4096];
    uint64_t seed = 42;
    copy_path(f, copy, sizeof(copy));
    g.loop = f->loop;
    g.settings = f->settings;
    fixture_open(f);
    fixture_fill(f, 700, 50);
    log_set_sink(ignore_line, NULL);
    for (unsigned round = 0; round < 60; round++) {
        fixture_copy_directory(f->path, copy);
        size_t count = fixture_list_segments(copy, names, 32);
        join(file, sizeof(file), copy, names[xorshift(&seed) % count]);
        for (size_t i = 0; i < sizeof(junk); i++)
            junk[i] = round & 1 ? 0 : (uint8_t)xorshift(&seed);
        size_t len = 1 + xorshift(&seed) % sizeof(junk);
        struct stat st;
        assert_int_equal(stat(file, &st), 0);
        int fd = open(file, O_RDWR);
        off_t at = (off_t)(xorshift(&seed) % (uint64_t)st.st_size);
        assert_int_equal(pwrite(fd, junk, len, at), len);
        close(fd);
        unsigned left = read_all(&g, copy, NULL);
        if (left + len / 72 + 3 < 700)
            fail_msg("round %u: %u of 700 left after %zu bytes", round, left, len);
        fixture_close(&g);
    }
    log_set_sink(NULL, NULL);
    fixture_remove_directory(copy);
}

/* A payload that holds whole records of the journal never comes out as records. */
static void test_embedded_records(void **state)
{
    struct fixture *f = *state;
    char names[8][64], file[400];
    uint8_t bytes[4096] = {0};
    uint64_t sequence = 0;
    struct journal_record r;
    fixture_open(f);
    const uint32_t guess = 0x12345678;
    for (size_t at = 0; at + 64 <= sizeof(bytes); at += 64) {
        struct journal_record_header h = {.length = 32, .mark = guess, .sequence = 2 + at / 64};
        journal_record_encode(bytes + at, &h);
        journal_record_seal(bytes + at);
    }
    struct iovec part = {bytes, sizeof(bytes)};
    for (int i = 0; i < 3; i++)
        assert_int_equal(journal_append(f->journal, &part, 1, &sequence), STATUS_OK);
    assert_int_equal(fixture_commit(f), STATUS_OK);
    fixture_close(f);
    assert_int_equal(fixture_list_segments(f->path, names, 8), 1);
    join(file, sizeof(file), f->path, names[0]);
    int fd = open(file, O_RDWR);
    assert_int_equal(pwrite(fd, "x", 1, JOURNAL_SEGMENT_HEADER + 4), 1); /* the first record's header */
    close(fd);
    log_set_sink(ignore_line, NULL);
    fixture_open(f);
    sequence = 0;
    for (uint64_t n = 2; n <= 3; n++) {
        assert_int_equal(journal_peek(f->journal, &sequence, &r), STATUS_OK);
        assert_int_equal(r.sequence, n);
        assert_int_equal(r.bytes.len, sizeof(bytes));
    }
    assert_int_equal(journal_peek(f->journal, &sequence, &r), STATUS_END);
    log_set_sink(NULL, NULL);
}

/* Segments removed, copied under another name, swapped, or come back: the others are read in order. */
static void test_strange_directories(void **state)
{
    struct fixture *f = *state;
    char names[64][64], a[400], b[400], c[400];
    uint64_t last = 0;
    fixture_open(f);
    fixture_fill(f, 1500, 50);
    fixture_close(f);
    size_t count = fixture_list_segments(f->path, names, 64);
    assert_true(count > 5);
    join(a, sizeof(a), f->path, names[1]);
    join(b, sizeof(b), f->path, names[3]);
    join(c, sizeof(c), f->path, "swap");
    rename(a, c); /* swapped names */
    rename(b, a);
    rename(c, b);
    join(c, sizeof(c), f->path, "00000000000000000001-00000000ffffffff.seg"); /* a file that is nothing */
    int fd = open(c, O_CREAT | O_RDWR, 0600);
    assert_int_equal(write(fd, "hello", 5), 5);
    close(fd);
    join(c, sizeof(c), f->path, "notes.txt");
    close(open(c, O_CREAT | O_RDWR, 0600));
    log_set_sink(ignore_line, NULL);
    assert_int_equal(read_all(f, f->path, &last), 1500);
    fixture_close(f);

    join(a, sizeof(a), f->path, names[2]);
    join(b, sizeof(b), f->path, "00000000000000000005-0000000100000001.seg");
    assert_int_equal(link(a, b), 0); /* a duplicate */
    assert_int_equal(read_all(f, f->path, &last), 1500);
    fixture_close(f);

    assert_int_equal(unlink(a), 0); /* missing */
    unsigned left = read_all(f, f->path, &last);
    assert_true(left < 1500 && left > 1500 - 400);
    assert_int_equal(last, 1500);
    assert_int_equal(fixture_append(f), 1501);
    log_set_sink(NULL, NULL);
}

/* All segments gone: numbering goes on from the cursor file. */
static void test_all_segments_gone(void **state)
{
    struct fixture *f = *state;
    char names[64][64], file[400];
    fixture_open(f);
    fixture_fill(f, 300, 50);
    fixture_close(f);
    size_t count = fixture_list_segments(f->path, names, 64);
    for (size_t i = 0; i < count; i++) {
        join(file, sizeof(file), f->path, names[i]);
        unlink(file);
    }
    fixture_open(f);
    assert_int_equal(journal_recovery(f->journal)->head, 0);
    assert_int_equal(journal_oldest(f->journal), 301);
    assert_int_equal(fixture_append(f), 301);
    assert_int_equal(fixture_commit(f), STATUS_OK);
    struct journal_cursor *c = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
    assert_int_equal(fixture_read(f, c, NULL), 1);
    journal_cursor_close(c);
}

/* Both slots of the cursors bad: everything is read again, also by those who would start at the head. */
static void test_cursors_lost(void **state)
{
    struct fixture *f = *state;
    char file[400];
    fixture_open(f);
    struct journal_cursor *c = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
    fixture_fill(f, 300, 50);
    fixture_read(f, c, NULL);
    journal_cursor_confirm(c, 150);
    journal_cursor_set_note(c, (struct journal_cursor_note){200, 50});
    journal_cursor_close(c);
    fixture_close(f);
    fixture_open(f);
    c = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
    assert_int_equal(journal_cursor_confirmed(c), 150);
    assert_int_equal(journal_cursor_note(c).counted_through, 200);
    assert_int_equal(journal_cursor_note(c).pending, 50);
    assert_int_equal(fixture_read(f, c, NULL), 150);
    journal_cursor_close(c);
    fixture_close(f);
    join(file, sizeof(file), f->path, "cursors");
    int fd = open(file, O_RDWR);
    assert_int_equal(pwrite(fd, "????????????????????", 20, 4), 20);
    assert_int_equal(pwrite(fd, "????????????????????", 20, JOURNAL_CURSOR_FILE_SLOT + 4), 20);
    close(fd);
    log_set_sink(ignore_line, NULL);
    fixture_open(f);
    assert_true(journal_recovery(f->journal)->cursors_lost);
    c = fixture_cursor(f, "a", JOURNAL_FROM_HEAD);
    assert_int_equal(fixture_read(f, c, NULL), 300);
    journal_cursor_close(c);
    log_set_sink(NULL, NULL);
}

struct shared {
    volatile uint64_t first, committed, confirmed; /* first: of this life */
};

static void note_committed(void *ctx, enum status result)
{
    (void)ctx;
    (void)result;
}

/* The child appends, commits, reads and confirms until it is killed. */
static void run_child(struct fixture *f, struct shared *shared)
{
    f->loop = loop_create(NULL);
    fixture_open(f);
    struct journal_cursor *c = fixture_cursor(f, "reader", JOURNAL_FROM_OLDEST);
    struct journal_record r;
    for (;;) {
        uint64_t newest = 0;
        for (int i = 0; i < 20; i++) {
            newest = fixture_append(f);
            if (shared->first == 0)
                shared->first = newest;
        }
        journal_commit(f->journal, note_committed, f);
        while (journal_durable_head(f->journal) < newest)
            loop_turn(f->loop, 10);
        shared->committed = newest;
        while (journal_cursor_next(c, &r) == STATUS_OK) {
            fixture_check_record(&r);
            if (r.sequence % 3 == 0) {
                shared->confirmed = r.sequence;
                journal_cursor_confirm(c, r.sequence);
            }
        }
    }
}

/* Within one life numbers have no gap. */
static void check_life(struct fixture *f, uint64_t first, uint64_t committed, uint64_t confirmed)
{
    struct journal_record r;
    uint64_t from = confirmed >= first ? confirmed + 1 : first, at = from;
    while (first > 0 && at <= committed) {
        assert_int_equal(journal_peek(f->journal, &at, &r), STATUS_OK);
        assert_int_equal(r.sequence, from++);
    }
}

/* kill -9 at random moments, on one directory: nothing committed and not confirmed is ever missing. */
static void test_kill(void **state)
{
    struct fixture *f = *state;
    uint64_t seed = (uint64_t)getpid() * 2654435761u + 1, committed = 0, confirmed = 0;
    struct shared *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    *shared = (struct shared){0};
    for (unsigned round = 0; round < 25; round++) {
        shared->first = 0;
        pid_t child = fork();
        if (child == 0) {
            run_child(f, shared);
            _exit(1);
        }
        usleep((useconds_t)(xorshift(&seed) % 30000));
        kill(child, SIGKILL);
        int status = 0;
        waitpid(child, &status, 0);
        assert_true(WIFSIGNALED(status));
        committed = shared->committed;
        confirmed = shared->confirmed;
        fixture_open(f);
        assert_int_equal(journal_recovery(f->journal)->damaged_records, 0);
        assert_true(journal_durable_head(f->journal) >= committed);
        struct journal_cursor *c = fixture_cursor(f, "reader", JOURNAL_FROM_OLDEST);
        assert_true(journal_cursor_confirmed(c) <= confirmed || confirmed == 0);
        uint64_t last = journal_recovery(f->journal)->head;
        if (fixture_read(f, c, &last) > 0)
            assert_int_equal(last, journal_recovery(f->journal)->head);
        assert_true(last >= committed);
        check_life(f, shared->first, committed, confirmed);
        journal_cursor_close(c);
        fixture_close(f);
    }
    munmap(shared, sizeof(*shared));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_copy_at_every_commit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_truncate_every_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bit_flips, setup, teardown),
        cmocka_unit_test_setup_teardown(test_overwritten_ranges, setup, teardown),
        cmocka_unit_test_setup_teardown(test_embedded_records, setup, teardown),
        cmocka_unit_test_setup_teardown(test_strange_directories, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all_segments_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cursors_lost, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kill, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
