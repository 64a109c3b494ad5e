/* SPDX-License-Identifier: Apache-2.0
 *
 * See message_json.h. Properties are a list of pairs, since MQTT lets a name come more than once.
 */
#include "message/message_json.h"

#include "base/clock.h"
#include "base/utf8.h"

static void write_optional(struct json_writer *w, const char *name, struct bytes text)
{
    if (text.len)
        json_writer_add_bytes(w, name, text);
}

static void write_properties(struct json_writer *w, const struct message *m)
{
    if (m->property_count == 0)
        return;
    json_writer_begin_list(w, "properties");
    for (size_t i = 0; i < m->property_count; i++) {
        json_writer_begin_list(w, NULL);
        json_writer_add_bytes(w, NULL, m->properties[i].name);
        json_writer_add_bytes(w, NULL, m->properties[i].text);
        json_writer_end_list(w);
    }
    json_writer_end_list(w);
}

void message_json_write_time(struct json_writer *w, const char *name, int64_t time_us)
{
    char text[32];
    if (time_us)
        clock_format_rfc3339(time_us, text, sizeof text);
    json_writer_add_text(w, name, time_us ? text : NULL);
}

void message_json_write_payload(struct json_writer *w, struct bytes payload)
{
    if (utf8_is_valid(payload))
        json_writer_add_bytes(w, "payload", payload);
    else
        json_writer_add_base64(w, "payload_base64", payload);
}

void message_json_write(struct json_writer *w, const struct message *m)
{
    message_json_write_time(w, "time", m->time_us);
    json_writer_add_bytes(w, "source", m->source);
    json_writer_add_bytes(w, "topic", m->topic);
    json_writer_add_uint(w, "qos", m->qos);
    json_writer_add_bool(w, "retain", m->retain);
    write_optional(w, "content_type", m->content_type);
    write_optional(w, "response_topic", m->response_topic);
    if (m->correlation_data.len)
        json_writer_add_base64(w, "correlation_data_base64", m->correlation_data);
    write_properties(w, m);
    message_json_write_payload(w, m->payload);
}
