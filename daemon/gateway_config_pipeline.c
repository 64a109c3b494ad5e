/* SPDX-License-Identifier: Apache-2.0
 *
 * The keys `process` and, with gateway_config_codecs.c, `decode` of a route; see gateway_config.h.
 */
#include "gateway_config_parts.h"
#include "gateway_fingerprint.h"
#include "plugin/plugin_host.h"

#include <stdio.h>

/* Only an instance knows whether its options work together (a condition that does not compile, say). */
static bool try_stage(struct config_reader *cr, const struct stage_settings *s, const char *label,
                      const struct yaml_node *at)
{
    static const struct plugin_side nobody = {0};
    char name[200];
    struct error err;
    snprintf(name, sizeof name, "%.90s %.90s", label, s->name);
    struct plugin_instance *in =
        plugin_instance_create(cr->host, s->plugin, name, s->options, &nobody, NULL, &err);
    if (!in)
        config_reader_refuse(cr, at, &err);
    plugin_instance_destroy(in);
    return in != NULL;
}

/* `name: options`, or the name alone. */
static bool read_stage(struct config_reader *cr, const struct yaml_node *n, const char *label,
                       struct stage_settings *s)
{
    const struct yaml_node *name = n, *options = NULL;
    if (n->kind == YAML_MAP && n->count == 1) {
        name = n->pairs[0].key;
        options = n->pairs[0].value;
    }
    if (name->unresolved)
        return false;
    if (name->kind != YAML_SCALAR || yaml_node_is_null(name)) {
        config_report_error(cr->report, n,
                            "Expected one stage with its options, as in  - filter: \"temperature > 20\".");
        return false;
    }
    s->name = name->text;
    config_report_enter(cr->report, name->text);
    s->plugin = config_reader_load_plugin(cr, name->text, FBY_KIND_STAGE, name);
    s->options = s->plugin ? plugin_options_read(s->plugin, options, name, cr->arena, cr->report) : NULL;
    bool right = s->options && try_stage(cr, s, label, options ? options : name);
    config_report_leave(cr->report);
    return right;
}

static void read_process(struct config_reader *cr, const struct yaml_node *n, const char *label,
                         struct pipeline_settings *out, uint64_t *fingerprint)
{
    if (yaml_node_is_null(n))
        return;
    if (n->kind != YAML_LIST) {
        config_report_error(cr->report, n, "Expected a list of stages, each with a \"-\" before its name.");
        return;
    }
    struct stage_settings *stages = config_reader_alloc(cr, n->count, sizeof *stages);
    out->stages = stages;
    for (size_t i = 0; i < n->count; i++) {
        struct stage_settings *s = &stages[out->stage_count];
        config_report_enter_index(cr->report, i);
        if (read_stage(cr, n->items[i], label, s)) {
            *fingerprint = gateway_fingerprint_join(*fingerprint, (uint64_t)(uintptr_t)s->plugin);
            out->stage_count++;
        }
        config_report_leave(cr->report);
    }
}

void gateway_config_pipeline_read(struct config_reader *cr, const struct route_config *route,
                                  const struct yaml_node *n, struct pipeline_settings *out,
                                  uint64_t *fingerprint)
{
    const struct yaml_node *decode = yaml_tree_find(n, "decode"), *process = yaml_tree_find(n, "process");
    *fingerprint = gateway_fingerprint_join(yaml_node_fingerprint(decode), yaml_node_fingerprint(process));
    config_report_enter(cr->report, "decode");
    gateway_config_codecs_read_decode(cr, route, decode, route->name, &out->decode, fingerprint);
    config_report_leave(cr->report);
    config_report_enter(cr->report, "process");
    read_process(cr, process, route->name, out, fingerprint);
    if (yaml_node_is_null(decode) && process && process->kind == YAML_LIST && process->count)
        config_report_error(
            cr->report, process,
            "Stages work on decoded messages, and this route does not say how to decode. Add  decode: json, "
            "text or protobuf; or  decode: none  for stages that read the bytes themselves.");
    config_report_leave(cr->report);
}
