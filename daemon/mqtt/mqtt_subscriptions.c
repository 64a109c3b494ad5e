/* SPDX-License-Identifier: Apache-2.0
 *
 * See mqtt_subscriptions.h.
 */
#include "mqtt/mqtt_subscriptions.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { UNSPECIFIED_ERROR = 0x80 };

struct packet {
    int packet_id;
    size_t indexes[MQTT_SUBSCRIPTIONS_PER_PACKET];
    size_t count;
};

struct mqtt_subscriptions {
    int *granted; /* one for each filter of the request */
    size_t count;
    struct packet *packets; /* without answer */
    size_t packet_count;
};

struct mqtt_subscriptions *mqtt_subscriptions_create(void)
{
    return xcalloc(1, sizeof(struct mqtt_subscriptions));
}

void mqtt_subscriptions_destroy(struct mqtt_subscriptions *s)
{
    if (!s)
        return;
    free(s->granted);
    free(s->packets);
    free(s);
}

void mqtt_subscriptions_begin(struct mqtt_subscriptions *s, size_t count)
{
    mqtt_subscriptions_clear(s);
    s->granted = xrealloc(s->granted, (count ? count : 1) * sizeof *s->granted);
    s->count = count;
}

void mqtt_subscriptions_add(struct mqtt_subscriptions *s, int packet_id, const size_t *indexes, size_t count)
{
    s->packets = xrealloc(s->packets, (s->packet_count + 1) * sizeof *s->packets);
    struct packet *p = &s->packets[s->packet_count++];
    p->packet_id = packet_id;
    p->count = count;
    memcpy(p->indexes, indexes, count * sizeof *indexes);
}

bool mqtt_subscriptions_answer(struct mqtt_subscriptions *s, int packet_id, const int *granted, size_t count,
                               const int **all, size_t *all_count)
{
    size_t at = 0;
    while (at < s->packet_count && s->packets[at].packet_id != packet_id)
        at++;
    if (at == s->packet_count)
        return false;
    const struct packet *p = &s->packets[at];
    for (size_t i = 0; i < p->count; i++)
        s->granted[p->indexes[i]] = i < count ? granted[i] : UNSPECIFIED_ERROR;
    s->packets[at] = s->packets[--s->packet_count];
    *all = s->granted;
    *all_count = s->count;
    return s->packet_count == 0;
}

void mqtt_subscriptions_clear(struct mqtt_subscriptions *s)
{
    s->packet_count = 0;
    s->count = 0;
}
