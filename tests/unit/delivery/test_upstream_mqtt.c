/* SPDX-License-Identifier: Apache-2.0
 *
 * A broker as upstream, against a stub: what it denies for good, for now, and by going away; one connection
 * for several deliveries.
 */
#include "base/clock.h"
#include "base/memory.h"
#include "delivery/upstream_mqtt.h"
#include "loop/loop.h"
#include "mqtt/mqtt_client.h"
#include "stub_broker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { OUTPUTS_MAX = 4 };

struct side {
    struct upstream_user user;
    unsigned delivered, retried, rejected;
    int64_t retry_after_ms;
    char reason[200];
    struct outgoing outputs[OUTPUTS_MAX];
};

struct fixture {
    struct loop *loop;
    struct stub_broker *broker;
    struct mqtt_settings settings;
    struct upstream *upstream;
    struct fby_message message;
    struct side a, b;
};

static void handle_result(struct upstream_user *u, struct outgoing *o, enum fby_outcome outcome,
                          const char *reason, int64_t retry_after_ms)
{
    struct side *s = container_of(u, struct side, user);
    (void)o;
    s->delivered += outcome == FBY_DELIVERED;
    s->retried += outcome == FBY_RETRY;
    s->rejected += outcome == FBY_REJECTED;
    s->retry_after_ms = retry_after_ms;
    if (reason)
        snprintf(s->reason, sizeof s->reason, "%s", reason);
}

static void handle_ready(struct upstream_user *u)
{
    (void)u;
}

static void init_side(struct fixture *f, struct side *s, uint64_t first_token, const char *topic)
{
    s->user = (struct upstream_user){.on_result = handle_result, .on_ready = handle_ready};
    upstream_add_user(f->upstream, &s->user);
    for (size_t i = 0; i < OUTPUTS_MAX; i++)
        s->outputs[i] = (struct outgoing){.user = &s->user,
                                          .qos = 1,
                                          .output = {.token = first_token + i,
                                                     .topic = {topic, strlen(topic)},
                                                     .payload = {"21.5", 4},
                                                     .message = &f->message}};
}

static void turn(struct fixture *f)
{
    stub_broker_turn(f->broker);
    loop_turn(f->loop, 1);
}

#define until(f, condition)                                                                                  \
    do {                                                                                                     \
        int64_t until_us_ = clock_monotonic_us() + 10000000;                                                 \
        while (!(condition) && clock_monotonic_us() < until_us_)                                             \
            turn(f);                                                                                         \
        assert_true(condition);                                                                              \
    } while (0)

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct error err;
    f->loop = loop_create(&err);
    f->broker = stub_broker_create();
    f->settings = (struct mqtt_settings){.host = "127.0.0.1",
                                         .port = stub_broker_port(f->broker),
                                         .keepalive_ms = 30000,
                                         .max_in_flight = 100,
                                         .receive_maximum = 100,
                                         .max_packet_size = 1 << 20,
                                         .reconnect_min_ms = 10,
                                         .reconnect_max_ms = 20};
    f->upstream = upstream_mqtt_create("cloud", &f->settings, "gw-target", "gw", NULL, f->loop, NULL, &err);
    assert_non_null(f->upstream);
    init_side(f, &f->a, 1, "a/topic");
    init_side(f, &f->b, 101, "b/topic");
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    upstream_remove_user(f->upstream, &f->a.user);
    upstream_remove_user(f->upstream, &f->b.user);
    upstream_destroy(f->upstream);
    mqtt_client_cut_goodbyes(f->loop);
    stub_broker_destroy(f->broker);
    loop_destroy(f->loop);
    free(f);
    return 0;
}

static void connect_it(struct fixture *f)
{
    upstream_start(f->upstream);
    until(f, f->upstream->connected);
}

/* All outputs of a side that it takes. */
static size_t give(struct fixture *f, struct side *s, size_t count)
{
    struct outgoing *list[OUTPUTS_MAX];
    for (size_t i = 0; i < count; i++)
        list[i] = &s->outputs[i];
    return upstream_send(f->upstream, list, count);
}

static void takes_nothing_before_it_is_connected(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(give(f, &f->a, 1), 0);
    connect_it(f);
    assert_int_equal(give(f, &f->a, 1), 1);
    until(f, f->a.delivered == 1);
}

static void several_deliveries_share_the_connection(void **state)
{
    struct fixture *f = *state;
    connect_it(f);
    assert_int_equal(give(f, &f->a, 3), 3);
    assert_int_equal(give(f, &f->b, 2), 2);
    until(f, f->a.delivered == 3 && f->b.delivered == 2);
    assert_int_equal(stub_broker_count(f->broker, STUB_CONNECT, 0), 1);
    assert_int_equal(f->upstream->delivered, 5);
}

/* A reason code, and what it must mean. */
static void check_denial(struct fixture *f, int code, bool is_final)
{
    stub_broker_behaviour(f->broker)->puback_code = code;
    f->a.retried = f->a.rejected = f->a.delivered = 0;
    assert_int_equal(give(f, &f->a, 1), 1);
    until(f, f->a.retried + f->a.rejected + f->a.delivered == 1);
    assert_int_equal(f->a.rejected, is_final);
    assert_int_equal(f->a.retried, !is_final);
    char text[8];
    snprintf(text, sizeof text, "0x%02x", (unsigned)code);
    assert_non_null(strstr(f->a.reason, text));
}

static void nothing_denied_counts_as_delivered(void **state)
{
    struct fixture *f = *state;
    static const struct {
        int code;
        bool is_final;
    } codes[] = {{0x80, false}, {0x83, false}, {0x87, true}, {0x90, true},
                 {0x91, false}, {0x97, false}, {0x99, true}};
    connect_it(f);
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        check_denial(f, codes[i].code, codes[i].is_final);
    stub_broker_behaviour(f->broker)->puback_code = 0x10; /* nobody has subscribed: it has it all the same */
    f->a.delivered = 0;
    assert_int_equal(give(f, &f->a, 1), 1);
    until(f, f->a.delivered == 1);
}

static void a_lost_connection_gives_everything_back(void **state)
{
    struct fixture *f = *state;
    connect_it(f);
    stub_broker_behaviour(f->broker)->no_puback = true;
    assert_int_equal(give(f, &f->a, 2), 2);
    assert_int_equal(give(f, &f->b, 1), 1);
    until(f, stub_broker_count(f->broker, STUB_PUBLISH, 0) == 3);
    stub_broker_hang_up(f->broker);
    until(f, f->a.retried == 2 && f->b.retried == 1);
    assert_int_equal(f->a.retry_after_ms, UPSTREAM_RETRY_AT_ONCE);
    assert_false(f->upstream->connected);
    assert_int_not_equal(f->upstream->reason[0], 0);
    stub_broker_behaviour(f->broker)->no_puback = false;
    until(f, f->upstream->connected);
    assert_int_equal(give(f, &f->a, 2), 2);
    until(f, f->a.delivered == 2);
}

static void what_is_cancelled_is_not_answered(void **state)
{
    struct fixture *f = *state;
    connect_it(f);
    stub_broker_behaviour(f->broker)->no_puback = true;
    assert_int_equal(give(f, &f->a, 1), 1);
    assert_int_equal(give(f, &f->b, 1), 1);
    until(f, stub_broker_count(f->broker, STUB_PUBLISH, 0) == 2);
    upstream_remove_user(f->upstream, &f->a.user);
    stub_broker_puback(f->broker, 1, 0);
    stub_broker_puback(f->broker, 2, 0);
    until(f, f->b.delivered == 1);
    assert_int_equal(f->a.delivered + f->a.retried + f->a.rejected, 0);
    upstream_add_user(f->upstream, &f->a.user);
}

/* Never from inside upstream_send(), as upstream.h promises. */
static void a_topic_with_a_wildcard_is_rejected_later(void **state)
{
    struct fixture *f = *state;
    connect_it(f);
    f->a.outputs[0].output.topic = (struct fby_bytes){"a/#", 3};
    assert_int_equal(give(f, &f->a, 2), 2);
    assert_int_equal(f->a.rejected, 0);
    until(f, f->a.rejected == 1 && f->a.delivered == 1);
}

/* As with a wrong password: what is wrong is the configuration, and not each message. */
static void a_broker_without_qos1_denies_nothing_for_good(void **state)
{
    struct fixture *f = *state;
    stub_broker_behaviour(f->broker)->only_qos0 = true;
    connect_it(f);
    f->a.outputs[1].qos = 0;
    assert_int_equal(give(f, &f->a, 2), 2);
    assert_int_equal(f->a.retried, 0);
    until(f, f->a.retried == 1 && f->a.delivered == 1);
    assert_int_equal(f->a.rejected, 0);
    assert_non_null(strstr(f->a.reason, "QoS"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(takes_nothing_before_it_is_connected),
        TEST(several_deliveries_share_the_connection),
        TEST(nothing_denied_counts_as_delivered),
        TEST(a_lost_connection_gives_everything_back),
        TEST(what_is_cancelled_is_not_answered),
        TEST(a_topic_with_a_wildcard_is_rejected_later),
        TEST(a_broker_without_qos1_denies_nothing_for_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
