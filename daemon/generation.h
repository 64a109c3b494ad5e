/* SPDX-License-Identifier: Apache-2.0
 *
 * Everything that one reading of the configuration made: upstreams, deliveries, sources. A reload builds the
 * next generation beside the running one, moves over what did not change, and lets the rest go. Rank 6.
 */
#ifndef GENERATION_H
#define GENERATION_H

#include "base/bytes.h"
#include "base/error.h"
#include "gateway_config.h"
#include "message/message_sink.h"

struct dead_letter_store;
struct delivery;
struct journal;
struct loop;
struct metrics;
struct route_table;
struct source_mqtt;
struct upstream;

/* What outlives all generations. */
struct generation_parts {
    struct loop *loop;
    struct metrics *metrics;
    struct plugin_host *plugins;
    struct journal *journal;
    struct dead_letter_store *dead_letters;
    struct route_table *routes;
    struct message_sink sink; /* of the route table */
};

struct generation;

/* Takes `config` over. Makes what `old` (may be NULL) does not have unchanged; nothing runs yet and `old` is
 * not touched. NULL: `err` says why, and `config` is destroyed. */
struct generation *generation_build(const struct generation_parts *parts, struct gateway_config *config,
                                    const struct generation *old, struct error *err);
/* Let the parts of `old` that will not be taken over read no more, so that their windows run empty. */
void generation_stop_changed(struct generation *old, const struct generation *next);
/* True when those parts have nothing in flight. */
bool generation_is_idle(const struct generation *old, const struct generation *next);
/* Let the sources that will not be taken over read no more. True when each has had acknowledged what it read;
 * until then call it again. Sources that follow on the same session then begin where these ended. */
bool generation_stop_changed_sources(struct generation *old, const struct generation *next);
/* Move unchanged parts from `old` (may be NULL), destroy the rest of it and `old`, start what is new.
 * Problems are logged. */
void generation_start(struct generation *g, struct generation *old);

/* Shutting down: sources go first, then deliveries run empty. False: a commit is under way whose messages are
 * acknowledged when it ends; call it again. */
bool generation_stop_sources(struct generation *g);
void generation_stop_all(struct generation *g);
void generation_stop_upstreams(struct generation *g); /* when they have run empty, or the time is over */
bool generation_is_all_idle(const struct generation *g);
void generation_destroy(struct generation *g);

/* Publish to a broker over the connection that reads from it, else the one that delivers to it. False: there
 * is none, it is down, or the message is refused. */
struct mqtt_publish;
bool generation_publish(struct generation *g, struct bytes broker, const struct mqtt_publish *p);

/* There is room in the journal again. */
void generation_resume_sources(struct generation *g);

const struct gateway_config *generation_config(const struct generation *g);
size_t generation_source_count(const struct generation *g);
struct source_mqtt *generation_source(const struct generation *g, size_t index);
const char *generation_source_name(const struct generation *g, size_t index);
size_t generation_upstream_count(const struct generation *g);
struct upstream *generation_upstream(const struct generation *g, size_t index);
size_t generation_delivery_count(const struct generation *g);
struct delivery *generation_delivery(const struct generation *g, size_t index);

#endif
