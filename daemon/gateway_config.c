/* SPDX-License-Identifier: Apache-2.0
 *
 * See gateway_config.h. This file reads the sections that concern the gateway itself; its siblings read the
 * others: _connections (brokers, upstreams), _schemas, _plugins, _pipeline, _routes, _tests.
 */
#include "gateway_config.h"

#include "base/memory.h"
#include "gateway_config_parts.h"
#include "gateway_document.h"
#include "gateway_identity.h"
#include "journal/journal_settings.h"
#include "message/topic_filter.h"
#include "plugin/plugin_host.h"
#include "schema/schema.h"

#include <stdlib.h>

enum { ID_LENGTH_MAX = 64 };

static const char *const log_levels[] = {"error", "warning", "info", "debug", NULL};

static const struct fby_option gateway_options[] = {
    {.name = "id",
     .type = FBY_OPTION_STRING,
     .offset = offsetof(struct gateway_settings, id),
     .help =
         "The gateway's name towards brokers and upstreams, part of every message's id; by default made from "
         "the machine id."},
    {.name = "state_directory",
     .type = FBY_OPTION_STRING,
     .offset = offsetof(struct gateway_settings, state_directory),
     .help = "Where journal and dead letters are kept; by default $STATE_DIRECTORY, else " FBY_LOCALSTATEDIR
             "/lib/forebay."},
    {.name = "runtime_directory",
     .type = FBY_OPTION_STRING,
     .offset = offsetof(struct gateway_settings, runtime_directory),
     .help = "Where the control socket is; by default $RUNTIME_DIRECTORY, else " FBY_RUNSTATEDIR "."},
    {.name = "shutdown_timeout",
     .type = FBY_OPTION_DURATION,
     .offset = offsetof(struct gateway_settings, shutdown_timeout_ms),
     .default_text = "4s",
     .max = 600000,
     .help = "How long to wait for upstreams to confirm what is on its way, after SIGTERM."},
    {.name = NULL},
};

static const struct fby_option admin_options[] = {
    {.name = "listen",
     .type = FBY_OPTION_STRING,
     .offset = offsetof(struct admin_settings, listen),
     .help =
         "Address and port of a read-only HTTP listener for metrics and health, such as 127.0.0.1:8787; by "
         "default there is none."},
    {.name = NULL},
};

static const struct fby_option log_options[] = {
    {.name = "level",
     .type = FBY_OPTION_CHOICE,
     .offset = offsetof(struct log_settings, level),
     .default_text = "info",
     .choices = log_levels,
     .help = "The least important messages that are still written."},
    {.name = NULL},
};

/* ---- gateway ---- */

static const char *lookup_name(void *ctx, const char *name)
{
    const struct gateway_config *c = ctx;
    if (strcmp(name, "gateway.id") == 0)
        return c->gateway.id;
    if (strcmp(name, "gateway.state_directory") == 0)
        return c->gateway.state_directory;
    if (strcmp(name, "gateway.runtime_directory") == 0)
        return c->gateway.runtime_directory;
    return NULL;
}

/* The first of the directories that the service manager names, or the one the build knows. */
static const char *default_directory(struct config_reader *cr, const char *variable, const char *fallback)
{
    const char *given = getenv(variable);
    if (!given || !*given)
        return fallback;
    return arena_strndup(cr->arena, given, strcspn(given, ":"));
}

static bool is_gateway_id(const char *id)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:";
    size_t len = strlen(id);
    return len > 0 && len <= ID_LENGTH_MAX && id[strspn(id, allowed)] == 0;
}

static void derive_id(struct config_reader *cr, const struct yaml_node *at)
{
    char id[GATEWAY_IDENTITY_SIZE];
    struct error err;
    cr->config->gateway.id = "";
    if (gateway_identity_read("/etc/machine-id", id, &err) == STATUS_OK)
        cr->config->gateway.id = arena_strdup(cr->arena, id);
    else
        config_report_error(
            cr->report, at,
            "This machine has no id to make the gateway's from (%s). Give the gateway a name: gateway: { "
            "id: berlin-01 }.",
            err.text);
}

static void read_gateway(struct config_reader *cr)
{
    struct gateway_settings *s = &cr->config->gateway;
    struct yaml_node *n = yaml_tree_find(cr->root, "gateway");
    config_report_enter(cr->report, "gateway");
    yaml_tree_substitute(n, cr->arena, cr->report, NULL, NULL);
    (void)option_apply(gateway_options, n, n, NULL, s, cr->arena, cr->report);
    const struct yaml_node *id = yaml_tree_find(n, "id");
    config_report_enter(cr->report, "id");
    if (!s->id)
        derive_id(cr, n ? n : cr->root);
    else if (!is_gateway_id(s->id) && !id->unresolved)
        config_report_error(cr->report, id,
                            "The id has at most 64 letters, digits, \"_\", \"-\", \".\" and \":\", since it "
                            "becomes part of client and message ids. \"%.80s\" has others.",
                            yaml_node_show(id));
    config_report_leave(cr->report);
    s->state_directory =
        s->state_directory
            ? config_reader_resolve(cr, yaml_tree_find(n, "state_directory"), s->state_directory)
            : default_directory(cr, "STATE_DIRECTORY", FBY_LOCALSTATEDIR "/lib/forebay");
    s->runtime_directory =
        s->runtime_directory
            ? config_reader_resolve(cr, yaml_tree_find(n, "runtime_directory"), s->runtime_directory)
            : default_directory(cr, "RUNTIME_DIRECTORY", FBY_RUNSTATEDIR);
    config_report_leave(cr->report);
}

/* ---- journal, dead_letters, admin, log ---- */

static void read_journal(struct config_reader *cr, const char *section, const char *folder,
                         struct journal_settings *s)
{
    struct yaml_node *n = yaml_tree_find(cr->root, section);
    config_report_enter(cr->report, section);
    (void)option_apply(journal_settings_options, n, n, NULL, s, cr->arena, cr->report);
    const struct yaml_node *path = yaml_tree_find(n, "path");
    s->path = config_reader_resolve(cr, path, s->path);
    if (!s->path) {
        char *joined = xasprintf("%s/%s", cr->config->gateway.state_directory, folder);
        s->path = arena_strdup(cr->arena, joined);
        free(joined);
    }
    const struct yaml_node *record_limit = yaml_tree_find(n, "record_limit");
    if (record_limit && s->record_limit > s->max_size / 4)
        config_report_error(cr->report, record_limit,
                            "\"record_limit\" must be at most a quarter of \"max_size\".");
    else if (s->record_limit > s->max_size / 4)
        s->record_limit = s->max_size / 4;
    config_report_leave(cr->report);
}

/* A letter that does not fit into its store would hold its route for ever. */
static void check_room_for_letters(struct config_reader *cr)
{
    enum { KIB = 1024 };
    int64_t least = 4 * cr->config->journal.record_limit;
    const struct yaml_node *max_size = yaml_tree_find(yaml_tree_find(cr->root, "dead_letters"), "max_size");
    if (max_size && cr->config->dead_letters.max_size < least)
        config_report_error(
            cr->report, max_size,
            "\"max_size\" must be at least four times journal.record_limit, %lld KiB, so that "
            "every message fits into the store. Raise it, or lower journal.record_limit.",
            (long long)((least + KIB - 1) / KIB));
}

static void read_journals(struct config_reader *cr)
{
    struct gateway_config *c = cr->config;
    read_journal(cr, "journal", "journal", &c->journal);
    read_journal(cr, "dead_letters", "dead", &c->dead_letters);
    config_report_enter(cr->report, "dead_letters");
    if (c->journal.path && c->dead_letters.path && strcmp(c->journal.path, c->dead_letters.path) == 0)
        config_report_error(
            cr->report, yaml_tree_find(cr->root, "dead_letters"),
            "Journal and dead letters cannot share the directory %s. Give one of them another path.",
            c->journal.path);
    check_room_for_letters(cr);
    config_report_leave(cr->report);
}

/* address:port, with an IPv6 address in brackets. */
static bool is_listen_address(const char *text)
{
    const char *colon = strrchr(text, ':');
    int64_t port;
    if (!colon || colon == text || !option_parse_int(colon + 1, &port, NULL) || port < 1 || port > 65535)
        return false;
    bool bracketed = text[0] == '[' && colon[-1] == ']';
    return bracketed || !memchr(text, ':', (size_t)(colon - text));
}

static void read_admin(struct config_reader *cr)
{
    struct admin_settings *s = &cr->config->admin;
    struct yaml_node *n = yaml_tree_find(cr->root, "admin");
    config_report_enter(cr->report, "admin");
    bool right = option_apply(admin_options, n, n, NULL, s, cr->arena, cr->report);
    const struct yaml_node *listen = yaml_tree_find(n, "listen");
    config_report_enter(cr->report, "listen");
    if (right && s->listen && !is_listen_address(s->listen))
        config_report_error(
            cr->report, listen,
            "Expected an address and a port such as 127.0.0.1:8787 or [::1]:8787, found \"%.100s\".",
            yaml_node_show(listen));
    config_report_leave(cr->report);
    config_report_leave(cr->report);
}

static void read_log(struct config_reader *cr)
{
    struct yaml_node *n = yaml_tree_find(cr->root, "log");
    config_report_enter(cr->report, "log");
    (void)option_apply(log_options, n, n, NULL, &cr->config->log, cr->arena, cr->report);
    config_report_leave(cr->report);
}

/* ---- The whole ---- */

static void check_sections(struct config_reader *cr)
{
    static const char *const sections[] = {"gateway", "journal", "dead_letters", "schemas",
                                           "plugins", "brokers", "upstreams",    "routes",
                                           "tests",   "admin",   "log",          NULL};
    for (size_t i = 0; i < cr->root->count; i++) {
        const struct yaml_node *key = cr->root->pairs[i].key;
        bool known = false;
        for (size_t j = 0; sections[j] && !known; j++)
            known = strcmp(key->text, sections[j]) == 0;
        if (known)
            continue;
        cr->unknown_section = true;
        config_report_error(cr->report, key, "Unknown section \"%.80s\".%s", key->text,
                            config_reader_suggest(cr, key->text, sections, array_count(sections) - 1));
    }
}

static void read_sections(struct config_reader *cr)
{
    check_sections(cr);
    read_gateway(cr);
    yaml_tree_substitute(cr->root, cr->arena, cr->report, lookup_name, cr->config);
    read_journals(cr);
    read_admin(cr);
    read_log(cr);
    gateway_config_schemas_read(cr);
    gateway_config_plugins_read(cr);
    gateway_config_brokers_read(cr);
    gateway_config_upstreams_read(cr);
    gateway_config_routes_read(cr);
    gateway_config_tests_read(cr);
}

static void keep_plugins(struct config_reader *cr)
{
    struct gateway_config *c = cr->config;
    c->plugins = config_reader_alloc(cr, cr->plugins.count, sizeof *c->plugins);
    for (size_t i = 0; i < cr->plugins.count; i++) {
        struct config_plugin *p = cr->plugins.entries[i].value;
        if (p->plugin)
            c->plugins[c->plugin_count++] = p->plugin;
    }
    strmap_finish(&cr->plugins);
}

typedef struct yaml_node *(*read_document_fn)(const char *path, struct arena *a, struct config_report *r,
                                              struct buffer *text);

static struct gateway_config *read_with(read_document_fn read_document, const char *path,
                                        struct gateway_schema_sets *kept, struct plugin_host *plugins,
                                        struct config_report *r)
{
    struct gateway_config *c = xcalloc(1, sizeof *c);
    arena_init(&c->arena, 64 * 1024, 0);
    c->schemas = schema_registry_create();
    struct config_reader cr = {
        .config = c, .host = plugins, .report = r, .arena = &c->arena, .kept_sets = kept};
    struct buffer text = {0};
    cr.root = read_document(path, &c->arena, r, &text);
    if (cr.root)
        read_sections(&cr);
    else if (config_report_error_count(r) == 0) /* the first try failed, the one for the words did not */
        config_report_error_at(r, path, 0, 0, "There is no memory to read it.");
    keep_plugins(&cr);
    buffer_add_byte(&text, 0);
    if (text.failed)
        config_report_error(r, NULL, "The files are too large together.");
    else
        c->text = xstrdup((const char *)text.data);
    buffer_finish(&text);
    return c;
}

struct gateway_config *gateway_config_read(const char *path, struct plugin_host *plugins,
                                           struct config_report *r)
{
    return read_with(gateway_document_read, path, NULL, plugins, r);
}

struct gateway_config *gateway_config_read_saved(const char *path, struct gateway_schema_sets *kept,
                                                 struct plugin_host *plugins, struct config_report *r)
{
    return read_with(gateway_document_read_saved, path, kept, plugins, r);
}

void gateway_config_destroy(struct gateway_config *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->plugin_count; i++)
        plugin_unref(c->plugins[i]);
    for (size_t i = 0; i < c->filter_count; i++)
        topic_filter_destroy(c->filters[i]);
    schema_registry_destroy(c->schemas);
    gateway_schema_sets_finish(&c->schema_sets);
    if (c->text)
        explicit_bzero(c->text, strlen(c->text));
    free(c->text);
    free(c->filters);
    arena_finish(&c->arena);
    free(c);
}
