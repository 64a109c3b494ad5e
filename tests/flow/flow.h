/* SPDX-License-Identifier: Apache-2.0
 *
 * The chain in one process for flow tests: a real journal in a temporary directory, the route table,
 * deliveries and an upstream that the test answers for. Messages are put in as a source would.
 */
#ifndef TESTS_FLOW_FLOW_H
#define TESTS_FLOW_FLOW_H

#include "delivery/dead_letter.h"
#include "delivery/delivery.h"
#include "delivery/upstream_null.h"
#include "journal/journal.h"
#include "loop/loop.h"
#include "message/topic_filter.h"
#include "metrics/metrics.h"
#include "pipeline/route_table.h"
#include "plugin/plugin_host.h"

enum { FLOW_OUTPUTS = 20000 };

struct flow {
    char directory[64];
    struct journal_settings settings;
    struct loop *loop;
    struct metrics *metrics;
    struct plugin_host *plugins;
    struct journal *journal, *dead_journal;
    struct dead_letter_store *dead_letters;
    struct route_table *routes;
    struct upstream *upstream;
    struct topic_filter *filter;
    struct delivery_settings delivery_settings;
    struct pipeline_settings pipeline_settings;
    const struct pipeline_settings *pipeline; /* of the next delivery; at first the above */
    const struct fby_plugin *stage_plugin;    /* the stage of pipeline_settings; NULL: none */
    struct plugin *stage;                     /* loaded by flow_open() */
    struct stage_settings stage_settings;
    struct delivery *delivery;
    /* What the upstream got, in order: "topic payload". */
    char *outputs[FLOW_OUTPUTS];
    size_t output_count;
    /* How it answers; NULL: everything is delivered. */
    enum fby_outcome (*answer)(struct flow *f, const struct fby_output *o);
    /* Instead of the above and of `outputs`: the test answers when it likes, with upstream_answer(). */
    void (*handle)(struct flow *f, struct upstream *u, struct outgoing *o);
    int committed, commit_failures;
};

/* Begin with an empty directory; `filter` is the route's. */
void flow_create(struct flow *f, const char *filter);
/* Open everything (again); the answer and the outputs stay. */
void flow_open(struct flow *f);
/* In order, as at SIGTERM. */
void flow_close(struct flow *f);
/* As a reload that changes the route's filter: the old delivery is replaced. */
void flow_reload(struct flow *f, const char *filter);
/* One more delivery of the same route and upstream, started. The caller destroys it before flow_close(). */
struct delivery *flow_add_delivery(struct flow *f, const char *target, const struct delivery_settings *s);
/* Without writing anything more: the journal directory is copied as it is, and the next flow_open() reads the
 * copy. */
void flow_crash(struct flow *f);
void flow_destroy(struct flow *f);
/* Both for cmocka: *state becomes a chain with the filter "a/#", and goes again. */
int flow_set_up(void **state);
int flow_tear_down(void **state);

enum status flow_accept(struct flow *f, const char *topic, const char *payload);
void flow_commit(struct flow *f); /* and wait for it */
/* Accept and commit "payload-N" for N from first on. */
void flow_publish(struct flow *f, const char *topic, unsigned first, unsigned count);
/* Turn the loop until the counter identity is at rest (nothing queued), at most a few seconds; false when it
 * is not. */
bool flow_settle(struct flow *f);
/* Turn the loop so long that what can happen has happened. */
void flow_turn(struct flow *f, unsigned turns);
/* accepted = delivered + queued + filtered + aggregated + dead_lettered + dropped, and queued is not
 * negative. */
void flow_check_counters(struct flow *f);
/* Dead letters now. */
uint64_t flow_dead_letters(struct flow *f);

#endif
