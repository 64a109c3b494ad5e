/* SPDX-License-Identifier: Apache-2.0
 *
 * See dead_letter.h. Record layout, little endian: version u8 (1), time_us i64, sequence u64, then route,
 * target, stage and reason each as u16 length and bytes, then the message record to the end.
 */
#include "delivery/dead_letter.h"

#include "base/list.h"
#include "journal/journal.h"
#include "loop/loop.h"

#include <endian.h>
#include <stdlib.h>

enum { VERSION = 1, FIXED_BYTES = 1 + 8 + 8, TEXT_MAX = 2000 };

struct dead_letter_store {
    struct journal *journal;
    struct loop *loop;
    struct list waiting; /* waiter.link: in the next commit */
    struct list open;    /* commit.link */
    bool scheduled;
};

struct waiter {
    struct list link;
    dead_letter_done_fn done;
    void *ctx;
};

struct commit {
    struct dead_letter_store *store;
    struct list waiters; /* waiter.link */
    struct list link;
};

static void tell_waiters(struct list *waiters, enum status result)
{
    while (!list_is_empty(waiters)) {
        struct waiter *w = list_first(waiters, struct waiter, link);
        list_remove(&w->link);
        if (w->done)
            w->done(w->ctx, result);
        free(w);
    }
}

static void handle_committed(void *ctx, enum status result)
{
    struct commit *c = ctx;
    list_remove(&c->link);
    tell_waiters(&c->waiters, result);
    free(c);
}

static void commit_waiting(void *ctx)
{
    struct dead_letter_store *s = ctx;
    struct commit *c = xcalloc(1, sizeof *c);
    s->scheduled = false;
    c->store = s;
    list_init(&c->waiters);
    list_add(&s->open, &c->link);
    while (!list_is_empty(&s->waiting)) {
        struct waiter *w = list_first(&s->waiting, struct waiter, link);
        list_remove(&w->link);
        list_add(&c->waiters, &w->link);
    }
    journal_commit(s->journal, handle_committed, c);
}

static uint8_t *put_text(uint8_t *at, struct bytes text)
{
    uint16_t len = htole16((uint16_t)text.len);
    memcpy(at, &len, sizeof len);
    if (text.len)
        memcpy(at + sizeof len, text.data, text.len);
    return at + sizeof len + text.len;
}

static struct bytes cut(struct bytes text)
{
    return bytes_of(text.data, text.len < TEXT_MAX ? text.len : TEXT_MAX);
}

enum status dead_letter_add(struct dead_letter_store *s, const struct dead_letter *d,
                            dead_letter_done_fn done, void *ctx)
{
    struct bytes texts[] = {cut(d->route), cut(d->target), cut(d->stage), cut(d->reason)};
    size_t size = FIXED_BYTES + d->record.len;
    for (size_t i = 0; i < array_count(texts); i++)
        size += sizeof(uint16_t) + texts[i].len;
    uint8_t *at;
    uint64_t number;
    enum status result = journal_append_space(s->journal, size, &at, &number);
    if (result != STATUS_OK)
        return result;
    uint64_t time_us = htole64((uint64_t)d->time_us), sequence = htole64(d->sequence);
    *at++ = VERSION;
    memcpy(at, &time_us, sizeof time_us);
    memcpy(at + 8, &sequence, sizeof sequence);
    at += 16;
    for (size_t i = 0; i < array_count(texts); i++)
        at = put_text(at, texts[i]);
    if (d->record.len)
        memcpy(at, d->record.data, d->record.len);
    struct waiter *w = xcalloc(1, sizeof *w);
    w->done = done;
    w->ctx = ctx;
    list_add(&s->waiting, &w->link);
    if (!s->scheduled) {
        s->scheduled = true;
        loop_defer(s->loop, commit_waiting, s);
    }
    return STATUS_OK;
}

static void forget(struct list *waiters, const void *ctx)
{
    list_for_each(w, waiters, struct waiter, link)
    {
        if (w->ctx == ctx)
            w->done = NULL;
    }
}

void dead_letter_cancel(struct dead_letter_store *s, void *ctx)
{
    forget(&s->waiting, ctx);
    list_for_each(c, &s->open, struct commit, link)
    {
        forget(&c->waiters, ctx);
    }
}

static bool take_text(struct bytes *from, struct bytes *text)
{
    uint16_t len;
    if (from->len < sizeof len)
        return false;
    memcpy(&len, from->data, sizeof len);
    len = le16toh(len);
    if (from->len - sizeof len < len)
        return false;
    *text = bytes_of(from->data + sizeof len, len);
    from->data += sizeof len + len;
    from->len -= sizeof len + len;
    return true;
}

enum status dead_letter_parse(struct bytes bytes, struct dead_letter *d)
{
    uint64_t time_us, sequence;
    if (bytes.len < FIXED_BYTES || bytes.data[0] != VERSION)
        return STATUS_CORRUPT;
    memcpy(&time_us, bytes.data + 1, sizeof time_us);
    memcpy(&sequence, bytes.data + 9, sizeof sequence);
    struct bytes rest = bytes_of(bytes.data + FIXED_BYTES, bytes.len - FIXED_BYTES);
    d->time_us = (int64_t)le64toh(time_us);
    d->sequence = le64toh(sequence);
    if (!take_text(&rest, &d->route) || !take_text(&rest, &d->target) || !take_text(&rest, &d->stage) ||
        !take_text(&rest, &d->reason))
        return STATUS_CORRUPT;
    d->record = rest;
    return STATUS_OK;
}

struct journal *dead_letter_store_journal(struct dead_letter_store *s)
{
    return s->journal;
}

struct dead_letter_store *dead_letter_store_create(struct journal *j, struct loop *l)
{
    struct dead_letter_store *s = xcalloc(1, sizeof *s);
    s->journal = j;
    s->loop = l;
    list_init(&s->waiting);
    list_init(&s->open);
    return s;
}

static void drop_waiters(struct list *waiters)
{
    list_for_each_safe(w, waiters, struct waiter, link)
    {
        list_remove(&w->link);
        free(w);
    }
}

void dead_letter_store_destroy(struct dead_letter_store *s)
{
    if (!s)
        return;
    loop_defer_cancel(s->loop, commit_waiting, s);
    drop_waiters(&s->waiting);
    list_for_each_safe(c, &s->open, struct commit, link)
    {
        journal_commit_cancel(s->journal, c);
        drop_waiters(&c->waiters);
        list_remove(&c->link);
        free(c);
    }
    free(s);
}
