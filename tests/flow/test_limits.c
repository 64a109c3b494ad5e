/* SPDX-License-Identifier: Apache-2.0
 *
 * What this proves: what the journal's limits remove is counted as dropped, once, also over restarts; dead
 * letters that the store does not take hold the route and lose nothing; a failed commit leaves no trace.
 */
#include "flow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool upstream_is_down;

static enum fby_outcome answer_down(struct flow *f, const struct fby_output *o)
{
    (void)f;
    (void)o;
    return upstream_is_down ? FBY_RETRY : FBY_DELIVERED;
}

static enum fby_outcome answer_rejected(struct flow *f, const struct fby_output *o)
{
    (void)f;
    (void)o;
    return FBY_REJECTED;
}

/* More than the journal may hold, while nothing is taken. */
static void overflow(struct flow *f)
{
    static char payload[4000];
    memset(payload, 'x', sizeof payload - 1);
    for (unsigned i = 0; i < 100; i++) {
        for (unsigned k = 0; k < 10; k++)
            assert_int_equal(flow_accept(f, "a/1", payload), STATUS_OK);
        flow_commit(f);
        flow_check_counters(f);
    }
    flow_turn(f, 5);
}

static void open_small(struct flow *f)
{
    f->answer = answer_down;
    upstream_is_down = true;
    f->settings.max_size = 1 << 20;
    f->settings.segment_size = 128 << 10;
    f->settings.record_limit = 64 << 10;
    f->settings.when_full = JOURNAL_DROP_OLDEST;
    flow_open(f);
}

static void dropped_ones_are_counted_and_the_rest_arrives(void **state)
{
    struct flow *f = *state;
    open_small(f);
    overflow(f);
    assert_true(delivery_counters(f->delivery)->dropped_full > 0);
    upstream_is_down = false;
    assert_true(flow_settle(f));
    flow_check_counters(f);
    const struct delivery_counters *c = delivery_counters(f->delivery);
    assert_int_equal(c->accepted, 1000);
    assert_int_equal(c->delivered + c->dropped_full, 1000);
}

static void nothing_stays_queued_after_a_crash_behind_dropped_ones(void **state)
{
    struct flow *f = *state;
    open_small(f);
    overflow(f);
    flow_crash(f);
    flow_open(f);
    flow_check_counters(f);
    upstream_is_down = false;
    assert_true(flow_settle(f));
    flow_check_counters(f);
    const struct delivery_counters *c = delivery_counters(f->delivery);
    assert_int_equal(c->dropped_not_routed, 0);
    assert_int_equal(c->accepted, c->delivered);
}

static void a_reload_behind_dropped_ones_counts_them_once(void **state)
{
    struct flow *f = *state;
    open_small(f);
    overflow(f);
    flow_reload(f, "a/+");
    flow_check_counters(f);
    upstream_is_down = false;
    assert_true(flow_settle(f));
    flow_check_counters(f);
    assert_int_equal(delivery_counters(f->delivery)->accepted, 1000);
    assert_int_equal(delivery_counters(f->delivery)->dropped_not_routed, 0);
}

static void letters_that_are_not_taken_hold_the_route(void **state)
{
    struct flow *f = *state;
    f->answer = answer_rejected;
    flow_open(f);
    struct journal_settings s = f->settings;
    s.record_limit = 64; /* as a store that takes nothing */
    journal_configure(f->dead_journal, &s);
    flow_publish(f, "a/1", 0, 10);
    flow_turn(f, 20);
    flow_check_counters(f);
    assert_int_equal(delivery_counters(f->delivery)->queued, 10);
    assert_string_equal(delivery_state_text(f->delivery), "waiting for the dead-letter store");
    flow_reload(f, "a/+");
    flow_turn(f, 20);
    flow_check_counters(f);
    assert_int_equal(delivery_counters(f->delivery)->queued, 10);
    s = dead_letter_journal_settings(&s, &f->settings);
    journal_configure(f->dead_journal, &s);
    assert_true(flow_settle(f));
    assert_int_equal(flow_dead_letters(f), 10);
    assert_int_equal(delivery_counters(f->delivery)->dead_lettered, 10);
    flow_check_counters(f);
}

static int set_up(void **state)
{
    struct flow *f = calloc(1, sizeof *f);
    flow_create(f, "a/#");
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    flow_destroy(*state);
    free(*state);
    return 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(dropped_ones_are_counted_and_the_rest_arrives),
        TEST(nothing_stays_queued_after_a_crash_behind_dropped_ones),
        TEST(a_reload_behind_dropped_ones_counts_them_once),
        TEST(letters_that_are_not_taken_hold_the_route),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
