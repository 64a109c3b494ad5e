/* SPDX-License-Identifier: Apache-2.0
 *
 * Dead letters that come again: each is a record with a batch of its own, which goes the way of the others
 * but stands in no window and moves no cursor.
 */
#include "delivery/delivery_internal.h"
#include "journal/journal.h"
#include "loop/loop.h"
#include "message/message.h"

#include <stdlib.h>

enum { RETRIES_MAX = 64, BYTES_MAX = 2 << 20 };

struct delivery_retry {
    delivery_retry_fn done;
    void *ctx;
};

static enum delivery_retry_result result_of(const struct delivery_record *r)
{
    switch (r->answer) {
    case PIPELINE_PASSED:
        return DELIVERY_RETRY_DELIVERED;
    case PIPELINE_FILTERED:
        return DELIVERY_RETRY_FILTERED;
    case PIPELINE_AGGREGATED:
        return DELIVERY_RETRY_AGGREGATED;
    case PIPELINE_FAILED:
        break;
    }
    return DELIVERY_RETRY_DEAD_LETTERED;
}

static void finish(struct delivery *d, struct delivery_record *r, enum delivery_retry_result result)
{
    struct delivery_retry *retry = r->retry;
    list_remove(&r->link);
    d->retry_count--;
    d->retry_bytes -= r->raw.len;
    delivery_batch_give(&d->batches, r->batch);
    retry->done(retry->ctx, result);
    free(retry);
}

void delivery_retry_finish_done(struct delivery *d)
{
    list_for_each_safe(r, &d->retries, struct delivery_record, link)
    {
        if (r->state == RECORD_DONE)
            finish(d, r, result_of(r));
    }
}

void delivery_retry_cancel_all(struct delivery *d)
{
    delivery_retry_finish_done(d);
    list_for_each_safe(r, &d->retries, struct delivery_record, link)
    {
        finish(d, r, DELIVERY_RETRY_CANCELLED);
    }
}

enum status delivery_retry(struct delivery *d, uint64_t sequence, struct bytes record, delivery_retry_fn done,
                           void *ctx)
{
    if (!d->started || d->stopped)
        return STATUS_REFUSED;
    if (d->retry_count >= RETRIES_MAX || (d->retry_count && d->retry_bytes + record.len > BYTES_MAX) ||
        !list_is_empty(&d->dead_waiting))
        return STATUS_BUSY;
    struct delivery_batch *b = delivery_batch_take(&d->batches);
    uint8_t *copy = arena_alloc(&b->arena, record.len);
    struct delivery_record *r = NULL;
    struct message m;
    if (copy) {
        memcpy(copy, record.data, record.len);
        r = delivery_record_create(d, b, sequence, bytes_of(copy, record.len), &m);
    }
    if (!r) {
        delivery_batch_give(&d->batches, b);
        return copy ? STATUS_NOT_FOUND : STATUS_NO_MEMORY;
    }
    r->retry = xcalloc(1, sizeof *r->retry);
    *r->retry = (struct delivery_retry){done, ctx};
    b->open = 1;
    b->bytes = record.len;
    list_add(&d->retries, &r->link);
    d->retry_count++;
    d->retry_bytes += record.len;
    d->counters.accepted++;
    d->counters.retried++;
    struct pipeline_record *run = &r->pipeline;
    pipeline_run(d->pipeline, &run, 1);
    delivery_schedule_pump(d);
    return STATUS_OK;
}
