/* SPDX-License-Identifier: Apache-2.0
 *
 * Sparkplug B payloads: bytes to the structs that protoc-c makes of sparkplug_b.proto and back. Both halves
 * use it: the host application that reads edge nodes, and the edge node. Unpacking is safe with any bytes;
 * includers that look inside a payload include "sparkplug/sparkplug_b.pb-c.h" as well. Rank 3.
 */
#ifndef SPARKPLUG_SPARKPLUG_PAYLOAD_H
#define SPARKPLUG_SPARKPLUG_PAYLOAD_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"

struct Spb__Payload;
struct Spb__Metric;

/* What one payload may use; 0: the default. */
struct sparkplug_limits {
    size_t payload_bytes;  /* as received: 256 KiB */
    size_t unpacked_bytes; /* of a compressed envelope, and at most 100 times what is in it: 4 MiB */
    size_t memory_bytes;   /* of the structs: 8 MiB, and at most 256 KiB + 64 times the payload */
    size_t elements;       /* metrics, properties, rows, cells, parameters, texts: 65,536 */
};

/* Unpack; everything made lives in `a`, but texts, which stay in `packed`. A compressed envelope is inflated
 * first, into `a`. Messages are nested 100 deep at most. `size` (may be NULL): bytes of the payload,
 * inflated. STATUS_INVALID: not a payload; STATUS_LIMIT: over a limit, or a compressed one in a build without
 * zlib. `err` has the words. */
MUST_CHECK enum status sparkplug_payload_unpack(struct bytes packed, const struct sparkplug_limits *limits,
                                                struct arena *a, struct Spb__Payload **payload, size_t *size,
                                                struct error *err);

/* Append the bytes of `payload`; false: `out` failed. */
MUST_CHECK bool sparkplug_payload_pack(const struct Spb__Payload *payload, struct buffer *out);

/* A payload with no metrics, in `a`; NULL: no memory. `seq` below 0: without. */
struct Spb__Payload *sparkplug_payload_create(uint64_t timestamp_ms, int seq, struct arena *a);
/* Append a metric without value, datatype or alias; `name` is borrowed, empty: without. NULL: no memory. The
 * pointer stays valid. */
struct Spb__Metric *sparkplug_payload_add(struct Spb__Payload *payload, struct bytes name, struct arena *a);

/* The metric with this name, or NULL. */
const struct Spb__Metric *sparkplug_payload_find(const struct Spb__Payload *payload, const char *name);
/* The number in its metric "bdSeq", as int or long; false: there is none. */
bool sparkplug_payload_bdseq(const struct Spb__Payload *payload, uint64_t *bdseq);
/* Whether it has the metric `name` with the boolean value true, as "Node Control/Rebirth" has in a command.
 */
bool sparkplug_payload_is_true(const struct Spb__Payload *payload, const char *name);

#endif
