/* SPDX-License-Identifier: Apache-2.0
 *
 * What is kept and for how long: removal behind the readers, both policies at the size limit, age, parked
 * cursors, and the positions that survive.
 */
#include "journal_fixture.h"

#include "base/clock.h"
#include "base/log.h"
#include "journal/journal_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define START_US INT64_C(1800000000000000)

static void ignore_line(void *ctx, enum log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    (void)line;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    fixture_init(f);
    clock_fake_start(START_US);
    log_set_sink(ignore_line, NULL);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_finish(*state);
    clock_fake_stop();
    log_set_sink(NULL, NULL);
    free(*state);
    return 0;
}

static void advance(struct fixture *f, int64_t ms)
{
    for (int64_t left = ms; left > 0; left -= 250) {
        clock_fake_advance(250000);
        fixture_turns(f, 5);
    }
    fixture_turns(f, 30);
}

static size_t count_segments(struct fixture *f)
{
    char names[64][64];
    return fixture_list_segments(f->path, names, 64);
}

/* Segments go when the slowest of the readers has confirmed them, and not before. */
static void test_slowest_reader_pins(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    struct journal_cursor *a = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
    struct journal_cursor *b = fixture_cursor(f, "b", JOURNAL_FROM_OLDEST);
    fixture_fill(f, 2000, 100);
    size_t all = count_segments(f);
    journal_cursor_confirm(a, 2000);
    advance(f, 3000);
    assert_int_equal(count_segments(f), all);
    assert_int_equal(journal_oldest(f->journal), 1);
    journal_cursor_confirm(b, 1000);
    advance(f, 3000);
    assert_true(count_segments(f) < all && count_segments(f) > 2);
    assert_true(journal_oldest(f->journal) > 500 && journal_oldest(f->journal) <= 1001);
    assert_int_equal(fixture_read(f, b, NULL), 2000 - journal_oldest(f->journal) + 1);
    journal_cursor_confirm(b, 2000);
    advance(f, 3000);
    assert_int_equal(count_segments(f), 1); /* the one that is filled */
    journal_cursor_close(a);
    journal_cursor_close(b);
}

/* Without any open reader nothing is removed behind one. */
static void test_no_reader_keeps(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    fixture_fill(f, 1000, 100);
    size_t all = count_segments(f);
    advance(f, 200000);
    assert_int_equal(count_segments(f), all);
}

/* A parked reader does not pin; it is listed, moves behind what is removed, continues where records are left,
 * and can be forgotten. */
static void note_parked(void *ctx, const char *name, uint64_t confirmed)
{
    snprintf(ctx, 64, "%s=%llu", name, (unsigned long long)confirmed);
}

static void test_parked(void **state)
{
    struct fixture *f = *state;
    char text[64] = "";
    fixture_open(f);
    struct journal_cursor *a = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
    struct journal_cursor *b = fixture_cursor(f, "b", JOURNAL_FROM_OLDEST);
    journal_cursor_close(b);
    fixture_fill(f, 1000, 100);
    journal_cursor_confirm(a, 1000);
    advance(f, 3000);
    assert_int_equal(count_segments(f), 1);
    journal_cursor_list_parked(f->journal, note_parked, text);
    char expected[64];
    snprintf(expected, sizeof(expected), "b=%llu", (unsigned long long)(journal_oldest(f->journal) - 1));
    assert_string_equal(text, expected);
    fixture_fill(f, 1000, 100);
    journal_cursor_close(fixture_cursor(f, "ahead", JOURNAL_FROM_HEAD));
    journal_cursor_confirm(a, 1500);
    advance(f, 3000);
    journal_cursor_list_parked(f->journal, note_parked, text);
    assert_string_equal(text, "ahead=2000"); /* it stands behind what is removed already */
    journal_cursor_forget(f->journal, "ahead");
    b = fixture_cursor(f, "b", JOURNAL_FROM_OLDEST);
    uint64_t oldest = journal_oldest(f->journal);
    assert_int_equal(fixture_read(f, b, NULL), 2000 - oldest + 1);
    journal_cursor_close(b);
    journal_cursor_forget(f->journal, "a"); /* open: stays */
    journal_cursor_forget(f->journal, "b");
    text[0] = '\0';
    journal_cursor_list_parked(f->journal, note_parked, text);
    assert_string_equal(text, "");
    journal_cursor_close(a);
}

/* Whatever the age is, and whether the clock is set or not: nothing goes from a journal that is empty, or too
 * young. */
static void test_nothing_expires(void **state)
{
    struct fixture *f = *state;
    const int64_t ages_ms[] = {0, 4000, INT64_C(30) * 24 * 3600 * 1000};
    for (unsigned i = 0; i < 6; i++) {
        clock_fake_stop();
        clock_fake_start(i < 3 ? START_US : 1);
        f->settings.max_age_ms = ages_ms[i % 3];
        fixture_open(f);
        struct journal_cursor *c = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
        advance(f, 1500);
        fixture_fill(f, 20, 20);
        advance(f, 1500);
        assert_int_equal(fixture_read(f, c, NULL), 20);
        journal_cursor_confirm(c, journal_durable_head(f->journal));
        journal_cursor_close(c);
        fixture_close(f);
    }
}

/* Names that are wrong or in use are refused with words. */
static void test_cursor_names(void **state)
{
    struct fixture *f = *state;
    static const struct journal_cursor_events none = {0};
    const char *const bad[] = {"", "a b", "a/b", "\xc3\xa4"};
    struct error err = {0};
    char longest[130];
    fixture_open(f);
    for (size_t i = 0; i < array_count(bad); i++) {
        assert_null(journal_cursor_open(f->journal, bad[i], JOURNAL_FROM_HEAD, &none, NULL, &err));
        assert_int_equal(err.code, STATUS_INVALID);
    }
    memset(longest, 'x', sizeof(longest));
    longest[129] = '\0';
    assert_null(journal_cursor_open(f->journal, longest, JOURNAL_FROM_HEAD, &none, NULL, &err));
    longest[128] = '\0';
    struct journal_cursor *c = fixture_cursor(f, longest, JOURNAL_FROM_HEAD);
    assert_null(journal_cursor_open(f->journal, longest, JOURNAL_FROM_HEAD, &none, NULL, &err));
    assert_int_equal(err.code, STATUS_BUSY);
    journal_cursor_close(c);
    fixture_close(f);
    fixture_open(f);
    c = fixture_cursor(f, longest, JOURNAL_FROM_HEAD);
    journal_cursor_close(c);
}

/* More cursors than a slot holds: a clear refusal, the others are kept. */
static void test_too_many_cursors(void **state)
{
    struct fixture *f = *state;
    static const struct journal_cursor_events none = {0};
    struct error err = {0};
    char name[129];
    unsigned made = 0;
    fixture_open(f);
    for (;; made++) {
        snprintf(name, sizeof(name), "%0128u", made);
        struct journal_cursor *c =
            journal_cursor_open(f->journal, name, JOURNAL_FROM_HEAD, &none, NULL, &err);
        if (!c)
            break;
        journal_cursor_close(c);
    }
    assert_int_equal(err.code, STATUS_LIMIT);
    assert_true(made > 5000);
    fixture_close(f);
    fixture_open(f);
    assert_int_equal(f->journal->cursor_state.count, made);
}

/* when_full: block. Appends are refused, what is there stays, and room is told. */
static void test_block(void **state)
{
    struct fixture *f = *state;
    f->settings.max_size = 1 << 20;
    fixture_open(f);
    struct journal_cursor *c = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
    uint64_t last = 0, given;
    while ((given = fixture_append(f))) {
        last = given;
        if (last % 50 == 0)
            assert_int_equal(fixture_commit(f), STATUS_OK);
    }
    assert_int_equal(fixture_commit(f), STATUS_OK);
    assert_true(last > 3000);
    assert_true(journal_size_bytes(f->journal) <= 1 << 20);
    assert_int_equal(journal_state(f->journal), JOURNAL_FULL);
    assert_non_null(strstr(journal_state_text(f->journal), "max_size"));
    assert_int_equal(f->state_changes, 1);
    assert_int_equal(fixture_read(f, c, NULL), last);
    advance(f, 5000);
    assert_int_equal(journal_state(f->journal), JOURNAL_FULL);
    journal_cursor_confirm(c, last / 2);
    advance(f, 1000);
    assert_int_equal(journal_state(f->journal), JOURNAL_OK);
    assert_int_equal(f->state_changes, 2);
    assert_int_equal(fixture_append(f), last + 1);
    assert_int_equal(fixture_commit(f), STATUS_OK);
    journal_cursor_close(c);
}

/* Full in the middle of a burst whose sender goes away without a commit: what it left behind is written by
 * the journal itself and does not keep it full. */
static void test_block_uncommitted(void **state)
{
    struct fixture *f = *state;
    f->settings.max_size = 1 << 20;
    fixture_open(f);
    struct journal_cursor *c = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
    uint64_t last = 0, given;
    while ((given = fixture_append(f))) {
        last = given;
        if (last % 1000 == 0)
            assert_int_equal(fixture_commit(f), STATUS_OK);
    }
    assert_int_equal(journal_state(f->journal), JOURNAL_FULL);
    assert_true(journal_durable_head(f->journal) < last);
    for (unsigned tries = 0; tries < 200 && journal_durable_head(f->journal) < last; tries++)
        advance(f, 1000);
    assert_int_equal(journal_durable_head(f->journal), last);
    assert_int_equal(fixture_read(f, c, NULL), last);
    journal_cursor_confirm(c, last);
    for (unsigned tries = 0; tries < 200 && journal_state(f->journal) != JOURNAL_OK; tries++)
        advance(f, 1000);
    assert_int_equal(journal_state(f->journal), JOURNAL_OK);
    journal_cursor_close(c);
}

/* A reload that raises the limit leaves FULL. */
static void test_configure(void **state)
{
    struct fixture *f = *state;
    f->settings.max_size = 1 << 20;
    fixture_open(f);
    struct journal_cursor *c = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
    while (fixture_append(f))
        ;
    assert_int_equal(fixture_commit(f), STATUS_OK);
    f->settings.max_size = 2 << 20;
    journal_configure(f->journal, &f->settings);
    advance(f, 500);
    assert_int_equal(journal_state(f->journal), JOURNAL_OK);
    assert_true(fixture_append(f) > 0);
    journal_cursor_close(c);
}

static void note_result(void *ctx, enum status result)
{
    *(enum status *)ctx = result;
}

struct evicted {
    struct fixture *f;
    struct journal_cursor *cursor;
    uint64_t counted, through;
    uint64_t turn, in_turn, most; /* `most`: records of one turn of the loop */
    char reason[32];
};

static void handle_evict(void *ctx, uint64_t through, const char *reason)
{
    struct evicted *e = ctx;
    uint64_t at = journal_cursor_confirmed(e->cursor) + 1;
    struct journal_record r;
    assert_true(through > e->through);
    if (e->turn != loop_turn_count(e->f->loop))
        e->in_turn = 0;
    e->turn = loop_turn_count(e->f->loop);
    e->in_turn += through - e->through;
    e->most = e->in_turn > e->most ? e->in_turn : e->most;
    while (at <= through) { /* they can still be read */
        assert_int_equal(journal_peek(e->f->journal, &at, &r), STATUS_OK);
        fixture_check_record(&r);
        e->counted++;
    }
    e->through = through;
    snprintf(e->reason, sizeof(e->reason), "%s", reason);
}

static struct journal_cursor *open_evicted(struct fixture *f, struct evicted *e, const char *name)
{
    static const struct journal_cursor_events events = {.on_evict = handle_evict};
    e->f = f;
    e->cursor = journal_cursor_open(f->journal, name, JOURNAL_FROM_OLDEST, &events, e, NULL);
    assert_non_null(e->cursor);
    return e->cursor;
}

/* when_full: drop_oldest. Two readers lag differently: each is told exactly what it loses, and then reads the
 * rest without a gap; after a restart as well. */
static void test_drop_oldest(void **state)
{
    struct fixture *f = *state;
    struct evicted lagging = {0}, slow = {0};
    f->settings.max_size = 1 << 20;
    f->settings.when_full = JOURNAL_DROP_OLDEST;
    fixture_open(f);
    struct journal_cursor *a = open_evicted(f, &lagging, "a"), *b = open_evicted(f, &slow, "b");
    struct journal_record r;
    for (int i = 0; i < 100; i++) { /* one of them is in the middle of what goes */
        fixture_fill(f, 100, 50);
        if (i == 10) {
            for (int n = 0; n < 700; n++)
                assert_int_equal(journal_cursor_next(b, &r), STATUS_OK);
            journal_cursor_confirm(b, 600);
        }
        assert_true(f->journal->size_bytes <= 1 << 20);
    }
    assert_int_equal(journal_state(f->journal), JOURNAL_OK);
    uint64_t oldest = journal_oldest(f->journal), last = 0;
    assert_true(oldest > 5000);
    assert_int_equal(lagging.counted, oldest - 1);
    assert_int_equal(slow.counted, oldest - 1 - 600);
    assert_string_equal(lagging.reason, "journal_full");
    assert_int_equal(journal_cursor_confirmed(a), oldest - 1);
    assert_int_equal(journal_cursor_confirmed(b), oldest - 1);
    assert_int_equal(f->journal->stats.evicted_full, oldest - 1);
    assert_int_equal(fixture_read(f, a, &last), 10000 - oldest + 1);
    assert_int_equal(fixture_read(f, b, &last), 10000 - oldest + 1);
    assert_int_equal(last, 10000);
    journal_cursor_close(a);
    journal_cursor_close(b);
    fixture_close(f);
    fixture_open(f);
    a = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
    assert_int_equal(journal_cursor_confirmed(a), oldest - 1);
    journal_cursor_close(a);
}

/* A long segment goes in steps, so that no turn of the loop takes long; nothing is told twice or left out. */
static void test_drop_oldest_in_steps(void **state)
{
    struct fixture *f = *state;
    struct evicted e = {0};
    f->settings.max_size = 4 << 20;
    f->settings.segment_size = 1 << 20;
    f->settings.when_full = JOURNAL_DROP_OLDEST;
    fixture_open(f);
    struct journal_cursor *c = open_evicted(f, &e, "a");
    for (int i = 0; i < 400; i++)
        fixture_fill(f, 100, 50);
    fixture_turns(f, 50);
    assert_true(e.through > 15000);
    assert_in_range(e.most, 1, 1000);
    assert_int_equal(e.counted, e.through);
    assert_int_equal(journal_cursor_confirmed(c), e.through);
    assert_int_equal(f->journal->stats.evicted_full, e.counted);
    assert_int_equal(fixture_read(f, c, NULL), 40000 - e.counted);
    journal_cursor_close(c);
}

/* Records older than max_age go, also from a segment that is not full; those without a valid time stay. */
static void test_expire(void **state)
{
    struct fixture *f = *state;
    struct evicted e = {0};
    f->settings.max_age_ms = 60000;
    fixture_open(f);
    struct journal_cursor *c = open_evicted(f, &e, "a");
    fixture_fill(f, 500, 50);
    advance(f, 30000);
    fixture_fill(f, 500, 50);
    advance(f, 40000);
    assert_int_equal(strcmp(e.reason, "expired"), 0);
    assert_true(e.counted > 300 && e.counted <= 500);
    advance(f, 60000);
    assert_int_equal(e.counted, 1000);
    assert_int_equal(f->journal->stats.evicted_expired, 1000);
    assert_int_equal(journal_oldest(f->journal), 1001);
    assert_int_equal(count_segments(f), 0);
    assert_int_equal(fixture_append(f), 1001);
    assert_int_equal(fixture_commit(f), STATUS_OK);
    assert_int_equal(fixture_read(f, c, NULL), 1);
    journal_cursor_close(c);
}

/* A long backlog that is too old goes in steps as well. */
static void test_expire_in_steps(void **state)
{
    struct fixture *f = *state;
    struct evicted e = {0};
    f->settings.max_age_ms = 60000;
    f->settings.segment_size = 1 << 20;
    fixture_open(f);
    struct journal_cursor *c = open_evicted(f, &e, "a");
    fixture_fill(f, 20000, 100);
    clock_fake_advance(INT64_C(61000000));
    fixture_fill(f, 100, 100);
    fixture_turns(f, 300);
    assert_in_range(e.counted, 16000, 20000); /* but for the segment of the newest */
    assert_in_range(e.most, 1, 1000);
    assert_int_equal(f->journal->stats.evicted_expired, e.counted);
    assert_int_equal(fixture_read(f, c, NULL), 20100 - e.counted);
    journal_cursor_close(c);
}

/* A reload that lowers the limit removes what is over it and no more, in steps, and records are taken
 * meanwhile. */
static void test_shrink(void **state)
{
    struct fixture *f = *state;
    struct evicted e = {0};
    f->settings.max_size = 8 << 20;
    f->settings.when_full = JOURNAL_DROP_OLDEST;
    fixture_open(f);
    struct journal_cursor *c = open_evicted(f, &e, "a");
    fixture_fill(f, 24000, 100);
    assert_int_equal(e.counted, 0);
    assert_true(journal_size_bytes(f->journal) > 6 << 20);
    f->settings.max_size = 4 << 20;
    journal_configure(f->journal, &f->settings);
    const struct journal_segment *active = f->journal->active;
    for (unsigned i = 0; i < 600 || f->journal->active == active; i++) /* over the end of a segment */
        assert_true(fixture_append(f) > 0);
    assert_int_equal(e.counted, 0);
    assert_int_equal(fixture_commit(f), STATUS_OK);
    assert_int_equal(f->state_changes, 0);
    fixture_turns(f, 500);
    assert_in_range(journal_size_bytes(f->journal), (4 << 20) - (256 << 10), 4 << 20);
    assert_in_range(e.most, 1, 1000);
    assert_int_equal(fixture_read(f, c, NULL), journal_durable_head(f->journal) - e.counted);
    assert_int_equal(f->journal->stats.evicted_full, e.counted);
    journal_cursor_close(c);
}

/* The same where nobody reads. */
static void test_shrink_unread(void **state)
{
    struct fixture *f = *state;
    f->settings.max_size = 8 << 20;
    f->settings.when_full = JOURNAL_DROP_OLDEST;
    fixture_open(f);
    fixture_fill(f, 24000, 100);
    assert_true(journal_size_bytes(f->journal) > 6 << 20);
    f->settings.max_size = 4 << 20;
    journal_configure(f->journal, &f->settings);
    fixture_turns(f, 500);
    assert_in_range(journal_size_bytes(f->journal), (4 << 20) - (256 << 10), 4 << 20);
    fixture_fill(f, 1000, 100);
    assert_int_equal(f->state_changes, 0);
}

/* The same, and the reader confirms everything before the steps reach it: it is told of nothing, and nothing
 * counts as dropped. */
static void test_shrink_behind_the_reader(void **state)
{
    struct fixture *f = *state;
    struct evicted e = {0};
    f->settings.max_size = 8 << 20;
    f->settings.when_full = JOURNAL_DROP_OLDEST;
    fixture_open(f);
    struct journal_cursor *c = open_evicted(f, &e, "a");
    fixture_fill(f, 24000, 100);
    f->settings.max_size = 4 << 20;
    assert_true(fixture_append(f) > 0);
    journal_configure(f->journal, &f->settings);
    while (!loop_timer_is_running(f->journal->evict_timer)) /* as need_segment() does */
        assert_true(fixture_append(f) > 0);
    journal_cursor_confirm(c, 24000);
    assert_int_equal(fixture_commit(f), STATUS_OK);
    fixture_turns(f, 100);
    assert_int_equal(e.counted, 0);
    assert_int_equal(f->journal->stats.evicted_full, 0);
    assert_true(journal_size_bytes(f->journal) < 1 << 20);
    fixture_read(f, c, NULL);
    journal_cursor_close(c);
}

/* While the writer is at the oldest segment it stays, whoever wants it to go. */
static void test_writer_is_at_it(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    fixture_fill(f, 10, 10);
    journal_append_close_segment(f->journal); /* its footer is due with the next commit */
    assert_int_equal(fixture_append(f), 11);
    enum status result = STATUS_BUSY;
    journal_commit(f->journal, note_result, &result);
    journal_commit_pump(f->journal);
    assert_true(f->journal->writer_busy);
    assert_false(journal_retention_evict_oldest(f->journal, "journal_full"));
    assert_int_equal(journal_oldest(f->journal), 1);
    for (int i = 0; i < 2000 && result == STATUS_BUSY; i++)
        loop_turn(f->loop, 5);
    assert_int_equal(result, STATUS_OK);
    assert_true(journal_retention_evict_oldest(f->journal, "journal_full"));
    assert_int_equal(journal_oldest(f->journal), 11);
    assert_int_equal(f->journal->stats.evicted_full, 10);
}

/* A segment that was made to leave the state FULL and that nothing has been written to has no age. Nor has
 * one whose only record was taken back. */
static void test_empty_segment_has_no_age(void **state)
{
    struct fixture *f = *state;
    f->settings.max_age_ms = 60000;
    fixture_open(f);
    fixture_fill(f, 1, 1);
    fixture_fail(FAULT_PWRITEV, 1, 100, EIO);
    assert_int_equal(fixture_append(f), 2);
    assert_int_equal(fixture_commit(f), STATUS_IO);
    fixture_fail_none();
    for (int i = 0; i < 200 && journal_state(f->journal) != JOURNAL_OK; i++)
        advance(f, 500);
    assert_int_equal(journal_state(f->journal), JOURNAL_OK);
    const struct journal_segment *made = f->journal->active;
    for (int round = 0; round < 2; round++) {
        advance(f, 200000);
        assert_ptr_equal(list_first(&f->journal->segments, struct journal_segment, link), made);
        assert_ptr_equal(f->journal->active, made);
        assert_int_equal(f->journal->stats.evicted_expired, 1);
        uint64_t given = fixture_append(f);
        assert_true(given > 2);
        if (round == 0)
            assert_true(journal_append_undo(f->journal, given));
    }
    assert_int_equal(fixture_commit(f), STATUS_OK);
    assert_int_equal(made->last, made->base);
}

/* Files that cannot be removed are no reason to drop more records: that would not help. */
static void test_removal_fails(void **state)
{
    struct fixture *f = *state;
    struct evicted e = {0};
    f->settings.max_size = 1 << 20;
    f->settings.when_full = JOURNAL_DROP_OLDEST;
    fixture_open(f);
    struct journal_cursor *c = open_evicted(f, &e, "a");
    fixture_fail(FAULT_UNLINKAT, 1, 1000000, EACCES);
    for (int i = 0; i < 500 && journal_state(f->journal) == JOURNAL_OK; i++) {
        for (int k = 0; k < 100; k++)
            fixture_append(f);
        assert_int_equal(fixture_commit(f), STATUS_OK);
    }
    assert_int_equal(journal_state(f->journal), JOURNAL_FULL);
    assert_non_null(strstr(journal_state_text(f->journal), "could not be removed yet"));
    advance(f, 20000);
    assert_in_range(journal_durable_head(f->journal) - e.counted, 2500, 4500);
    fixture_fail_none();
    advance(f, 60000);
    assert_int_equal(journal_state(f->journal), JOURNAL_OK);
    fixture_fill(f, 1000, 100);
    assert_int_equal(fixture_read(f, c, NULL), journal_durable_head(f->journal) - e.counted);
    journal_cursor_close(c);
}

static void test_untimed_never_expire(void **state)
{
    struct fixture *f = *state;
    struct evicted e = {0};
    struct journal_record r;
    clock_fake_stop();
    clock_fake_start(1000000); /* 1970 */
    f->settings.max_age_ms = 60000;
    fixture_open(f);
    struct journal_cursor *c = open_evicted(f, &e, "a");
    fixture_fill(f, 10, 10);
    clock_fake_advance(START_US); /* the clock is set */
    advance(f, 200000);
    assert_int_equal(e.counted, 0);
    assert_int_equal(journal_cursor_next(c, &r), STATUS_OK);
    assert_int_equal(r.appended_us, 0);
    journal_cursor_close(c);
}

/* A note that speaks of records not yet durable is not written: a crash would give their numbers to others.
 */
static void test_note_waits_for_commit(void **state)
{
    struct fixture *f = *state;
    char copy[300];
    fixture_open(f);
    struct journal_cursor *c = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
    fixture_fill(f, 10, 10);
    journal_cursor_set_note(c, (struct journal_cursor_note){10, 10});
    advance(f, 1000);
    for (int i = 0; i < 5; i++)
        fixture_append(f);
    journal_cursor_set_note(c, (struct journal_cursor_note){15, 15});
    advance(f, 1000); /* written, but not committed */
    snprintf(copy, sizeof(copy), "%s.copy", f->path);
    fixture_copy_directory(f->path, copy);
    struct fixture g = {.loop = f->loop, .settings = f->settings};
    g.settings.path = copy;
    fixture_open(&g);
    struct journal_cursor *d = fixture_cursor(&g, "a", JOURNAL_FROM_OLDEST);
    assert_int_equal(journal_recovery(g.journal)->head, 10);
    assert_int_equal(journal_cursor_note(d).counted_through, 10);
    assert_int_equal(journal_cursor_note(d).pending, 10);
    journal_cursor_close(d);
    fixture_close(&g);
    fixture_remove_directory(copy);
    journal_cursor_close(c);
}

/* A new cursor is known after a crash as soon as a record behind it was acknowledged. */
static void test_new_name_before_commit(void **state)
{
    struct fixture *f = *state;
    char copy[300];
    fixture_open(f);
    fixture_fill(f, 10, 10);
    struct journal_cursor *c = fixture_cursor(f, "new", JOURNAL_FROM_HEAD);
    fixture_fill(f, 5, 5);
    snprintf(copy, sizeof(copy), "%s.copy", f->path);
    fixture_copy_directory(f->path, copy);
    struct fixture g = {.loop = f->loop, .settings = f->settings};
    g.settings.path = copy;
    fixture_open(&g);
    struct journal_cursor *d = fixture_cursor(&g, "new", JOURNAL_FROM_HEAD);
    assert_int_equal(fixture_read(&g, d, NULL), 5);
    journal_cursor_close(d);
    fixture_close(&g);
    fixture_remove_directory(copy);
    journal_cursor_close(c);
}

static unsigned saves;

static void handle_saved(void *ctx)
{
    (void)ctx;
    saves++;
}

/* A position that is asked to be saved is on disk when the answer comes, whatever the clock says; a disk that
 * does not take it is answered as well. */
static void test_save(void **state)
{
    struct fixture *f = *state;
    static const struct journal_cursor_events events = {.on_saved = handle_saved};
    char copy[300];
    fixture_open(f);
    struct journal_cursor *c = journal_cursor_open(f->journal, "a", JOURNAL_FROM_OLDEST, &events, NULL, NULL);
    fixture_fill(f, 100, 10);
    assert_int_equal(fixture_read(f, c, NULL), 100);
    fixture_turns(f, 20);
    assert_int_equal(saves, 0);
    journal_cursor_confirm(c, 60);
    journal_cursor_save(c);
    fixture_turns(f, 20);
    assert_int_equal(saves, 1);
    snprintf(copy, sizeof(copy), "%s.copy", f->path);
    fixture_copy_directory(f->path, copy);
    struct fixture g = {.loop = f->loop, .settings = f->settings};
    g.settings.path = copy;
    fixture_open(&g);
    struct journal_cursor *d = fixture_cursor(&g, "a", JOURNAL_FROM_OLDEST);
    assert_int_equal(journal_cursor_confirmed(d), 60);
    journal_cursor_close(d);
    fixture_close(&g);
    fixture_remove_directory(copy);
    fixture_fail(FAULT_FDATASYNC, 1, 1, EIO);
    journal_cursor_confirm(c, 70);
    journal_cursor_save(c);
    fixture_turns(f, 20);
    fixture_fail_none();
    assert_int_equal(saves, 2);
    journal_cursor_close(c);
}

static void read_slot(const struct fixture *f, uint64_t generation, uint8_t *bytes, size_t size)
{
    char path[300];
    snprintf(path, sizeof(path), "%s/cursors", f->path);
    int fd = open(path, O_RDONLY);
    memset(bytes, 0, size);
    assert_true(pread(fd, bytes, size, (off_t)journal_cursor_file_offset(generation)) >= 0);
    close(fd);
}

/* A write of the positions that failed is made again in the same place: the other one holds the only whole
 * ones. */
static void test_failed_save_keeps_the_other_slot(void **state)
{
    struct fixture *f = *state;
    uint8_t before[256], after[256];
    fixture_open(f);
    struct journal_cursor *c = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
    fixture_fill(f, 100, 10);
    journal_cursor_confirm(c, 50);
    journal_cursor_save(c);
    fixture_turns(f, 20);
    uint64_t whole = f->journal->cursor_state.generation;
    read_slot(f, whole, before, sizeof(before));
    assert_int_equal(memcmp(before, "FBYCUR01", 8), 0);
    for (int tries = 0; tries < 4; tries++) {
        journal_cursor_confirm(c, 60 + (uint64_t)tries);
        journal_cursor_save(c);
        if (tries < 3)
            fixture_fail(FAULT_FDATASYNC, 1, 1, EIO);
        fixture_turns(f, 20);
        fixture_fail_none();
        read_slot(f, whole, after, sizeof(after));
        assert_memory_equal(after, before, sizeof(after));
    }
    assert_int_equal(f->journal->cursor_state.generation, whole + 1);
    journal_cursor_close(c);
    fixture_close(f);
    fixture_open(f);
    c = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
    assert_int_equal(journal_cursor_confirmed(c), 63);
    journal_cursor_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_slowest_reader_pins, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_reader_keeps, setup, teardown),
        cmocka_unit_test_setup_teardown(test_parked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_expires, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cursor_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_many_cursors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_block, setup, teardown),
        cmocka_unit_test_setup_teardown(test_block_uncommitted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_configure, setup, teardown),
        cmocka_unit_test_setup_teardown(test_drop_oldest, setup, teardown),
        cmocka_unit_test_setup_teardown(test_drop_oldest_in_steps, setup, teardown),
        cmocka_unit_test_setup_teardown(test_expire_in_steps, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shrink, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shrink_unread, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shrink_behind_the_reader, setup, teardown),
        cmocka_unit_test_setup_teardown(test_writer_is_at_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_empty_segment_has_no_age, setup, teardown),
        cmocka_unit_test_setup_teardown(test_removal_fails, setup, teardown),
        cmocka_unit_test_setup_teardown(test_expire, setup, teardown),
        cmocka_unit_test_setup_teardown(test_untimed_never_expire, setup, teardown),
        cmocka_unit_test_setup_teardown(test_new_name_before_commit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_note_waits_for_commit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_save, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failed_save_keeps_the_other_slot, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
