/* SPDX-License-Identifier: Apache-2.0
 *
 * See mqtt_pacing.h.
 */
#include "mqtt/mqtt_pacing.h"

enum { BYTES_AT_FIRST = 16 * 1024 };

static size_t wait_for(struct mqtt_pacing *p, size_t bytes)
{
    p->waited = bytes > 1;
    p->timed_out = false;
    return bytes > 1 ? bytes : 1;
}

void mqtt_pacing_learn(struct mqtt_pacing *p, size_t bytes)
{
    if (p->waited && p->timed_out && bytes > 0)
        p->batch_bytes = bytes < MQTT_PACING_BYTES_MAX ? bytes : MQTT_PACING_BYTES_MAX;
}

size_t mqtt_pacing_for_messages(struct mqtt_pacing *p, unsigned messages, size_t waiting_bytes)
{
    if (messages <= 1)
        return wait_for(p, 1);
    if (p->batch_bytes == 0)
        p->batch_bytes = BYTES_AT_FIRST;
    /* The bytes ended the wait, and more came before our acknowledgements left: the broker can send more. */
    else if (p->waited && !p->timed_out && waiting_bytes > 0)
        p->batch_bytes *= 2;
    if (p->batch_bytes > MQTT_PACING_BYTES_MAX)
        p->batch_bytes = MQTT_PACING_BYTES_MAX;
    return wait_for(p, p->batch_bytes);
}

size_t mqtt_pacing_for_answers(struct mqtt_pacing *p, unsigned answers, size_t bytes, size_t expected,
                               bool blocked)
{
    if (answers == 0 || expected <= 1)
        return wait_for(p, 1);
    /* Half of them, while we are what holds up the rest: the other half keeps the broker busy meanwhile. */
    size_t count = blocked ? (expected + 1) / 2 : expected;
    return wait_for(p, count * (bytes / answers));
}
