/* SPDX-License-Identifier: Apache-2.0
 *
 * A client on a loop with a stub broker beside it, and a record of what the client reports.
 */
#ifndef UNIT_MQTT_FIXTURE_H
#define UNIT_MQTT_FIXTURE_H

#include "loop/loop.h"
#include "mqtt/mqtt_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct stub_broker;

struct mqtt_fixture {
    struct loop *loop;
    struct stub_broker *broker;
    struct mqtt_settings settings;
    struct mqtt_client_role role;
    struct mqtt_client *client;

    unsigned connected, disconnected, messages, bursts, published, writable, subscribed;
    bool session_present;
    bool release_at_once; /* answer every burst with a release */
    unsigned burst_messages, largest_burst;
    char reason[500];
    char last_topic[200], last_payload[200];
    size_t last_payload_len;
    uint64_t last_token;
    int last_code;
    char last_refusal[200];
    int granted[64];
    size_t granted_count;
    void (*on_message)(struct mqtt_fixture *f, const struct message *m); /* NULL: none */
};

/* Settings for quick tests, no client yet. */
void mqtt_fixture_init(struct mqtt_fixture *f);
void mqtt_fixture_finish(struct mqtt_fixture *f);
/* Make the client and start it. */
void mqtt_fixture_start(struct mqtt_fixture *f);
/* The same, and wait until it is connected. */
void mqtt_fixture_connect(struct mqtt_fixture *f);
/* One turn of both sides. */
void mqtt_fixture_turn(struct mqtt_fixture *f);
void mqtt_fixture_turn_for(struct mqtt_fixture *f, int64_t ms);

/* Turn until the condition holds; fails the test after 5 s. */
#define mqtt_fixture_until(f, condition)                                                                     \
    do {                                                                                                     \
        int64_t until_us_ = clock_monotonic_us() + 5000000;                                                  \
        while (!(condition) && clock_monotonic_us() < until_us_)                                             \
            mqtt_fixture_turn(f);                                                                            \
        assert_true(condition);                                                                              \
    } while (0)

#endif
