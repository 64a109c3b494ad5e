/* SPDX-License-Identifier: Apache-2.0
 *
 * See delivery.h. Records in flight stand in the window in the order of the journal; the cursor follows its
 * head. Dead letters that are retried go the same way beside the window.
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/mutant.h"
#include "base/number_format.h"
#include "delivery/dead_letter.h"
#include "delivery/delivery_former.h"
#include "delivery/delivery_internal.h"
#include "journal/journal.h"
#include "loop/loop.h"
#include "message/message_codec.h"
#include "message/topic_filter.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    WINDOW_BYTES = 2 << 20, /* raw bytes in flight; one record is always let in */
    BATCHES_PER_TURN = 4,   /* then other work of the loop has its turn */
    READ_RETRY_MS = 1000,   /* after the disk could not be read, or the dead letters took nothing */
    SAVES_PER_WINDOW = 2,   /* the cursor is written when a part of the window was confirmed */
};

/* ---- The window and the cursor ---- */

/* After a crash everything behind the cursor as it is on disk is sent again. That must be no more than one
 * window, so what was confirmed counts as part of the window until the cursor is written. */
static void save_cursor(struct delivery *d)
{
    size_t part = (size_t)d->parts.settings->window / SAVES_PER_WINDOW;
    if (d->in_save || d->unsaved == 0 || d->unsaved < part)
        return;
    d->in_save = d->unsaved;
    journal_cursor_save(d->cursor);
}

static void pop_window(struct delivery *d)
{
    uint64_t confirmed = 0;
    while (!list_is_empty(&d->window)) {
        struct delivery_record *r = list_first(&d->window, struct delivery_record, link);
        if (r->state != RECORD_DONE)
            break;
        list_remove(&r->link);
        d->window_count--;
        d->window_bytes -= r->raw.len;
        d->settled++;
        d->unsaved++;
        confirmed = r->pipeline.message.sequence;
        if (--r->batch->open == 0)
            delivery_batch_give(&d->batches, r->batch);
    }
    if (list_is_empty(&d->window) ||
        MUTANT(cursor_on_submit)) /* records that this route does not want are passed as well */
        confirmed = journal_cursor_position(d->cursor);
    if (!confirmed)
        return;
    delivery_counters_note(d);
    journal_cursor_confirm(d->cursor, confirmed);
    save_cursor(d);
}

static void handle_record_done(void *ctx, struct pipeline_record *pr)
{
    struct delivery *d = ctx;
    struct delivery_record *r = container_of(pr, struct delivery_record, pipeline);
    r->state = RECORD_DONE;
    delivery_counters_handle_done(d, r);
    if (r->retry || &r->link == d->window.next)
        delivery_schedule_pump(d); /* pops the window once for many */
}

/* ---- Dead letters ---- */

static void handle_dead_letter_durable(void *ctx, enum status result);

static struct bytes text_or_empty(const char *text)
{
    return bytes_of_text(text ? text : "");
}

static void offer_dead_letter(struct delivery *d, struct delivery_record *r)
{
    struct dead_letter letter = {
        .time_us = clock_realtime_us(),
        .sequence = r->pipeline.message.sequence,
        .route = bytes_of_text(d->parts.route),
        .target = bytes_of_text(d->parts.target),
        .stage = text_or_empty(r->stage),
        .reason = text_or_empty(r->reason),
        .record = r->raw,
    };
    if (dead_letter_add(d->parts.dead_letters, &letter, handle_dead_letter_durable, r) == STATUS_OK) {
        r->state = RECORD_DEAD_WRITING;
        return;
    }
    r->state = RECORD_DEAD_WAITING;
    list_add(&d->dead_waiting, &r->dead_link);
    loop_timer_start(d->timer, READ_RETRY_MS);
    log_write_limited(&d->stalled_limit, 30000, LOG_LEVEL_ERROR, "delivery",
                      "%s: the dead-letter store takes nothing (%s); the route waits until it does",
                      d->cursor_name, journal_state_text(dead_letter_store_journal(d->parts.dead_letters)));
}

static void handle_dead_letter_durable(void *ctx, enum status result)
{
    struct delivery_record *r = ctx;
    struct delivery *d = r->delivery;
    if (result == STATUS_OK) {
        pipeline_record_unref(d->pipeline, &r->pipeline);
        return;
    }
    r->state = RECORD_DEAD_WAITING;
    list_add(&d->dead_waiting, &r->dead_link);
    loop_timer_start(d->timer, READ_RETRY_MS);
}

static void offer_waiting_dead_letters(struct delivery *d)
{
    struct list waiting;
    list_init(&waiting);
    while (!list_is_empty(&d->dead_waiting)) {
        struct list *link = d->dead_waiting.next;
        list_remove(link);
        list_add(&waiting, link);
    }
    while (!list_is_empty(&waiting)) {
        struct delivery_record *r = list_first(&waiting, struct delivery_record, dead_link);
        list_remove(&r->dead_link);
        offer_dead_letter(d, r);
    }
}

/* Once for each record; it stays referenced until the dead letter is durable. */
static void send_to_dead_letters(struct delivery *d, struct delivery_record *r, const char *stage,
                                 const char *reason)
{
    if (r->state != RECORD_OPEN)
        return;
    r->answer = PIPELINE_FAILED;
    r->stage = stage;
    r->reason = arena_strdup(r->pipeline.arena, reason);
    snprintf(d->problem, sizeof d->problem, "%s: %s", stage, reason);
    log_write_limited(&d->dead_limit, 10000, LOG_LEVEL_WARNING, "delivery",
                      "%s: record %llu went to the dead letters: %s: %s", d->cursor_name,
                      (unsigned long long)r->pipeline.message.sequence, stage, reason);
    pipeline_record_ref(&r->pipeline);
    offer_dead_letter(d, r);
}

/* ---- From the pipeline to the upstream ---- */

static struct fby_bytes make_id(struct delivery *d, const struct fby_message *m, unsigned part,
                                struct arena *a)
{
    size_t gateway_len = strlen(d->parts.gateway_id);
    char *text = arena_alloc(a, gateway_len + 2 + 2 * NUMBER_FORMAT_MAX);
    if (!text)
        return (struct fby_bytes){"", 0};
    memcpy(text, d->parts.gateway_id, gateway_len);
    size_t len = gateway_len;
    text[len++] = '/';
    len += number_format_uint64(m->sequence, text + len);
    if (part) {
        text[len++] = '.';
        len += number_format_uint64(part, text + len);
    }
    return (struct fby_bytes){text, len};
}

static struct bytes topic_value(struct delivery *d, const struct fby_message *m, const char *name,
                                struct fby_bytes id)
{
    struct bytes wanted = bytes_of_text(name);
    for (size_t i = 0; i < m->capture_count; i++)
        if (bytes_equal(bytes_of(m->captures[i].name.data, m->captures[i].name.len), wanted))
            return bytes_of(m->captures[i].text.data, m->captures[i].text.len);
    if (strcmp(name, "topic") == 0)
        return bytes_of(m->topic.data, m->topic.len);
    if (strcmp(name, "gateway") == 0)
        return bytes_of_text(d->parts.gateway_id);
    if (strcmp(name, "route") == 0)
        return bytes_of_text(d->parts.route);
    if (strcmp(name, "source") == 0)
        return bytes_of(m->source.data, m->source.len);
    if (strcmp(name, "sequence") == 0) {
        size_t skip = strlen(d->parts.gateway_id) + 1;
        return bytes_of(id.data + skip, id.len > skip ? id.len - skip : 0);
    }
    return bytes_of("", 0);
}

static struct fby_bytes make_topic(struct delivery *d, const struct fby_message *m, struct fby_bytes id,
                                   struct arena *a)
{
    if (!d->topic)
        return d->has_no_topic ? (struct fby_bytes){"", 0} : m->topic;
    struct bytes values[TOPIC_CAPTURES_MAX + 8];
    size_t count = topic_template_name_count(d->topic);
    for (size_t i = 0; i < count && i < array_count(values); i++)
        values[i] = topic_value(d, m, topic_template_name(d->topic, i), id);
    struct buffer text = {0};
    topic_template_fill(d->topic, values, &text);
    char *copy = text.failed ? NULL : arena_strndup(a, text.data, text.len);
    struct fby_bytes topic = {copy ? copy : "", copy ? text.len : 0};
    buffer_finish(&text);
    return topic;
}

static void handle_output(void *ctx, struct pipeline_output *po)
{
    struct delivery *d = ctx;
    if (!d->started) /* a stage still says something as it goes: its messages come again */
        return;
    struct pipeline_record *last = po->records[po->record_count - 1];
    struct delivery_output *o = arena_calloc(last->arena, 1, sizeof *o);
    if (!o) {
        for (size_t i = 0; i < po->record_count; i++)
            send_to_dead_letters(d, container_of(po->records[i], struct delivery_record, pipeline), "encode",
                                 "the message needs more memory than a batch may use");
        pipeline_output_finish(d->pipeline, po);
        return;
    }
    const struct fby_message *m = &last->message;
    struct delivery_record *r = container_of(last, struct delivery_record, pipeline);
    struct fby_bytes id = make_id(d, m, r->part++, last->arena);
    o->ctx = po;
    o->outgoing.output = (struct fby_output){
        .id = id,
        .topic = make_topic(d, m, id, last->arena),
        .payload = {(const char *)po->payload.data, po->payload.len},
        .content_type = {(const char *)po->content_type.data, po->content_type.len},
        .message = m,
    };
    o->outgoing.qos = (uint8_t)d->parts.settings->qos;
    o->outgoing.retain = d->parts.settings->retain;
    delivery_sender_add(&d->sender, o);
    if (!d->pumping)
        delivery_schedule_pump(d); /* a stage has answered late */
}

static void handle_answer(void *ctx, struct pipeline_record *pr, enum pipeline_answer answer,
                          const char *stage, const char *reason)
{
    struct delivery *d = ctx;
    struct delivery_record *r = container_of(pr, struct delivery_record, pipeline);
    if (!d->started)
        return;
    if (answer == PIPELINE_FAILED)
        send_to_dead_letters(d, r, stage, reason);
    else if (r->state == RECORD_OPEN)
        r->answer = answer;
}

static const struct pipeline_events pipeline_handlers = {handle_output, handle_answer, handle_record_done};

static void handle_delivered(void *ctx, struct delivery_output *o)
{
    struct delivery *d = ctx;
    pipeline_output_finish(d->pipeline, o->ctx);
}

static void handle_rejected(void *ctx, struct delivery_output *o, const char *reason)
{
    struct delivery *d = ctx;
    struct pipeline_output *po = o->ctx;
    for (size_t i = 0; i < po->record_count; i++)
        send_to_dead_letters(d, container_of(po->records[i], struct delivery_record, pipeline),
                             d->parts.target, reason);
    pipeline_output_finish(d->pipeline, po);
}

static void handle_room(void *ctx)
{
    delivery_schedule_pump(ctx);
}

static const struct delivery_sender_events sender_handlers = {handle_delivered, handle_rejected, handle_room};

/* ---- Reading ---- */

static bool may_read(const struct delivery *d)
{
    if (d->stopped || !d->cursor || !delivery_sender_has_room(&d->sender) || !list_is_empty(&d->dead_waiting))
        return false;
    if (d->window_count + d->unsaved >= (size_t)d->parts.settings->window)
        return false;
    return d->window_count == 0 || d->window_bytes < WINDOW_BYTES;
}

/* A record that is wanted, from `mark` on in the arena: keep its block, or a copy of its bytes. */
static struct delivery_record *keep_bytes(struct delivery *d, struct delivery_batch *b,
                                          struct arena_mark mark, const struct journal_record *jr,
                                          struct delivery_record *r)
{
    enum { COPIED_MAX = 32 * 1024 }; /* the window holds few of those that are larger */
    struct message m;
    struct bytes bytes = jr->bytes;
    char *copy = NULL;
    if (bytes.len <= COPIED_MAX && !delivery_batch_may_hold(&d->batches, b, jr->block)) {
        arena_rewind(&b->arena, mark);
        copy = arena_strndup(&b->arena, bytes.data, bytes.len);
        if (copy)
            bytes = bytes_of(copy, bytes.len);
        r = delivery_record_create(d, b, jr->sequence, bytes, &m);
    }
    if (!copy)
        delivery_batch_hold(&d->batches, b, jr->block);
    return r;
}

static size_t read_records(struct delivery *d, struct delivery_batch *b, struct pipeline_record **records,
                           enum status *result)
{
    size_t count = 0, looked_at = 0;
    size_t room = (size_t)d->parts.settings->window - d->window_count - d->unsaved;
    size_t left = DELIVERY_BATCH_RECORDS - b->count;
    size_t most = room < left ? room : left;
    while (count < most && b->bytes < DELIVERY_BATCH_BYTES && looked_at++ < 4 * DELIVERY_BATCH_RECORDS) {
        struct journal_record jr;
        *result = journal_cursor_next(d->cursor, &jr);
        if (*result != STATUS_OK)
            break;
        struct arena_mark mark = arena_mark(&b->arena);
        struct message m;
        struct delivery_record *r = delivery_record_create(d, b, jr.sequence, jr.bytes, &m);
        delivery_counters_handle_read(d, jr.sequence, &m, r != NULL);
        if (!r) {
            arena_rewind(&b->arena, mark);
            continue;
        }
        r = keep_bytes(d, b, mark, &jr, r);
        b->bytes += jr.bytes.len;
        list_add(&d->window, &r->link);
        d->window_bytes += jr.bytes.len;
        d->window_count++;
        records[count++] = &r->pipeline;
    }
    return count;
}

/* One batch; false when there was nothing to read. */
static bool read_batch(struct delivery *d)
{
    struct pipeline_record *records[DELIVERY_BATCH_RECORDS];
    struct delivery_batch *b = delivery_batch_fill(&d->batches);
    enum status result = STATUS_OK;
    size_t count = read_records(d, b, records, &result);
    if (result != STATUS_OK && result != STATUS_END) {
        log_write_limited(&d->read_limit, 30000, LOG_LEVEL_ERROR, "delivery",
                          "%s: the journal cannot be read (%s); trying again", d->cursor_name,
                          status_name(result));
        loop_timer_start(d->timer, READ_RETRY_MS);
    }
    if (result == STATUS_END)
        delivery_counters_handle_end(d);
    if (count == 0) {
        if (b->open == 0)
            delivery_batch_give(&d->batches, b);
        return result == STATUS_OK;
    }
    b->open += count;
    b->count += count;
    pipeline_run(d->pipeline, records, count);
    return result == STATUS_OK;
}

static void pump(void *ctx)
{
    struct delivery *d = ctx;
    d->scheduled = false;
    if (!d->cursor)
        return;
    d->pumping = true;
    delivery_retry_finish_done(d);
    pop_window(d);
    delivery_sender_flush(&d->sender);
    bool more = true;
    for (int i = 0; i < BATCHES_PER_TURN && more && may_read(d); i++) {
        more = read_batch(d);
        delivery_sender_flush(&d->sender);
    }
    pop_window(d);
    d->pumping = false;
    if (more && may_read(d))
        delivery_schedule_pump(d);
}

void delivery_schedule_pump(struct delivery *d)
{
    if (d->scheduled || !d->started)
        return;
    d->scheduled = true;
    loop_defer(d->parts.loop, pump, d);
}

static void handle_timer(void *ctx)
{
    struct delivery *d = ctx;
    offer_waiting_dead_letters(d);
    delivery_schedule_pump(d);
}

/* ---- Journal events ---- */

static void handle_journal_ready(void *ctx)
{
    delivery_schedule_pump(ctx);
}

/* The journal is about to remove records that were not read: they are lost by the operator's policy, and
 * counted. */
static void handle_evict(void *ctx, uint64_t through, const char *reason)
{
    struct delivery *d = ctx;
    uint64_t *dropped =
        strcmp(reason, "expired") == 0 ? &d->counters.dropped_expired : &d->counters.dropped_full;
    uint64_t at = journal_cursor_position(d->cursor) + 1;
    struct arena arena;
    struct journal_record jr;
    struct message m;
    uint64_t count = 0;
    arena_init(&arena, 0, 0);
    while (at <= through && journal_peek(d->parts.journal, &at, &jr) == STATUS_OK && jr.sequence <= through) {
        arena_reset(&arena);
        if (message_codec_decode(jr.bytes, &arena, &m) != STATUS_OK)
            continue;
        bool wanted = route_match_find(&d->parts.match, m.source, m.topic, NULL) != NULL;
        delivery_counters_handle_read(d, jr.sequence, &m, wanted);
        if (!wanted)
            continue;
        d->settled++;
        count++;
    }
    arena_finish(&arena);
    *dropped += MUTANT(uncounted_drops) ? 0 : count;
    d->evicted_through = through;
    delivery_counters_note(d);
    delivery_schedule_pump(d);
    if (count)
        log_limited(
            10000, LOG_LEVEL_WARNING, "delivery",
            "%s: %llu messages were dropped before they were delivered (%s), as the journal's limits say",
            d->cursor_name, (unsigned long long)count, reason);
}

static void handle_saved(void *ctx)
{
    struct delivery *d = ctx;
    d->unsaved -= d->in_save;
    d->in_save = 0;
    save_cursor(d);
    delivery_schedule_pump(d);
}

static const struct journal_cursor_events cursor_handlers = {handle_journal_ready, handle_evict,
                                                             handle_saved};

/* ---- Life ---- */

struct delivery *delivery_create(const struct delivery_parts *parts, struct error *err)
{
    struct delivery *d = xcalloc(1, sizeof *d);
    char *label = xasprintf("%s/%s", parts->route, parts->target);
    d->parts = *parts;
    d->cursor_name = xasprintf("%s:%s", parts->route, parts->target);
    list_init(&d->window);
    list_init(&d->retries);
    list_init(&d->formers);
    list_init(&d->dead_waiting);
    delivery_batch_pool_init(&d->batches);
    d->entry = (struct route_entry){
        .match = parts->match, .on_accepted = delivery_counters_handle_accepted, .ctx = d};
    bool ok = true;
    d->has_no_topic = parts->settings->topic && !*parts->settings->topic;
    if (parts->settings->topic && *parts->settings->topic) {
        d->topic = topic_template_parse(parts->settings->topic, err);
        ok = d->topic != NULL;
    }
    if (ok) {
        d->pipeline = pipeline_create(parts->pipeline, label, parts->plugins, &pipeline_handlers, d, err);
        ok = d->pipeline != NULL;
    }
    free(label);
    if (!ok) {
        error_wrap(err, "routes.%s", parts->route);
        delivery_destroy(d);
        return NULL;
    }
    return d;
}

enum status delivery_start(struct delivery *d, struct error *err)
{
    struct delivery_parts *p = &d->parts;
    d->cursor = journal_cursor_open(p->journal, d->cursor_name,
                                    p->from_oldest ? JOURNAL_FROM_OLDEST : JOURNAL_FROM_HEAD,
                                    &cursor_handlers, d, err);
    if (!d->cursor)
        return error_wrap(err, "route %s, target %s", p->route, p->target);
    struct journal_cursor_note note = journal_cursor_note(d->cursor);
    uint64_t confirmed = journal_cursor_confirmed(d->cursor);
    d->counted_through = note.counted_through;
    d->counted_early = note.pending;
    d->evicted_through = 0;
    if (note.counted_through < confirmed) {
        d->counted_through = confirmed;
        d->counted_early = 0;
    }
    d->backlog = d->counted_early;
    d->last_read = confirmed;
    delivery_former_set_through(&d->formers, d->counted_through);
    d->count_on_read_through = route_table_newest(p->routes);
    d->new_through = d->count_on_read_through;
    delivery_counters_begin(d);
    delivery_sender_init(&d->sender, p->upstream, p->loop, p->settings->retry_min_ms,
                         p->settings->retry_max_ms, &sender_handlers, d);
    d->timer = loop_timer_create(p->loop, handle_timer, d);
    route_table_add(p->routes, &d->entry);
    if (p->metrics) {
        char route[128], target[128], labels[300];
        metrics_escape_label(p->route, route, sizeof route);
        metrics_escape_label(p->target, target, sizeof target);
        snprintf(labels, sizeof labels, "route=\"%s\",target=\"%s\"", route, target);
        d->metrics_group =
            metrics_add(p->metrics, delivery_counters_rows, labels, &d->counters, delivery_counters_refresh);
    }
    d->started = true;
    save_cursor(d);
    delivery_schedule_pump(d);
    return STATUS_OK;
}

bool delivery_is_running(const struct delivery *d)
{
    return d->started;
}

void delivery_stop_reading(struct delivery *d)
{
    d->stopped = true;
}

bool delivery_is_idle(const struct delivery *d)
{
    if (!d->started || (list_is_empty(&d->window) && list_is_empty(&d->retries)))
        return true;
    if (!list_is_empty(&d->dead_waiting))
        return false;
    if (!delivery_sender_is_empty(&d->sender))
        return delivery_sender_is_stuck(&d->sender);
    return pipeline_held_count(d->pipeline);
}

static void forget_dead_letters(struct delivery *d, struct list *records)
{
    list_for_each(r, records, struct delivery_record, link)
    {
        if (r->state == RECORD_DEAD_WRITING)
            dead_letter_cancel(d->parts.dead_letters, r);
    }
}

static void drop_window(struct delivery *d)
{
    if (d->cursor && MUTANT(drop_on_reload))
        journal_cursor_confirm(d->cursor, journal_cursor_position(d->cursor));
    while (!list_is_empty(&d->window)) {
        struct delivery_record *r = list_first(&d->window, struct delivery_record, link);
        struct delivery_batch *b = r->batch;
        list_remove(&r->link);
        if (--b->open == 0)
            delivery_batch_give(&d->batches, b);
    }
}

void delivery_destroy(struct delivery *d)
{
    if (!d)
        return;
    d->stopped = true;
    if (d->started) {
        d->started = false; /* what a stage still says when it goes schedules nothing */
        loop_defer_cancel(d->parts.loop, pump, d);
        pop_window(d);
        forget_dead_letters(d, &d->window);
        forget_dead_letters(d, &d->retries);
        delivery_sender_finish(&d->sender);
        route_table_remove(d->parts.routes, &d->entry);
        metrics_remove(d->metrics_group);
        loop_timer_destroy(d->timer);
    }
    pipeline_destroy(d->pipeline);
    delivery_retry_cancel_all(d);
    drop_window(d);
    if (d->cursor)
        journal_cursor_close(d->cursor);
    delivery_batch_pool_finish(&d->batches);
    delivery_former_finish(&d->formers);
    topic_template_destroy(d->topic);
    free(d->cursor_name);
    free(d);
}

const char *delivery_route(const struct delivery *d)
{
    return d->parts.route;
}

const char *delivery_target(const struct delivery *d)
{
    return d->parts.target;
}

/* What is queued now is carried by the cursor's note and becomes part of `accepted` again at the start. */
void delivery_inherit(struct delivery *d, struct delivery *old)
{
    d->counters = old->counters;
    d->unsaved = old->unsaved;
    d->counters.dropped_full += delivery_counters_evicted_in_flight(old, true);
    delivery_former_move_all(&d->formers, &old->formers);
    if (old->started)
        delivery_former_add(&d->formers, &old->parts.match);
    d->sender.outputs = old->sender.outputs;
    d->sender.retries = old->sender.retries;
    d->sender.rejected = old->sender.rejected;
}

const char *delivery_state_text(const struct delivery *d)
{
    struct delivery *self = (struct delivery *)(uintptr_t)d;
    if (d->stopped)
        return "stopping";
    if (!d->started)
        return "not running: its cursor could not be opened";
    if (!list_is_empty(&d->dead_waiting))
        return "waiting for the dead-letter store";
    if (d->sender.waiting || !list_is_empty(&d->sender.again)) {
        snprintf(self->state, sizeof self->state, "retrying: %s", d->sender.problem);
        return self->state;
    }
    if (d->sender.busy)
        return d->parts.upstream->connected ? "delivering" : "waiting for the upstream";
    return list_is_empty(&d->window) ? "idle" : "delivering";
}

const char *delivery_last_problem(const struct delivery *d)
{
    return d->sender.problem[0] ? d->sender.problem : d->problem;
}

uint64_t delivery_confirmed(const struct delivery *d)
{
    return d->cursor ? journal_cursor_confirmed(d->cursor) : 0;
}
