/* SPDX-License-Identifier: Apache-2.0
 *
 * The outputs of one delivery on their way through its upstream: kept in order, sent again with backoff, told
 * apart when they end.
 */
#ifndef DELIVERY_DELIVERY_SENDER_H
#define DELIVERY_DELIVERY_SENDER_H

#include "base/backoff.h"
#include "delivery/upstream.h"

struct delivery_sender;
struct loop;
struct loop_timer;

/* One output. Filled by the delivery (outgoing.output, qos, retain, ctx); lives in its batch until it ended.
 */
struct delivery_output {
    struct outgoing outgoing;
    uint64_t order;
    void *ctx;
    struct list link; /* delivery_sender.ready, .sent or .again */
};

struct delivery_sender_events {
    /* The output has ended: its memory may go. */
    void (*on_delivered)(void *ctx, struct delivery_output *o);
    void (*on_rejected)(void *ctx, struct delivery_output *o, const char *reason);
    /* Everything given was sent: more may come. Also after answers. */
    void (*on_room)(void *ctx);
};

struct delivery_sender {
    struct upstream_user user;
    struct upstream *upstream;
    const struct delivery_sender_events *events;
    void *ctx;
    struct loop_timer *timer;
    struct backoff backoff;
    struct list ready; /* delivery_output.link: not sent, in order */
    struct list sent;  /* delivery_output.link: with the upstream */
    struct list again; /* delivery_output.link: to be sent again, in order */
    size_t sent_count;
    uint64_t next_order;
    int64_t wait_ms; /* the longest wait that an answer asked for since the last success */
    bool busy;       /* the upstream took fewer than offered; on_ready follows */
    bool waiting;    /* for the timer */
    uint64_t retries, rejected, outputs;
    char problem[200]; /* the last reason, for status */
};

/* The three counts stay as they are. */
void delivery_sender_init(struct delivery_sender *s, struct upstream *u, struct loop *l, int64_t retry_min_ms,
                          int64_t retry_max_ms, const struct delivery_sender_events *events, void *ctx);
/* Outputs with the upstream are taken back; none is told. */
void delivery_sender_finish(struct delivery_sender *s);

void delivery_sender_add(struct delivery_sender *s, struct delivery_output *o);
/* Offer what is ready to the upstream. */
void delivery_sender_flush(struct delivery_sender *s);
/* Is there nothing more to offer and the upstream willing? Then it is worth reading records. */
bool delivery_sender_has_room(const struct delivery_sender *s);
bool delivery_sender_is_empty(const struct delivery_sender *s);
/* What it has will not be confirmed soon: the upstream is away, or has nothing and asked to wait. */
bool delivery_sender_is_stuck(const struct delivery_sender *s);

#endif
