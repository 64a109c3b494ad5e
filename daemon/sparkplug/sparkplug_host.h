/* SPDX-License-Identifier: Apache-2.0
 *
 * The host application's view of all edge nodes: which session a message belongs to, whether it is its turn,
 * who is online, when a rebirth has to be asked for. Knows no stage, no loop and no clock: times come as
 * arguments, and what it decides goes out by callbacks, in order, also during sparkplug_host_take(). Private
 * to daemon/sparkplug.
 */
#ifndef SPARKPLUG_SPARKPLUG_HOST_H
#define SPARKPLUG_SPARKPLUG_HOST_H

#include "base/error.h"
#include "sparkplug/sparkplug_node.h"
#include "sparkplug/sparkplug_topic.h"

struct Spb__Payload;
struct sparkplug_host;

struct sparkplug_host_settings {
    int64_t reorder_us; /* how long a message waits for those before it */
    size_t reorder_max; /* messages of one node that wait */
    bool asks_rebirth;
    int64_t rebirth_interval_us; /* between two requests to one node */
    bool passes_unknown;         /* messages whose birth is not known are delivered, not refused */
    size_t nodes_max, state_max;
};

/* One message; borrowed for the call. */
struct sparkplug_arrival {
    struct sparkplug_topic topic;
    const struct Spb__Payload *payload;
    size_t size;       /* bytes of the payload, inflated when it was compressed */
    uint64_t sequence; /* in the journal */
    uint64_t digest;   /* of topic and payload */
    void *token;       /* of the caller */
};

enum sparkplug_change { SPARKPLUG_NO_CHANGE, SPARKPLUG_ONLINE, SPARKPLUG_OFFLINE };

struct sparkplug_decision {
    enum { SPARKPLUG_DELIVER, SPARKPLUG_DROP, SPARKPLUG_REFUSE } verdict;
    const char *reason;                  /* DROP, REFUSE; lives for the call */
    const struct sparkplug_birth *birth; /* what aliases mean; NULL: nothing is known */
    enum sparkplug_change change;        /* of what the message is about */
    struct sparkplug_node *node;         /* NULL: not supervised (commands) */
    uint64_t sequence; /* of a node: its devices that were alive before it, and are not now, are offline */
    int missing_seq;   /* the number that was waited for in vain; -1: none */
    bool changed;      /* the state is another one now, and the message must wait until it is saved */
};

struct sparkplug_host_events {
    void (*on_decision)(void *ctx, const struct sparkplug_arrival *a, const struct sparkplug_decision *d);
    /* The message that is held under `token` is wanted again; false: it cannot be read any more. */
    bool (*reopen)(void *ctx, void *token, struct sparkplug_arrival *a);
    /* `token` is of a message of that node, for the broker it came from. False: it could not be asked for. */
    bool (*on_rebirth_wanted)(void *ctx, const struct sparkplug_node *node, void *token);
};

struct sparkplug_host_counters {
    uint64_t held, missing, unknown, late_deaths, repeated;
    uint64_t equal_aliases; /* births that give one alias to several metrics */
};

struct sparkplug_host *sparkplug_host_create(const struct sparkplug_host_settings *s,
                                             const struct sparkplug_host_events *events, void *ctx);
/* What is held is forgotten. */
void sparkplug_host_destroy(struct sparkplug_host *h);

/* A message: decided now, or held and decided later. */
void sparkplug_host_take(struct sparkplug_host *h, const struct sparkplug_arrival *a, int64_t now_us);
/* Decide what has waited long enough. Returns the time of the next, or -1. */
int64_t sparkplug_host_tick(struct sparkplug_host *h, int64_t now_us);
/* What is held; grows only during sparkplug_host_take(). */
size_t sparkplug_host_held_count(const struct sparkplug_host *h);

/* For the state. */
struct sparkplug_nodes *sparkplug_host_nodes(struct sparkplug_host *h);
const struct sparkplug_host_counters *sparkplug_host_counters(const struct sparkplug_host *h);

#endif
