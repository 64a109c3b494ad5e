/* SPDX-License-Identifier: Apache-2.0
 *
 * One HTTP connection: reads a request, hands it up, writes the answer, one request at a time. Bytes are sent
 * only from the loop, so an answer never finds its connection gone in the middle. Private to this folder.
 */
#ifndef ADMIN_ADMIN_CONNECTION_H
#define ADMIN_ADMIN_CONNECTION_H

#include "admin/admin_server.h"
#include "admin/http_request.h"
#include "base/list.h"

struct admin_connection;
struct loop;

/* A request that has been handed up and is not answered yet. It outlives its connection when the client goes.
 */
struct admin_request {
    struct admin_connection *connection; /* NULL: the client has gone */
    struct http_request http;
    struct buffer body;
    bool is_public;               /* came through the TCP listener */
    void (*on_closed)(void *ctx); /* of a stream */
    void *closed_ctx;
};

void admin_request_destroy(struct admin_request *rq);

/* What a connection needs of its server. */
struct admin_connection_owner {
    void (*handle_request)(void *ctx, struct admin_request *rq);
    void (*handle_closed)(void *ctx, struct admin_connection *c); /* it is destroyed after this call */
    void *ctx;
};

/* Takes the descriptor. `owner` is borrowed. */
struct admin_connection *admin_connection_create(struct loop *l, int fd, bool is_public,
                                                 const struct admin_connection_owner *owner);
/* Ends without a word; a stream's on_closed is called, handle_closed is not. */
void admin_connection_destroy(struct admin_connection *c);
/* For the server's list of connections. */
struct list *admin_connection_link(struct admin_connection *c);
struct admin_connection *admin_connection_of_link(struct list *link);

/* `extra_header` is a whole line with CRLF, or NULL. */
void admin_connection_reply(struct admin_connection *c, int status, const char *content_type,
                            const char *extra_header, struct bytes body);
void admin_connection_start_stream(struct admin_connection *c, const char *content_type);
void admin_connection_send_piece(struct admin_connection *c, struct bytes piece);
void admin_connection_end_stream(struct admin_connection *c);
size_t admin_connection_backlog(const struct admin_connection *c);

#endif
