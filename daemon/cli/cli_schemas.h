/* SPDX-License-Identifier: Apache-2.0
 *
 * Schemas named on the command line: descriptor sets and .proto files, with the folders of their imports.
 * Rank 6.
 */
#ifndef CLI_CLI_SCHEMAS_H
#define CLI_CLI_SCHEMAS_H

#include <stdbool.h>
#include <stddef.h>

struct schema_catalog;
struct schema_registry;

/* Zero-initialised is empty; the words are borrowed. */
struct cli_schemas {
    const char **files, **includes;
    size_t file_count, include_count;
};

void cli_schemas_finish(struct cli_schemas *s);
void cli_schemas_add_file(struct cli_schemas *s, const char *path);
void cli_schemas_add_include(struct cli_schemas *s, const char *path);

/* Load and link all of them; NULL after an explanation on standard error, with the exit code in `code`.
 * `catalog` (may be NULL) gets what they declare. The caller destroys both. */
struct schema_registry *cli_schemas_load(const struct cli_schemas *s, const char *command,
                                         struct schema_catalog **catalog, int *code);

#endif
