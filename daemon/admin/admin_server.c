/* SPDX-License-Identifier: Apache-2.0
 *
 * See admin_server.h: the table of handlers and the listeners.
 */
#include "admin/admin_server.h"

#include "admin/admin_listener.h"
#include "loop/loop.h"

#include <stdio.h>
#include <stdlib.h>

struct handler {
    struct list link;
    const char *method, *path, *help; /* borrowed */
    unsigned flags;
    admin_handler_fn fn;
    void *ctx; /* borrowed */
};

struct admin_server {
    struct loop *loop;     /* borrowed */
    struct list handlers;  /* handler.link */
    struct list listeners; /* admin_listener_link() */
};

static bool is_path_of(const struct handler *h, const char *path)
{
    size_t len = strlen(h->path);
    if (len > 1 && h->path[len - 1] == '/')
        return strncmp(h->path, path, len) == 0;
    return strcmp(h->path, path) == 0;
}

/* On the public listener the other handlers do not exist. */
static bool is_visible(const struct handler *h, const struct admin_request *rq)
{
    return !rq->is_public || ((h->flags & ADMIN_PUBLIC) && strcmp(h->method, "GET") == 0);
}

static void answer_unknown_path(struct admin_server *s, struct admin_request *rq)
{
    struct buffer text = {0};
    buffer_add_text(&text, "there is nothing at this path; what there is:\n");
    list_for_each(h, &s->handlers, struct handler, link) if (is_visible(h, rq))
        buffer_add_format(&text, "  %-6s %-24s %s\n", h->method, h->path, h->help ? h->help : "");
    admin_reply(rq, 404, "text/plain; charset=utf-8", buffer_bytes(&text));
    buffer_finish(&text);
}

/* The path exists; `methods` are those that it takes. */
static void answer_wrong_method(struct admin_request *rq, const char *methods)
{
    char header[128], text[160];
    snprintf(header, sizeof header, "Allow: %s\r\n", methods);
    snprintf(text, sizeof text, "this path takes only: %s\n", methods);
    if (rq->connection)
        admin_connection_reply(rq->connection, 405, "text/plain; charset=utf-8", header, bytes_of_text(text));
    admin_request_destroy(rq);
}

static void handle_request(void *ctx, struct admin_request *rq)
{
    struct admin_server *s = ctx;
    char methods[64] = "";
    list_for_each(h, &s->handlers, struct handler, link)
    {
        if (!is_visible(h, rq) || !is_path_of(h, rq->http.path))
            continue;
        if (strcmp(h->method, rq->http.method) == 0) {
            h->fn(h->ctx, rq);
            return;
        }
        size_t len = strlen(methods);
        snprintf(methods + len, sizeof methods - len, "%s%s", len ? ", " : "", h->method);
    }
    if (methods[0])
        answer_wrong_method(rq, methods);
    else
        answer_unknown_path(s, rq);
}

struct admin_server *admin_server_create(struct loop *l)
{
    struct admin_server *s = xcalloc(1, sizeof *s);
    s->loop = l;
    list_init(&s->handlers);
    list_init(&s->listeners);
    return s;
}

void admin_server_destroy(struct admin_server *s)
{
    if (!s)
        return;
    while (!list_is_empty(&s->listeners))
        admin_listener_destroy(admin_listener_of_link(s->listeners.next));
    list_for_each_safe(h, &s->handlers, struct handler, link) free(h);
    free(s);
}

static enum status add_listener(struct admin_server *s, struct admin_listener *a, const struct error *err)
{
    if (!a)
        return err ? err->code : STATUS_IO;
    admin_listener_set_handler(a, handle_request, s);
    list_add(&s->listeners, admin_listener_link(a));
    return STATUS_OK;
}

enum status admin_server_listen_unix(struct admin_server *s, const char *path, struct error *err)
{
    return add_listener(s, admin_listener_create_unix(s->loop, path, err), err);
}

enum status admin_server_listen_tcp(struct admin_server *s, const char *address, int port, struct error *err)
{
    return add_listener(s, admin_listener_create_tcp(s->loop, address, port, err), err);
}

int admin_server_tcp_port(const struct admin_server *s)
{
    for (struct list *link = s->listeners.next; link != &s->listeners; link = link->next) {
        int port = admin_listener_port(admin_listener_of_link(link));
        if (port)
            return port;
    }
    return 0;
}

void admin_server_add(struct admin_server *s, const char *method, const char *path, unsigned flags,
                      admin_handler_fn fn, void *ctx, const char *help)
{
    struct handler *h = xcalloc(1, sizeof *h);
    h->method = method;
    h->path = path;
    h->flags = flags;
    h->fn = fn;
    h->ctx = ctx;
    h->help = help;
    list_add(&s->handlers, &h->link);
}
