/* SPDX-License-Identifier: Apache-2.0
 *
 * See sparkplug_host.h. Births, data and deaths of devices share one run of numbers, 0 to 255, for each edge
 * node; a message whose turn it is not waits until those before it have come, or its time is up. So does one
 * that names what no birth has declared. NDEATH has no number: its bdSeq says which session has ended. What a
 * broker delivers twice (QoS 1, after a lost connection) is known by its number and its bytes.
 */
#include "sparkplug/sparkplug_host.h"

#include "base/memory.h"
#include "sparkplug/sparkplug_b.pb-c.h"
#include "sparkplug/sparkplug_payload.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    SEQ_COUNT = 256,
    STRAGGLERS_MAX = 64, /* numbers behind the one that is expected */
    /* Of what waits in one edge node: all of it may have to be unpacked again when a birth comes. */
    HELD_BYTES_MAX = 1 << 20,
};

struct held {
    struct list link; /* sparkplug_node.held */
    void *token;
    uint64_t sequence, digest;
    uint64_t tried; /* sparkplug_node.births when it was seen to be unreadable, + 1; 0: never */
    size_t size;
    int64_t due_us;
    int seq;
    bool is_of_before;   /* of the time before the birth that has come */
    bool is_of_stranger; /* its node had no birth when it came */
};

struct sparkplug_host {
    struct sparkplug_host_settings settings;
    const struct sparkplug_host_events *events;
    void *ctx;
    struct sparkplug_nodes nodes;
    struct list waiting; /* sparkplug_node.link */
    size_t held_count, stranger_held_count;
    struct sparkplug_host_counters counters;
};

/* ---- Answers ---- */

/* Its number in the node's run; -1: it has none. */
static int seq_of(const struct sparkplug_arrival *a)
{
    return a->payload->has_seq && a->payload->seq < SEQ_COUNT ? (int)a->payload->seq : -1;
}

static void decide(struct sparkplug_host *h, const struct sparkplug_arrival *a,
                   const struct sparkplug_decision *d)
{
    if (d->node && a->sequence > d->node->seen)
        d->node->seen = a->sequence;
    if (d->node)
        sparkplug_node_remember(d->node, seq_of(a), a->digest);
    h->events->on_decision(h->ctx, a, d);
}

static void refuse(struct sparkplug_host *h, const struct sparkplug_arrival *a, struct sparkplug_node *node,
                   const char *reason)
{
    const struct sparkplug_decision d = {
        .verdict = SPARKPLUG_REFUSE, .reason = reason, .node = node, .missing_seq = -1};
    decide(h, a, &d);
}

static void drop(struct sparkplug_host *h, const struct sparkplug_arrival *a, struct sparkplug_node *node,
                 const char *reason)
{
    const struct sparkplug_decision d = {
        .verdict = SPARKPLUG_DROP, .reason = reason, .node = node, .missing_seq = -1};
    decide(h, a, &d);
}

static void want_rebirth(struct sparkplug_host *h, struct sparkplug_node *node, void *token, int64_t now_us)
{
    if (!h->settings.asks_rebirth ||
        (node->asked && now_us - node->asked_us < h->settings.rebirth_interval_us))
        return;
    node->asked = h->events->on_rebirth_wanted(h->ctx, node, token);
    node->asked_us = now_us;
}

/* ---- What a message needs ---- */

/* Without a name and an alias it never will be, and need not be waited for. */
static bool is_named(const struct sparkplug_birth *b, const Spb__Metric *m)
{
    if ((m->has_name && m->name.len > 0) || !m->has_alias)
        return true;
    return b && sparkplug_birth_find_alias(b, m->alias);
}

/* Every metric has a name, given or declared. */
static bool is_readable(const struct sparkplug_birth *b, const Spb__Payload *p)
{
    for (size_t i = 0; i < p->n_metrics; i++)
        if (!is_named(b, p->metrics[i]))
            return false;
    return true;
}

static bool is_data(enum sparkplug_message m)
{
    return m == SPARKPLUG_NDATA || m == SPARKPLUG_DDATA;
}

/* Whether the births that it builds on have been seen. */
static bool is_born(struct sparkplug_node *node, const struct sparkplug_arrival *a)
{
    if (!is_data(a->topic.message))
        return sparkplug_node_alive(node, bytes_of("", 0), a->sequence) != NULL;
    const struct sparkplug_section *s = sparkplug_node_alive(node, a->topic.device, a->sequence);
    return s && is_readable(s->birth, a->payload);
}

static bool is_its_turn(struct sparkplug_node *node, const struct sparkplug_arrival *a, int seq)
{
    return (node->expected < 0 || seq < 0 || seq == node->expected) && is_born(node, a);
}

/* ---- Births and deaths ---- */

static struct sparkplug_birth *make_birth(const struct sparkplug_arrival *a)
{
    struct buffer packed = {.limit = SPARKPLUG_BIRTH_MAX};
    struct sparkplug_birth *b = NULL;
    if (sparkplug_birth_pack(a->payload, &packed))
        b = sparkplug_birth_create(buffer_bytes(&packed));
    buffer_finish(&packed);
    return b;
}

/* The numbers of what is held: it came before the birth and is for it. */
static size_t list_early(const struct sparkplug_node *node, uint64_t from, uint64_t *early)
{
    size_t count = 0;
    list_for_each(held, &node->held, struct held, link)
    {
        if (held->sequence < from)
            early[count++] = held->sequence;
    }
    return count;
}

/* False: refused, and answered. */
static bool add_birth(struct sparkplug_host *h, struct sparkplug_node *node, struct sparkplug_device *d,
                      const struct sparkplug_arrival *a, struct sparkplug_section *s, uint64_t session,
                      bool *changed)
{
    uint64_t *early = xcalloc(node->held_count + 1, sizeof *early);
    s->early = early;
    s->early_count = list_early(node, s->from, early);
    /* It may have been held itself, and so stand before its own section. */
    if (a->sequence < s->from)
        early[s->early_count++] = a->sequence;
    s->birth = make_birth(a);
    h->counters.equal_aliases += s->birth && sparkplug_birth_equal_count(s->birth) > 0;
    bool added = s->birth && sparkplug_node_add_section(&h->nodes, node, d, s, session, changed);
    node->births++;
    if (!added) {
        sparkplug_birth_unref(s->birth);
        refuse(h, a, node, "there is no room to remember this birth: raise max_nodes or max_state");
    }
    free(early);
    return added;
}

static void process_device_birth(struct sparkplug_host *h, struct sparkplug_node *node,
                                 const struct sparkplug_arrival *a, struct sparkplug_decision *d)
{
    const struct sparkplug_section *of_node = sparkplug_node_alive(node, bytes_of("", 0), a->sequence);
    struct sparkplug_device *device =
        of_node ? sparkplug_node_add_device(&h->nodes, node, a->topic.device) : NULL;
    if (of_node && !device) {
        refuse(h, a, node, "the edge node has too many devices");
        return;
    }
    if (device) {
        d->change = SPARKPLUG_ONLINE;
        struct sparkplug_section s = {.from = a->sequence > of_node->from ? a->sequence : of_node->from};
        if (!add_birth(h, node, device, a, &s, of_node->from, &d->changed))
            return;
        const struct sparkplug_section *alive = sparkplug_node_alive(node, a->topic.device, a->sequence);
        d->birth = alive ? alive->birth : NULL;
    }
    decide(h, a, d);
}

static void process_device_death(struct sparkplug_host *h, struct sparkplug_node *node,
                                 const struct sparkplug_arrival *a, struct sparkplug_decision *d)
{
    struct sparkplug_device *device = sparkplug_node_find_device(node, a->topic.device);
    struct sparkplug_section *s = device ? sparkplug_node_section(device, a->sequence) : NULL;
    /* With its node it has gone already. */
    bool is_its_death = s && s->death == a->sequence;
    if (is_its_death || sparkplug_node_alive(node, a->topic.device, a->sequence)) {
        d->change = SPARKPLUG_OFFLINE;
        d->changed = s->death == 0;
        d->birth = s->birth;
        s->death = a->sequence;
    }
    decide(h, a, d);
}

static void process_data(struct sparkplug_host *h, struct sparkplug_node *node,
                         const struct sparkplug_arrival *a, struct sparkplug_decision *d)
{
    const struct sparkplug_section *s = sparkplug_node_alive(node, a->topic.device, a->sequence);
    d->birth = s ? s->birth : NULL;
    bool is_known = is_readable(d->birth, a->payload);
    h->counters.unknown += !s || !is_known;
    if (!is_known && !h->settings.passes_unknown) {
        refuse(h, a, node,
               s ? "it has an alias that no birth has declared"
                 : "it has an alias, and the birth of its edge node or device is not known");
        return;
    }
    decide(h, a, d);
}

static void expect_after(struct sparkplug_node *node, const struct sparkplug_arrival *a, int seq)
{
    node->expected = (seq + 1) % SEQ_COUNT;
    if (a->payload->has_timestamp)
        node->time_ms = a->payload->timestamp;
}

/* Its turn has come, or its time is up. `seq`: its place in the node's run; -1: it has none. */
static void process(struct sparkplug_host *h, struct sparkplug_node *node, const struct sparkplug_arrival *a,
                    int seq, int missing_seq)
{
    struct sparkplug_decision d = {.node = node, .sequence = a->sequence, .missing_seq = missing_seq};
    if (seq >= 0)
        expect_after(node, a, seq);
    if (a->topic.message == SPARKPLUG_DBIRTH)
        process_device_birth(h, node, a, &d);
    else if (a->topic.message == SPARKPLUG_DDEATH)
        process_device_death(h, node, a, &d);
    else
        process_data(h, node, a, &d);
}

/* ---- Waiting ---- */

static void forget_held(struct sparkplug_host *h, struct sparkplug_node *node, struct held *held)
{
    list_remove(&held->link);
    h->stranger_held_count -= held->is_of_stranger;
    node->held_count--;
    node->held_bytes -= held->size;
    h->held_count--;
    free(held);
    if (node->held_count == 0)
        list_remove(&node->link);
}

/* Those held whose turn has come, one after the other. */
static void release(struct sparkplug_host *h, struct sparkplug_node *node)
{
    for (bool found = true; found;) {
        found = false;
        list_for_each(held, &node->held, struct held, link)
        {
            struct sparkplug_arrival a;
            int seq = held->seq; /* NOLINT(clang-analyzer-unix.Malloc): what was freed is out of the list */
            if (seq >= 0 && node->expected >= 0 && seq != node->expected)
                continue;
            if (held->tried == node->births + 1)
                continue; /* only a birth makes it readable */
            held->tried = node->births + 1;
            if (!h->events->reopen(h->ctx, held->token, &a) || !is_its_turn(node, &a, seq))
                continue;
            forget_held(h, node, held);
            process(h, node, &a, seq, -1);
            found = true;
            break;
        }
    }
}

/* The one that is nearest to what is expected; `is_of_before`: of those that are marked so. */
static struct held *first_in_turn(const struct sparkplug_node *node, bool is_of_before)
{
    struct held *first = NULL;
    int nearest = SEQ_COUNT;
    list_for_each(held, &node->held, struct held, link)
    {
        if (is_of_before && !held->is_of_before)
            continue;
        int distance =
            held->seq < 0 || node->expected < 0 ? 0 : (held->seq - node->expected + SEQ_COUNT) % SEQ_COUNT;
        if (distance < nearest) {
            nearest = distance;
            first = held;
        }
    }
    return first;
}

/* Go on without what is missing; births are asked for at `ask_us`, or not when it is negative. */
static void force(struct sparkplug_host *h, struct sparkplug_node *node, struct held *held, int64_t ask_us)
{
    struct sparkplug_arrival a;
    bool is_there = h->events->reopen(h->ctx, held->token, &a);
    int seq = held->seq;
    int missing = seq >= 0 && node->expected >= 0 && seq != node->expected ? node->expected : -1;
    bool is_lost = missing >= 0 || (is_there && !is_born(node, &a));
    h->counters.missing += missing >= 0;
    for (int lost = missing; lost >= 0 && lost != seq; lost = (lost + 1) % SEQ_COUNT)
        sparkplug_node_forget(node, lost);
    if (is_lost && ask_us >= 0)
        want_rebirth(h, node, held->token, ask_us);
    forget_held(h, node, held);
    if (is_there)
        process(h, node, &a, seq, missing);
}

static void hold(struct sparkplug_host *h, struct sparkplug_node *node, const struct sparkplug_arrival *a,
                 int64_t now_us)
{
    struct held *held = xcalloc(1, sizeof *held);
    *held = (struct held){.token = a->token,
                          .sequence = a->sequence,
                          .digest = a->digest,
                          .size = a->size,
                          .due_us = now_us + h->settings.reorder_us,
                          .seq = seq_of(a)};
    held->is_of_stranger = node->self->section_count == 0;
    h->stranger_held_count += held->is_of_stranger;
    list_add(&node->held, &held->link);
    node->held_bytes += a->size;
    if (node->held_count++ == 0)
        list_add(&h->waiting, &node->link);
    h->held_count++;
    h->counters.held++;
}

/* ---- Arrivals ---- */

/* Whether a message that waits was sent before this birth. Without time stamps it was, as it came before. */
static bool is_older(const struct sparkplug_arrival *a, const struct sparkplug_arrival *birth)
{
    return !a->payload->has_timestamp || !birth->payload->has_timestamp ||
           a->payload->timestamp < birth->payload->timestamp;
}

/* What waits and was sent before the birth goes before it, and is read with the birth of its own time: in a
 * new session the same aliases may have other names. What cannot be read, and is of the same session, waits
 * for the names in this birth, without a place among the numbers that begin anew. */
static void end_waiting(struct sparkplug_host *h, struct sparkplug_node *node,
                        const struct sparkplug_arrival *birth, const struct sparkplug_section *s)
{
    const struct sparkplug_section *old = sparkplug_node_alive(node, bytes_of("", 0), birth->sequence);
    if (!old || node->held_count == 0)
        return;
    bool is_same_session = s->has_bdseq && old->has_bdseq && s->bdseq == old->bdseq;
    list_for_each(held, &node->held, struct held, link)
    {
        struct sparkplug_arrival a;
        if (!h->events->reopen(h->ctx, held->token, &a) || !is_older(&a, birth))
            continue;
        held->is_of_before = !is_same_session || is_born(node, &a);
        if (!held->is_of_before)
            held->seq = -1;
    }
    for (struct held *held; (held = first_in_turn(node, true));)
        force(h, node, held, -1);
}

static void process_node_birth(struct sparkplug_host *h, struct sparkplug_node *node,
                               const struct sparkplug_arrival *a)
{
    struct sparkplug_section s = {.from = a->sequence};
    struct sparkplug_decision d = {.change = SPARKPLUG_ONLINE, .node = node, .missing_seq = -1};
    s.has_bdseq = sparkplug_payload_bdseq(a->payload, &s.bdseq);
    end_waiting(h, node, a, &s);
    if (!add_birth(h, node, node->self, a, &s, 0, &d.changed))
        return;
    node->expected = -1;
    if (seq_of(a) >= 0)
        expect_after(node, a, seq_of(a));
    d.sequence = a->sequence;
    d.birth = sparkplug_node_alive(node, bytes_of("", 0), a->sequence)->birth;
    decide(h, a, &d);
}

/* It has been here before: a dead letter that comes again, or a repetition by the journal. */
static void take_again(struct sparkplug_host *h, struct sparkplug_node *node,
                       const struct sparkplug_arrival *a)
{
    const struct sparkplug_section *s = sparkplug_node_alive(node, a->topic.device, a->sequence);
    struct sparkplug_decision d = {
        .node = node, .birth = s ? s->birth : NULL, .sequence = a->sequence, .missing_seq = -1};
    if (!h->settings.passes_unknown && is_data(a->topic.message) && !is_readable(d.birth, a->payload))
        refuse(h, a, node, "it has an alias that the birth of its time has not declared");
    else
        decide(h, a, &d);
}

static void take_node_death(struct sparkplug_host *h, struct sparkplug_node *node,
                            const struct sparkplug_arrival *a)
{
    uint64_t bdseq;
    bool has_bdseq = sparkplug_payload_bdseq(a->payload, &bdseq);
    struct sparkplug_section *s = sparkplug_node_section(node->self, a->sequence);
    struct sparkplug_decision d = {.node = node, .sequence = a->sequence, .missing_seq = -1};
    if (s && has_bdseq && s->has_bdseq && bdseq != s->bdseq) {
        h->counters.late_deaths++;
        drop(h, a, node, "death of an earlier session");
        return;
    }
    if (s && s->death && s->death != a->sequence) {
        drop(h, a, node, "death of an edge node that is offline");
        return;
    }
    for (struct held *held; (held = first_in_turn(node, false));)
        force(h, node, held, -1);
    if (s) {
        d.change = SPARKPLUG_OFFLINE;
        d.changed = s->death == 0;
        d.birth = s->birth;
        s->death = a->sequence;
    }
    node->expected = -1;
    decide(h, a, &d);
}

static bool is_supervised(enum sparkplug_message m)
{
    return m != SPARKPLUG_NCMD && m != SPARKPLUG_DCMD && m != SPARKPLUG_STATE;
}

/* A broker delivers again what was not acknowledged to the end, with QoS 1 after a lost connection: up to a
 * window of messages, behind newer ones. */
static bool is_repeated(const struct sparkplug_node *node, const struct sparkplug_arrival *a)
{
    int seq = seq_of(a);
    if (sparkplug_node_remembers(node, seq, a->digest))
        return true;
    list_for_each(held, &node->held, struct held, link)
    {
        if (seq >= 0 && held->seq == seq && held->digest == a->digest)
            return true;
    }
    return false;
}

static void drop_repeated(struct sparkplug_host *h, const struct sparkplug_arrival *a)
{
    const struct sparkplug_decision d = {
        .verdict = SPARKPLUG_DROP, .reason = "the broker has delivered it before", .missing_seq = -1};
    h->counters.repeated++;
    decide(h, a, &d);
}

/* It was missing, and comes when nobody waits for it any more; or it stands behind a later one in the journal
 * that is read again after a crash. An edge node that has begun anew without a birth has later time stamps,
 * and numbers that were handled. */
static bool is_straggler(struct sparkplug_node *node, const struct sparkplug_arrival *a)
{
    int seq = seq_of(a);
    if (!is_data(a->topic.message) || seq < 0 || node->expected < 0 || !a->payload->has_timestamp)
        return false;
    int behind = (node->expected - seq + SEQ_COUNT) % SEQ_COUNT;
    return behind > 0 && behind <= STRAGGLERS_MAX && a->payload->timestamp <= node->time_ms &&
           !sparkplug_node_has_handled(node, seq) && is_born(node, a);
}

/* Strangers share what one node may hold: names are invented faster than their time is up. */
static bool is_too_much(const struct sparkplug_host *h, const struct sparkplug_node *node)
{
    return node->held_count > h->settings.reorder_max || node->held_bytes > HELD_BYTES_MAX ||
           h->stranger_held_count > h->settings.reorder_max;
}

static void take_in_turn(struct sparkplug_host *h, struct sparkplug_node *node,
                         const struct sparkplug_arrival *a, int64_t now_us)
{
    if (is_its_turn(node, a, seq_of(a))) {
        process(h, node, a, seq_of(a), -1);
        release(h, node);
        return;
    }
    if (is_repeated(node, a)) {
        drop_repeated(h, a);
        return;
    }
    if (is_straggler(node, a)) {
        process(h, node, a, -1, -1);
        return;
    }
    hold(h, node, a, now_us);
    while (node->held_count > 0 && is_too_much(h, node)) {
        force(h, node, first_in_turn(node, false), now_us);
        release(h, node);
    }
}

void sparkplug_host_take(struct sparkplug_host *h, const struct sparkplug_arrival *a, int64_t now_us)
{
    if (!is_supervised(a->topic.message)) {
        const struct sparkplug_decision d = {.missing_seq = -1};
        decide(h, a, &d);
        return;
    }
    struct sparkplug_node *node = sparkplug_node_add(&h->nodes, a->topic.group, a->topic.edge_node);
    if (!node) {
        refuse(h, a, NULL, "there are more edge nodes without a birth than are watched");
        return;
    }
    if (a->sequence <= node->seen) {
        take_again(h, node, a);
    } else if (a->topic.message == SPARKPLUG_NBIRTH) {
        /* A rebirth with the same bytes has no time stamp. */
        if (a->payload->has_timestamp && is_repeated(node, a)) {
            drop_repeated(h, a);
            return;
        }
        process_node_birth(h, node, a);
        release(h, node);
    } else if (a->topic.message == SPARKPLUG_NDEATH) {
        take_node_death(h, node, a);
    } else {
        take_in_turn(h, node, a, now_us);
    }
}

/* The earliest time in the node at which something is due. */
static int64_t next_due(const struct sparkplug_node *node)
{
    const struct held *oldest = list_first(&node->held, struct held, link);
    return oldest->due_us; /* NOLINT(clang-analyzer-unix.Malloc): what was freed is out of the list */
}

int64_t sparkplug_host_tick(struct sparkplug_host *h, int64_t now_us)
{
    int64_t next = -1;
    list_for_each_safe(node, &h->waiting, struct sparkplug_node, link)
    {
        while (node->held_count > 0 && next_due(node) <= now_us) {
            force(h, node, first_in_turn(node, false), now_us);
            release(h, node);
        }
        if (node->held_count > 0 && (next < 0 || next_due(node) < next))
            next = next_due(node);
    }
    return next;
}

size_t sparkplug_host_held_count(const struct sparkplug_host *h)
{
    return h->held_count;
}

struct sparkplug_nodes *sparkplug_host_nodes(struct sparkplug_host *h)
{
    return &h->nodes;
}

const struct sparkplug_host_counters *sparkplug_host_counters(const struct sparkplug_host *h)
{
    return &h->counters;
}

/* ---- Life ---- */

struct sparkplug_host *sparkplug_host_create(const struct sparkplug_host_settings *s,
                                             const struct sparkplug_host_events *events, void *ctx)
{
    struct sparkplug_host *h = xcalloc(1, sizeof *h);
    h->settings = *s;
    h->events = events;
    h->ctx = ctx;
    list_init(&h->waiting);
    sparkplug_nodes_init(&h->nodes, s->nodes_max, s->state_max);
    return h;
}

void sparkplug_host_destroy(struct sparkplug_host *h)
{
    if (!h)
        return;
    list_for_each_safe(node, &h->waiting, struct sparkplug_node, link)
    {
        list_for_each_safe(held, &node->held, struct held, link)
        {
            forget_held(h, node, held);
        }
    }
    sparkplug_nodes_finish(&h->nodes);
    free(h);
}
