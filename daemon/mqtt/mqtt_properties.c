/* SPDX-License-Identifier: Apache-2.0
 *
 * See mqtt_properties.h.
 */
#include "mqtt/mqtt_properties.h"

#include "mqtt/mqtt_packets.h"

#include <mqtt_protocol.h>
#include <stdlib.h>

static struct bytes read_text(const mosquitto_property *list, int identifier)
{
    char *text = NULL;
    if (!mosquitto_property_read_string(list, identifier, &text, false) || !text)
        return bytes_of(NULL, 0);
    return bytes_of_text(text);
}

static void read_user(struct mqtt_properties *p, const mosquitto_property *list)
{
    char *name = NULL, *text = NULL;
    const mosquitto_property *at =
        mosquitto_property_read_string_pair(list, MQTT_PROP_USER_PROPERTY, &name, &text, false);
    while (at) {
        if (p->user_count < MESSAGE_PROPERTIES_MAX) {
            p->user[p->user_count++] = (struct message_property){bytes_of_text(name), bytes_of_text(text)};
        } else {
            p->left_out++;
            free(name);
            free(text);
        }
        at = mosquitto_property_read_string_pair(at, MQTT_PROP_USER_PROPERTY, &name, &text, true);
    }
}

void mqtt_properties_read(struct mqtt_properties *p, const mosquitto_property *list, struct message *m)
{
    p->user_count = p->left_out = 0;
    p->content_type = read_text(list, MQTT_PROP_CONTENT_TYPE);
    p->response_topic = read_text(list, MQTT_PROP_RESPONSE_TOPIC);
    void *data = NULL;
    uint16_t len = 0;
    mosquitto_property_read_binary(list, MQTT_PROP_CORRELATION_DATA, &data, &len, false);
    p->correlation_data = bytes_of(data, len);
    read_user(p, list);
    m->content_type = p->content_type;
    m->response_topic = p->response_topic;
    m->correlation_data = p->correlation_data;
    m->properties = p->user;
    m->property_count = p->user_count;
}

static void free_bytes(struct bytes *b)
{
    free((void *)(uintptr_t)b->data);
    *b = bytes_of(NULL, 0);
}

void mqtt_properties_clear(struct mqtt_properties *p)
{
    for (size_t i = 0; i < p->user_count; i++) {
        free_bytes(&p->user[i].name);
        free_bytes(&p->user[i].text);
    }
    p->user_count = 0;
    free_bytes(&p->content_type);
    free_bytes(&p->response_topic);
    free_bytes(&p->correlation_data);
}

/* A NUL-terminated copy at the end of `scratch`, or NULL when MQTT has no such string. */
static const char *terminate(struct buffer *scratch, struct bytes text)
{
    if (text.len > UINT16_MAX || (text.len && memchr(text.data, 0, text.len)))
        return NULL;
    if (text.len && mosquitto_validate_utf8((const char *)text.data, (int)text.len) != MOSQ_ERR_SUCCESS)
        return NULL;
    size_t begin = scratch->len;
    buffer_add(scratch, text.data, text.len);
    buffer_add_byte(scratch, 0);
    return scratch->failed ? NULL : (const char *)scratch->data + begin;
}

static void add_text(mosquitto_property **list, int identifier, struct bytes text, struct buffer *scratch,
                     uint64_t *left_out)
{
    if (text.len == 0)
        return;
    buffer_clear(scratch);
    const char *terminated = terminate(scratch, text);
    if (!terminated || mosquitto_property_add_string(list, identifier, terminated) != MOSQ_ERR_SUCCESS)
        ++*left_out;
}

static void add_user(mosquitto_property **list, const struct message_property *property,
                     struct buffer *scratch, uint64_t *left_out)
{
    buffer_clear(scratch);
    /* The second copy may move the first: take the name again after it. */
    bool ok = terminate(scratch, property->name) != NULL;
    const char *text = ok ? terminate(scratch, property->text) : NULL;
    if (!text || mosquitto_property_add_string_pair(list, MQTT_PROP_USER_PROPERTY,
                                                    (const char *)scratch->data, text) != MOSQ_ERR_SUCCESS)
        ++*left_out;
}

mosquitto_property *mqtt_properties_build(const struct mqtt_publish *publish, struct buffer *scratch,
                                          uint64_t *left_out)
{
    mosquitto_property *list = NULL;
    add_text(&list, MQTT_PROP_CONTENT_TYPE, publish->content_type, scratch, left_out);
    add_text(&list, MQTT_PROP_RESPONSE_TOPIC, publish->response_topic, scratch, left_out);
    struct bytes data = publish->correlation_data;
    if (data.len &&
        (data.len > UINT16_MAX || mosquitto_property_add_binary(&list, MQTT_PROP_CORRELATION_DATA, data.data,
                                                                (uint16_t)data.len) != MOSQ_ERR_SUCCESS))
        ++*left_out;
    for (size_t i = 0; i < publish->property_count; i++)
        add_user(&list, &publish->properties[i], scratch, left_out);
    return list;
}
