/* SPDX-License-Identifier: Apache-2.0
 *
 * The state of one reading of a configuration, and what reading any section needs: names, paths, plugins,
 * suggestions. Private to the files of gateway_config. Rank 6.
 */
#ifndef CONFIG_READER_H
#define CONFIG_READER_H

#include "gateway_config.h"

/* A plugin that the document names; loaded once. */
struct config_plugin {
    const char *name, *path;
    struct plugin *plugin; /* NULL: refused, which was reported */
};

struct config_reader {
    struct gateway_config *config;
    struct plugin_host *host;
    struct config_report *report;
    struct arena *arena;
    struct yaml_node *root;
    struct strmap plugins;                 /* name -> struct config_plugin */
    struct gateway_schema_sets *kept_sets; /* of a saved configuration; NULL: files are read */
    uint64_t schema_fingerprint;           /* of everything in `schemas` */
    bool schemas_failed;                   /* reported; message types are not looked for then */
    bool unknown_section;                  /* reported; a section that is absent may be misspelt */
};

/* Zeroed, from the configuration's arena. */
void *config_reader_alloc(struct config_reader *cr, size_t count, size_t size);
/* Enter the section and return it, or NULL when it is absent, empty, or (reported) no map of `what`. */
struct yaml_node *config_reader_enter_map(struct config_reader *cr, const char *section, const char *what);
/* Report a section without which nothing can run, unless what is wrong there has been reported. */
void config_reader_report_absent(struct config_reader *cr, const char *section, const char *what);
/* Whether the key can name a broker, an upstream or a route; says why not. */
bool config_reader_check_name(struct config_reader *cr, const struct yaml_node *key);
/* `path` itself, or beside the file that `n` stands in, from the root on; NULL for NULL. */
const char *config_reader_resolve(struct config_reader *cr, const struct yaml_node *n, const char *path);
/* Load the plugin from `path` (NULL: by its name) and remember it; a refusal is reported at `at`. */
struct config_plugin *config_reader_add_plugin(struct config_reader *cr, const char *name, const char *path,
                                               const struct yaml_node *at);
/* The plugin of this name and kind, loaded if it was not yet; NULL when refused, which is reported at `at`.
 */
struct plugin *config_reader_load_plugin(struct config_reader *cr, const char *name, enum fby_kind kind,
                                         const struct yaml_node *at);
/* Parse and keep; NULL when refused, which is reported at `at`. */
struct topic_filter *config_reader_add_filter(struct config_reader *cr, const char *text,
                                              const struct yaml_node *at);
/* Report what a part of the daemon said, as a sentence. */
void config_reader_refuse(struct config_reader *cr, const struct yaml_node *at, const struct error *err);
/* " Did you mean "x"?" or " Known are a, b." or ""; lives in the arena. */
const char *config_reader_suggest(struct config_reader *cr, const char *word, const char *const *known,
                                  size_t count);

#endif
