/* SPDX-License-Identifier: Apache-2.0
 *
 * See gateway_states.h. Nothing is stored but what the log was told: the parts know their states.
 */
#include "gateway_states.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "delivery/upstream_mqtt.h"
#include "delivery/upstream_sparkplug.h"
#include "gateway_parts.h"
#include "ingest/source_mqtt.h"
#include "journal/journal.h"

#include <stdio.h>

typedef void (*state_fn)(void *ctx, enum gateway_state state, const char *part, const char *text);

#define ROW(state, label)                                                                                    \
    {                                                                                                        \
        "forebay_state{state=\"" label "\"}", METRIC_GAUGE, offsetof(struct gateway, states.active[state]),  \
            "How many parts are in a state that the operator must know of; forebay status says which."       \
    }

static const struct metric_row rows[] = {
    ROW(GATEWAY_STORAGE_FAILED, "storage_failed"), ROW(GATEWAY_FULL, "full"),
    ROW(GATEWAY_POSSIBLE_GAP, "possible_gap"),     ROW(GATEWAY_CLIENT_ID_CONFLICT, "client_id_conflict"),
    ROW(GATEWAY_CONFIG_BROKEN, "config_broken"),   {0},
};

const char *gateway_states_name(enum gateway_state state)
{
    static const char *const names[] = {"STORAGE_FAILED", "FULL", "POSSIBLE_GAP", "CLIENT_ID_CONFLICT",
                                        "CONFIG_BROKEN"};
    return names[state];
}

static void tell_journal(const struct journal *j, const char *part, state_fn fn, void *ctx)
{
    if (journal_state(j) == JOURNAL_FULL)
        fn(ctx, GATEWAY_FULL, part, journal_state_text(j));
    else if (journal_state(j) == JOURNAL_STORAGE_FAILED)
        fn(ctx, GATEWAY_STORAGE_FAILED, part, journal_state_text(j));
}

static void tell_id_conflict(const char *part, state_fn fn, void *ctx)
{
    fn(ctx, GATEWAY_CLIENT_ID_CONFLICT, part,
       "another client connects with our client id, and each throws the other out. Find it, or set "
       "brokers.NAME.client_id to one that is used only here");
}

static void tell_broken_config(const struct gateway *g, state_fn fn, void *ctx)
{
    char text[700];
    snprintf(
        text, sizeof text,
        "%.400s The last configuration that was right is running. Mend the file, look at it with `forebay "
        "check`, then `forebay reload`",
        g->broken);
    fn(ctx, GATEWAY_CONFIG_BROKEN, "configuration", text);
}

static void tell_source(struct gateway *g, size_t index, state_fn fn, void *ctx)
{
    struct source_mqtt_status status;
    char text[400], when[32];
    const char *name = generation_source_name(g->generation, index);
    if (!generation_source(g->generation, index))
        return;
    source_mqtt_status(generation_source(g->generation, index), &status);
    if (status.id_conflict)
        tell_id_conflict(name, fn, ctx);
    if (!status.possible_gap)
        return;
    clock_format_rfc3339(status.last_gap_us, when, sizeof when);
    snprintf(
        text, sizeof text,
        "the broker had lost our session when we came back (%s): what devices sent meanwhile may be missing. "
        "Switch on persistence at the broker and see that its session expiry outlasts an outage. A restart "
        "of "
        "forebayd clears this",
        when);
    fn(ctx, GATEWAY_POSSIBLE_GAP, name, text);
}

void gateway_states_each(struct gateway *g, state_fn fn, void *ctx)
{
    if (g->broken)
        tell_broken_config(g, fn, ctx);
    tell_journal(g->journal, "journal", fn, ctx);
    tell_journal(g->dead_journal, "dead_letters", fn, ctx);
    for (size_t i = 0; i < generation_source_count(g->generation); i++)
        tell_source(g, i, fn, ctx);
    for (size_t i = 0; i < generation_upstream_count(g->generation); i++) {
        const struct upstream *u = generation_upstream(g->generation, i);
        if (u && (upstream_mqtt_has_id_conflict(u) || upstream_sparkplug_has_id_conflict(u)))
            tell_id_conflict(u->name, fn, ctx);
    }
}

static void count_state(void *ctx, enum gateway_state state, const char *part, const char *text)
{
    int64_t *counts = ctx;
    (void)part;
    (void)text;
    counts[state]++;
}

static void refresh(void *object)
{
    struct gateway *g = object;
    for (int i = 0; i < GATEWAY_STATES; i++)
        g->states.active[i] = 0;
    if (g->generation)
        gateway_states_each(g, count_state, g->states.active);
}

static void log_state(void *ctx, enum gateway_state state, const char *part, const char *text)
{
    const struct gateway *g = ctx;
    if (g->states.active[state] > g->states.told[state])
        log_error("state", "%s %s: %s", gateway_states_name(state), part, text);
}

void gateway_states_check(struct gateway *g)
{
    refresh(g);
    if (!g->generation)
        return;
    gateway_states_each(g, log_state, g);
    for (int i = 0; i < GATEWAY_STATES; i++) {
        if (g->states.told[i] && !g->states.active[i])
            log_info("state", "%s is over", gateway_states_name((enum gateway_state)i));
        g->states.told[i] = g->states.active[i];
    }
}

void gateway_states_register(struct gateway *g)
{
    metrics_add(g->metrics, rows, NULL, g, refresh);
}
