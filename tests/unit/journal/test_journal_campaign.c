/* SPDX-License-Identifier: Apache-2.0
 *
 * Random work under random faults against an oracle: whatever was acknowledged is delivered to both readers,
 * in order and once, in this life or the next. Prints its seed; JOURNAL_SEED and JOURNAL_ROUNDS choose
 * others.
 */
#include "journal_fixture.h"

#include "base/clock.h"
#include "base/log.h"
#include "journal/journal_internal.h"

#include <errno.h>
#include <stdio.h>

enum { NUMBERS_MAX = 200000, READERS = 2 };

struct campaign {
    struct fixture f;
    uint64_t random;
    uint8_t *acknowledged; /* by number */
    uint64_t newest;       /* number ever given */
    struct journal_cursor *readers[READERS];
    uint64_t seen[READERS]; /* newest record each has read in this life */
    uint64_t waiting_from, waiting_to;
    bool waiting;
};

static void ignore_line(void *ctx, enum log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    (void)line;
}

static uint64_t pick(struct campaign *c, uint64_t below)
{
    c->random ^= c->random << 13;
    c->random ^= c->random >> 7;
    c->random ^= c->random << 17;
    return c->random % below;
}

static void handle_done(void *ctx, enum status result)
{
    struct campaign *c = ctx;
    c->waiting = false;
    for (uint64_t n = c->waiting_from; result == STATUS_OK && n <= c->waiting_to; n++)
        c->acknowledged[n] = 1;
}

static void settle(struct campaign *c)
{
    for (int i = 0; i < 3000 && c->waiting; i++) {
        clock_fake_advance(1000);
        loop_turn(c->f.loop, 5);
    }
    assert_false(c->waiting);
}

static void do_appends(struct campaign *c)
{
    uint64_t first = 0, last = 0, count = 1 + pick(c, 250);
    settle(c);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t n = fixture_append(&c->f);
        if (!n)
            break;
        first = first ? first : n;
        last = n;
    }
    if (!last)
        return;
    assert_true(first > 0 && last < NUMBERS_MAX);
    c->newest = last;
    c->waiting_from = first;
    c->waiting_to = last;
    c->waiting = true;
    journal_commit(c->f.journal, handle_done, c);
    if (pick(c, 4) > 0)
        settle(c);
}

/* Nothing that was acknowledged lies between what was seen and what comes next. */
static void check_step(struct campaign *c, int reader, uint64_t next)
{
    for (uint64_t n = c->seen[reader] + 1; n < next; n++) {
        if (c->acknowledged[n])
            fail_msg("reader %d: record %llu was acknowledged and skipped", reader, (unsigned long long)n);
    }
    c->seen[reader] = next;
}

static void do_reads(struct campaign *c)
{
    int reader = (int)pick(c, READERS);
    struct journal_record r;
    uint64_t limit = pick(c, 400);
    for (uint64_t i = 0; i < limit; i++) {
        enum status st = journal_cursor_next(c->readers[reader], &r);
        if (st != STATUS_OK)
            break;
        assert_true(r.sequence > c->seen[reader]);
        fixture_check_record(&r);
        check_step(c, reader, r.sequence);
    }
    if (pick(c, 2))
        journal_cursor_confirm(c->readers[reader], c->seen[reader]);
    if (pick(c, 8) == 0) {
        journal_cursor_rewind(c->readers[reader]);
        c->seen[reader] = journal_cursor_confirmed(c->readers[reader]);
    }
}

static void do_fault(struct campaign *c)
{
    static const int errors[] = {EIO, ENOSPC, EINTR, EDQUOT};
    fixture_fail((enum fault)pick(c, FAULT_COUNT), 1 + (unsigned)pick(c, 20), 1 + (unsigned)pick(c, 4),
                 errors[pick(c, 4)]);
}

static void do_time(struct campaign *c)
{
    for (uint64_t i = pick(c, 20); i > 0; i--) {
        clock_fake_advance(200000);
        loop_turn(c->f.loop, 1);
    }
}

static void open_all(struct campaign *c)
{
    static const char *const names[READERS] = {"a", "b"};
    fixture_open(&c->f);
    for (int i = 0; i < READERS; i++) {
        c->readers[i] = fixture_cursor(&c->f, names[i], JOURNAL_FROM_OLDEST);
        c->seen[i] = journal_cursor_confirmed(c->readers[i]);
    }
}

static void close_all(struct campaign *c)
{
    for (int i = 0; i < READERS; i++)
        journal_cursor_close(c->readers[i]);
    fixture_close(&c->f);
}

/* Go on with the files as a crash would leave them now, or after a clean end. */
static void do_restart(struct campaign *c)
{
    char copy[300];
    bool crash = pick(c, 2);
    snprintf(copy, sizeof(copy), "%s.crash", c->f.path);
    settle(c);
    fixture_fail_none();
    while (c->f.journal->writer_busy) /* a copy is of one moment only while nobody writes */
        loop_turn(c->f.loop, 5);
    if (crash)
        fixture_copy_directory(c->f.path, copy);
    close_all(c);
    if (crash) {
        fixture_remove_directory(c->f.path);
        assert_int_equal(rename(copy, c->f.path), 0);
    }
    open_all(c);
    assert_int_equal(journal_recovery(c->f.journal)->damaged_records, 0);
    assert_false(journal_recovery(c->f.journal)->cursors_lost);
}

static void finish_campaign(struct campaign *c)
{
    fixture_fail_none();
    settle(c);
    do_restart(c);
    for (int i = 0; i < READERS; i++) {
        struct journal_record r;
        while (journal_cursor_next(c->readers[i], &r) == STATUS_OK) {
            fixture_check_record(&r);
            check_step(c, i, r.sequence);
        }
        check_step(c, i, c->newest + 1);
    }
    close_all(c);
}

static void run_campaign(uint64_t seed)
{
    struct campaign c = {.random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1};
    fixture_init(&c.f);
    clock_fake_start(INT64_C(1800000000000000));
    c.acknowledged = calloc(NUMBERS_MAX, 1);
    open_all(&c);
    for (int step = 0; step < 150; step++) {
        switch (pick(&c, 12)) {
        case 0:
        case 1:
            do_fault(&c);
            break;
        case 2:
            do_time(&c);
            break;
        case 3:
            if (pick(&c, 3) == 0)
                do_restart(&c);
            break;
        case 4:
        case 5:
        case 6:
            do_reads(&c);
            break;
        default:
            do_appends(&c);
        }
    }
    finish_campaign(&c);
    fixture_finish(&c.f);
    clock_fake_stop();
    free(c.acknowledged);
}

static void test_campaign(void **state)
{
    (void)state;
    const char *seed_text = getenv("JOURNAL_SEED"), *rounds_text = getenv("JOURNAL_ROUNDS");
    uint64_t seed = seed_text ? strtoull(seed_text, NULL, 10) : (uint64_t)clock_realtime_us() % 1000000;
    unsigned rounds = rounds_text ? (unsigned)atoi(rounds_text) : 15;
    log_set_sink(ignore_line, NULL);
    for (unsigned i = 0; i < rounds; i++) {
        print_message("JOURNAL_SEED=%llu\n", (unsigned long long)(seed + i));
        run_campaign(seed + i);
    }
    log_set_sink(NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_campaign),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
