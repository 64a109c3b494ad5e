/* SPDX-License-Identifier: Apache-2.0
 *
 * See gateway_reload.h.
 */
#include "gateway_reload.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "delivery/dead_letter.h"
#include "gateway_last_good.h"
#include "gateway_parts.h"
#include "journal/journal.h"
#include "loop/loop.h"
#include "service_manager.h"

#include <stdlib.h>
#include <string.h>

enum { DRAIN_LIMIT_MS = 5000, COMMIT_LIMIT_MS = 5000, DRAIN_POLL_MS = 10 };

struct gateway_reload {
    struct gateway *gateway;
    struct generation *next;
    struct gateway_schema_sets sets; /* of `next` */
    struct loop_timer *timer;
    int64_t deadline_us;
    gateway_reload_done_fn done;
    void *ctx;
    bool again; /* SIGHUP came meanwhile: the file may have changed after it was read */
};

static void tell(gateway_reload_done_fn done, void *ctx, bool ok, const char *text, size_t len)
{
    if (done)
        done(ctx, ok, bytes_of(text, len));
}

static void refuse(struct gateway *g, gateway_reload_done_fn done, void *ctx, struct bytes report)
{
    g->counters.reload_failures++;
    log_error("reload", "refused; the configuration as it was keeps running");
    service_manager_ready(g->service);
    tell(done, ctx, false, (const char *)report.data, report.len);
}

static void refuse_text(struct gateway *g, gateway_reload_done_fn done, void *ctx, const char *text)
{
    log_error("reload", "%s", text);
    refuse(g, done, ctx, bytes_of_text(text));
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* What is bound to the process or to the records already written cannot change while it runs. */
static const char *find_fixed_change(const struct gateway_config *now, const struct gateway_config *next)
{
    if (!same_text(now->gateway.id, next->gateway.id))
        return "gateway.id has changed. It is part of every record's id: restart the service to use the new "
               "one.";
    if (!same_text(now->gateway.state_directory, next->gateway.state_directory))
        return "gateway.state_directory has changed. Restart the service to use the new one.";
    if (!same_text(now->gateway.runtime_directory, next->gateway.runtime_directory))
        return "gateway.runtime_directory has changed. Restart the service to use the new one.";
    if (!same_text(now->journal.path, next->journal.path) ||
        !same_text(now->dead_letters.path, next->dead_letters.path))
        return "the path of a journal has changed. Restart the service to use the new one.";
    if (!same_text(now->admin.listen, next->admin.listen))
        return "admin.listen has changed. Restart the service to use the new one.";
    return NULL;
}

static void destroy(struct gateway_reload *r)
{
    r->gateway->reload = NULL;
    loop_timer_destroy(r->timer);
    gateway_schema_sets_finish(&r->sets);
    free(r);
}

/* True when the file is to be read once more. */
static bool swap_generations(struct gateway_reload *r)
{
    struct gateway *g = r->gateway;
    struct generation *next = r->next;
    const struct gateway_config *c = generation_config(next);
    log_set_level((enum log_level)c->log.level);
    journal_configure(g->journal, &c->journal);
    struct journal_settings dead = dead_letter_journal_settings(&c->dead_letters, &c->journal);
    journal_configure(g->dead_journal, &dead);
    struct generation *old = g->generation;
    g->generation = next;
    generation_start(next, old);
    g->counters.reloads++;
    free(g->broken);
    g->broken = NULL;
    gateway_last_good_save_later(g->last_good, c, &r->sets);
    log_info("reload", "done: %zu routes, %zu sources, %zu upstreams", c->route_count,
             generation_source_count(next), generation_upstream_count(next));
    service_manager_ready(g->service);
    gateway_reload_done_fn done = r->done;
    void *ctx = r->ctx;
    bool again = r->again;
    destroy(r);
    static const char text[] = "reloaded\n";
    tell(done, ctx, true, text, sizeof text - 1);
    return again;
}

static void wait_for_windows(void *ctx)
{
    struct gateway_reload *r = ctx;
    struct gateway *g = r->gateway;
    bool idle = generation_is_idle(g->generation, r->next);
    if (!idle && clock_monotonic_us() < r->deadline_us) {
        loop_timer_start(r->timer, DRAIN_POLL_MS);
        return;
    }
    if (!generation_stop_changed_sources(g->generation, r->next) &&
        clock_monotonic_us() < r->deadline_us + COMMIT_LIMIT_MS * 1000) {
        loop_timer_start(r->timer, DRAIN_POLL_MS);
        return;
    }
    if (!idle)
        log_warning("reload", "a changed route still had messages in flight; they are sent again");
    if (swap_generations(r))
        gateway_reload_begin(g, NULL, NULL);
}

static void log_report(const struct config_report *r, struct buffer *text)
{
    config_report_render(r, text);
    if (text->len == 0)
        return;
    char *lines = xstrndup((const char *)text->data, text->len);
    char *rest = lines;
    for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n"))
        if (strstr(line, ": error: "))
            log_error("config", "%s", line);
        else if (strstr(line, ": warning: "))
            log_warning("config", "%s", line);
    free(lines);
}

/* The file that was broken at the start is so in another way. */
static void note_broken(struct gateway *g, char *reason)
{
    if (g->broken) {
        free(g->broken);
        g->broken = reason;
    } else {
        free(reason);
    }
}

/* Read and build the next generation, and take out the sets of its schemas; NULL when it was refused. */
static struct generation *prepare(struct gateway *g, struct gateway_schema_sets *sets,
                                  gateway_reload_done_fn done, void *ctx)
{
    struct config_report *report = config_report_create();
    struct gateway_config *config = gateway_config_read(g->config_path, g->plugins, report);
    struct buffer text = {0};
    struct generation *next = NULL;
    struct error err;
    log_report(report, &text);
    const char *fixed = NULL;
    if (config_report_error_count(report) == 0)
        fixed = find_fixed_change(generation_config(g->generation), config);
    if (config_report_error_count(report)) {
        note_broken(g, config_report_first_error(report));
        refuse(g, done, ctx, buffer_bytes(&text));
        gateway_config_destroy(config);
    } else if (fixed) {
        refuse_text(g, done, ctx, fixed);
        gateway_config_destroy(config);
    } else {
        *sets = config->schema_sets;
        config->schema_sets = (struct gateway_schema_sets){0};
        next = generation_build(&g->parts, config, g->generation, &err);
        if (!next)
            refuse_text(g, done, ctx, err.text);
    }
    buffer_finish(&text);
    config_report_destroy(report);
    return next;
}

void gateway_reload_begin(struct gateway *g, gateway_reload_done_fn done, void *ctx)
{
    if (g->reload && !done) {
        log_info("reload", "another one is under way; the file is read again after it");
        g->reload->again = true;
        return;
    }
    if (g->reload || g->stopping) {
        static const char text[] = "another reload, or the shutdown, is under way; try again\n";
        tell(done, ctx, false, text, sizeof text - 1);
        return;
    }
    log_info("reload", "reading %s", g->config_path);
    service_manager_reloading(g->service);
    struct gateway_schema_sets sets = {0};
    struct generation *next = prepare(g, &sets, done, ctx);
    if (!next) {
        gateway_schema_sets_finish(&sets);
        return;
    }
    struct gateway_reload *r = xcalloc(1, sizeof *r);
    *r = (struct gateway_reload){.gateway = g,
                                 .next = next,
                                 .sets = sets,
                                 .deadline_us = clock_monotonic_us() + DRAIN_LIMIT_MS * 1000,
                                 .done = done,
                                 .ctx = ctx};
    r->timer = loop_timer_create(g->loop, wait_for_windows, r);
    g->reload = r;
    generation_stop_changed(g->generation, next);
    loop_timer_start(r->timer, 0);
}

void gateway_reload_cancel(struct gateway *g)
{
    struct gateway_reload *r = g->reload;
    if (!r)
        return;
    static const char text[] = "given up: the service is stopping\n";
    gateway_reload_done_fn done = r->done;
    void *ctx = r->ctx;
    generation_destroy(r->next);
    destroy(r);
    tell(done, ctx, false, text, sizeof text - 1);
}
