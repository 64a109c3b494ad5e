/* SPDX-License-Identifier: Apache-2.0
 *
 * See delivery_sender.h. When an answer is "try again", nothing more is sent until every output with the
 * upstream is answered; then those to repeat go first, so the order is that of the journal again.
 */
#include "delivery/delivery_sender.h"

#include "loop/loop.h"

#include <stdio.h>

static struct delivery_sender *sender_of(struct upstream_user *u)
{
    return container_of(u, struct delivery_sender, user);
}

void delivery_sender_add(struct delivery_sender *s, struct delivery_output *o)
{
    static uint64_t next_token = 1; /* over all deliveries: one upstream serves several */
    o->outgoing.output.token = next_token++;
    o->outgoing.user = &s->user;
    o->order = s->next_order++;
    list_add(&s->ready, &o->link);
    s->outputs++;
}

void delivery_sender_flush(struct delivery_sender *s)
{
    enum { RUN = 64 };
    while (!s->busy && !s->waiting && list_is_empty(&s->again) && !list_is_empty(&s->ready)) {
        struct outgoing *run[RUN];
        size_t count = 0;
        list_for_each(o, &s->ready, struct delivery_output, link)
        {
            if (count == RUN)
                break;
            run[count++] = &o->outgoing;
        }
        size_t taken = upstream_send(s->upstream, run, count);
        for (size_t i = 0; i < taken; i++) {
            struct delivery_output *o = container_of(run[i], struct delivery_output, outgoing);
            list_remove(&o->link);
            list_add(&s->sent, &o->link);
        }
        s->sent_count += taken;
        s->busy = taken < count;
    }
}

static void add_again_in_order(struct delivery_sender *s, struct delivery_output *o)
{
    struct list *before = &s->again;
    while (before->prev != &s->again &&
           list_entry(before->prev, struct delivery_output, link)->order > o->order)
        before = before->prev;
    list_insert_before(before, &o->link);
}

static void put_again_first(struct delivery_sender *s)
{
    while (!list_is_empty(&s->again)) {
        struct list *last = s->again.prev;
        list_remove(last);
        list_add_first(&s->ready, last);
    }
}

static void handle_timer(void *ctx)
{
    struct delivery_sender *s = ctx;
    s->waiting = false;
    delivery_sender_flush(s);
    s->events->on_room(s->ctx);
}

/* Every output is answered and some are to be sent again. */
static void begin_again(struct delivery_sender *s)
{
    put_again_first(s);
    if (s->wait_ms != UPSTREAM_RETRY_AT_ONCE) {
        int64_t delay_ms = backoff_next_ms(&s->backoff);
        s->waiting = true;
        loop_timer_start(s->timer, delay_ms > s->wait_ms ? delay_ms : s->wait_ms);
    }
    s->wait_ms = UPSTREAM_RETRY_AT_ONCE;
}

static void note_problem(struct delivery_sender *s, const char *reason)
{
    snprintf(s->problem, sizeof s->problem, "%s", reason ? reason : "no reason given");
}

static void handle_result(struct upstream_user *user, struct outgoing *og, enum fby_outcome outcome,
                          const char *reason, int64_t retry_after_ms)
{
    struct delivery_sender *s = sender_of(user);
    struct delivery_output *o = container_of(og, struct delivery_output, outgoing);
    list_remove(&o->link);
    s->sent_count--;
    if (outcome == FBY_RETRY) {
        note_problem(s, reason);
        s->retries++;
        add_again_in_order(s, o);
        if (retry_after_ms > s->wait_ms)
            s->wait_ms = retry_after_ms;
    } else if (outcome == FBY_REJECTED) {
        note_problem(s, reason);
        s->rejected++;
        s->events->on_rejected(s->ctx, o, s->problem);
    } else {
        backoff_reset(&s->backoff);
        s->problem[0] = 0;
        s->events->on_delivered(s->ctx, o);
    }
    if (s->sent_count == 0 && !list_is_empty(&s->again))
        begin_again(s);
    s->events->on_room(s->ctx);
}

static void handle_ready(struct upstream_user *user)
{
    struct delivery_sender *s = sender_of(user);
    if (!s->busy)
        return;
    s->busy = false;
    delivery_sender_flush(s);
    s->events->on_room(s->ctx);
}

bool delivery_sender_has_room(const struct delivery_sender *s)
{
    return !s->busy && !s->waiting && list_is_empty(&s->again) && list_is_empty(&s->ready);
}

bool delivery_sender_is_empty(const struct delivery_sender *s)
{
    return list_is_empty(&s->ready) && list_is_empty(&s->sent) && list_is_empty(&s->again);
}

bool delivery_sender_is_stuck(const struct delivery_sender *s)
{
    bool away = !s->upstream->connected && s->upstream->reason[0]; /* without a reason: not tried yet */
    return away || (s->waiting && list_is_empty(&s->sent));
}

void delivery_sender_init(struct delivery_sender *s, struct upstream *u, struct loop *l, int64_t retry_min_ms,
                          int64_t retry_max_ms, const struct delivery_sender_events *events, void *ctx)
{
    *s = (struct delivery_sender){
        .upstream = u,
        .events = events,
        .ctx = ctx,
        .wait_ms = UPSTREAM_RETRY_AT_ONCE,
        .outputs = s->outputs,
        .retries = s->retries,
        .rejected = s->rejected,
    };
    s->user.on_result = handle_result;
    s->user.on_ready = handle_ready;
    list_init(&s->ready);
    list_init(&s->sent);
    list_init(&s->again);
    backoff_init(&s->backoff, retry_min_ms, retry_max_ms);
    s->timer = loop_timer_create(l, handle_timer, s);
    upstream_add_user(u, &s->user);
}

void delivery_sender_finish(struct delivery_sender *s)
{
    if (!s->upstream)
        return;
    upstream_remove_user(s->upstream, &s->user);
    loop_timer_destroy(s->timer);
}
