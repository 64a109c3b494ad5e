/* SPDX-License-Identifier: Apache-2.0
 *
 * The keys `process` and, with gateway_config_codecs.c, `decode` of a route; see gateway_config.h.
 */
#include "gateway_config_parts.h"
#include "gateway_fingerprint.h"
#include "plugin/plugin_host.h"
#include "sparkplug/sparkplug_stage.h"

#include <stdio.h>

static size_t ask_holds(const struct plugin_instance *in)
{
    const struct fby_plugin *d = plugin_instance_description(in);
    bool has_holds = d->abi_minor >= 2 && d->stage->holds;
    return has_holds ? d->stage->holds(plugin_instance_self(in)) : 0;
}

/* Only an instance knows whether its options work together (a condition that does not compile, say). */
static bool try_stage(struct config_reader *cr, struct stage_settings *s, const char *label,
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
    else
        s->holds_max = ask_holds(in);
    plugin_instance_destroy(in);
    return in != NULL;
}

/* What the stages of one route are read with. */
struct process_reading {
    struct config_reader *cr;
    const char *label;
    struct pipeline_settings *pipeline; /* with the stages before */
    uint64_t *fingerprint;
};

static bool read_plugin_stage(struct process_reading *pr, const struct yaml_node *name,
                              const struct yaml_node *options, struct stage_settings *s)
{
    struct config_reader *cr = pr->cr;
    s->plugin = config_reader_load_plugin(cr, name->text, FBY_KIND_STAGE, name);
    s->options = s->plugin ? plugin_options_read(s->plugin, options, name, cr->arena, cr->report) : NULL;
    if (!s->options || !try_stage(cr, s, pr->label, options ? options : name))
        return false;
    *pr->fingerprint = gateway_fingerprint_join(*pr->fingerprint, (uint64_t)(uintptr_t)s->plugin);
    return true;
}

/* The stage that is no plugin, and whose name no plugin can have. */
static bool read_encode_stage(struct process_reading *pr, const struct yaml_node *name,
                              const struct yaml_node *options, struct stage_settings *s)
{
    struct encode_settings *encode = config_reader_alloc(pr->cr, 1, sizeof *encode);
    s->encode = encode;
    return gateway_config_codecs_read_stage(pr->cr, options, name, pr->pipeline, pr->label, encode,
                                            pr->fingerprint);
}

/* `name: options`, or the name alone. */
static bool read_stage(struct process_reading *pr, const struct yaml_node *n, struct stage_settings *s)
{
    struct config_reader *cr = pr->cr;
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
    *s = (struct stage_settings){.name = name->text};
    config_report_enter(cr->report, name->text);
    bool right = strcmp(name->text, "encode") == 0 ? read_encode_stage(pr, name, options, s)
                                                   : read_plugin_stage(pr, name, options, s);
    config_report_leave(cr->report);
    return right;
}

/* `decode: sparkplug` is a stage in front of the others: it remembers, waits and adds messages. */
static bool is_decoding_stage(const struct yaml_node *decode)
{
    const struct yaml_node *name = decode;
    if (decode && decode->kind == YAML_MAP && decode->count == 1)
        name = decode->pairs[0].key;
    return name && name->kind == YAML_SCALAR && !name->unresolved && !yaml_node_is_null(name) &&
           strcmp(name->text, sparkplug_stage_plugin.name) == 0;
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
    struct process_reading pr = {cr, label, out, fingerprint};
    struct stage_settings *stages = config_reader_alloc(cr, n->count + out->stage_count, sizeof *stages);
    for (size_t i = 0; i < out->stage_count; i++)
        stages[i] = out->stages[i];
    out->stages = stages;
    for (size_t i = 0; i < n->count; i++) {
        config_report_enter_index(cr->report, i);
        out->stage_count += read_stage(&pr, n->items[i], &stages[out->stage_count]);
        config_report_leave(cr->report);
    }
}

/* Into out->decode, or as the first of out->stages. */
static void read_decode(struct config_reader *cr, const struct route_config *route, const struct yaml_node *n,
                        struct pipeline_settings *out, uint64_t *fingerprint)
{
    if (!is_decoding_stage(n)) {
        gateway_config_codecs_read_decode(cr, route, n, route->name, &out->decode, fingerprint);
        return;
    }
    struct process_reading pr = {cr, route->name, out, fingerprint};
    struct stage_settings *first = config_reader_alloc(cr, 1, sizeof *first);
    out->decode.kind = DECODE_STAGE;
    out->stages = first;
    out->stage_count = read_stage(&pr, n, first);
}

void gateway_config_pipeline_read(struct config_reader *cr, const struct route_config *route,
                                  const struct yaml_node *n, struct pipeline_settings *out,
                                  uint64_t *fingerprint)
{
    const struct yaml_node *decode = yaml_tree_find(n, "decode"), *process = yaml_tree_find(n, "process");
    *fingerprint = gateway_fingerprint_join(yaml_node_fingerprint(decode), yaml_node_fingerprint(process));
    config_report_enter(cr->report, "decode");
    read_decode(cr, route, decode, out, fingerprint);
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
