/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes from a client of the admin server: the first byte chooses the listener and how the rest is cut into
 * pieces. Proves that nothing crashes, hangs or leaks, and that every request is answered or its connection
 * ends.
 */
#include "admin/admin_connection.h"
#include "base/clock.h"
#include "loop/loop.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct session {
    struct loop *loop;
    struct admin_connection *connection;
    struct admin_request *stream;
};

static void handle_stream_closed(void *ctx)
{
    struct session *s = ctx;
    s->stream = NULL;
}

static void handle_request(void *ctx, struct admin_request *rq)
{
    struct session *s = ctx;
    assert(admin_request_path(rq)[0] == '/');
    if (!s->stream && admin_request_parameter(rq, "s")) {
        s->stream = rq;
        admin_stream_start(rq, "text/plain", handle_stream_closed, s);
        admin_stream_send(rq, bytes_of_text("piece"));
        return;
    }
    admin_reply(rq, 200, "application/octet-stream", admin_request_body(rq));
}

static void handle_closed(void *ctx, struct admin_connection *c)
{
    struct session *s = ctx;
    assert(s->connection == c);
    s->connection = NULL;
}

static void drain(int fd)
{
    char answer[4096];
    while (recv(fd, answer, sizeof answer, MSG_DONTWAIT) > 0)
        continue;
}

static void talk(struct session *s, int fd, size_t piece, const uint8_t *data, size_t size)
{
    while (size && s->connection) {
        size_t len = size < piece ? size : piece;
        ssize_t n = send(fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0) {
            data += n;
            size -= (size_t)n;
        }
        loop_turn(s->loop, 0);
        loop_turn(s->loop, 0);
        drain(fd);
    }
    for (int i = 0; i < 4; i++)
        loop_turn(s->loop, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    clock_fake_start(0);
    struct session s = {.loop = loop_create(NULL)};
    struct admin_connection_owner owner = {handle_request, handle_closed, &s};
    int fds[2];
    if (!s.loop || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) < 0)
        abort();
    s.connection = admin_connection_create(s.loop, fds[0], data[0] & 1, &owner);
    size_t piece = (size_t)(data[0] >> 1) * 8 + 1;
    talk(&s, fds[1], piece, data + 1, size - 1);
    if (s.stream && data[0] & 2) {
        admin_stream_end(s.stream);
        s.stream = NULL;
    }
    /* Pipelined requests take a turn each; then the time limits end it. Only a stream may stay. */
    for (size_t i = 0; i < size + 8 && s.connection && !s.stream; i++) {
        clock_fake_advance(INT64_C(120) * 1000000);
        loop_turn(s.loop, 0);
        drain(fds[1]);
    }
    assert(!s.connection || s.stream);
    admin_connection_destroy(s.connection);
    close(fds[1]);
    loop_destroy(s.loop);
    return 0;
}
