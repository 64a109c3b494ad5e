/* SPDX-License-Identifier: Apache-2.0
 *
 * What the MQTT clients alone cost: QoS 1 in, QoS 1 out, 150 bytes, between two real brokers, without journal
 * and pipeline. Prints CPU microseconds and throughput of the pass-through process only.
 *
 *   bench_mqtt_path [messages [queue]]
 */
#include "base/clock.h"
#include "loop/loop.h"
#include "mosquitto_process.h"
#include "mqtt/mqtt_client.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAYLOAD_BYTES = 150, QUEUE_MAX = 20000 };

static const char lines[] = "allow_anonymous true\nmax_queued_messages 200000\nset_tcp_nodelay true\n";

struct path {
    struct loop *loop;
    struct mqtt_client *in, *out;
    bool in_connected, out_connected, subscribed;
    bool held; /* a burst waits until all of it is published */
    uint64_t received, handed, confirmed, bursts, wanted;
    char *queue[QUEUE_MAX];
    size_t first, count;
};

static struct mqtt_settings settings_for(int port)
{
    return (struct mqtt_settings){
        .host = "127.0.0.1",
        .port = port,
        .keepalive_ms = 30000,
        .session_expiry_ms = 0,
        .receive_maximum = 1000,
        .max_in_flight = 100,
        .max_packet_size = 1 << 24,
        .reconnect_min_ms = 100,
        .reconnect_max_ms = 1000,
    };
}

static void pump(struct path *p)
{
    while (p->count > 0) {
        struct mqtt_publish m = {.token = p->handed,
                                 .topic = bytes_of_text("out/topic"),
                                 .payload = bytes_of(p->queue[p->first], PAYLOAD_BYTES),
                                 .qos = 1};
        if (mqtt_client_publish(p->out, &m) != STATUS_OK)
            return;
        free(p->queue[p->first]);
        p->first = (p->first + 1) % QUEUE_MAX;
        p->count--;
        p->handed++;
    }
    if (p->held) {
        p->held = false;
        mqtt_client_release(p->in);
    }
}

static void handle_in_connected(void *ctx, bool session_present)
{
    struct path *p = ctx;
    struct mqtt_subscription s = {.filter = "in/#", .qos = 1};
    p->in_connected = !session_present && mqtt_client_subscribe(p->in, &s, 1) == STATUS_OK;
}

static void handle_out_connected(void *ctx, bool session_present)
{
    (void)session_present;
    ((struct path *)ctx)->out_connected = true;
}

static void handle_disconnected(void *ctx, const char *reason)
{
    (void)ctx;
    fprintf(stderr, "bench: %s\n", reason);
}

static void handle_message(void *ctx, const struct message *m)
{
    struct path *p = ctx;
    p->received++;
    char *copy = malloc(PAYLOAD_BYTES);
    memcpy(copy, m->payload.data, m->payload.len < PAYLOAD_BYTES ? m->payload.len : PAYLOAD_BYTES);
    p->queue[(p->first + p->count++) % QUEUE_MAX] = copy;
}

/* Acknowledge in the next turn, as after a commit; what does not fit into the window stays queued, but no
 * more than a few bursts of it. */
static void handle_burst(void *ctx)
{
    struct path *p = ctx;
    p->bursts++;
    pump(p);
    if (p->count < QUEUE_MAX / 10)
        mqtt_client_release(p->in);
    else
        p->held = true;
}

static void handle_published(void *ctx, uint64_t token, int reason_code, const char *reason)
{
    (void)token;
    (void)reason_code;
    (void)reason;
    ((struct path *)ctx)->confirmed++;
}

static void handle_writable(void *ctx)
{
    pump(ctx);
}

static void handle_subscribed(void *ctx, const int *granted, size_t count)
{
    (void)granted;
    (void)count;
    ((struct path *)ctx)->subscribed = true;
}

static void nothing(void *ctx)
{
    (void)ctx;
}

static void feed(int port, uint64_t count)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct path p = {.loop = loop_create(NULL)};
    struct mqtt_settings s = settings_for(port);
    struct mqtt_client_role role = {.name = "feeder", .client_id = "feeder"};
    struct mqtt_client_events events = {.on_connected = handle_out_connected,
                                        .on_disconnected = handle_disconnected,
                                        .on_published = handle_published,
                                        .on_writable = nothing};
    static char payload[PAYLOAD_BYTES];
    p.out = mqtt_client_create(&s, &role, &events, &p, p.loop, NULL, NULL);
    mqtt_client_start(p.out);
    while (p.confirmed < count) {
        struct mqtt_publish m = {
            .topic = bytes_of_text("in/topic"), .payload = bytes_of(payload, sizeof payload), .qos = 1};
        while (p.handed < count && mqtt_client_publish(p.out, &m) == STATUS_OK)
            p.handed++;
        loop_turn(p.loop, 100);
    }
    _exit(0);
}

static double cpu_us(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1e6 +
           (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec);
}

static void connect_path(struct path *p, const struct mqtt_settings *in, const struct mqtt_settings *out)
{
    static const struct mqtt_client_role in_role = {.name = "in", .client_id = "path-in", .gated = true},
                                         out_role = {.name = "out", .client_id = "path-out"};
    struct mqtt_client_events in_events = {.on_connected = handle_in_connected,
                                           .on_disconnected = handle_disconnected,
                                           .on_message = handle_message,
                                           .on_burst = handle_burst,
                                           .on_published = handle_published,
                                           .on_writable = nothing,
                                           .on_subscribed = handle_subscribed};
    struct mqtt_client_events out_events = {.on_connected = handle_out_connected,
                                            .on_disconnected = handle_disconnected,
                                            .on_published = handle_published,
                                            .on_writable = handle_writable};
    p->loop = loop_create(NULL);
    p->in = mqtt_client_create(in, &in_role, &in_events, p, p->loop, NULL, NULL);
    p->out = mqtt_client_create(out, &out_role, &out_events, p, p->loop, NULL, NULL);
    mqtt_client_start(p->in);
    mqtt_client_start(p->out);
    while (!p->subscribed || !p->out_connected)
        loop_turn(p->loop, 100);
}

int main(int argc, char **argv)
{
    static struct path p;
    struct mosquitto_process a, b;
    p.wanted = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;
    mqtt_library_init();
    mosquitto_process_init(&a);
    mosquitto_process_init(&b);
    mosquitto_process_start(&a, lines);
    mosquitto_process_start(&b, lines);
    struct mqtt_settings in = settings_for(a.port), out = settings_for(b.port);
    connect_path(&p, &in, &out);
    pid_t feeder = fork();
    if (feeder == 0)
        feed(a.port, p.wanted);
    while (p.confirmed < 1)
        loop_turn(p.loop, 100);
    double cpu_start_us = cpu_us();
    int64_t start_us = clock_monotonic_us(), give_up_us = start_us + 120000000;
    uint64_t turns = loop_turn_count(p.loop), begin = p.confirmed;
    while (p.confirmed < p.wanted && clock_monotonic_us() < give_up_us)
        loop_turn(p.loop, 100);
    double count = (double)(p.confirmed - begin), seconds = (double)(clock_monotonic_us() - start_us) / 1e6;
    printf("messages %.0f  CPU %.2f us each  %.0f/s  %.1f in a burst  %.2f turns each\n", count,
           (cpu_us() - cpu_start_us) / count, count / seconds, (double)p.received / (double)p.bursts,
           (double)(loop_turn_count(p.loop) - turns) / count);
    mqtt_client_destroy(p.in);
    mqtt_client_destroy(p.out);
    mqtt_client_cut_goodbyes(p.loop);
    loop_destroy(p.loop);
    mqtt_library_finish();
    waitpid(feeder, NULL, 0);
    mosquitto_process_finish(&a);
    mosquitto_process_finish(&b);
    return p.confirmed < p.wanted;
}
