/* SPDX-License-Identifier: Apache-2.0
 *
 * See mqtt_socket_buffer.h. A scope on the calling thread, rather than a table of descriptors, decides which
 * calls are ours: the library closes its socket by itself, and another thread that gets the same number a
 * moment later must never meet this buffer.
 */
#include "mqtt/mqtt_socket_buffer.h"

#include "base/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

struct mqtt_socket_buffer {
    uint8_t *in;
    size_t in_begin, in_end;
    uint8_t *out;
    size_t out_begin, out_end;
    int fd;      /* -1: none yet */
    int wake_fd; /* the library's internal pipe; -1: not known */
    bool learning, muted;
    bool drained; /* the kernel had less than we asked for in this burst */
    bool dry;     /* a reader was told EAGAIN in this burst */
    bool closed;
    int64_t budget_bytes;
    int error; /* errno of a write that failed; 0: none */
    struct mqtt_socket_traffic traffic;
};

static __thread struct mqtt_socket_buffer *active;

static ssize_t kernel_read(int fd, void *data, size_t size)
{
    return (ssize_t)syscall(SYS_read, fd, data, size);
}

static ssize_t kernel_write(int fd, const void *data, size_t size)
{
    return (ssize_t)syscall(SYS_write, fd, data, size);
}

/* One read of the kernel within the burst's budget. */
static ssize_t take_input(struct mqtt_socket_buffer *b, void *data, size_t size)
{
    if (b->drained || b->budget_bytes <= 0) {
        b->dry = true;
        errno = EAGAIN;
        return -1;
    }
    ssize_t n;
    do {
        b->traffic.reads++;
        n = kernel_read(b->fd, data, size);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN) {
        b->dry = b->drained = true;
        return -1;
    }
    if (n <= 0) {
        b->closed = true;
        return n;
    }
    b->drained = (size_t)n < size;
    b->budget_bytes -= n;
    b->traffic.bytes_in += (uint64_t)n;
    return n;
}

static ssize_t buffered_read(struct mqtt_socket_buffer *b, void *data, size_t size)
{
    if (b->in_begin == b->in_end) {
        if (size >= MQTT_SOCKET_BUFFER_INPUT)
            return take_input(b, data, size);
        ssize_t n = take_input(b, b->in, MQTT_SOCKET_BUFFER_INPUT);
        if (n <= 0)
            return n;
        b->in_begin = 0;
        b->in_end = (size_t)n;
    }
    size_t len = b->in_end - b->in_begin;
    if (len > size)
        len = size;
    memcpy(data, b->in + b->in_begin, len);
    b->in_begin += len;
    return (ssize_t)len;
}

enum status mqtt_socket_buffer_flush(struct mqtt_socket_buffer *b)
{
    while (b->out_begin < b->out_end) {
        b->traffic.writes++;
        ssize_t n = send(b->fd, b->out + b->out_begin, b->out_end - b->out_begin, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return STATUS_BUSY;
        if (n < 0) {
            b->error = errno;
            return STATUS_IO;
        }
        b->out_begin += (size_t)n;
        b->traffic.bytes_out += (uint64_t)n;
    }
    b->out_begin = b->out_end = 0;
    return STATUS_OK;
}

static ssize_t buffered_write(struct mqtt_socket_buffer *b, const void *data, size_t size)
{
    if (b->muted)
        return (ssize_t)size;
    if (b->error) {
        errno = b->error;
        return -1;
    }
    if (size > MQTT_SOCKET_BUFFER_OUTPUT - b->out_end && mqtt_socket_buffer_flush(b) == STATUS_IO) {
        errno = b->error;
        return -1;
    }
    size_t room = MQTT_SOCKET_BUFFER_OUTPUT - b->out_end;
    if (room == 0) {
        errno = EAGAIN;
        return -1;
    }
    size_t len = size < room ? size : room;
    memcpy(b->out + b->out_end, data, len);
    b->out_end += len;
    return (ssize_t)len;
}

/* The definitions that libmosquitto and OpenSSL find instead of the C library's. */
__attribute__((visibility("default"))) ssize_t read(int fd, void *data, size_t size)
{
    struct mqtt_socket_buffer *b = active;
    if (b && fd == b->fd)
        return buffered_read(b, data, size);
    return kernel_read(fd, data, size);
}

__attribute__((visibility("default"))) ssize_t write(int fd, const void *data, size_t size)
{
    struct mqtt_socket_buffer *b = active;
    if (!b)
        return kernel_write(fd, data, size);
    if (fd == b->fd)
        return buffered_write(b, data, size);
    if (b->learning && size == 1)
        b->wake_fd = fd;
    if (fd == b->wake_fd && size == 1)
        return 1;
    return kernel_write(fd, data, size);
}

struct mqtt_socket_buffer *mqtt_socket_buffer_create(void)
{
    struct mqtt_socket_buffer *b = xcalloc(1, sizeof *b);
    b->fd = b->wake_fd = -1;
    b->in = xrealloc(NULL, MQTT_SOCKET_BUFFER_INPUT);
    b->out = xrealloc(NULL, MQTT_SOCKET_BUFFER_OUTPUT);
    return b;
}

void mqtt_socket_buffer_destroy(struct mqtt_socket_buffer *b)
{
    if (!b)
        return;
    free(b->in);
    free(b->out);
    free(b);
}

void mqtt_socket_buffer_learn(struct mqtt_socket_buffer *b)
{
    b->learning = true;
}

void mqtt_socket_buffer_attach(struct mqtt_socket_buffer *b, int fd)
{
    b->learning = false;
    b->fd = fd;
}

void mqtt_socket_buffer_mute(struct mqtt_socket_buffer *b)
{
    b->muted = true;
    b->out_begin = b->out_end = 0;
}

struct mqtt_socket_buffer *mqtt_socket_buffer_enter(struct mqtt_socket_buffer *b)
{
    struct mqtt_socket_buffer *outer = active;
    active = b;
    return outer;
}

void mqtt_socket_buffer_leave(struct mqtt_socket_buffer *outer)
{
    active = outer;
}

void mqtt_socket_buffer_begin_burst(struct mqtt_socket_buffer *b)
{
    b->drained = b->dry = false;
    b->budget_bytes = MQTT_SOCKET_BUFFER_INPUT;
}

bool mqtt_socket_buffer_is_dry(const struct mqtt_socket_buffer *b)
{
    return b->dry;
}

bool mqtt_socket_buffer_is_closed(const struct mqtt_socket_buffer *b)
{
    return b->closed || b->error;
}

size_t mqtt_socket_buffer_waiting(const struct mqtt_socket_buffer *b)
{
    int in_kernel = 0;
    if (b->fd < 0 || ioctl(b->fd, FIONREAD, &in_kernel) != 0 || in_kernel < 0)
        in_kernel = 0;
    return b->in_end - b->in_begin + (size_t)in_kernel;
}

bool mqtt_socket_buffer_has_output(const struct mqtt_socket_buffer *b)
{
    return b->out_begin < b->out_end;
}

const struct mqtt_socket_traffic *mqtt_socket_buffer_traffic(const struct mqtt_socket_buffer *b)
{
    return &b->traffic;
}
