/* SPDX-License-Identifier: Apache-2.0
 *
 * The configuration document: the only code that knows every section. Reads, substitutes, checks and resolves
 * one YAML document (and conf.d/ beside it) into ready settings; every problem goes to the report. Rank 6.
 */
#ifndef GATEWAY_CONFIG_H
#define GATEWAY_CONFIG_H

#include "base/log.h"
#include "base/strmap.h"
#include "config/option.h"
#include "delivery/delivery_settings.h"
#include "gateway_schema_sets.h"
#include "ingest/source_settings.h"
#include "journal/journal.h"
#include "mqtt/mqtt_settings.h"
#include "pipeline/pipeline_settings.h"
#include "sparkplug/sparkplug_settings.h"

struct plugin_host;
struct schema_registry;

struct gateway_settings {
    const char *id;                /* default: "fby-" and 12 hex digits derived from /etc/machine-id */
    const char *state_directory;   /* default: $STATE_DIRECTORY, else /var/lib/forebay */
    const char *runtime_directory; /* default: $RUNTIME_DIRECTORY, else /run/forebay; holds control.sock */
    int64_t shutdown_timeout_ms;   /* SIGTERM: how long to drain; 4 s */
};

struct admin_settings {
    const char *listen; /* address:port; NULL: off */
};

struct log_settings {
    int level; /* enum log_level */
};

struct broker_config {
    const char *name;
    struct mqtt_settings mqtt;
    uint64_t fingerprint; /* of the YAML and the files it names: equal means unchanged */
};

struct upstream_config {
    const char *name;
    const char *kind;      /* "http", "file", "null", … */
    struct plugin *plugin; /* NULL for null and sparkplug */
    const void *options;
    const struct sparkplug_node_settings *sparkplug; /* NULL for others, and the two behind it */
    const struct broker_config *broker;
    const char *edge_node; /* its id */
    uint64_t fingerprint;  /* with the plugin file's identity */
};

struct target_config {
    const char *name;                       /* of the upstream or broker */
    const struct upstream_config *upstream; /* one of the two */
    const struct broker_config *broker;
    const char *label; /* unique in the route: the name, or name-2 for a second use */
    struct delivery_settings delivery;
    struct pipeline_settings pipeline; /* this target's encode, the route's decode and stages */
    uint64_t fingerprint; /* of all that decides what this delivery does, schemas and plugins included */
};

struct route_config {
    const char *name;
    const struct broker_config *broker;
    struct source_settings source;
    struct topic_filter **filters; /* parsed source.topics */
    size_t filter_count;
    struct target_config *targets;
    size_t target_count;
};

struct gateway_config {
    struct arena arena;
    struct gateway_settings gateway;
    struct journal_settings journal;
    struct journal_settings dead_letters; /* path <state>/dead */
    struct admin_settings admin;
    struct log_settings log;
    struct schema_registry *schemas; /* owned */
    struct broker_config *brokers;
    size_t broker_count;
    struct upstream_config *upstreams;
    size_t upstream_count;
    struct route_config *routes;
    size_t route_count;
    struct plugin **plugins; /* references held, one for each used */
    size_t plugin_count;
    struct topic_filter **filters; /* all that were parsed, owned; routes and decode rules borrow them */
    size_t filter_count;
    struct gateway_schema_sets schema_sets; /* as they were read; whoever keeps them takes them out */
    char *text; /* all files as they were read, for gateway_config_read_saved(). Holds what passwords they
                   hold */
};

/* Read and check. Never NULL; usable only when the report has no errors. */
struct gateway_config *gateway_config_read(const char *path, struct plugin_host *plugins,
                                           struct config_report *r);
/* The same from a file that holds the `text` of an earlier reading ("last good"): places and relative paths
 * are those of the original files, whatever has become of them. Sets that `kept` has (it may be NULL) are
 * taken out of it instead of reading the entry of `schemas` at their place. */
struct gateway_config *gateway_config_read_saved(const char *path, struct gateway_schema_sets *kept,
                                                 struct plugin_host *plugins, struct config_report *r);
void gateway_config_destroy(struct gateway_config *c);

#endif
