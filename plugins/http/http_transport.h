/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP requests on the host's event loop: libcurl's multi interface, told of descriptors and timers by the
 * host. libcurl stays in http_transport.c. Knows no messages.
 */
#ifndef HTTP_TRANSPORT_H
#define HTTP_TRANSPORT_H

#include "http_options.h"

struct http_transport;
struct http_request;

struct http_response {
    long status;            /* 0: no answer */
    const char *error;      /* why there is no answer */
    const char *body;       /* its first bytes, made printable */
    const char *location;   /* where a 3xx points to; may be NULL */
    int64_t retry_after_ms; /* 0: not said */
};

/* Borrowed for the call; the request is gone when it returns. Never called from http_transport_start(). */
typedef void (*http_done_fn)(void *ctx, void *request_ctx, const struct http_response *response);

struct http_transport *http_transport_create(const struct fby_host *host, struct fby_instance *instance,
                                             const struct http_options *options, http_done_fn done, void *ctx,
                                             struct fby_error *err);
void http_transport_destroy(struct http_transport *t); /* ends all requests without a word */

/* Send `body`, which must stay until done. NULL: no memory. */
struct http_request *http_transport_start(struct http_transport *t, const char *content_type,
                                          const char *idempotency_key, const char *body, size_t len,
                                          void *request_ctx);
/* End it without a word, now. */
void http_transport_abort(struct http_request *r);

#endif
