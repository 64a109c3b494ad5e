/* SPDX-License-Identifier: Apache-2.0
 *
 * See upstream_plugin.h.
 */
#include "delivery/upstream_plugin.h"

#include "plugin/plugin_host.h"

#include <stdlib.h>

struct upstream_plugin {
    struct upstream base;
    struct plugin_instance *instance;
    const struct fby_upstream_ops *ops;
    struct list taken; /* outgoing.link */
};

static struct upstream_plugin *plugin_of(struct upstream *u)
{
    return container_of(u, struct upstream_plugin, base);
}

static size_t plugin_send(struct upstream *u, struct outgoing *const *items, size_t count)
{
    enum { RUN = 64 };
    struct upstream_plugin *p = plugin_of(u);
    size_t taken = 0;
    while (taken < count) {
        const struct fby_output *outputs[RUN];
        size_t n = 0;
        for (; n < RUN && taken + n < count; n++)
            outputs[n] = &items[taken + n]->output;
        size_t took = p->ops->send(plugin_instance_self(p->instance), outputs, n);
        if (took > n)
            took = n;
        for (size_t i = 0; i < took; i++)
            list_add(&p->taken, &items[taken + i]->link);
        taken += took;
        if (took < n)
            break;
    }
    return taken;
}

/* A plugin can only forget everything; what belongs to other users is answered as "try again". */
static void plugin_cancel(struct upstream *u, struct upstream_user *user)
{
    struct upstream_plugin *p = plugin_of(u);
    if (list_is_empty(&p->taken))
        return;
    p->ops->cancel(plugin_instance_self(p->instance));
    struct list others;
    list_init(&others);
    while (!list_is_empty(&p->taken)) {
        struct outgoing *o = list_first(&p->taken, struct outgoing, link);
        list_remove(&o->link);
        if (o->user != user)
            list_add(&others, &o->link);
    }
    while (!list_is_empty(&others)) {
        struct outgoing *o = list_first(&others, struct outgoing, link);
        list_remove(&o->link);
        upstream_answer(u, o, FBY_RETRY, "interrupted by a reload", UPSTREAM_RETRY_AT_ONCE);
    }
}

static void plugin_destroy(struct upstream *u)
{
    struct upstream_plugin *p = plugin_of(u);
    plugin_instance_destroy(p->instance);
    upstream_finish(u);
    free(p);
}

static const struct upstream_ops plugin_ops = {NULL, plugin_send, plugin_cancel, plugin_destroy, NULL};

/* ---- What the plugin calls ---- */

/* Plugins answer in order nearly always, so the search ends at once. Tokens are never used twice: an answer
 * to something forgotten is not found. */
static struct outgoing *take_taken(struct upstream_plugin *p, uint64_t token)
{
    list_for_each(o, &p->taken, struct outgoing, link)
    {
        if (o->output.token != token)
            continue;
        list_remove(&o->link);
        return o;
    }
    return NULL;
}

static void side_result(void *ctx, uint64_t token, enum fby_outcome outcome, const char *reason,
                        int64_t retry_after_ms)
{
    struct upstream_plugin *p = ctx;
    struct outgoing *o = take_taken(p, token);
    if (!o)
        return;
    upstream_answer(&p->base, o, outcome, reason, retry_after_ms > 0 ? retry_after_ms : 0);
}

static void side_ready(void *ctx)
{
    upstream_tell_ready(&((struct upstream_plugin *)ctx)->base);
}

static void side_connected(void *ctx, bool yes, const char *reason)
{
    upstream_set_connected(&((struct upstream_plugin *)ctx)->base, yes, reason);
}

static const struct plugin_side upstream_side = {
    .result = side_result,
    .ready = side_ready,
    .connected = side_connected,
};

struct upstream *upstream_plugin_create(const char *name, struct plugin_host *h, struct plugin *plugin,
                                        const void *options, struct error *err)
{
    struct upstream_plugin *p = xcalloc(1, sizeof *p);
    const struct fby_plugin *description = plugin_description(plugin);
    upstream_init(&p->base, &plugin_ops, description->name, name);
    list_init(&p->taken);
    p->ops = description->upstream;
    p->instance = plugin_instance_create(h, plugin, name, options, &upstream_side, p, err);
    if (!p->instance) {
        error_wrap(err, "upstreams.%s", name);
        upstream_finish(&p->base);
        free(p);
        return NULL;
    }
    return &p->base;
}
