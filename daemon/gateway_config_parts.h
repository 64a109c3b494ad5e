/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of gateway_config share: the state of one reading. Private to them. Rank 6.
 */
#ifndef GATEWAY_CONFIG_PARTS_H
#define GATEWAY_CONFIG_PARTS_H

#include "gateway_config.h"

struct topic_template;

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
    struct strmap plugins;       /* name -> struct config_plugin */
    uint64_t schema_fingerprint; /* of everything in `schemas` */
    bool schemas_failed;         /* reported; message types are not looked for then */
    bool unknown_section;        /* reported; a section that is absent may be misspelt */
};

/* Zeroed, from the configuration's arena. */
void *config_reader_alloc(struct config_reader *cr, size_t count, size_t size);
/* Enter the section and return it, or NULL when it is absent, empty, or (reported) no map of `what`. */
struct yaml_node *config_reader_enter_map(struct config_reader *cr, const char *section, const char *what);
/* Report a section without which nothing can run, unless what is wrong there has been reported. */
void config_reader_report_absent(struct config_reader *cr, const char *section, const char *what);
/* Whether the key can name a broker, an upstream or a route; says why not. */
bool config_reader_check_name(struct config_reader *cr, const struct yaml_node *key);
/* `path` itself, or beside the file that `n` stands in; NULL for NULL. */
const char *config_reader_resolve(struct config_reader *cr, const struct yaml_node *n, const char *path);
/* Load a plugin of this kind; NULL when refused, which is reported at `at`. */
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

/* Each reads its section into cr->config. */
void gateway_config_schemas_read(struct config_reader *cr);
void gateway_config_plugins_read(struct config_reader *cr);
void gateway_config_brokers_read(struct config_reader *cr);
void gateway_config_upstreams_read(struct config_reader *cr);
void gateway_config_routes_read(struct config_reader *cr);
void gateway_config_tests_read(struct config_reader *cr);
/* Decode, stages and encode of a route or target, in gateway_config_pipeline.c. */
void gateway_config_pipeline_read(struct config_reader *cr, const struct yaml_node *route, const char *label,
                                  struct pipeline_settings *out, uint64_t *fingerprint);
bool gateway_config_pipeline_read_encode(struct config_reader *cr, const struct yaml_node *encode,
                                         const struct pipeline_settings *route, int *out);

#endif
