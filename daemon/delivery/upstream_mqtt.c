/* SPDX-License-Identifier: Apache-2.0
 *
 * See upstream_mqtt.h. Reason codes of MQTT v5 from 0x80 on are not deliveries (MQTT v5 §2.4, §3.4.2.1).
 */
#include "delivery/upstream_mqtt.h"

#include "loop/loop.h"
#include "mqtt/mqtt_client.h"

#include <stdio.h>
#include <stdlib.h>

struct upstream_mqtt {
    struct upstream base;
    struct mqtt_client *client;
    struct mqtt_client_role role;
    struct loop *loop;
    struct list sent; /* outgoing.link, in order */
    /* The client said no at once, for good or as things are; answered outside of send(). */
    struct list refused, denied; /* outgoing.link */
    bool scheduled;
    struct message_property properties[MESSAGE_PROPERTIES_MAX];
};

static struct upstream_mqtt *mqtt_of(struct upstream *u)
{
    return container_of(u, struct upstream_mqtt, base);
}

/* What the broker will not take at a second try either, from what it may take later. */
static bool is_final_refusal(int reason_code)
{
    switch (reason_code) {
    case 0x87: /* not authorized */
    case 0x90: /* topic name invalid */
    case 0x95: /* packet too large */
    case 0x99: /* payload format invalid */
    case 0x9a: /* retain not supported */
    case 0x9b: /* QoS not supported */
        return true;
    default:
        return false;
    }
}

/* Only those that are in the list now: an answer may bring new ones, and take others back. */
static void answer_all(struct upstream_mqtt *m, struct list *list, enum fby_outcome outcome,
                       const char *reason, int64_t retry_after_ms)
{
    struct list now;
    list_init(&now);
    while (!list_is_empty(list)) {
        struct list *first = list->next;
        list_remove(first);
        list_add(&now, first);
    }
    while (!list_is_empty(&now)) {
        struct outgoing *o = list_first(&now, struct outgoing, link);
        list_remove(&o->link);
        upstream_answer(&m->base, o, outcome, reason, retry_after_ms);
    }
}

static void answer_refusals(void *ctx)
{
    struct upstream_mqtt *m = ctx;
    m->scheduled = false;
    answer_all(m, &m->refused, FBY_REJECTED,
               "the topic cannot be published to, or the message is over the broker's maximum packet size",
               0);
    answer_all(m, &m->denied, FBY_RETRY,
               "the broker takes nothing above QoS 0, which it does not confirm; allow QoS 1 there, or set "
               "qos: 0 for this target",
               0);
}

static void answer_later(struct upstream_mqtt *m, struct list *list, struct outgoing *o)
{
    list_add(list, &o->link);
    if (m->scheduled)
        return;
    m->scheduled = true;
    loop_defer(m->loop, answer_refusals, m);
}

static struct bytes to_bytes(struct fby_bytes b)
{
    return bytes_of(b.data, b.len);
}

static enum status publish(struct upstream_mqtt *m, const struct outgoing *o)
{
    const struct fby_message *from = o->output.message;
    struct mqtt_publish p = {
        .token = o->output.token,
        .topic = to_bytes(o->output.topic),
        .payload = to_bytes(o->output.payload),
        .content_type = to_bytes(o->output.content_type),
        .response_topic = to_bytes(from->response_topic),
        .correlation_data = to_bytes(from->correlation_data),
        .properties = m->properties,
        .property_count = from->property_count,
        .qos = o->qos,
        .retain = o->retain,
    };
    if (p.property_count > MESSAGE_PROPERTIES_MAX)
        p.property_count = MESSAGE_PROPERTIES_MAX;
    for (size_t i = 0; i < p.property_count; i++)
        m->properties[i] =
            (struct message_property){to_bytes(from->properties[i].name), to_bytes(from->properties[i].text)};
    return mqtt_client_publish(m->client, &p);
}

static size_t mqtt_send(struct upstream *u, struct outgoing *const *items, size_t count)
{
    struct upstream_mqtt *m = mqtt_of(u);
    size_t i = 0;
    for (; i < count; i++) {
        enum status result = publish(m, items[i]);
        if (result == STATUS_OK)
            list_add(&m->sent, &items[i]->link);
        else if (result == STATUS_INVALID || result == STATUS_LIMIT)
            answer_later(m, &m->refused, items[i]);
        else if (result == STATUS_REFUSED)
            answer_later(m, &m->denied, items[i]);
        else
            break;
    }
    return i;
}

static void forget(struct list *list, struct upstream_user *user)
{
    list_for_each_safe(o, list, struct outgoing, link)
    {
        if (o->user == user)
            list_remove(&o->link);
    }
}

static void mqtt_cancel(struct upstream *u, struct upstream_user *user)
{
    forget(&mqtt_of(u)->sent, user);
    forget(&mqtt_of(u)->refused, user);
    forget(&mqtt_of(u)->denied, user);
}

static void mqtt_start(struct upstream *u)
{
    mqtt_client_start(mqtt_of(u)->client);
}

static void mqtt_destroy(struct upstream *u)
{
    struct upstream_mqtt *m = mqtt_of(u);
    mqtt_client_destroy(m->client);
    loop_defer_cancel(m->loop, answer_refusals, m);
    upstream_finish(u);
    free(m);
}

static void mqtt_stop(struct upstream *u)
{
    mqtt_client_stop(mqtt_of(u)->client);
}

static const struct upstream_ops mqtt_ops = {mqtt_start, mqtt_send, mqtt_cancel, mqtt_destroy, mqtt_stop};

/* ---- What the client tells ---- */

static void handle_connected(void *ctx, bool session_present)
{
    struct upstream_mqtt *m = ctx;
    (void)session_present;
    upstream_set_connected(&m->base, true, NULL);
    upstream_tell_ready(&m->base);
}

static void handle_disconnected(void *ctx, const char *reason)
{
    struct upstream_mqtt *m = ctx;
    upstream_set_connected(&m->base, false, reason);
    answer_all(m, &m->sent, FBY_RETRY, "the connection was lost", UPSTREAM_RETRY_AT_ONCE);
}

/* Confirmations come in the order of publishing, so the search ends at once; tokens of cancelled outputs are
 * not found. */
static struct outgoing *take_sent(struct upstream_mqtt *m, uint64_t token)
{
    list_for_each(o, &m->sent, struct outgoing, link)
    {
        if (o->output.token != token)
            continue;
        list_remove(&o->link);
        return o;
    }
    return NULL;
}

static void handle_published(void *ctx, uint64_t token, int reason_code, const char *reason)
{
    struct upstream_mqtt *m = ctx;
    struct outgoing *o = take_sent(m, token);
    if (!o)
        return;
    if (reason_code < 0x80) {
        upstream_answer(&m->base, o, FBY_DELIVERED, NULL, 0);
        return;
    }
    char text[200];
    snprintf(text, sizeof text, "the broker refused it: %s (0x%02x)", reason ? reason : "no reason given",
             (unsigned)reason_code);
    upstream_answer(&m->base, o, is_final_refusal(reason_code) ? FBY_REJECTED : FBY_RETRY, text, 0);
}

static void handle_writable(void *ctx)
{
    upstream_tell_ready(&((struct upstream_mqtt *)ctx)->base);
}

static const struct mqtt_client_events client_events = {
    .on_connected = handle_connected,
    .on_disconnected = handle_disconnected,
    .on_published = handle_published,
    .on_writable = handle_writable,
};

bool upstream_mqtt_publish(struct upstream *u, const struct mqtt_publish *p)
{
    struct mqtt_publish own = *p;
    own.token = UINT64_MAX; /* of no output */
    return u->ops == &mqtt_ops && mqtt_client_publish(mqtt_of(u)->client, &own) == STATUS_OK;
}

bool upstream_mqtt_has_id_conflict(const struct upstream *u)
{
    return u->ops == &mqtt_ops && mqtt_client_has_id_conflict(((const struct upstream_mqtt *)u)->client);
}

struct upstream *upstream_mqtt_create(const char *name, const struct mqtt_settings *s, const char *client_id,
                                      const char *gateway, const char *status_topic, struct loop *l,
                                      struct metrics *metrics, struct error *err)
{
    struct upstream_mqtt *m = xcalloc(1, sizeof *m);
    upstream_init(&m->base, &mqtt_ops, "mqtt", name);
    list_init(&m->sent);
    list_init(&m->refused);
    list_init(&m->denied);
    m->loop = l;
    m->role = (struct mqtt_client_role){
        .name = m->base.name, .client_id = client_id, .status_topic = status_topic, .gateway = gateway};
    m->client = mqtt_client_create(s, &m->role, &client_events, m, l, metrics, err);
    if (!m->client) {
        upstream_finish(&m->base);
        free(m);
        return NULL;
    }
    return &m->base;
}
