/* SPDX-License-Identifier: Apache-2.0
 *
 * See flow.h.
 */
#include "flow.h"

#include "base/clock.h"
#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void run_shell(const char *command)
{
    assert_int_equal(system(command), 0);
}

static void handle_output(void *ctx, struct upstream *u, struct outgoing *o)
{
    struct flow *f = ctx;
    if (f->handle) {
        f->handle(f, u, o);
        return;
    }
    enum fby_outcome outcome = f->answer ? f->answer(f, &o->output) : FBY_DELIVERED;
    if (outcome == FBY_DELIVERED) {
        assert_true(f->output_count < FLOW_OUTPUTS);
        f->outputs[f->output_count++] = xasprintf("%.*s %.*s", (int)o->output.topic.len, o->output.topic.data,
                                                  (int)o->output.payload.len, o->output.payload.data);
    }
    upstream_answer(u, o, outcome, outcome == FBY_DELIVERED ? NULL : "as the test wants", 0);
}

void flow_create(struct flow *f, const char *filter)
{
    struct error err;
    snprintf(f->directory, sizeof f->directory, "/tmp/forebay-flow-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    f->settings = (struct journal_settings){
        .max_size = 64 << 20, .segment_size = 1 << 20, .record_limit = 1 << 20, .memory_tail = 256 << 10};
    f->delivery_settings =
        (struct delivery_settings){.qos = 1, .window = 100, .retry_min_ms = 1, .retry_max_ms = 5};
    f->pipeline = &f->pipeline_settings;
    f->filter = topic_filter_parse(filter, &err);
    assert_non_null(f->filter);
}

static struct journal *open_journal(struct flow *f, const char *name)
{
    struct error err;
    char path[128];
    struct journal_settings s = f->settings;
    snprintf(path, sizeof path, "%s/%s", f->directory, name);
    s.path = path;
    struct journal *j = journal_open(&s, name, f->loop, f->metrics, &err);
    if (!j)
        fail_msg("%s", err.text);
    return j;
}

static struct delivery *create_delivery(struct flow *f, const char *target, const struct delivery_settings *s)
{
    struct error err;
    struct delivery_parts parts = {
        .gateway_id = "gw",
        .route = "r",
        .target = target,
        .match = {bytes_of_text("devices"), &f->filter, 1},
        .settings = s,
        .pipeline = f->pipeline,
        .upstream = f->upstream,
        .journal = f->journal,
        .dead_letters = f->dead_letters,
        .routes = f->routes,
        .plugins = f->plugins,
        .loop = f->loop,
        .metrics = f->metrics,
    };
    struct delivery *d = delivery_create(&parts, &err);
    assert_non_null(d);
    return d;
}

static void load_stage(struct flow *f)
{
    struct error err;
    if (!f->stage_plugin)
        return;
    plugin_host_add_static(f->plugins, f->stage_plugin);
    f->stage = plugin_host_load(f->plugins, f->stage_plugin->name, NULL, &err);
    assert_non_null(f->stage);
    f->stage_settings = (struct stage_settings){.name = f->stage_plugin->name, .plugin = f->stage};
    f->pipeline_settings.stages = &f->stage_settings;
    f->pipeline_settings.stage_count = 1;
}

void flow_open(struct flow *f)
{
    struct error err;
    f->loop = loop_create(&err);
    f->metrics = metrics_create();
    f->plugins = plugin_host_create("/nonexistent", f->loop, f->metrics);
    load_stage(f);
    f->journal = open_journal(f, "journal");
    f->dead_journal = open_journal(f, "dead");
    f->dead_letters = dead_letter_store_create(f->dead_journal, f->loop);
    f->routes = route_table_create(f->journal, f->metrics);
    f->upstream = upstream_null_create("sink", f->loop);
    upstream_null_set_handler(f->upstream, handle_output, f);
    f->delivery = create_delivery(f, "t", &f->delivery_settings);
    assert_int_equal(delivery_start(f->delivery, &err), STATUS_OK);
}

void flow_reload(struct flow *f, const char *filter)
{
    struct error err;
    struct topic_filter *former = f->filter;
    f->filter = topic_filter_parse(filter, &err);
    assert_non_null(f->filter);
    struct delivery *next = create_delivery(f, "t", &f->delivery_settings);
    delivery_stop_reading(f->delivery);
    delivery_inherit(next, f->delivery);
    delivery_destroy(f->delivery);
    topic_filter_destroy(former);
    f->delivery = next;
    assert_int_equal(delivery_start(next, &err), STATUS_OK);
}

struct delivery *flow_add_delivery(struct flow *f, const char *target, const struct delivery_settings *s)
{
    struct error err;
    struct delivery *d = create_delivery(f, target, s);
    assert_int_equal(delivery_start(d, &err), STATUS_OK);
    return d;
}

void flow_close(struct flow *f)
{
    delivery_destroy(f->delivery);
    upstream_destroy(f->upstream);
    route_table_destroy(f->routes);
    dead_letter_store_destroy(f->dead_letters);
    journal_close(f->dead_journal);
    journal_close(f->journal);
    plugin_unref(f->stage);
    f->stage = NULL;
    plugin_host_destroy(f->plugins);
    metrics_destroy(f->metrics);
    loop_destroy(f->loop);
    f->delivery = NULL;
}

/* The writer thread may be at work: only a copy during which nothing changed is what a crash would leave. */
static void copy_directory(const struct flow *f)
{
    char line[512];
    snprintf(
        line, sizeof line,
        "list() { find %s -printf '%%p %%s %%T@\\n' | sort; }; for try in $(seq 100); do rm -rf %s.copy; "
        "before=$(list); cp -r --sparse=always %s %s.copy 2>/dev/null && [ \"$before\" = \"$(list)\" ] && "
        "exit 0; done; exit 1",
        f->directory, f->directory, f->directory, f->directory);
    run_shell(line);
}

void flow_crash(struct flow *f)
{
    char line[256];
    copy_directory(f);
    flow_close(f);
    snprintf(line, sizeof line, "rm -rf %s && mv %s.copy %s", f->directory, f->directory, f->directory);
    run_shell(line);
}

void flow_destroy(struct flow *f)
{
    if (f->delivery)
        flow_close(f);
    topic_filter_destroy(f->filter);
    for (size_t i = 0; i < f->output_count; i++)
        free(f->outputs[i]);
    char line[256];
    snprintf(line, sizeof line, "rm -rf %s %s.copy", f->directory, f->directory);
    run_shell(line);
}

enum status flow_accept(struct flow *f, const char *topic, const char *payload)
{
    struct message_sink sink = route_table_sink(f->routes);
    struct message m = {.time_us = clock_realtime_us(),
                        .source = bytes_of_text("devices"),
                        .topic = bytes_of_text(topic),
                        .payload = bytes_of_text(payload),
                        .qos = 1};
    return sink.accept(sink.self, &m);
}

static void handle_committed(void *ctx, enum status result)
{
    struct flow *f = ctx;
    if (result == STATUS_OK)
        f->committed++;
    else
        f->commit_failures++;
}

void flow_commit(struct flow *f)
{
    struct message_sink sink = route_table_sink(f->routes);
    int before = f->committed + f->commit_failures;
    sink.commit(sink.self, handle_committed, f);
    for (int i = 0; i < 500 && f->committed + f->commit_failures == before; i++)
        loop_turn(f->loop, 10);
    assert_int_equal(f->committed + f->commit_failures, before + 1);
}

void flow_publish(struct flow *f, const char *topic, unsigned first, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char payload[32];
        snprintf(payload, sizeof payload, "payload-%u", first + i);
        assert_int_equal(flow_accept(f, topic, payload), STATUS_OK);
    }
    flow_commit(f);
}

bool flow_settle(struct flow *f)
{
    for (int i = 0; i < 1000; i++) {
        if (delivery_counters(f->delivery)->queued == 0 && delivery_is_idle(f->delivery))
            return true;
        loop_turn(f->loop, 5);
    }
    return false;
}

void flow_turn(struct flow *f, unsigned turns)
{
    for (unsigned i = 0; i < turns; i++)
        loop_turn(f->loop, 1);
}

void flow_check_counters(struct flow *f)
{
    const struct delivery_counters *c = delivery_counters(f->delivery);
    assert_true(c->queued >= 0);
    assert_int_equal(c->accepted, c->delivered + (uint64_t)c->queued + c->filtered + c->aggregated +
                                      c->dead_lettered + c->dropped_full + c->dropped_expired +
                                      c->dropped_damaged + c->dropped_not_routed);
}

uint64_t flow_dead_letters(struct flow *f)
{
    return journal_durable_head(f->dead_journal) + 1 - journal_oldest(f->dead_journal);
}

int flow_set_up(void **state)
{
    struct flow *f = calloc(1, sizeof *f);
    flow_create(f, "a/#");
    *state = f;
    return 0;
}

int flow_tear_down(void **state)
{
    flow_destroy(*state);
    free(*state);
    return 0;
}
