/* SPDX-License-Identifier: Apache-2.0
 *
 * Proves what the host application decides: whose turn it is, who is online, when a rebirth is asked for,
 * what comes again after a crash. Time is an argument, so nothing waits.
 */
#include "sparkplug/sparkplug_host.h"

#include "sparkplug/sparkplug_b.pb-c.h"
#include "sparkplug/sparkplug_payload.h"
#include "sparkplug/sparkplug_state.h"

#include "unit.h"

#include <stdio.h>

enum { MESSAGES_MAX = 512, SECOND = 1000000 };

static struct arena arena;
static struct sparkplug_host *host;
static struct sparkplug_arrival messages[MESSAGES_MAX]; /* by number in the journal */
static char told[8192];                                 /* one word for each decision */
static int64_t now;
static struct sparkplug_host_settings settings;
static bool can_publish;

static void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void tell(const char *format, ...)
{
    size_t len = strlen(told);
    va_list args;
    va_start(args, format);
    vsnprintf(told + len, sizeof told - len, format, args);
    va_end(args);
}

/* "12" delivered, "-12" dropped, "!12" refused, with + or - for online and offline, ?n for a gap, * for a
 * change. */
static void handle_decision(void *ctx, const struct sparkplug_arrival *a, const struct sparkplug_decision *d)
{
    static const char *const words[] = {"", "-", "!"};
    (void)ctx;
    tell("%s%s%llu", told[0] ? " " : "", words[d->verdict], (unsigned long long)a->sequence);
    if (d->change != SPARKPLUG_NO_CHANGE)
        tell("%s", d->change == SPARKPLUG_ONLINE ? "+" : "-");
    if (d->missing_seq >= 0)
        tell("?%d", d->missing_seq);
    if (d->changed)
        tell("*");
    if (d->verdict != SPARKPLUG_DELIVER || !d->birth || !a->payload->n_metrics ||
        a->payload->metrics[0]->has_name)
        return;
    const struct sparkplug_known *k = sparkplug_birth_find_alias(d->birth, a->payload->metrics[0]->alias);
    if (k)
        tell("=%.*s", (int)k->name.len, (const char *)k->name.data);
}

static bool reopen(void *ctx, void *token, struct sparkplug_arrival *a)
{
    (void)ctx;
    *a = *(struct sparkplug_arrival *)token;
    return true;
}

static bool handle_rebirth(void *ctx, const struct sparkplug_node *node, void *token)
{
    (void)ctx;
    (void)token;
    tell(" rebirth:%s", node->key);
    return can_publish;
}

static const struct sparkplug_host_events events = {handle_decision, reopen, handle_rebirth};

static void make_host(void)
{
    host = sparkplug_host_create(&settings, &events, NULL);
}

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, 0, 0);
    settings = (struct sparkplug_host_settings){.reorder_us = 2 * SECOND,
                                                .reorder_max = 4,
                                                .asks_rebirth = true,
                                                .rebirth_interval_us = 60 * SECOND,
                                                .nodes_max = 10,
                                                .state_max = 1 << 20};
    told[0] = 0;
    now = 1;
    can_publish = true;
    make_host();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sparkplug_host_destroy(host);
    arena_finish(&arena);
    return 0;
}

static struct sparkplug_arrival *make(uint64_t number, enum sparkplug_message kind, int seq)
{
    struct sparkplug_arrival *a = &messages[number];
    *a = (struct sparkplug_arrival){
        .topic = {kind, bytes_of_text("G"), bytes_of_text("e"), {NULL, 0}},
        .payload = sparkplug_payload_create(1, seq, &arena),
        .sequence = number,
        .digest = number,
        .token = a,
    };
    if (sparkplug_topic_is_of_device(kind))
        a->topic.device = bytes_of_text("d");
    return a;
}

static void add_metric(struct sparkplug_arrival *a, const char *name, uint64_t alias)
{
    Spb__Payload *p = (Spb__Payload *)(uintptr_t)a->payload;
    Spb__Metric *m = sparkplug_payload_add(p, bytes_of_text(name), &arena);
    m->has_alias = true;
    m->alias = alias;
}

static void add_bdseq(struct sparkplug_arrival *a, uint64_t bdseq)
{
    Spb__Payload *p = (Spb__Payload *)(uintptr_t)a->payload;
    Spb__Metric *m = sparkplug_payload_add(p, bytes_of_text("bdSeq"), &arena);
    m->value_case = SPB__METRIC__VALUE_LONG_VALUE;
    m->long_value = bdseq;
}

static void take(const struct sparkplug_arrival *a)
{
    sparkplug_host_take(host, a, now);
}

static void node_birth(uint64_t number, uint64_t bdseq, int seq, const char *name)
{
    struct sparkplug_arrival *a = make(number, SPARKPLUG_NBIRTH, seq);
    add_metric(a, name, 1);
    add_bdseq(a, bdseq);
    take(a);
}

static void node_death(uint64_t number, uint64_t bdseq)
{
    struct sparkplug_arrival *a = make(number, SPARKPLUG_NDEATH, -1);
    add_bdseq(a, bdseq);
    take(a);
}

static void data(uint64_t number, int seq, uint64_t alias)
{
    struct sparkplug_arrival *a = make(number, SPARKPLUG_NDATA, seq);
    add_metric(a, "", alias);
    take(a);
}

static void device(uint64_t number, enum sparkplug_message kind, int seq)
{
    struct sparkplug_arrival *a = make(number, kind, seq);
    if (kind != SPARKPLUG_DDEATH)
        add_metric(a, kind == SPARKPLUG_DBIRTH ? "speed" : "", 9);
    take(a);
}

static void tick_after(int64_t us)
{
    now += us;
    (void)sparkplug_host_tick(host, now);
}

static void assert_told(const char *expected)
{
    assert_string_equal(told, expected);
    told[0] = 0;
}

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

static void test_numbers_wrap(void **state)
{
    (void)state;
    /* tck-id-payloads-sequence-num-incrementing */
    node_birth(1, 0, 254, "a");
    data(2, 255, 1);
    data(3, 0, 1);
    assert_told("1+* 2=a 3=a");
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

/* A new process with the state of the old one. */
static void restart(void)
{
    struct buffer state = {0};
    assert_true(sparkplug_state_pack(sparkplug_host_nodes(host), &state));
    sparkplug_host_destroy(host);
    make_host();
    assert_true(sparkplug_state_unpack(buffer_bytes(&state), sparkplug_host_nodes(host)));
    buffer_finish(&state);
}

/* The message `number` once more, under `again`. */
static void deliver_again(uint64_t number, uint64_t again)
{
    messages[again] = messages[number];
    messages[again].sequence = again;
    messages[again].token = &messages[again];
    take(&messages[again]);
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

static void set_time(uint64_t number, uint64_t timestamp_ms)
{
    Spb__Payload *p = (Spb__Payload *)(uintptr_t)messages[number].payload;
    p->timestamp = timestamp_ms;
}

static struct sparkplug_arrival *prepare_birth(uint64_t number, uint64_t bdseq, const char *name,
                                               uint64_t timestamp_ms)
{
    struct sparkplug_arrival *a = make(number, SPARKPLUG_NBIRTH, 0);
    add_metric(a, name, 1);
    add_bdseq(a, bdseq);
    set_time(number, timestamp_ms);
    return a;
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
        TEST(test_numbers_wrap),
        TEST(test_reorders),
        TEST(test_gap_asks_once),
        TEST(test_failed_request_is_repeated),
        TEST(test_too_many_wait),
        TEST(test_data_before_birth),
        TEST(test_unknown_may_pass),
        TEST(test_unknown_alias),
        TEST(test_late_will),
        TEST(test_death_lets_waiting_go),
        TEST(test_rebirth_changes_nothing),
        TEST(test_device_is_born_in_each_session),
        TEST(test_repetition_by_the_broker),
        TEST(test_window_is_delivered_again),
        TEST(test_what_waits_is_delivered_again),
        TEST(test_same_bytes_one_round_later_are_new),
        TEST(test_what_waits_is_read_with_its_own_birth),
        TEST(test_rebirth_names_what_waits),
        TEST(test_new_session_names_nothing_of_the_old),
        TEST(test_device_birth_before_its_node),
        TEST(test_dead_devices),
        TEST(test_strangers_have_no_events),
        TEST(test_same_device_under_two_nodes),
        TEST(test_alias_zero_and_equal_aliases),
        TEST(test_crash_reads_each_with_its_birth),
        TEST(test_crash_with_an_overtaker),
        TEST(test_dead_letter_comes_again),
        TEST(test_commands_are_not_supervised),
        TEST(test_limits),
        TEST(test_invented_names),
        TEST(test_strangers_that_wait),
        TEST(test_ten_thousand_nodes),
        TEST(test_damaged_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
