/* SPDX-License-Identifier: Apache-2.0
 *
 * An edge node against a stub broker: the will and its number, the order of packets, what counts as
 * delivered, commands, the primary host, silence, goodbyes.
 */
#include "base/clock.h"
#include "base/durable_file.h"
#include "delivery/upstream_sparkplug.h"
#include "loop/loop.h"
#include "message/value.h"
#include "mqtt/mqtt_client.h"
#include "sparkplug/sparkplug_b.pb-c.h"
#include "sparkplug/sparkplug_draft.h"
#include "sparkplug/sparkplug_payload.h"
#include "sparkplug/sparkplug_settings.h"
#include "stub_broker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { OUTPUTS_MAX = 8, DISCONNECT_WITH_WILL = 4 };

struct fixture {
    struct loop *loop;
    struct stub_broker *broker;
    struct mqtt_settings mqtt;
    struct sparkplug_node_settings node;
    char directory[40], note_path[60];
    struct upstream *upstream;
    struct upstream_user user;
    struct arena arena;
    struct fby_message message;
    struct outgoing outputs[OUTPUTS_MAX];
    unsigned delivered, retried, rejected, ready;
};

static struct fixture f;

static void handle_result(struct upstream_user *u, struct outgoing *o, enum fby_outcome outcome,
                          const char *reason, int64_t retry_after_ms)
{
    (void)u;
    (void)o;
    (void)reason;
    (void)retry_after_ms;
    f.delivered += outcome == FBY_DELIVERED;
    f.retried += outcome == FBY_RETRY;
    f.rejected += outcome == FBY_REJECTED;
}

static void handle_ready(struct upstream_user *u)
{
    (void)u;
    f.ready++;
}

static int set_up(void **state)
{
    (void)state;
    struct error err;
    f = (struct fixture){.directory = "/tmp/fby-sparkplug-XXXXXX"};
    assert_non_null(mkdtemp(f.directory));
    snprintf(f.note_path, sizeof f.note_path, "%s/bdseq", f.directory);
    f.loop = loop_create(&err);
    f.broker = stub_broker_create();
    f.mqtt = (struct mqtt_settings){.host = "127.0.0.1",
                                    .port = stub_broker_port(f.broker),
                                    .keepalive_ms = 30000,
                                    .max_in_flight = 100,
                                    .receive_maximum = 100,
                                    .max_packet_size = 1 << 20,
                                    .reconnect_min_ms = 10,
                                    .reconnect_max_ms = 20};
    f.node = (struct sparkplug_node_settings){.group = "g", .rebirth_interval_ms = 100};
    f.user = (struct upstream_user){.on_result = handle_result, .on_ready = handle_ready};
    list_init(&f.user.link);
    arena_init(&f.arena, 0, 1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (f.upstream)
        upstream_remove_user(f.upstream, &f.user);
    upstream_destroy(f.upstream);
    mqtt_client_cut_goodbyes(f.loop);
    stub_broker_destroy(f.broker);
    loop_destroy(f.loop);
    arena_finish(&f.arena);
    unlink(f.note_path);
    return rmdir(f.directory);
}

static void turn(void)
{
    stub_broker_turn(f.broker);
    loop_turn(f.loop, 1);
}

#define until(condition)                                                                                     \
    do {                                                                                                     \
        int64_t until_us_ = clock_monotonic_us() + 10000000;                                                 \
        while (!(condition) && clock_monotonic_us() < until_us_)                                             \
            turn();                                                                                          \
        assert_true(condition);                                                                              \
    } while (0)

static void start(void)
{
    struct error err;
    struct upstream_sparkplug_options o = {.name = "line4",
                                           .broker = &f.mqtt,
                                           .node = &f.node,
                                           .edge_node = "n",
                                           .client_id = "unit",
                                           .note_path = f.note_path};
    f.upstream = upstream_sparkplug_create(&o, f.loop, NULL, &err);
    assert_non_null(f.upstream);
    upstream_add_user(f.upstream, &f.user);
    upstream_start(f.upstream);
}

static void start_live(void)
{
    start();
    until(f.upstream->connected);
}

/* Offer a message of a device; whether it was taken. */
static bool send_json(const char *device, const char *json)
{
    static const struct sparkplug_draft_settings settings;
    static uint64_t token = 1;
    struct fby_value v;
    struct error err;
    struct buffer draft = {0};
    struct outgoing *o = &f.outputs[token % OUTPUTS_MAX];
    assert_int_equal(value_parse_json(bytes_of_text(json), NULL, &f.arena, &v, &err), STATUS_OK);
    assert_int_equal(sparkplug_draft_encode(&settings, &v, 0, &f.arena, &draft, &err), STATUS_OK);
    *o = (struct outgoing){.output = {.token = token++,
                                      .topic = {device, strlen(device)},
                                      .payload = {arena_strndup(&f.arena, draft.data, draft.len), draft.len},
                                      .message = &f.message},
                           .user = &f.user};
    buffer_finish(&draft);
    return upstream_send(f.upstream, &o, 1) == 1;
}

/* Publishes whose topic has this in it, from event `from` on. */
static size_t count_published(const char *part, size_t from)
{
    size_t count = 0;
    for (size_t i = from; i < stub_broker_event_count(f.broker); i++) {
        const struct stub_event *e = stub_broker_event(f.broker, i);
        if (e->kind == STUB_PACKET && e->type == STUB_PUBLISH && memmem(e->body, e->len, part, strlen(part)))
            count++;
    }
    return count;
}

static size_t find_packet(int type, const char *part)
{
    for (size_t i = 0; i < stub_broker_event_count(f.broker); i++) {
        const struct stub_event *e = stub_broker_event(f.broker, i);
        if (e->kind == STUB_PACKET && e->type == type && memmem(e->body, e->len, part, strlen(part)))
            return i;
    }
    fail_msg("there is no packet of type %d with %s", type, part);
    return 0;
}

static void send_command(const char *topic, const char *metric)
{
    struct buffer out = {0};
    Spb__Payload *p = sparkplug_payload_create(1, -1, &f.arena);
    Spb__Metric *m = sparkplug_payload_add(p, bytes_of_text(metric), &f.arena);
    m->value_case = SPB__METRIC__VALUE_BOOLEAN_VALUE;
    m->boolean_value = true;
    assert_true(sparkplug_payload_pack(p, &out));
    stub_broker_publish(f.broker, topic, out.data, out.len, 0, 0, NULL, 0);
    buffer_finish(&out);
}

static void say_state(const char *json)
{
    stub_broker_publish(f.broker, "spBv1.0/STATE/scada", json, strlen(json), 0, 0, NULL, 0);
}

static void check_note(const char *wanted)
{
    char text[16];
    struct error err;
    assert_int_equal(durable_file_read(f.note_path, text, sizeof text, &err), STATUS_OK);
    assert_string_equal(text, wanted);
}

/* The property of a CONNECT of MQTT 5; absent is 0. */
static uint32_t find_session_expiry(const struct stub_event *connect)
{
    const uint8_t *at = connect->body + 11, *end = at + connect->body[10];
    assert_true(connect->body[10] < 0x80 && end <= connect->body + connect->len);
    while (at < end) {
        bool is_number = *at == 0x11 || *at == 0x27, is_short = *at == 0x21 || *at == 0x22;
        if (*at == 0x11)
            return (uint32_t)at[1] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 8 | at[4];
        if (!is_number && !is_short && *at != 0x17 && *at != 0x19)
            fail_msg("property 0x%02x is not known to this test", *at);
        at += is_number ? 5 : is_short ? 3 : 2;
    }
    return 0;
}

static void test_will_and_order(void **state)
{
    (void)state;
    start_live();
    until(count_published("NBIRTH", 0) == 1);
    const struct stub_event *connect = stub_broker_last(f.broker, STUB_CONNECT);
    /* tck-id-message-flow-edge-node-birth-publish-will-message
     * tck-id-message-flow-edge-node-birth-publish-will-message-topic tck-id-payloads-ndeath-will-message */
    assert_true(memmem(connect->body, connect->len, "spBv1.0/g/NDEATH/n", 18) != NULL);
    /* Protocol name, version, then the flags: a will, QoS 1, not retained, clean start. */
    /* tck-id-message-flow-edge-node-birth-publish-will-message-qos
     * tck-id-message-flow-edge-node-birth-publish-will-message-will-retained
     * tck-id-payloads-ndeath-will-message-qos tck-id-payloads-ndeath-will-message-retain */
    assert_int_equal(connect->body[7] & 0x3e, 0x0e);
    /* tck-id-principles-persistence-clean-session-50 */
    assert_int_equal(find_session_expiry(connect), 0);
    /* tck-id-message-flow-edge-node-ncmd-subscribe tck-id-message-flow-edge-node-birth-publish-connect */
    size_t subscribed = find_packet(STUB_SUBSCRIBE, "spBv1.0/g/NCMD/n");
    assert_true(subscribed < find_packet(STUB_PUBLISH, "NBIRTH"));
    /* tck-id-principles-birth-certificates-order */
    assert_int_equal(find_packet(STUB_PUBLISH, ""), find_packet(STUB_PUBLISH, "NBIRTH"));
    const struct stub_event *e = stub_broker_event(f.broker, subscribed);
    const uint8_t *filter = memmem(e->body, e->len, "spBv1.0/g/NCMD/n", 16);
    assert_int_equal(filter[16] & 3, 1); /* its QoS */
    check_note("0\n");
}

static void test_sessions_are_numbered(void **state)
{
    (void)state;
    struct error err;
    assert_int_equal(durable_file_replace(f.note_path, bytes_of_text("254\n"), &err), STATUS_OK);
    start_live();
    check_note("255\n");
    stub_broker_hang_up(f.broker);
    until(!f.upstream->connected);
    until(f.upstream->connected);
    /* tck-id-topics-nbirth-bdseq-increment */
    check_note("0\n");
}

static void test_broker_that_is_away_uses_no_number(void **state)
{
    (void)state;
    int port = f.mqtt.port;
    f.mqtt.port = 1; /* nobody listens there */
    start();
    until(strstr(f.upstream->reason, "refused"));
    int64_t tries_us = clock_monotonic_us() + 100000;
    while (clock_monotonic_us() < tries_us)
        turn();
    f.mqtt.port = port;
    until(f.upstream->connected);
    check_note("0\n");
}

static void test_damaged_note_begins_anew(void **state)
{
    (void)state;
    struct error err;
    assert_int_equal(durable_file_replace(f.note_path, bytes_of_text("many"), &err), STATUS_OK);
    start_live();
    check_note("0\n");
}

static void test_no_note_no_connection(void **state)
{
    (void)state;
    snprintf(f.note_path, sizeof f.note_path, "%s/no/bdseq", f.directory);
    start();
    until(strstr(f.upstream->reason, "cannot write"));
    assert_null(stub_broker_last(f.broker, STUB_CONNECT));
}

static void test_delivered_when_the_broker_has_read_it(void **state)
{
    (void)state;
    start_live();
    until(count_published("NBIRTH", 0) == 1);
    size_t from = stub_broker_event_count(f.broker);
    assert_true(send_json("d", "{\"a\":1}"));
    assert_true(send_json("d", "{\"a\":2}"));
    assert_int_equal(f.delivered, 0);
    until(f.delivered == 2);
    assert_int_equal(count_published("DBIRTH/n/d", from), 1);
    assert_int_equal(count_published("DDATA/n/d", from), 1);
    assert_int_equal(stub_broker_event(f.broker, find_packet(STUB_PUBLISH, "DDATA"))->flags & 6, 0);
    assert_true(stub_broker_count(f.broker, STUB_UNSUBSCRIBE, from) >= 1);
}

static void test_lost_connection_gives_all_back(void **state)
{
    (void)state;
    start_live();
    assert_true(send_json("d", "{\"a\":1}"));
    assert_true(send_json("d", "{\"a\":2}"));
    stub_broker_hang_up(f.broker);
    until(f.retried == 2);
    assert_int_equal(f.delivered, 0);
    assert_false(send_json("d", "{\"a\":2}"));
    until(f.upstream->connected);
    until(count_published("DBIRTH", 0) >= 1); /* before any data is offered */
    assert_true(send_json("d", "{\"a\":2}"));
    until(f.delivered == 1);
}

static void test_broker_that_does_not_answer(void **state)
{
    (void)state;
    f.mqtt.keepalive_ms = 300;
    stub_broker_behaviour(f.broker)->no_unsuback = true;
    start_live();
    assert_true(send_json("d", "{\"a\":1}"));
    until(f.retried == 1);
    assert_int_equal(f.delivered, 0);
    stub_broker_behaviour(f.broker)->no_unsuback = false;
    until(f.upstream->connected);
    assert_true(send_json("d", "{\"a\":1}"));
    until(f.delivered == 1);
}

static void test_qos_1_is_confirmed_by_puback(void **state)
{
    (void)state;
    f.node.qos = 1;
    start_live();
    assert_true(send_json("d", "{\"a\":1}"));
    until(f.delivered == 1); /* a birth is QoS 0 even then */
    stub_broker_behaviour(f.broker)->no_puback = true;
    assert_true(send_json("d", "{\"a\":2}"));
    until(count_published("DDATA", 0) == 1);
    const struct stub_event *e = stub_broker_last(f.broker, STUB_PUBLISH);
    assert_int_equal(e->flags & 6, 2);
    assert_int_equal(f.delivered, 1);
    size_t topic_len = (size_t)(e->body[0] << 8 | e->body[1]);
    stub_broker_puback(f.broker, (uint16_t)(e->body[2 + topic_len] << 8 | e->body[3 + topic_len]), 0);
    until(f.delivered == 2);
}

static void test_what_cannot_be_sent(void **state)
{
    (void)state;
    start_live();
    assert_true(send_json("a/b", "{\"a\":1}"));
    until(f.rejected == 1);
    assert_true(send_json("d", "{\"a\":null}")); /* nothing to say, so nothing is missing */
    until(f.delivered == 1);
    until(count_published("NBIRTH", 0) == 1);
    assert_int_equal(count_published("/d", 0), 0);
}

static void test_rebirth_commands(void **state)
{
    (void)state;
    start_live();
    assert_true(send_json("d", "{\"a\":1}"));
    until(f.delivered == 1);
    send_command("spBv1.0/g/DCMD/n/d", "Node Control/Rebirth"); /* not to the node */
    send_command("spBv1.0/g/NCMD/n", "Node Control/Reboot");
    send_command("spBv1.0/g/NCMD/n", "Node Control/Rebirth");
    /* tck-id-operational-behavior-data-commands-rebirth-action-2 */
    until(count_published("NBIRTH", 0) == 2 && count_published("DBIRTH", 0) == 2);
    send_command("spBv1.0/g/NCMD/n", "Node Control/Rebirth");
    send_command("spBv1.0/g/NCMD/n", "Node Control/Rebirth");
    stub_broker_publish(f.broker, "spBv1.0/g/NCMD/n", "\xff", 1, 0, 0, NULL, 0);
    int64_t asked_us = clock_monotonic_us();
    until(count_published("NBIRTH", 0) == 3);
    assert_true(clock_monotonic_us() - asked_us < 10000000);
    int64_t quiet_us = clock_monotonic_us() + 200000;
    while (clock_monotonic_us() < quiet_us)
        turn();
    assert_int_equal(count_published("NBIRTH", 0), 3); /* the two together */
}

static void test_primary_host(void **state)
{
    (void)state;
    f.node.primary_host = "scada";
    start();
    /* tck-id-message-flow-edge-node-birth-publish-phid-wait
     * tck-id-operational-behavior-edge-node-birth-sequence-wait */
    until(strstr(f.upstream->reason, "not online"));
    assert_false(send_json("d", "{\"a\":1}"));
    say_state("online");
    /* tck-id-message-flow-edge-node-birth-publish-phid-wait-online
     * tck-id-message-flow-edge-node-birth-publish-phid-wait-timestamp */
    say_state("{\"online\":false,\"timestamp\":1000}");
    say_state("{\"online\":true,\"timestamp\":999}"); /* older than that */
    /* tck-id-message-flow-edge-node-birth-publish-phid-wait-id */
    stub_broker_publish(f.broker, "spBv1.0/STATE/other", "{\"online\":true,\"timestamp\":2000}", 32, 0, 0,
                        NULL, 0);
    int64_t quiet_us = clock_monotonic_us() + 100000;
    while (clock_monotonic_us() < quiet_us)
        turn();
    assert_int_equal(count_published("NBIRTH", 0), 0);
    say_state("{\"online\":true,\"timestamp\":2000}");
    until(f.upstream->connected && count_published("NBIRTH", 0) == 1);
    /* tck-id-operational-behavior-edge-node-termination-host-offline-timestamp */
    say_state("{\"online\":false,\"timestamp\":1500}"); /* the will of a connection before */
    assert_true(send_json("d", "{\"a\":1}"));
    until(f.delivered == 1);
    /* tck-id-message-flow-edge-node-birth-publish-phid-offline
     * tck-id-operational-behavior-edge-node-termination-host-offline */
    say_state("{\"online\":false,\"timestamp\":2000}");
    until(count_published("NDEATH", 0) == 1);
    until(stub_broker_last(f.broker, STUB_DISCONNECT));
    assert_int_equal(stub_broker_last(f.broker, STUB_DISCONNECT)->body[0], DISCONNECT_WITH_WILL);
    until(strstr(f.upstream->reason, "not online")); /* a new connection, which waits */
    check_note("1\n");
}

static void test_silent_devices_die(void **state)
{
    (void)state;
    f.node.device_timeout_ms = 100;
    start_live();
    assert_true(send_json("d", "{\"a\":1}"));
    /* tck-id-operational-behavior-device-ddeath tck-id-topics-ddeath-mqtt */
    until(count_published("DDEATH/n/d", 0) == 1);
    assert_int_equal(stub_broker_event(f.broker, find_packet(STUB_PUBLISH, "DDEATH"))->flags & 7, 0);
    assert_true(send_json("d", "{\"a\":1}"));
    until(count_published("DBIRTH/n/d", 0) == 2);
}

static void test_goodbye(void **state)
{
    (void)state;
    start_live();
    until(count_published("NBIRTH", 0) == 1);
    upstream_stop(f.upstream);
    until(stub_broker_last(f.broker, STUB_DISCONNECT));
    /* tck-id-operational-behavior-edge-node-intentional-disconnect-ndeath
     * tck-id-payloads-ndeath-will-message-publisher
     * tck-id-operational-behavior-edge-node-intentional-disconnect-packet */
    assert_int_equal(count_published("NDEATH", 0), 1);
    assert_int_equal(find_packet(STUB_DISCONNECT, ""), find_packet(STUB_PUBLISH, "NDEATH") + 1);
    /* tck-id-payloads-ndeath-will-message-publisher-disconnect-mqtt50 */
    assert_int_equal(stub_broker_last(f.broker, STUB_DISCONNECT)->body[0], DISCONNECT_WITH_WILL);
}

static void test_goodbye_of_311(void **state)
{
    (void)state;
    f.mqtt.version = MQTT_VERSION_311;
    start_live();
    assert_true(send_json("d", "{\"a\":1}"));
    until(f.delivered == 1);
    upstream_stop(f.upstream);
    until(stub_broker_last(f.broker, STUB_DISCONNECT));
    assert_int_equal(stub_broker_last(f.broker, STUB_DISCONNECT)->len, 0);
    /* tck-id-payloads-ndeath-will-message-publisher-disconnect-mqtt311 */
    assert_true(find_packet(STUB_PUBLISH, "NDEATH") < find_packet(STUB_DISCONNECT, ""));
    /* tck-id-principles-persistence-clean-session-311 */
    assert_int_equal(stub_broker_last(f.broker, STUB_CONNECT)->body[7] & 0x3e, 0x0e);
}

static void test_broker_without_commands(void **state)
{
    (void)state;
    stub_broker_behaviour(f.broker)->suback_code = 0x87;
    start_live(); /* it says so, and goes on */
    until(count_published("NBIRTH", 0) == 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_will_and_order),
        TEST(test_sessions_are_numbered),
        TEST(test_broker_that_is_away_uses_no_number),
        TEST(test_damaged_note_begins_anew),
        TEST(test_no_note_no_connection),
        TEST(test_delivered_when_the_broker_has_read_it),
        TEST(test_lost_connection_gives_all_back),
        TEST(test_broker_that_does_not_answer),
        TEST(test_qos_1_is_confirmed_by_puback),
        TEST(test_what_cannot_be_sent),
        TEST(test_rebirth_commands),
        TEST(test_primary_host),
        TEST(test_silent_devices_die),
        TEST(test_goodbye),
        TEST(test_goodbye_of_311),
        TEST(test_broker_without_commands),
    };
    mqtt_library_init();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    mqtt_library_finish();
    return failed;
}
