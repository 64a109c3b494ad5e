/* SPDX-License-Identifier: Apache-2.0
 *
 * The gateway's own struct, shared by gateway.c, gateway_reload.c and gateway_status.c and nobody else.
 * Rank 6.
 */
#ifndef GATEWAY_PARTS_H
#define GATEWAY_PARTS_H

#include "gateway_states.h"
#include "generation.h"
#include "metrics/metrics.h"

struct admin_request;
struct admin_server;
struct gateway_dead_letters;
struct gateway_last_good;
struct gateway_reload;
struct loop_signal;
struct loop_timer;
struct service_manager;

struct gateway_counters {
    uint64_t reloads, reload_failures;
    int64_t start_time_s;
};

/* How long the turns of the loop took, and how much of that was the daemon's own doing. */
struct gateway_turns {
    struct histogram all, own;
};

struct gateway {
    const char *config_path;
    struct loop *loop;
    struct metrics *metrics;
    struct plugin_host *plugins;
    struct journal *journal, *dead_journal;
    struct gateway_dead_letters *dead_letters; /* requests about them */
    struct admin_server *admin;
    struct service_manager *service;
    struct generation_parts parts; /* what generations borrow */
    struct generation *generation;
    struct gateway_last_good *last_good;
    struct gateway_reload *reload; /* NULL: none is under way */
    struct loop_signal *signals[3];
    struct loop_timer *drain_timer, *status_timer;
    struct gateway_counters counters;
    struct gateway_states states;
    struct gateway_turns turns;
    int64_t started_us; /* monotonic */
    int64_t drain_deadline_us;
    bool stopping;
    char *broken; /* what is wrong with the file since the start; NULL: nothing */
    int exit_code;
};

#endif
