/* SPDX-License-Identifier: Apache-2.0
 *
 * What a configuration that is right may still have wrong: parts that nothing uses, targets that are the
 * same, filters by which a message can come twice, sizes that are not used as they are, stages that hold more
 * than their deliveries let through, data without its births. See gateway_config.h.
 */
#include "gateway_config_parts.h"
#include "ingest/source_subscriptions.h"
#include "message/topic_filter.h"

#include <stdio.h>

/* What is connected to nothing is likely a slip. */
static void warn_unused(struct config_reader *cr)
{
    const struct gateway_config *c = cr->config;
    for (size_t i = 0; i < c->upstream_count; i++) {
        bool used = false;
        for (size_t k = 0; k < c->route_count && !used; k++)
            for (size_t m = 0; m < c->routes[k].target_count && !used; m++)
                used = c->routes[k].targets[m].upstream == &c->upstreams[i];
        if (!used)
            config_report_warning(cr->report,
                                  yaml_tree_find(yaml_tree_find(cr->root, "upstreams"), c->upstreams[i].name),
                                  "No route sends to the upstream \"%s\".", c->upstreams[i].name);
    }
    for (size_t i = 0; i < c->broker_count; i++) {
        bool used = false;
        for (size_t k = 0; k < c->upstream_count && !used; k++)
            used = c->upstreams[k].broker == &c->brokers[i];
        for (size_t k = 0; k < c->route_count && !used; k++) {
            used = c->routes[k].broker == &c->brokers[i];
            for (size_t m = 0; m < c->routes[k].target_count && !used; m++)
                used = c->routes[k].targets[m].broker == &c->brokers[i];
        }
        if (!used)
            config_report_warning(cr->report,
                                  yaml_tree_find(yaml_tree_find(cr->root, "brokers"), c->brokers[i].name),
                                  "No route uses the broker \"%s\".", c->brokers[i].name);
    }
}

/* ---- Overlapping filters ---- */

static const struct yaml_node *route_node(const struct config_reader *cr, const struct route_config *route)
{
    return yaml_tree_find(yaml_tree_find(cr->root, "routes"), route->name);
}

/* Where a route subscribes to this. */
static const struct yaml_node *find_topic(const struct config_reader *cr, const struct broker_config *broker,
                                          const char *subscription)
{
    const struct gateway_config *c = cr->config;
    for (size_t i = 0; i < c->route_count; i++) {
        const struct route_config *r = &c->routes[i];
        const struct yaml_node *topics = yaml_tree_find(yaml_tree_find(route_node(cr, r), "from"), "topics");
        for (size_t k = 0; k < r->filter_count && r->broker == broker; k++)
            if (strcmp(topic_filter_subscription(r->filters[k]), subscription) == 0)
                return topics && topics->kind == YAML_LIST ? topics->items[k] : topics;
    }
    return NULL;
}

/* What one filter covers is subscribed once; two that meet only here and there both are. */
static void warn_overlaps(struct config_reader *cr)
{
    const struct gateway_config *c = cr->config;
    for (size_t i = 0; i < c->broker_count; i++) {
        struct source_subscriptions set = {0};
        const char *one, *other;
        for (size_t k = 0; k < c->route_count; k++)
            for (size_t m = 0; m < c->routes[k].filter_count && c->routes[k].broker == &c->brokers[i]; m++)
                source_subscriptions_add(&set, topic_filter_subscription(c->routes[k].filters[m]), 1);
        source_subscriptions_reduce(&set);
        one = source_subscriptions_overlap(&set, &other);
        if (one)
            config_report_warning(
                cr->report, find_topic(cr, &c->brokers[i], other),
                "Some topics match this filter and \"%.200s\" as well, and the broker \"%s\" may send their "
                "messages twice, once for each. One filter that covers both would prevent that.",
                one, c->brokers[i].name);
        source_subscriptions_clear(&set);
    }
}

/* ---- Windows ---- */

static size_t count_held(const struct pipeline_settings *p)
{
    size_t sum = 0;
    for (size_t i = 0; i < p->stage_count; i++)
        sum = p->stages[i].holds_max < SIZE_MAX - sum ? sum + p->stages[i].holds_max : SIZE_MAX;
    return sum;
}

/* Where the stage stands that holds the most. */
static const struct yaml_node *find_holder(const struct config_reader *cr, const struct route_config *route,
                                           const struct pipeline_settings *p)
{
    const struct yaml_node *process = yaml_tree_find(route_node(cr, route), "process");
    size_t most = 0;
    for (size_t i = 1; i < p->stage_count; i++)
        if (p->stages[i].holds_max > p->stages[most].holds_max)
            most = i;
    return process && process->kind == YAML_LIST && most < process->count ? process->items[most] : process;
}

/* Held messages stay in the window: when it is full of them, nothing more is read that could set them free.
 */
static void warn_windows(struct config_reader *cr)
{
    const struct gateway_config *c = cr->config;
    for (size_t i = 0; i < c->route_count; i++) {
        const struct route_config *r = &c->routes[i];
        for (size_t k = 0; k < r->target_count; k++) {
            const struct target_config *t = &r->targets[k];
            size_t held = count_held(&t->pipeline);
            if (held <= (uint64_t)t->delivery.window)
                continue;
            char count[32] = "any number of";
            if (held < SIZE_MAX)
                snprintf(count, sizeof count, "%zu", held);
            config_report_warning(
                cr->report, find_holder(cr, r, &t->pipeline),
                "The stages of this route may hold %s messages, and \"%s\" has only %lld on their way at one "
                "time: when all of those are held, no more are read. Let them hold fewer, or give the target "
                "a larger window.",
                count, t->name, (long long)t->delivery.window);
        }
    }
}

/* ---- Targets that are the same ---- */

static void warn_twice(struct config_reader *cr)
{
    const struct gateway_config *c = cr->config;
    for (size_t i = 0; i < c->route_count; i++) {
        const struct yaml_node *to = yaml_tree_find(route_node(cr, &c->routes[i]), "to");
        for (size_t k = 1; to && to->kind == YAML_LIST && k < to->count; k++)
            for (size_t m = 0; m < k; m++)
                if (yaml_node_fingerprint(to->items[k]) == yaml_node_fingerprint(to->items[m])) {
                    config_report_warning(
                        cr->report, to->items[k],
                        "This target is in the list for the second time, so every message goes there "
                        "twice. Remove one of them.");
                    break;
                }
    }
}

/* ---- Sizes ---- */

static void warn_segment_size(struct config_reader *cr, const char *section, const struct journal_settings *s)
{
    const struct yaml_node *node = yaml_tree_find(yaml_tree_find(cr->root, section), "segment_size");
    if (node && s->segment_size > s->max_size / 4)
        config_report_warning(
            cr->report, node,
            "This is more than a quarter of max_size; a quarter is used. Lower it, or raise max_size.");
}

void gateway_config_warnings_add(struct config_reader *cr)
{
    warn_unused(cr);
    warn_twice(cr);
    warn_segment_size(cr, "journal", &cr->config->journal);
    warn_segment_size(cr, "dead_letters", &cr->config->dead_letters);
    warn_overlaps(cr);
    warn_windows(cr);
    gateway_config_sparkplug_warn(cr);
}
