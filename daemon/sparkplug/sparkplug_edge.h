/* SPDX-License-Identifier: Apache-2.0
 *
 * The state of one edge node: which metrics it has told the hosts of, with datatype and alias, the sequence
 * number, and which births are due. Makes the packets; who publishes them is the caller's business, in the
 * order in which they are made. No time but what is given, no loop, no connection. Rank 3.
 *
 * A message with a metric that was not in the last birth, or with a new datatype, makes a new birth: of its
 * device, or for the node itself of all. Such a birth carries the message's values, so it is delivered by it.
 */
#ifndef SPARKPLUG_SPARKPLUG_EDGE_H
#define SPARKPLUG_SPARKPLUG_EDGE_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"
#include "sparkplug/sparkplug_topic.h"

#include <stdint.h>

enum {
    SPARKPLUG_EDGE_METRICS_MAX = 65536,    /* of the node and all devices */
    SPARKPLUG_EDGE_VALUE_BYTES_MAX = 4096, /* a larger metric is null in births */
};

struct sparkplug_edge;

struct sparkplug_edge_settings {
    const char *group, *edge_node;
    bool aliases;                /* births number the metrics, data has the numbers only */
    bool datatypes;              /* in data as well as in births */
    int64_t historical_after_ms; /* what arrived so long ago is marked as historical; 0: nothing is */
};

struct sparkplug_now {
    int64_t real_ms;   /* since 1970; goes into packets */
    int64_t steady_ms; /* never goes back; for silence */
};

/* Valid until the next call for this edge node. `payload` is empty when memory ran out: it cannot be sent at
 * present, and is made again. */
struct sparkplug_edge_packet {
    enum sparkplug_message message;
    struct bytes topic, payload;
};

struct sparkplug_edge_counters {
    uint64_t node_births, device_births, data, device_deaths;
    uint64_t historical; /* messages */
    uint64_t new_types;  /* metrics that changed their datatype */
    uint64_t untyped;    /* null metrics left out, since nobody knows their type yet */
    int64_t devices;     /* alive */
    int64_t metrics;     /* known */
    int64_t bdseq;
};

/* `s` must outlive it. */
struct sparkplug_edge *sparkplug_edge_create(const struct sparkplug_edge_settings *s);
void sparkplug_edge_destroy(struct sparkplug_edge *e);
const struct sparkplug_edge_counters *sparkplug_edge_counters(const struct sparkplug_edge *e);

/* The NDEATH of the session that `bdseq` numbers. */
void sparkplug_edge_make_death(struct sparkplug_edge *e, uint8_t bdseq, struct sparkplug_now now,
                               struct sparkplug_edge_packet *packet);
/* A session begins: births of the node and of all devices that are alive are due. */
void sparkplug_edge_begin(struct sparkplug_edge *e, uint8_t bdseq, struct sparkplug_now now);
/* A host asks for all births again, in the same session. */
void sparkplug_edge_rebirth(struct sparkplug_edge *e);

/* The next birth that is due; false: none is. */
bool sparkplug_edge_next_birth(struct sparkplug_edge *e, struct sparkplug_now now,
                               struct sparkplug_edge_packet *packet);
/* The packet for a draft (sparkplug_draft.h) of a device, or of the node when `device` is empty.
 * STATUS_BUSY: births are due, publish those and offer it again. STATUS_INVALID: no device's id, or not a
 * draft; STATUS_LIMIT: too many metrics; `err` says why. STATUS_END: nothing to publish, since all of it is
 * null and of no known type. */
MUST_CHECK enum status sparkplug_edge_offer(struct sparkplug_edge *e, struct bytes device, struct bytes draft,
                                            int64_t arrival_ms, struct sparkplug_now now,
                                            struct sparkplug_edge_packet *packet, struct error *err);
/* The DDEATH of a device that has said nothing for so long; false: there is none. */
bool sparkplug_edge_next_silent(struct sparkplug_edge *e, int64_t timeout_ms, struct sparkplug_now now,
                                struct sparkplug_edge_packet *packet);

/* What became of the packet that was made last: it was handed to the connection, or it can never be (too
 * large); then the metrics of a birth are forgotten, so that others of the node can go on. A packet of which
 * neither is told is made again. */
void sparkplug_edge_sent(struct sparkplug_edge *e);
void sparkplug_edge_refused(struct sparkplug_edge *e);

#endif
