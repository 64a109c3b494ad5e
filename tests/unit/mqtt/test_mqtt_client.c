/* SPDX-License-Identifier: Apache-2.0
 *
 * Connecting, coming back, publishing and what is said about it, against a stub broker.
 */
#include "mqtt_fixture.h"

#include "base/clock.h"
#include "stub_broker.h"

#include <dlfcn.h>
#include <mosquitto.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A name server that takes its time; the program's definition is the one that libmosquitto finds. */
static unsigned resolver_delay_ms;

__attribute__((visibility("default"))) int getaddrinfo(const char *host, const char *service,
                                                       const struct addrinfo *hints, struct addrinfo **result)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    if (resolver_delay_ms)
        usleep(resolver_delay_ms * 1000);
    return real(host, service, hints, result);
}

/* A malformed packet costs libmosquitto the memory of its properties (mqtt_guard.h). */
const char *__lsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void)
{
    return "leak:libmosquitto";
}

static struct mqtt_publish publish_of(uint64_t token, const char *topic, const char *payload)
{
    return (struct mqtt_publish){
        .token = token, .topic = bytes_of_text(topic), .payload = bytes_of_text(payload), .qos = 1};
}

static bool contains(const struct stub_event *e, const char *text)
{
    return memmem(e->body, e->len, text, strlen(text)) != NULL;
}

static void init_target(struct mqtt_fixture *f)
{
    mqtt_fixture_init(f);
    f->role.gated = false;
    f->role.persistent = false;
}

/* ---- Connecting ---- */

static void test_connect_says_who_we_are(void **state)
{
    (void)state;
    struct mqtt_fixture f;
    mqtt_fixture_init(&f);
    f.settings.username = "gw";
    f.settings.password = "secret";
    mqtt_fixture_connect(&f);
    const struct stub_event *e = stub_broker_last(f.broker, STUB_CONNECT);
    assert_true(contains(e, "unit"));
    assert_true(contains(e, "gw"));
    assert_true(contains(e, "secret"));
    static const char expiry[] = {0x11, 0, 0, 0x0e, 0x10}, receive_maximum[] = {0x21, 3, (char)0xe8};
    assert_non_null(memmem(e->body, e->len, expiry, sizeof expiry));
    assert_non_null(memmem(e->body, e->len, receive_maximum, sizeof receive_maximum));
    assert_int_equal(e->body[7] & 2, 0);
    assert_false(f.session_present);
    assert_string_equal(mqtt_client_state_text(f.client), "connected");
    assert_int_equal(mqtt_client_receive_window(f.client), 1000);
    mqtt_fixture_finish(&f);
}

static void test_targets_start_clean(void **state)
{
    (void)state;
    struct mqtt_fixture f;
    init_target(&f);
    stub_broker_behaviour(f.broker)->session_present = true;
    mqtt_fixture_connect(&f);
    assert_true(stub_broker_was_clean_start(f.broker));
    assert_false(f.session_present);
    mqtt_fixture_finish(&f);
}

static void test_comes_back_after_hang_up(void **state)
{
    (void)state;
    struct mqtt_fixture f;
    mqtt_fixture_init(&f);
    mqtt_fixture_connect(&f);
    stub_broker_hang_up(f.broker);
    mqtt_fixture_until(&f, f.disconnected == 1);
    assert_string_equal(f.reason, "the broker closed the connection");
    assert_non_null(strstr(mqtt_client_state_text(f.client), "next try in"));
    mqtt_fixture_until(&f, f.connected == 2);
    mqtt_fixture_finish(&f);
}

static void test_backoff_grows_while_nobody_listens(void **state)
{
    (void)state;
    struct mqtt_fixture f;
    mqtt_fixture_init(&f);
    f.settings.port = 1; /* nobody there */
    mqtt_fixture_start(&f);
    mqtt_fixture_turn_for(&f, 300);
    assert_in_range(f.disconnected, 4, 20);
    assert_string_equal(f.reason, "Connection refused");
    mqtt_fixture_finish(&f);
}

static void test_unknown_name(void **state)
{
    (void)state;
    struct mqtt_fixture f;
    mqtt_fixture_init(&f);
    f.settings.host = "no-such-host.invalid";
    mqtt_fixture_start(&f);
    mqtt_fixture_until(&f, f.disconnected == 1);
    assert_non_null(strstr(f.reason, "the name cannot be resolved"));
    mqtt_fixture_finish(&f);
}

static void test_slow_name_server_never_blocks_the_loop(void **state)
{
    (void)state;
    struct mqtt_fixture f;
    mqtt_fixture_init(&f);
    resolver_delay_ms = 300;
    mqtt_fixture_start(&f);
    int64_t longest_us = 0, start_us = clock_monotonic_us();
    while (!f.connected && clock_monotonic_us() - start_us < 5000000) {
        int64_t before_us = clock_monotonic_us();
        mqtt_fixture_turn(&f);
        if (longest_us < clock_monotonic_us() - before_us)
            longest_us = clock_monotonic_us() - before_us;
    }
    resolver_delay_ms = 0;
    assert_int_equal(f.connected, 1);
    assert_true(clock_monotonic_us() - start_us >= 300000);
    assert_true(longest_us < 200000);
    mqtt_fixture_finish(&f);
}

static void test_destroy_while_connecting(void **state)
{
    (void)state;
    struct mqtt_fixture f;
    resolver_delay_ms = 100;
    for (int i = 0; i < 6; i++) { /* more than there are threads: some never begin */
        mqtt_fixture_init(&f);
        mqtt_fixture_start(&f);
        mqtt_fixture_turn(&f);
        mqtt_fixture_finish(&f);
    }
    resolver_delay_ms = 0;
    usleep(250000);
}

static void test_broker_that_does_not_answer(void **state)
{
    (void)state;
    struct mqtt_fixture f;
    mqtt_fixture_init(&f);
    stub_broker_behaviour(f.broker)->silent = true;
    mqtt_fixture_start(&f);
    mqtt_fixture_until(&f, stub_broker_count(f.broker, STUB_CONNECT, 0) == 1);
    assert_false(mqtt_client_is_connected(f.client));
    assert_string_equal(mqtt_client_state_text(f.client), "connecting");
    mqtt_fixture_finish(&f);
}

static void test_broker_that_does_not_speak_mqtt(void **state)
{
    (void)state;
    struct mqtt_fixture f;
    mqtt_fixture_init(&f);
    f.settings.version = MQTT_VERSION_5;
    stub_broker_behaviour(f.broker)->silent = true;
    mqtt_fixture_start(&f);
    mqtt_fixture_until(&f, stub_broker_count(f.broker, STUB_CONNECT, 0) == 1);
    static const char answer[200] = "HTTP/1.1 400 Bad Request\r\n";
    stub_broker_send(f.broker, answer, sizeof answer);
    mqtt_fixture_until(&f, f.disconnected == 1);
    assert_non_null(strstr(f.reason, "not MQTT"));
    mqtt_fixture_finish(&f);
}

/* libmosquitto would stop the whole program. */
static void test_broker_that_sends_an_unknown_property(void **state)
{
    (void)state;
    struct mqtt_fixture f;
    mqtt_fixture_init(&f);
    mqtt_fixture_connect(&f);
    static const uint8_t unknown[] = {1, 1, 0x7f, 0};
    stub_broker_publish(f.broker, "t", "x", 1, 1, 1, unknown, sizeof unknown);
    mqtt_fixture_until(&f, f.disconnected == 1);
    assert_non_null(strstr(f.reason, "not MQTT"));
    assert_int_equal(f.messages, 0);
    mqtt_fixture_until(&f, f.connected == 2);
    mqtt_fixture_finish(&f);
}

/* With 3.1.1 a broker may send up to 256 MiB at once. */
static void test_broker_that_sends_too_large_a_packet(void **state)
{
    (void)state;
    static uint8_t bytes[64 << 10];
    struct mqtt_fixture f;
    mqtt_fixture_init(&f);
    f.settings.version = MQTT_VERSION_311;
    f.settings.max_packet_size = 128 << 10;
    f.release_at_once = true;
    mqtt_fixture_connect(&f);
    for (uint16_t i = 1; i <= 10; i++) { /* more than the limit, in packets that are not */
        stub_broker_publish(f.broker, "t", bytes, sizeof bytes, 1, i, NULL, 0);
        mqtt_fixture_until(&f, f.messages == i);
    }
    static const uint8_t head[] = {0x32, 0x80, 0x80, 0x80, 0x40, 0, 1, 't', 0, 11}; /* 128 MiB */
    stub_broker_send(f.broker, head, sizeof head);
    size_t sent = 0;
    for (; f.disconnected == 0 && sent < 1 << 20; sent += sizeof bytes) {
        stub_broker_send(f.broker, bytes, sizeof bytes);
        mqtt_fixture_turn_for(&f, 5);
    }
    assert_int_equal(f.disconnected, 1);
    assert_non_null(strstr(f.reason, "larger than max_packet_size"));
    assert_int_equal(f.messages, 10);
    mqtt_fixture_finish(&f);
}

/* Years of a silent connection are no large packet. */
static void test_broker_that_only_answers_pings(void **state)
{
    (void)state;
    enum { BURSTS = 3000 };
    struct mqtt_fixture f;
    mqtt_fixture_init(&f);
    f.settings.max_packet_size = 1024;
    mqtt_fixture_connect(&f);
    uint8_t answers[60];
    for (size_t i = 0; i < sizeof answers; i += 2) {
        answers[i] = 0xD0; /* PINGRESP */
        answers[i + 1] = 0;
    }
    for (int i = 0; i < BURSTS; i++) {
        stub_broker_send(f.broker, answers, sizeof answers);
        mqtt_fixture_turn(&f);
    }
    mqtt_fixture_turn_for(&f, 5);
    assert_int_equal(f.disconnected, 0);
    assert_true(mqtt_client_is_connected(f.client));
    mqtt_fixture_finish(&f);
}

/* ---- Versions ---- */

static void test_falls_back_when_v5_is_refused(void **state)
{
    (void)state;
    struct mqtt_fixture f;
    mqtt_fixture_init(&f);
    f.settings.reconnect_min_ms = f.settings.reconnect_max_ms = 3000; /* the fall back does not wait for it */
    stub_broker_behaviour(f.broker)->refuse_v5 = true;
    int64_t start_us = clock_monotonic_us();
    mqtt_fixture_connect(&f);
    assert_true(clock_monotonic_us() - start_us < 1000000);
    assert_false(stub_broker_is_v5(f.broker));
    assert_int_equal(stub_broker_count(f.broker, STUB_CONNECT, 0), 2);
    assert_int_equal(mqtt_client_receive_window(f.client), 20);
    mqtt_fixture_finish(&f);
}

static void test_falls_back_when_the_broker_hangs_up_on_v5(void **state)
{
    (void)state;
    struct mqtt_fixture f;
    mqtt_fixture_init(&f);
    stub_broker_behaviour(f.broker)->hang_up_on_v5 = true;
    mqtt_fixture_connect(&f);
    assert_false(stub_broker_is_v5(f.broker));
    /* What worked is remembered. */
    size_t connects = stub_broker_count(f.broker, STUB_CONNECT, 0);
    stub_broker_hang_up(f.broker);
    mqtt_fixture_until(&f, f.connected == 2);
    assert_int_equal(stub_broker_count(f.broker, STUB_CONNECT, 0), connects + 1);
    mqtt_fixture_finish(&f);
}

static void test_a_wanted_version_stays(void **state)
{
    (void)state;
    struct mqtt_fixture f;
    mqtt_fixture_init(&f);
    f.settings.version = MQTT_VERSION_5;
    stub_broker_behaviour(f.broker)->refuse_v5 = true;
    mqtt_fixture_start(&f);
    mqtt_fixture_until(&f, f.disconnected >= 3);
    assert_true(stub_broker_is_v5(f.broker));
    assert_non_null(strstr(f.reason, "does not speak this MQTT version"));
    mqtt_fixture_finish(&f);
}

static void test_refused_connection_says_why(void **state)
{
    (void)state;
    static const struct {
        int version, code;
        const char *words;
    } cases[] = {
        {MQTT_VERSION_5, 0x86, "wrong user name or password"},
        {MQTT_VERSION_5, 0x87, "not authorized"},
        {MQTT_VERSION_311, 4, "wrong user name or password"},
        {MQTT_VERSION_311, 5, "not authorized"},
        {MQTT_VERSION_311, 2, "client id"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mqtt_fixture f;
        mqtt_fixture_init(&f);
        f.settings.version = cases[i].version;
        stub_broker_behaviour(f.broker)->connack_code = cases[i].code;
        mqtt_fixture_start(&f);
        mqtt_fixture_until(&f, f.disconnected == 1);
        assert_non_null(strstr(f.reason, cases[i].words));
        assert_int_equal(f.connected, 0);
        mqtt_fixture_finish(&f);
    }
}

static bool no_memory_for_id;
struct mosquitto *__real_mosquitto_new(const char *id, bool clean_session, void *ctx);
struct mosquitto *__wrap_mosquitto_new(const char *id, bool clean_session, void *ctx);

struct mosquitto *__wrap_mosquitto_new(const char *id, bool clean_session, void *ctx)
{
    return no_memory_for_id ? __real_mosquitto_new(NULL, true, ctx)
                            : __real_mosquitto_new(id, clean_session, ctx);
}

/* libmosquitto sends no client id when it had no memory for ours, and the broker gives it one: that would be
 * another session. */
static void test_client_id_of_the_broker(void **state)
{
    (void)state;
    struct mqtt_fixture f;
    mqtt_fixture_init(&f);
    stub_broker_behaviour(f.broker)->names_client = true;
    no_memory_for_id = true;
    mqtt_fixture_start(&f);
    mqtt_fixture_until(&f, f.disconnected == 1);
    no_memory_for_id = false;
    assert_int_equal(f.connected, 0);
    assert_non_null(strstr(f.reason, "no memory for the client id"));
    mqtt_fixture_finish(&f);
}

static void test_taken_over_client_id(void **state)
{
    (void)state;
    struct mqtt_fixture f;
    mqtt_fixture_init(&f);
    mqtt_fixture_connect(&f);
    stub_broker_disconnect(f.broker, 0x8e);
    mqtt_fixture_until(&f, f.disconnected == 1);
    assert_non_null(strstr(f.reason, "another client uses the same client id"));
    mqtt_fixture_finish(&f);
}

/* MQTT 3.1.1 has no reason: connections that end again and again soon after CONNACK are the sign. */
static void test_taken_over_client_id_without_a_reason(void **state)
{
    (void)state;
    struct mqtt_fixture f;
    mqtt_fixture_init(&f);
    f.settings.version = MQTT_VERSION_311;
    mqtt_fixture_connect(&f);
    for (unsigned i = 1; i <= 3; i++) {
        stub_broker_hang_up(f.broker);
        mqtt_fixture_until(&f, f.disconnected == i);
        if (i < 3)
            mqtt_fixture_until(&f, f.connected == i + 1);
    }
    assert_non_null(strstr(f.reason, "another client uses the same client id (unit)"));
    mqtt_fixture_finish(&f);
}

/* ---- Publishing ---- */

static void test_publish_window(void **state)
{
    (void)state;
    struct mqtt_fixture f;
    init_target(&f);
    struct stub_behaviour *how = stub_broker_behaviour(f.broker);
    how->no_puback = true;
    how->receive_maximum = 10;
    mqtt_fixture_connect(&f);
    for (uint64_t i = 0; i < 10; i++) {
        struct mqtt_publish p = publish_of(100 + i, "up/stream", "payload");
        assert_int_equal(mqtt_client_publish(f.client, &p), STATUS_OK);
    }
    struct mqtt_publish p = publish_of(110, "up/stream", "payload");
    assert_int_equal(mqtt_client_publish(f.client, &p), STATUS_BUSY);
    mqtt_fixture_until(&f, stub_broker_count(f.broker, STUB_PUBLISH, 0) == 10);
    assert_int_equal(f.writable, 0);
    const struct stub_event *e = stub_broker_last(f.broker, STUB_PUBLISH);
    uint16_t last_id = (uint16_t)(e->body[11] << 8 | e->body[12]);
    /* Out of order: the third, then the first. */
    stub_broker_puback(f.broker, (uint16_t)(last_id - 7), 0);
    mqtt_fixture_until(&f, f.published == 1);
    assert_int_equal(f.last_token, 102);
    mqtt_fixture_until(&f, f.writable == 1);
    stub_broker_puback(f.broker, (uint16_t)(last_id - 9), 0);
    mqtt_fixture_until(&f, f.published == 2);
    assert_int_equal(f.last_token, 100);
    assert_int_equal(mqtt_client_publish(f.client, &p), STATUS_OK);
    assert_int_equal(mqtt_client_publish(f.client, &p), STATUS_OK);
    assert_int_equal(mqtt_client_publish(f.client, &p), STATUS_BUSY);
    mqtt_fixture_finish(&f);
}

static void test_many_publishes_share_writes(void **state)
{
    (void)state;
    struct mqtt_fixture f;
    init_target(&f);
    mqtt_fixture_connect(&f);
    uint64_t sent = 0;
    while (f.published < 5000) {
        struct mqtt_publish p = publish_of(sent, "up/stream", "payload");
        while (sent < 5000 && mqtt_client_publish(f.client, &p) == STATUS_OK)
            p.token = ++sent;
        mqtt_fixture_turn(&f);
    }
    assert_int_equal(stub_broker_count(f.broker, STUB_PUBLISH, 0), 5000);
    assert_int_equal(f.last_token, 4999);
    mqtt_fixture_finish(&f);
}

static void test_refusals_of_publishes(void **state)
{
    (void)state;
    struct mqtt_fixture f;
    init_target(&f);
    stub_broker_behaviour(f.broker)->puback_code = 0x87;
    mqtt_fixture_connect(&f);
    struct mqtt_publish p = publish_of(7, "denied", "x");
    assert_int_equal(mqtt_client_publish(f.client, &p), STATUS_OK);
    mqtt_fixture_until(&f, f.published == 1);
    assert_int_equal(f.last_code, 0x87);
    assert_non_null(strstr(f.last_refusal, "not authorized"));
    mqtt_fixture_finish(&f);
}

static void test_qos0_is_reported_when_written(void **state)
{
    (void)state;
    struct mqtt_fixture f;
    init_target(&f);
    mqtt_fixture_connect(&f);
    struct mqtt_publish p = publish_of(9, "t", "x");
    p.qos = 0;
    assert_int_equal(mqtt_client_publish(f.client, &p), STATUS_OK);
    assert_int_equal(f.published, 0);
    mqtt_fixture_until(&f, f.published == 1);
    assert_int_equal(f.last_token, 9);
    mqtt_fixture_until(&f, stub_broker_count(f.broker, STUB_PUBLISH, 0) == 1);
    mqtt_fixture_finish(&f);
}

static void test_lost_publishes_are_forgotten(void **state)
{
    (void)state;
    struct mqtt_fixture f;
    init_target(&f);
    stub_broker_behaviour(f.broker)->no_puback = true;
    mqtt_fixture_connect(&f);
    struct mqtt_publish p = publish_of(1, "t", "x");
    assert_int_equal(mqtt_client_publish(f.client, &p), STATUS_OK);
    mqtt_fixture_until(&f, stub_broker_count(f.broker, STUB_PUBLISH, 0) == 1);
    stub_broker_hang_up(f.broker);
    mqtt_fixture_until(&f, f.disconnected == 1);
    assert_int_equal(mqtt_client_publish(f.client, &p), STATUS_BUSY);
    mqtt_fixture_until(&f, f.connected == 2 && f.writable == 1);
    mqtt_fixture_turn_for(&f, 30);
    assert_int_equal(stub_broker_count(f.broker, STUB_PUBLISH, 0), 1);
    assert_int_equal(f.published, 0);
    mqtt_fixture_finish(&f);
}

int __real_mosquitto_publish_v5(struct mosquitto *m, int *id, const char *topic, int len, const void *payload,
                                int qos, bool retain, const mosquitto_property *list);
int __wrap_mosquitto_publish_v5(struct mosquitto *m, int *id, const char *topic, int len, const void *payload,
                                int qos, bool retain, const mosquitto_property *list);
static bool memory_is_refused;

int __wrap_mosquitto_publish_v5(struct mosquitto *m, int *id, const char *topic, int len, const void *payload,
                                int qos, bool retain, const mosquitto_property *list)
{
    return memory_is_refused ? MOSQ_ERR_NOMEM
                             : __real_mosquitto_publish_v5(m, id, topic, len, payload, qos, retain, list);
}

/* Nothing is on its way whose answer would tell of room. */
static void test_without_memory_to_publish(void **state)
{
    (void)state;
    struct mqtt_fixture f;
    init_target(&f);
    mqtt_fixture_connect(&f);
    struct mqtt_publish p = publish_of(1, "t", "x");
    memory_is_refused = true;
    assert_int_equal(mqtt_client_publish(f.client, &p), STATUS_NO_MEMORY);
    memory_is_refused = false;
    mqtt_fixture_until(&f, f.writable == 1);
    assert_int_equal(mqtt_client_publish(f.client, &p), STATUS_OK);
    mqtt_fixture_until(&f, f.published == 1);
    mqtt_fixture_finish(&f);
}

static void test_what_cannot_be_published(void **state)
{
    (void)state;
    struct mqtt_fixture f;
    init_target(&f);
    stub_broker_behaviour(f.broker)->max_packet_size = 100;
    mqtt_fixture_connect(&f);
    static char large[200];
    struct mqtt_publish p = publish_of(1, "t", "x");
    p.payload = bytes_of(large, sizeof large);
    assert_int_equal(mqtt_client_publish(f.client, &p), STATUS_LIMIT);
    p = publish_of(1, "with/+/wildcard", "x");
    assert_int_equal(mqtt_client_publish(f.client, &p), STATUS_INVALID);
    p = publish_of(1, "", "x");
    assert_int_equal(mqtt_client_publish(f.client, &p), STATUS_INVALID);
    p.topic = bytes_of("a\0b", 3);
    assert_int_equal(mqtt_client_publish(f.client, &p), STATUS_INVALID);
    mqtt_fixture_finish(&f);
}

/* ---- Properties ---- */

static struct {
    char content_type[50], response_topic[50], name[50], text[50], correlation[10];
    size_t correlation_len, property_count;
} seen;

static void copy_text(char *to, size_t size, struct bytes from)
{
    snprintf(to, size, "%.*s", (int)from.len, (const char *)from.data);
}

static void keep_properties(struct mqtt_fixture *f, const struct message *m)
{
    (void)f;
    copy_text(seen.content_type, sizeof seen.content_type, m->content_type);
    copy_text(seen.response_topic, sizeof seen.response_topic, m->response_topic);
    seen.correlation_len = m->correlation_data.len;
    if (m->correlation_data.len)
        memcpy(seen.correlation, m->correlation_data.data, m->correlation_data.len);
    seen.property_count = m->property_count;
    if (m->property_count) {
        copy_text(seen.name, sizeof seen.name, m->properties[0].name);
        copy_text(seen.text, sizeof seen.text, m->properties[0].text);
    }
}

static void test_properties_in(void **state)
{
    (void)state;
    struct mqtt_fixture f;
    mqtt_fixture_init(&f);
    f.release_at_once = true;
    f.on_message = keep_properties;
    mqtt_fixture_connect(&f);
    static const uint8_t some[] =
        "\x03\x00\x04json\x08\x00\x05reply\x09\x00\x03\x00\x01\x02\x26\x00\x01k\x00\x02vv";
    stub_broker_publish(f.broker, "t", "x", 1, 1, 1, some, sizeof some - 1);
    mqtt_fixture_until(&f, f.messages == 1);
    assert_string_equal(seen.content_type, "json");
    assert_string_equal(seen.response_topic, "reply");
    assert_int_equal(seen.correlation_len, 3);
    assert_memory_equal(seen.correlation, "\0\1\2", 3);
    assert_int_equal(seen.property_count, 1);
    assert_string_equal(seen.name, "k");
    assert_string_equal(seen.text, "vv");
    uint8_t many[100 * 7];
    for (size_t i = 0; i < 100; i++)
        memcpy(many + i * 7, "\x26\x00\x01n\x00\x01t", 7);
    stub_broker_publish(f.broker, "t", "x", 1, 1, 2, many, sizeof many);
    mqtt_fixture_until(&f, f.messages == 2);
    assert_int_equal(seen.property_count, MESSAGE_PROPERTIES_MAX);
    assert_int_equal(seen.correlation_len, 0);
    mqtt_fixture_finish(&f);
}

static void test_properties_out(void **state)
{
    (void)state;
    struct mqtt_fixture f;
    init_target(&f);
    mqtt_fixture_connect(&f);
    struct message_property user[] = {{bytes_of_text("key"), bytes_of_text("value")},
                                      {bytes_of_text("bad"), bytes_of("\xff\xfe", 2)},
                                      {bytes_of_text("last"), bytes_of_text("")}};
    struct mqtt_publish p = publish_of(1, "t", "x");
    p.content_type = bytes_of_text("application/json");
    p.response_topic = bytes_of_text("answers");
    p.correlation_data = bytes_of("\0\1", 2);
    p.properties = user;
    p.property_count = 3;
    assert_int_equal(mqtt_client_publish(f.client, &p), STATUS_OK);
    mqtt_fixture_until(&f, f.published == 1);
    const struct stub_event *e = stub_broker_last(f.broker, STUB_PUBLISH);
    static const char wanted[] =
        "\x03\x00\x10"
        "application/json\x08\x00\x07"
        "answers\x09\x00\x02\x00\x01\x26\x00\x03key\x00\x05value\x26\x00\x04last\x00\x00x";
    assert_true(e->len > sizeof wanted - 1);
    assert_memory_equal(e->body + e->len - (sizeof wanted - 1), wanted, sizeof wanted - 1);
    mqtt_fixture_finish(&f);
}

static void test_no_properties_for_311(void **state)
{
    (void)state;
    struct mqtt_fixture f;
    init_target(&f);
    f.settings.version = MQTT_VERSION_311;
    mqtt_fixture_connect(&f);
    struct mqtt_publish p = publish_of(1, "t", "x");
    p.content_type = bytes_of_text("application/json");
    assert_int_equal(mqtt_client_publish(f.client, &p), STATUS_OK);
    mqtt_fixture_until(&f, f.published == 1);
    assert_int_equal(stub_broker_last(f.broker, STUB_PUBLISH)->len, 2 + 1 + 2 + 1);
    mqtt_fixture_finish(&f);
}

/* ---- Subscriptions and status ---- */

static void test_subscribe_gathers_answers(void **state)
{
    (void)state;
    struct mqtt_fixture f;
    mqtt_fixture_init(&f);
    mqtt_fixture_connect(&f);
    struct mqtt_subscription subs[20];
    char names[20][20];
    for (size_t i = 0; i < 20; i++) {
        snprintf(names[i], sizeof names[i], "filter/%zu/#", i);
        subs[i] = (struct mqtt_subscription){.filter = names[i], .qos = i % 3 == 0 ? 0 : 1};
    }
    assert_int_equal(mqtt_client_subscribe(f.client, subs, 20), STATUS_OK);
    mqtt_fixture_until(&f, f.subscribed == 1);
    assert_int_equal(f.granted_count, 20);
    for (size_t i = 0; i < 20; i++)
        assert_int_equal(f.granted[i], i % 3 == 0 ? 0 : 1);
    assert_int_equal(stub_broker_count(f.broker, STUB_SUBSCRIBE, 0), 3);
    /* "send retained messages only for a new subscription" */
    const struct stub_event *e = stub_broker_last(f.broker, STUB_SUBSCRIBE);
    assert_int_equal(e->body[e->len - 1] & 0x30, 0x10);
    stub_broker_behaviour(f.broker)->suback_code = 0x87;
    assert_int_equal(mqtt_client_subscribe(f.client, subs, 1), STATUS_OK);
    mqtt_fixture_until(&f, f.subscribed == 2);
    assert_int_equal(f.granted[0], 0x87);
    subs[0].filter = "not/a#/filter";
    assert_int_equal(mqtt_client_subscribe(f.client, subs, 1), STATUS_INVALID);
    subs[0] = (struct mqtt_subscription){.filter = "ok", .qos = 2};
    assert_int_equal(mqtt_client_subscribe(f.client, subs, 1), STATUS_INVALID);
    mqtt_fixture_finish(&f);
}

static void test_status_topic(void **state)
{
    (void)state;
    struct mqtt_fixture f;
    mqtt_fixture_init(&f);
    f.role.status_topic = "gateways/g1/status";
    f.role.gateway = "g1";
    mqtt_fixture_connect(&f);
    mqtt_fixture_until(&f, stub_broker_count(f.broker, STUB_PUBLISH, 0) == 1);
    const struct stub_event *e = stub_broker_last(f.broker, STUB_PUBLISH);
    assert_true(contains(e, "gateways/g1/status"));
    assert_true(contains(e, "\"state\":\"online\",\"gateway\":\"g1\",\"version\":\""));
    assert_int_equal(e->flags & 1, 1); /* retained */
    e = stub_broker_last(f.broker, STUB_CONNECT);
    assert_true(contains(e, "\"state\":\"offline\""));
    assert_int_equal(e->body[7] & 0x24, 0x24); /* a will, retained */
    mqtt_fixture_turn_for(&f, 10);
    size_t mark = stub_broker_event_count(f.broker);
    mqtt_client_destroy(f.client);
    f.client = NULL;
    mqtt_fixture_turn_for(&f, 20);
    assert_true(contains(stub_broker_last(f.broker, STUB_PUBLISH), "\"state\":\"offline\""));
    assert_int_equal(stub_broker_count(f.broker, STUB_DISCONNECT, mark), 1);
    assert_int_equal(stub_broker_event(f.broker, stub_broker_event_count(f.broker) - 1)->kind, STUB_CLOSED);
    mqtt_fixture_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connect_says_who_we_are),
        cmocka_unit_test(test_targets_start_clean),
        cmocka_unit_test(test_comes_back_after_hang_up),
        cmocka_unit_test(test_backoff_grows_while_nobody_listens),
        cmocka_unit_test(test_unknown_name),
        cmocka_unit_test(test_slow_name_server_never_blocks_the_loop),
        cmocka_unit_test(test_destroy_while_connecting),
        cmocka_unit_test(test_broker_that_does_not_answer),
        cmocka_unit_test(test_broker_that_does_not_speak_mqtt),
        cmocka_unit_test(test_broker_that_sends_an_unknown_property),
        cmocka_unit_test(test_broker_that_sends_too_large_a_packet),
        cmocka_unit_test(test_broker_that_only_answers_pings),
        cmocka_unit_test(test_falls_back_when_v5_is_refused),
        cmocka_unit_test(test_falls_back_when_the_broker_hangs_up_on_v5),
        cmocka_unit_test(test_a_wanted_version_stays),
        cmocka_unit_test(test_refused_connection_says_why),
        cmocka_unit_test(test_client_id_of_the_broker),
        cmocka_unit_test(test_taken_over_client_id),
        cmocka_unit_test(test_taken_over_client_id_without_a_reason),
        cmocka_unit_test(test_publish_window),
        cmocka_unit_test(test_many_publishes_share_writes),
        cmocka_unit_test(test_refusals_of_publishes),
        cmocka_unit_test(test_qos0_is_reported_when_written),
        cmocka_unit_test(test_lost_publishes_are_forgotten),
        cmocka_unit_test(test_without_memory_to_publish),
        cmocka_unit_test(test_what_cannot_be_published),
        cmocka_unit_test(test_properties_in),
        cmocka_unit_test(test_properties_out),
        cmocka_unit_test(test_no_properties_for_311),
        cmocka_unit_test(test_subscribe_gathers_answers),
        cmocka_unit_test(test_status_topic),
    };
    mqtt_library_init();
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    mqtt_library_finish();
    return failures;
}
