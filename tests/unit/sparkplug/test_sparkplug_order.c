/* SPDX-License-Identifier: Apache-2.0
 *
 * Proves whose turn it is: what overtakes waits, what is missing is said, what comes twice or too late
 * disturbs nothing, and what waits when an edge node begins anew is read with the birth of its own time.
 */
#include "host_fixture.h"
#include "sparkplug/sparkplug_b.pb-c.h"
#include "sparkplug/sparkplug_payload.h"
#include "sparkplug/sparkplug_state.h"

#include <stdio.h>

static void test_numbers_wrap(void **state)
{
    (void)state;
    node_birth(1, 0, 254, "a");
    /* tck-id-payloads-sequence-num-incrementing */
    data(2, 0, 1); /* not before 255 */
    assert_told("1+*");
    data(3, 255, 1);
    data(4, 1, 1);
    assert_told("3=a 2=a 4=a");
}

static void test_reorders(void **state)
{
    (void)state;
    node_birth(1, 0, 0, "a");
    data(2, 3, 1);
    data(3, 2, 1);
    assert_told("1+*");
    /* tck-id-operational-behavior-host-reordering-start */
    assert_int_equal(sparkplug_host_held_count(host), 2);
    data(4, 1, 1);
    /* tck-id-operational-behavior-host-reordering-success */
    assert_told("4=a 3=a 2=a");
    assert_true(sparkplug_host_tick(host, now) < 0);
}

static void test_gap_asks_once(void **state)
{
    (void)state;
    node_birth(1, 0, 0, "a");
    data(2, 3, 1);
    assert_int_equal(sparkplug_host_tick(host, now), now + 2 * SECOND);
    tick_after(2 * SECOND - 1);
    assert_told("1+*");
    tick_after(1);
    /* tck-id-operational-behavior-host-reordering-rebirth */
    assert_told(" rebirth:G/e 2?1=a");
    data(3, 7, 1);
    tick_after(2 * SECOND);
    assert_told("3?4=a"); /* within a minute it is not asked again */
    now += 60 * SECOND;
    data(4, 20, 1);
    tick_after(2 * SECOND);
    assert_told(" rebirth:G/e 4?8=a");
    assert_int_equal(sparkplug_host_counters(host)->missing, 3);
}

static void test_failed_request_is_repeated(void **state)
{
    (void)state;
    can_publish = false;
    node_birth(1, 0, 0, "a");
    data(2, 3, 1);
    tick_after(2 * SECOND);
    data(3, 7, 1);
    tick_after(2 * SECOND);
    assert_told("1+* rebirth:G/e 2?1=a rebirth:G/e 3?4=a");
}

static void test_too_many_wait(void **state)
{
    (void)state;
    node_birth(1, 0, 0, "a");
    for (int i = 0; i < 5; i++)
        data((uint64_t)(2 + i), 10 + i, 1);
    assert_told("1+* rebirth:G/e 2?1=a 3=a 4=a 5=a 6=a");
}

static void test_data_before_birth(void **state)
{
    (void)state;
    data(1, 5, 1);
    tick_after(2 * SECOND);
    assert_told(" rebirth:G/e !1");
    data(2, 1, 1);
    node_birth(3, 0, 0, "a");
    assert_told("3+* 2=a"); /* it had overtaken the birth */
}

static void test_death_lets_waiting_go(void **state)
{
    (void)state;
    node_birth(1, 0, 0, "a");
    data(2, 5, 1);
    node_death(3, 0);
    assert_told("1+* 2?1=a 3-*"); /* the dead are not asked for births */
    data(4, 6, 1);
    tick_after(2 * SECOND);
    assert_told(" rebirth:G/e !4");
}

static void test_repetition_by_the_broker(void **state)
{
    (void)state;
    node_birth(1, 0, 0, "a");
    data(2, 1, 1);
    deliver_again(2, 3);
    data(4, 2, 1);
    assert_told("1+* 2=a -3 4=a");
}

/* QoS 1 and a lost connection: a window of old messages behind newer ones, the birth among them. */
static void test_window_is_delivered_again(void **state)
{
    (void)state;
    enum { WINDOW = 100 };
    node_birth(1, 0, 0, "a");
    device(2, SPARKPLUG_DBIRTH, 1);
    for (int i = 2; i < WINDOW; i++)
        data((uint64_t)i + 1, i, 1);
    told[0] = 0;
    for (uint64_t i = 1; i <= WINDOW; i++)
        deliver_again(i, WINDOW + i);
    assert_null(strchr(told, '='));
    assert_int_equal(sparkplug_host_held_count(host), 0);
    assert_int_equal(sparkplug_host_counters(host)->repeated, WINDOW);
    told[0] = 0;
    data(2 * WINDOW + 1, WINDOW, 1);
    tick_after(2 * SECOND);
    assert_told("201=a"); /* no gap, no rebirth */
}

static void test_what_waits_is_delivered_again(void **state)
{
    (void)state;
    node_birth(1, 0, 0, "a");
    data(2, 2, 1);
    deliver_again(2, 3);
    data(4, 1, 1);
    deliver_again(2, 5);
    tick_after(2 * SECOND);
    assert_told("1+* -3 4=a 2=a -5");
}

static void test_same_bytes_one_round_later_are_new(void **state)
{
    (void)state;
    node_birth(1, 0, 0, "a");
    for (uint64_t i = 1; i <= 260; i++) {
        struct sparkplug_arrival *a = make(1 + i, SPARKPLUG_NDATA, (int)(i % 256));
        a->digest = i % 256; /* a node without a clock, whose value stays the same */
        take(a);
    }
    assert_null(strchr(told, '-'));
    assert_int_equal(sparkplug_host_held_count(host), 0);
}

static void test_what_comes_too_late_is_no_gap(void **state)
{
    (void)state;
    take(prepare_birth(1, 0, "a", 1000));
    data_at(2, 3, 1003);
    tick_after(2 * SECOND);
    assert_told("1+* rebirth:G/e 2?1=a");
    data_at(3, 2, 1002);
    data_at(4, 1, 1001);
    data_at(5, 4, 1004);
    assert_told("3=a 4=a 5=a");
    assert_int_equal(sparkplug_host_held_count(host), 0);
    deliver_again(4, 6);
    assert_told("-6");
}

/* The journal has a later message before an earlier one, and the crash came while that one was waited for. */
static void test_crash_while_something_waits(void **state)
{
    (void)state;
    take(prepare_birth(1, 0, "a", 1000));
    data_at(2, 2, 1002);
    assert_told("1+*");
    restart();
    take(&messages[2]);
    data_at(3, 1, 1001);
    data_at(4, 3, 1003);
    tick_after(2 * SECOND);
    assert_told("2=a 3=a 4=a");
}

/* It has begun anew, and its birth and death were lost: its aliases may mean something else now. */
static void test_lost_birth_is_a_gap(void **state)
{
    (void)state;
    take(prepare_birth(1, 0, "a", 1000));
    for (int i = 1; i <= 20; i++)
        data_at((uint64_t)i + 1, i, 1000 + (uint64_t)i);
    told[0] = 0;
    data_at(30, 1, 2000);
    tick_after(2 * SECOND);
    assert_told(" rebirth:G/e 30?21=a");
    settings.rebirth_interval_us = 0;
    sparkplug_host_destroy(host);
    make_host();
    take(prepare_birth(1, 0, "a", 1000));
    for (int i = 1; i <= 20; i++)
        data_at((uint64_t)i + 1, i, 1000 + (uint64_t)i);
    told[0] = 0;
    data_at(31, 1, 500); /* nor does it know the time */
    tick_after(2 * SECOND);
    assert_told(" rebirth:G/e 31?21=a");
}

/* A message was lost just before the edge node began anew: what came behind the gap is of the old session. */
static void test_what_waits_is_read_with_its_own_birth(void **state)
{
    (void)state;
    take(prepare_birth(1, 0, "old", 1000));
    data(2, 2, 1);
    set_time(2, 1001);
    take(prepare_birth(3, 1, "new", 2000));
    data(4, 1, 1);
    set_time(4, 2001);
    assert_told("1+* 2?1=old 3+* 4=new");
    restart();
    take(&messages[2]);
    take(&messages[3]);
    assert_told("2=old 3+");
}

static void test_rebirth_names_what_waits(void **state)
{
    (void)state;
    take(prepare_birth(1, 0, "a", 1000));
    data(2, 1, 9); /* not declared yet */
    set_time(2, 1001);
    data(3, 2, 1);
    set_time(3, 1001);
    struct sparkplug_arrival *rebirth = prepare_birth(4, 0, "a", 2000);
    add_metric(rebirth, "late", 9);
    take(rebirth);
    data(5, 1, 1);
    set_time(5, 2001);
    tick_after(2 * SECOND);
    assert_told("1+* 3?1=a 4+* 2=late 5=a"); /* nobody is asked, as the births are there */
}

static void test_new_session_names_nothing_of_the_old(void **state)
{
    (void)state;
    take(prepare_birth(1, 0, "a", 1000));
    data(2, 1, 9);
    set_time(2, 1001);
    struct sparkplug_arrival *birth = prepare_birth(3, 1, "a", 2000);
    add_metric(birth, "another", 9);
    take(birth);
    assert_told("1+* !2 3+*");
}

static void test_device_birth_before_its_node(void **state)
{
    (void)state;
    device(1, SPARKPLUG_DBIRTH, 1);
    device(2, SPARKPLUG_DDATA, 2);
    node_birth(3, 0, 0, "a");
    assert_told("3+* 1+* 2=speed");
}

static void test_crash_with_an_overtaker(void **state)
{
    (void)state;
    node_birth(1, 0, 0, "old");
    data(2, 57, 1); /* of the next session: it overtakes its birth */
    node_birth(3, 1, 56, "new");
    assert_told("1+* 3+* 2=new");
    restart();
    take(&messages[2]);
    take(&messages[3]);
    assert_told("2=new 3+");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_numbers_wrap),
        TEST(test_reorders),
        TEST(test_gap_asks_once),
        TEST(test_failed_request_is_repeated),
        TEST(test_too_many_wait),
        TEST(test_data_before_birth),
        TEST(test_death_lets_waiting_go),
        TEST(test_repetition_by_the_broker),
        TEST(test_window_is_delivered_again),
        TEST(test_what_waits_is_delivered_again),
        TEST(test_same_bytes_one_round_later_are_new),
        TEST(test_what_comes_too_late_is_no_gap),
        TEST(test_crash_while_something_waits),
        TEST(test_lost_birth_is_a_gap),
        TEST(test_what_waits_is_read_with_its_own_birth),
        TEST(test_rebirth_names_what_waits),
        TEST(test_new_session_names_nothing_of_the_old),
        TEST(test_device_birth_before_its_node),
        TEST(test_crash_with_an_overtaker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
