/* SPDX-License-Identifier: Apache-2.0
 *
 * See gateway.h. The chain is tied here and in generation.c: sources -> route table -> journal ->
 * deliveries -> upstreams.
 */
#include "gateway.h"

#include "admin/admin_server.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "delivery/dead_letter.h"
#include "gateway_dead_letters.h"
#include "gateway_last_good.h"
#include "gateway_parts.h"
#include "gateway_reload.h"
#include "gateway_status.h"
#include "journal/journal.h"
#include "loop/loop.h"
#include "mqtt/mqtt_client.h"
#include "pipeline/route_table.h"
#include "plugin/plugin_host.h"
#include "service_manager.h"
#include "sparkplug/sparkplug_stage.h"

#include <config.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

enum { DRAIN_POLL_MS = 10, STATUS_INTERVAL_MS = 10000 };

static const struct metric_row rows[] = {
    {"forebay_reloads_total", METRIC_COUNTER, offsetof(struct gateway_counters, reloads),
     "Reloads of the configuration that were carried out."},
    {"forebay_reload_failures_total", METRIC_COUNTER, offsetof(struct gateway_counters, reload_failures),
     "Reloads that were refused; the configuration as it was kept running."},
    {"forebay_start_time_seconds", METRIC_GAUGE, offsetof(struct gateway_counters, start_time_s),
     "When the daemon started, in seconds since 1970."},
    {0},
};

static const struct metric_row turn_rows[] = {
    {"forebay_loop_turn_seconds", METRIC_HISTOGRAM, offsetof(struct gateway_turns, all),
     "Time that one turn of the event loop spent in callbacks."},
    {"forebay_loop_own_seconds", METRIC_HISTOGRAM, offsetof(struct gateway_turns, own),
     "The same without the time for which the kernel ran something else: what the daemon itself held up."},
    {0},
};

static void show_report(const struct config_report *r)
{
    struct buffer text = {0};
    config_report_render(r, &text);
    if (text.len)
        (void)!write(STDERR_FILENO, text.data, text.len);
    buffer_finish(&text);
}

static bool make_directory(const char *path, mode_t mode, struct error *err)
{
    char *copy = xstrdup(path);
    bool ok = true;
    for (char *p = copy + 1; ok && *p; p++) {
        if (*p != '/')
            continue;
        *p = 0;
        ok = mkdir(copy, 0755) == 0 || errno == EEXIST;
        *p = '/';
    }
    ok = ok && (mkdir(copy, mode) == 0 || errno == EEXIST);
    if (!ok)
        error_set_errno(
            err, STATUS_IO, errno,
            "cannot make the directory %s. Make it and give it to the user of the service, or name another",
            path);
    free(copy);
    return ok;
}

/* ---- Shutting down ---- */

static void finish_when_idle(void *ctx)
{
    struct gateway *g = ctx;
    bool acknowledged = generation_stop_sources(g->generation);
    bool idle = acknowledged && generation_is_all_idle(g->generation);
    bool late = clock_monotonic_us() >= g->drain_deadline_us;
    if (idle || late)
        generation_stop_upstreams(g->generation);
    if (late || (idle && mqtt_client_goodbye_count(g->loop) == 0))
        loop_stop(g->loop);
    else
        loop_timer_start(g->drain_timer, DRAIN_POLL_MS);
}

static void handle_terminate(void *ctx)
{
    struct gateway *g = ctx;
    if (g->stopping) {
        log_info("gateway", "stopping at once");
        loop_stop(g->loop);
        return;
    }
    int64_t limit_ms = generation_config(g->generation)->gateway.shutdown_timeout_ms;
    log_info("gateway", "stopping: no new messages; what is in flight has up to %lld ms",
             (long long)limit_ms);
    g->stopping = true;
    service_manager_stopping(g->service);
    gateway_reload_cancel(g);
    (void)generation_stop_sources(g->generation);
    generation_stop_all(g->generation);
    g->drain_deadline_us = clock_monotonic_us() + limit_ms * 1000;
    loop_timer_start(g->drain_timer, 0);
}

static void handle_hangup(void *ctx)
{
    gateway_reload_begin(ctx, NULL, NULL);
}

/* ---- Events of the parts ---- */

static void handle_journal_state(void *ctx)
{
    struct gateway *g = ctx;
    if (journal_state(g->journal) == JOURNAL_OK) {
        gateway_states_check(g);
        log_info("journal", "takes messages");
        if (!g->stopping)
            generation_resume_sources(g->generation);
        return;
    }
    gateway_states_check(g);
}

static void handle_dead_journal_state(void *ctx)
{
    gateway_states_check(ctx);
}

static void report_status(void *ctx)
{
    struct gateway *g = ctx;
    service_manager_status(g->service, gateway_status_text(g));
    gateway_states_check(g);
    loop_timer_start(g->status_timer, STATUS_INTERVAL_MS);
}

/* ---- Starting ---- */

static int exit_code_of(const struct error *err)
{
    if (err->code == STATUS_LOCKED)
        return EX_TEMPFAIL;
    return err->code == STATUS_IO || err->code == STATUS_FULL ? EX_IOERR : EX_CONFIG;
}

static bool open_storage(struct gateway *g, const struct gateway_config *c, struct error *err)
{
    if (!make_directory(c->gateway.state_directory, 0700, err) ||
        !make_directory(c->gateway.runtime_directory, 0755, err))
        return false;
    g->journal = journal_open(&c->journal, "messages", g->loop, g->metrics, err);
    if (!g->journal)
        return false;
    struct journal_settings dead = dead_letter_journal_settings(&c->dead_letters, &c->journal);
    g->dead_journal = journal_open(&dead, "dead_letters", g->loop, g->metrics, err);
    if (!g->dead_journal)
        return false;
    journal_set_state_callback(g->journal, handle_journal_state, g);
    journal_set_state_callback(g->dead_journal, handle_dead_journal_state, g);
    g->parts.journal = g->journal;
    g->parts.dead_letters = dead_letter_store_create(g->dead_journal, g->loop);
    g->parts.routes = route_table_create(g->journal, g->metrics);
    g->parts.sink = route_table_sink(g->parts.routes);
    return true;
}

static bool open_admin(struct gateway *g, const struct gateway_config *c, struct error *err)
{
    char *path = xasprintf("%s/control.sock", c->gateway.runtime_directory);
    g->admin = admin_server_create(g->loop);
    gateway_status_register(g);
    gateway_states_register(g);
    g->dead_letters = gateway_dead_letters_create(g);
    enum status result = admin_server_listen_unix(g->admin, path, err);
    free(path);
    if (result != STATUS_OK || !c->admin.listen)
        return result == STATUS_OK;
    const char *colon = strrchr(c->admin.listen, ':');
    long port = colon ? strtol(colon + 1, NULL, 10) : 0; /* checked with the document */
    char *host =
        xstrndup(c->admin.listen, colon ? (size_t)(colon - c->admin.listen) : strlen(c->admin.listen));
    result = admin_server_listen_tcp(g->admin, host, (int)port, err);
    free(host);
    return result == STATUS_OK;
}

/* For plugins; nothing is published before the sources exist and after they went. */
static bool publish_for_plugin(void *ctx, const struct fby_publish *p)
{
    struct gateway *g = ctx;
    struct mqtt_publish message = {
        .topic = bytes_of(p->topic.data, p->topic.len),
        .payload = bytes_of(p->payload.data, p->payload.len),
        .content_type = bytes_of(p->content_type.data, p->content_type.len),
        .qos = p->qos,
        .retain = p->retain,
    };
    return g->generation &&
           generation_publish(g->generation, bytes_of(p->broker.data, p->broker.len), &message);
}

/* States of plugins, and their way to the brokers. */
static void serve_plugins(struct gateway *g, const struct gateway_config *config)
{
    char *directory = xasprintf("%s/plugins", config->gateway.state_directory);
    plugin_host_set_state_directory(g->plugins, directory);
    plugin_host_set_publisher(g->plugins, publish_for_plugin, g);
    free(directory);
}

/* A daemon that SIGHUP ends instead of making it read its configuration must not start. */
static bool catch_signals(struct gateway *g, struct error *err)
{
    g->signals[0] = loop_signal_create(g->loop, SIGTERM, handle_terminate, g);
    g->signals[1] = loop_signal_create(g->loop, SIGINT, handle_terminate, g);
    g->signals[2] = loop_signal_create(g->loop, SIGHUP, handle_hangup, g);
    for (size_t i = 0; i < array_count(g->signals); i++) {
        if (!g->signals[i]) {
            error_set(err, STATUS_NO_MEMORY, "no memory or descriptor is left to wait for signals");
            return false;
        }
    }
    return true;
}

static bool start_parts(struct gateway *g, struct gateway_config *config, struct error *err)
{
    log_set_level((enum log_level)config->log.level);
    if (!open_storage(g, config, err)) {
        gateway_config_destroy(config);
        return false;
    }
    serve_plugins(g, config);
    g->generation = generation_build(&g->parts, config, NULL, err);
    if (!g->generation || !open_admin(g, config, err) || !catch_signals(g, err))
        return false;
    g->drain_timer = loop_timer_create(g->loop, finish_when_idle, g);
    g->status_timer = loop_timer_create(g->loop, report_status, g);
    metrics_add(g->metrics, rows, NULL, &g->counters, NULL);
    metrics_add(g->metrics, turn_rows, NULL, &g->turns, NULL);
    loop_set_turn_histograms(g->loop, &g->turns.all, &g->turns.own);
    generation_start(g->generation, NULL);
    loop_timer_start(g->status_timer, 1000);
    return true;
}

static void destroy_parts(struct gateway *g)
{
    for (size_t i = 0; i < array_count(g->signals); i++)
        loop_signal_destroy(g->signals[i]);
    loop_timer_destroy(g->drain_timer);
    loop_timer_destroy(g->status_timer);
    admin_server_destroy(g->admin);
    gateway_last_good_destroy(g->last_good);
    generation_destroy(g->generation);
    gateway_dead_letters_destroy(g->dead_letters);
    route_table_destroy(g->parts.routes);
    dead_letter_store_destroy(g->parts.dead_letters);
    if (g->dead_journal)
        journal_close(g->dead_journal);
    if (g->journal)
        journal_close(g->journal);
    service_manager_destroy(g->service);
    plugin_host_destroy(g->plugins);
    metrics_destroy(g->metrics);
    if (g->loop)
        mqtt_client_cut_goodbyes(g->loop);
    loop_destroy(g->loop);
    free(g->broken);
    mqtt_library_finish();
}

/* The file is wrong: the last configuration that ran is better than a machine that does nothing. */
static struct gateway_config *fall_back(struct gateway *g, const struct gateway_config *broken)
{
    struct gateway_config *config =
        gateway_last_good_read(broken->gateway.state_directory, g->config_path, g->plugins);
    if (!config)
        return NULL;
    log_error("config",
              "running with the last configuration that was right. Mend %s, look at it with `forebayd "
              "--check`, then "
              "reload",
              g->config_path);
    gateway_schema_sets_finish(&config->schema_sets); /* they are kept already */
    return config;
}

static struct gateway_config *read_config(struct gateway *g)
{
    struct config_report *report = config_report_create();
    struct gateway_config *config = gateway_config_read(g->config_path, g->plugins, report);
    show_report(report);
    if (config_report_error_count(report)) {
        log_error("config", "%s cannot be used: %zu errors. `forebayd --check %s` shows them", g->config_path,
                  config_report_error_count(report), g->config_path);
        struct gateway_config *good = fall_back(g, config);
        g->broken = config_report_first_error(report);
        gateway_config_destroy(config);
        config = good;
    }
    config_report_destroy(report);
    return config;
}

static bool create_base(struct gateway *g, const struct gateway_arguments *a)
{
    struct error err;
    g->config_path = a->config_path;
    g->started_us = clock_monotonic_us();
    g->counters.start_time_s = clock_realtime_us() / 1000000;
    mqtt_library_init();
    g->loop = loop_create(&err);
    if (!g->loop) {
        log_error("gateway", "%s", err.text);
        return false;
    }
    g->metrics = metrics_create();
    g->plugins = plugin_host_create(a->plugin_path, g->loop, g->metrics);
    plugin_host_add_static(g->plugins, &sparkplug_stage_plugin);
    g->service = service_manager_create(g->loop);
    g->last_good = gateway_last_good_create(g->loop);
    g->parts.loop = g->loop;
    g->parts.metrics = g->metrics;
    g->parts.plugins = g->plugins;
    return true;
}

int gateway_run(const struct gateway_arguments *arguments)
{
    struct gateway g = {0};
    struct error err;
    if (!create_base(&g, arguments))
        return EX_OSERR;
    signal(SIGPIPE, SIG_IGN);
    log_info("gateway", "forebayd %s starts with %s", PACKAGE_VERSION, g.config_path);
    struct gateway_config *config = read_config(&g);
    if (!config) {
        g.exit_code = EX_CONFIG;
    } else if (!start_parts(&g, config, &err)) {
        log_error("gateway", "%s", err.text);
        g.exit_code = exit_code_of(&err);
    } else {
        if (!g.broken)
            gateway_last_good_save(config, &config->schema_sets);
        service_manager_ready(g.service);
        log_info("gateway", "ready: %zu routes; control socket %s/control.sock", config->route_count,
                 config->gateway.runtime_directory);
        loop_run(g.loop);
        log_info("gateway", "stopped");
    }
    destroy_parts(&g);
    return g.exit_code;
}

int gateway_check(const struct gateway_arguments *arguments)
{
    struct gateway g = {0};
    if (!create_base(&g, arguments))
        return EX_OSERR;
    log_set_level(LOG_LEVEL_ERROR);
    struct config_report *report = config_report_create();
    struct gateway_config *config = gateway_config_read(g.config_path, g.plugins, report);
    bool ok = config_report_error_count(report) == 0;
    show_report(report);
    config_report_destroy(report);
    gateway_config_destroy(config);
    destroy_parts(&g);
    if (ok)
        printf("%s: ok\n", arguments->config_path);
    return ok ? EX_OK : EX_CONFIG;
}
