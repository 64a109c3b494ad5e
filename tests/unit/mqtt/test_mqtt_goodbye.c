/* SPDX-License-Identifier: Apache-2.0
 *
 * The end of a connection in order: what was released arrives although the broker reads slowly, the loop
 * waits for nobody, and a broker that never closes is left after a while.
 */
#include "mqtt_fixture.h"

#include "base/clock.h"
#include "mqtt/mqtt_goodbye.h"
#include "stub_broker.h"

#include <stdlib.h>
#include <string.h>

static void destroy_client(struct mqtt_fixture *f)
{
    mqtt_client_destroy(f->client);
    f->client = NULL;
}

/* The broker's next messages lie unread in our socket: closing it at once would reset the connection, and the
 * broker would never read the acknowledgements. */
static void test_acknowledgements_reach_a_slow_reader(void **state)
{
    (void)state;
    struct mqtt_fixture f;
    mqtt_fixture_init(&f);
    mqtt_fixture_connect(&f);
    mqtt_fixture_turn_for(&f, 10);
    stub_broker_publish_many(f.broker, "t", 1, 300);
    unsigned released = 0;
    while (f.messages < 300) {
        mqtt_fixture_until(&f, f.bursts > released);
        released++;
        if (f.messages < 300)
            mqtt_client_release(f.client);
    }
    stub_broker_publish_many(f.broker, "t", 301, 300);
    stub_broker_behaviour(f.broker)->read_limit = 20;
    mqtt_client_release(f.client);
    destroy_client(&f);
    assert_int_equal(mqtt_client_goodbye_count(f.loop), 1);
    mqtt_fixture_until(&f, stub_broker_count(f.broker, STUB_DISCONNECT, 0) == 1);
    assert_int_equal(stub_broker_count(f.broker, STUB_PUBACK, 0), 300);
    mqtt_fixture_until(&f, mqtt_client_goodbye_count(f.loop) == 0);
    mqtt_fixture_finish(&f);
}

/* More than the kernel takes: the rest goes when the broker reads. */
static void test_all_that_is_queued_is_written(void **state)
{
    (void)state;
    enum { COUNT = 60, SIZE = 200000 };
    struct mqtt_fixture f;
    mqtt_fixture_init(&f);
    f.role.gated = false;
    mqtt_fixture_connect(&f);
    stub_broker_behaviour(f.broker)->read_limit = 1;
    char *payload = calloc(1, SIZE);
    struct mqtt_publish p = {.topic = bytes_of_text("t"), .payload = bytes_of(payload, SIZE), .qos = 1};
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(mqtt_client_publish(f.client, &p), STATUS_OK);
    mqtt_fixture_turn_for(&f, 10);
    destroy_client(&f);
    free(payload);
    assert_int_equal(mqtt_client_goodbye_count(f.loop), 1);
    stub_broker_behaviour(f.broker)->read_limit = 1 << 20;
    mqtt_fixture_until(&f, mqtt_client_goodbye_count(f.loop) == 0);
    assert_int_equal(stub_broker_count(f.broker, STUB_PUBLISH, 0), COUNT);
    assert_int_equal(stub_broker_count(f.broker, STUB_DISCONNECT, 0), 1);
    mqtt_fixture_finish(&f);
}

static void test_a_broker_that_never_closes(void **state)
{
    (void)state;
    struct mqtt_fixture f;
    mqtt_fixture_init(&f);
    mqtt_fixture_connect(&f);
    stub_broker_behaviour(f.broker)->keep_open = true;
    clock_fake_start(1000000);
    destroy_client(&f);
    mqtt_fixture_turn(&f);
    while (stub_broker_count(f.broker, STUB_DISCONNECT, 0) == 0)
        mqtt_fixture_turn(&f);
    assert_int_equal(mqtt_client_goodbye_count(f.loop), 1);
    clock_fake_advance((MQTT_GOODBYE_LIMIT_MS - 10) * 1000);
    mqtt_fixture_turn(&f);
    mqtt_fixture_turn(&f);
    assert_int_equal(mqtt_client_goodbye_count(f.loop), 1);
    clock_fake_advance(20 * 1000);
    mqtt_fixture_turn(&f);
    mqtt_fixture_turn(&f);
    clock_fake_stop();
    assert_int_equal(mqtt_client_goodbye_count(f.loop), 0);
    mqtt_fixture_finish(&f);
}

/* It would take the session over before the broker has read what the one before had to say. */
static void test_the_next_connection_of_a_session_waits(void **state)
{
    (void)state;
    struct mqtt_fixture f;
    mqtt_fixture_init(&f);
    mqtt_fixture_connect(&f);
    stub_broker_behaviour(f.broker)->keep_open = true;
    destroy_client(&f);
    mqtt_fixture_start(&f);
    mqtt_fixture_turn_for(&f, 60);
    assert_int_equal(stub_broker_count(f.broker, STUB_CONNECT, 0), 1);
    assert_string_equal(mqtt_client_state_text(f.client), "about to connect");
    stub_broker_hang_up(f.broker);
    mqtt_fixture_until(&f, f.connected == 2);
    assert_int_equal(mqtt_client_goodbye_count(f.loop), 0);
    mqtt_fixture_finish(&f);
}

static void test_another_session_does_not_wait(void **state)
{
    (void)state;
    struct mqtt_fixture f;
    mqtt_fixture_init(&f);
    mqtt_fixture_connect(&f);
    stub_broker_behaviour(f.broker)->keep_open = true;
    destroy_client(&f);
    f.role.client_id = "another";
    mqtt_fixture_connect(&f); /* the stub has one connection at a time and closes the other */
    mqtt_fixture_until(&f, mqtt_client_goodbye_count(f.loop) == 0);
    mqtt_fixture_finish(&f);
}

static void test_a_held_burst_is_not_acknowledged(void **state)
{
    (void)state;
    struct mqtt_fixture f;
    mqtt_fixture_init(&f);
    mqtt_fixture_connect(&f);
    stub_broker_publish_many(f.broker, "t", 1, 5);
    mqtt_fixture_until(&f, f.bursts == 1);
    destroy_client(&f);
    assert_int_equal(mqtt_client_goodbye_count(f.loop), 0);
    mqtt_fixture_until(&f, !stub_broker_is_connected(f.broker));
    assert_int_equal(stub_broker_count(f.broker, STUB_PUBACK, 0), 0);
    assert_int_equal(stub_broker_count(f.broker, STUB_DISCONNECT, 0), 0);
    mqtt_fixture_finish(&f);
}

static void test_stopped_and_started_again(void **state)
{
    (void)state;
    struct mqtt_fixture f;
    mqtt_fixture_init(&f);
    mqtt_fixture_connect(&f);
    mqtt_client_stop(f.client);
    mqtt_client_stop(f.client);
    mqtt_fixture_until(&f, mqtt_client_goodbye_count(f.loop) == 0);
    assert_int_equal(f.disconnected, 0);
    assert_false(mqtt_client_is_connected(f.client));
    mqtt_client_start(f.client);
    mqtt_fixture_until(&f, f.connected == 2);
    mqtt_fixture_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_acknowledgements_reach_a_slow_reader),
        cmocka_unit_test(test_all_that_is_queued_is_written),
        cmocka_unit_test(test_a_broker_that_never_closes),
        cmocka_unit_test(test_the_next_connection_of_a_session_waits),
        cmocka_unit_test(test_another_session_does_not_wait),
        cmocka_unit_test(test_a_held_burst_is_not_acknowledged),
        cmocka_unit_test(test_stopped_and_started_again),
    };
    mqtt_library_init();
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    mqtt_library_finish();
    return failures;
}
