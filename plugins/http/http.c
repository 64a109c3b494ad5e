/* SPDX-License-Identifier: Apache-2.0
 *
 * Upstream that sends outputs to an HTTP service. Outputs become batches and answers become results in
 * http_sender.c, libcurl is in http_transport.c, what an answer means in http_answer.c.
 */
#include <forebay/plugin.h>

#include "http_options.h"
#include "http_sender.h"

static void *http_create(const struct fby_host *host, struct fby_instance *instance, const void *options,
                         struct fby_error *err)
{
    const struct http_options *o = options;
    if (o->tls.insecure)
        host->log(instance, FBY_LOG_WARNING,
                  "tls.insecure is on: anybody on the way can read and change what is sent");
    return http_sender_create(host, instance, o, err);
}

static void http_destroy(void *self)
{
    http_sender_destroy(self);
}

static size_t http_send(void *self, const struct fby_output *const *outputs, size_t count)
{
    return http_sender_add(self, outputs, count);
}

static void http_cancel(void *self)
{
    http_sender_cancel(self);
}

static const struct fby_upstream_ops http_ops = {
    .create = http_create,
    .destroy = http_destroy,
    .send = http_send,
    .cancel = http_cancel,
};

FBY_PLUGIN = {
    FBY_PLUGIN_ABI,
    .name = "http",
    .version = FBY_VERSION,
    .summary = "Sends batches of outputs to an HTTP service.",
    .kind = FBY_KIND_UPSTREAM,
    .options = http_option_rows,
    .options_size = sizeof(struct http_options),
    .check = http_options_check,
    .upstream = &http_ops,
    .scalar_option = "url",
};
