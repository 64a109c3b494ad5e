/* SPDX-License-Identifier: Apache-2.0
 *
 * A message as the bytes of a journal record, and back. Little endian; the layout is in message_codec.c.
 * Rank 2.
 */
#ifndef MESSAGE_MESSAGE_CODEC_H
#define MESSAGE_MESSAGE_CODEC_H

#include "base/arena.h"
#include "base/error.h"
#include "message/message.h"

/* Bytes that message_codec_encode() will write. */
size_t message_codec_size(const struct message *m);
/* Write exactly message_codec_size(m) bytes to `out`. */
void message_codec_encode(const struct message *m, uint8_t *out);
/* Borrow from `record`; user properties are an array in `arena`. STATUS_CORRUPT: not a record of ours.
 * STATUS_NO_MEMORY: the arena is full. */
MUST_CHECK enum status message_codec_decode(struct bytes record, struct arena *arena, struct message *m);

#endif
