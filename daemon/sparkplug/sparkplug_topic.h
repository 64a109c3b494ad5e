/* SPDX-License-Identifier: Apache-2.0
 *
 * Topics of Sparkplug B: spBv1.0/GROUP/TYPE/EDGE_NODE[/DEVICE] and spBv1.0/STATE/HOST. Rank 3.
 */
#ifndef SPARKPLUG_SPARKPLUG_TOPIC_H
#define SPARKPLUG_SPARKPLUG_TOPIC_H

#include "base/bytes.h"
#include "base/error.h"

enum sparkplug_message {
    SPARKPLUG_NBIRTH,
    SPARKPLUG_NDEATH,
    SPARKPLUG_NDATA,
    SPARKPLUG_NCMD,
    SPARKPLUG_DBIRTH,
    SPARKPLUG_DDEATH,
    SPARKPLUG_DDATA,
    SPARKPLUG_DCMD,
    SPARKPLUG_STATE,
};

/* Borrows from the topic. */
struct sparkplug_topic {
    enum sparkplug_message message;
    struct bytes group;     /* STATE: empty */
    struct bytes edge_node; /* STATE: the host's id */
    struct bytes device;    /* empty: of the node itself */
};

/* STATUS_INVALID: not a topic of Sparkplug B, the reason in `err` (may be NULL). */
MUST_CHECK enum status sparkplug_topic_parse(struct bytes topic, struct sparkplug_topic *out,
                                             struct error *err);
/* Append the topic's text. */
void sparkplug_topic_format(const struct sparkplug_topic *t, struct buffer *out);

/* "NBIRTH" and so on. */
const char *sparkplug_topic_message_name(enum sparkplug_message m);
/* Messages of devices have a device; of nodes and STATE none. */
bool sparkplug_topic_is_of_device(enum sparkplug_message m);
/* May stand as group, edge node, device or host id: UTF-8, not empty, without + / # and NUL. */
bool sparkplug_topic_is_id(struct bytes id);

#endif
