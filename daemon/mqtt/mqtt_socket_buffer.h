/* SPDX-License-Identifier: Apache-2.0
 *
 * Bulk input and output below libmosquitto. The library reads a packet's header byte by byte and writes each
 * packet on its own; it does so through the symbols read() and write(), which this file defines for the whole
 * program. Between mqtt_socket_buffer_enter() and _leave(), and only on that thread, calls on the buffer's
 * own descriptor are served from memory: a whole burst costs one system call each way. Every other call goes
 * straight to the kernel. The same holds for OpenSSL, which sits between on a TLS connection.
 */
#ifndef MQTT_MQTT_SOCKET_BUFFER_H
#define MQTT_MQTT_SOCKET_BUFFER_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    MQTT_SOCKET_BUFFER_INPUT = 64 * 1024, /* bytes read ahead; also what one burst may take from the kernel */
    MQTT_SOCKET_BUFFER_OUTPUT = 32 * 1024, /* bytes gathered before they are written */
};

struct mqtt_socket_buffer;

struct mqtt_socket_buffer *mqtt_socket_buffer_create(void);
/* Gathered output is thrown away. */
void mqtt_socket_buffer_destroy(struct mqtt_socket_buffer *b);

/* Before the socket exists: one-byte writes to any descriptor are swallowed, and the last such descriptor is
 * remembered as the library's wake-up pipe, which nobody reads here. */
void mqtt_socket_buffer_learn(struct mqtt_socket_buffer *b);
/* The socket is there, or goes on under another number: serve it. */
void mqtt_socket_buffer_attach(struct mqtt_socket_buffer *b, int fd);
/* From now on throw writes away: nothing must leave any more. */
void mqtt_socket_buffer_mute(struct mqtt_socket_buffer *b);

/* Around every call into libmosquitto. Calls nest (a callback may publish on another connection): give what
 * enter() returned to leave(). */
MUST_CHECK struct mqtt_socket_buffer *mqtt_socket_buffer_enter(struct mqtt_socket_buffer *b);
void mqtt_socket_buffer_leave(struct mqtt_socket_buffer *outer);

/* Allow the next burst to take input from the kernel again. */
void mqtt_socket_buffer_begin_burst(struct mqtt_socket_buffer *b);
/* A reader was told that there is nothing more in this burst. */
bool mqtt_socket_buffer_is_dry(const struct mqtt_socket_buffer *b);
/* The other side closed, or the socket failed. */
bool mqtt_socket_buffer_is_closed(const struct mqtt_socket_buffer *b);
/* Bytes that wait here or in the kernel. */
size_t mqtt_socket_buffer_waiting(const struct mqtt_socket_buffer *b);

/* Write what was gathered. STATUS_BUSY: the kernel's buffer is full, wait until the socket is writable.
 * STATUS_IO: the connection is lost. */
MUST_CHECK enum status mqtt_socket_buffer_flush(struct mqtt_socket_buffer *b);
bool mqtt_socket_buffer_has_output(const struct mqtt_socket_buffer *b);

/* Totals since create, and the system calls that they took. */
struct mqtt_socket_traffic {
    uint64_t bytes_in, bytes_out;
    uint64_t reads, writes;
};
const struct mqtt_socket_traffic *mqtt_socket_buffer_traffic(const struct mqtt_socket_buffer *b);

#endif
