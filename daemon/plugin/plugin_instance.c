/* SPDX-License-Identifier: Apache-2.0
 *
 * Makes and ends one use of a plugin (plugin_host.h): its services, its operations, its reference.
 */
#include "plugin/plugin_instance.h"

#include "base/log.h"
#include "base/memory.h"
#include "metrics/metrics.h"
#include "plugin/plugin_registry.h"
#include "plugin/plugin_services.h"

#include <stdlib.h>

static char *format_labels(const char *plugin_name, const char *label)
{
    char escaped[256];
    metrics_escape_label(label, escaped, sizeof escaped);
    return xasprintf("plugin=\"%s\",instance=\"%s\"", plugin_name, escaped);
}

static void *create_self(struct plugin_instance *in, const void *options, struct fby_error *err)
{
    const struct fby_plugin *d = plugin_description(in->plugin);
    if (d->kind == FBY_KIND_STAGE)
        return d->stage->create(&in->services, &in->handle, options, err);
    if (d->kind == FBY_KIND_CODEC)
        return d->codec->create(&in->services, &in->handle, options, err);
    return d->upstream->create(&in->services, &in->handle, options, err);
}

static void destroy_self(struct plugin_instance *in)
{
    const struct fby_plugin *d = plugin_description(in->plugin);
    if (d->kind == FBY_KIND_STAGE)
        d->stage->destroy(in->self);
    else if (d->kind == FBY_KIND_CODEC)
        d->codec->destroy(in->self);
    else
        d->upstream->destroy(in->self);
}

struct plugin_instance *plugin_instance_create(struct plugin_host *h, struct plugin *p, const char *label,
                                               const void *options, const struct plugin_side *side, void *ctx,
                                               struct error *err)
{
    struct plugin_instance *in = xcalloc(1, sizeof *in);
    in->handle.owner = in;
    in->plugin = p;
    in->label = xstrdup(label);
    in->metric_labels = format_labels(plugin_description(p)->name, label);
    in->side = side;
    in->ctx = ctx;
    list_init(&in->timers);
    list_init(&in->ios);
    list_init(&in->notifiers);
    list_init(&in->counters);
    plugin_services_fill(&in->services, side);
    p->refs++;
    p->used = true;
    h->instance_count++;
    struct fby_error refusal = {{0}};
    in->self = create_self(in, options, &refusal);
    if (in->self)
        return in;
    error_set(err, STATUS_REFUSED, "plugin \"%s\": %s", plugin_description(p)->name,
              refusal.text[0] ? refusal.text : "it refused without a reason");
    plugin_instance_destroy(in);
    return NULL;
}

void plugin_instance_destroy(struct plugin_instance *in)
{
    if (!in)
        return;
    const char *name = plugin_description(in->plugin)->name;
    if (in->self)
        destroy_self(in);
    unsigned left = plugin_services_reclaim(in);
    if (left)
        log_warning("plugin", "name=%s instance=%s left %u timers, watches or notifiers behind", name,
                    in->label, left);
    in->plugin->host->instance_count--;
    plugin_unref(in->plugin);
    free(in->metric_labels);
    free(in->label);
    free(in);
}

void *plugin_instance_self(const struct plugin_instance *in)
{
    return in->self;
}

const struct fby_plugin *plugin_instance_description(const struct plugin_instance *in)
{
    return plugin_description(in->plugin);
}
