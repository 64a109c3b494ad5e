/* SPDX-License-Identifier: Apache-2.0
 *
 * Simulated sensors: publishes protobuf telemetry (conf/quickstart.proto) over MQTT at a steady rate, as
 * devices in the field would, and says how many messages the broker confirmed. It shares no code with the
 * daemon.
 */
#include "quickstart.pb-c.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <mosquitto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PAYLOAD_MAX = 512, UNCONFIRMED_MAX = 500 };

struct settings {
    const char *host;
    int port;
    int qos;
    long sensors;
    double rate;    /* messages per second, all sensors together */
    double seconds; /* 0: until a signal */
    long count;     /* 0: no limit */
};

struct simulation {
    const struct settings *settings;
    struct mosquitto *client;
    long sent, confirmed;
    bool connected;
};

static volatile sig_atomic_t stopped;

static void handle_signal(int number)
{
    (void)number;
    stopped = 1;
}

static int64_t now_us(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void handle_connect(struct mosquitto *client, void *ctx, int code)
{
    struct simulation *s = ctx;
    (void)client;
    s->connected = code == 0;
    if (code != 0)
        fprintf(stderr, "sensor_sim: refused: %s\n", mosquitto_connack_string(code));
}

static void handle_disconnect(struct mosquitto *client, void *ctx, int code)
{
    struct simulation *s = ctx;
    (void)client;
    (void)code;
    s->connected = false;
}

static void handle_publish(struct mosquitto *client, void *ctx, int id)
{
    struct simulation *s = ctx;
    (void)client;
    (void)id;
    s->confirmed++;
}

/* A day of plausible weather, shifted for each sensor. */
static size_t encode_telemetry(long sensor, long number, uint8_t *payload)
{
    char device[32], site[] = "site", site_name[] = "berlin", board[] = "board", board_name[] = "rev-c";
    uint32_t samples[] = {3, 270, (uint32_t)(number % 1000)};
    double phase = (double)number / 50.0 + (double)sensor;
    Acme__V1__Position position = ACME__V1__POSITION__INIT;
    Acme__V1__Telemetry__TagsEntry tags[2] = {ACME__V1__TELEMETRY__TAGS_ENTRY__INIT,
                                              ACME__V1__TELEMETRY__TAGS_ENTRY__INIT};
    Acme__V1__Telemetry__TagsEntry *tag_list[] = {&tags[0], &tags[1]};
    Acme__V1__Telemetry t = ACME__V1__TELEMETRY__INIT;

    snprintf(device, sizeof(device), "sensor-%03ld", sensor);
    position.latitude = (double)(52520 + sensor) / 1000.0;
    position.longitude = 13.405;
    tags[0].key = site;
    tags[0].value = site_name;
    tags[1].key = board;
    tags[1].value = board_name;
    t.device_id = device;
    t.number = (uint64_t)number;
    t.time_ms = now_us(CLOCK_REALTIME) / 1000;
    t.temperature = round((18.0 + 8.0 * sin(phase)) * 100.0) / 100.0;
    t.humidity = (float)(round((55.0 + 20.0 * cos(phase)) * 10.0) / 10.0);
    t.status = number % 97 == 0 ? ACME__V1__STATUS__STATUS_LOW_BATTERY : ACME__V1__STATUS__STATUS_OK;
    t.position = &position;
    t.n_samples = sizeof(samples) / sizeof(samples[0]);
    t.samples = samples;
    t.n_tags = 2;
    t.tags = tag_list;
    return acme__v1__telemetry__get_packed_size(&t) <= PAYLOAD_MAX ? acme__v1__telemetry__pack(&t, payload)
                                                                   : 0;
}

static void publish_next(struct simulation *s)
{
    uint8_t payload[PAYLOAD_MAX];
    char topic[64];
    long sensor = s->sent % s->settings->sensors;
    size_t len = encode_telemetry(sensor, s->sent / s->settings->sensors, payload);
    int code;

    snprintf(topic, sizeof(topic), "sensors/sensor-%03ld/telemetry", sensor);
    code = mosquitto_publish(s->client, NULL, topic, (int)len, payload, s->settings->qos, false);
    if (code == MOSQ_ERR_SUCCESS)
        s->sent++;
    else
        fprintf(stderr, "sensor_sim: publish: %s\n", mosquitto_strerror(code));
}

static bool is_done(const struct simulation *s, int64_t start_us)
{
    const struct settings *o = s->settings;
    if (stopped || (o->count > 0 && s->sent >= o->count))
        return true;
    return o->seconds > 0 && (double)(now_us(CLOCK_MONOTONIC) - start_us) >= o->seconds * 1e6;
}

/* Keeps the rate over time: what a slow second missed is sent later, but never more than the window at once.
 */
static void run(struct simulation *s)
{
    const struct settings *o = s->settings;
    int64_t start_us = now_us(CLOCK_MONOTONIC);

    while (!is_done(s, start_us)) {
        double due = (double)(now_us(CLOCK_MONOTONIC) - start_us) / 1e6 * o->rate;
        while (s->connected && (double)s->sent < due && s->sent - s->confirmed < UNCONFIRMED_MAX &&
               (o->count == 0 || s->sent < o->count))
            publish_next(s);
        if (mosquitto_loop(s->client, 5, 1) != MOSQ_ERR_SUCCESS && !stopped) {
            usleep(200000);
            mosquitto_reconnect(s->client);
        }
    }
    for (int tries = 0; tries < 500 && s->confirmed < s->sent; tries++)
        if (mosquitto_loop(s->client, 10, 1) != MOSQ_ERR_SUCCESS)
            break;
}

static int usage(void)
{
    fprintf(stderr,
            "usage: sensor_sim [--host H] [--port N] [--sensors N] [--rate PER_SECOND] [--seconds N]\n"
            "                  [--count N] [--qos 0|1]\n");
    return 64;
}

static bool parse_arguments(int argc, char **argv, struct settings *o)
{
    static const struct option options[] = {
        {"host", required_argument, NULL, 'h'},    {"port", required_argument, NULL, 'p'},
        {"sensors", required_argument, NULL, 's'}, {"rate", required_argument, NULL, 'r'},
        {"seconds", required_argument, NULL, 't'}, {"count", required_argument, NULL, 'n'},
        {"qos", required_argument, NULL, 'q'},     {NULL, 0, NULL, 0},
    };
    int letter;

    while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (letter) {
        case 'h':
            o->host = optarg;
            break;
        case 'p':
            o->port = (int)strtol(optarg, NULL, 10);
            break;
        case 's':
            o->sensors = strtol(optarg, NULL, 10);
            break;
        case 'r':
            o->rate = strtod(optarg, NULL);
            break;
        case 't':
            o->seconds = strtod(optarg, NULL);
            break;
        case 'n':
            o->count = strtol(optarg, NULL, 10);
            break;
        case 'q':
            o->qos = (int)strtol(optarg, NULL, 10);
            break;
        default:
            return false;
        }
    }
    return optind == argc && o->port > 0 && o->sensors > 0 && o->rate > 0 && (o->qos == 0 || o->qos == 1);
}

int main(int argc, char **argv)
{
    struct settings settings = {.host = "127.0.0.1", .port = 1883, .qos = 1, .sensors = 10, .rate = 100};
    struct simulation s = {.settings = &settings};
    struct sigaction action = {.sa_handler = handle_signal};
    int code;

    if (!parse_arguments(argc, argv, &settings))
        return usage();
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    mosquitto_lib_init();
    s.client = mosquitto_new(NULL, true, &s);
    if (!s.client)
        return 1;
    mosquitto_connect_callback_set(s.client, handle_connect);
    mosquitto_disconnect_callback_set(s.client, handle_disconnect);
    mosquitto_publish_callback_set(s.client, handle_publish);
    mosquitto_max_inflight_messages_set(s.client, 100);
    code = mosquitto_connect(s.client, settings.host, settings.port, 30);
    if (code != MOSQ_ERR_SUCCESS) {
        fprintf(stderr, "sensor_sim: %s:%d: %s\n", settings.host, settings.port,
                code == MOSQ_ERR_ERRNO ? strerror(errno) : mosquitto_strerror(code));
        return 1;
    }
    run(&s);
    printf("published: %ld   confirmed by the broker: %ld\n", s.sent, s.confirmed);
    mosquitto_disconnect(s.client);
    mosquitto_destroy(s.client);
    mosquitto_lib_cleanup();
    return s.confirmed == s.sent ? 0 : 1;
}
