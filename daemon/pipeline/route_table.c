/* SPDX-License-Identifier: Apache-2.0
 *
 * See route_table.h.
 */
#include "pipeline/route_table.h"

#include "base/arena.h"
#include "base/list.h"
#include "base/log.h"
#include "journal/journal.h"
#include "message/message_codec.h"
#include "message/topic_filter.h"
#include "metrics/metrics.h"

#include <stdlib.h>

/* What was accepted between two commits: counts by slot, told to the deliveries when the commit has
 * succeeded. */
struct accepted {
    struct route_table *table;
    struct list link; /* route_table.open or .idle */
    uint64_t first_sequence, last_sequence;
    uint64_t messages;
    message_sink_committed_fn done;
    void *ctx;
    size_t slot_capacity; /* the table's when this was made: it may have grown since */
    uint64_t counts[];    /* slot_capacity */
};

struct route_table_counters {
    uint64_t received, journaled, unrouted, too_large, refused;
};

struct route_table {
    struct journal *journal;
    struct route_entry **entries; /* by slot; NULL: free */
    size_t slot_count, slot_capacity;
    struct accepted *current;
    struct list open; /* accepted.link: commits under way */
    struct list idle; /* accepted.link: for use again */
    struct route_table_counters counters;
    struct metrics_group *metrics_group;
};

static const struct metric_row rows[] = {
    {"forebay_messages_received_total", METRIC_COUNTER, offsetof(struct route_table_counters, received),
     "Messages that sources handed over."},
    {"forebay_messages_journaled_total", METRIC_COUNTER, offsetof(struct route_table_counters, journaled),
     "Messages appended to the journal because at least one route wants them."},
    {"forebay_messages_unrouted_total", METRIC_COUNTER, offsetof(struct route_table_counters, unrouted),
     "Messages that no route wants; they are acknowledged and not kept."},
    {"forebay_messages_dropped_total{reason=\"too_large\"}", METRIC_COUNTER,
     offsetof(struct route_table_counters, too_large),
     "Messages over journal.record_limit; they are acknowledged, since a second try could not succeed "
     "either."},
    {"forebay_messages_refused_total", METRIC_COUNTER, offsetof(struct route_table_counters, refused),
     "Messages not taken because the journal was full or had failed; the broker keeps and sends them again."},
    {0},
};

const struct topic_filter *route_match_find(const struct route_match *m, struct bytes source,
                                            struct bytes topic, struct bytes *captures)
{
    if (!bytes_equal(m->source, source))
        return NULL;
    for (size_t i = 0; i < m->filter_count; i++)
        if (topic_filter_match(m->filters[i], topic, captures))
            return m->filters[i];
    return NULL;
}

static struct accepted *create_accepted(struct route_table *t)
{
    struct accepted *a = xcalloc(1, sizeof *a + t->slot_capacity * sizeof a->counts[0]);
    list_init(&a->link);
    a->table = t;
    a->slot_capacity = t->slot_capacity;
    return a;
}

static struct accepted *take_accepted(struct route_table *t)
{
    struct accepted *a = list_first(&t->idle, struct accepted, link);
    if (a) {
        list_remove(&a->link);
        memset(a->counts, 0, a->slot_capacity * sizeof a->counts[0]);
    } else {
        a = create_accepted(t);
    }
    a->table = t;
    a->first_sequence = a->last_sequence = 0;
    a->messages = 0;
    a->done = NULL;
    a->ctx = NULL;
    return a;
}

static void free_idle(struct route_table *t)
{
    list_for_each_safe(a, &t->idle, struct accepted, link)
    {
        list_remove(&a->link);
        free(a);
    }
}

static void add_slots(struct route_table *t)
{
    size_t old = t->slot_capacity;
    t->slot_capacity = old ? old * 2 : 16;
    t->entries = xrealloc(t->entries, t->slot_capacity * sizeof(*t->entries));
    memset(t->entries + old, 0, (t->slot_capacity - old) * sizeof(*t->entries));
    free_idle(t);
    struct accepted *grown = create_accepted(t);
    if (t->current) {
        grown->first_sequence = t->current->first_sequence;
        grown->last_sequence = t->current->last_sequence;
        grown->messages = t->current->messages;
        memcpy(grown->counts, t->current->counts, old * sizeof grown->counts[0]);
        free(t->current);
    }
    t->current = grown;
}

void route_table_add(struct route_table *t, struct route_entry *e)
{
    size_t slot = 0;
    while (slot < t->slot_count && t->entries[slot])
        slot++;
    if (slot == t->slot_capacity)
        add_slots(t);
    if (slot == t->slot_count)
        t->slot_count++;
    e->slot = slot;
    t->entries[slot] = e;
}

void route_table_remove(struct route_table *t, struct route_entry *e)
{
    t->entries[e->slot] = NULL;
    t->current->counts[e->slot] = 0;
    list_for_each(a, &t->open, struct accepted, link)
    {
        if (e->slot < a->slot_capacity)
            a->counts[e->slot] = 0;
    }
}

uint64_t route_table_newest(const struct route_table *t)
{
    uint64_t newest = journal_durable_head(t->journal);
    list_for_each(a, &t->open, const struct accepted, link)
    {
        if (a->last_sequence > newest)
            newest = a->last_sequence;
    }
    return t->current->last_sequence > newest ? t->current->last_sequence : newest;
}

/* ---- The sink ---- */

/* Who was refused drops the connection, and the whole burst comes again: what was kept of it would come
 * twice. */
static void take_back_burst(struct route_table *t)
{
    struct accepted *a = t->current;
    if (a->messages == 0 || !journal_append_undo(t->journal, a->first_sequence))
        return;
    t->counters.journaled -= a->messages;
    t->counters.refused += a->messages;
    memset(a->counts, 0, a->slot_capacity * sizeof a->counts[0]);
    a->first_sequence = a->last_sequence = 0;
    a->messages = 0;
}

static enum status keep(struct route_table *t, const struct message *m, uint64_t *sequence)
{
    uint8_t *space;
    enum status result = journal_append_space(t->journal, message_codec_size(m), &space, sequence);
    if (result == STATUS_OK) {
        message_codec_encode(m, space);
        t->counters.journaled++;
        return STATUS_OK;
    }
    if (result == STATUS_LIMIT) {
        t->counters.too_large++;
        log_limited(
            10000, LOG_LEVEL_WARNING, "ingest",
            "broker=%.*s topic=%.*s: a message of %zu bytes is larger than journal.record_limit and was "
            "dropped (counted as too_large). Raise record_limit or mend the device",
            (int)m->source.len, (const char *)m->source.data, (int)(m->topic.len < 200 ? m->topic.len : 200),
            (const char *)m->topic.data, m->payload.len);
        return STATUS_LIMIT;
    }
    t->counters.refused++;
    take_back_burst(t);
    return result == STATUS_FULL ? STATUS_FULL : STATUS_IO;
}

static enum status accept_message(void *self, const struct message *m)
{
    struct route_table *t = self;
    uint64_t sequence = 0;
    t->counters.received++;
    for (size_t i = 0; i < t->slot_count; i++) {
        if (!t->entries[i] || !route_match_find(&t->entries[i]->match, m->source, m->topic, NULL))
            continue;
        if (!sequence) {
            enum status result = keep(t, m, &sequence);
            if (result != STATUS_OK)
                return result;
        }
        t->current->counts[i]++;
    }
    if (!sequence) {
        t->counters.unrouted++;
        return STATUS_OK;
    }
    if (t->current->messages++ == 0)
        t->current->first_sequence = sequence;
    t->current->last_sequence = sequence;
    return STATUS_OK;
}

static void tell_deliveries(struct route_table *t, const struct accepted *a)
{
    for (size_t i = 0; i < t->slot_count && i < a->slot_capacity; i++)
        if (a->counts[i] && t->entries[i])
            t->entries[i]->on_accepted(t->entries[i]->ctx, a->counts[i], a->last_sequence);
}

/* How many of the records from `first` to `last` this one wants; what cannot be read is damage that its
 * delivery will meet. */
static uint64_t count_wanted(struct route_table *t, const struct route_match *match, uint64_t first,
                             uint64_t last)
{
    struct arena arena;
    struct journal_record record;
    struct message m;
    uint64_t count = 0;
    arena_init(&arena, 0, 0);
    while (first <= last && journal_peek(t->journal, &first, &record) == STATUS_OK &&
           record.sequence <= last) {
        arena_reset(&arena);
        if (message_codec_decode(record.bytes, &arena, &m) == STATUS_OK)
            count += route_match_find(match, m.source, m.topic, NULL) != NULL;
    }
    arena_finish(&arena);
    return count;
}

/* The commit has failed at its second segment or a later one: what went into those before it is durable, will
 * be delivered, and comes again from its source. */
static void tell_of_the_durable_part(struct route_table *t, struct accepted *a)
{
    uint64_t head = journal_durable_head(t->journal);
    if (a->messages == 0 || head < a->first_sequence)
        return;
    a->last_sequence = a->last_sequence < head ? a->last_sequence : head;
    for (size_t i = 0; i < t->slot_count && i < a->slot_capacity; i++)
        if (a->counts[i] && t->entries[i])
            a->counts[i] = count_wanted(t, &t->entries[i]->match, a->first_sequence, a->last_sequence);
    tell_deliveries(t, a);
}

static void handle_committed(void *ctx, enum status result)
{
    struct accepted *a = ctx;
    struct route_table *t = a->table;
    message_sink_committed_fn done = a->done;
    void *done_ctx = a->ctx;
    if (result == STATUS_OK)
        tell_deliveries(t, a);
    else
        tell_of_the_durable_part(t, a);
    list_remove(&a->link);
    if (a->slot_capacity == t->slot_capacity)
        list_add(&t->idle, &a->link);
    else
        free(a);
    if (done)
        done(done_ctx, result);
}

static void commit_messages(void *self, message_sink_committed_fn done, void *ctx)
{
    struct route_table *t = self;
    struct accepted *a = t->current;
    t->current = take_accepted(t);
    a->done = done;
    a->ctx = ctx;
    list_add(&t->open, &a->link);
    journal_commit(t->journal, handle_committed, a);
}

static void cancel_commits(void *self, void *ctx)
{
    struct route_table *t = self;
    list_for_each(a, &t->open, struct accepted, link)
    {
        if (a->ctx == ctx)
            a->done = NULL;
    }
}

struct message_sink route_table_sink(struct route_table *t)
{
    return (struct message_sink){t, accept_message, commit_messages, cancel_commits};
}

bool route_table_is_committing(const struct route_table *t)
{
    return !list_is_empty(&t->open) || t->current->messages > 0;
}

struct route_table *route_table_create(struct journal *j, struct metrics *metrics)
{
    struct route_table *t = xcalloc(1, sizeof *t);
    t->journal = j;
    list_init(&t->open);
    list_init(&t->idle);
    add_slots(t);
    if (metrics)
        t->metrics_group = metrics_add(metrics, rows, NULL, &t->counters, NULL);
    return t;
}

void route_table_destroy(struct route_table *t)
{
    if (!t)
        return;
    metrics_remove(t->metrics_group);
    list_for_each_safe(a, &t->open, struct accepted, link)
    {
        journal_commit_cancel(t->journal, a);
        list_remove(&a->link);
        free(a);
    }
    free_idle(t);
    free(t->current);
    free(t->entries);
    free(t);
}
