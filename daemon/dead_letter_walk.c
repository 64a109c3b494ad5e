/* SPDX-License-Identifier: Apache-2.0
 *
 * See dead_letter_walk.h.
 */
#include "dead_letter_walk.h"

#include "admin/admin_server.h"
#include "base/clock.h"
#include "base/memory.h"
#include "gateway_dead_letters_parts.h"
#include "gateway_parts.h"
#include "journal/journal.h"
#include "loop/loop.h"

#include <stdlib.h>

enum { LETTERS_PER_TURN = 32, BYTES_PER_TURN = 256 * 1024, READ_RETRY_MS = 200 };

static bool is_wanted(const struct dead_letter_walk *w, const struct dead_letter *d)
{
    return (!w->route || bytes_equal(d->route, bytes_of_text(w->route))) &&
           (!w->target || bytes_equal(d->target, bytes_of_text(w->target))) &&
           (!w->before_us || (d->time_us > 0 && d->time_us < w->before_us));
}

static void walk_some(void *ctx)
{
    struct dead_letter_walk *w = ctx;
    struct dead_letter d;
    size_t bytes = 0;
    for (int i = 0; i < LETTERS_PER_TURN && bytes < BYTES_PER_TURN; i++) {
        uint64_t number = w->at;
        enum status result = dead_letter_store_next(w->owner->store, &number, &d);
        if (result != STATUS_OK && result != STATUS_END) { /* not now */
            loop_timer_start(w->timer, READ_RETRY_MS);
            return;
        }
        enum dead_letter_walk_step step = WALK_STOP;
        if (result == STATUS_OK && number <= w->through) {
            bytes += d.record.len;
            step = is_wanted(w, &d) ? w->take(w, number, &d) : WALK_NEXT;
        }
        if (step == WALK_WAIT)
            return;
        if (step == WALK_STOP) {
            w->at_end = true;
            w->finish(w);
            return;
        }
        w->at = number + 1;
    }
    loop_timer_start(w->timer, 0);
}

/* Seconds, or a number with s, m, h or d. */
static bool parse_age(const char *text, int64_t *age_us)
{
    static const struct {
        char letter;
        int64_t seconds;
    } units[] = {{0, 1}, {'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    char *end;
    long long value = strtoll(text, &end, 10);
    if (end == text || value < 0 || value > 1000000000 || (*end && end[1]))
        return false;
    for (size_t i = 0; i < array_count(units); i++) {
        if (*end == units[i].letter) {
            *age_us = value * units[i].seconds * 1000000;
            return true;
        }
    }
    return false;
}

static char *copy_or_null(const char *text)
{
    return text && *text ? xstrdup(text) : NULL;
}

struct dead_letter_walk *dead_letter_walk_create(struct gateway_dead_letters *l, struct admin_request *rq)
{
    const char *age = admin_request_parameter(rq, "older_than");
    int64_t age_us = 0;
    if (age && !parse_age(age, &age_us)) {
        admin_reply_text(rq, 400, "an age (older_than) is a number with s, m, h or d, such as 7d\n");
        return NULL;
    }
    if (!dead_letter_store_is_read(l->store)) {
        admin_reply_text(rq, 503, "the dead letters are being read after the start; try again in a moment\n");
        return NULL;
    }
    struct dead_letter_walk *w = xcalloc(1, sizeof *w);
    w->owner = l;
    w->request = rq;
    w->route = copy_or_null(admin_request_parameter(rq, "route"));
    w->target = copy_or_null(admin_request_parameter(rq, "target"));
    w->before_us = age ? clock_realtime_us() - age_us : 0;
    w->at = 1;
    w->through = journal_durable_head(dead_letter_store_journal(l->store));
    w->timer = loop_timer_create(l->gateway->loop, walk_some, w);
    json_writer_init(&w->json, &w->text);
    list_add(&l->walks, &w->link);
    return w;
}

void dead_letter_walk_destroy(struct dead_letter_walk *w)
{
    list_remove(&w->link);
    loop_timer_destroy(w->timer);
    loop_timer_destroy(w->patience);
    buffer_finish(&w->text);
    free(w->route);
    free(w->target);
    free(w);
}

void dead_letter_walk_start(struct dead_letter_walk *w)
{
    loop_timer_start(w->timer, 0);
}

void dead_letter_walk_reply(struct dead_letter_walk *w, int status, struct bytes json)
{
    if (!w->request)
        return;
    admin_reply(w->request, status, "application/json", json);
    w->request = NULL;
}
