/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes of a payload to the structs that protoc-c makes of sparkplug_b.proto, guided by protobuf-c's
 * descriptors. protobuf-c's own unpacker has no limits, copies each text, and takes five times as long for
 * the small messages that metrics are. Private to daemon/sparkplug.
 */
#ifndef SPARKPLUG_SPARKPLUG_UNPACKER_H
#define SPARKPLUG_SPARKPLUG_UNPACKER_H

#include "base/arena.h"
#include "base/bytes.h"

struct Spb__Payload;

struct sparkplug_unpacker {
    struct arena *arena;  /* the structs live in it, until it is reset */
    size_t bytes_left;    /* that structs and lists may take */
    size_t elements_left; /* structs and texts */
    bool is_over;         /* one of these has been used up, or messages are nested too deeply */
    size_t damaged_at;    /* the byte of `packed` behind which it is no payload; only when nothing is over */
};

/* Texts are not copied: `packed` must live as long as the payload. Fields that are not in the specification
 * are passed over. A field that comes again counts the last time, or is merged when it is a message (protobuf
 * encoding, "Last One Wins"). NULL: is_over or damaged_at say why. */
struct Spb__Payload *sparkplug_unpacker_run(struct sparkplug_unpacker *u, struct bytes packed);

#endif
