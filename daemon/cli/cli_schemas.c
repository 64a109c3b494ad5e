/* SPDX-License-Identifier: Apache-2.0
 *
 * See cli_schemas.h.
 */
#include "cli/cli_schemas.h"

#include "base/memory.h"
#include "schema/schema.h"
#include "schema/schema_catalog.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

void cli_schemas_finish(struct cli_schemas *s)
{
    free(s->files);
    free(s->includes);
    *s = (struct cli_schemas){0};
}

static void add(const char ***items, size_t *count, const char *item)
{
    *items = xrealloc(*items, (*count + 1) * sizeof **items);
    (*items)[(*count)++] = item;
}

void cli_schemas_add_file(struct cli_schemas *s, const char *path)
{
    add(&s->files, &s->file_count, path);
}

void cli_schemas_add_include(struct cli_schemas *s, const char *path)
{
    add(&s->includes, &s->include_count, path);
}

static bool is_source(const char *path)
{
    size_t len = strlen(path);
    return len > 6 && strcmp(path + len - 6, ".proto") == 0;
}

static enum status load_source(const struct schema_source *source, struct schema_registry *r,
                               struct schema_catalog *c, struct error *err)
{
    struct buffer set = {0};
    enum status status = schema_source_read(source, c != NULL, &set, err);
    if (status == STATUS_OK)
        status = schema_registry_add_set(r, schema_source_name(source), buffer_bytes(&set), err);
    if (status == STATUS_OK && c)
        status = schema_catalog_add_set(c, schema_source_name(source), buffer_bytes(&set), err);
    buffer_finish(&set);
    return status;
}

/* All .proto files go to protoc together, since they may import each other. */
static enum status load_all(const struct cli_schemas *s, struct schema_registry *r, struct schema_catalog *c,
                            struct error *err)
{
    const char **protos = xcalloc(s->file_count + 1, sizeof *protos);
    size_t proto_count = 0;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < s->file_count && status == STATUS_OK; i++) {
        const struct schema_source source = {.descriptor_set = s->files[i]};
        if (is_source(s->files[i]))
            protos[proto_count++] = s->files[i];
        else
            status = load_source(&source, r, c, err);
    }
    if (proto_count && status == STATUS_OK) {
        const struct schema_source source = {.proto = {protos, proto_count},
                                             .include = {s->includes, s->include_count}};
        status = load_source(&source, r, c, err);
    }
    free(protos);
    return status == STATUS_OK ? schema_registry_link(r, err) : status;
}

struct schema_registry *cli_schemas_load(const struct cli_schemas *s, const char *command,
                                         struct schema_catalog **catalog, int *code)
{
    struct error err = {.text = ""};
    struct schema_registry *r = schema_registry_create();
    struct schema_catalog *c = catalog ? schema_catalog_create() : NULL;
    enum status status = load_all(s, r, c, &err);
    if (status == STATUS_OK) {
        if (catalog)
            *catalog = c;
        return r;
    }
    fprintf(stderr, "forebay %s: %s\n", command, err.text);
    *code = status == STATUS_IO          ? EX_NOINPUT
            : status == STATUS_NOT_FOUND ? EX_UNAVAILABLE
            : status == STATUS_NO_MEMORY ? EX_OSERR
                                         : EX_DATAERR;
    schema_catalog_destroy(c);
    schema_registry_destroy(r);
    return NULL;
}
