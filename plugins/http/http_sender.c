/* SPDX-License-Identifier: Apache-2.0
 *
 * See http_sender.h. Any call to the host's result() may come back as send() or cancel(), so what is being
 * reported is taken out of the sender first, and `generation` tells whether it is still wanted.
 */
#include "http_sender.h"

#include "http_answer.h"
#include "http_batch.h"
#include "http_transport.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NO_MEMORY_PAUSE_MS = 1000 };

/* Where a batch began that has to be tried again: it is put together the same way, so that its key is the
 * same and the service can see the repetition. */
struct remembered {
    uint64_t first_id_hash; /* 0: free */
    size_t count;
};

struct http_sender {
    struct http_transport *transport;
    struct fby_timer *timer;           /* until the first pending output has waited enough */
    const struct fby_output **pending; /* borrowed; [head, tail) */
    size_t head, tail, capacity;
    size_t pending_bytes;
    size_t held;              /* taken from the host and not answered */
    bool due;                 /* what is pending has waited enough */
    struct http_batch *parts; /* of split batches, in order; before everything pending */
    struct http_batch *running;
    size_t running_count;
    struct remembered remembered[HTTP_REQUESTS_MAX];
    size_t next_remembered;
    uint64_t generation; /* counts cancels */
    bool giving_back;    /* take nothing: it would overtake what comes again */
    bool wants_room;     /* send() had to refuse */
    const struct http_options *options;
    const struct fby_host *host;
    struct fby_instance *instance;
};

/* ---- What is pending ---- */

static size_t pending_count(const struct http_sender *s)
{
    return s->tail - s->head;
}

static size_t batch_messages(const struct http_sender *s)
{
    return s->options->batch.format == HTTP_FORMAT_SINGLE ? 1 : (size_t)s->options->batch.messages;
}

/* Room for the requests under way and one more to collect, but not for two windows of a large host. */
static bool has_room(const struct http_sender *s)
{
    size_t requests = (size_t)s->options->requests + 1;
    size_t most = batch_messages(s) * requests;
    if (most < 64)
        most = 64;
    return s->held < most && s->pending_bytes < (size_t)s->options->batch.bytes * requests;
}

static bool add_pending(struct http_sender *s, const struct fby_output *o)
{
    if (s->tail == s->capacity && s->head > 0) {
        memmove(s->pending, s->pending + s->head, pending_count(s) * sizeof *s->pending);
        s->tail -= s->head;
        s->head = 0;
    }
    if (s->tail == s->capacity) {
        size_t capacity = s->capacity ? s->capacity * 2 : 64;
        const struct fby_output **bigger = realloc(s->pending, capacity * sizeof *bigger);
        if (!bigger)
            return false;
        s->pending = bigger;
        s->capacity = capacity;
    }
    s->pending[s->tail++] = o;
    s->pending_bytes += o->payload.len;
    s->held++;
    return true;
}

static void remember(struct http_sender *s, const struct http_batch *b)
{
    struct remembered *place = &s->remembered[s->next_remembered++ % HTTP_REQUESTS_MAX];
    *place = (struct remembered){.first_id_hash = http_batch_hash_id(b->outputs[0]), .count = b->count};
}

/* 0: not one that comes again. */
static size_t find_remembered(const struct http_sender *s)
{
    uint64_t hash = http_batch_hash_id(s->pending[s->head]);
    for (size_t i = 0; i < HTTP_REQUESTS_MAX; i++)
        if (s->remembered[i].count && s->remembered[i].first_id_hash == hash)
            return s->remembered[i].count;
    return 0;
}

static void forget(struct http_sender *s, const struct http_batch *b)
{
    uint64_t hash = http_batch_hash_id(b->outputs[0]);
    for (size_t i = 0; i < HTTP_REQUESTS_MAX; i++)
        if (s->remembered[i].first_id_hash == hash)
            s->remembered[i] = (struct remembered){0};
}

/* How many of the pending outputs make the next batch; `full`: no more would fit. */
static size_t measure_batch(const struct http_sender *s, bool *full)
{
    size_t again = find_remembered(s);
    size_t most = again ? again : batch_messages(s);
    size_t bytes = 0, n = 0;
    *full = true;
    while (n < most) {
        if (n == pending_count(s)) {
            *full = false;
            return n;
        }
        bytes += s->pending[s->head + n]->payload.len + 1;
        if (n > 0 && bytes > (size_t)s->options->batch.bytes)
            return n;
        n++;
    }
    return n;
}

static struct http_batch *form_batch(struct http_sender *s)
{
    bool full;
    if (s->giving_back || pending_count(s) == 0)
        return NULL;
    size_t n = measure_batch(s, &full);
    if (!full && !s->due && s->options->batch.wait_ms > 0)
        return NULL; /* the timer runs since the first of them came */
    struct http_batch *b = http_batch_create(s->pending + s->head, n);
    if (!b)
        return NULL;
    for (size_t i = 0; i < n; i++)
        s->pending_bytes -= b->outputs[i]->payload.len;
    s->head += n;
    s->due = false;
    if (pending_count(s))
        s->host->timer_start(s->timer, s->options->batch.wait_ms);
    else
        s->host->timer_stop(s->timer);
    return b;
}

/* ---- Requests ---- */

static void unlink_running(struct http_sender *s, struct http_batch *b)
{
    struct http_batch **place = &s->running;
    while (*place != b)
        place = &(*place)->next;
    *place = b->next;
    b->next = NULL;
    s->running_count--;
}

static bool start_batch(struct http_sender *s, struct http_batch *b)
{
    enum http_format format = (enum http_format)s->options->batch.format;
    char key[HTTP_KEY_MAX], type[128];
    if (!http_batch_build(b, format))
        return false;
    http_batch_format_key(b, key);
    b->request = http_transport_start(s->transport, http_batch_content_type(b, format, type, sizeof type),
                                      key, b->body, b->body_len, b);
    if (!b->request)
        return false;
    b->next = s->running;
    s->running = b;
    s->running_count++;
    s->host->count(s->instance, "http_requests", 1);
    s->host->count(s->instance, "http_sent_bytes", b->body_len);
    return true;
}

static void pump(struct http_sender *s)
{
    while (s->running_count < (size_t)s->options->requests) {
        struct http_batch *b = s->parts;
        if (b)
            s->parts = b->next;
        else
            b = form_batch(s);
        if (!b)
            return;
        if (start_batch(s, b))
            continue;
        b->next = s->parts; /* no memory now: it stays first */
        s->parts = b;
        s->host->timer_start(s->timer, NO_MEMORY_PAUSE_MS);
        return;
    }
}

static void say_room(struct http_sender *s)
{
    if (!s->wants_room || s->giving_back || !has_room(s))
        return;
    s->wants_room = false;
    s->host->ready(s->instance);
}

static void handle_timer(void *ctx)
{
    struct http_sender *s = ctx;
    s->due = pending_count(s) > 0;
    pump(s);
    say_room(s);
}

/* ---- Results ---- */

/* False: the host has cancelled meanwhile. Frees the batch. */
static bool report(struct http_sender *s, struct http_batch *b, enum fby_outcome outcome,
                   const struct http_answer *answer)
{
    uint64_t generation = s->generation;
    for (size_t i = 0; i < b->count && s->generation == generation; i++) {
        s->held--;
        s->host->result(s->instance, b->outputs[i]->token, outcome,
                        outcome == FBY_DELIVERED ? NULL : answer->reason,
                        outcome == FBY_RETRY ? answer->retry_after_ms : 0);
    }
    http_batch_destroy(b);
    return s->generation == generation;
}

/* The pending ones as a batch, for give_back(); NULL when there are none, or no memory: then they stay. */
static struct http_batch *take_pending(struct http_sender *s)
{
    if (pending_count(s) == 0)
        return NULL;
    struct http_batch *b = http_batch_create(s->pending + s->head, pending_count(s));
    if (!b)
        return NULL;
    s->head = s->tail = 0;
    s->pending_bytes = 0;
    s->host->timer_stop(s->timer);
    return b;
}

static void free_batches(struct http_batch *list)
{
    while (list) {
        struct http_batch *next = list->next;
        http_batch_destroy(list);
        list = next;
    }
}

/* Give back the batch and, so that nothing overtakes it, all that has not been sent. */
static void give_back(struct http_sender *s, struct http_batch *first, const struct http_answer *answer)
{
    remember(s, first);
    struct http_batch *list = first;
    first->next = s->parts;
    s->parts = NULL;
    struct http_batch *last = first;
    while (last->next)
        last = last->next;
    last->next = take_pending(s);
    s->giving_back = true;
    while (list) {
        struct http_batch *b = list;
        list = b->next;
        if (!report(s, b, FBY_RETRY, answer)) {
            free_batches(list);
            return; /* cancel() has cleared giving_back */
        }
    }
    s->giving_back = false;
}

static void refuse(struct http_sender *s, struct http_batch *b, const struct http_answer *answer)
{
    if (b->count == 1) {
        report(s, b, FBY_REJECTED, answer);
        return;
    }
    struct http_batch *second = http_batch_split(b);
    if (!second) {
        give_back(s, b, answer);
        return;
    }
    s->host->count(s->instance, "http_splits", 1);
    second->next = s->parts;
    b->next = second;
    s->parts = b;
}

static void handle_done(void *ctx, void *request_ctx, const struct http_response *response)
{
    struct http_sender *s = ctx;
    struct http_batch *b = request_ctx;
    struct http_answer answer;
    http_answer_read(s->options, response, &answer);
    b->request = NULL;
    unlink_running(s, b);
    s->host->connected(s->instance, answer.meaning != HTTP_AGAIN,
                       answer.meaning == HTTP_AGAIN ? answer.reason : NULL);
    if (answer.meaning == HTTP_AGAIN) {
        give_back(s, b, &answer);
    } else {
        forget(s, b);
        if (answer.meaning == HTTP_ACCEPTED)
            report(s, b, FBY_DELIVERED, &answer);
        else
            refuse(s, b, &answer);
    }
    pump(s);
    say_room(s);
}

/* ---- Public ---- */

size_t http_sender_add(struct http_sender *s, const struct fby_output *const *outputs, size_t count)
{
    bool was_empty = pending_count(s) == 0;
    size_t n = 0;
    while (n < count && !s->giving_back && has_room(s) && add_pending(s, outputs[n]))
        n++;
    s->wants_room |= n < count;
    if (n > 0 && was_empty)
        s->host->timer_start(s->timer, s->options->batch.wait_ms);
    else if (s->held == 0) /* no memory, and no answer is to come that would make room */
        s->host->timer_start(s->timer, NO_MEMORY_PAUSE_MS);
    pump(s);
    return n;
}

void http_sender_cancel(struct http_sender *s)
{
    for (struct http_batch *b = s->running; b; b = b->next) {
        remember(s, b);
        http_transport_abort(b->request);
    }
    free_batches(s->running);
    free_batches(s->parts);
    s->running = s->parts = NULL;
    s->running_count = 0;
    s->head = s->tail = 0;
    s->pending_bytes = 0;
    s->held = 0;
    s->due = false;
    s->giving_back = false;
    s->wants_room = false;
    s->generation++;
    s->host->timer_stop(s->timer);
}

void http_sender_destroy(struct http_sender *s)
{
    if (!s)
        return;
    if (s->timer)
        http_sender_cancel(s);
    http_transport_destroy(s->transport);
    s->host->timer_destroy(s->timer);
    free(s->pending);
    free(s);
}

struct http_sender *http_sender_create(const struct fby_host *host, struct fby_instance *instance,
                                       const struct http_options *options, struct fby_error *err)
{
    struct http_sender *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->host = host;
    s->instance = instance;
    s->options = options;
    s->timer = host->timer_create(instance, handle_timer, s);
    s->transport = http_transport_create(host, instance, options, handle_done, s, err);
    if (s->transport) {
        host->connected(instance, false, NULL);
        return s;
    }
    http_sender_destroy(s);
    return NULL;
}
