/* SPDX-License-Identifier: Apache-2.0
 *
 * The counting of one delivery.
 *
 * A record is counted as accepted by the route table when it becomes durable. Records that became durable
 * after the cursor's note was last written (before a crash) or before this delivery existed are counted when
 * they are read.
 *
 * The note says how many of the records up to its mark are open, not which. Each that is met is ticked off; a
 * reload hands on the filters that counted them. What is left when the mark is passed was accepted by filters
 * of before a restart, or is damaged, and is dropped.
 *
 * A dead letter that is retried is accepted once more, and the note does not speak of it: its
 * record stays in the dead-letter store until it has ended.
 */
#include "delivery/delivery_former.h"
#include "delivery/delivery_internal.h"
#include "journal/journal.h"
#include "message/message.h"

const struct metric_row delivery_counters_rows[] = {
    {"forebay_route_accepted_total", METRIC_COUNTER, offsetof(struct delivery_counters, accepted),
     "Messages that are durable and wanted by this route, once for each target, and dead letters retried."},
    {"forebay_route_delivered_total", METRIC_COUNTER, offsetof(struct delivery_counters, delivered),
     "Messages whose every output the upstream has accepted."},
    {"forebay_route_filtered_total", METRIC_COUNTER, offsetof(struct delivery_counters, filtered),
     "Messages that a stage dropped."},
    {"forebay_route_aggregated_total", METRIC_COUNTER, offsetof(struct delivery_counters, aggregated),
     "Messages that went into another one, which was delivered."},
    {"forebay_route_dead_lettered_total", METRIC_COUNTER, offsetof(struct delivery_counters, dead_lettered),
     "Messages that could not be processed or were rejected, kept in the dead-letter store."},
    {"forebay_route_dropped_total{reason=\"journal_full\"}", METRIC_COUNTER,
     offsetof(struct delivery_counters, dropped_full),
     "Messages given up before they were delivered, each under its reason."},
    {"forebay_route_dropped_total{reason=\"expired\"}", METRIC_COUNTER,
     offsetof(struct delivery_counters, dropped_expired),
     "Messages given up before they were delivered, each under its reason."},
    {"forebay_route_dropped_total{reason=\"damaged\"}", METRIC_COUNTER,
     offsetof(struct delivery_counters, dropped_damaged),
     "Messages given up before they were delivered, each under its reason."},
    {"forebay_route_dropped_total{reason=\"not_routed\"}", METRIC_COUNTER,
     offsetof(struct delivery_counters, dropped_not_routed),
     "Messages given up before they were delivered, each under its reason."},
    {"forebay_route_retried_total", METRIC_COUNTER, offsetof(struct delivery_counters, retried),
     "Dead letters that entered the route again; each is part of accepted once more."},
    {"forebay_route_outputs_total", METRIC_COUNTER, offsetof(struct delivery_counters, outputs),
     "Outputs made for the upstream."},
    {"forebay_route_retries_total", METRIC_COUNTER, offsetof(struct delivery_counters, retries),
     "Outputs that the upstream did not take for the moment."},
    {"forebay_route_rejected_total", METRIC_COUNTER, offsetof(struct delivery_counters, rejected),
     "Outputs that the upstream rejected for good."},
    {"forebay_route_queued", METRIC_GAUGE, offsetof(struct delivery_counters, queued),
     "Messages accepted and not yet delivered, filtered, aggregated, dead-lettered or dropped."},
    {"forebay_route_in_flight", METRIC_GAUGE, offsetof(struct delivery_counters, in_flight),
     "Outputs that the upstream has and has not answered."},
    {"forebay_route_held", METRIC_GAUGE, offsetof(struct delivery_counters, held),
     "Messages that stages hold in windows or answer later."},
    {0},
};

const struct delivery_counters *delivery_counters(struct delivery *d)
{
    struct delivery_counters *c = &d->counters;
    c->outputs = d->sender.outputs;
    c->retries = d->sender.retries;
    c->rejected = d->sender.rejected;
    c->in_flight = (int64_t)d->sender.sent_count;
    c->held = (int64_t)pipeline_held_count(d->pipeline);
    c->queued = (int64_t)(c->accepted - c->delivered - c->filtered - c->aggregated - c->dead_lettered -
                          c->dropped_full - c->dropped_expired - c->dropped_damaged - c->dropped_not_routed);
    return c;
}

void delivery_counters_refresh(void *object)
{
    delivery_counters(container_of(object, struct delivery, counters));
}

/* Up to here every record was read or is removed. */
static uint64_t read_through(const struct delivery *d)
{
    uint64_t position = journal_cursor_position(d->cursor);
    return position > d->evicted_through ? position : d->evicted_through;
}

/* Are there still records that are counted only when they are read? */
static bool is_catching_up(const struct delivery *d)
{
    return d->counted_through < d->count_on_read_through && read_through(d) < d->count_on_read_through;
}

uint64_t delivery_counters_evicted_in_flight(const struct delivery *d, bool open_only)
{
    uint64_t count = 0;
    list_for_each(r, &d->window, const struct delivery_record, link)
    {
        if (r->pipeline.message.sequence > d->evicted_through)
            break;
        count += !open_only || r->state != RECORD_DONE;
    }
    return count;
}

/* While catching up the note leaves out what came after the start: it would be counted on reading if we
 * stopped now. */
void delivery_counters_note(struct delivery *d)
{
    uint64_t open = d->counted_early - d->settled - delivery_counters_evicted_in_flight(d, false);
    struct journal_cursor_note note = {d->counted_through, open};
    uint64_t position = read_through(d);
    if (!is_catching_up(d)) {
        note.pending += d->counted_new;
        note.counted_through = d->new_through;
    } else if (note.counted_through < position) {
        note.counted_through = position;
    }
    journal_cursor_set_note(d->cursor, note);
}

void delivery_counters_handle_accepted(void *ctx, uint64_t count, uint64_t through)
{
    struct delivery *d = ctx;
    d->counters.accepted += count;
    d->counted_new += count;
    d->new_through = through;
    delivery_counters_note(d);
}

static void count_accepted(struct delivery *d, uint64_t count)
{
    d->counters.accepted += count;
    d->counted_early += count;
}

static void count_not_routed(struct delivery *d, uint64_t count)
{
    d->counters.dropped_not_routed += count;
    d->settled += count;
}

static void count_damaged(struct delivery *d, uint64_t count)
{
    d->counters.dropped_damaged += count;
    d->settled += count;
    log_error(
        "delivery",
        "%s: %llu messages cannot be read in the journal any more. `forebay journal verify` shows where",
        d->cursor_name, (unsigned long long)count);
}

static bool has_backlog(const struct delivery *d)
{
    return d->backlog != d->backlog_read || !list_is_empty(&d->formers);
}

/* Numbers missing before `sequence` are records that damage took. */
static void note_gap(struct delivery *d, uint64_t sequence)
{
    if (sequence > d->last_read + 1)
        d->backlog_missing += sequence - d->last_read - 1;
    d->last_read = sequence;
}

static void handle_read_of_backlog(struct delivery *d, uint64_t sequence, const struct message *m,
                                   bool wanted)
{
    bool accepted = wanted;
    bool known = delivery_former_find(&d->formers, sequence, m->source, m->topic, &accepted);
    d->backlog_read += accepted;
    if (known && accepted && !wanted)
        count_not_routed(d, 1);
    else if (known && wanted && !accepted)
        count_accepted(d, 1);
}

/* The mark is passed. What was counted and not met is damaged, or filters of before a restart took it; more
 * met than counted are records that those did not take. */
static void settle_backlog(struct delivery *d)
{
    uint64_t open = d->backlog > d->backlog_read ? d->backlog - d->backlog_read : 0;
    uint64_t damaged = open < d->backlog_missing ? open : d->backlog_missing;
    if (damaged)
        count_damaged(d, damaged);
    count_not_routed(d, open - damaged);
    if (d->backlog_read > d->backlog)
        count_accepted(d, d->backlog_read - d->backlog);
    d->backlog = d->backlog_read = 0;
    delivery_former_finish(&d->formers);
}

void delivery_counters_handle_read(struct delivery *d, uint64_t sequence, const struct message *m,
                                   bool wanted)
{
    if (has_backlog(d))
        note_gap(d, sequence <= d->counted_through ? sequence : d->counted_through + 1);
    if (sequence <= d->counted_through) {
        handle_read_of_backlog(d, sequence, m, wanted);
        return;
    }
    if (has_backlog(d))
        settle_backlog(d);
    if (wanted && sequence <= d->count_on_read_through)
        count_accepted(d, 1);
}

void delivery_counters_handle_end(struct delivery *d)
{
    if (has_backlog(d)) {
        note_gap(d, d->counted_through + 1);
        settle_backlog(d);
    }
    uint64_t counted = d->counted_early + d->counted_new;
    if (d->window_count == 0 && counted > d->settled)
        count_damaged(d, counted - d->settled);
    delivery_counters_note(d);
}

void delivery_counters_handle_done(struct delivery *d, const struct delivery_record *r)
{
    struct delivery_counters *c = &d->counters;
    switch (r->answer) {
    case PIPELINE_PASSED:
        c->delivered++;
        break;
    case PIPELINE_FILTERED:
        c->filtered++;
        break;
    case PIPELINE_AGGREGATED:
        c->aggregated++;
        break;
    case PIPELINE_FAILED:
        c->dead_lettered++;
        break;
    }
}

void delivery_counters_begin(struct delivery *d)
{
    struct delivery_counters *c = &d->counters;
    c->accepted = c->delivered + c->filtered + c->aggregated + c->dead_lettered + c->dropped_full +
                  c->dropped_expired + c->dropped_damaged + c->dropped_not_routed + d->counted_early;
}
