/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads the options of one use of a plugin from YAML, by the plugin's own table, with the messages of the
 * rest of the file (plugin_host.h).
 */
#include "plugin/plugin_host.h"

#include <string.h>

static const struct fby_option no_options[] = {{.name = NULL}};

/* `filter: "x > 1"` becomes `filter: { keep: "x > 1" }`, in the same place of the file. */
static const struct yaml_node *wrap_scalar(const char *key, const struct yaml_node *node, struct arena *a)
{
    struct yaml_node *map = arena_calloc(a, 1, sizeof *map);
    struct yaml_node *name = arena_calloc(a, 1, sizeof *name);
    struct yaml_pair *pair = arena_calloc(a, 1, sizeof *pair);
    if (!map || !name || !pair)
        return NULL;
    *name = (struct yaml_node){.kind = YAML_SCALAR,
                               .plain = true,
                               .text = key,
                               .text_len = strlen(key),
                               .file = node->file,
                               .line = node->line,
                               .column = node->column};
    union {
        const struct yaml_node *given;
        struct yaml_node *stored; /* the pair's type; the tree is only read from here on */
    } value = {.given = node};
    *pair = (struct yaml_pair){.key = name, .value = value.stored};
    *map = (struct yaml_node){.kind = YAML_MAP,
                              .file = node->file,
                              .line = node->line,
                              .column = node->column,
                              .count = 1,
                              .pairs = pair};
    return map;
}

const void *plugin_options_read(const struct plugin *p, const struct yaml_node *node,
                                const struct yaml_node *at, struct arena *a, struct config_report *r)
{
    const struct fby_plugin *d = plugin_description(p);
    const struct fby_option *rows = d->options ? d->options : no_options;
    void *options = arena_calloc(a, 1, d->options_size ? d->options_size : 1);
    if (options && d->scalar_option && node && node->kind != YAML_MAP && !yaml_node_is_null(node))
        node = wrap_scalar(d->scalar_option, node, a);
    if (a->failed) {
        config_report_error(r, at, "There is no memory for the options of plugin \"%s\".", d->name);
        return NULL;
    }
    if (!option_apply(rows, node, at, NULL, options, a, r))
        return NULL;
    struct fby_error err = {{0}};
    const char *reason = d->check ? d->check(options, &err) : NULL;
    if (!reason)
        return options;
    config_report_error(r, node ? node : at, "%s", reason);
    return NULL;
}
