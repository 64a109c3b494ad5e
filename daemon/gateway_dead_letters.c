/* SPDX-License-Identifier: Apache-2.0
 *
 * See gateway_dead_letters.h. What looks at many letters is a walk.
 */
#include "gateway_dead_letters.h"

#include "admin/admin_server.h"
#include "base/arena.h"
#include "base/memory.h"
#include "gateway_dead_letters_parts.h"
#include "gateway_parts.h"
#include "journal/journal.h"
#include "message/message_codec.h"
#include "message/message_json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_DEFAULT = 100, LIST_MAX = 1000 };

static const struct metric_row rows[] = {
    {"forebay_dead_letters", METRIC_GAUGE, offsetof(struct dead_letter_counters, open),
     "Dead letters that are kept: neither retried nor purged."},
    {"forebay_dead_letters_added_total", METRIC_COUNTER, offsetof(struct dead_letter_counters, added),
     "Dead letters added."},
    {"forebay_dead_letters_retired_total{reason=\"retried\"}", METRIC_COUNTER,
     offsetof(struct dead_letter_counters, retried), "Dead letters that the operator has dealt with."},
    {"forebay_dead_letters_retired_total{reason=\"purged\"}", METRIC_COUNTER,
     offsetof(struct dead_letter_counters, purged), "Dead letters that the operator has dealt with."},
    {"forebay_dead_letters_dropped_total{reason=\"journal_full\"}", METRIC_COUNTER,
     offsetof(struct dead_letter_counters, dropped_full),
     "Dead letters removed by the limits of their store."},
    {"forebay_dead_letters_dropped_total{reason=\"expired\"}", METRIC_COUNTER,
     offsetof(struct dead_letter_counters, dropped_expired),
     "Dead letters removed by the limits of their store."},
    {0},
};

/* ---- One letter as JSON ---- */

static void write_letter(struct json_writer *w, uint64_t number, const struct dead_letter *d)
{
    json_writer_add_uint(w, "number", number);
    message_json_write_time(w, "given_up", d->time_us);
    json_writer_add_bytes(w, "route", d->route);
    json_writer_add_bytes(w, "target", d->target);
    json_writer_add_bytes(w, "stage", d->stage);
    json_writer_add_bytes(w, "reason", d->reason);
    json_writer_add_uint(w, "sequence", d->sequence);
}

/* The message itself; only its topic and size for a list. */
static void write_message(struct json_writer *w, const struct dead_letter *d, bool whole)
{
    struct arena arena;
    struct message m;
    arena_init(&arena, 0, 1 << 20);
    if (message_codec_decode(d->record, &arena, &m) != STATUS_OK) {
        json_writer_add_base64(w, "record_base64", whole ? d->record : bytes_of(NULL, 0));
    } else if (whole) {
        json_writer_begin_object(w, "message");
        message_json_write(w, &m);
        json_writer_end_object(w);
    } else {
        json_writer_add_bytes(w, "topic", m.topic);
        json_writer_add_uint(w, "payload_bytes", m.payload.len);
    }
    arena_finish(&arena);
}

/* ---- List ---- */

static enum dead_letter_walk_step take_for_list(struct dead_letter_walk *w, uint64_t number,
                                                const struct dead_letter *d)
{
    if (w->count == w->limit) {
        w->next_number = number;
        return WALK_STOP;
    }
    w->count++;
    json_writer_begin_object(&w->json, NULL);
    write_letter(&w->json, number, d);
    write_message(&w->json, d, false);
    if (gateway_dead_letters_is_retrying(w->owner, number))
        json_writer_add_bool(&w->json, "retrying", true);
    json_writer_end_object(&w->json);
    return WALK_NEXT;
}

static void finish_list(struct dead_letter_walk *w)
{
    json_writer_end_list(&w->json);
    if (w->next_number)
        json_writer_add_uint(&w->json, "next", w->next_number);
    json_writer_end_object(&w->json);
    buffer_add_byte(&w->text, '\n');
    dead_letter_walk_reply(w, w->text.failed ? 500 : 200, buffer_bytes(&w->text));
    dead_letter_walk_destroy(w);
}

static bool parse_number(const char *text, uint64_t *number)
{
    char *end;
    if (!text || *text < '0' || *text > '9')
        return false;
    *number = strtoull(text, &end, 10);
    return *end == 0;
}

static void handle_list(void *ctx, struct admin_request *rq)
{
    struct gateway_dead_letters *l = ctx;
    const char *limit_text = admin_request_parameter(rq, "limit"),
               *from = admin_request_parameter(rq, "from");
    uint64_t limit = LIST_DEFAULT, first = 1;
    if ((limit_text && !parse_number(limit_text, &limit)) || (from && !parse_number(from, &first))) {
        admin_reply_text(rq, 400, "limit and from are numbers\n");
        return;
    }
    struct dead_letter_walk *w = dead_letter_walk_create(l, rq);
    if (!w)
        return;
    w->at = first > 0 ? first : 1;
    w->limit = limit < LIST_MAX ? (size_t)limit : (size_t)LIST_MAX;
    w->take = take_for_list;
    w->finish = finish_list;
    json_writer_begin_object(&w->json, NULL);
    json_writer_add_int(&w->json, "open", dead_letter_store_counters(l->store)->open);
    json_writer_add_uint(&w->json, "retrying", gateway_dead_letters_retry_count(l));
    json_writer_begin_list(&w->json, "letters");
    dead_letter_walk_start(w);
}

/* ---- Purge ---- */

static void reply_purged(struct dead_letter_walk *w)
{
    json_writer_begin_object(&w->json, NULL);
    json_writer_add_uint(&w->json, "purged", w->count);
    json_writer_add_uint(&w->json, "failed", w->failed);
    json_writer_end_object(&w->json);
    buffer_add_byte(&w->text, '\n');
    dead_letter_walk_reply(w, w->failed ? 503 : 200, buffer_bytes(&w->text));
    dead_letter_walk_destroy(w);
}

static void purge_collected(struct dead_letter_walk *w);

static void handle_purged(void *ctx, enum status result)
{
    struct dead_letter_walk *w = ctx;
    w->under_way = 0;
    if (result == STATUS_OK)
        w->count += w->number_count;
    else
        w->failed += w->number_count;
    w->number_count = 0;
    if (w->at_end || result != STATUS_OK)
        reply_purged(w);
    else
        dead_letter_walk_start(w);
}

static void purge_collected(struct dead_letter_walk *w)
{
    w->under_way = 1;
    if (dead_letter_retire(w->owner->store, w->numbers, w->number_count, DEAD_LETTER_PURGED, handle_purged,
                           w) == STATUS_OK)
        return;
    w->failed += w->number_count;
    w->under_way = 0;
    reply_purged(w);
}

static enum dead_letter_walk_step take_for_purge(struct dead_letter_walk *w, uint64_t number,
                                                 const struct dead_letter *d)
{
    (void)d;
    if (gateway_dead_letters_is_retrying(w->owner, number))
        return WALK_NEXT;
    if (w->number_count == array_count(w->numbers)) {
        purge_collected(w);
        return WALK_WAIT;
    }
    w->numbers[w->number_count++] = number;
    return WALK_NEXT;
}

static void finish_purge(struct dead_letter_walk *w)
{
    if (w->number_count)
        purge_collected(w);
    else
        reply_purged(w);
}

static bool names_some(struct admin_request *rq)
{
    return admin_request_parameter(rq, "route") || admin_request_parameter(rq, "older_than") ||
           admin_request_parameter(rq, "all");
}

static void handle_purge(void *ctx, struct admin_request *rq)
{
    if (!names_some(rq)) {
        admin_reply_text(rq, 400, "say which: route=NAME (and target=NAME), older_than=AGE, or all=1\n");
        return;
    }
    struct dead_letter_walk *w = dead_letter_walk_create(ctx, rq);
    if (!w)
        return;
    w->take = take_for_purge;
    w->finish = finish_purge;
    dead_letter_walk_start(w);
}

/* ---- One letter ---- */

bool gateway_dead_letters_find(struct gateway_dead_letters *l, struct admin_request *rq, uint64_t number,
                               struct dead_letter *d)
{
    uint64_t found = number;
    if (!dead_letter_store_is_read(l->store)) {
        admin_reply_text(rq, 503, "the dead letters are being read after the start; try again in a moment\n");
        return false;
    }
    enum status result = dead_letter_store_next(l->store, &found, d);
    if (result == STATUS_OK && found == number)
        return true;
    if (result != STATUS_OK && result != STATUS_END)
        admin_reply_text(rq, 503, "the store cannot be read just now: %s\n", status_name(result));
    else
        admin_reply_text(rq, 404, "there is no dead letter %" PRIu64 "; it may be retried or purged\n",
                         number);
    return false;
}

/* "/dead-letters/N" and what follows the number. */
static bool parse_path(struct admin_request *rq, uint64_t *number, const char **rest)
{
    const char *text = admin_request_path(rq) + strlen("/dead-letters/");
    char *end;
    *number = strtoull(text, &end, 10);
    *rest = end;
    if (end != text && *text != '-' && *number > 0)
        return true;
    admin_reply_text(rq, 404, "a dead letter is named by its number\n");
    return false;
}

static void handle_show(void *ctx, struct admin_request *rq)
{
    struct dead_letter d;
    uint64_t number;
    const char *rest;
    if (!parse_path(rq, &number, &rest))
        return;
    if (*rest) {
        admin_reply_text(rq, 404, "GET /dead-letters/NUMBER\n");
        return;
    }
    if (!gateway_dead_letters_find(ctx, rq, number, &d))
        return;
    struct buffer text = {0};
    struct json_writer w;
    json_writer_init(&w, &text);
    json_writer_begin_object(&w, NULL);
    write_letter(&w, number, &d);
    write_message(&w, &d, true);
    json_writer_end_object(&w);
    buffer_add_byte(&text, '\n');
    admin_reply(rq, text.failed ? 500 : 200, "application/json", buffer_bytes(&text));
    buffer_finish(&text);
}

static void handle_delete(void *ctx, struct admin_request *rq)
{
    struct gateway_dead_letters *l = ctx;
    struct dead_letter d;
    uint64_t number;
    const char *rest;
    if (!parse_path(rq, &number, &rest))
        return;
    if (*rest) {
        admin_reply_text(rq, 404, "DELETE /dead-letters/NUMBER\n");
        return;
    }
    if (!gateway_dead_letters_find(l, rq, number, &d))
        return;
    if (gateway_dead_letters_is_retrying(l, number)) {
        admin_reply_text(rq, 409, "dead letter %" PRIu64 " is being retried\n", number);
        return;
    }
    struct dead_letter_walk *w = dead_letter_walk_create(l, rq);
    if (!w)
        return;
    w->at_end = true;
    w->numbers[w->number_count++] = number;
    purge_collected(w);
}

static void handle_post(void *ctx, struct admin_request *rq)
{
    uint64_t number;
    const char *rest;
    if (strcmp(admin_request_path(rq), "/dead-letters/retry") == 0) {
        if (names_some(rq))
            gateway_dead_letters_retry_many(ctx, rq);
        else
            admin_reply_text(rq, 400, "say which: route=NAME (and target=NAME), older_than=AGE, or all=1\n");
        return;
    }
    if (!parse_path(rq, &number, &rest))
        return;
    if (strcmp(rest, "/retry") == 0)
        gateway_dead_letters_retry_one(ctx, rq, number);
    else
        admin_reply_text(rq, 404, "POST /dead-letters/NUMBER/retry, or /dead-letters/retry?route=NAME\n");
}

/* ---- Life ---- */

struct gateway_dead_letters *gateway_dead_letters_create(struct gateway *g)
{
    struct gateway_dead_letters *l = xcalloc(1, sizeof *l);
    l->gateway = g;
    l->store = g->parts.dead_letters;
    list_init(&l->walks);
    list_init(&l->retries);
    metrics_add(g->metrics, rows, NULL, dead_letter_store_counters(l->store), NULL);
    admin_server_add(g->admin, "GET", "/dead-letters", 0, handle_list, l,
                     "open dead letters; limit, from, route, target, older_than");
    admin_server_add(g->admin, "DELETE", "/dead-letters", 0, handle_purge, l,
                     "purge dead letters by route, target, older_than, or all=1");
    admin_server_add(g->admin, "GET", "/dead-letters/", 0, handle_show, l,
                     "one dead letter with its message");
    admin_server_add(g->admin, "DELETE", "/dead-letters/", 0, handle_delete, l, "purge one dead letter");
    admin_server_add(g->admin, "POST", "/dead-letters/", 0, handle_post, l,
                     "NUMBER/retry, or retry?route=NAME: send again what has failed");
    return l;
}

void gateway_dead_letters_destroy(struct gateway_dead_letters *l)
{
    if (!l)
        return;
    gateway_dead_letters_retry_finish(l);
    list_for_each_safe(w, &l->walks, struct dead_letter_walk, link)
    {
        static const char text[] = "{\"error\":\"the gateway is stopping\"}\n";
        dead_letter_cancel(l->store, w);
        dead_letter_walk_reply(w, 503, bytes_of_text(text));
        dead_letter_walk_destroy(w);
    }
    free(l);
}
