/* SPDX-License-Identifier: Apache-2.0
 *
 * The section `schemas` of the document, see gateway_config.h.
 */
#include "gateway_config_parts.h"
#include "gateway_fingerprint.h"
#include "schema/schema.h"

#include <stdlib.h>

static const struct fby_option schema_options_rows[] = {
    {.name = "descriptor_set",
     .type = FBY_OPTION_STRING,
     .offset = offsetof(struct schema_source, descriptor_set),
     .help = "A file made by protoc --include_imports --descriptor_set_out, or by buf build."},
    {.name = "proto",
     .type = FBY_OPTION_STRINGS,
     .offset = offsetof(struct schema_source, proto),
     .help = "Files in the protobuf language, compiled with protoc when the configuration is read."},
    {.name = "include",
     .type = FBY_OPTION_STRINGS,
     .offset = offsetof(struct schema_source, include),
     .help = "Folders in which protoc looks for imports; the folder of each file is searched after them."},
    {.name = NULL},
};

static void resolve_all(struct config_reader *cr, const struct yaml_node *n, struct fby_strings *paths)
{
    const char **items = config_reader_alloc(cr, paths->count, sizeof *items);
    for (size_t i = 0; i < paths->count; i++)
        items[i] = config_reader_resolve(cr, n, paths->items[i]);
    paths->items = items;
}

/* What to read, from one entry; false when it is wrong, which was reported. */
static bool read_source(struct config_reader *cr, const struct yaml_node *n, struct schema_source *s)
{
    if (n->kind == YAML_SCALAR && n->unresolved)
        return false;
    if (n->kind == YAML_SCALAR && !yaml_node_is_null(n)) {
        s->descriptor_set = config_reader_resolve(cr, n, n->text);
        return true;
    }
    if (n->kind != YAML_MAP) {
        config_report_error(
            cr->report, n,
            "Expected the path of a descriptor set, or { proto: [file.proto], include: [folder] }.");
        return false;
    }
    if (!option_apply(schema_options_rows, n, n, NULL, s, cr->arena, cr->report))
        return false;
    if (!s->descriptor_set == !s->proto.count) {
        config_report_error(cr->report, n, "Expected either \"proto\" or \"descriptor_set\" here, found %s.",
                            s->descriptor_set ? "both" : "neither");
        return false;
    }
    s->descriptor_set = config_reader_resolve(cr, n, s->descriptor_set);
    resolve_all(cr, n, &s->proto);
    resolve_all(cr, n, &s->include);
    return true;
}

/* Its descriptor set: what was kept of it, else what its files are now. */
static enum status read_set(struct config_reader *cr, const struct schema_source *s, struct buffer *set,
                            struct error *err)
{
    size_t index = cr->config->schema_sets.count;
    if (cr->kept_sets && gateway_schema_sets_take(cr->kept_sets, index, set))
        return STATUS_OK;
    return schema_source_read(s, false, set, err);
}

/* What the files say counts for the fingerprint, and not when they were written. */
static void add_source(struct config_reader *cr, const struct yaml_node *n)
{
    struct schema_source source = {0};
    struct buffer set = {0};
    struct error err;
    if (!read_source(cr, n, &source)) {
        cr->schemas_failed = true;
        return;
    }
    enum status status = read_set(cr, &source, &set, &err);
    uint64_t hash = gateway_fingerprint_join(yaml_node_fingerprint(n), strmap_hash(set.data, set.len));
    cr->schema_fingerprint = gateway_fingerprint_join(cr->schema_fingerprint, hash);
    if (status == STATUS_OK)
        status = schema_registry_add_set(cr->config->schemas, schema_source_name(&source), buffer_bytes(&set),
                                         &err);
    gateway_schema_sets_add(&cr->config->schema_sets, &set);
    if (status == STATUS_OK)
        return;
    config_reader_refuse(cr, n, &err);
    cr->schemas_failed = true;
}

void gateway_config_schemas_read(struct config_reader *cr)
{
    struct yaml_node *n = yaml_tree_find(cr->root, "schemas");
    struct error err;
    config_report_enter(cr->report, "schemas");
    if (n && n->kind == YAML_LIST) {
        for (size_t i = 0; i < n->count; i++) {
            config_report_enter_index(cr->report, i);
            add_source(cr, n->items[i]);
            config_report_leave(cr->report);
        }
    } else if (!yaml_node_is_null(n)) {
        add_source(cr, n);
    }
    if (!cr->schemas_failed && schema_registry_link(cr->config->schemas, &err) != STATUS_OK) {
        config_reader_refuse(cr, n, &err);
        cr->schemas_failed = true;
    }
    config_report_leave(cr->report);
}
