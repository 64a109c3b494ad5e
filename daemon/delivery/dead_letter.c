/* SPDX-License-Identifier: Apache-2.0
 *
 * Adding and retiring letters, and their bytes. Record layouts, little endian. A letter: version u8 (1),
 * time_us i64, sequence u64, then route, target, stage and reason each as u16 length and bytes, then the
 * message record to the end. A note that retires letters: version u8 (2), enum dead_letter_end u8, the
 * numbers u64 each.
 */
#include "base/memory.h"
#include "delivery/dead_letter_internal.h"
#include "journal/journal.h"
#include "loop/loop.h"

#include <assert.h>
#include <endian.h>
#include <stdlib.h>

enum { VERSION = 1, VERSION_NOTE = 2, FIXED_BYTES = 1 + 8 + 8, NOTE_BYTES = 2, TEXT_MAX = 2000 };
enum { ROOM_RETRY_MS = 5000 };

/* One append that waits for its commit. */
struct waiter {
    struct dead_letter_store *store;
    struct list link; /* dead_letter_store.waiters */
    dead_letter_done_fn done;
    void *ctx;
    bool is_settled; /* whatever becomes of the commit */
    enum dead_letter_end why;
    size_t number_count; /* letters that are retired once the commit is durable */
    uint64_t numbers[];
};

static void handle_committed(void *ctx, enum status result)
{
    struct waiter *w = ctx;
    list_remove(&w->link);
    if (result == STATUS_OK)
        dead_letter_store_handle_retired(w->store, w->numbers, w->number_count, w->why);
    if (w->done)
        w->done(w->ctx, w->is_settled ? STATUS_OK : result);
    free(w);
}

/* In the callback that appended: a commit that fails meanwhile takes the append with it, and must know of us.
 * The journal makes one commit of all calls in a turn. */
static struct waiter *commit(struct dead_letter_store *s, size_t number_count, dead_letter_done_fn done,
                             void *ctx)
{
    struct waiter *w = xcalloc(1, sizeof *w + number_count * sizeof *w->numbers);
    w->store = s;
    w->done = done;
    w->ctx = ctx;
    w->number_count = number_count;
    list_add(&s->waiters, &w->link);
    journal_commit(s->journal, handle_committed, w);
    return w;
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

struct journal_settings dead_letter_journal_settings(const struct journal_settings *own,
                                                     const struct journal_settings *messages)
{
    enum { TEXTS = 4 };
    struct journal_settings s = *own;
    int64_t least = messages->record_limit + FIXED_BYTES + TEXTS * (int64_t)(sizeof(uint16_t) + TEXT_MAX);
    if (s.record_limit < least)
        s.record_limit = least;
    return s;
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
    commit(s, 0, done, ctx);
    s->counters.added++;
    return STATUS_OK;
}

/* ---- Retiring ---- */

static enum status append_note(struct dead_letter_store *s, const uint64_t *numbers, size_t count,
                               enum dead_letter_end why)
{
    uint8_t *at;
    uint64_t number;
    enum status result = journal_append_space(s->journal, NOTE_BYTES + count * sizeof *numbers, &at, &number);
    if (result != STATUS_OK)
        return result;
    *at++ = VERSION_NOTE;
    *at++ = (uint8_t)why;
    for (size_t i = 0; i < count; i++, at += sizeof *numbers) {
        uint64_t bytes = htole64(numbers[i]);
        memcpy(at, &bytes, sizeof bytes);
    }
    return STATUS_OK;
}

/* The store was full when these were retired. */
static void write_late_notes(void *ctx)
{
    struct dead_letter_store *s = ctx;
    while (s->late_count > 0) {
        size_t count = s->late_count < DEAD_LETTER_RETIRE_MAX ? s->late_count : DEAD_LETTER_RETIRE_MAX;
        if (append_note(s, s->late + s->late_count - count, count, DEAD_LETTER_PURGED) != STATUS_OK) {
            loop_timer_start(s->late_timer, ROOM_RETRY_MS);
            return;
        }
        s->late_count -= count;
        commit(s, 0, NULL, NULL);
    }
}

static void keep_for_late_note(struct dead_letter_store *s, const uint64_t *numbers, size_t count)
{
    s->late = xrealloc(s->late, (s->late_count + count) * sizeof *s->late);
    memcpy(s->late + s->late_count, numbers, count * sizeof *numbers);
    s->late_count += count;
    loop_timer_start(s->late_timer, ROOM_RETRY_MS);
}

enum status dead_letter_retire(struct dead_letter_store *s, const uint64_t *numbers, size_t count,
                               enum dead_letter_end why, dead_letter_done_fn done, void *ctx)
{
    assert(count <= DEAD_LETTER_RETIRE_MAX);
    enum status result = append_note(s, numbers, count, why);
    if (result == STATUS_FULL) {
        dead_letter_store_handle_retired(s, numbers, count, why);
        keep_for_late_note(s, numbers, count);
        commit(s, 0, done, ctx)->is_settled = true;
        return STATUS_OK;
    }
    if (result != STATUS_OK)
        return result;
    struct waiter *w = commit(s, count, done, ctx);
    memcpy(w->numbers, numbers, count * sizeof *numbers);
    w->why = why;
    return STATUS_OK;
}

void dead_letter_cancel(struct dead_letter_store *s, void *ctx)
{
    list_for_each(w, &s->waiters, struct waiter, link)
    {
        if (w->ctx == ctx)
            w->done = NULL;
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

size_t dead_letter_parse_note(struct bytes bytes, uint64_t *numbers, size_t most)
{
    if (bytes.len < NOTE_BYTES || bytes.data[0] != VERSION_NOTE)
        return 0;
    size_t count = (bytes.len - NOTE_BYTES) / sizeof *numbers;
    for (size_t i = 0; i < count && i < most; i++) {
        memcpy(&numbers[i], bytes.data + NOTE_BYTES + i * sizeof *numbers, sizeof *numbers);
        numbers[i] = le64toh(numbers[i]);
    }
    return count < most ? count : most;
}

void dead_letter_start(struct dead_letter_store *s)
{
    list_init(&s->waiters);
    s->late_timer = loop_timer_create(s->loop, write_late_notes, s);
}

void dead_letter_finish(struct dead_letter_store *s)
{
    loop_timer_destroy(s->late_timer);
    list_for_each_safe(w, &s->waiters, struct waiter, link)
    {
        journal_commit_cancel(s->journal, w);
        list_remove(&w->link);
        free(w);
    }
    free(s->late);
}
