/* SPDX-License-Identifier: Apache-2.0
 *
 * See mqtt_subscriptions.h.
 */
#include "mqtt/mqtt_subscriptions.h"

#include "base/memory.h"
#include "mqtt/mqtt_link.h"
#include "mqtt/mqtt_packets.h"

#include <mosquitto.h>
#include <stdlib.h>
#include <string.h>

enum { PER_PACKET = 8, UNSPECIFIED_ERROR = 0x80 };

/* Without answer. */
struct packet {
    int packet_id;
    size_t indexes[PER_PACKET]; /* into the request */
    size_t count;
};

struct packets {
    struct packet *items;
    size_t count;
};

struct mqtt_subscriptions {
    int *granted; /* one for each filter of the request */
    size_t count;
    struct packets requested, withdrawn;
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
    free(s->requested.items);
    free(s->withdrawn.items);
    free(s);
}

static void add_packet(struct packets *list, int packet_id, const size_t *indexes, size_t count)
{
    list->items = xrealloc(list->items, (list->count + 1) * sizeof *list->items);
    struct packet *p = &list->items[list->count++];
    *p = (struct packet){.packet_id = packet_id, .count = count};
    memcpy(p->indexes, indexes, count * sizeof *indexes);
}

static bool take_packet(struct packets *list, int packet_id, struct packet *out)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].packet_id != packet_id)
            continue;
        *out = list->items[i];
        list->items[i] = list->items[--list->count];
        return true;
    }
    return false;
}

/* One SUBSCRIBE with the filters that are like the first one not yet sent. */
static enum status send_some(struct mqtt_subscriptions *s, struct mqtt_link *k,
                             const struct mqtt_subscription *subs, size_t count, bool *sent)
{
    char *filters[PER_PACKET];
    size_t indexes[PER_PACKET], n = 0, first = 0;
    while (sent[first])
        first++;
    for (size_t i = first; i < count && n < PER_PACKET; i++) {
        if (sent[i] || subs[i].qos != subs[first].qos || subs[i].no_local != subs[first].no_local)
            continue;
        filters[n] = (char *)(uintptr_t)subs[i].filter;
        indexes[n++] = i;
        sent[i] = true;
    }
    int packet_id = 0;
    enum status status =
        mqtt_link_subscribe(k, filters, (int)n, subs[first].qos, subs[first].no_local, &packet_id);
    if (status == STATUS_OK)
        add_packet(&s->requested, packet_id, indexes, n);
    return status;
}

static bool has_unsent(const bool *sent, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!sent[i])
            return true;
    return false;
}

enum status mqtt_subscriptions_request(struct mqtt_subscriptions *s, struct mqtt_link *k,
                                       const struct mqtt_subscription *subs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (subs[i].qos < 0 || subs[i].qos > 1 ||
            mosquitto_sub_topic_check(subs[i].filter) != MOSQ_ERR_SUCCESS)
            return STATUS_INVALID;
    s->requested.count = 0;
    s->count = count;
    s->granted = xrealloc(s->granted, (count ? count : 1) * sizeof *s->granted);
    bool *sent = xcalloc(count ? count : 1, sizeof *sent);
    enum status status = STATUS_OK;
    while (status == STATUS_OK && has_unsent(sent, count))
        status = send_some(s, k, subs, count, sent);
    free(sent);
    return status;
}

bool mqtt_subscriptions_answer(struct mqtt_subscriptions *s, int packet_id, const int *granted, size_t count,
                               const int **all, size_t *all_count)
{
    struct packet p;
    if (!take_packet(&s->requested, packet_id, &p))
        return false;
    for (size_t i = 0; i < p.count; i++)
        s->granted[p.indexes[i]] = i < count ? granted[i] : UNSPECIFIED_ERROR;
    *all = s->granted;
    *all_count = s->count;
    return s->requested.count == 0;
}

enum status mqtt_subscriptions_withdraw(struct mqtt_subscriptions *s, struct mqtt_link *k,
                                        const char *const *filters, size_t count)
{
    static const size_t no_indexes[PER_PACKET];
    s->withdrawn.count = 0;
    for (size_t i = 0; i < count; i += PER_PACKET) {
        size_t n = count - i < PER_PACKET ? count - i : PER_PACKET;
        int packet_id = 0;
        enum status status =
            mqtt_link_unsubscribe(k, (char *const *)(uintptr_t)(filters + i), (int)n, &packet_id);
        if (status != STATUS_OK)
            return status;
        add_packet(&s->withdrawn, packet_id, no_indexes, n);
    }
    return STATUS_OK;
}

bool mqtt_subscriptions_answer_withdrawn(struct mqtt_subscriptions *s, int packet_id)
{
    struct packet p;
    return take_packet(&s->withdrawn, packet_id, &p) && s->withdrawn.count == 0;
}

void mqtt_subscriptions_clear(struct mqtt_subscriptions *s)
{
    s->requested.count = s->withdrawn.count = 0;
    s->count = 0;
}
