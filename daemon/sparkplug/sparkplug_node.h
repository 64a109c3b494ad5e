/* SPDX-License-Identifier: Apache-2.0
 *
 * What is known of edge nodes and their devices: the births, each with the journal sequence numbers that it
 * is for. A message that comes again, after a crash or from the dead letters, is so read with the birth that
 * was valid for it, and never with a later one. Private to daemon/sparkplug.
 */
#ifndef SPARKPLUG_SPARKPLUG_NODE_H
#define SPARKPLUG_SPARKPLUG_NODE_H

#include "base/list.h"
#include "base/strmap.h"
#include "sparkplug/sparkplug_birth.h"

enum {
    SPARKPLUG_BIRTHS_KEPT = 4,
    SPARKPLUG_DEVICES_MAX = 10000,
    SPARKPLUG_RECENT = 128, /* messages of a node that are known again */
    /* Nodes without a birth: several times as many as may hold messages (sparkplug_host.c), so that those
     * without can be forgotten, and not with every new name. */
    SPARKPLUG_STRANGERS_MAX = 1024,
};

/* From one birth to the next. */
struct sparkplug_section {
    uint64_t from;  /* number of the birth */
    uint64_t death; /* number of the death; 0: alive */
    uint64_t bdseq;
    bool has_bdseq;
    struct sparkplug_birth *birth; /* a reference */
    uint64_t *early;               /* numbers below `from` that belong here: they overtook the birth */
    size_t early_count;
};

/* A device, or the node itself. */
struct sparkplug_device {
    struct bytes name;                                        /* the map's; empty: the node itself */
    struct sparkplug_section sections[SPARKPLUG_BIRTHS_KEPT]; /* newest first */
    size_t section_count;
};

struct sparkplug_node {
    struct bytes group, edge_node; /* point into `key` */
    char *key;                     /* group/edge_node */
    struct strmap devices;         /* struct sparkplug_device by name */
    struct sparkplug_device *self;

    /* Only while running. */
    int expected;     /* next seq; -1: any */
    uint64_t seen;    /* highest number that was handled and not held */
    uint64_t time_ms; /* time stamp of what was handled in its turn last */
    uint32_t *recent; /* digests of what was handled last, by seq; NULL: none yet */
    struct list held; /* of the host, in order of arrival */
    size_t held_count, held_bytes;
    uint64_t births;  /* seen since the start, those of devices, too */
    struct list link; /* sparkplug_host.waiting, while it holds something */
    bool asked;       /* a rebirth was asked for at `asked_us` */
    int64_t asked_us;
};

struct sparkplug_nodes {
    struct strmap map; /* struct sparkplug_node by key */
    size_t size;       /* bytes that the state of all takes, about */
    size_t size_max;
    size_t count_max; /* of nodes with a birth */
    size_t stranger_count;
};

void sparkplug_nodes_init(struct sparkplug_nodes *n, size_t count_max, size_t size_max);
void sparkplug_nodes_finish(struct sparkplug_nodes *n);

/* NULL: it is not known. */
struct sparkplug_node *sparkplug_node_find(const struct sparkplug_nodes *n, struct bytes group,
                                           struct bytes edge_node);
/* Find or add, as a stranger: a node of which no birth is known. Strangers give way to newer ones when they
 * hold nothing; NULL: all of them do. */
struct sparkplug_node *sparkplug_node_add(struct sparkplug_nodes *n, struct bytes group,
                                          struct bytes edge_node);
struct sparkplug_device *sparkplug_node_find_device(const struct sparkplug_node *node, struct bytes name);
struct sparkplug_device *sparkplug_node_add_device(struct sparkplug_nodes *n, struct sparkplug_node *node,
                                                   struct bytes name);

/* What was handled, to be known again; `seq` below 0 is not. */
void sparkplug_node_remember(struct sparkplug_node *node, int seq, uint64_t digest);
void sparkplug_node_forget(struct sparkplug_node *node, int seq);
/* Whether something of that number was, as far as it is known. */
bool sparkplug_node_has_handled(const struct sparkplug_node *node, int seq);
bool sparkplug_node_remembers(const struct sparkplug_node *node, int seq, uint64_t digest);

/* The section that message `sequence` belongs to, dead or alive; NULL: none is known. */
struct sparkplug_section *sparkplug_node_section(struct sparkplug_device *d, uint64_t sequence);
/* The same, when it is alive at that message; of a device only when its node is. */
struct sparkplug_section *sparkplug_node_alive(struct sparkplug_node *node, struct bytes device,
                                               uint64_t sequence);

/* A birth has come: takes the reference of `s`. `early` is copied. `session`: number of the node's birth that
 * it is under; of the node itself 0. A birth that only repeats the running one of its session changes
 * nothing; `changed` tells whether the state is another one now. False: over the limit of size or nodes;
 * nothing has changed. */
bool sparkplug_node_add_section(struct sparkplug_nodes *n, struct sparkplug_node *node,
                                struct sparkplug_device *d, const struct sparkplug_section *s,
                                uint64_t session, bool *changed);

#endif
