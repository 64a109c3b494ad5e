/* SPDX-License-Identifier: Apache-2.0
 *
 * The acknowledgement gate, by the bytes on the wire: no PUBACK leaves before the release, none at all after
 * an abort. It rests on a side effect of libmosquitto, so this is what must fail first when that changes.
 */
#include "mqtt_fixture.h"

#include "base/clock.h"
#include "stub_broker.h"

#include <stdio.h>
#include <string.h>

static void test_no_puback_before_release(void **state)
{
    (void)state;
    struct mqtt_fixture f;
    mqtt_fixture_init(&f);
    mqtt_fixture_connect(&f);
    mqtt_fixture_turn_for(&f, 20);
    size_t bytes = stub_broker_bytes_in(f.broker);
    stub_broker_publish_many(f.broker, "t", 1, 50);
    mqtt_fixture_until(&f, f.bursts == 1);
    mqtt_fixture_turn_for(&f, 100);
    assert_int_equal(f.bursts, 1);
    assert_int_equal(f.messages, 50);
    assert_int_equal(stub_broker_bytes_in(f.broker), bytes);
    stub_broker_mark(f.broker, "release");
    size_t mark = stub_broker_event_count(f.broker);
    mqtt_client_release(f.client);
    mqtt_fixture_until(&f, stub_broker_count(f.broker, STUB_PUBACK, mark) == 50);
    assert_int_equal(stub_broker_count(f.broker, STUB_PUBACK, 0), 50);
    for (size_t i = 0; i < 50; i++)
        assert_int_equal(stub_event_packet_id(stub_broker_event(f.broker, mark + i)), i + 1);
    mqtt_fixture_finish(&f);
}

/* Neither a ping nor a publish of ours may carry the acknowledgements out. */
static void test_publish_while_held_writes_nothing(void **state)
{
    (void)state;
    struct mqtt_fixture f;
    mqtt_fixture_init(&f);
    mqtt_fixture_connect(&f);
    stub_broker_publish_many(f.broker, "t", 1, 3);
    mqtt_fixture_until(&f, f.bursts == 1);
    size_t bytes = stub_broker_bytes_in(f.broker);
    struct mqtt_publish p = {.topic = bytes_of_text("x"), .payload = bytes_of_text("y"), .qos = 1};
    assert_int_equal(mqtt_client_publish(f.client, &p), STATUS_OK);
    struct mqtt_subscription s = {.filter = "more/#", .qos = 1};
    assert_int_equal(mqtt_client_subscribe(f.client, &s, 1), STATUS_OK);
    mqtt_fixture_turn_for(&f, 50);
    assert_int_equal(stub_broker_bytes_in(f.broker), bytes);
    mqtt_client_release(f.client);
    mqtt_fixture_until(&f, f.published == 1 && f.subscribed == 1);
    assert_int_equal(stub_broker_count(f.broker, STUB_PUBACK, 0), 3);
    mqtt_fixture_finish(&f);
}

static void test_more_comes_only_after_release(void **state)
{
    (void)state;
    struct mqtt_fixture f;
    mqtt_fixture_init(&f);
    mqtt_fixture_connect(&f);
    stub_broker_publish_many(f.broker, "some/topic", 1, 1200);
    for (unsigned released = 0; f.messages < 1200 || f.bursts > released;) {
        mqtt_fixture_turn(&f);
        if (f.bursts == released)
            continue;
        unsigned seen = f.messages;
        mqtt_fixture_turn_for(&f, 5);
        assert_int_equal(f.messages, seen);
        assert_true(stub_broker_count(f.broker, STUB_PUBACK, 0) < seen);
        mqtt_client_release(f.client);
        released++;
        mqtt_fixture_until(&f, stub_broker_count(f.broker, STUB_PUBACK, 0) == seen);
    }
    assert_true(f.largest_burst <= 500);
    assert_true(f.bursts >= 3);
    mqtt_fixture_finish(&f);
}

static void test_abort_sends_nothing_and_comes_back(void **state)
{
    (void)state;
    struct mqtt_fixture f;
    mqtt_fixture_init(&f);
    mqtt_fixture_connect(&f);
    stub_broker_publish_many(f.broker, "t", 1, 5);
    mqtt_fixture_until(&f, f.bursts == 1);
    mqtt_client_abort(f.client, "the journal is full");
    assert_false(mqtt_client_is_connected(f.client));
    stub_broker_behaviour(f.broker)->session_present = true;
    mqtt_fixture_until(&f, f.connected == 2);
    assert_int_equal(f.disconnected, 1);
    assert_string_equal(f.reason, "the journal is full");
    assert_true(f.session_present);
    assert_false(stub_broker_was_clean_start(f.broker));
    /* The broker sends them again, and now they are acknowledged. */
    assert_int_equal(stub_broker_count(f.broker, STUB_PUBACK, 0), 0);
    stub_broker_publish_many(f.broker, "t", 1, 5);
    mqtt_fixture_until(&f, f.bursts == 2);
    mqtt_client_release(f.client);
    mqtt_fixture_until(&f, stub_broker_count(f.broker, STUB_PUBACK, 0) == 5);
    assert_int_equal(f.messages, 10);
    mqtt_fixture_finish(&f);
}

static void abort_at_third(struct mqtt_fixture *f, const struct message *m)
{
    (void)m;
    if (f->messages == 3)
        mqtt_client_abort(f->client, "no room");
}

static void test_abort_inside_a_burst(void **state)
{
    (void)state;
    struct mqtt_fixture f;
    mqtt_fixture_init(&f);
    f.on_message = abort_at_third;
    mqtt_fixture_connect(&f);
    stub_broker_publish_many(f.broker, "t", 1, 20);
    mqtt_fixture_until(&f, f.disconnected == 1);
    assert_int_equal(f.messages, 3);
    assert_int_equal(f.bursts, 0);
    mqtt_fixture_until(&f, f.connected == 2);
    assert_int_equal(stub_broker_count(f.broker, STUB_PUBACK, 0), 0);
    mqtt_fixture_finish(&f);
}

static void test_destroy_while_held_acknowledges_nothing(void **state)
{
    (void)state;
    struct mqtt_fixture f;
    mqtt_fixture_init(&f);
    mqtt_fixture_connect(&f);
    stub_broker_publish_many(f.broker, "t", 1, 5);
    mqtt_fixture_until(&f, f.bursts == 1);
    mqtt_client_destroy(f.client);
    f.client = NULL;
    mqtt_fixture_turn_for(&f, 20);
    assert_int_equal(stub_broker_count(f.broker, STUB_PUBACK, 0), 0);
    assert_int_equal(stub_broker_count(f.broker, STUB_DISCONNECT, 0), 0);
    mqtt_fixture_finish(&f);
}

/* CONNACK, and right behind it what a kept session has for us. */
static void test_messages_behind_connack_are_held_too(void **state)
{
    (void)state;
    struct mqtt_fixture f;
    mqtt_fixture_init(&f);
    f.settings.version = MQTT_VERSION_311;
    stub_broker_behaviour(f.broker)->silent = true;
    mqtt_fixture_start(&f);
    mqtt_fixture_until(&f, stub_broker_count(f.broker, STUB_CONNECT, 0) == 1);
    static const uint8_t connack_and_publish[] = {0x20, 2, 1, 0, 0x32, 6, 0, 1, 't', 0, 7, 'x'};
    stub_broker_send(f.broker, connack_and_publish, sizeof connack_and_publish);
    mqtt_fixture_until(&f, f.bursts == 1);
    assert_int_equal(f.connected, 1);
    assert_true(f.session_present);
    mqtt_fixture_turn_for(&f, 20);
    assert_int_equal(stub_broker_count(f.broker, STUB_PUBACK, 0), 0);
    mqtt_client_release(f.client);
    mqtt_fixture_until(&f, stub_broker_count(f.broker, STUB_PUBACK, 0) == 1);
    mqtt_fixture_finish(&f);
}

/* One message, large enough to come in several reads and past the read-ahead buffer. */
static void test_large_message(void **state)
{
    (void)state;
    struct mqtt_fixture f;
    mqtt_fixture_init(&f);
    f.release_at_once = true;
    mqtt_fixture_connect(&f);
    static char payload[300000];
    memset(payload, 'p', sizeof payload);
    stub_broker_publish(f.broker, "t", payload, 70000, 1, 1, NULL, 0);
    mqtt_fixture_until(&f, f.messages == 1);
    assert_int_equal(f.last_payload_len, 70000);
    mqtt_fixture_until(&f, stub_broker_count(f.broker, STUB_PUBACK, 0) == 1);
    struct mqtt_publish p = {
        .topic = bytes_of_text("up"), .payload = bytes_of(payload, sizeof payload), .qos = 1};
    assert_int_equal(mqtt_client_publish(f.client, &p), STATUS_OK);
    mqtt_fixture_until(&f, f.published == 1);
    assert_int_equal(stub_broker_last(f.broker, STUB_PUBLISH)->len, sizeof payload + 2 + 2 + 2 + 1);
    mqtt_fixture_finish(&f);
}

static void test_qos0_messages_make_a_burst(void **state)
{
    (void)state;
    struct mqtt_fixture f;
    mqtt_fixture_init(&f);
    mqtt_fixture_connect(&f);
    stub_broker_publish(f.broker, "zero", "z", 1, 0, 0, NULL, 0);
    mqtt_fixture_until(&f, f.bursts == 1);
    assert_string_equal(f.last_topic, "zero");
    mqtt_client_release(f.client);
    stub_broker_publish(f.broker, "zero", "", 0, 0, 0, NULL, 0);
    mqtt_fixture_until(&f, f.bursts == 2);
    mqtt_fixture_finish(&f);
}

static void test_pause_stops_reading_and_reconnecting(void **state)
{
    (void)state;
    struct mqtt_fixture f;
    mqtt_fixture_init(&f);
    f.release_at_once = true;
    mqtt_fixture_connect(&f);
    mqtt_client_set_paused(f.client, true);
    stub_broker_publish_many(f.broker, "t", 1, 5);
    mqtt_fixture_turn_for(&f, 30);
    assert_int_equal(f.messages, 0);
    mqtt_client_set_paused(f.client, false);
    mqtt_fixture_until(&f, f.messages == 5);
    mqtt_client_set_paused(f.client, true);
    mqtt_client_abort(f.client, "no room");
    mqtt_fixture_turn_for(&f, 100);
    assert_int_equal(f.connected, 1);
    assert_int_equal(f.disconnected, 1);
    mqtt_client_set_paused(f.client, false);
    mqtt_fixture_until(&f, f.connected == 2);
    mqtt_fixture_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_puback_before_release),
        cmocka_unit_test(test_publish_while_held_writes_nothing),
        cmocka_unit_test(test_more_comes_only_after_release),
        cmocka_unit_test(test_abort_sends_nothing_and_comes_back),
        cmocka_unit_test(test_abort_inside_a_burst),
        cmocka_unit_test(test_destroy_while_held_acknowledges_nothing),
        cmocka_unit_test(test_messages_behind_connack_are_held_too),
        cmocka_unit_test(test_large_message),
        cmocka_unit_test(test_qos0_messages_make_a_burst),
        cmocka_unit_test(test_pause_stops_reading_and_reconnecting),
    };
    mqtt_library_init();
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    mqtt_library_finish();
    return failures;
}
