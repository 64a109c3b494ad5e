/* SPDX-License-Identifier: Apache-2.0
 *
 * The control socket and the optional read-only TCP listener: HTTP/1.1, a table of handlers. It knows none of
 * them: who has something to show registers it. Strict and bounded: 32 connections for each listener, a head
 * of 16 KiB, time limits for every step; TCP takes only GET without a body. Rank 3.
 */
#ifndef ADMIN_ADMIN_SERVER_H
#define ADMIN_ADMIN_SERVER_H

#include "base/bytes.h"
#include "base/error.h"

struct admin_server;
struct admin_request;
struct loop;

/* Answer with admin_reply() or start a stream, now or later, exactly once for each request, even when the
 * client has gone meanwhile or the server was destroyed. */
typedef void (*admin_handler_fn)(void *ctx, struct admin_request *rq);

enum { ADMIN_PUBLIC = 1 /* also on the TCP listener (GET only) */ };

struct admin_server *admin_server_create(struct loop *l);
/* Not from a handler. Streams are closed; requests waiting for an answer stay with who answers them. NULL is
 * fine. */
void admin_server_destroy(struct admin_server *s);
/* Mode 0660, replaces a stale socket; refuses when another process answers on it. */
MUST_CHECK enum status admin_server_listen_unix(struct admin_server *s, const char *path, struct error *err);
MUST_CHECK enum status admin_server_listen_tcp(struct admin_server *s, const char *address, int port,
                                               struct error *err);

/* The port of the first TCP listener, for port 0; 0: none. */
int admin_server_tcp_port(const struct admin_server *s);

/* `method` "GET", "POST", "DELETE"; `path` exact, or a prefix when it ends with "/". Unknown paths answer 404
 * with the list of paths. The strings are borrowed. The first that fits is called. */
void admin_server_add(struct admin_server *s, const char *method, const char *path, unsigned flags,
                      admin_handler_fn fn, void *ctx, const char *help);

const char *admin_request_path(const struct admin_request *rq); /* decoded */
/* NULL when absent. */
const char *admin_request_parameter(const struct admin_request *rq, const char *name);
struct bytes admin_request_body(const struct admin_request *rq); /* at most 16 MiB */
void admin_reply(struct admin_request *rq, int status, const char *content_type, struct bytes body);
void admin_reply_text(struct admin_request *rq, int status, const char *format, ...) PRINTF_LIKE(3, 4);

/* A reply in pieces (tap, long lists). `on_closed` (may be NULL) when the client has gone or the server ends;
 * `rq` ends there or at admin_stream_end(). It is never called from inside these functions, except that a
 * stream started for a client that has gone already is closed at once. */
void admin_stream_start(struct admin_request *rq, const char *content_type, void (*on_closed)(void *ctx),
                        void *ctx);
void admin_stream_send(struct admin_request *rq, struct bytes piece);
/* Bytes not yet taken by the client; a sender that sees more than it likes skips pieces. */
size_t admin_stream_backlog(const struct admin_request *rq);
void admin_stream_end(struct admin_request *rq);

#endif
