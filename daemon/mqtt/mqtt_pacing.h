/* SPDX-License-Identifier: Apache-2.0
 *
 * How much to let the socket collect before the next read. Reading each packet as it comes costs several
 * times the CPU of reading twenty at once; waiting for a fixed time would let a broker stand still whose
 * window is full. So the next read waits until a number of bytes is there, at most MQTT_PACING_US, and the
 * number is learnt: what came in that time is as much as the broker sends without an acknowledgement, or
 * more.
 */
#ifndef MQTT_MQTT_PACING_H
#define MQTT_MQTT_PACING_H

#include <stdbool.h>
#include <stddef.h>

enum { MQTT_PACING_US = 1000, MQTT_PACING_BYTES_MAX = 32 * 1024 };

/* Zero-initialised is fresh. */
struct mqtt_pacing {
    size_t batch_bytes; /* what to wait for; 0: not known yet */
    bool waited;        /* the read that came last was waited for */
    bool timed_out;     /* and the time ended it, not the bytes */
};

/* After a read of `bytes`. */
void mqtt_pacing_learn(struct mqtt_pacing *p, size_t bytes);
/* Before the next read, when `messages` came with the last one and `waiting_bytes` have come since: how many
 * bytes to wait for. 1: read as soon as there is anything. */
size_t mqtt_pacing_for_messages(struct mqtt_pacing *p, unsigned messages, size_t waiting_bytes);
/* The same for a connection that brings only acknowledgements, of which `expected` are outstanding;
 * `blocked`: more is to be published and the window is full. */
size_t mqtt_pacing_for_answers(struct mqtt_pacing *p, unsigned answers, size_t bytes, size_t expected,
                               bool blocked);

#endif
