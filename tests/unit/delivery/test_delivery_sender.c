/* SPDX-License-Identifier: Apache-2.0
 *
 * What this proves: outputs leave in order and come back in order whatever the answers' order; nothing new is
 * sent while something is to be repeated; waits are as long as the longest answer asks; a busy upstream is
 * not asked again before it says so.
 */
#include "base/clock.h"
#include "base/memory.h"
#include "delivery/delivery_sender.h"
#include "delivery/upstream_null.h"
#include "loop/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { OUTPUTS = 8 };

struct fixture {
    struct loop *loop;
    struct upstream *upstream;
    struct delivery_sender sender;
    struct delivery_output outputs[OUTPUTS];
    struct outgoing *taken[64]; /* every output that was sent, in the order of sending */
    size_t taken_count;
    char ended[64]; /* 'A' + index: delivered; 'a' + index: rejected */
    size_t ended_count;
    unsigned room;
    char reason[100];
};

static void handle_taken(void *ctx, struct upstream *u, struct outgoing *o)
{
    struct fixture *f = ctx;
    (void)u;
    f->taken[f->taken_count++] = o;
}

static size_t index_of(const struct fixture *f, const struct delivery_output *o)
{
    return (size_t)(o - f->outputs);
}

static void handle_delivered(void *ctx, struct delivery_output *o)
{
    struct fixture *f = ctx;
    f->ended[f->ended_count++] = (char)('A' + index_of(f, o));
}

static void handle_rejected(void *ctx, struct delivery_output *o, const char *reason)
{
    struct fixture *f = ctx;
    f->ended[f->ended_count++] = (char)('a' + index_of(f, o));
    strncpy(f->reason, reason, sizeof f->reason - 1);
}

static void handle_room(void *ctx)
{
    ((struct fixture *)ctx)->room++;
}

static const struct delivery_sender_events events = {handle_delivered, handle_rejected, handle_room};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct error err;
    clock_fake_start(0);
    f->loop = loop_create(&err);
    f->upstream = upstream_null_create("null", f->loop);
    upstream_null_set_handler(f->upstream, handle_taken, f);
    delivery_sender_init(&f->sender, f->upstream, f->loop, 1000, 8000, &events, f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    delivery_sender_finish(&f->sender);
    upstream_destroy(f->upstream);
    loop_destroy(f->loop);
    clock_fake_stop();
    free(f);
    return 0;
}

static void turn(struct fixture *f)
{
    for (int i = 0; i < 4; i++)
        loop_turn(f->loop, 0);
}

static void wait_ms(struct fixture *f, int64_t ms)
{
    clock_fake_advance(ms * 1000);
    turn(f);
}

static void give(struct fixture *f, size_t from, size_t count)
{
    for (size_t i = from; i < from + count; i++)
        delivery_sender_add(&f->sender, &f->outputs[i]);
    delivery_sender_flush(&f->sender);
    turn(f);
}

static void answer(struct fixture *f, size_t output, enum fby_outcome outcome, int64_t retry_after_ms)
{
    upstream_answer(f->upstream, &f->outputs[output].outgoing, outcome, "as the test says", retry_after_ms);
    turn(f);
}

/* What was sent since the test looked last, as letters. */
static void expect_sent(struct fixture *f, const char *letters)
{
    char found[65] = "";
    for (size_t i = 0; i < f->taken_count; i++) {
        struct delivery_output *o = container_of(f->taken[i], struct delivery_output, outgoing);
        found[i] = (char)('A' + index_of(f, o));
    }
    assert_string_equal(found, letters);
    f->taken_count = 0;
}

static void sends_in_order_and_tells_each_end(void **state)
{
    struct fixture *f = *state;
    give(f, 0, 3);
    expect_sent(f, "ABC");
    assert_true(delivery_sender_has_room(&f->sender));
    assert_false(delivery_sender_is_empty(&f->sender));
    answer(f, 1, FBY_DELIVERED, 0);
    answer(f, 2, FBY_REJECTED, 0);
    answer(f, 0, FBY_DELIVERED, 0);
    assert_string_equal(f->ended, "BcA");
    assert_string_equal(f->reason, "as the test says");
    assert_true(delivery_sender_is_empty(&f->sender));
    assert_int_equal(f->sender.outputs, 3);
    assert_int_equal(f->sender.rejected, 1);
}

static void tokens_are_never_used_twice(void **state)
{
    struct fixture *f = *state;
    give(f, 0, OUTPUTS);
    for (size_t i = 1; i < OUTPUTS; i++)
        assert_true(f->outputs[i].outgoing.output.token > f->outputs[i - 1].outgoing.output.token);
}

/* Answers come backwards; what is repeated goes out forwards, and before what was not sent yet. */
static void repeats_in_the_first_order(void **state)
{
    struct fixture *f = *state;
    give(f, 0, 4);
    expect_sent(f, "ABCD");
    answer(f, 3, FBY_RETRY, 0);
    answer(f, 1, FBY_RETRY, 0);
    answer(f, 2, FBY_DELIVERED, 0);
    assert_false(delivery_sender_has_room(&f->sender));
    give(f, 4, 2); /* waits behind what is repeated */
    expect_sent(f, "");
    answer(f, 0, FBY_RETRY, 0);
    expect_sent(f, "");
    wait_ms(f, 1000);
    expect_sent(f, "ABDEF");
    assert_int_equal(f->sender.retries, 3);
    assert_string_equal(f->ended, "C");
}

static void waits_as_long_as_the_longest_answer_asks(void **state)
{
    struct fixture *f = *state;
    give(f, 0, 2);
    expect_sent(f, "AB");
    answer(f, 0, FBY_RETRY, 30000);
    answer(f, 1, FBY_RETRY, 5000);
    assert_true(delivery_sender_is_stuck(&f->sender));
    wait_ms(f, 29000);
    expect_sent(f, "");
    wait_ms(f, 1100);
    expect_sent(f, "AB");
    assert_false(delivery_sender_is_stuck(&f->sender));
}

static void waits_grow_until_something_is_delivered(void **state)
{
    struct fixture *f = *state;
    give(f, 0, 1);
    for (int64_t longest = 1000; longest <= 8000; longest *= 2) {
        expect_sent(f, "A");
        answer(f, 0, FBY_RETRY, 0);
        wait_ms(f, longest / 2 - 1); /* a wait is between half of the step and all of it */
        expect_sent(f, "");
        wait_ms(f, longest / 2 + 1);
    }
    expect_sent(f, "A");
    assert_string_equal(f->sender.problem, "as the test says");
    answer(f, 0, FBY_DELIVERED, 0);
    assert_string_equal(f->sender.problem, "");
    give(f, 1, 1);
    answer(f, 1, FBY_RETRY, 0);
    f->taken_count = 0;
    wait_ms(f, 1001);
    expect_sent(f, "B");
}

static void a_lost_connection_is_tried_without_a_wait(void **state)
{
    struct fixture *f = *state;
    give(f, 0, 2);
    expect_sent(f, "AB");
    answer(f, 0, FBY_RETRY, UPSTREAM_RETRY_AT_ONCE);
    answer(f, 1, FBY_RETRY, UPSTREAM_RETRY_AT_ONCE);
    delivery_sender_flush(&f->sender);
    turn(f);
    expect_sent(f, "AB");
}

static void a_busy_upstream_is_left_alone(void **state)
{
    struct fixture *f = *state;
    upstream_null_set_capacity(f->upstream, 0);
    give(f, 0, 3);
    expect_sent(f, "");
    assert_false(delivery_sender_has_room(&f->sender));
    upstream_null_set_capacity(f->upstream, 10);
    delivery_sender_flush(&f->sender);
    turn(f);
    expect_sent(f, "");
    unsigned room = f->room;
    upstream_tell_ready(f->upstream);
    turn(f);
    expect_sent(f, "ABC");
    assert_true(f->room > room);
}

static void finishing_takes_back_what_is_under_way(void **state)
{
    struct fixture *f = *state;
    give(f, 0, 2);
    delivery_sender_finish(&f->sender);
    assert_int_equal(f->ended_count, 0);
    delivery_sender_init(&f->sender, f->upstream, f->loop, 1000, 8000, &events, f);
    assert_int_equal(f->sender.outputs, 2); /* counts outlive a reload */
    assert_true(delivery_sender_is_empty(&f->sender));
}

static void an_upstream_that_is_away_is_stuck(void **state)
{
    struct fixture *f = *state;
    assert_false(delivery_sender_is_stuck(&f->sender));
    upstream_set_connected(f->upstream, false, "no route to host");
    assert_true(delivery_sender_is_stuck(&f->sender));
    upstream_set_connected(f->upstream, true, NULL);
    assert_false(delivery_sender_is_stuck(&f->sender));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(sends_in_order_and_tells_each_end),
        TEST(tokens_are_never_used_twice),
        TEST(repeats_in_the_first_order),
        TEST(waits_as_long_as_the_longest_answer_asks),
        TEST(waits_grow_until_something_is_delivered),
        TEST(a_lost_connection_is_tried_without_a_wait),
        TEST(a_busy_upstream_is_left_alone),
        TEST(finishing_takes_back_what_is_under_way),
        TEST(an_upstream_that_is_away_is_stuck),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
