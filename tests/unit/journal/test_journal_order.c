/* SPDX-License-Identifier: Apache-2.0
 *
 * In what order the journal asks the disk: an answer to a commit follows the flush of what it speaks of, a
 * new file's name is durable before it, and a segment goes only when the positions that allow it are durable.
 * What a kind disk would hide is seen here.
 */
#include "journal_fixture.h"

#include "journal/journal_internal.h"

#include <stdio.h>

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    fixture_init(f);
    fixture_open(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_finish(*state);
    free(*state);
    return 0;
}

static bool is_segment(const struct fixture_step *s)
{
    return strstr(s->file, ".seg") != NULL;
}

/* Is there a step of this kind in [from, to)? `file`: NULL for any. */
static bool has_step(const struct fixture_step *steps, size_t from, size_t to, enum fixture_what what,
                     const char *file)
{
    for (size_t i = from; i < to; i++) {
        if (steps[i].what == what && (!file || strcmp(steps[i].file, file) == 0))
            return true;
    }
    return false;
}

static void test_answers_follow_flushes(void **state)
{
    struct fixture *f = *state;
    const struct fixture_step *steps;
    fixture_trace_start();
    fixture_fill(f, 800, 20);
    size_t count = fixture_trace_stop(&steps);
    unsigned created = 0, written = 0;
    for (size_t i = 0, answer; i < count; i++) {
        for (answer = i; answer < count && steps[answer].what != STEP_ANSWER; answer++)
            ;
        if (answer == count || !is_segment(&steps[i]))
            continue;
        if (steps[i].what == STEP_CREATE) {
            created++;
            assert_true(has_step(steps, i, answer, STEP_SYNC_DIRECTORY, NULL));
        } else if (steps[i].what == STEP_WRITE) {
            written++;
            assert_true(has_step(steps, i, answer, STEP_SYNC, steps[i].file));
        }
    }
    assert_true(created >= 3);
    assert_true(written >= 40);
}

static void test_removals_follow_positions(void **state)
{
    struct fixture *f = *state;
    const struct fixture_step *steps;
    struct journal_cursor *c = fixture_cursor(f, "a", JOURNAL_FROM_OLDEST);
    fixture_fill(f, 800, 50);
    assert_int_equal(fixture_read(f, c, NULL), 800);
    fixture_turns(f, 50);
    fixture_trace_start();
    journal_cursor_confirm(c, 800);
    for (int i = 0; i < 500 && (list_is_empty(&f->journal->removing) || f->journal->writer_busy); i++)
        loop_turn(f->loop, 10);
    for (int i = 0; i < 500 && !list_is_empty(&f->journal->removing); i++)
        loop_turn(f->loop, 10);
    size_t count = fixture_trace_stop(&steps), removed = 0;
    for (size_t i = 0; i < count; i++) {
        if (steps[i].what != STEP_UNLINK)
            continue;
        removed++;
        assert_true(has_step(steps, 0, i, STEP_WRITE, "cursors"));
        assert_true(has_step(steps, 0, i, STEP_SYNC, "cursors"));
        assert_true(has_step(steps, i, count, STEP_SYNC_DIRECTORY, NULL));
    }
    assert_true(removed >= 2);
    journal_cursor_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_answers_follow_flushes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_removals_follow_positions, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
