/* SPDX-License-Identifier: Apache-2.0
 *
 * Which deliveries want a message, and the way of a message into the journal: the message_sink that sources
 * write to. Counts a message for its deliveries once it is durable. Rank 4.
 */
#ifndef PIPELINE_ROUTE_TABLE_H
#define PIPELINE_ROUTE_TABLE_H

#include "base/bytes.h"
#include "message/message_sink.h"

struct route_table;
struct journal;
struct metrics;
struct topic_filter;

/* Which messages a route takes. */
struct route_match {
    struct bytes source; /* broker name */
    struct topic_filter *const *filters;
    size_t filter_count;
};

/* The first filter that takes the message, with its captures (TOPIC_CAPTURES_MAX entries, may be NULL); NULL:
 * none. */
const struct topic_filter *route_match_find(const struct route_match *m, struct bytes source,
                                            struct bytes topic, struct bytes *captures);

struct route_table *route_table_create(struct journal *j, struct metrics *metrics);
void route_table_destroy(struct route_table *t);

/* `on_accepted`: `count` more messages for it are durable, up to record `through`. Owned by the caller until
 * removed. */
struct route_entry {
    struct route_match match;
    void (*on_accepted)(void *ctx, uint64_t count, uint64_t through);
    void *ctx;
    size_t slot; /* the table's */
};
void route_table_add(struct route_table *t, struct route_entry *e);
/* Messages accepted for it and not yet durable are not reported any more: who comes after it counts those up
 * to route_table_newest() on reading. */
void route_table_remove(struct route_table *t, struct route_entry *e);
/* The newest record, durable or not. What an entry added now is told of comes after it. */
uint64_t route_table_newest(const struct route_table *t);

struct message_sink route_table_sink(struct route_table *t);
/* A commit is under way or messages wait for one. */
bool route_table_is_committing(const struct route_table *t);

#endif
