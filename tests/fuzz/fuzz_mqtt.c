/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes from a broker, through the client and the source into the journal's record format. The first byte
 * chooses the version, whether the rest is a bare stream or packets whose lengths are made right, and how it
 * ends. Proves that nothing crashes, leaks or is read outside its bytes, and that what is taken is a message
 * that can be stored.
 */
#include "base/log.h"
#include "ingest/source_mqtt.h"
#include "loop/loop.h"
#include "message/message_codec.h"
#include "message/message_sink.h"
#include "mqtt/mqtt_client.h"

#include <arpa/inet.h>
#include <assert.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CHOOSE_V5 = 1, CHOOSE_PACKETS = 2, CHOOSE_GOODBYE = 4, CHOOSE_NO_ROOM = 8, TURNS_MAX = 400 };

struct session {
    struct loop *loop;
    message_sink_committed_fn done;
    void *done_ctx;
    bool no_room;
};

static int listener;
static struct mqtt_settings settings;
static struct session session;

/* A malformed packet costs libmosquitto the memory of its properties (mqtt_guard.h). */
const char *__lsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void)
{
    return "leak:libmosquitto";
}

/* ---- The sink ---- */

static enum status sink_accept(void *self, const struct message *m)
{
    const struct session *s = self;
    struct arena arena;
    struct message back;
    assert(m->topic.len > 0 && !memchr(m->topic.data, 0, m->topic.len));
    assert(m->property_count <= MESSAGE_PROPERTIES_MAX && m->qos <= 2);
    if (s->no_room && m->payload.len > 8)
        return STATUS_FULL;
    size_t size = message_codec_size(m);
    uint8_t *record = malloc(size ? size : 1);
    message_codec_encode(m, record);
    arena_init(&arena, 0, 4096);
    if (message_codec_decode(bytes_of(record, size), &arena, &back) != STATUS_OK)
        abort();
    assert(bytes_equal(back.topic, m->topic) && bytes_equal(back.payload, m->payload));
    assert(back.property_count == m->property_count);
    arena_finish(&arena);
    free(record);
    return STATUS_OK;
}

static void tell_committed(void *ctx)
{
    struct session *s = ctx;
    message_sink_committed_fn done = s->done;
    s->done = NULL;
    done(s->done_ctx, STATUS_OK);
}

static void sink_commit(void *self, message_sink_committed_fn done, void *ctx)
{
    struct session *s = self;
    assert(!s->done);
    s->done = done;
    s->done_ctx = ctx;
    loop_defer(s->loop, tell_committed, s);
}

static void sink_cancel(void *self, void *ctx)
{
    struct session *s = self;
    assert(s->done && s->done_ctx == ctx);
    loop_defer_cancel(s->loop, tell_committed, s);
    s->done = NULL;
}

static const struct message_sink sink = {&session, sink_accept, sink_commit, sink_cancel};

/* ---- The broker ---- */

static void set_up(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    log_set_level(LOG_LEVEL_ERROR);
    mqtt_library_init();
    session.loop = loop_create(NULL);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0 || !session.loop || bind(listener, (struct sockaddr *)&address, len) != 0 ||
        listen(listener, 64) != 0 || getsockname(listener, (struct sockaddr *)&address, &len) != 0)
        abort();
    settings = (struct mqtt_settings){.host = "127.0.0.1",
                                      .port = ntohs(address.sin_port),
                                      .keepalive_ms = 60000,
                                      .session_expiry_ms = 60000,
                                      .receive_maximum = 100,
                                      .max_in_flight = 20,
                                      .max_packet_size = 1 << 20,
                                      .reconnect_min_ms = 60000,
                                      .reconnect_max_ms = 60000};
}

static bool drain(int fd)
{
    char bytes[4096];
    ssize_t n;
    while ((n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
        continue;
    return n < 0; /* not ended */
}

/* Wait for the source and greet it. */
static int accept_source(bool v5)
{
    static const uint8_t connack[] = {0x20, 3, 0, 0, 0}, connack_311[] = {0x20, 2, 0, 0};
    int fd = -1;
    while (fd < 0) {
        loop_turn(session.loop, 1);
        fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    }
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (poll(&p, 1, 0) == 0)
        loop_turn(session.loop, 1);
    (void)drain(fd);
    (void)!send(fd, v5 ? connack : connack_311, v5 ? sizeof connack : sizeof connack_311, MSG_NOSIGNAL);
    return fd;
}

static void send_all(int fd, const uint8_t *data, size_t len)
{
    for (int turns = 0; len > 0 && turns < TURNS_MAX; turns++) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) {
            data += n;
            len -= (size_t)n;
            continue;
        }
        loop_turn(session.loop, 0);
        if (!drain(fd))
            return;
    }
}

/* Each packet: the first byte of its header, a byte of length, the body. */
static void send_packets(int fd, const uint8_t *data, size_t size)
{
    while (size >= 2) {
        size_t len = data[1] < size - 2 ? data[1] : size - 2;
        uint8_t header[3] = {data[0], (uint8_t)len, 1};
        if (len > 127)
            header[1] = (uint8_t)(len - 128) | 0x80;
        send_all(fd, header, len > 127 ? 3 : 2);
        send_all(fd, data + 2, len);
        data += len + 2;
        size -= len + 2;
    }
}

static void run(struct source_mqtt *s, int fd, bool until_lost)
{
    struct source_mqtt_status status = {.connected = true};
    for (int turns = 0; turns < (until_lost ? TURNS_MAX : 8) && status.connected; turns++) {
        loop_turn(session.loop, 1);
        (void)drain(fd);
        source_mqtt_status(s, &status);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct source_mqtt_filter filters[] = {{"#", 1}, {"a/+", 0}};
    struct error err;
    if (!session.loop)
        set_up();
    if (size < 1)
        return 0;
    unsigned how = data[0];
    session.no_room = how & CHOOSE_NO_ROOM;
    settings.version = how & CHOOSE_V5 ? MQTT_VERSION_5 : MQTT_VERSION_311;
    struct source_mqtt_options options = {
        .name = "fuzz", .broker = &settings, .client_id = "fuzz", .gateway = "gw"};
    struct source_mqtt *s = source_mqtt_create(&options, &sink, session.loop, NULL, &err);
    source_mqtt_set_subscriptions(s, filters, 2);
    source_mqtt_start(s);
    int fd = accept_source(how & CHOOSE_V5);
    loop_turn(session.loop, 0);
    if (how & CHOOSE_PACKETS)
        send_packets(fd, data + 1, size - 1);
    else
        send_all(fd, data + 1, size - 1);
    if (!(how & CHOOSE_GOODBYE))
        shutdown(fd, SHUT_WR);
    run(s, fd, !(how & CHOOSE_GOODBYE));
    source_mqtt_destroy(s);
    loop_turn(session.loop, 0);
    mqtt_client_cut_goodbyes(session.loop);
    close(fd);
    return 0;
}
