/* SPDX-License-Identifier: Apache-2.0
 *
 * See service_manager.h.
 */
#include "service_manager.h"

#include "base/clock.h"
#include "base/memory.h"
#include "loop/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct service_manager {
    int fd; /* -1: nobody listens */
    struct sockaddr_un address;
    socklen_t address_len;
    struct loop_timer *watchdog;
    int64_t interval_ms;
};

static void notify(const struct service_manager *s, const char *text)
{
    if (s->fd < 0)
        return;
    /* Datagrams of a few bytes do not block in practice; a full queue loses one watchdog beat of two. */
    (void)!sendto(s->fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL,
                  (const struct sockaddr *)&s->address, s->address_len);
}

static void feed_watchdog(void *ctx)
{
    struct service_manager *s = ctx;
    notify(s, "WATCHDOG=1");
    loop_timer_start(s->watchdog, s->interval_ms);
}

static void open_socket(struct service_manager *s)
{
    const char *path = getenv("NOTIFY_SOCKET");
    s->fd = -1;
    if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof s->address.sun_path)
        return;
    s->address.sun_family = AF_UNIX;
    memcpy(s->address.sun_path, path, strlen(path) + 1);
    s->address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    if (path[0] == '@')
        s->address.sun_path[0] = 0;
    s->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

static int64_t watchdog_interval_ms(void)
{
    const char *usec = getenv("WATCHDOG_USEC");
    const char *pid = getenv("WATCHDOG_PID");
    if (!usec || (pid && strtol(pid, NULL, 10) != (long)getpid()))
        return 0;
    long long us = strtoll(usec, NULL, 10);
    return us > 0 ? us / 3000 : 0;
}

struct service_manager *service_manager_create(struct loop *l)
{
    struct service_manager *s = xcalloc(1, sizeof *s);
    open_socket(s);
    s->interval_ms = watchdog_interval_ms();
    if (s->fd >= 0 && s->interval_ms > 0) {
        s->watchdog = loop_timer_create(l, feed_watchdog, s);
        loop_timer_start(s->watchdog, 0);
    }
    return s;
}

void service_manager_destroy(struct service_manager *s)
{
    if (!s)
        return;
    loop_timer_destroy(s->watchdog);
    if (s->fd >= 0)
        close(s->fd);
    free(s);
}

void service_manager_ready(struct service_manager *s)
{
    notify(s, "READY=1");
}

void service_manager_reloading(struct service_manager *s)
{
    char text[80];
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_monotonic_us());
    notify(s, text);
}

void service_manager_stopping(struct service_manager *s)
{
    notify(s, "STOPPING=1");
}

void service_manager_status(struct service_manager *s, const char *status)
{
    char text[300];
    snprintf(text, sizeof text, "STATUS=%s", status);
    notify(s, text);
}

void service_manager_extend(struct service_manager *s, int64_t ms)
{
    char text[80];
    snprintf(text, sizeof text, "EXTEND_TIMEOUT_USEC=%lld", (long long)ms * 1000);
    notify(s, text);
}
