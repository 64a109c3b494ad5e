/* SPDX-License-Identifier: Apache-2.0
 *
 * See source_state.h. Edge nodes compare time stamps: a will that is older than the newest "online" is of an
 * earlier connection, so birth and will of one connection have the same.
 */
#include "ingest/source_state.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "mqtt/mqtt_client.h"
#include "sparkplug/sparkplug_topic.h"

#include <stdio.h>
#include <stdlib.h>

void source_state_init(struct source_state *s, const char *host_id)
{
    *s = (struct source_state){.topic = NULL};
    if (!host_id)
        return;
    const struct sparkplug_topic topic = {.message = SPARKPLUG_STATE, .edge_node = bytes_of_text(host_id)};
    struct buffer text = {0};
    sparkplug_topic_format(&topic, &text);
    s->topic = xstrndup((const char *)text.data, text.len);
    buffer_finish(&text);
}

void source_state_finish(struct source_state *s)
{
    free(s->topic);
    *s = (struct source_state){.topic = NULL};
}

static void format(char *text, size_t size, bool online, int64_t timestamp_ms)
{
    snprintf(text, size, "{\"online\":%s,\"timestamp\":%lld}", online ? "true" : "false",
             (long long)timestamp_ms);
}

void source_state_set_will(struct source_state *s, struct mqtt_will *will)
{
    if (!s->topic)
        return;
    s->is_told = false;
    s->connected_ms = clock_realtime_us() / 1000;
    format(s->will_text, sizeof s->will_text, false, s->connected_ms);
    *will = (struct mqtt_will){
        .topic = s->topic, .payload = bytes_of_text(s->will_text), .qos = 1, .retain = true};
}

static bool publish(const struct source_state *s, struct mqtt_client *c, bool online, int64_t timestamp_ms)
{
    char text[64];
    format(text, sizeof text, online, timestamp_ms);
    const struct mqtt_publish p = {.token = UINT64_MAX,
                                   .topic = bytes_of_text(s->topic),
                                   .payload = bytes_of_text(text),
                                   .content_type = bytes_of_text("application/json"),
                                   .qos = 1,
                                   .retain = true};
    return mqtt_client_publish(c, &p) == STATUS_OK;
}

void source_state_tell_online(struct source_state *s, struct mqtt_client *c)
{
    if (!s->topic || s->is_told || !mqtt_client_is_connected(c))
        return;
    s->is_told = publish(s, c, true, s->connected_ms);
    if (!s->is_told)
        log_warning("ingest", "cannot tell edge nodes on %s that their host application is online", s->topic);
}

void source_state_tell_offline(struct source_state *s, struct mqtt_client *c)
{
    if (!s->topic || !s->is_told || !mqtt_client_is_connected(c))
        return;
    int64_t now_ms = clock_realtime_us() / 1000;
    /* A clock that was set back must not make it older than the birth. */
    (void)publish(s, c, false, now_ms > s->connected_ms ? now_ms : s->connected_ms);
    s->is_told = false;
}

static bool says_offline(struct bytes payload)
{
    return memmem(payload.data, payload.len, "true", 4) == NULL;
}

void source_state_handle_message(struct source_state *s, struct mqtt_client *c, const struct message *m)
{
    if (!s->topic || !s->is_told || !bytes_equal(m->topic, bytes_of_text(s->topic)) ||
        !says_offline(m->payload))
        return;
    s->is_told = false;
    source_state_tell_online(s, c);
}
