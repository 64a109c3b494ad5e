/* SPDX-License-Identifier: Apache-2.0
 *
 * See http_stub.h. One thread for each connection; all end when the listening socket is shut down.
 */
#include "http_stub.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUESTS_MAX = 4096, ANSWERS_MAX = 64, CONNECTIONS_MAX = 256 };

struct connection {
    struct http_stub *stub;
    unsigned number;
    int fd;
    pthread_t thread;
};

struct http_stub {
    pthread_mutex_t lock;
    int fd;
    bool stop;
    pthread_t thread;
    char url[64];
    const char *answers[ANSWERS_MAX];
    size_t answer_count, answered;
    const char *refuse_text, *refuse_answer;
    struct http_stub_request *requests[REQUESTS_MAX];
    size_t request_count;
    struct connection connections[CONNECTIONS_MAX];
    unsigned connection_count;
};

static void die(const char *what)
{
    perror(what);
    abort();
}

static bool is_stopped(struct http_stub *s)
{
    pthread_mutex_lock(&s->lock);
    bool stop = s->stop;
    pthread_mutex_unlock(&s->lock);
    return stop;
}

/* False: closed, or the test is over. */
static bool wait_readable(struct http_stub *s, int fd)
{
    while (!is_stopped(s)) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, 50) > 0)
            return true;
    }
    return false;
}

static bool read_some(struct http_stub *s, int fd, char *to, size_t size, size_t *n)
{
    if (!wait_readable(s, fd))
        return false;
    ssize_t got = read(fd, to, size);
    *n = got > 0 ? (size_t)got : 0;
    return got > 0;
}

/* Head, then as many bytes as Content-Length says. NULL: the connection ended. */
static struct http_stub_request *read_request(struct http_stub *s, int fd)
{
    struct http_stub_request *r = calloc(1, sizeof *r);
    if (!r)
        die("memory");
    size_t have = 0, n;
    char *end;
    while (!(end = strstr(r->head, "\r\n\r\n"))) {
        if (have + 1 >= sizeof r->head || !read_some(s, fd, r->head + have, 1, &n)) {
            free(r);
            return NULL;
        }
        have += n;
    }
    char length[32] = "0";
    http_stub_header(r, "Content-Length", length, sizeof length);
    size_t len = strtoul(length, NULL, 10);
    r->body = calloc(1, len + 1);
    if (!r->body)
        die("memory");
    while (r->len < len && read_some(s, fd, r->body + r->len, len - r->len, &n))
        r->len += n;
    return r;
}

static const char *keep_request(struct http_stub *s, struct http_stub_request *r)
{
    static const char no_content[] = "HTTP/1.1 204 No Content\r\n\r\n";
    pthread_mutex_lock(&s->lock);
    if (s->request_count >= REQUESTS_MAX)
        die("too many requests");
    s->requests[s->request_count++] = r;
    const char *answer = no_content;
    if (s->refuse_text && strstr(r->body, s->refuse_text))
        answer = s->refuse_answer;
    else if (s->answered < s->answer_count)
        answer = s->answers[s->answered++];
    pthread_mutex_unlock(&s->lock);
    return answer;
}

static bool send_answer(struct http_stub *s, int fd, const char *answer)
{
    if (strcmp(answer, HTTP_STUB_CLOSE) == 0)
        return false;
    if (strcmp(answer, HTTP_STUB_HANG) == 0) {
        wait_readable(s, fd);
        return false;
    }
    size_t len = strlen(answer);
    return send(fd, answer, len, MSG_NOSIGNAL) == (ssize_t)len && !strstr(answer, "Connection: close");
}

static void *serve(void *ctx)
{
    struct connection *c = ctx;
    for (;;) {
        struct http_stub_request *r = read_request(c->stub, c->fd);
        if (!r)
            break;
        r->connection = c->number;
        if (!send_answer(c->stub, c->fd, keep_request(c->stub, r)))
            break;
    }
    close(c->fd);
    return NULL;
}

static void *listen_for_clients(void *ctx)
{
    struct http_stub *s = ctx;
    while (wait_readable(s, s->fd)) {
        int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            continue;
        if (s->connection_count >= CONNECTIONS_MAX)
            die("too many connections");
        struct connection *c = &s->connections[s->connection_count++];
        *c = (struct connection){.stub = s, .number = s->connection_count, .fd = fd};
        if (pthread_create(&c->thread, NULL, serve, c) != 0)
            die("thread");
    }
    return NULL;
}

struct http_stub *http_stub_create(void)
{
    struct http_stub *s = calloc(1, sizeof *s);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof address;
    if (!s)
        die("memory");
    pthread_mutex_init(&s->lock, NULL);
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(s->fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(s->fd, 64) != 0 ||
        getsockname(s->fd, (struct sockaddr *)&address, &len) != 0)
        die("socket");
    snprintf(s->url, sizeof s->url, "http://127.0.0.1:%d/in", ntohs(address.sin_port));
    if (pthread_create(&s->thread, NULL, listen_for_clients, s) != 0)
        die("thread");
    return s;
}

void http_stub_destroy(struct http_stub *s)
{
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    for (unsigned i = 0; i < s->connection_count; i++)
        pthread_join(s->connections[i].thread, NULL);
    close(s->fd);
    for (size_t i = 0; i < s->request_count; i++) {
        free(s->requests[i]->body);
        free(s->requests[i]);
    }
    pthread_mutex_destroy(&s->lock);
    free(s);
}

const char *http_stub_url(const struct http_stub *s)
{
    return s->url;
}

void http_stub_answer(struct http_stub *s, const char *answer)
{
    pthread_mutex_lock(&s->lock);
    if (s->answer_count >= ANSWERS_MAX)
        die("too many answers");
    s->answers[s->answer_count++] = answer;
    pthread_mutex_unlock(&s->lock);
}

void http_stub_refuse(struct http_stub *s, const char *text, const char *answer)
{
    pthread_mutex_lock(&s->lock);
    s->refuse_text = text;
    s->refuse_answer = answer;
    pthread_mutex_unlock(&s->lock);
}

size_t http_stub_count(struct http_stub *s)
{
    pthread_mutex_lock(&s->lock);
    size_t count = s->request_count;
    pthread_mutex_unlock(&s->lock);
    return count;
}

const struct http_stub_request *http_stub_request(struct http_stub *s, size_t index)
{
    if (index >= http_stub_count(s))
        die("no such request");
    return s->requests[index];
}

bool http_stub_header(const struct http_stub_request *r, const char *name, char *text, size_t size)
{
    size_t len = strlen(name);
    for (const char *line = strstr(r->head, "\r\n"); line; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, len) != 0 || line[len] != ':')
            continue;
        const char *value = line + len + 1 + strspn(line + len + 1, " ");
        snprintf(text, size, "%.*s", (int)strcspn(value, "\r"), value);
        return true;
    }
    return false;
}
