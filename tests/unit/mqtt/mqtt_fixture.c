/* SPDX-License-Identifier: Apache-2.0
 *
 * See mqtt_fixture.h.
 */
#include "mqtt_fixture.h"

#include "base/clock.h"
#include "stub_broker.h"

#include <stdio.h>
#include <string.h>

static void handle_connected(void *ctx, bool session_present)
{
    struct mqtt_fixture *f = ctx;
    f->connected++;
    f->session_present = session_present;
}

static void handle_disconnected(void *ctx, const char *reason)
{
    struct mqtt_fixture *f = ctx;
    f->disconnected++;
    snprintf(f->reason, sizeof f->reason, "%s", reason);
}

static void handle_message(void *ctx, const struct message *m)
{
    struct mqtt_fixture *f = ctx;
    f->messages++;
    f->burst_messages++;
    snprintf(f->last_topic, sizeof f->last_topic, "%.*s", (int)m->topic.len, (const char *)m->topic.data);
    snprintf(f->last_payload, sizeof f->last_payload, "%.*s", (int)m->payload.len,
             (const char *)m->payload.data);
    f->last_payload_len = m->payload.len;
    if (f->on_message)
        f->on_message(f, m);
}

static void handle_burst(void *ctx)
{
    struct mqtt_fixture *f = ctx;
    f->bursts++;
    if (f->largest_burst < f->burst_messages)
        f->largest_burst = f->burst_messages;
    f->burst_messages = 0;
    if (f->release_at_once)
        mqtt_client_release(f->client);
}

static void handle_published(void *ctx, uint64_t token, int reason_code, const char *reason)
{
    struct mqtt_fixture *f = ctx;
    f->published++;
    f->last_token = token;
    f->last_code = reason_code;
    snprintf(f->last_refusal, sizeof f->last_refusal, "%s", reason);
}

static void handle_writable(void *ctx)
{
    ((struct mqtt_fixture *)ctx)->writable++;
}

static void handle_subscribed(void *ctx, const int *granted, size_t count)
{
    struct mqtt_fixture *f = ctx;
    f->subscribed++;
    f->granted_count = count;
    memcpy(f->granted, granted, count * sizeof *granted);
}

static const struct mqtt_client_events events = {
    .on_connected = handle_connected,
    .on_disconnected = handle_disconnected,
    .on_message = handle_message,
    .on_burst = handle_burst,
    .on_published = handle_published,
    .on_writable = handle_writable,
    .on_subscribed = handle_subscribed,
};

void mqtt_fixture_init(struct mqtt_fixture *f)
{
    memset(f, 0, sizeof *f);
    f->loop = loop_create(NULL);
    assert_non_null(f->loop);
    f->broker = stub_broker_create();
    f->settings = (struct mqtt_settings){
        .url = "mqtt://127.0.0.1",
        .host = "127.0.0.1",
        .port = stub_broker_port(f->broker),
        .keepalive_ms = 30000,
        .session_expiry_ms = 3600000,
        .receive_maximum = 1000,
        .max_in_flight = 100,
        .max_packet_size = 1 << 24,
        .reconnect_min_ms = 10,
        .reconnect_max_ms = 50,
    };
    f->role =
        (struct mqtt_client_role){.name = "devices", .client_id = "unit", .gated = true, .persistent = true};
}

void mqtt_fixture_finish(struct mqtt_fixture *f)
{
    mqtt_client_destroy(f->client);
    stub_broker_destroy(f->broker);
    mqtt_client_cut_goodbyes(f->loop);
    loop_destroy(f->loop);
}

void mqtt_fixture_start(struct mqtt_fixture *f)
{
    struct error err;
    f->client = mqtt_client_create(&f->settings, &f->role, &events, f, f->loop, NULL, &err);
    assert_non_null(f->client);
    mqtt_client_start(f->client);
}

void mqtt_fixture_connect(struct mqtt_fixture *f)
{
    unsigned before = f->connected;
    if (!f->client)
        mqtt_fixture_start(f);
    mqtt_fixture_until(f, f->connected > before);
}

void mqtt_fixture_turn(struct mqtt_fixture *f)
{
    loop_turn(f->loop, 1);
    stub_broker_turn(f->broker);
}

void mqtt_fixture_turn_for(struct mqtt_fixture *f, int64_t ms)
{
    int64_t until_us = clock_monotonic_us() + ms * 1000;
    while (clock_monotonic_us() < until_us)
        mqtt_fixture_turn(f);
}
