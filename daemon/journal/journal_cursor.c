/* SPDX-License-Identifier: Apache-2.0
 *
 * Named readers. What is confirmed lives in the cursor's entry of the cursor state, which the writer thread
 * makes durable some time later.
 */
#include "base/log.h"
#include "journal/journal_internal.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>

static bool is_valid_name(const char *name)
{
    size_t len = strlen(name);
    if (len == 0 || len > JOURNAL_CURSOR_NAME_MAX)
        return false;
    for (; *name; name++) {
        if (!isalnum((unsigned char)*name) && !strchr("_.:-", *name))
            return false;
    }
    return true;
}

static uint64_t start_position(const struct journal *j, enum journal_start start)
{
    if (start == JOURNAL_FROM_HEAD && !j->recovery.cursors_lost)
        return j->durable_head;
    return journal_oldest(j) - 1;
}

static void move_all(struct list *from, struct list *to)
{
    while (!list_is_empty(from)) {
        struct list *link = from->next;
        list_remove(link);
        list_add(to, link);
    }
}

static void set_confirmed(struct journal_cursor *c, uint64_t sequence)
{
    c->entry->place.confirmed = sequence;
    journal_retention_note_moved(c->journal);
    const struct journal_segment *oldest = list_first(&c->journal->segments, struct journal_segment, link);
    if (oldest && oldest->closed && sequence >= oldest->last)
        journal_retention_check_soon(c->journal);
}

static void evict_one(struct journal_cursor *c, uint64_t through, const char *reason)
{
    struct journal *j = c->journal;
    list_remove(&c->link);
    list_add(&j->cursors, &c->link);
    if (c->entry->place.confirmed >= through)
        return;
    log_limited(10000, LOG_LEVEL_WARNING, "journal",
                "path=%s cursor=%s has not confirmed records up to %" PRIu64 ", which are removed: %s",
                j->path, c->entry->name, through, reason);
    struct journal_cursor_entry *entry = c->entry;
    if (c->events.on_evict)
        c->events.on_evict(c->ctx, through, reason);
    if (entry->open != c) /* closed by its owner */
        return;
    if (entry->place.confirmed < through)
        entry->place.confirmed = through;
    if (c->reader.next <= through)
        journal_reader_seek(&c->reader, through + 1);
    if (c->position < through)
        c->position = through;
    journal_retention_note_moved(j);
}

void journal_cursor_wake(struct journal *j)
{
    move_all(&j->waiting, &j->ready);
    struct journal_cursor *c;
    while ((c = list_first(&j->ready, struct journal_cursor, link))) {
        list_remove(&c->link);
        list_add(&j->cursors, &c->link);
        if (c->events.on_ready)
            c->events.on_ready(c->ctx);
    }
}

void journal_cursor_evict(struct journal *j, const struct journal_segment *s, uint64_t through,
                          const char *reason)
{
    uint64_t lowest = 0, records = through - s->base + 1;
    if (journal_cursor_find_lowest(j, &lowest))
        records = lowest >= through ? 0 : through - (lowest < s->base ? s->base - 1 : lowest);
    if (strcmp(reason, "expired") == 0)
        j->stats.evicted_expired += records;
    else
        j->stats.evicted_full += records;
    struct list left;
    list_init(&left);
    move_all(&j->cursors, &left);
    move_all(&j->ready, &left);
    list_for_each_safe(c, &j->waiting, struct journal_cursor, link)
    {
        if (c->entry->place.confirmed >= through)
            continue; /* keeps waiting */
        list_remove(&c->link);
        list_add(&left, &c->link);
    }
    struct journal_cursor *c;
    while ((c = list_first(&left, struct journal_cursor, link)))
        evict_one(c, through, reason);
}

void journal_cursor_submit_saves(struct journal *j)
{
    list_for_each(e, &j->cursor_state.entries, struct journal_cursor_entry, link)
    {
        if (e->open && e->open->save_wanted) {
            e->open->save_wanted = false;
            e->open->save_submitted = true;
        }
    }
}

void journal_cursor_answer_saves(struct journal *j)
{
    list_for_each(e, &j->cursor_state.entries, struct journal_cursor_entry, link)
    {
        struct journal_cursor *c = e->open;
        if (!c || !c->save_submitted)
            continue;
        c->save_submitted = false;
        if (c->events.on_saved)
            c->events.on_saved(c->ctx);
    }
}

bool journal_cursor_find_lowest(const struct journal *j, uint64_t *confirmed)
{
    bool found = false;
    list_for_each(e, &j->cursor_state.entries, struct journal_cursor_entry, link)
    {
        if (e->open && (!found || e->place.confirmed < *confirmed)) {
            *confirmed = e->place.confirmed;
            found = true;
        }
    }
    return found;
}

struct journal_cursor *journal_cursor_open(struct journal *j, const char *name, enum journal_start start,
                                           const struct journal_cursor_events *events, void *ctx,
                                           struct error *err)
{
    if (!is_valid_name(name)) {
        error_set(err, STATUS_INVALID, "cursor \"%s\": a name has 1 to 128 of A-Z a-z 0-9 _ . : -", name);
        return NULL;
    }
    struct journal_cursor_entry *e = journal_cursor_state_find(&j->cursor_state, name);
    if (e && e->open) {
        error_set(err, STATUS_BUSY, "cursor \"%s\" is open already", name);
        return NULL;
    }
    if (!e) {
        e = journal_cursor_state_add(&j->cursor_state, name);
        if (!e) {
            error_set(err, STATUS_LIMIT,
                      "cursor \"%s\": journal %s has %zu cursors, no more fit; forget some", name, j->path,
                      j->cursor_state.count);
            return NULL;
        }
        e->place.confirmed = start_position(j, start);
        e->safe = e->submitted = e->place;
        journal_retention_note_name(j);
    }
    struct journal_cursor *c = xcalloc(1, sizeof(*c));
    c->journal = j;
    c->entry = e;
    e->open = c;
    c->position = e->place.confirmed;
    c->events = *events;
    c->ctx = ctx;
    list_add(&j->cursors, &c->link);
    journal_reader_init(&c->reader, j, e->place.confirmed + 1);
    return c;
}

void journal_cursor_close(struct journal_cursor *c)
{
    if (!c)
        return;
    c->entry->open = NULL;
    list_remove(&c->link);
    journal_reader_finish(&c->reader);
    journal_retention_check_soon(c->journal);
    free(c);
}

void journal_cursor_forget(struct journal *j, const char *name)
{
    struct journal_cursor_entry *e = journal_cursor_state_find(&j->cursor_state, name);
    if (!e || e->open)
        return;
    journal_cursor_state_remove(&j->cursor_state, e);
    journal_retention_note_moved(j);
}

void journal_cursor_list_parked(struct journal *j,
                                void (*fn)(void *ctx, const char *name, uint64_t confirmed), void *ctx)
{
    list_for_each(e, &j->cursor_state.entries, struct journal_cursor_entry, link)
    {
        if (!e->open)
            fn(ctx, e->name, e->place.confirmed);
    }
}

enum status journal_cursor_next(struct journal_cursor *c, struct journal_record *record)
{
    enum status st = journal_reader_next(&c->reader, record);
    if (st == STATUS_OK) {
        c->position = record->sequence;
        return STATUS_OK;
    }
    if (st == STATUS_END) {
        list_remove(&c->link);
        list_add(&c->journal->waiting, &c->link);
    }
    return st;
}

void journal_cursor_rewind(struct journal_cursor *c)
{
    c->position = c->entry->place.confirmed;
    journal_reader_seek(&c->reader, c->entry->place.confirmed + 1);
}

void journal_cursor_confirm(struct journal_cursor *c, uint64_t sequence)
{
    if (sequence > c->journal->durable_head)
        sequence = c->journal->durable_head;
    if (sequence > c->entry->place.confirmed)
        set_confirmed(c, sequence);
}

void journal_cursor_save(struct journal_cursor *c)
{
    c->save_wanted = true;
    journal_retention_save_soon(c->journal);
}

uint64_t journal_cursor_confirmed(const struct journal_cursor *c)
{
    return c->entry->place.confirmed;
}

uint64_t journal_cursor_position(const struct journal_cursor *c)
{
    return c->position;
}

void journal_cursor_set_note(struct journal_cursor *c, struct journal_cursor_note note)
{
    struct journal_cursor_entry *e = c->entry;
    uint64_t head = c->journal->durable_head;
    if (note.counted_through > head && e->place.note.counted_through <= head)
        e->safe = e->place;
    e->place.note = note;
    journal_retention_note_moved(c->journal);
}

struct journal_cursor_note journal_cursor_note(const struct journal_cursor *c)
{
    return c->entry->place.note;
}
