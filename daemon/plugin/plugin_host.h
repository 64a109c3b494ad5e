/* SPDX-License-Identifier: Apache-2.0
 *
 * Loads plugins, makes instances of them and gives them what the contract promises
 * (plugins/include/forebay/plugin.h). It knows neither pipeline nor delivery: those give it their side of an
 * instance as a table. Rank 3.
 */
#ifndef PLUGIN_PLUGIN_HOST_H
#define PLUGIN_PLUGIN_HOST_H

#include "base/error.h"
#include "config/option.h"
#include "forebay/plugin.h"

struct plugin_host;
struct plugin; /* a loaded shared object, shared by its instances */
struct loop;
struct metrics;

/* `directory`: where names are looked for, as <directory>/<name>.so or, in a build tree,
 * <directory>/<name>/<name>.so; a colon separates several, the first that has it wins. `l` and `metrics` may
 * be NULL when no instance is made. */
struct plugin_host *plugin_host_create(const char *directory, struct loop *l, struct metrics *metrics);
void plugin_host_destroy(struct plugin_host *h); /* all instances must be gone */

/* Where instances keep their states (made when it is needed); before this call, and in a host that only
 * checks, they keep none. */
void plugin_host_set_state_directory(struct plugin_host *h, const char *directory);
/* Who publishes for plugins: false when there is no connection or the message is refused. NULL: nobody. */
typedef bool (*plugin_publish_fn)(void *ctx, const struct fby_publish *p);
void plugin_host_set_publisher(struct plugin_host *h, plugin_publish_fn publish, void *ctx);

/* Find or load by name; `path` (may be NULL) is where YAML says it is. Refused with the reason: missing,
 * wrong architecture, wrong ABI, missing symbol, another name, world-writable file or folder. References are
 * counted; plugin_unref() when done. A file that changed since it was loaded is loaded anew beside the old
 * one. */
struct plugin *plugin_host_load(struct plugin_host *h, const char *name, const char *path, struct error *err);
void plugin_unref(struct plugin *p); /* NULL is fine */
/* Register one that is compiled in (tests, daemon). */
void plugin_host_add_static(struct plugin_host *h, const struct fby_plugin *p);
const struct fby_plugin *plugin_description(const struct plugin *p);
/* Names of the plugins in the directory, for "did you mean". */
size_t plugin_host_list_names(struct plugin_host *h, const char **names, size_t max);

/* Read the options of one use from YAML (a map, or a scalar for scalar_option), with the plugin's own check.
 * NULL when wrong; the report says where. Lives in `a`. */
const void *plugin_options_read(const struct plugin *p, const struct yaml_node *node,
                                const struct yaml_node *at, struct arena *a, struct config_report *r);

/* The other side of an instance: what pipeline or delivery do for the plugin. Members not used by the kind
 * are NULL. */
struct plugin_side {
    void *(*item_alloc)(struct fby_item *item, size_t size);
    void (*item_answer)(void *ctx, struct fby_item *item, int verdict, const char *reason);
    bool (*emit)(void *ctx, const struct fby_value *value, struct fby_item *const *consumed, size_t count,
                 const struct fby_item *like);
    void (*result)(void *ctx, uint64_t token, enum fby_outcome outcome, const char *reason,
                   int64_t retry_after_ms);
    void (*ready)(void *ctx);
    void (*connected)(void *ctx, bool yes, const char *reason);
    void *(*decode_alloc)(struct fby_decode *d, size_t size);
    bool (*encode_write)(struct fby_encode *e, const void *data, size_t len);
};

struct plugin_instance;
/* Make an instance; `label` names it in log and metrics ("telemetry/lake filter", "lake"). `options` must
 * outlive it. */
struct plugin_instance *plugin_instance_create(struct plugin_host *h, struct plugin *p, const char *label,
                                               const void *options, const struct plugin_side *side, void *ctx,
                                               struct error *err);
void plugin_instance_destroy(struct plugin_instance *in);
void *plugin_instance_self(const struct plugin_instance *in);
const struct fby_plugin *plugin_instance_description(const struct plugin_instance *in);

#endif
