/* SPDX-License-Identifier: Apache-2.0
 *
 * Appends: a record is laid out in the filling block exactly as it will stand in its segment, so that the
 * writer thread and the readers at the head use the same bytes. No allocation and no system call for a usual
 * record.
 */
#include "base/clock.h"
#include "journal/journal_internal.h"
#include "journal/journal_record.h"

static size_t segment_overhead(uint64_t size)
{
    return JOURNAL_SEGMENT_HEADER + (size_t)journal_segment_footer_reserve(size);
}

static bool fits_segment(const struct journal_segment *s, size_t span)
{
    uint64_t end = s->append_end + span;
    return end + journal_segment_footer_reserve(end) <= s->size;
}

/* A segment that has room for `span` bytes is active, or the status why not. */
static enum status need_segment(struct journal *j, size_t span)
{
    if (j->active && fits_segment(j->active, span))
        return STATUS_OK;
    uint64_t size = journal_append_segment_size(j, span);
    char why[300];
    if (!journal_retention_make_room(j, size, why, sizeof(why))) {
        journal_commit_enter_full(j, why);
        return STATUS_FULL;
    }
    journal_append_close_segment(j);
    j->active = journal_append_add_segment(j, j->next_sequence, size);
    return STATUS_OK;
}

/* A block of the active segment with room for `span` bytes is `fill`. */
static bool need_block(struct journal *j, size_t span)
{
    struct journal_block *b = j->fill;
    if (b && b->segment == j->active && b->capacity - b->used >= span)
        return true;
    b = journal_block_take(j->pool, span);
    if (!b)
        return false;
    b->segment = j->active;
    b->first = j->next_sequence;
    b->last = j->next_sequence - 1;
    list_add(&j->blocks, &b->link);
    j->blocks_bytes += b->capacity;
    j->fill = b;
    return true;
}

static enum status check_state(struct journal *j, size_t size)
{
    if (size > (uint64_t)j->settings.record_limit || size > JOURNAL_RECORD_MAX)
        return STATUS_LIMIT;
    if (j->state == JOURNAL_OK)
        return STATUS_OK;
    if (j->state == JOURNAL_FULL) {
        j->stats.refused_full++;
        return STATUS_FULL;
    }
    j->stats.refused_io++;
    return STATUS_IO;
}

void journal_append_finish_record(struct journal *j)
{
    if (j->unfinished)
        journal_record_seal(j->unfinished);
    j->unfinished = NULL;
}

uint64_t journal_append_segment_size(const struct journal *j, size_t span)
{
    uint64_t size = (uint64_t)j->settings.segment_size;
    uint64_t least = span + segment_overhead(span + JOURNAL_SEGMENT_HEADER);
    return size > least ? size : least;
}

void journal_append_close_segment(struct journal *j)
{
    if (!j->active)
        return;
    j->active->closed = true;
    j->active = NULL;
    j->fill = NULL;
}

struct journal_segment *journal_append_add_segment(struct journal *j, uint64_t base, uint64_t size)
{
    j->highest_serial = journal_segment_next_serial(j->highest_serial);
    struct journal_segment *s =
        journal_segment_create(base, j->highest_serial, journal_recovery_find_newest(j, base - 1));
    s->size = size;
    list_add(&j->segments, &s->link);
    j->size_bytes += size;
    return s;
}

bool journal_append_is_pending(const struct journal *j)
{
    if (list_is_empty(&j->blocks))
        return false;
    const struct journal_block *newest = list_entry(j->blocks.prev, struct journal_block, link);
    return newest->written < newest->used;
}

static void remove_block(struct journal *j, struct journal_block *b)
{
    list_remove(&b->link);
    j->blocks_bytes -= b->capacity;
    journal_block_unref(b);
}

void journal_append_trim(struct journal *j)
{
    list_for_each_safe(b, &j->blocks, struct journal_block, link)
    {
        if (j->blocks_bytes <= (uint64_t)j->settings.memory_tail || b == j->fill || b->written < b->used)
            return;
        remove_block(j, b);
    }
}

void journal_append_drop_pending(struct journal *j)
{
    journal_append_finish_record(j);
    j->fill = NULL;
    list_for_each_safe(b, &j->blocks, struct journal_block, link)
    {
        if (b->written == b->used)
            continue;
        j->stats.lost_uncommitted += b->last - (b->written ? j->durable_head : b->first - 1);
        b->used = b->submitted = b->written;
        b->last = j->durable_head;
        b->segment = NULL;
        if (b->used == 0)
            remove_block(j, b);
    }
}

/* The oldest record that is not with the writer; next_sequence: none. */
static uint64_t first_unsubmitted(const struct journal *j)
{
    list_for_each(b, &j->blocks, struct journal_block, link)
    {
        struct journal_record_header h;
        if (b->submitted == b->used)
            continue;
        journal_record_read(b->data + b->submitted, &h);
        return h.sequence;
    }
    return j->next_sequence;
}

/* End the block before the record `sequence`. */
static void shorten_block(struct journal_block *b, uint64_t sequence)
{
    for (size_t at = b->submitted; at < b->used;) {
        struct journal_record_header h;
        journal_record_read(b->data + at, &h);
        if (h.sequence >= sequence) {
            b->used = at;
            b->last = sequence - 1;
        }
        at += journal_record_span(h.length);
    }
}

static uint64_t pending_bytes(const struct journal *j, const struct journal_segment *s)
{
    uint64_t bytes = 0;
    list_for_each(b, &j->blocks, struct journal_block, link)
    {
        if (b->segment == s)
            bytes += b->used - b->written;
    }
    return bytes;
}

/* The segment as it is without the records from `sequence` on, which have left the blocks. */
static void shorten_segment(struct journal *j, struct journal_segment *s, uint64_t sequence)
{
    s->append_end = s->end + pending_bytes(j, s);
    s->append_last = sequence - 1;
    while (s->place_count > 0 && s->places[s->place_count - 1].sequence >= sequence)
        s->place_count--;
    if (s->created || s->append_end > s->end)
        return;
    if (j->active == s)
        j->active = NULL;
    journal_retention_drop_segment(j, s);
}

bool journal_append_undo(struct journal *j, uint64_t sequence)
{
    const struct journal_waiters *w = &j->waiters;
    if (sequence < first_unsubmitted(j) || (w->count > 0 && sequence <= w->items[w->count - 1].through))
        return false;
    journal_append_finish_record(j);
    while (!list_is_empty(&j->blocks)) {
        struct journal_block *b = list_entry(j->blocks.prev, struct journal_block, link);
        if (b->last < sequence)
            break;
        shorten_block(b, sequence);
        if (b->used > 0)
            break;
        remove_block(j, b);
        j->fill = NULL;
    }
    for (struct list *at = j->segments.prev, *before; at != &j->segments; at = before) {
        struct journal_segment *s = list_entry(at, struct journal_segment, link);
        before = at->prev;
        if (s->append_last < sequence)
            break;
        shorten_segment(j, s, sequence);
    }
    j->stats.lost_uncommitted += j->next_sequence - sequence;
    j->next_sequence = sequence;
    return true;
}

enum status journal_append_space(struct journal *j, size_t size, uint8_t **space, uint64_t *sequence)
{
    enum status st = check_state(j, size);
    if (st != STATUS_OK)
        return st;
    journal_append_finish_record(j);
    size_t span = journal_record_span(size);
    st = need_segment(j, span);
    if (st != STATUS_OK)
        return st;
    if (!need_block(j, span))
        return STATUS_NO_MEMORY;
    int64_t now_us = clock_realtime_us();
    struct journal_record_header h = {.length = (uint32_t)size,
                                      .mark = journal_segment_mark(j->active, j->active->append_end),
                                      .sequence = j->next_sequence++,
                                      .appended_us = clock_is_plausible(now_us) ? now_us : 0};
    struct journal_block *b = j->fill;
    uint8_t *place = b->data + b->used;
    if (size & 7) /* the padding */
        memset(place + span - 8, 0, 8);
    journal_record_encode(place, &h);
    b->used += span;
    b->last = h.sequence;
    journal_segment_add_record(j->active, h.sequence, span, h.appended_us);
    j->unfinished = place;
    j->stats.appended_records++;
    j->stats.appended_bytes += size;
    *space = place + JOURNAL_RECORD_HEADER;
    *sequence = h.sequence;
    return STATUS_OK;
}

enum status journal_append(struct journal *j, const struct iovec *parts, size_t count, uint64_t *sequence)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += parts[i].iov_len;
    uint8_t *space = NULL;
    enum status st = journal_append_space(j, size, &space, sequence);
    if (st != STATUS_OK)
        return st;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].iov_len > 0)
            memcpy(space, parts[i].iov_base, parts[i].iov_len);
        space += parts[i].iov_len;
    }
    return STATUS_OK;
}
