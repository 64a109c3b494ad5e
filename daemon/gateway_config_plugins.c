/* SPDX-License-Identifier: Apache-2.0
 *
 * The section `plugins` of the document, and loading of every plugin that it names anywhere.
 */
#include "base/memory.h"
#include "gateway_config_parts.h"
#include "plugin/plugin_host.h"

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

void gateway_config_plugins_read(struct config_reader *cr)
{
    struct yaml_node *n = config_reader_enter_map(cr, "plugins", "plugins by name");
    for (size_t i = 0; n && i < n->count; i++) {
        const struct yaml_pair *pair = &n->pairs[i];
        struct plugin_entry entry = {0};
        config_report_enter(cr->report, pair->key->text);
        if (option_apply(plugin_options, pair->value, pair->key, NULL, &entry, cr->arena, cr->report)) {
            const struct yaml_node *path = yaml_tree_find(pair->value, "path");
            (void)config_reader_add_plugin(cr, pair->key->text, config_reader_resolve(cr, path, entry.path),
                                           path);
        } else {
            struct config_plugin *refused = config_reader_alloc(cr, 1, sizeof *refused);
            (void)strmap_add(&cr->plugins, pair->key->text, refused);
        }
        config_report_leave(cr->report);
    }
    config_report_leave(cr->report);
}
