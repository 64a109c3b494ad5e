/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a source puts what it received. Implemented by pipeline/route_table, so that ingest knows neither
 * routes nor journal. Rank 2.
 */
#ifndef MESSAGE_MESSAGE_SINK_H
#define MESSAGE_MESSAGE_SINK_H

#include "base/error.h"
#include "message/message.h"

typedef void (*message_sink_committed_fn)(void *ctx, enum status result);

struct message_sink {
    void *self;
    /* STATUS_OK: kept in memory and will be durable after the next commit, or wanted by nobody (counted).
     * STATUS_FULL: no room now; do not acknowledge, drop the connection and wait for `on_room`. What was
     * accepted since the last commit is not kept either: it comes again with the rest of its burst.
     * STATUS_IO: storage failed; the same.
     * STATUS_LIMIT: too large to keep ever; counted and reported by the sink; acknowledge it. */
    enum status (*accept)(void *self, const struct message *m);
    /* Make all accepted durable, then call `done` on the loop, never from inside this call. STATUS_OK:
     * acknowledge. */
    void (*commit)(void *self, message_sink_committed_fn done, void *ctx);
    /* Forget `done` calls for this ctx. */
    void (*cancel)(void *self, void *ctx);
};

#endif
