/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes that a server answers an HTTP request with, through libcurl and the plugin `http`, which run.sh links
 * in. The sockets are pairs inside this process: no port and no waiting. Proves that every output gets
 * exactly one result whatever comes back, and that a reason fits its bounds.
 */
#include "../../plugins/http/http_options.h"
#include "fake_host.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int server_fd = -1;

/* libcurl takes these two from the program. */
int socket(int domain, int type, int protocol)
{
    int fds[2];
    if (domain != AF_INET)
        return (int)syscall(SYS_socket, domain, type, protocol);
    if (socketpair(AF_UNIX, type, 0, fds) < 0)
        return -1;
    if (server_fd >= 0)
        close(server_fd);
    server_fd = fds[1];
    return fds[0];
}

int connect(int fd, const struct sockaddr *address, socklen_t len)
{
    if (address->sa_family == AF_INET)
        return 0;
    return (int)syscall(SYS_connect, fd, address, len);
}

static struct fake_host *start(void)
{
    struct fake_host *h = fake_host_create(NULL);
    struct http_options *o = fake_host_options(h);
    o->url = "http://127.0.0.1:9/";
    o->batch.messages = 1;
    if (!fake_host_start(h))
        abort();
    return h;
}

/* The request has come when something of it has. */
static void wait_for_request(struct fake_host *h)
{
    char request[4096];
    for (int i = 0; i < 1000; i++) {
        fake_host_turn(h, 0);
        if (server_fd >= 0 && recv(server_fd, request, sizeof request, MSG_DONTWAIT) > 0)
            return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fake_host *h;
    static uint64_t token;
    if (!h)
        h = start();
    fake_host_forget_results(h);
    assert(fake_host_send(h, ++token, "{\"a\":1}"));
    wait_for_request(h);
    if (server_fd >= 0) {
        if (size && send(server_fd, data, size, MSG_NOSIGNAL) < 0)
            abort();
        close(server_fd);
        server_fd = -1;
    }
    assert(fake_host_wait_results(h, 1, 5000));
    const struct fake_result *r = fake_host_result(h, 0);
    assert(r->token == token && fake_host_result_count(h) == 1);
    assert(r->outcome == FBY_DELIVERED || r->reason[0]);
    assert(r->retry_after_ms >= 0 && r->retry_after_ms <= 3600 * 1000);
    fake_host_cancel(h);
    return 0;
}
