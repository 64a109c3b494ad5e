/* SPDX-License-Identifier: Apache-2.0
 *
 * Proves what the host application decides: who is online, what aliases mean, when a rebirth is asked for,
 * what comes again after a crash, how much it keeps. Time is an argument, so nothing waits.
 */
#include "host_fixture.h"
#include "sparkplug/sparkplug_b.pb-c.h"
#include "sparkplug/sparkplug_payload.h"
#include "sparkplug/sparkplug_state.h"

#include <stdio.h>

static void test_usual_life(void **state)
{
    (void)state;
    node_birth(1, 0, 0, "a");
    device(2, SPARKPLUG_DBIRTH, 1);
    data(3, 2, 1);
    device(4, SPARKPLUG_DDATA, 3);
    device(5, SPARKPLUG_DDEATH, 4);
    node_death(6, 0);
    assert_told("1+* 2+* 3=a 4=speed 5-* 6-*");
    assert_int_equal(sparkplug_host_held_count(host), 0);
}

static void test_unknown_may_pass(void **state)
{
    (void)state;
    sparkplug_host_destroy(host);
    settings.passes_unknown = true;
    settings.asks_rebirth = false;
    make_host();
    data(1, 5, 1);
    tick_after(2 * SECOND);
    assert_told("1");
}

static void test_unknown_alias(void **state)
{
    (void)state;
    node_birth(1, 0, 0, "a");
    data(2, 1, 77);
    data(3, 2, 1);
    assert_told("1+*");
    tick_after(2 * SECOND);
    assert_told(" rebirth:G/e !2 3=a");
}

static void test_late_will(void **state)
{
    (void)state;
    node_birth(1, 0, 0, "a");
    node_birth(2, 1, 0, "a");
    node_death(3, 0);
    data(4, 1, 1);
    node_death(5, 1);
    node_death(6, 1);
    /* tck-id-payloads-ndeath-bdseq
     * tck-id-operational-behavior-edge-node-termination-host-action-ndeath-node-offline */
    assert_told("1+* 2+* -3 4=a 5-* -6");
}

static void test_rebirth_changes_nothing(void **state)
{
    (void)state;
    node_birth(1, 0, 0, "a");
    node_birth(2, 0, 0, "a");
    node_birth(3, 0, 0, "b");
    data(4, 1, 1);
    assert_told("1+* 2+ 3+* 4=b");
}

static void test_device_is_born_in_each_session(void **state)
{
    (void)state;
    node_birth(1, 0, 0, "a");
    device(2, SPARKPLUG_DBIRTH, 1);
    node_birth(3, 1, 0, "a");
    device(4, SPARKPLUG_DDATA, 1);
    assert_told("1+* 2+* 3+*");
    tick_after(2 * SECOND);
    assert_told(" rebirth:G/e !4");
    device(5, SPARKPLUG_DBIRTH, 2);
    device(6, SPARKPLUG_DDATA, 3);
    assert_told("5+* 6=speed");
}

static void test_dead_devices(void **state)
{
    (void)state;
    node_birth(1, 0, 0, "a");
    device(2, SPARKPLUG_DBIRTH, 1);
    device(3, SPARKPLUG_DDEATH, 2);
    device(4, SPARKPLUG_DDATA, 3);
    tick_after(2 * SECOND);
    assert_told("1+* 2+* 3-* rebirth:G/e !4");
    device(5, SPARKPLUG_DDEATH, 4); /* dead already */
    device(6, SPARKPLUG_DBIRTH, 5);
    node_death(7, 0);
    device(8, SPARKPLUG_DDEATH, 6); /* it went with its node */
    tick_after(2 * SECOND);
    assert_told("5 6+* 7-* 8");
}

static void test_strangers_have_no_events(void **state)
{
    (void)state;
    node_death(1, 0);
    device(2, SPARKPLUG_DBIRTH, 1);
    tick_after(2 * SECOND);
    assert_told("1 rebirth:G/e 2");
}

static void test_same_device_under_two_nodes(void **state)
{
    (void)state;
    node_birth(1, 0, 0, "a");
    device(2, SPARKPLUG_DBIRTH, 1);
    struct sparkplug_arrival *a = make(3, SPARKPLUG_NBIRTH, 0);
    a->topic.edge_node = bytes_of_text("f");
    add_bdseq(a, 0);
    take(a);
    a = make(4, SPARKPLUG_DBIRTH, 1);
    a->topic.edge_node = bytes_of_text("f");
    add_metric(a, "pressure", 9);
    take(a);
    a = make(5, SPARKPLUG_DDATA, 2);
    a->topic.edge_node = bytes_of_text("f");
    add_metric(a, "", 9);
    take(a);
    device(6, SPARKPLUG_DDATA, 2);
    node_death(7, 0);
    a = make(8, SPARKPLUG_DDATA, 3);
    a->topic.edge_node = bytes_of_text("f");
    add_metric(a, "", 9);
    take(a);
    /* tck-id-topic-structure-namespace-duplicate-device-id-across-edge-node */
    assert_told("1+* 2+* 3+* 4+* 5=pressure 6=speed 7-* 8=pressure");
}

static void test_alias_zero_and_equal_aliases(void **state)
{
    (void)state;
    struct sparkplug_arrival *a = make(1, SPARKPLUG_NBIRTH, 0);
    add_metric(a, "none", 5);
    add_metric(a, "zero", 0);
    add_metric(a, "first", 7);
    add_metric(a, "second", 7);
    add_bdseq(a, 0);
    take(a);
    data(2, 1, 0);
    assert_told("1+* 2=zero");
    /* tck-id-payloads-alias-uniqueness */
    data(3, 2, 7); /* nobody can say which one it is */
    tick_after(2 * SECOND);
    assert_told(" rebirth:G/e !3");
    assert_int_equal(sparkplug_host_counters(host)->equal_aliases, 1);
}

static void test_crash_reads_each_with_its_birth(void **state)
{
    (void)state;
    node_birth(1, 0, 0, "old");
    data(2, 1, 1);
    node_birth(3, 1, 0, "new");
    data(4, 1, 1);
    node_death(5, 1);
    assert_told("1+* 2=old 3+* 4=new 5-*");
    restart();
    for (int i = 2; i <= 5; i++)
        take(&messages[i]);
    assert_told("2=old 3+ 4=new 5-"); /* the same again, and nothing to save */
    data(6, 2, 1);
    tick_after(2 * SECOND);
    assert_told(" rebirth:G/e !6");
}

static void test_dead_letter_comes_again(void **state)
{
    (void)state;
    node_birth(1, 0, 0, "old");
    data(2, 1, 1);
    node_birth(3, 1, 0, "new");
    data(4, 1, 1);
    take(&messages[2]);
    data(5, 2, 1);
    assert_told("1+* 2=old 3+* 4=new 2=old 5=new");
}

static void test_commands_are_not_supervised(void **state)
{
    (void)state;
    take(make(1, SPARKPLUG_NCMD, -1));
    take(make(2, SPARKPLUG_DCMD, -1));
    assert_told("1 2");
}

static void test_limits(void **state)
{
    (void)state;
    sparkplug_host_destroy(host);
    settings.nodes_max = 1;
    settings.state_max = 400;
    make_host();
    node_birth(
        1, 0, 0,
        "a name that takes more room than the state may have, which is four hundred bytes in this test, "
        "so that it cannot be remembered, and a name of that length is nothing that anybody would want to "
        "give to a metric, or to read on a screen");
    assert_told("!1");
    node_birth(2, 0, 0, "a");
    struct sparkplug_arrival *other = make(3, SPARKPLUG_NBIRTH, 0);
    other->topic.edge_node = bytes_of_text("another");
    take(other);
    assert_told("2+* !3");
}

static void take_named(struct sparkplug_arrival *a, const char *stem, unsigned i)
{
    char name[32];
    int len = snprintf(name, sizeof name, "%s-%u", stem, i);
    a->topic.edge_node = bytes_of(name, (size_t)len);
    take(a);
}

/* Names that nobody has given birth to take neither memory for long nor the places of edge nodes. */
static void test_invented_names(void **state)
{
    (void)state;
    node_birth(1, 0, 0, "a");
    for (unsigned i = 0; i < 100000; i++) {
        arena_reset(&arena);
        take_named(make(2, SPARKPLUG_NDEATH, -1), "stranger", i);
        told[0] = 0;
    }
    assert_true(sparkplug_host_nodes(host)->map.count <= 1 + SPARKPLUG_STRANGERS_MAX);
    for (unsigned i = 0; i < 9; i++)
        take_named(make(3 + i, SPARKPLUG_NBIRTH, 0), "node", i);
    assert_told("3+* 4+* 5+* 6+* 7+* 8+* 9+* 10+* 11+*"); /* ten are allowed */
    struct buffer packed = {0};
    assert_true(sparkplug_state_pack(sparkplug_host_nodes(host), &packed));
    assert_true(packed.len < 10000);
    buffer_finish(&packed);
}

/* All strangers together hold no more than one edge node may, so a flood of names holds up nobody; and who
 * holds something is not forgotten. */
static void test_strangers_that_wait(void **state)
{
    (void)state;
    static struct sparkplug_arrival many[2 * SPARKPLUG_STRANGERS_MAX];
    static char names[2 * SPARKPLUG_STRANGERS_MAX][16];
    size_t count = sizeof many / sizeof many[0];
    can_publish = false;
    for (size_t i = 0; i < count; i++) {
        told[0] = 0;
        many[i] = *make(1, SPARKPLUG_NDATA, 5);
        add_metric(&many[i], "", 1);
        many[i].sequence = i + 1;
        many[i].token = &many[i];
        many[i].topic.edge_node = bytes_of(names[i], (size_t)snprintf(names[i], sizeof names[i], "s%zu", i));
        take(&many[i]);
    }
    assert_told(" rebirth:G/s2047 !2048");
    assert_int_equal(sparkplug_host_held_count(host), 4);
    tick_after(2 * SECOND);
    assert_told(" rebirth:G/s0 !1 rebirth:G/s1 !2 rebirth:G/s2 !3 rebirth:G/s3 !4");
    /* A birth frees their places. */
    for (uint64_t i = 1; i <= 4; i++)
        data(i, (int)i, 1);
    struct sparkplug_arrival *stranger = make(5, SPARKPLUG_NDATA, 5);
    stranger->topic.edge_node = bytes_of_text("f");
    add_metric(stranger, "", 1);
    take(stranger);
    assert_told(" rebirth:G/f !5");
    node_birth(6, 0, 0, "a");
    assert_told("6+* 1=a 2=a 3=a 4=a");
    stranger->sequence = 7;
    take(stranger);
    assert_told("");
}

/* A whole plant: what is kept is bounded, survives a restart, and one node more is refused. */
/* Only a birth can make readable what is not: other messages do not make all of it be unpacked again. */
static void test_what_waits_is_left_alone(void **state)
{
    (void)state;
    node_birth(1, 0, 0, "a");
    for (uint64_t number = 2; number <= 4; number++)
        data(number, 1, 7); /* an alias that nobody knows */
    assert_told("1+*");
    data(10, -1, 1);
    reopened = 0;
    for (uint64_t number = 11; number < 20; number++)
        data(number, -1, 1);
    assert_int_equal(reopened, 0);
    assert_told("10=a 11=a 12=a 13=a 14=a 15=a 16=a 17=a 18=a 19=a");
    struct sparkplug_arrival *a = make(20, SPARKPLUG_DBIRTH, -1);
    add_metric(a, "b", 1);
    take(a);
    assert_int_equal(reopened, 3);
}

static void test_bytes_that_wait_are_bounded(void **state)
{
    (void)state;
    node_birth(1, 0, 0, "a");
    for (uint64_t number = 2; number <= 4; number++) {
        struct sparkplug_arrival *a = make(number, SPARKPLUG_NDATA, (int)number); /* 1 is missing */
        add_metric(a, "", 1);
        a->size = 400 << 10;
        take(a);
    }
    assert_told("1+* rebirth:G/e 2?1=a 3=a 4=a");
}

static void test_ten_thousand_nodes(void **state)
{
    (void)state;
    enum { NODES = 10000 };
    sparkplug_host_destroy(host);
    settings.nodes_max = NODES;
    settings.state_max = 8 << 20;
    make_host();
    for (unsigned i = 0; i <= NODES; i++) {
        struct sparkplug_arrival *a = make(1, SPARKPLUG_NBIRTH, 0);
        add_metric(a, "temperature of the bearing", 1);
        add_metric(a, "speed of the shaft", 2);
        add_bdseq(a, 0);
        a->sequence = i + 1;
        told[0] = 0;
        take_named(a, "node", i);
        arena_reset(&arena);
    }
    assert_told("!10001");
    assert_int_equal(sparkplug_host_nodes(host)->map.count, NODES + 1);
    assert_true(sparkplug_host_nodes(host)->size <= settings.state_max);
    restart();
    assert_int_equal(sparkplug_host_nodes(host)->map.count, NODES);
    struct sparkplug_arrival *a = make(2, SPARKPLUG_NDATA, 1);
    add_metric(a, "", 2);
    a->sequence = NODES + 2;
    take_named(a, "node", NODES - 1);
    assert_told("10002=speed of the shaft");
}

static void test_damaged_state(void **state)
{
    (void)state;
    node_birth(1, 0, 0, "a");
    device(2, SPARKPLUG_DBIRTH, 1);
    node_birth(3, 1, 0, "b");
    struct buffer packed = {0};
    assert_true(sparkplug_state_pack(sparkplug_host_nodes(host), &packed));
    for (size_t len = 0; len < packed.len; len++) {
        struct sparkplug_nodes nodes;
        sparkplug_nodes_init(&nodes, 10, 1 << 20);
        assert_false(sparkplug_state_unpack(bytes_of(packed.data, len), &nodes));
        sparkplug_nodes_finish(&nodes);
        assert_int_equal(nodes.size <= 1 << 20, 1);
    }
    for (size_t at = 0; at < packed.len; at++) {
        struct sparkplug_nodes nodes;
        packed.data[at] ^= 0xff;
        sparkplug_nodes_init(&nodes, 10, 1 << 20);
        (void)!sparkplug_state_unpack(buffer_bytes(&packed), &nodes);
        sparkplug_nodes_finish(&nodes);
        packed.data[at] ^= 0xff;
    }
    buffer_finish(&packed);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_usual_life),
        TEST(test_unknown_may_pass),
        TEST(test_unknown_alias),
        TEST(test_late_will),
        TEST(test_rebirth_changes_nothing),
        TEST(test_device_is_born_in_each_session),
        TEST(test_dead_devices),
        TEST(test_strangers_have_no_events),
        TEST(test_same_device_under_two_nodes),
        TEST(test_alias_zero_and_equal_aliases),
        TEST(test_crash_reads_each_with_its_birth),
        TEST(test_dead_letter_comes_again),
        TEST(test_commands_are_not_supervised),
        TEST(test_limits),
        TEST(test_invented_names),
        TEST(test_strangers_that_wait),
        TEST(test_ten_thousand_nodes),
        TEST(test_what_waits_is_left_alone),
        TEST(test_bytes_that_wait_are_bounded),
        TEST(test_damaged_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
