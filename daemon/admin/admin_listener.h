/* SPDX-License-Identifier: Apache-2.0
 *
 * A listening socket of the admin server, with its limit on connections. Private to this folder.
 */
#ifndef ADMIN_ADMIN_LISTENER_H
#define ADMIN_ADMIN_LISTENER_H

#include "admin/admin_connection.h"

struct admin_listener;

/* Both listen at once. `handle_request` is called for each request of any connection. */
struct admin_listener *admin_listener_create_unix(struct loop *l, const char *path, struct error *err);
struct admin_listener *admin_listener_create_tcp(struct loop *l, const char *address, int port,
                                                 struct error *err);
void admin_listener_set_handler(struct admin_listener *a,
                                void (*handle_request)(void *ctx, struct admin_request *rq), void *ctx);
void admin_listener_destroy(struct admin_listener *a);
/* 0 for a Unix socket. */
int admin_listener_port(const struct admin_listener *a);
/* For the server's list of listeners. */
struct list *admin_listener_link(struct admin_listener *a);
struct admin_listener *admin_listener_of_link(struct list *link);

#endif
