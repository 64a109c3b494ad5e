/* SPDX-License-Identifier: Apache-2.0
 *
 * What this proves: deliveries that share an upstream neither starve nor delay each other, keep their own
 * order and their own place; answers may come in any order, and a crash in the middle of them loses nothing.
 */
#include "flow.h"

#include "base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

/* ---- Several deliveries ---- */

static const char *refused_topic; /* retried as long as it is set */

static enum fby_outcome answer_by_topic(struct flow *f, const struct fby_output *o)
{
    (void)f;
    bool refused = refused_topic && o->topic.len == strlen(refused_topic) &&
                   memcmp(o->topic.data, refused_topic, o->topic.len) == 0;
    return refused ? FBY_RETRY : FBY_DELIVERED;
}

/* The outputs to this topic are payload-0, payload-1, …; returns how many. */
static unsigned check_order(const struct flow *f, const char *topic)
{
    unsigned count = 0;
    for (size_t i = 0; i < f->output_count; i++) {
        char expected[64];
        if (strncmp(f->outputs[i], topic, strlen(topic)) != 0)
            continue;
        snprintf(expected, sizeof expected, "%s payload-%u", topic, count++);
        assert_string_equal(f->outputs[i], expected);
    }
    return count;
}

static bool wait_delivered(struct flow *f, struct delivery *d, uint64_t count)
{
    for (int i = 0; i < 1000 && delivery_counters(d)->delivered < count; i++)
        loop_turn(f->loop, 5);
    return delivery_counters(d)->delivered == count;
}

static void deliveries_of_one_upstream_take_turns(void **state)
{
    struct flow *f = *state;
    struct delivery_settings second = f->delivery_settings, third = f->delivery_settings;
    f->delivery_settings.topic = "one";
    second.topic = "two";
    third.topic = "three";
    flow_open(f);
    upstream_null_set_capacity(f->upstream, 3); /* far less than each would like to send */
    struct delivery *two = flow_add_delivery(f, "t2", &second), *three = flow_add_delivery(f, "t3", &third);
    for (unsigned i = 0; i < 5; i++)
        flow_publish(f, "a/1", i * 100, 100);
    /* When the first third has come, nobody has been left behind. */
    for (int i = 0; i < 1000 && f->output_count < 500; i++)
        loop_turn(f->loop, 5);
    assert_true(check_order(f, "one") > 50 && check_order(f, "two") > 50 && check_order(f, "three") > 50);
    assert_true(flow_settle(f));
    assert_true(wait_delivered(f, two, 500) && wait_delivered(f, three, 500));
    assert_int_equal(check_order(f, "one"), 500);
    assert_int_equal(check_order(f, "two"), 500);
    assert_int_equal(check_order(f, "three"), 500);
    delivery_destroy(two);
    delivery_destroy(three);
}

static void one_that_is_refused_holds_no_other(void **state)
{
    struct flow *f = *state;
    struct delivery_settings second = f->delivery_settings;
    f->delivery_settings.topic = "refused";
    f->answer = answer_by_topic;
    second.topic = "fine";
    refused_topic = "refused";
    flow_open(f);
    struct delivery *fine = flow_add_delivery(f, "t2", &second);
    for (unsigned i = 0; i < 5; i++)
        flow_publish(f, "a/1", i * 100, 100);
    assert_true(wait_delivered(f, fine, 500));
    assert_int_equal(check_order(f, "fine"), 500);
    assert_int_equal(delivery_counters(f->delivery)->queued, 500);
    assert_int_equal(delivery_confirmed(f->delivery), 0);
    assert_int_equal(delivery_confirmed(fine), 500);
    flow_check_counters(f);
    /* Each continues at its own place. */
    delivery_destroy(fine);
    flow_close(f);
    flow_open(f);
    fine = flow_add_delivery(f, "t2", &second);
    refused_topic = NULL;
    assert_true(flow_settle(f));
    flow_turn(f, 10);
    assert_int_equal(check_order(f, "refused"), 500);
    assert_int_equal(check_order(f, "fine"), 500);
    flow_check_counters(f);
    delivery_destroy(fine);
}

/* ---- Answers in any order ---- */

enum { KEPT_MAX = 200 };

static struct outgoing *kept[KEPT_MAX];
static struct upstream *kept_by;
static size_t kept_count;
static unsigned sent[1000]; /* how often each number went out */
static unsigned seed;

static unsigned number_of(const struct outgoing *o)
{
    return (unsigned)strtoul(o->output.payload.data + strlen("payload-"), NULL, 10);
}

static void keep(struct flow *f, struct upstream *u, struct outgoing *o)
{
    (void)f;
    assert_true(kept_count < KEPT_MAX);
    kept[kept_count++] = o;
    kept_by = u;
    sent[number_of(o)]++;
}

static struct outgoing *take_kept(size_t index)
{
    struct outgoing *o = kept[index];
    kept[index] = kept[--kept_count];
    return o;
}

/* The ";" ends the number for strtoul: no NUL stands behind a payload. */
static void publish_numbers(struct flow *f, unsigned first, unsigned count)
{
    for (unsigned i = first; i < first + count; i++) {
        char payload[32];
        snprintf(payload, sizeof payload, "payload-%u;", i);
        assert_int_equal(flow_accept(f, "a/1", payload), STATUS_OK);
    }
    flow_commit(f);
}

static void set_up_kept(struct flow *f)
{
    const char *given = getenv("FOREBAY_TEST_SEED");
    seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
    print_message("FOREBAY_TEST_SEED=%u\n", seed);
    memset(sent, 0, sizeof sent);
    kept_count = 0;
    f->handle = keep;
}

static void the_cursor_stays_before_the_oldest_open_answer(void **state)
{
    struct flow *f = *state;
    set_up_kept(f);
    flow_open(f);
    publish_numbers(f, 0, 50);
    flow_turn(f, 10);
    assert_int_equal(kept_count, 50);
    bool done[51] = {false};
    uint64_t first_open = 1;
    while (kept_count) {
        struct outgoing *o = take_kept((unsigned)rand_r(&seed) % kept_count);
        done[number_of(o) + 1] = true;
        upstream_answer(kept_by, o, FBY_DELIVERED, NULL, 0);
        while (first_open <= 50 && done[first_open])
            first_open++;
        flow_turn(f, 1);
        assert_int_equal(delivery_confirmed(f->delivery), first_open - 1);
        flow_check_counters(f);
    }
    assert_true(flow_settle(f));
    assert_int_equal(delivery_counters(f->delivery)->delivered, 50);
}

/* Delivered, refused or to be sent again, in any order; at last everything has one end. */
static void every_answer_in_any_order_counts_once(void **state)
{
    struct flow *f = *state;
    unsigned rejected = 0;
    set_up_kept(f);
    flow_open(f);
    for (unsigned round = 0; round < 5; round++)
        publish_numbers(f, round * 40, 40);
    for (unsigned i = 0; i < 20000 && delivery_counters(f->delivery)->queued > 0; i++) {
        if (kept_count == 0) {
            loop_turn(f->loop, 2);
            continue;
        }
        struct outgoing *o = take_kept((unsigned)rand_r(&seed) % kept_count);
        unsigned kind = (unsigned)rand_r(&seed) % 10;
        rejected += kind == 0;
        upstream_answer(kept_by, o,
                        kind == 0  ? FBY_REJECTED
                        : kind < 3 ? FBY_RETRY
                                   : FBY_DELIVERED,
                        kind < 3 ? "as the test wants" : NULL, 0);
        flow_check_counters(f);
        if (kind == 9)
            flow_turn(f, 1);
    }
    assert_true(flow_settle(f));
    flow_check_counters(f);
    assert_int_equal(delivery_counters(f->delivery)->delivered, 200 - rejected);
    assert_int_equal(delivery_counters(f->delivery)->dead_lettered, rejected);
    assert_int_equal(flow_dead_letters(f), rejected);
    for (unsigned i = 0; i < 200; i++)
        assert_true(sent[i] >= 1);
}

static void a_crash_between_answers_brings_back_what_was_open(void **state)
{
    struct flow *f = *state;
    set_up_kept(f);
    flow_open(f);
    publish_numbers(f, 0, 60);
    flow_turn(f, 10);
    assert_int_equal(kept_count, 60);
    for (size_t i = kept_count; i-- > 0;)
        if (number_of(kept[i]) != 20 && number_of(kept[i]) != 40)
            upstream_answer(kept_by, take_kept(i), FBY_DELIVERED, NULL, 0);
    flow_turn(f, 5);
    assert_int_equal(delivery_confirmed(f->delivery), 20);
    assert_int_equal(delivery_counters(f->delivery)->queued, 2);
    flow_crash(f);
    kept_count = 0;
    flow_open(f);
    flow_turn(f, 10);
    while (kept_count)
        upstream_answer(kept_by, take_kept(0), FBY_DELIVERED, NULL, 0);
    assert_true(flow_settle(f));
    flow_check_counters(f);
    for (unsigned i = 0; i < 60; i++)
        assert_true(sent[i] >= 1 && sent[i] <= 2);
    assert_int_equal(sent[20], 2);
    assert_int_equal(sent[40], 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, flow_set_up, flow_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(deliveries_of_one_upstream_take_turns),
        TEST(one_that_is_refused_holds_no_other),
        TEST(the_cursor_stays_before_the_oldest_open_answer),
        TEST(every_answer_in_any_order_counts_once),
        TEST(a_crash_between_answers_brings_back_what_was_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
