/* SPDX-License-Identifier: Apache-2.0
 *
 * See stub_broker.h. Errors of its own sockets end the program: a test has nothing to recover there.
 */
#include "stub_broker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { INPUT_BYTES = 4 * 1024 * 1024 };

struct stub_broker {
    struct stub_behaviour behaviour;
    int listener, client;
    int port;
    uint8_t *input;
    size_t input_len;
    size_t bytes_in;
    bool connected, v5, clean_start;
    bool ended; /* the client's side of the connection */
    struct stub_event *events;
    size_t event_count, event_capacity;
};

static void fail(const char *what)
{
    fprintf(stderr, "stub broker: %s: %s\n", what, strerror(errno));
    abort();
}

static void *checked(void *memory)
{
    if (!memory)
        fail("memory");
    return memory;
}

static struct stub_event *add_event(struct stub_broker *b, enum stub_event_kind kind)
{
    if (b->event_count == b->event_capacity) {
        b->event_capacity = b->event_capacity ? b->event_capacity * 2 : 256;
        b->events = checked(realloc(b->events, b->event_capacity * sizeof *b->events));
    }
    struct stub_event *e = &b->events[b->event_count++];
    *e = (struct stub_event){.kind = kind};
    return e;
}

struct stub_broker *stub_broker_create(void)
{
    struct stub_broker *b = checked(calloc(1, sizeof *b));
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    b->client = -1;
    b->input = checked(malloc(INPUT_BYTES));
    b->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (b->listener < 0 || bind(b->listener, (struct sockaddr *)&address, len) != 0 ||
        listen(b->listener, 8) != 0 || getsockname(b->listener, (struct sockaddr *)&address, &len) != 0)
        fail("listen");
    b->port = ntohs(address.sin_port);
    return b;
}

static void close_client(struct stub_broker *b)
{
    if (b->client < 0)
        return;
    close(b->client);
    b->client = -1;
    b->connected = false;
    add_event(b, STUB_CLOSED);
}

void stub_broker_destroy(struct stub_broker *b)
{
    if (!b)
        return;
    close_client(b);
    close(b->listener);
    for (size_t i = 0; i < b->event_count; i++)
        free(b->events[i].body);
    free(b->events);
    free(b->input);
    free(b);
}

int stub_broker_port(const struct stub_broker *b)
{
    return b->port;
}

struct stub_behaviour *stub_broker_behaviour(struct stub_broker *b)
{
    return &b->behaviour;
}

/* ---- Out ---- */

void stub_broker_send(struct stub_broker *b, const void *data, size_t len)
{
    const uint8_t *p = data;
    while (len > 0 && b->client >= 0) {
        ssize_t n = send(b->client, p, len, MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (n < 0) {
            close_client(b);
            return;
        }
        p += n;
        len -= (size_t)n;
    }
}

static size_t put_length(uint8_t *out, size_t len)
{
    size_t n = 0;
    do {
        out[n] = (uint8_t)(len % 128);
        len /= 128;
        if (len)
            out[n] |= 0x80;
        n++;
    } while (len);
    return n;
}

static void send_packet(struct stub_broker *b, uint8_t header, const uint8_t *body, size_t len)
{
    uint8_t *packet = checked(malloc(len + 5));
    packet[0] = header;
    size_t n = 1 + put_length(packet + 1, len);
    if (len)
        memcpy(packet + n, body, len);
    stub_broker_send(b, packet, n + len);
    free(packet);
}

static size_t encode_publish(const struct stub_broker *b, uint8_t *out, const char *topic,
                             const void *payload, size_t len, int qos, uint16_t packet_id,
                             const void *properties, size_t properties_len)
{
    size_t topic_len = strlen(topic), n = 0;
    out[n++] = (uint8_t)(topic_len >> 8);
    out[n++] = (uint8_t)topic_len;
    memcpy(out + n, topic, topic_len);
    n += topic_len;
    if (qos > 0) {
        out[n++] = (uint8_t)(packet_id >> 8);
        out[n++] = (uint8_t)packet_id;
    }
    if (b->v5) {
        n += put_length(out + n, properties_len);
        if (properties_len)
            memcpy(out + n, properties, properties_len);
        n += properties_len;
    }
    if (len)
        memcpy(out + n, payload, len);
    return n + len;
}

void stub_broker_publish(struct stub_broker *b, const char *topic, const void *payload, size_t len, int qos,
                         uint16_t packet_id, const void *properties, size_t properties_len)
{
    uint8_t *body = checked(malloc(strlen(topic) + len + properties_len + 16));
    size_t n = encode_publish(b, body, topic, payload, len, qos, packet_id, properties, properties_len);
    send_packet(b, (uint8_t)(STUB_PUBLISH << 4 | qos << 1), body, n);
    free(body);
}

void stub_broker_publish_many(struct stub_broker *b, const char *topic, uint16_t packet_id, size_t count)
{
    size_t room = strlen(topic) + 40, len = 0;
    uint8_t *all = checked(malloc(count * room)), *body = checked(malloc(room));
    for (size_t i = 0; i < count; i++) {
        char payload[16];
        uint16_t id = (uint16_t)(packet_id + i);
        int payload_len = snprintf(payload, sizeof payload, "%u", id);
        size_t n = encode_publish(b, body, topic, payload, (size_t)payload_len, 1, id, NULL, 0);
        all[len++] = STUB_PUBLISH << 4 | 1 << 1;
        len += put_length(all + len, n);
        memcpy(all + len, body, n);
        len += n;
    }
    stub_broker_send(b, all, len);
    free(all);
    free(body);
}

void stub_broker_puback(struct stub_broker *b, uint16_t packet_id, uint8_t reason_code)
{
    uint8_t body[] = {(uint8_t)(packet_id >> 8), (uint8_t)packet_id, reason_code};
    send_packet(b, STUB_PUBACK << 4, body, b->v5 && reason_code ? 3 : 2);
}

void stub_broker_hang_up(struct stub_broker *b)
{
    close_client(b);
}

void stub_broker_disconnect(struct stub_broker *b, uint8_t reason_code)
{
    send_packet(b, STUB_DISCONNECT << 4, &reason_code, 1);
    close_client(b);
}

/* ---- In ---- */

uint16_t stub_event_packet_id(const struct stub_event *e)
{
    if (e->len < 2)
        return 0;
    return (uint16_t)(e->body[0] << 8 | e->body[1]);
}

static void answer_connect(struct stub_broker *b, const struct stub_event *e)
{
    const struct stub_behaviour *how = &b->behaviour;
    if (e->len < 10)
        return;
    b->v5 = e->body[6] == 5;
    b->clean_start = e->body[7] & 2;
    if (how->silent)
        return;
    if (b->v5 && how->hang_up_on_v5) {
        close_client(b);
        return;
    }
    if (b->v5 && how->refuse_v5) {
        static const uint8_t refusal[] = {0, 1};
        send_packet(b, STUB_CONNACK << 4, refusal, 2);
        close_client(b);
        return;
    }
    uint8_t body[32] = {how->session_present && !b->clean_start, (uint8_t)how->connack_code, 0};
    size_t n = 3;
    if (how->receive_maximum) {
        body[n++] = 0x21;
        body[n++] = (uint8_t)(how->receive_maximum >> 8);
        body[n++] = (uint8_t)how->receive_maximum;
    }
    if (how->max_packet_size) {
        body[n++] = 0x27;
        for (int shift = 24; shift >= 0; shift -= 8)
            body[n++] = (uint8_t)(how->max_packet_size >> shift);
    }
    if (how->only_qos0) {
        body[n++] = 0x24;
        body[n++] = 0;
    }
    if (how->names_client) {
        static const uint8_t name[] = {0x12, 0, 4, 'a', 'u', 't', 'o'};
        memcpy(body + n, name, sizeof name);
        n += sizeof name;
    }
    body[2] = (uint8_t)(n - 3);
    send_packet(b, STUB_CONNACK << 4, body, b->v5 ? n : 2);
    b->connected = how->connack_code == 0;
    if (how->connack_code)
        close_client(b);
}

static void answer_publish(struct stub_broker *b, const struct stub_event *e)
{
    size_t topic_len = (size_t)(e->body[0] << 8 | e->body[1]);
    if ((e->flags & 6) == 0 || b->behaviour.no_puback)
        return;
    uint16_t id = (uint16_t)(e->body[2 + topic_len] << 8 | e->body[3 + topic_len]);
    stub_broker_puback(b, id, (uint8_t)b->behaviour.puback_code);
}

static void answer_subscribe(struct stub_broker *b, const struct stub_event *e)
{
    uint8_t body[300] = {e->body[0], e->body[1], 0};
    size_t n = b->v5 ? 3 : 2, at = b->v5 ? 3 + (size_t)e->body[2] : 2;
    while (at + 2 < e->len && n < sizeof body) {
        at += 2 + (size_t)(e->body[at] << 8 | e->body[at + 1]);
        body[n++] = b->behaviour.suback_code ? (uint8_t)b->behaviour.suback_code : e->body[at] & 3;
        at++;
    }
    send_packet(b, STUB_SUBACK << 4, body, n);
}

static void answer_unsubscribe(struct stub_broker *b, const struct stub_event *e)
{
    uint8_t body[300] = {e->body[0], e->body[1], 0};
    size_t n = b->v5 ? 3 : 2, at = b->v5 ? 3 + (size_t)e->body[2] : 2;
    if (b->behaviour.no_unsuback)
        return;
    while (b->v5 && at + 2 < e->len && n < sizeof body) {
        at += 2 + (size_t)(e->body[at] << 8 | e->body[at + 1]);
        body[n++] = 0;
    }
    send_packet(b, STUB_UNSUBACK << 4, body, n);
}

static void answer(struct stub_broker *b, const struct stub_event *e)
{
    switch (e->type) {
    case STUB_CONNECT:
        answer_connect(b, e);
        return;
    case STUB_PUBLISH:
        answer_publish(b, e);
        return;
    case STUB_SUBSCRIBE:
        answer_subscribe(b, e);
        return;
    case STUB_UNSUBSCRIBE:
        answer_unsubscribe(b, e);
        return;
    case STUB_PINGREQ:
        send_packet(b, STUB_PINGRESP << 4, NULL, 0);
        return;
    default:
        return;
    }
}

/* Take one whole packet from the input; false: there is none. */
static bool take_packet(struct stub_broker *b)
{
    size_t len = 0, at = 1, shift = 0;
    do {
        if (at >= b->input_len)
            return false;
        len |= (size_t)(b->input[at] & 0x7f) << shift;
        shift += 7;
    } while (b->input[at++] & 0x80);
    if (b->input_len < at + len)
        return false;
    struct stub_event *e = add_event(b, STUB_PACKET);
    e->type = b->input[0] >> 4;
    e->flags = b->input[0] & 15;
    e->len = len;
    e->body = checked(malloc(len + 1));
    memcpy(e->body, b->input + at, len);
    b->input_len -= at + len;
    memmove(b->input, b->input + at + len, b->input_len);
    struct stub_event copy = *e; /* answering may move the events */
    answer(b, &copy);
    return true;
}

static void accept_client(struct stub_broker *b)
{
    int fd = accept4(b->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    close_client(b);
    b->client = fd;
    b->input_len = b->bytes_in = 0;
    b->ended = false;
    add_event(b, STUB_ACCEPTED);
}

void stub_broker_turn(struct stub_broker *b)
{
    accept_client(b);
    size_t left = b->behaviour.read_limit ? b->behaviour.read_limit : SIZE_MAX;
    while (b->client >= 0 && !b->ended && left > 0) {
        size_t room = INPUT_BYTES - b->input_len;
        ssize_t n = recv(b->client, b->input + b->input_len, room < left ? room : left, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0) {
            b->ended = n == 0 && b->behaviour.keep_open;
            if (!b->ended)
                close_client(b);
            return;
        }
        left -= (size_t)n;
        b->input_len += (size_t)n;
        b->bytes_in += (size_t)n;
        while (b->client >= 0 && take_packet(b))
            ;
    }
}

bool stub_broker_is_connected(const struct stub_broker *b)
{
    return b->connected;
}

bool stub_broker_is_v5(const struct stub_broker *b)
{
    return b->v5;
}

bool stub_broker_was_clean_start(const struct stub_broker *b)
{
    return b->clean_start;
}

/* ---- The record ---- */

void stub_broker_mark(struct stub_broker *b, const char *text)
{
    struct stub_event *e = add_event(b, STUB_MARK);
    e->body = checked(strdup(text));
    e->len = strlen(text);
}

size_t stub_broker_event_count(const struct stub_broker *b)
{
    return b->event_count;
}

const struct stub_event *stub_broker_event(const struct stub_broker *b, size_t index)
{
    return &b->events[index];
}

size_t stub_broker_count(const struct stub_broker *b, int type, size_t from)
{
    size_t count = 0;
    for (size_t i = from; i < b->event_count; i++)
        count += b->events[i].kind == STUB_PACKET && b->events[i].type == type;
    return count;
}

const struct stub_event *stub_broker_last(const struct stub_broker *b, int type)
{
    for (size_t i = b->event_count; i > 0; i--)
        if (b->events[i - 1].kind == STUB_PACKET && b->events[i - 1].type == type)
            return &b->events[i - 1];
    return NULL;
}

size_t stub_broker_bytes_in(const struct stub_broker *b)
{
    return b->bytes_in;
}
