/* SPDX-License-Identifier: Apache-2.0
 *
 * The section `plugins` of the document, and loading of every plugin that it names anywhere.
 */
#include "base/memory.h"
#include "gateway_config_parts.h"
#include "plugin/plugin_host.h"

enum { NAMES_MAX = 200 };

struct plugin_entry {
    const char *path;
};

static const struct fby_option plugin_options[] = {
    {.name = "path",
     .type = FBY_OPTION_STRING,
     .flags = FBY_OPTION_REQUIRED,
     .offset = offsetof(struct plugin_entry, path),
     .help = "The shared object to load."},
    {.name = NULL},
};

static struct config_plugin *add_plugin(struct config_reader *cr, const char *name, const char *path,
                                        const struct yaml_node *at)
{
    struct config_plugin *p = config_reader_alloc(cr, 1, sizeof *p);
    struct error err;
    *p = (struct config_plugin){name, path, NULL};
    (void)strmap_add(&cr->plugins, name, p);
    p->plugin = plugin_host_load(cr->host, name, path, &err);
    if (p->plugin)
        return p;
    const char *known[NAMES_MAX];
    size_t count = path ? 0 : plugin_host_list_names(cr->host, known, NAMES_MAX);
    const char *nearest = option_nearest(name, known, count);
    if (err.code == STATUS_NOT_FOUND && nearest)
        config_report_error(cr->report, at, "There is no plugin \"%.80s\". Did you mean \"%s\"?", name,
                            nearest);
    else
        config_reader_refuse(cr, at, &err);
    return p;
}

void gateway_config_plugins_read(struct config_reader *cr)
{
    struct yaml_node *n = config_reader_enter_map(cr, "plugins", "plugins by name");
    for (size_t i = 0; n && i < n->count; i++) {
        const struct yaml_pair *pair = &n->pairs[i];
        struct plugin_entry entry = {0};
        config_report_enter(cr->report, pair->key->text);
        if (option_apply(plugin_options, pair->value, pair->key, NULL, &entry, cr->arena, cr->report)) {
            const struct yaml_node *path = yaml_tree_find(pair->value, "path");
            add_plugin(cr, pair->key->text, config_reader_resolve(cr, path, entry.path), path);
        } else {
            struct config_plugin *refused = config_reader_alloc(cr, 1, sizeof *refused);
            (void)strmap_add(&cr->plugins, pair->key->text, refused);
        }
        config_report_leave(cr->report);
    }
    config_report_leave(cr->report);
}

struct plugin *config_reader_load_plugin(struct config_reader *cr, const char *name, enum fby_kind kind,
                                         const struct yaml_node *at)
{
    struct config_plugin *p = strmap_find(&cr->plugins, name);
    if (!p)
        p = add_plugin(cr, name, NULL, at);
    if (!p->plugin)
        return NULL;
    enum fby_kind found = plugin_description(p->plugin)->kind;
    if (found == kind)
        return p->plugin;
    config_report_error(
        cr->report, at,
        found == FBY_KIND_STAGE
            ? "The plugin \"%s\" is a stage, and an upstream is needed here. Use it in a route's process."
            : "The plugin \"%s\" is an upstream, and a stage is needed here. Use it under upstreams.",
        name);
    return NULL;
}
