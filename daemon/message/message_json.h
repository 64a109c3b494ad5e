/* SPDX-License-Identifier: Apache-2.0
 *
 * A message as JSON for people and tools: dead letters shown, a journal exported. Rank 2.
 */
#ifndef MESSAGE_MESSAGE_JSON_H
#define MESSAGE_MESSAGE_JSON_H

#include "base/json_writer.h"
#include "message/message.h"

/* The members "time", "source", "topic", "qos", "retain" and what else is there, into an open object. */
void message_json_write(struct json_writer *w, const struct message *m);
/* "payload" when the bytes are UTF-8, else "payload_base64". */
void message_json_write_payload(struct json_writer *w, struct bytes payload);
/* RFC 3339; null for 0, when the clock was not valid. */
void message_json_write_time(struct json_writer *w, const char *name, int64_t time_us);

#endif
