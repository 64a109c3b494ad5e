/* SPDX-License-Identifier: Apache-2.0
 *
 * From outputs to requests and from answers to results: collects batches, halves the refused ones until the
 * bad message stands alone, gives back what has to be tried again, in order.
 */
#ifndef HTTP_SENDER_H
#define HTTP_SENDER_H

#include "http_options.h"

struct http_sender;

struct http_sender *http_sender_create(const struct fby_host *host, struct fby_instance *instance,
                                       const struct http_options *options, struct fby_error *err);
void http_sender_destroy(struct http_sender *s);
size_t http_sender_add(struct http_sender *s, const struct fby_output *const *outputs, size_t count);
void http_sender_cancel(struct http_sender *s);

#endif
