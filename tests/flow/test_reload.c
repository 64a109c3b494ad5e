/* SPDX-License-Identifier: Apache-2.0
 *
 * What this proves: a reload that replaces a delivery, in the middle of a backlog, a retry or a commit, loses
 * nothing and counts everything once; a backlog that changed filters do not take any more is counted as
 * dropped.
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

static void publish_mixed(struct flow *f, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(flow_accept(f, "a/1", "one"), STATUS_OK);
        assert_int_equal(flow_accept(f, "b/1", "two"), STATUS_OK);
    }
    flow_commit(f);
}

static void keep_all_topics(struct flow *f, struct route_entry *e, struct topic_filter **filter)
{
    struct error err;
    *filter = topic_filter_parse("#", &err);
    *e = (struct route_entry){.match = {bytes_of_text("devices"), filter, 1}};
    (void)f;
}

static void ignore_accepted(void *ctx, uint64_t count, uint64_t through)
{
    (void)ctx;
    (void)count;
    (void)through;
}

static void a_backlog_of_other_filters_is_counted_as_dropped(void **state)
{
    struct flow *f = *state;
    struct route_entry other;
    struct topic_filter *all;
    f->answer = answer_down;
    upstream_is_down = true;
    flow_open(f);
    keep_all_topics(f, &other, &all);
    other.on_accepted = ignore_accepted;
    route_table_add(f->routes, &other);
    publish_mixed(f, 150);
    flow_turn(f, 5);
    assert_int_equal(delivery_counters(f->delivery)->accepted, 150);
    flow_reload(f, "b/#");
    publish_mixed(f, 10);
    flow_turn(f, 5);
    flow_reload(f, "#"); /* before the first backlog is passed */
    flow_check_counters(f);
    upstream_is_down = false;
    assert_true(flow_settle(f));
    flow_check_counters(f);
    const struct delivery_counters *c = delivery_counters(f->delivery);
    assert_int_equal(c->accepted, c->delivered + c->dropped_not_routed);
    assert_int_equal(c->delivered, 320);
    route_table_remove(f->routes, &other);
    topic_filter_destroy(all);
}

static void what_no_filter_takes_any_more_is_dropped(void **state)
{
    struct flow *f = *state;
    f->answer = answer_down;
    upstream_is_down = true;
    flow_open(f);
    flow_publish(f, "a/1", 0, 150);
    flow_turn(f, 5);
    flow_reload(f, "b/#");
    flow_publish(f, "b/1", 0, 10);
    upstream_is_down = false;
    assert_true(flow_settle(f));
    const struct delivery_counters *c = delivery_counters(f->delivery);
    assert_int_equal(c->accepted, 160);
    assert_int_equal(c->dropped_not_routed, 150);
    assert_int_equal(c->delivered, 10);
    flow_check_counters(f);
}

static void a_restart_with_other_filters_settles_too(void **state)
{
    struct flow *f = *state;
    struct error err;
    f->answer = answer_down;
    upstream_is_down = true;
    flow_open(f);
    flow_publish(f, "a/1", 0, 150);
    flow_turn(f, 5);
    flow_crash(f);
    topic_filter_destroy(f->filter);
    f->filter = topic_filter_parse("b/#", &err);
    flow_open(f);
    upstream_is_down = false;
    flow_publish(f, "b/1", 0, 10);
    assert_true(flow_settle(f));
    assert_int_equal(delivery_counters(f->delivery)->delivered, 10);
    flow_check_counters(f);
}

static void appended_before_and_durable_after_a_reload_counts_once(void **state)
{
    struct flow *f = *state;
    flow_open(f);
    for (unsigned round = 0; round < 20; round++) {
        assert_int_equal(flow_accept(f, "a/1", "before"), STATUS_OK);
        flow_reload(f, "a/#");
        assert_int_equal(flow_accept(f, "a/1", "after"), STATUS_OK);
        flow_commit(f);
        assert_true(flow_settle(f));
        flow_check_counters(f);
        assert_int_equal(delivery_counters(f->delivery)->delivered, 2 * (round + 1));
        assert_int_equal(delivery_counters(f->delivery)->accepted, 2 * (round + 1));
        assert_int_equal(delivery_counters(f->delivery)->outputs, 2 * (round + 1));
    }
}

static void reloads_during_a_backoff_lose_nothing(void **state)
{
    struct flow *f = *state;
    f->answer = answer_down;
    upstream_is_down = true;
    f->delivery_settings.retry_min_ms = f->delivery_settings.retry_max_ms = 10000;
    flow_open(f);
    for (unsigned round = 0; round < 10; round++) {
        flow_publish(f, "a/1", round * 50, 50);
        flow_turn(f, 3);
        flow_reload(f, "a/#");
        flow_check_counters(f);
    }
    assert_int_equal(delivery_counters(f->delivery)->queued, 500);
    upstream_is_down = false;
    assert_true(flow_settle(f));
    assert_int_equal(f->output_count, 500);
    assert_string_equal(f->outputs[499], "a/1 payload-499");
    flow_check_counters(f);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, flow_set_up, flow_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_backlog_of_other_filters_is_counted_as_dropped),
        TEST(what_no_filter_takes_any_more_is_dropped),
        TEST(a_restart_with_other_filters_settles_too),
        TEST(appended_before_and_durable_after_a_reload_counts_once),
        TEST(reloads_during_a_backoff_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
