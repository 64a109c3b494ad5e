/* SPDX-License-Identifier: Apache-2.0
 *
 * What a handler does with its request: look at it, answer it, stream to it. Declared in admin_server.h. A
 * request whose client has gone takes the answer and throws it away.
 */
#include "admin/admin_connection.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

const char *admin_request_path(const struct admin_request *rq)
{
    return rq->http.path;
}

const char *admin_request_parameter(const struct admin_request *rq, const char *name)
{
    return http_request_parameter(&rq->http, name);
}

struct bytes admin_request_body(const struct admin_request *rq)
{
    return buffer_bytes(&rq->body);
}

void admin_request_destroy(struct admin_request *rq)
{
    http_request_finish(&rq->http);
    buffer_finish(&rq->body);
    free(rq);
}

void admin_reply(struct admin_request *rq, int status, const char *content_type, struct bytes body)
{
    if (rq->connection)
        admin_connection_reply(rq->connection, status, content_type, NULL, body);
    admin_request_destroy(rq);
}

void admin_reply_text(struct admin_request *rq, int status, const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int len = vasprintf(&text, format, args);
    va_end(args);
    admin_reply(rq, len < 0 ? 503 : status, "text/plain; charset=utf-8",
                bytes_of(text, len < 0 ? 0 : (size_t)len));
    if (len >= 0)
        free(text);
}

void admin_stream_start(struct admin_request *rq, const char *content_type, void (*on_closed)(void *ctx),
                        void *ctx)
{
    if (!rq->connection) {
        admin_request_destroy(rq);
        if (on_closed)
            on_closed(ctx);
        return;
    }
    rq->on_closed = on_closed;
    rq->closed_ctx = ctx;
    admin_connection_start_stream(rq->connection, content_type);
}

void admin_stream_send(struct admin_request *rq, struct bytes piece)
{
    if (rq->connection)
        admin_connection_send_piece(rq->connection, piece);
}

size_t admin_stream_backlog(const struct admin_request *rq)
{
    return rq->connection ? admin_connection_backlog(rq->connection) : 0;
}

void admin_stream_end(struct admin_request *rq)
{
    if (rq->connection)
        admin_connection_end_stream(rq->connection);
    admin_request_destroy(rq);
}
