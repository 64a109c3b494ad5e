/* SPDX-License-Identifier: Apache-2.0
 *
 * See admin_listener.h.
 */
#include "admin/admin_listener.h"

#include "base/log.h"
#include "loop/loop.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAX = 32,
    ACCEPTS_PER_TURN = 8,
    BACKLOG = 32,
    PAUSE_MS = 1000, /* when the process has no descriptor left */
};

struct admin_listener {
    struct list link;
    struct loop *loop; /* borrowed */
    int fd;
    struct loop_io *io;
    struct loop_timer *resume; /* ends a pause */
    struct list connections;   /* admin_connection_link() */
    size_t connection_count;
    struct admin_connection_owner owner;
    void (*handle_request)(void *ctx, struct admin_request *rq);
    void *request_ctx;
    char *path; /* of a Unix socket; NULL: TCP */
    dev_t device;
    ino_t inode;
};

static void handle_request(void *ctx, struct admin_request *rq)
{
    struct admin_listener *a = ctx;
    a->handle_request(a->request_ctx, rq);
}

static void handle_closed(void *ctx, struct admin_connection *c)
{
    (void)c;
    struct admin_listener *a = ctx;
    a->connection_count--;
}

static void turn_away(int fd)
{
    static const char answer[] =
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "Connection: close\r\n\r\ntoo many connections, close one and try again\n";
    if (send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        log_debug("admin", "a client over the limit was closed without an answer");
    close(fd);
}

static void take_connection(struct admin_listener *a, int fd)
{
    if (a->connection_count >= CONNECTIONS_MAX) {
        log_limited(60000, LOG_LEVEL_WARNING, "admin", "listener=%s has %d connections, more are turned away",
                    a->path ? a->path : "tcp", CONNECTIONS_MAX);
        turn_away(fd);
        return;
    }
    struct admin_connection *c = admin_connection_create(a->loop, fd, !a->path, &a->owner);
    list_add(&a->connections, admin_connection_link(c));
    a->connection_count++;
}

static void handle_resume(void *ctx)
{
    struct admin_listener *a = ctx;
    loop_io_set(a->io, LOOP_READ);
}

static void handle_accept(void *ctx, int fd, unsigned events)
{
    (void)events;
    struct admin_listener *a = ctx;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        int client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (client >= 0) {
            take_connection(a, client);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            log_limited(60000, LOG_LEVEL_ERROR, "admin", "cannot accept a connection: %s", strerror(errno));
            loop_io_set(a->io, 0);
            loop_timer_start(a->resume, PAUSE_MS);
        }
        return;
    }
}

static struct admin_listener *create(struct loop *l, int fd, const char *path)
{
    struct admin_listener *a = xcalloc(1, sizeof *a);
    list_init(&a->link);
    list_init(&a->connections);
    a->loop = l;
    a->fd = fd;
    a->path = path ? xstrdup(path) : NULL;
    a->owner = (struct admin_connection_owner){handle_request, handle_closed, a};
    a->resume = loop_timer_create(l, handle_resume, a);
    a->io = loop_io_create(l, fd, handle_accept, a);
    loop_io_set(a->io, LOOP_READ);
    return a;
}

/* ---- Unix ---- */

/* What stands at the path may be the socket of a process that ended badly, and nothing else. */
static enum status check_path_is_free(const struct sockaddr_un *address, struct error *err)
{
    struct stat st;
    if (lstat(address->sun_path, &st) < 0)
        return errno == ENOENT
                   ? STATUS_OK
                   : error_set_errno(err, STATUS_IO, errno, "control socket %s", address->sun_path);
    if (!S_ISSOCK(st.st_mode))
        return error_set(err, STATUS_REFUSED,
                         "control socket %s: a file that is not a socket is there; move it away",
                         address->sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_set_errno(err, STATUS_IO, errno, "control socket");
    int result = connect(fd, (const struct sockaddr *)address, sizeof *address);
    bool is_stale = result < 0 && (errno == ECONNREFUSED || errno == ENOENT);
    close(fd);
    if (is_stale)
        return STATUS_OK;
    return error_set(err, STATUS_LOCKED,
                     "control socket %s: another process answers there; is forebayd running already?",
                     address->sun_path);
}

/* Bound under another name and renamed, so that it has its mode before anybody can reach it and replaces a
 * stale one in one step. */
static int bind_and_rename(const struct sockaddr_un *address, struct error *err)
{
    struct sockaddr_un fresh = *address;
    size_t len = strlen(fresh.sun_path);
    memcpy(fresh.sun_path + len, ".new", sizeof ".new");
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && (unlink(fresh.sun_path) == 0 || errno == ENOENT) &&
        bind(fd, (const struct sockaddr *)&fresh, sizeof fresh) == 0 && chmod(fresh.sun_path, 0660) == 0 &&
        listen(fd, BACKLOG) == 0 && rename(fresh.sun_path, address->sun_path) == 0)
        return fd;
    error_set_errno(err, STATUS_IO, errno, "control socket %s", address->sun_path);
    if (fd >= 0) {
        close(fd);
        unlink(fresh.sun_path);
    }
    return -1;
}

struct admin_listener *admin_listener_create_unix(struct loop *l, const char *path, struct error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) + sizeof ".new" > sizeof address.sun_path) {
        error_set(err, STATUS_INVALID, "control socket %s: the path is longer than %zu bytes", path,
                  sizeof address.sun_path - sizeof ".new");
        return NULL;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    if (check_path_is_free(&address, err) != STATUS_OK)
        return NULL;
    int fd = bind_and_rename(&address, err);
    if (fd < 0)
        return NULL;
    struct admin_listener *a = create(l, fd, path);
    struct stat st;
    if (stat(path, &st) == 0) {
        a->device = st.st_dev;
        a->inode = st.st_ino;
    }
    return a;
}

/* Only our own: a successor may have replaced it already. */
static void remove_socket_file(const struct admin_listener *a)
{
    struct stat st;
    if (a->path && stat(a->path, &st) == 0 && st.st_dev == a->device && st.st_ino == a->inode)
        unlink(a->path);
}

/* ---- TCP ---- */

static int bind_tcp(const struct addrinfo *where, const char *address, int port, struct error *err)
{
    int fd = socket(where->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    static const int on = 1;
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(fd, where->ai_addr, where->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    enum status code = errno == EADDRINUSE ? STATUS_LOCKED : STATUS_IO;
    error_set_errno(err, code, errno, "cannot listen on %s port %d (admin.listen)", address, port);
    if (fd >= 0)
        close(fd);
    return -1;
}

struct admin_listener *admin_listener_create_tcp(struct loop *l, const char *address, int port,
                                                 struct error *err)
{
    if (port < 0 || port > 65535) {
        error_set(err, STATUS_INVALID, "admin listener %s: port %d is not between 0 and 65535", address,
                  port);
        return NULL;
    }
    char service[16];
    snprintf(service, sizeof service, "%d", port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    struct addrinfo *found = NULL;
    if (getaddrinfo(address, service, &hints, &found) != 0) {
        error_set(err, STATUS_INVALID, "admin listener: %s is not an IP address", address);
        return NULL;
    }
    int fd = bind_tcp(found, address, port, err);
    freeaddrinfo(found);
    return fd < 0 ? NULL : create(l, fd, NULL);
}

int admin_listener_port(const struct admin_listener *a)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    if (a->path || getsockname(a->fd, (struct sockaddr *)&address, &len) < 0)
        return 0;
    if (address.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)(const void *)&address)->sin6_port);
    return ntohs(((const struct sockaddr_in *)(const void *)&address)->sin_port);
}

void admin_listener_set_handler(struct admin_listener *a, void (*handle)(void *ctx, struct admin_request *rq),
                                void *ctx)
{
    a->handle_request = handle;
    a->request_ctx = ctx;
}

void admin_listener_destroy(struct admin_listener *a)
{
    if (!a)
        return;
    list_remove(&a->link);
    while (!list_is_empty(&a->connections))
        admin_connection_destroy(admin_connection_of_link(a->connections.next));
    loop_io_destroy(a->io);
    loop_timer_destroy(a->resume);
    remove_socket_file(a);
    close(a->fd);
    free(a->path);
    free(a);
}

struct list *admin_listener_link(struct admin_listener *a)
{
    return &a->link;
}

struct admin_listener *admin_listener_of_link(struct list *link)
{
    return list_entry(link, struct admin_listener, link);
}
