/* SPDX-License-Identifier: Apache-2.0
 *
 * A run of outputs that goes out in one request: its body, its key, its halves.
 */
#ifndef HTTP_BATCH_H
#define HTTP_BATCH_H

#include "http_options.h"

enum { HTTP_KEY_MAX = 200 };

struct http_request;

struct http_batch {
    struct http_batch *next;
    struct http_request *request; /* NULL: not under way */
    char *body;                   /* while under way */
    size_t body_len;
    size_t count;
    const struct fby_output *outputs[]; /* borrowed from the host, in order */
};

/* NULL: no memory. */
struct http_batch *http_batch_create(const struct fby_output *const *outputs, size_t count);
void http_batch_destroy(struct http_batch *b); /* NULL is fine; the request must be over */
/* Cut into two; `b` keeps the first half. NULL: no memory, `b` is unchanged. */
struct http_batch *http_batch_split(struct http_batch *b);

/* Put the body together; false: no memory. */
bool http_batch_build(struct http_batch *b, enum http_format format);
const char *http_batch_content_type(const struct http_batch *b, enum http_format format, char *text,
                                    size_t size);

/* The same outputs have the same key at every try, after a restart too: from it a service sees that it has
 * taken a request whose answer was lost. */
void http_batch_format_key(const struct http_batch *b, char text[HTTP_KEY_MAX]);
uint64_t http_batch_hash_id(const struct fby_output *o);

#endif
