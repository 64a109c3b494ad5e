/* SPDX-License-Identifier: Apache-2.0
 *
 * The source between a stub broker and a sink that answers what the test says: acknowledged only when the
 * sink has committed, never when it has no room; sessions and subscriptions.
 */
#include "base/clock.h"
#include "ingest/source_mqtt.h"
#include "loop/loop.h"
#include "message/message_sink.h"
#include "mqtt/mqtt_client.h"
#include "stub_broker.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    struct loop *loop;
    struct stub_broker *broker;
    struct mqtt_settings settings;
    struct source_mqtt_options options;
    struct message_sink sink;
    struct source_mqtt *source;
    char directory[64];

    unsigned accepted, commits, cancels;
    enum status accept_result;
    unsigned room; /* accept_result holds only when this is 0 */
    message_sink_committed_fn done;
    void *done_ctx;
    int64_t last_time_us;
    char last_source[50];
};

static enum status sink_accept(void *self, const struct message *m)
{
    struct fixture *f = self;
    if (f->room == 0 && f->accept_result != STATUS_OK)
        return f->accept_result;
    f->room -= f->room > 0;
    f->accepted++;
    f->last_time_us = m->time_us;
    snprintf(f->last_source, sizeof f->last_source, "%.*s", (int)m->source.len, (const char *)m->source.data);
    return STATUS_OK;
}

static void sink_commit(void *self, message_sink_committed_fn done, void *ctx)
{
    struct fixture *f = self;
    f->commits++;
    f->done = done;
    f->done_ctx = ctx;
}

static void sink_cancel(void *self, void *ctx)
{
    struct fixture *f = self;
    assert_ptr_equal(f->done_ctx, ctx);
    f->cancels++;
    f->done = NULL;
}

static void finish_commit(struct fixture *f, enum status result)
{
    message_sink_committed_fn done = f->done;
    assert_non_null(done);
    f->done = NULL;
    done(f->done_ctx, result);
}

static void turn(struct fixture *f)
{
    loop_turn(f->loop, 1);
    stub_broker_turn(f->broker);
}

static void turn_for(struct fixture *f, int64_t ms)
{
    int64_t until_us = clock_monotonic_us() + ms * 1000;
    while (clock_monotonic_us() < until_us)
        turn(f);
}

#define until(f, condition)                                                                                  \
    do {                                                                                                     \
        int64_t until_us_ = clock_monotonic_us() + 5000000;                                                  \
        while (!(condition) && clock_monotonic_us() < until_us_)                                             \
            turn(f);                                                                                         \
        assert_true(condition);                                                                              \
    } while (0)

static struct source_mqtt_status status_of(struct fixture *f)
{
    struct source_mqtt_status status;
    source_mqtt_status(f->source, &status);
    return status;
}

static void init(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    f->loop = loop_create(NULL);
    f->broker = stub_broker_create();
    f->settings = (struct mqtt_settings){
        .host = "127.0.0.1",
        .port = stub_broker_port(f->broker),
        .keepalive_ms = 30000,
        .session_expiry_ms = 3600000,
        .receive_maximum = 1000,
        .max_in_flight = 100,
        .max_packet_size = 1 << 24,
        .reconnect_min_ms = 10,
        .reconnect_max_ms = 20,
    };
    strcpy(f->directory, "/tmp/fby-source-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    f->options = (struct source_mqtt_options){.name = "devices",
                                              .broker = &f->settings,
                                              .client_id = "gw",
                                              .gateway = "gw",
                                              .state_directory = f->directory};
    f->sink = (struct message_sink){f, sink_accept, sink_commit, sink_cancel};
}

static void start(struct fixture *f, const struct source_mqtt_filter *subs, size_t count)
{
    struct error err;
    f->source = source_mqtt_create(&f->options, &f->sink, f->loop, NULL, &err);
    assert_non_null(f->source);
    source_mqtt_set_subscriptions(f->source, subs, count);
    source_mqtt_start(f->source);
}

static const struct source_mqtt_filter one[] = {{.filter = "sensors/#", .qos = 1}};

static size_t subscribes(struct fixture *f)
{
    return stub_broker_count(f->broker, STUB_SUBSCRIBE, 0);
}

static void start_and_subscribe(struct fixture *f)
{
    init(f);
    start(f, one, 1);
    until(f, subscribes(f) == 1);
    turn_for(f, 10);
}

static void finish(struct fixture *f)
{
    char path[400];
    source_mqtt_destroy(f->source);
    stub_broker_destroy(f->broker);
    mqtt_client_cut_goodbyes(f->loop);
    loop_destroy(f->loop);
    DIR *d = opendir(f->directory);
    for (struct dirent *e; (e = readdir(d));) {
        snprintf(path, sizeof path, "%s/%s", f->directory, e->d_name);
        unlink(path);
    }
    closedir(d);
    rmdir(f->directory);
}

static size_t pubacks(struct fixture *f)
{
    return stub_broker_count(f->broker, STUB_PUBACK, 0);
}

/* ---- Acknowledging ---- */

static void test_acknowledges_after_the_commit(void **state)
{
    (void)state;
    struct fixture f;
    start_and_subscribe(&f);
    stub_broker_publish_many(f.broker, "sensors/a", 1, 30);
    until(&f, f.commits == 1);
    turn_for(&f, 30);
    assert_int_equal(f.accepted, 30);
    assert_int_equal(pubacks(&f), 0);
    assert_string_equal(f.last_source, "devices");
    assert_true(clock_is_plausible(f.last_time_us));
    finish_commit(&f, STATUS_OK);
    until(&f, pubacks(&f) == 30);
    assert_int_equal(status_of(&f).accepted, 30);
    finish(&f);
}

static void test_no_time_without_a_clock(void **state)
{
    (void)state;
    struct fixture f;
    start_and_subscribe(&f);
    clock_fake_start(1000000);
    stub_broker_publish_many(f.broker, "sensors/a", 1, 1);
    while (f.commits == 0) {
        clock_fake_advance(1000);
        turn(&f);
    }
    clock_fake_stop();
    assert_int_equal(f.last_time_us, 0);
    finish(&f);
}

static void test_failed_commit_is_not_acknowledged(void **state)
{
    (void)state;
    struct fixture f;
    start_and_subscribe(&f);
    stub_broker_behaviour(f.broker)->session_present = true;
    stub_broker_publish_many(f.broker, "sensors/a", 1, 3);
    until(&f, f.commits == 1);
    finish_commit(&f, STATUS_IO);
    until(&f, !stub_broker_is_connected(f.broker));
    turn_for(&f, 100);
    assert_false(stub_broker_is_connected(f.broker)); /* it waits */
    assert_true(status_of(&f).stopped_by_sink);
    assert_non_null(strstr(status_of(&f).text, "stopped"));
    source_mqtt_resume(f.source);
    until(&f, status_of(&f).connected);
    stub_broker_publish_many(f.broker, "sensors/a", 1, 3);
    until(&f, f.commits == 2);
    assert_int_equal(pubacks(&f), 0);
    finish_commit(&f, STATUS_OK);
    until(&f, pubacks(&f) == 3);
    assert_int_equal(subscribes(&f), 1);
    finish(&f);
}

static void test_no_room_stops_in_the_middle(void **state)
{
    (void)state;
    struct fixture f;
    start_and_subscribe(&f);
    f.room = 4;
    f.accept_result = STATUS_FULL;
    stub_broker_publish_many(f.broker, "sensors/a", 1, 10);
    until(&f, f.accepted == 4 && !stub_broker_is_connected(f.broker));
    turn_for(&f, 50);
    assert_int_equal(f.commits, 0);
    assert_int_equal(pubacks(&f), 0);
    f.accept_result = STATUS_OK;
    source_mqtt_resume(f.source);
    until(&f, status_of(&f).connected);
    assert_false(status_of(&f).stopped_by_sink);
    finish(&f);
}

/* Room that is gone again at once: the next try is not made before a second is over, whoever says that there
 * is room, because with every connection that is dropped the broker sends its window again. */
static void test_room_that_comes_and_goes(void **state)
{
    (void)state;
    struct fixture f;
    start_and_subscribe(&f);
    f.accept_result = STATUS_FULL;
    for (int i = 0; i < 2; i++) {
        stub_broker_publish_many(f.broker, "sensors/a", 1, 1);
        until(&f, status_of(&f).stopped_by_sink && !stub_broker_is_connected(f.broker));
        source_mqtt_resume(f.source);
        if (i == 0)
            until(&f, status_of(&f).connected);
    }
    assert_true(status_of(&f).stopped_by_sink);
    f.accept_result = STATUS_OK;
    until(&f, status_of(&f).connected);
    finish(&f);
}

static void test_tries_by_itself_when_nobody_resumes(void **state)
{
    (void)state;
    struct fixture f;
    start_and_subscribe(&f);
    f.accept_result = STATUS_FULL;
    stub_broker_publish_many(f.broker, "sensors/a", 1, 1);
    until(&f, status_of(&f).stopped_by_sink);
    f.accept_result = STATUS_OK;
    until(&f, status_of(&f).connected); /* after 1 to 2 s */
    finish(&f);
}

static void test_what_is_too_large_is_acknowledged(void **state)
{
    (void)state;
    struct fixture f;
    start_and_subscribe(&f);
    f.accept_result = STATUS_LIMIT;
    stub_broker_publish_many(f.broker, "sensors/a", 1, 1);
    until(&f, f.commits == 1);
    finish_commit(&f, STATUS_OK);
    until(&f, pubacks(&f) == 1);
    finish(&f);
}

/* The answer of a commit that outlived its connection must not release the next burst. */
static void test_connection_lost_during_commit(void **state)
{
    (void)state;
    struct fixture f;
    start_and_subscribe(&f);
    stub_broker_behaviour(f.broker)->session_present = true;
    stub_broker_publish_many(f.broker, "sensors/a", 1, 3);
    until(&f, f.commits == 1);
    stub_broker_hang_up(f.broker);
    /* A held connection is not read, so the loss shows only once it is written. */
    finish_commit(&f, STATUS_OK);
    until(&f, stub_broker_is_connected(f.broker));
    stub_broker_publish_many(f.broker, "sensors/a", 1, 3);
    until(&f, f.commits == 2);
    turn_for(&f, 20);
    assert_int_equal(pubacks(&f), 0);
    finish_commit(&f, STATUS_OK);
    until(&f, pubacks(&f) == 3);
    finish(&f);
}

static void test_destroy_during_commit(void **state)
{
    (void)state;
    struct fixture f;
    start_and_subscribe(&f);
    stub_broker_publish_many(f.broker, "sensors/a", 1, 3);
    until(&f, f.commits == 1);
    source_mqtt_destroy(f.source);
    f.source = NULL;
    assert_int_equal(f.cancels, 1);
    turn_for(&f, 20);
    assert_int_equal(pubacks(&f), 0);
    finish(&f);
}

/* ---- Sessions and subscriptions ---- */

static bool last_packet_has(struct fixture *f, int type, const char *text)
{
    const struct stub_event *e = stub_broker_last(f->broker, type);
    return e && memmem(e->body, e->len, text, strlen(text)) != NULL;
}

static void test_subscribes_to_the_reduced_union(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    static const struct source_mqtt_filter subs[] = {
        {.filter = "a/+/t", .qos = 1}, {.filter = "a/#", .qos = 0}, {.filter = "a/+/t", .qos = 0},
        {.filter = "b", .qos = 1},     {.filter = "b", .qos = 1},
    };
    start(&f, subs, 5);
    until(&f, subscribes(&f) == 1);
    const struct stub_event *e = stub_broker_last(f.broker, STUB_SUBSCRIBE);
    static const char wanted[] = "\0\3a/#\x11\0\1b\x11";
    assert_int_equal(e->len, 3 + sizeof wanted - 1);
    assert_memory_equal(e->body + 3, wanted, sizeof wanted - 1);
    finish(&f);
}

static void test_kept_session_is_not_subscribed_again(void **state)
{
    (void)state;
    struct fixture f;
    start_and_subscribe(&f);
    stub_broker_behaviour(f.broker)->session_present = true;
    stub_broker_hang_up(f.broker);
    until(&f, stub_broker_count(f.broker, STUB_CONNECT, 0) == 2 && status_of(&f).connected);
    turn_for(&f, 30);
    assert_int_equal(subscribes(&f), 1);
    assert_false(status_of(&f).possible_gap);
    finish(&f);
}

static void test_lost_session_is_a_possible_gap(void **state)
{
    (void)state;
    struct fixture f;
    start_and_subscribe(&f);
    assert_false(status_of(&f).possible_gap);
    stub_broker_hang_up(f.broker);
    until(&f, subscribes(&f) == 2);
    assert_true(status_of(&f).possible_gap);
    assert_int_equal(status_of(&f).gaps, 1);
    finish(&f);
}

static void restart(struct fixture *f, const struct source_mqtt_filter *subs, size_t count)
{
    source_mqtt_destroy(f->source);
    turn_for(f, 10);
    start(f, subs, count);
    until(f, status_of(f).connected);
    turn_for(f, 30);
}

static void test_session_is_remembered_over_a_restart(void **state)
{
    (void)state;
    struct fixture f;
    start_and_subscribe(&f);
    stub_broker_behaviour(f.broker)->session_present = true;
    restart(&f, one, 1);
    assert_int_equal(subscribes(&f), 1);
    /* One filter came, one went. */
    static const struct source_mqtt_filter other[] = {{.filter = "commands/#", .qos = 1}};
    restart(&f, other, 1);
    assert_int_equal(subscribes(&f), 2);
    assert_true(last_packet_has(&f, STUB_SUBSCRIBE, "commands/#"));
    assert_int_equal(stub_broker_count(f.broker, STUB_UNSUBSCRIBE, 0), 1);
    assert_true(last_packet_has(&f, STUB_UNSUBSCRIBE, "sensors/#"));
    /* A session that should be there and is not. */
    stub_broker_behaviour(f.broker)->session_present = false;
    restart(&f, other, 1);
    assert_true(status_of(&f).possible_gap);
    assert_int_equal(subscribes(&f), 3);
    /* Another client id has another session: nothing is expected of it. */
    f.options.client_id = "gw2";
    restart(&f, other, 1);
    assert_false(status_of(&f).possible_gap);
    finish(&f);
}

static void test_reload_changes_the_difference_only(void **state)
{
    (void)state;
    struct fixture f;
    start_and_subscribe(&f);
    static const struct source_mqtt_filter more[] = {{.filter = "sensors/#", .qos = 1},
                                                     {.filter = "extra", .qos = 1}};
    source_mqtt_set_subscriptions(f.source, more, 2);
    until(&f, subscribes(&f) == 2);
    assert_false(last_packet_has(&f, STUB_SUBSCRIBE, "sensors/#"));
    turn_for(&f, 10);
    source_mqtt_set_subscriptions(f.source, more, 1);
    until(&f, stub_broker_count(f.broker, STUB_UNSUBSCRIBE, 0) == 1);
    turn_for(&f, 10);
    /* Changed twice before the broker answered the first. */
    source_mqtt_set_subscriptions(f.source, more, 2);
    source_mqtt_set_subscriptions(f.source, one, 1);
    until(&f, stub_broker_count(f.broker, STUB_UNSUBSCRIBE, 0) == 2);
    turn_for(&f, 20);
    assert_int_equal(subscribes(&f), 3);
    finish(&f);
}

static const struct source_mqtt_filter two[] = {{.filter = "sensors/#", .qos = 1},
                                                {.filter = "extra", .qos = 1}};

static size_t unsubscribes(struct fixture *f)
{
    return stub_broker_count(f->broker, STUB_UNSUBSCRIBE, 0);
}

static void test_unsubscribing_is_repeated_until_confirmed(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    start(&f, two, 2);
    until(&f, subscribes(&f) == 1);
    turn_for(&f, 10);
    stub_broker_behaviour(f.broker)->no_unsuback = true;
    stub_broker_behaviour(f.broker)->session_present = true;
    source_mqtt_set_subscriptions(f.source, one, 1);
    until(&f, unsubscribes(&f) == 1);
    stub_broker_hang_up(f.broker);
    until(&f, unsubscribes(&f) == 2);
    /* Not over a restart either. */
    restart(&f, one, 1);
    until(&f, unsubscribes(&f) == 3);
    stub_broker_behaviour(f.broker)->no_unsuback = false;
    stub_broker_hang_up(f.broker);
    until(&f, unsubscribes(&f) == 4);
    turn_for(&f, 10);
    assert_true(last_packet_has(&f, STUB_UNSUBSCRIBE, "extra"));
    stub_broker_hang_up(f.broker);
    until(&f, status_of(&f).connected);
    turn_for(&f, 20);
    assert_int_equal(unsubscribes(&f), 4);
    assert_int_equal(subscribes(&f), 1);
    finish(&f);
}

static void test_wanted_again_before_the_broker_confirmed(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    start(&f, two, 2);
    until(&f, subscribes(&f) == 1);
    turn_for(&f, 10);
    source_mqtt_set_subscriptions(f.source, one, 1);
    source_mqtt_set_subscriptions(f.source, two, 2);
    until(&f, unsubscribes(&f) == 1 && subscribes(&f) == 2);
    assert_true(last_packet_has(&f, STUB_SUBSCRIBE, "extra"));
    turn_for(&f, 20);
    assert_true(status_of(&f).subscribed);
    assert_int_equal(subscribes(&f), 2);
    finish(&f);
}

static void test_refused_filters_are_said(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    stub_broker_behaviour(f.broker)->suback_code = 0x87;
    start(&f, one, 1);
    until(&f, status_of(&f).refused_count == 1);
    assert_non_null(strstr(status_of(&f).text, "does not allow 1 of 1 topic filters (sensors/#)"));
    /* Asked again at the next connect. */
    stub_broker_behaviour(f.broker)->suback_code = 0;
    stub_broker_behaviour(f.broker)->session_present = true;
    stub_broker_hang_up(f.broker);
    until(&f, subscribes(&f) == 2);
    turn_for(&f, 10);
    assert_int_equal(status_of(&f).refused_count, 0);
    assert_string_equal(status_of(&f).text, "connected");
    finish(&f);
}

/* ---- A Sparkplug host application ---- */

static const char state_topic[] = "spBv1.0/STATE/scada";

/* The first packet of a type, from event `from` on, that has this text in it; SIZE_MAX: none. */
static size_t find_packet(struct fixture *f, int type, const char *part, size_t from)
{
    for (size_t i = from; i < stub_broker_event_count(f->broker); i++) {
        const struct stub_event *e = stub_broker_event(f->broker, i);
        if (e->kind == STUB_PACKET && e->type == type && memmem(e->body, e->len, part, strlen(part)))
            return i;
    }
    return SIZE_MAX;
}

/* The number behind "timestamp": of a STATE in the packet. */
static int64_t timestamp_in(const struct stub_event *e, const char *online)
{
    char text[64];
    snprintf(text, sizeof text, "{\"online\":%s,\"timestamp\":", online);
    const char *at = memmem(e->body, e->len, text, strlen(text));
    assert_non_null(at);
    return strtoll(at + strlen(text), NULL, 10);
}

/* Returns how many messages are committed; what comes in between waits for the next call. */
static unsigned commit_what_is_there(struct fixture *f)
{
    if (f->done)
        finish_commit(f, STATUS_OK);
    return f->accepted;
}

static void start_as_host(struct fixture *f)
{
    init(f);
    f->settings.sparkplug_host = "scada";
    start(f, one, 1);
    until(f, find_packet(f, STUB_PUBLISH, state_topic, 0) != SIZE_MAX);
}

static void test_host_says_that_it_is_online(void **state)
{
    (void)state;
    struct fixture f;
    int64_t before_ms = clock_realtime_us() / 1000;
    start_as_host(&f);
    const struct stub_event *connect = stub_broker_last(f.broker, STUB_CONNECT);
    /* tck-id-host-topic-phid-death-required tck-id-operational-behavior-host-application-connect-will
     * tck-id-host-topic-phid-death-topic tck-id-operational-behavior-host-application-connect-will-topic
     * tck-id-payloads-state-will-message */
    assert_non_null(memmem(connect->body, connect->len, state_topic, strlen(state_topic)));
    /* A will, QoS 1, retained.
     * tck-id-host-topic-phid-death-qos tck-id-operational-behavior-host-application-connect-will-qos
     * tck-id-payloads-state-will-message-qos
     * tck-id-host-topic-phid-death-retain tck-id-operational-behavior-host-application-connect-will-retained
     * tck-id-payloads-state-will-message-retain */
    assert_int_equal(connect->body[7] & 0x3c, 0x2c);
    /* tck-id-host-topic-phid-death-payload tck-id-host-topic-phid-death-payload-timestamp-connect
     * tck-id-operational-behavior-host-application-connect-will-payload
     * tck-id-payloads-state-will-message-payload */
    int64_t connected_ms = timestamp_in(connect, "false");
    assert_in_range(connected_ms, before_ms, clock_realtime_us() / 1000);
    /* tck-id-host-topic-phid-birth-sub-required tck-id-payloads-state-subscribe
     * tck-id-message-flow-phid-sparkplug-subscription tck-id-host-topic-phid-birth-required
     * tck-id-message-flow-phid-sparkplug-state-publish */
    size_t subscribed = find_packet(&f, STUB_SUBSCRIBE, state_topic, 0);
    size_t told = find_packet(&f, STUB_PUBLISH, state_topic, 0);
    assert_true(subscribed < told);
    assert_true(find_packet(&f, STUB_SUBSCRIBE, "sensors/#", 0) < told);
    /* tck-id-host-topic-phid-birth-message tck-id-principles-birth-certificates-order
     * tck-id-operational-behavior-host-application-connect-birth */
    assert_int_equal(find_packet(&f, STUB_PUBLISH, "", 0), told);
    const struct stub_event *birth = stub_broker_event(f.broker, told);
    /* tck-id-host-topic-phid-birth-qos tck-id-host-topic-phid-birth-retain tck-id-payloads-state-birth
     * tck-id-operational-behavior-host-application-connect-birth-qos
     * tck-id-operational-behavior-host-application-connect-birth-retained */
    assert_int_equal(birth->flags & 7, 3);
    /* tck-id-host-topic-phid-birth-topic tck-id-operational-behavior-host-application-connect-birth-topic */
    assert_int_equal(birth->body[1], strlen(state_topic));
    assert_memory_equal(birth->body + 2, state_topic, strlen(state_topic));
    /* tck-id-host-topic-phid-birth-payload tck-id-host-topic-phid-birth-payload-timestamp
     * tck-id-operational-behavior-host-application-connect-birth-payload
     * tck-id-message-flow-phid-sparkplug-state-publish-payload tck-id-payloads-state-birth-payload
     * tck-id-message-flow-phid-sparkplug-state-publish-payload-timestamp */
    assert_int_equal(timestamp_in(birth, "true"), connected_ms);
    finish(&f);
}

static void test_host_is_said_to_be_offline(void **state)
{
    (void)state;
    struct fixture f;
    start_as_host(&f);
    size_t from = stub_broker_event_count(f.broker);
    int64_t told_ms = timestamp_in(stub_broker_last(f.broker, STUB_CONNECT), "false");
    const char *own = "{\"online\":true,\"timestamp\":2}", *old = "{\"online\":false,\"timestamp\":1}";
    stub_broker_publish(f.broker, state_topic, own, strlen(own), 0, 0, NULL, 0);
    stub_broker_publish(f.broker, "spBv1.0/STATE/other", old, strlen(old), 0, 0, NULL, 0);
    until(&f, commit_what_is_there(&f) == 2);
    turn_for(&f, 50);
    assert_int_equal(find_packet(&f, STUB_PUBLISH, state_topic, from), SIZE_MAX);
    stub_broker_publish(f.broker, state_topic, old, strlen(old), 0, 0, NULL, 0);
    until(&f, commit_what_is_there(&f) == 3);
    /* tck-id-message-flow-hid-sparkplug-state-message-delivered */
    until(&f, find_packet(&f, STUB_PUBLISH, state_topic, from) != SIZE_MAX);
    const struct stub_event *again =
        stub_broker_event(f.broker, find_packet(&f, STUB_PUBLISH, state_topic, from));
    assert_int_equal(timestamp_in(again, "true"), told_ms);
    assert_int_equal(again->flags & 7, 3);
    finish(&f);
}

static void test_host_says_goodbye(void **state)
{
    (void)state;
    struct fixture f;
    start_as_host(&f);
    int64_t told_ms = timestamp_in(stub_broker_last(f.broker, STUB_CONNECT), "false");
    size_t from = stub_broker_event_count(f.broker);
    source_mqtt_destroy(f.source);
    f.source = NULL;
    until(&f, stub_broker_last(f.broker, STUB_DISCONNECT));
    /* tck-id-operational-behavior-host-application-disconnect-intentional
     * tck-id-host-topic-phid-death-payload-timestamp-disconnect-clean
     * tck-id-operational-behavior-host-application-death-topic */
    size_t death = find_packet(&f, STUB_PUBLISH, state_topic, from);
    assert_true(death < find_packet(&f, STUB_DISCONNECT, "", from));
    const struct stub_event *e = stub_broker_event(f.broker, death);
    /* tck-id-operational-behavior-host-application-death-payload */
    assert_true(timestamp_in(e, "false") >= told_ms);
    /* tck-id-operational-behavior-host-application-death-qos
     * tck-id-operational-behavior-host-application-death-retained */
    assert_int_equal(e->flags & 7, 3);
    finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_acknowledges_after_the_commit),
        cmocka_unit_test(test_no_time_without_a_clock),
        cmocka_unit_test(test_failed_commit_is_not_acknowledged),
        cmocka_unit_test(test_no_room_stops_in_the_middle),
        cmocka_unit_test(test_room_that_comes_and_goes),
        cmocka_unit_test(test_tries_by_itself_when_nobody_resumes),
        cmocka_unit_test(test_what_is_too_large_is_acknowledged),
        cmocka_unit_test(test_connection_lost_during_commit),
        cmocka_unit_test(test_destroy_during_commit),
        cmocka_unit_test(test_subscribes_to_the_reduced_union),
        cmocka_unit_test(test_kept_session_is_not_subscribed_again),
        cmocka_unit_test(test_lost_session_is_a_possible_gap),
        cmocka_unit_test(test_session_is_remembered_over_a_restart),
        cmocka_unit_test(test_reload_changes_the_difference_only),
        cmocka_unit_test(test_unsubscribing_is_repeated_until_confirmed),
        cmocka_unit_test(test_wanted_again_before_the_broker_confirmed),
        cmocka_unit_test(test_refused_filters_are_said),
        cmocka_unit_test(test_host_says_that_it_is_online),
        cmocka_unit_test(test_host_is_said_to_be_offline),
        cmocka_unit_test(test_host_says_goodbye),
    };
    mqtt_library_init();
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    mqtt_library_finish();
    return failures;
}
