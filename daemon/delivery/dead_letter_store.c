/* SPDX-License-Identifier: Apache-2.0
 *
 * The store as its own reader: a cursor follows the journal, letters open as they are read and close as the
 * notes that retire them are. It is confirmed up to the first open letter, so that the journal removes the
 * segments before it; a note always stands behind its letters, and so goes after them. Starting and running
 * use the same code: what is known is what is durable.
 */
#include "base/log.h"
#include "base/memory.h"
#include "delivery/dead_letter_internal.h"
#include "journal/journal.h"
#include "loop/loop.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { READ_RECORDS = 64, READ_BYTES = 256 * 1024, READ_RETRY_MS = 1000 };

static void confirm_what_is_gone(struct dead_letter_store *s)
{
    uint64_t confirmed = journal_cursor_confirmed(s->cursor);
    uint64_t open = dead_letter_index_next_open(&s->gone, confirmed + 1);
    if (open == confirmed + 1)
        return;
    journal_cursor_confirm(s->cursor, open - 1);
    dead_letter_index_trim(&s->gone, journal_cursor_confirmed(s->cursor));
}

/* Numbers that hold no open letter. Those not read yet were never counted as open. */
static uint64_t close_numbers(struct dead_letter_store *s, uint64_t first, uint64_t last)
{
    uint64_t confirmed = journal_cursor_confirmed(s->cursor), position = journal_cursor_position(s->cursor);
    first = first > confirmed ? first : confirmed + 1;
    last = last < position ? last : position;
    uint64_t closed = dead_letter_index_add(&s->gone, first, last);
    s->counters.open -= (int64_t)closed;
    return closed;
}

static void take_record(struct dead_letter_store *s, uint64_t before, const struct journal_record *record)
{
    struct dead_letter letter;
    uint64_t numbers[DEAD_LETTER_RETIRE_MAX];
    s->counters.open += (int64_t)(record->sequence - before);
    if (record->sequence > before + 1) /* damaged, or never given */
        close_numbers(s, before + 1, record->sequence - 1);
    if (dead_letter_parse(record->bytes, &letter) == STATUS_OK)
        return;
    close_numbers(s, record->sequence, record->sequence);
    size_t count = dead_letter_parse_note(record->bytes, numbers, array_count(numbers));
    for (size_t i = 0; i < count; i++)
        close_numbers(s, numbers[i], numbers[i]);
}

static void read_some(void *ctx)
{
    struct dead_letter_store *s = ctx;
    struct journal_record record;
    enum status result = STATUS_OK;
    size_t bytes = 0;
    for (int i = 0; i < READ_RECORDS && bytes < READ_BYTES && result == STATUS_OK; i++) {
        uint64_t before = journal_cursor_position(s->cursor);
        result = journal_cursor_next(s->cursor, &record);
        if (result != STATUS_OK)
            break;
        bytes += record.bytes.len;
        take_record(s, before, &record);
    }
    confirm_what_is_gone(s);
    if (result == STATUS_END) {
        s->is_read = true;
        return;
    }
    loop_timer_start(s->read_timer, result == STATUS_OK ? 0 : READ_RETRY_MS);
}

static void handle_ready(void *ctx)
{
    struct dead_letter_store *s = ctx;
    loop_timer_start(s->read_timer, 0);
}

static void handle_evict(void *ctx, uint64_t through, const char *reason)
{
    struct dead_letter_store *s = ctx;
    uint64_t lost = close_numbers(s, 1, through);
    uint64_t position = journal_cursor_position(s->cursor);
    if (through > position) /* not read yet: most are letters */
        lost += through - position;
    *(strcmp(reason, "expired") == 0 ? &s->counters.dropped_expired : &s->counters.dropped_full) += lost;
    dead_letter_index_trim(&s->gone, through);
    if (lost)
        log_limited(10000, LOG_LEVEL_WARNING, "dead_letters",
                    "%" PRIu64 " dead letters were removed (%s), as the limits of the store say", lost,
                    reason);
}

static const struct journal_cursor_events cursor_handlers = {.on_ready = handle_ready,
                                                             .on_evict = handle_evict};

void dead_letter_store_handle_retired(struct dead_letter_store *s, const uint64_t *numbers, size_t count,
                                      enum dead_letter_end why)
{
    if (!s->cursor || count == 0)
        return;
    for (size_t i = 0; i < count; i++)
        *(why == DEAD_LETTER_RETRIED ? &s->counters.retried : &s->counters.purged) +=
            close_numbers(s, numbers[i], numbers[i]);
    confirm_what_is_gone(s);
}

struct journal *dead_letter_store_journal(struct dead_letter_store *s)
{
    return s->journal;
}

bool dead_letter_store_is_read(const struct dead_letter_store *s)
{
    return s->is_read;
}

struct dead_letter_counters *dead_letter_store_counters(struct dead_letter_store *s)
{
    return &s->counters;
}

enum status dead_letter_store_next(struct dead_letter_store *s, uint64_t *number, struct dead_letter *d)
{
    if (!s->cursor)
        return STATUS_IO;
    uint64_t confirmed = journal_cursor_confirmed(s->cursor), position = journal_cursor_position(s->cursor);
    uint64_t from = *number > confirmed ? *number : confirmed + 1;
    for (;;) {
        struct journal_record record;
        uint64_t open = dead_letter_index_next_open(&s->gone, from), next = open;
        if (open > position)
            return STATUS_END;
        enum status result = journal_peek(s->journal, &next, &record);
        if (result != STATUS_OK)
            return result;
        if (record.sequence > position)
            return STATUS_END;
        if (dead_letter_parse(record.bytes, d) == STATUS_OK) {
            *number = record.sequence;
            return STATUS_OK;
        }
        from = record.sequence + 1;
    }
}

struct dead_letter_store *dead_letter_store_create(struct journal *j, struct loop *l)
{
    struct dead_letter_store *s = xcalloc(1, sizeof *s);
    struct error err;
    s->journal = j;
    s->loop = l;
    dead_letter_start(s);
    s->read_timer = loop_timer_create(l, read_some, s);
    s->cursor = journal_cursor_open(j, "dead_letters", JOURNAL_FROM_OLDEST, &cursor_handlers, s, &err);
    if (s->cursor)
        loop_timer_start(s->read_timer, 0);
    else
        log_error("dead_letters", "%s. Dead letters are kept and cannot be listed or retried", err.text);
    return s;
}

void dead_letter_store_destroy(struct dead_letter_store *s)
{
    if (!s)
        return;
    loop_timer_destroy(s->read_timer);
    journal_cursor_close(s->cursor);
    dead_letter_finish(s);
    dead_letter_index_finish(&s->gone);
    free(s);
}
