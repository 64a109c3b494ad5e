/* SPDX-License-Identifier: Apache-2.0
 *
 * Retrying dead letters. The letter stays open until its message has ended and the note about it is durable:
 * a crash in between sends it again, and never loses it. What fails again is a new dead letter first.
 */
#include "admin/admin_server.h"
#include "base/log.h"
#include "base/memory.h"
#include "delivery/delivery.h"
#include "gateway_dead_letters_parts.h"
#include "gateway_parts.h"
#include "loop/loop.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
    PATIENCE_MS = 5000,   /* then a request is answered although not all has ended */
    BUSY_RETRY_MS = 1000, /* a delivery that has as many retries as it takes */
};

struct retry {
    struct list link; /* gateway_dead_letters.retries */
    uint64_t number;
    struct dead_letter_walk *walk; /* NULL: it has ended */
    struct gateway_dead_letters *owner;
    enum delivery_retry_result result;
};

static struct delivery *find_delivery(struct gateway *g, const struct dead_letter *d)
{
    for (size_t i = 0; i < generation_delivery_count(g->generation); i++) {
        struct delivery *delivery = generation_delivery(g->generation, i);
        if (delivery && bytes_equal(d->route, bytes_of_text(delivery_route(delivery))) &&
            bytes_equal(d->target, bytes_of_text(delivery_target(delivery))))
            return delivery;
    }
    return NULL;
}

/* ---- What became of them ---- */

static void write_result(struct dead_letter_walk *w)
{
    buffer_clear(&w->text);
    json_writer_init(&w->json, &w->text);
    json_writer_begin_object(&w->json, NULL);
    json_writer_add_text(&w->json, "state", w->at_end && !w->under_way ? "ended" : "under way");
    json_writer_add_uint(&w->json, "retried", w->count);
    json_writer_add_uint(&w->json, "delivered", w->delivered);
    json_writer_add_uint(&w->json, "filtered", w->filtered);
    json_writer_add_uint(&w->json, "aggregated", w->aggregated);
    json_writer_add_uint(&w->json, "dead_lettered", w->dead_lettered);
    json_writer_add_uint(&w->json, "skipped", w->skipped);
    json_writer_add_uint(&w->json, "failed", w->failed);
    json_writer_end_object(&w->json);
    buffer_add_byte(&w->text, '\n');
}

static void finish_if_all_ended(struct dead_letter_walk *w)
{
    if (!w->at_end || w->under_way)
        return;
    write_result(w);
    dead_letter_walk_reply(w, 200, buffer_bytes(&w->text));
    if (w->count > 1)
        log_info("dead_letters",
                 "%zu retried: %" PRIu64 " delivered, %" PRIu64 " dead letters again, %" PRIu64 " skipped",
                 w->count, w->delivered, w->dead_lettered, w->skipped);
    dead_letter_walk_destroy(w);
}

static void handle_patience(void *ctx)
{
    struct dead_letter_walk *w = ctx;
    write_result(w);
    dead_letter_walk_reply(w, 202, buffer_bytes(&w->text));
}

static void count_result(struct dead_letter_walk *w, enum delivery_retry_result result)
{
    uint64_t *const counts[] = {
        [DELIVERY_RETRY_DELIVERED] = &w->delivered,   [DELIVERY_RETRY_FILTERED] = &w->filtered,
        [DELIVERY_RETRY_AGGREGATED] = &w->aggregated, [DELIVERY_RETRY_DEAD_LETTERED] = &w->dead_lettered,
        [DELIVERY_RETRY_CANCELLED] = &w->failed,
    };
    ++*counts[result];
}

static void end_retry(struct retry *r)
{
    struct dead_letter_walk *w = r->walk;
    list_remove(&r->link);
    if (w) {
        count_result(w, r->result);
        w->under_way--;
        if (!w->at_end)
            loop_timer_start(w->timer, 0);
        finish_if_all_ended(w);
    }
    free(r);
}

static void handle_retired(void *ctx, enum status result)
{
    struct retry *r = ctx;
    if (result != STATUS_OK) /* it stays open, and may be delivered twice */
        r->result = DELIVERY_RETRY_CANCELLED;
    end_retry(r);
}

static void handle_ended(void *ctx, enum delivery_retry_result result)
{
    struct retry *r = ctx;
    r->result = result;
    if (result == DELIVERY_RETRY_CANCELLED) {
        end_retry(r);
        return;
    }
    if (dead_letter_retire(r->owner->store, &r->number, 1, DEAD_LETTER_RETRIED, handle_retired, r) !=
        STATUS_OK)
        handle_retired(r, STATUS_IO);
}

/* ---- Beginning ---- */

static enum status begin_retry(struct dead_letter_walk *w, struct delivery *delivery, uint64_t number,
                               const struct dead_letter *d)
{
    struct gateway_dead_letters *l = w->owner;
    struct retry *r = xcalloc(1, sizeof *r);
    *r = (struct retry){.number = number, .walk = w, .owner = l};
    list_init(&r->link);
    enum status result = delivery_retry(delivery, d->sequence, d->record, handle_ended, r);
    if (result != STATUS_OK) {
        free(r);
        return result;
    }
    list_add(&l->retries, &r->link);
    w->count++;
    w->under_way++;
    return STATUS_OK;
}

static enum dead_letter_walk_step take_for_retry(struct dead_letter_walk *w, uint64_t number,
                                                 const struct dead_letter *d)
{
    struct delivery *delivery = find_delivery(w->owner->gateway, d);
    if (!delivery || gateway_dead_letters_is_retrying(w->owner, number)) {
        w->skipped++;
        return WALK_NEXT;
    }
    enum status result = begin_retry(w, delivery, number, d);
    if (result == STATUS_BUSY) {
        loop_timer_start(w->timer, BUSY_RETRY_MS);
        return WALK_WAIT;
    }
    if (result != STATUS_OK)
        w->skipped++;
    return WALK_NEXT;
}

static struct dead_letter_walk *create_walk(struct gateway_dead_letters *l, struct admin_request *rq)
{
    struct dead_letter_walk *w = dead_letter_walk_create(l, rq);
    if (!w)
        return NULL;
    w->take = take_for_retry;
    w->finish = finish_if_all_ended;
    w->patience = loop_timer_create(l->gateway->loop, handle_patience, w);
    loop_timer_start(w->patience, PATIENCE_MS);
    return w;
}

void gateway_dead_letters_retry_many(struct gateway_dead_letters *l, struct admin_request *rq)
{
    struct dead_letter_walk *w = create_walk(l, rq);
    if (w)
        dead_letter_walk_start(w);
}

static const char *explain(enum status result)
{
    if (result == STATUS_BUSY)
        return "too many are being retried; try again when they have ended";
    if (result == STATUS_NOT_FOUND)
        return "the route does not take messages of this topic or this form any more";
    return result == STATUS_REFUSED ? "the route is stopping or changing; try again in a moment"
                                    : "no memory for it now; try again later";
}

void gateway_dead_letters_retry_one(struct gateway_dead_letters *l, struct admin_request *rq, uint64_t number)
{
    struct dead_letter d;
    if (!gateway_dead_letters_find(l, rq, number, &d))
        return;
    if (gateway_dead_letters_is_retrying(l, number)) {
        admin_reply_text(rq, 409, "dead letter %" PRIu64 " is being retried already\n", number);
        return;
    }
    struct delivery *delivery = find_delivery(l->gateway, &d);
    if (!delivery) {
        admin_reply_text(
            rq, 409, "route %.*s has no target %.*s any more. Configure it again, or purge the letter\n",
            (int)d.route.len, (const char *)d.route.data, (int)d.target.len, (const char *)d.target.data);
        return;
    }
    struct dead_letter_walk *w = create_walk(l, rq);
    if (!w)
        return;
    enum status result = begin_retry(w, delivery, number, &d);
    w->at_end = true;
    if (result == STATUS_OK)
        return;
    w->request = NULL;
    admin_reply_text(rq, result == STATUS_NOT_FOUND ? 409 : 503, "%s\n", explain(result));
    dead_letter_walk_destroy(w);
}

bool gateway_dead_letters_is_retrying(const struct gateway_dead_letters *l, uint64_t number)
{
    list_for_each(r, &l->retries, struct retry, link)
    {
        if (r->number == number)
            return true;
    }
    return false;
}

size_t gateway_dead_letters_retry_count(const struct gateway_dead_letters *l)
{
    size_t count = 0;
    list_for_each(r, &l->retries, struct retry, link) count++;
    return count;
}

/* The deliveries are gone, so what is left waits for its note. */
void gateway_dead_letters_retry_finish(struct gateway_dead_letters *l)
{
    list_for_each_safe(r, &l->retries, struct retry, link)
    {
        dead_letter_cancel(l->store, r);
        list_remove(&r->link);
        free(r);
    }
}
