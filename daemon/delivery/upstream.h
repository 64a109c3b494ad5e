/* SPDX-License-Identifier: Apache-2.0
 *
 * Where messages go: an MQTT broker, a plugin's service, nowhere (null). One upstream serves several
 * deliveries; it takes outputs in order, answers each exactly once, and says when there is room again.
 * Rank 5.
 */
#ifndef DELIVERY_UPSTREAM_H
#define DELIVERY_UPSTREAM_H

#include "base/bytes.h"
#include "base/list.h"
#include "forebay/plugin.h"

struct upstream;
struct upstream_user;

/* The result of an output that could not be sent because the connection is gone: ask again without backoff,
 * since upstream_send() says busy until it is back. */
enum { UPSTREAM_RETRY_AT_ONCE = -1 };

/* One output on its way; owned by the delivery, borrowed by the upstream until answered or cancelled. */
struct outgoing {
    struct fby_output output; /* what plugins see; token is never used twice */
    uint8_t qos;
    bool retain;
    struct upstream_user *user; /* who is told the result */
    struct list link;           /* free for the upstream while it holds it */
};

/* The delivery's side. */
struct upstream_user {
    /* Never called from inside upstream_send(). */
    void (*on_result)(struct upstream_user *u, struct outgoing *o, enum fby_outcome outcome,
                      const char *reason, int64_t retry_after_ms);
    void (*on_ready)(struct upstream_user *u);
    struct list link; /* upstream.users */
};

struct upstream_ops {
    /* Begin to connect; NULL: nothing to begin. An upstream may be made and never started (a reload that is
     * refused). */
    void (*start)(struct upstream *u);
    /* Returns how many were taken, in order. Fewer than `count`: busy, on_ready follows. */
    size_t (*send)(struct upstream *u, struct outgoing *const *items, size_t count);
    /* Forget what was taken from this user and not answered. */
    void (*cancel)(struct upstream *u, struct upstream_user *user);
    void (*destroy)(struct upstream *u);
    /* Say goodbye, without waiting: nothing is sent or answered any more. NULL: nothing to say. */
    void (*stop)(struct upstream *u);
};

/* Base of every upstream; the first member of each kind's struct. */
struct upstream {
    const struct upstream_ops *ops;
    const char *kind; /* "mqtt", "http", … */
    char *name;       /* in the configuration */
    bool connected;
    bool told_lost;                        /* the log says that it is not: once for each time */
    char reason[200];                      /* why not connected, for status; else "" */
    struct list users;                     /* upstream_user.link */
    uint64_t delivered, retried, rejected; /* answers */
};

/* For the kinds. */
void upstream_init(struct upstream *u, const struct upstream_ops *ops, const char *kind, const char *name);
void upstream_finish(struct upstream *u);
/* Count and hand an answer to the outgoing's user. */
void upstream_answer(struct upstream *u, struct outgoing *o, enum fby_outcome outcome, const char *reason,
                     int64_t retry_after_ms);
/* Tell every user that there is room. A different one is first each time, so that none is starved. */
void upstream_tell_ready(struct upstream *u);
/* Remember and log a change. */
void upstream_set_connected(struct upstream *u, bool connected, const char *reason);

void upstream_start(struct upstream *u);
void upstream_stop(struct upstream *u); /* before the end of the program; once more is harmless */

/* For deliveries. */
void upstream_add_user(struct upstream *u, struct upstream_user *user);
void upstream_remove_user(struct upstream *u, struct upstream_user *user); /* cancels */
size_t upstream_send(struct upstream *u, struct outgoing *const *items, size_t count);
void upstream_destroy(struct upstream *u); /* no users left; NULL is fine */

#endif
