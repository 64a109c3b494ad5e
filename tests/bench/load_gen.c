/* SPDX-License-Identifier: Apache-2.0
 *
 * Load for the benches: one MQTT 3.1.1 connection publishes at QoS 1 with a window, another one (perhaps at
 * another broker) receives and acknowledges; port 0 leaves one of them out. Raw sockets and big buffers, so
 * that it costs little beside what is measured. Prints one JSON object.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 1 << 20, PAYLOAD_MIN = 16 };

struct connection {
    int fd;
    uint8_t *in, *out;
    size_t in_len, out_len, out_at;
};

struct run {
    int publish_port, receive_port;
    const char *topic, *filter;
    unsigned count, size, window;
    double rate;      /* messages a second; 0: as fast as the window lets */
    double timeout_s; /* give up when nothing more is received for so long */
    struct connection publisher, receiver;
    unsigned sent, acked, received, duplicates, reordered;
    uint8_t *seen;
    uint32_t *latency_us; /* by sequence number */
    unsigned highest;
    double first_s, last_s, progress_s;
};

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void flush(struct connection *c)
{
    while (c->out_at < c->out_len) {
        ssize_t n = send(c->fd, c->out + c->out_at, c->out_len - c->out_at, MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0)
            die("send");
        c->out_at += (size_t)n;
    }
    c->out_at = c->out_len = 0;
}

static uint8_t *put_length(uint8_t *p, size_t len)
{
    do {
        *p++ = (uint8_t)(len > 127 ? (len & 127) | 128 : len);
        len >>= 7;
    } while (len);
    return p;
}

static uint8_t *put_text(uint8_t *p, const char *text)
{
    size_t len = strlen(text);
    *p++ = (uint8_t)(len >> 8);
    *p++ = (uint8_t)len;
    memcpy(p, text, len);
    return p + len;
}

static void finish_packet(struct connection *c, uint8_t type, const uint8_t *body, size_t len)
{
    uint8_t *p = c->out + c->out_len;
    *p++ = type;
    p = put_length(p, len);
    memcpy(p, body, len);
    c->out_len = (size_t)(p - c->out) + len;
}

static void connect_to(struct connection *c, int port, const char *id)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int one = 1;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&a, sizeof a) < 0)
        die("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->in = malloc(BUFFER);
    c->out = malloc(BUFFER);
    uint8_t body[100], *p = put_text(body, "MQTT");
    *p++ = 4;
    *p++ = 2; /* clean session */
    *p++ = 0;
    *p++ = 60;
    p = put_text(p, id);
    finish_packet(c, 0x10, body, (size_t)(p - body));
    flush(c);
    uint8_t answer[4];
    if (recv(c->fd, answer, 4, MSG_WAITALL) != 4 || answer[3] != 0)
        die("connack");
}

static void subscribe(struct connection *c, const char *filter)
{
    uint8_t body[300] = {0, 1}, *p = put_text(body + 2, filter);
    *p++ = 1;
    finish_packet(c, 0x82, body, (size_t)(p - body));
    flush(c);
    uint8_t answer[5];
    if (recv(c->fd, answer, 5, MSG_WAITALL) != 5 || answer[4] > 1)
        die("suback");
}

static void publish_one(struct run *r)
{
    struct connection *c = &r->publisher;
    uint8_t *p = c->out + c->out_len;
    size_t topic_len = strlen(r->topic);
    uint16_t id = (uint16_t)(r->sent % 65535 + 1);
    double now = now_s();
    *p++ = 0x32;
    p = put_length(p, 2 + topic_len + 2 + r->size);
    p = put_text(p, r->topic);
    *p++ = (uint8_t)(id >> 8);
    *p++ = (uint8_t)id;
    memset(p, 'x', r->size);
    uint64_t sequence = r->sent++;
    memcpy(p, &sequence, 8);
    memcpy(p + 8, &now, 8);
    c->out_len = (size_t)(p - c->out) + r->size;
}

static void handle_message(struct run *r, uint8_t *packet, size_t body_at, size_t len)
{
    uint8_t *p = packet + body_at;
    size_t topic_len = (size_t)p[0] << 8 | p[1];
    bool acknowledged = packet[0] & 0x06;
    uint8_t *payload = p + 2 + topic_len + (acknowledged ? 2 : 0);
    if (acknowledged)
        finish_packet(&r->receiver, 0x40, p + 2 + topic_len, 2);
    if (len < 2 + topic_len + (acknowledged ? 2 : 0) + PAYLOAD_MIN)
        return;
    uint64_t sequence;
    double sent_s, now = now_s();
    memcpy(&sequence, payload, 8);
    memcpy(&sent_s, payload + 8, 8);
    if (sequence >= r->count)
        return;
    r->progress_s = r->last_s = now;
    if (r->seen[sequence]) {
        r->duplicates++;
        return;
    }
    if (sequence < r->highest)
        r->reordered++;
    if (!r->publish_port && r->received == 0)
        r->first_s = now;
    r->highest = (unsigned)sequence;
    r->seen[sequence] = 1;
    r->received++;
    r->latency_us[sequence] = (uint32_t)((now - sent_s) * 1e6);
}

/* Returns bytes used. */
static size_t handle_packet(struct run *r, struct connection *c, size_t at)
{
    size_t left = c->in_len - at, len = 0, i = 1;
    uint8_t *packet = c->in + at;
    for (unsigned shift = 0;; shift += 7) {
        if (i >= left)
            return 0;
        len |= (size_t)(packet[i] & 127) << shift;
        if (!(packet[i++] & 128))
            break;
    }
    if (left < i + len)
        return 0;
    if ((packet[0] & 0xf0) == 0x40) {
        r->acked++;
        if (!r->receive_port)
            r->progress_s = r->last_s = now_s();
    } else if ((packet[0] & 0xf0) == 0x30)
        handle_message(r, packet, i, len);
    return i + len;
}

static void read_from(struct run *r, struct connection *c)
{
    ssize_t n = recv(c->fd, c->in + c->in_len, BUFFER - c->in_len, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        die("recv");
    if (n < 0)
        return;
    c->in_len += (size_t)n;
    size_t at = 0, used;
    while ((used = handle_packet(r, c, at)))
        at += used;
    memmove(c->in, c->in + at, c->in_len - at);
    c->in_len -= at;
}

static bool may_publish(const struct run *r, double now)
{
    if (!r->publish_port || r->sent >= r->count || r->sent - r->acked >= r->window ||
        r->publisher.out_len > BUFFER - r->size - 400)
        return false;
    return r->rate <= 0 || (double)r->sent < (now - r->first_s) * r->rate;
}

static void turn(struct run *r)
{
    double now = now_s();
    while (may_publish(r, now))
        publish_one(r);
    if (r->publish_port)
        flush(&r->publisher);
    if (r->receive_port)
        flush(&r->receiver);
    struct pollfd fds[] = {{r->publisher.fd, POLLIN, 0}, {r->receiver.fd, POLLIN, 0}};
    if (r->publisher.out_len)
        fds[0].events |= POLLOUT;
    if (r->receiver.out_len)
        fds[1].events |= POLLOUT;
    poll(fds, 2, r->rate > 0 ? 1 : 20);
    if (fds[0].revents & POLLIN)
        read_from(r, &r->publisher);
    if (fds[1].revents & POLLIN)
        read_from(r, &r->receiver);
}

static bool is_complete(const struct run *r)
{
    return (!r->receive_port || r->received == r->count) && (!r->publish_port || r->acked >= r->count);
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void report(struct run *r)
{
    unsigned n = 0;
    for (unsigned i = 0; i < r->count; i++)
        if (r->seen[i])
            r->latency_us[n++] = r->latency_us[i];
    qsort(r->latency_us, n, sizeof *r->latency_us, compare);
    double seconds = r->last_s - r->first_s;
    unsigned done = r->receive_port ? r->received : r->acked;
    printf("{\"sent\":%u,\"acked\":%u,\"received\":%u,\"duplicates\":%u,\"reordered\":%u,\"seconds\":%.3f,"
           "\"per_second\":%.0f,\"p50_us\":%u,\"p99_us\":%u}\n",
           r->sent, r->acked, r->received, r->duplicates, r->reordered, seconds,
           seconds > 0 ? done / seconds : 0, n ? r->latency_us[n / 2] : 0,
           n ? r->latency_us[n * 99 / 100] : 0);
}

static const struct option options[] = {
    {"publish-port", 1, 0, 'p'}, {"receive-port", 1, 0, 'r'},
    {"topic", 1, 0, 't'},        {"filter", 1, 0, 'f'},
    {"count", 1, 0, 'c'},        {"size", 1, 0, 's'},
    {"window", 1, 0, 'w'},       {"rate", 1, 0, 'a'},
    {"timeout", 1, 0, 'T'},      {0},
};

static void parse(struct run *r, int argc, char **argv)
{
    int o;
    while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (o) {
        case 'p':
            r->publish_port = atoi(optarg);
            break;
        case 'r':
            r->receive_port = atoi(optarg);
            break;
        case 't':
            r->topic = optarg;
            break;
        case 'f':
            r->filter = optarg;
            break;
        case 'c':
            r->count = (unsigned)atoi(optarg);
            break;
        case 's':
            r->size = (unsigned)atoi(optarg);
            break;
        case 'w':
            r->window = (unsigned)atoi(optarg);
            break;
        case 'a':
            r->rate = atof(optarg);
            break;
        case 'T':
            r->timeout_s = atof(optarg);
            break;
        default:
            fputs("usage: load_gen --publish-port P --receive-port P [--topic T] [--filter F] [--count N] "
                  "[--size "
                  "BYTES] [--window N] [--rate PER_SECOND] [--timeout S]\n",
                  stderr);
            exit(64);
        }
    }
    if (r->size < PAYLOAD_MIN)
        r->size = PAYLOAD_MIN;
}

int main(int argc, char **argv)
{
    struct run r = {.topic = "bench/a/telemetry",
                    .filter = "bench/#",
                    .count = 100000,
                    .size = 150,
                    .window = 1000,
                    .timeout_s = 10};
    parse(&r, argc, argv);
    r.seen = calloc(r.count, 1);
    r.latency_us = calloc(r.count, sizeof *r.latency_us);
    char id[32];
    r.receiver.fd = r.publisher.fd = -1;
    if (r.receive_port) {
        snprintf(id, sizeof id, "load-r%d", (int)getpid());
        connect_to(&r.receiver, r.receive_port, id);
        subscribe(&r.receiver, r.filter);
        fcntl(r.receiver.fd, F_SETFL, O_NONBLOCK);
    }
    if (r.publish_port) {
        snprintf(id, sizeof id, "load-p%d", (int)getpid());
        connect_to(&r.publisher, r.publish_port, id);
        fcntl(r.publisher.fd, F_SETFL, O_NONBLOCK);
    }
    r.first_s = r.progress_s = r.last_s = now_s();
    while (!is_complete(&r) && now_s() - r.progress_s < r.timeout_s)
        turn(&r);
    if (r.receive_port)
        flush(&r.receiver);
    report(&r);
    free(r.seen);
    free(r.latency_us);
    free(r.publisher.in);
    free(r.publisher.out);
    free(r.receiver.in);
    free(r.receiver.out);
    return is_complete(&r) ? 0 : 1;
}
