/* SPDX-License-Identifier: Apache-2.0
 *
 * From the bytes of a record to what stages see: the message, its captures.
 */
#include "base/log.h"
#include "delivery/delivery_internal.h"
#include "message/message_codec.h"
#include "message/topic_filter.h"

#include <stdlib.h>

static struct fby_bytes to_fby(struct bytes b)
{
    return (struct fby_bytes){(const char *)b.data, b.len};
}

static void fill_view(struct delivery_record *r, uint64_t sequence, const struct message *m,
                      const struct topic_filter *filter, const struct bytes *captures)
{
    size_t count = topic_filter_capture_count(filter);
    for (size_t i = 0; i < count; i++)
        r->captures[i] = (struct fby_pair){to_fby(bytes_of_text(topic_filter_capture_name(filter, i))),
                                           to_fby(captures[i])};
    _Static_assert(sizeof(struct message_property) == sizeof(struct fby_pair), "one is shown as the other");
    r->pipeline.message = (struct fby_message){
        .sequence = sequence,
        .time_us = m->time_us,
        .source = to_fby(m->source),
        .topic = to_fby(m->topic),
        .payload = to_fby(m->payload),
        .content_type = to_fby(m->content_type),
        .response_topic = to_fby(m->response_topic),
        .correlation_data = to_fby(m->correlation_data),
        .properties = (const struct fby_pair *)(const void *)m->properties,
        .property_count = m->property_count,
        .captures = r->captures,
        .capture_count = count,
    };
}

/* Without memory for a few hundred bytes nothing can be done but stop; the record stays in the journal. */
static _Noreturn void stop_without_memory(const struct delivery *d)
{
    log_error("delivery", "%s: out of memory; stopping, so that the service manager starts again with less",
              d->cursor_name);
    abort();
}

struct delivery_record *delivery_record_create(struct delivery *d, struct delivery_batch *b,
                                               uint64_t sequence, struct bytes bytes, struct message *m)
{
    struct bytes captures[TOPIC_CAPTURES_MAX];
    enum status result = message_codec_decode(bytes, &b->arena, m);
    if (result == STATUS_NO_MEMORY)
        stop_without_memory(d);
    if (result != STATUS_OK) {
        *m = (struct message){0};
        log_limited(
            10000, LOG_LEVEL_ERROR, "delivery",
            "%s: record %llu is not a message of this version and is passed over; it stays in the journal "
            "until its segment is removed",
            d->cursor_name, (unsigned long long)sequence);
        return NULL;
    }
    const struct topic_filter *filter = route_match_find(&d->parts.match, m->source, m->topic, captures);
    if (!filter)
        return NULL;
    size_t size =
        sizeof(struct delivery_record) + topic_filter_capture_count(filter) * sizeof(struct fby_pair);
    struct delivery_record *r = arena_calloc(&b->arena, 1, size);
    if (!r)
        stop_without_memory(d);
    r->delivery = d;
    r->batch = b;
    r->raw = bytes;
    r->pipeline.arena = &b->arena;
    list_init(&r->link);
    list_init(&r->dead_link);
    fill_view(r, sequence, m, filter, captures);
    return r;
}
