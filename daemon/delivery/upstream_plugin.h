/* SPDX-License-Identifier: Apache-2.0
 *
 * An upstream that a plugin implements (http, file, …): the daemon's side of struct fby_upstream_ops. Rank 5.
 */
#ifndef DELIVERY_UPSTREAM_PLUGIN_H
#define DELIVERY_UPSTREAM_PLUGIN_H

#include "base/error.h"
#include "delivery/upstream.h"

struct plugin;
struct plugin_host;

/* `options` must outlive it. NULL and the plugin's reason in `err` when it refuses. */
struct upstream *upstream_plugin_create(const char *name, struct plugin_host *h, struct plugin *p,
                                        const void *options, struct error *err);

#endif
