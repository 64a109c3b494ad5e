/* SPDX-License-Identifier: Apache-2.0
 *
 * One route to one target: reads the journal behind its own cursor, runs the pipeline, sends, and moves the
 * cursor when everything made from a record is confirmed, filtered or kept as a dead letter. Rank 5.
 *
 * accepted = delivered + queued + filtered + aggregated + dead_lettered + dropped, at every moment
 * (delivery_counters).
 */
#ifndef DELIVERY_DELIVERY_H
#define DELIVERY_DELIVERY_H

#include "base/error.h"
#include "delivery/delivery_settings.h"
#include "pipeline/pipeline_settings.h"
#include "pipeline/route_table.h"

struct dead_letter_store;
struct delivery;
struct journal;
struct loop;
struct metrics;
struct plugin_host;
struct upstream;

/* What a delivery is made of; everything outlives it. */
struct delivery_parts {
    const char *gateway_id, *route, *target;
    struct route_match match;
    const struct delivery_settings *settings;
    const struct pipeline_settings *pipeline;
    struct upstream *upstream;
    struct journal *journal;
    struct dead_letter_store *dead_letters;
    struct route_table *routes;
    struct plugin_host *plugins;
    struct loop *loop;
    struct metrics *metrics; /* may be NULL */
    bool from_oldest;        /* a new one starts at the oldest record, not at the head */
};

struct delivery_counters {
    uint64_t accepted;
    uint64_t delivered, filtered, aggregated, dead_lettered;
    uint64_t dropped_full, dropped_expired; /* removed by the journal's policy before they were read */
    uint64_t dropped_damaged;               /* counted, and not readable in the journal any more */
    uint64_t dropped_not_routed;            /* accepted by filters that a reload has changed */
    uint64_t retried;                       /* dead letters that came again; part of accepted */
    uint64_t outputs, retries, rejected;    /* answers of the upstream, one for each output */
    int64_t queued;    /* accepted and none of the others; refreshed by delivery_counters() */
    int64_t in_flight; /* outputs that the upstream has and has not answered */
    int64_t held;      /* items that stages hold */
};

/* Make it, check that its stages can be made; it does not touch the journal yet, so a new generation can be
 * built beside the old. */
struct delivery *delivery_create(const struct delivery_parts *parts, struct error *err);
/* Open the cursor and begin. The name of the cursor is "route:target". */
MUST_CHECK enum status delivery_start(struct delivery *d, struct error *err);
bool delivery_is_running(const struct delivery *d); /* delivery_start() has succeeded */
/* Read no more records; those in flight go on. */
void delivery_stop_reading(struct delivery *d);
/* Nothing is worth waiting for: nothing in flight or on its way to the dead letters, or the upstream is away.
 */
bool delivery_is_idle(const struct delivery *d);
/* What is in flight is forgotten and will be sent again by the next one with this name. NULL is fine. */
void delivery_destroy(struct delivery *d);

enum delivery_retry_result {
    DELIVERY_RETRY_DELIVERED,
    DELIVERY_RETRY_FILTERED,
    DELIVERY_RETRY_AGGREGATED,
    DELIVERY_RETRY_DEAD_LETTERED, /* a new dead letter is durable */
    DELIVERY_RETRY_CANCELLED,     /* the delivery ended first: nothing is known of the message */
};
typedef void (*delivery_retry_fn)(void *ctx, enum delivery_retry_result result);
/* Run a dead letter's record through the pipeline and to the upstream again, beside the records of the
 * cursor and under its old sequence number, so that its id is the same. It counts as accepted once more.
 * `done` follows once, never from inside, and may call delivery_retry() for another. The bytes are copied;
 * the caller keeps the dead letter until `done`. STATUS_BUSY: as many as may be are under way; try again
 * later. STATUS_REFUSED: the delivery is ending. STATUS_NOT_FOUND: the route does not take this topic any
 * more. STATUS_NO_MEMORY. */
MUST_CHECK enum status delivery_retry(struct delivery *d, uint64_t sequence, struct bytes record,
                                      delivery_retry_fn done, void *ctx);

const char *delivery_route(const struct delivery *d);
const char *delivery_target(const struct delivery *d);
const struct delivery_counters *delivery_counters(struct delivery *d);
/* Continue another's counts: a reload must not make counters fall. What the other's filters accepted and ours
 * do not becomes dropped_not_routed as it is passed. Before delivery_start(); the other is only good for
 * delivery_destroy() then. */
void delivery_inherit(struct delivery *d, struct delivery *old);
/* "delivering", "idle", "waiting for the upstream", "retrying: <reason>". */
const char *delivery_state_text(const struct delivery *d);
/* The last reason for a retry, rejection or dead letter; "". */
const char *delivery_last_problem(const struct delivery *d);
uint64_t delivery_confirmed(const struct delivery *d); /* sequence number */

#endif
