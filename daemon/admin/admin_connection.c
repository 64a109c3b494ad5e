/* SPDX-License-Identifier: Apache-2.0
 *
 * See admin_connection.h. Each state says which events it waits for and how long:
 * READING -> HANDLING -> REPLYING -> READING, or -> STREAMING; -> LINGERING when the answer was the last.
 */
#include "admin/admin_connection.h"

#include "base/number_format.h"
#include "loop/loop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    HEAD_TIMEOUT_MS = 10 * 1000,
    BODY_TIMEOUT_MS = 60 * 1000,
    IDLE_TIMEOUT_MS = 60 * 1000,  /* between two requests */
    WRITE_TIMEOUT_MS = 30 * 1000, /* without any progress */
    LINGER_TIMEOUT_MS = 2 * 1000,
    READ_SIZE = 16 * 1024,
    KEPT_BUFFER_SIZE = 64 * 1024, /* of an idle connection */
    BODY_MAX = 16 * 1024 * 1024,
};

enum state {
    READING_HEAD,
    READING_BODY,
    HANDLING, /* handed up, waiting for the answer */
    REPLYING,
    STREAMING,
    LINGERING, /* our side is shut; lets the client read the answer before the socket goes */
};

struct admin_connection {
    struct list link;
    int fd;
    struct loop_io *io;
    struct loop_timer *timer;
    const struct admin_connection_owner *owner; /* borrowed */
    enum state state;
    bool is_public;
    bool keep_alive;               /* after this answer */
    bool chunked;                  /* the stream's pieces are framed */
    struct admin_request *request; /* READING_BODY: owned; HANDLING, STREAMING: whoever answers */
    struct buffer in, out;
    size_t out_sent;
};

size_t admin_connection_backlog(const struct admin_connection *c)
{
    return c->out.len - c->out_sent;
}

struct list *admin_connection_link(struct admin_connection *c)
{
    return &c->link;
}

struct admin_connection *admin_connection_of_link(struct list *link)
{
    return list_entry(link, struct admin_connection, link);
}

/* ---- States ---- */

static void watch(struct admin_connection *c)
{
    unsigned write = admin_connection_backlog(c) || c->out.failed ? (unsigned)LOOP_WRITE : 0;
    switch (c->state) {
    case READING_HEAD:
    case READING_BODY: /* the answer to Expect may be waiting */
    case STREAMING:    /* reading tells when the client goes */
        loop_io_set(c->io, LOOP_READ | write);
        return;
    case HANDLING:
        loop_io_set(c->io, 0);
        return;
    case REPLYING:
        loop_io_set(c->io, LOOP_WRITE);
        return;
    case LINGERING:
        loop_io_set(c->io, LOOP_READ);
        return;
    }
}

static void enter(struct admin_connection *c, enum state state, int64_t timeout_ms)
{
    c->state = state;
    if (timeout_ms)
        loop_timer_start(c->timer, timeout_ms);
    else
        loop_timer_stop(c->timer);
    watch(c);
}

/* The client has gone or must go. Somebody may still hold the request. */
static void detach_request(struct admin_connection *c)
{
    struct admin_request *rq = c->request;
    c->request = NULL;
    if (!rq)
        return;
    rq->connection = NULL;
    if (c->state == READING_BODY) {
        admin_request_destroy(rq);
        return;
    }
    if (c->state != STREAMING)
        return;
    if (rq->on_closed)
        rq->on_closed(rq->closed_ctx);
    admin_request_destroy(rq);
}

void admin_connection_destroy(struct admin_connection *c)
{
    if (!c)
        return;
    detach_request(c);
    list_remove(&c->link);
    loop_io_destroy(c->io);
    loop_timer_destroy(c->timer);
    close(c->fd);
    buffer_finish(&c->in);
    buffer_finish(&c->out);
    free(c);
}

static void end(struct admin_connection *c)
{
    c->owner->handle_closed(c->owner->ctx, c);
    admin_connection_destroy(c);
}

/* ---- Answers ---- */

static void add_status_line(struct admin_connection *c, int status, const char *content_type)
{
    buffer_add_format(&c->out,
                      "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nCache-Control: no-store\r\n"
                      "X-Content-Type-Options: nosniff\r\n",
                      status, http_status_words(status), content_type);
}

void admin_connection_reply(struct admin_connection *c, int status, const char *content_type,
                            const char *extra_header, struct bytes body)
{
    c->request = NULL;
    add_status_line(c, status, content_type);
    if (extra_header)
        buffer_add_text(&c->out, extra_header);
    buffer_add_format(&c->out, "Content-Length: %zu\r\nConnection: %s\r\n\r\n", body.len,
                      c->keep_alive ? "keep-alive" : "close");
    buffer_add(&c->out, body.data, body.len);
    enter(c, REPLYING, WRITE_TIMEOUT_MS);
}

void admin_connection_start_stream(struct admin_connection *c, const char *content_type)
{
    c->keep_alive = false;
    c->chunked = c->request && !c->request->http.is_http_1_0;
    add_status_line(c, 200, content_type);
    buffer_add_text(&c->out, c->chunked ? "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                                        : "Connection: close\r\n\r\n");
    enter(c, STREAMING, WRITE_TIMEOUT_MS);
}

void admin_connection_send_piece(struct admin_connection *c, struct bytes piece)
{
    if (!piece.len)
        return;
    bool was_empty = !admin_connection_backlog(c);
    if (c->chunked)
        buffer_add_format(&c->out, "%zx\r\n", piece.len);
    buffer_add(&c->out, piece.data, piece.len);
    if (c->chunked)
        buffer_add(&c->out, "\r\n", 2);
    if (was_empty)
        loop_timer_start(c->timer, WRITE_TIMEOUT_MS);
    watch(c);
}

void admin_connection_end_stream(struct admin_connection *c)
{
    c->request = NULL;
    if (c->chunked)
        buffer_add_text(&c->out, "0\r\n\r\n");
    enter(c, REPLYING, WRITE_TIMEOUT_MS);
}

/* A request that cannot be read has no handler; what follows on the connection cannot be trusted either. */
static void refuse(struct admin_connection *c, int status, const char *reason)
{
    struct buffer text = {0};
    buffer_add_format(&text, "%s\n", reason);
    c->keep_alive = false;
    admin_connection_reply(c, status, "text/plain; charset=utf-8", NULL, buffer_bytes(&text));
    buffer_finish(&text);
}

/* ---- Requests ---- */

static void consume_input(struct admin_connection *c, size_t len)
{
    memmove(c->in.data, c->in.data + len, c->in.len - len);
    c->in.len -= len;
}

static void hand_up(struct admin_connection *c)
{
    enter(c, HANDLING, 0);
    c->owner->handle_request(c->owner->ctx, c->request); /* may answer at once */
}

/* A head has been read: what its body may be. */
static void begin_request(struct admin_connection *c, struct http_request *http)
{
    c->keep_alive = http->keep_alive;
    if (http->body_len > (c->is_public ? 0 : BODY_MAX)) {
        refuse(c, 413, c->is_public ? "requests on this listener have no body" : "a body has at most 16 MiB");
        http_request_finish(http);
        return;
    }
    consume_input(c, http->head_len);
    c->request = xcalloc(1, sizeof *c->request);
    c->request->connection = c;
    c->request->http = *http;
    c->request->is_public = c->is_public;
    if (http->expects_continue && http->body_len > c->in.len)
        buffer_add_text(&c->out, "HTTP/1.1 100 Continue\r\n\r\n");
    enter(c, READING_BODY, BODY_TIMEOUT_MS);
}

static void read_head(struct admin_connection *c)
{
    struct http_request http;
    const char *reason = NULL;
    int result = http_request_parse(buffer_bytes(&c->in), &http, &reason);
    if (result == HTTP_COMPLETE)
        begin_request(c, &http);
    else if (result != HTTP_INCOMPLETE)
        refuse(c, result, reason);
}

static void read_body(struct admin_connection *c)
{
    struct admin_request *rq = c->request;
    size_t missing = (size_t)rq->http.body_len - rq->body.len;
    size_t len = c->in.len < missing ? c->in.len : missing;
    buffer_add(&rq->body, c->in.data, len);
    if (rq->body.failed) {
        c->request = NULL;
        admin_request_destroy(rq);
        refuse(c, 503, "out of memory for the body");
        return;
    }
    consume_input(c, len);
    if (rq->body.len == rq->http.body_len)
        hand_up(c);
}

/* Use what has been read. One request in each call, so that a pipeline of many takes as many turns. */
static void process_input(struct admin_connection *c)
{
    if (c->state == READING_HEAD && c->in.len)
        read_head(c);
    if (c->state == READING_BODY)
        read_body(c);
}

/* ---- Descriptor ---- */

/* False: nothing more will come. */
static bool receive(struct admin_connection *c)
{
    if (!buffer_reserve(&c->in, READ_SIZE))
        return false;
    ssize_t n = recv(c->fd, c->in.data + c->in.len, READ_SIZE, 0);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    if (n == 0)
        return false;
    if (c->state == STREAMING || c->state == LINGERING)
        return true; /* nobody will answer it */
    if (c->state == READING_HEAD && !c->in.len)
        loop_timer_start(c->timer, HEAD_TIMEOUT_MS);
    c->in.len += (size_t)n;
    process_input(c);
    return true;
}

/* The answer is out. */
static void handle_sent(struct admin_connection *c)
{
    buffer_clear(&c->out);
    if (c->out.capacity > KEPT_BUFFER_SIZE)
        buffer_finish(&c->out);
    c->out_sent = 0;
    if (c->state == STREAMING)
        loop_timer_stop(c->timer);
    watch(c);
    if (c->state != REPLYING)
        return;
    if (!c->keep_alive) {
        shutdown(c->fd, SHUT_WR);
        enter(c, LINGERING, LINGER_TIMEOUT_MS);
        return;
    }
    enter(c, READING_HEAD, c->in.len ? HEAD_TIMEOUT_MS : IDLE_TIMEOUT_MS);
    process_input(c);
}

static bool transmit(struct admin_connection *c)
{
    if (c->out.failed)
        return false; /* a piece of the answer is missing */
    size_t len = admin_connection_backlog(c);
    ssize_t n = len ? send(c->fd, c->out.data + c->out_sent, len, MSG_NOSIGNAL) : 0;
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    c->out_sent += (size_t)n;
    if (c->out_sent == c->out.len) {
        handle_sent(c);
        return true;
    }
    if (n > 0 && c->state != READING_BODY)
        loop_timer_start(c->timer, WRITE_TIMEOUT_MS);
    /* A stream to a slow client goes on for ever: move what is left when it is less than what is gone. */
    if (c->out_sent > c->out.len / 2) {
        c->out.len -= c->out_sent;
        memmove(c->out.data, c->out.data + c->out_sent, c->out.len);
        c->out_sent = 0;
    }
    return true;
}

static void handle_io(void *ctx, int fd, unsigned events)
{
    (void)fd;
    struct admin_connection *c = ctx;
    bool alive = true;
    if (events & LOOP_WRITE)
        alive = transmit(c);
    if (alive && events & LOOP_READ && loop_io_events(c->io) & LOOP_READ)
        alive = receive(c);
    if (!alive)
        end(c);
}

static void handle_timeout(void *ctx)
{
    struct admin_connection *c = ctx;
    if (c->state == READING_HEAD && c->in.len) {
        refuse(c, 408, "the request did not come in time");
        return;
    }
    end(c);
}

struct admin_connection *admin_connection_create(struct loop *l, int fd, bool is_public,
                                                 const struct admin_connection_owner *owner)
{
    struct admin_connection *c = xcalloc(1, sizeof *c);
    list_init(&c->link);
    c->fd = fd;
    c->is_public = is_public;
    c->owner = owner;
    c->io = loop_io_create(l, fd, handle_io, c);
    c->timer = loop_timer_create(l, handle_timeout, c);
    enter(c, READING_HEAD, HEAD_TIMEOUT_MS);
    return c;
}
