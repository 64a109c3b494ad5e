/* SPDX-License-Identifier: Apache-2.0
 *
 * See sparkplug_edge.h. Of each metric the last value is kept as the bytes that it has in a birth, so a birth
 * is these bytes one after the other.
 */
#include "sparkplug/sparkplug_edge.h"

#include "base/memory.h"
#include "base/strmap.h"
#include "sparkplug/sparkplug_b.pb-c.h"
#include "sparkplug/sparkplug_draft.h"
#include "sparkplug/sparkplug_metric.h"
#include "sparkplug/sparkplug_payload.h"
#include "sparkplug/sparkplug_tree.h"

#include <stdlib.h>

enum {
    NO_SEQ = -1,
    SEQ_COUNT = 256,
    METRICS_FIELD = 2 << 3 | 2, /* tag of Payload.metrics */
    ARENA_BYTES = 16 * 1024 * 1024,
};

static const char bdseq_name[] = "bdSeq", rebirth_name[] = "Node Control/Rebirth";

struct edge_metric {
    uint32_t type;      /* enum sparkplug_type */
    uint64_t alias;     /* 0: none */
    struct buffer last; /* as in a birth */
};

/* A device, or the node itself. */
struct edge_part {
    char *device;          /* "": the node */
    struct strmap metrics; /* name -> edge_metric */
    bool alive;            /* it has sent something, and not been silent since */
    bool due;              /* for a birth */
    int64_t heard_ms;
};

struct sparkplug_edge {
    const struct sparkplug_edge_settings *settings;
    struct edge_part *node;
    struct strmap devices; /* id -> edge_part */
    struct arena arena;    /* of the packet being made */
    struct buffer topic, payload;
    uint8_t bdseq;
    int next_seq;
    uint64_t last_alias;
    size_t due_from; /* devices before it are not due */
    /* The packet made last, until it is told what became of it. */
    struct edge_part *made_of; /* NULL: none */
    enum sparkplug_message made;
    int made_seq;
    struct sparkplug_edge_counters counters;
};

/* ---- Parts and metrics ---- */

static struct edge_part *create_part(const char *device)
{
    struct edge_part *p = xcalloc(1, sizeof *p);
    p->device = xstrdup(device);
    return p;
}

static void forget_metrics(struct sparkplug_edge *e, struct edge_part *p)
{
    for (size_t i = 0; i < p->metrics.count; i++) {
        struct edge_metric *m = p->metrics.entries[i].value;
        buffer_finish(&m->last);
        free(m);
    }
    e->counters.metrics -= (int64_t)p->metrics.count;
    strmap_finish(&p->metrics);
    p->metrics = (struct strmap){0};
}

static void destroy_part(struct sparkplug_edge *e, struct edge_part *p)
{
    forget_metrics(e, p);
    free(p->device);
    free(p);
}

static bool is_node(const struct sparkplug_edge *e, const struct edge_part *p)
{
    return p == e->node;
}

static struct edge_part *find_part(struct sparkplug_edge *e, struct bytes device)
{
    if (device.len == 0)
        return e->node;
    return strmap_find_bytes(&e->devices, device);
}

static struct edge_part *add_device(struct sparkplug_edge *e, struct bytes device)
{
    char *name = xstrndup((const char *)device.data, device.len);
    struct edge_part *p = create_part(name);
    strmap_add(&e->devices, name, p);
    free(name);
    return p;
}

static void set_due(struct sparkplug_edge *e, struct edge_part *p)
{
    p->due = true;
    e->due_from = 0;
    if (!is_node(e, p))
        return;
    for (size_t i = 0; i < e->devices.count; i++) {
        struct edge_part *device = e->devices.entries[i].value;
        device->due = device->alive;
    }
}

static void set_alive(struct sparkplug_edge *e, struct edge_part *p, bool alive)
{
    if (!is_node(e, p) && p->alive != alive)
        e->counters.devices += alive ? 1 : -1;
    p->alive = alive;
}

/* ---- Packets ---- */

static void make_topic(struct sparkplug_edge *e, enum sparkplug_message message, const struct edge_part *p)
{
    struct sparkplug_topic t = {.message = message,
                                .group = bytes_of_text(e->settings->group),
                                .edge_node = bytes_of_text(e->settings->edge_node),
                                .device = bytes_of_text(p->device)};
    buffer_clear(&e->topic);
    sparkplug_topic_format(&t, &e->topic);
}

/* `seq`: NO_SEQ for NDEATH. The payload is filled in by the caller. */
static void begin_packet(struct sparkplug_edge *e, enum sparkplug_message message, struct edge_part *p,
                         int seq)
{
    arena_reset(&e->arena);
    buffer_clear(&e->payload);
    make_topic(e, message, p);
    e->made_of = p;
    e->made = message;
    e->made_seq = seq;
}

/* Without memory the buffer has failed, which end_packet() sees. */
static void pack(struct sparkplug_edge *e, const Spb__Payload *payload)
{
    if (!sparkplug_payload_pack(payload, &e->payload))
        e->payload.failed = true;
}

static void end_packet(struct sparkplug_edge *e, struct sparkplug_edge_packet *packet)
{
    struct bytes none = {NULL, 0};
    bool failed = e->topic.failed || e->payload.failed;
    *packet = (struct sparkplug_edge_packet){e->made, buffer_bytes(&e->topic),
                                             failed ? none : buffer_bytes(&e->payload)};
}

static Spb__Metric *add_metric(struct sparkplug_edge *e, Spb__Payload *p, const char *name,
                               enum sparkplug_type type, struct sparkplug_now now)
{
    Spb__Metric *m = sparkplug_payload_add(p, bytes_of_text(name), &e->arena);
    if (!m)
        return NULL;
    m->has_datatype = m->has_timestamp = true;
    m->datatype = type;
    m->timestamp = (uint64_t)now.real_ms;
    return m;
}

static void add_bdseq(struct sparkplug_edge *e, Spb__Payload *p, uint8_t bdseq, struct sparkplug_now now)
{
    Spb__Metric *m = add_metric(e, p, bdseq_name, SPARKPLUG_INT64, now);
    if (!m)
        return;
    m->value_case = SPB__METRIC__VALUE_LONG_VALUE;
    m->long_value = bdseq;
}

static void add_rebirth(struct sparkplug_edge *e, Spb__Payload *p, struct sparkplug_now now)
{
    Spb__Metric *m = add_metric(e, p, rebirth_name, SPARKPLUG_BOOLEAN, now);
    if (m)
        m->value_case = SPB__METRIC__VALUE_BOOLEAN_VALUE;
}

static void add_varint(struct buffer *b, uint64_t n)
{
    for (; n >= 0x80; n >>= 7)
        buffer_add_byte(b, (uint8_t)(n | 0x80));
    buffer_add_byte(b, (uint8_t)n);
}

static void add_known_metrics(struct sparkplug_edge *e, const struct edge_part *p)
{
    for (size_t i = 0; i < p->metrics.count; i++) {
        const struct edge_metric *m = p->metrics.entries[i].value;
        buffer_add_byte(&e->payload, METRICS_FIELD);
        add_varint(&e->payload, m->last.len);
        buffer_add(&e->payload, m->last.data, m->last.len);
    }
}

static void make_birth(struct sparkplug_edge *e, struct edge_part *p, struct sparkplug_now now,
                       struct sparkplug_edge_packet *packet)
{
    int seq = is_node(e, p) ? 0 : e->next_seq;
    begin_packet(e, is_node(e, p) ? SPARKPLUG_NBIRTH : SPARKPLUG_DBIRTH, p, seq);
    Spb__Payload *payload = sparkplug_payload_create((uint64_t)now.real_ms, seq, &e->arena);
    if (payload && is_node(e, p)) {
        add_bdseq(e, payload, e->bdseq, now);
        add_rebirth(e, payload, now);
    }
    if (payload)
        pack(e, payload);
    e->payload.failed |= !payload;
    add_known_metrics(e, p);
    end_packet(e, packet);
}

void sparkplug_edge_make_death(struct sparkplug_edge *e, uint8_t bdseq, struct sparkplug_now now,
                               struct sparkplug_edge_packet *packet)
{
    begin_packet(e, SPARKPLUG_NDEATH, e->node, NO_SEQ);
    Spb__Payload *payload = sparkplug_payload_create((uint64_t)now.real_ms, NO_SEQ, &e->arena);
    if (payload) {
        add_bdseq(e, payload, bdseq, now);
        pack(e, payload);
    }
    end_packet(e, packet);
}

bool sparkplug_edge_next_silent(struct sparkplug_edge *e, int64_t timeout_ms, struct sparkplug_now now,
                                struct sparkplug_edge_packet *packet)
{
    for (size_t i = 0; i < e->devices.count; i++) {
        struct edge_part *p = e->devices.entries[i].value;
        if (!p->alive || p->due || now.steady_ms - p->heard_ms <= timeout_ms)
            continue;
        begin_packet(e, SPARKPLUG_DDEATH, p, e->next_seq);
        Spb__Payload *payload = sparkplug_payload_create((uint64_t)now.real_ms, e->next_seq, &e->arena);
        if (payload)
            pack(e, payload);
        end_packet(e, packet);
        return true;
    }
    return false;
}

/* ---- Births ---- */

void sparkplug_edge_begin(struct sparkplug_edge *e, uint8_t bdseq, struct sparkplug_now now)
{
    e->bdseq = bdseq;
    e->counters.bdseq = bdseq;
    e->made_of = NULL;
    for (size_t i = 0; i < e->devices.count; i++)
        ((struct edge_part *)e->devices.entries[i].value)->heard_ms = now.steady_ms;
    set_due(e, e->node);
}

void sparkplug_edge_rebirth(struct sparkplug_edge *e)
{
    set_due(e, e->node);
}

static struct edge_part *find_due(struct sparkplug_edge *e)
{
    if (e->node->due)
        return e->node;
    for (; e->due_from < e->devices.count; e->due_from++) {
        struct edge_part *p = e->devices.entries[e->due_from].value;
        if (p->due)
            return p;
    }
    return NULL;
}

bool sparkplug_edge_next_birth(struct sparkplug_edge *e, struct sparkplug_now now,
                               struct sparkplug_edge_packet *packet)
{
    struct edge_part *p = find_due(e);
    if (p)
        make_birth(e, p, now, packet);
    return p != NULL;
}

void sparkplug_edge_sent(struct sparkplug_edge *e)
{
    struct edge_part *p = e->made_of;
    e->made_of = NULL;
    if (!p)
        return;
    if (e->made_seq != NO_SEQ)
        e->next_seq = (e->made_seq + 1) % SEQ_COUNT;
    if (e->made == SPARKPLUG_NBIRTH || e->made == SPARKPLUG_DBIRTH)
        p->due = false;
    if (e->made == SPARKPLUG_DDEATH)
        set_alive(e, p, false);
    uint64_t *const counters[] = {
        [SPARKPLUG_NBIRTH] = &e->counters.node_births,   [SPARKPLUG_DBIRTH] = &e->counters.device_births,
        [SPARKPLUG_NDATA] = &e->counters.data,           [SPARKPLUG_DDATA] = &e->counters.data,
        [SPARKPLUG_DDEATH] = &e->counters.device_deaths, [SPARKPLUG_STATE] = NULL};
    if (counters[e->made])
        ++*counters[e->made];
}

void sparkplug_edge_refused(struct sparkplug_edge *e)
{
    struct edge_part *p = e->made_of;
    e->made_of = NULL;
    if (!p || (e->made != SPARKPLUG_NBIRTH && e->made != SPARKPLUG_DBIRTH))
        return;
    forget_metrics(e, p);
    if (is_node(e, p))
        return; /* without metrics it is small, and it has to be sent */
    set_alive(e, p, false);
    p->due = false;
}

/* ---- Data ---- */

/* What one message is made into a packet with. */
struct offering {
    struct sparkplug_edge *edge;
    struct edge_part *part;
    Spb__Payload *payload;
    struct sparkplug_now now;
    bool is_historical;
    size_t new_metrics;
    bool is_new; /* a metric or its type is */
    struct error *err;
};

static struct bytes name_of(const Spb__Metric *m)
{
    return bytes_of(m->name.data, m->name.len);
}

/* A guessed type gives way to the known one when that can hold the value. */
static void adopt_type(struct offering *o, Spb__Metric *m, const struct edge_metric *known)
{
    struct error err;
    struct fby_value v;
    Spb__Metric as_known = *m;
    if (!m->has_alias || m->datatype == known->type)
        return;
    struct sparkplug_tree tree = {&o->edge->arena, &o->edge->arena, bytes_of("", 0)};
    if (sparkplug_metric_value(m, m->datatype, NULL, &tree, &v, &err) != STATUS_OK ||
        sparkplug_metric_set(&as_known, (enum sparkplug_type)known->type, &v, &o->edge->arena, &err) !=
            STATUS_OK)
        return;
    *m = as_known;
}

/* What the edge node says of itself. */
static bool is_reserved(const struct offering *o, const Spb__Metric *m)
{
    return is_node(o->edge, o->part) && (bytes_equal(name_of(m), bytes_of_text(bdseq_name)) ||
                                         bytes_equal(name_of(m), bytes_of_text(rebirth_name)));
}

/* Drop nulls of no known type, find out which metrics are new. */
static enum status look_at_metrics(struct offering *o)
{
    size_t kept = 0;
    for (size_t i = 0; i < o->payload->n_metrics; i++) {
        Spb__Metric *m = o->payload->metrics[i];
        if (is_reserved(o, m))
            return error_set(o->err, STATUS_INVALID, "the edge node has a metric %.*s of its own",
                             (int)m->name.len, m->name.data);
        const struct edge_metric *known = strmap_find_bytes(&o->part->metrics, name_of(m));
        if (!m->has_datatype && known) {
            m->has_datatype = true;
            m->datatype = known->type;
        }
        if (!m->has_datatype) {
            o->edge->counters.untyped++;
            continue;
        }
        if (known)
            adopt_type(o, m, known);
        o->new_metrics += !known;
        o->is_new |= !known || known->type != m->datatype;
        if (!m->has_timestamp) {
            m->has_timestamp = true;
            m->timestamp = o->payload->has_timestamp ? o->payload->timestamp : (uint64_t)o->now.real_ms;
        }
        o->payload->metrics[kept++] = m;
    }
    o->payload->n_metrics = kept;
    return STATUS_OK;
}

/* Learn what the metric is; its value is not known yet. */
static struct edge_metric *learn(struct offering *o, const Spb__Metric *m)
{
    struct sparkplug_edge *e = o->edge;
    struct edge_metric *known = strmap_find_bytes(&o->part->metrics, name_of(m));
    if (!known) {
        known = xcalloc(1, sizeof *known);
        known->alias = e->settings->aliases ? ++e->last_alias : 0;
        strmap_add_bytes(&o->part->metrics, name_of(m), known);
        e->counters.metrics++;
    } else if (known->type != m->datatype) {
        e->counters.new_types++;
    } else {
        return known;
    }
    known->type = m->datatype;
    buffer_clear(&known->last);
    return known;
}

/* Keep the bytes that stand for the metric in births: with its value, or null. False: the value is too large.
 */
static bool keep(struct edge_metric *known, const Spb__Metric *m, bool with_value)
{
    Spb__Metric birth = *m;
    birth.has_alias = known->alias != 0;
    birth.alias = known->alias;
    if (!with_value) {
        birth.has_is_null = birth.is_null = true;
        birth.value_case = SPB__METRIC__VALUE__NOT_SET;
    }
    size_t len = spb__metric__get_packed_size(&birth);
    if (with_value && len > SPARKPLUG_EDGE_VALUE_BYTES_MAX) {
        (void)keep(known, m, false);
        return false;
    }
    buffer_clear(&known->last);
    if (buffer_reserve(&known->last, len))
        known->last.len = spb__metric__pack(&birth, known->last.data);
    return known->last.len == len;
}

static enum status learn_all(struct offering *o)
{
    const struct sparkplug_edge *e = o->edge;
    if ((size_t)e->counters.metrics + o->new_metrics > SPARKPLUG_EDGE_METRICS_MAX)
        return error_set(o->err, STATUS_LIMIT, "the edge node has %lld metrics; at most %d are kept",
                         (long long)e->counters.metrics, SPARKPLUG_EDGE_METRICS_MAX);
    for (size_t i = 0; i < o->payload->n_metrics; i++) {
        struct edge_metric *known = learn(o, o->payload->metrics[i]);
        if (known->last.len == 0)
            (void)keep(known, o->payload->metrics[i], false);
    }
    return STATUS_OK;
}

/* False: a value was too large. */
static bool keep_values(struct offering *o)
{
    bool all = true;
    for (size_t i = 0; i < o->payload->n_metrics; i++) {
        const Spb__Metric *m = o->payload->metrics[i];
        all &= keep(strmap_find_bytes(&o->part->metrics, name_of(m)), m, true);
    }
    return all;
}

/* The unit is for births; what changes from value to value stays. */
static void drop_unit(Spb__PropertySet *set)
{
    size_t kept = 0;
    for (size_t i = 0; i < set->n_keys; i++) {
        if (bytes_equal(bytes_of(set->keys[i].data, set->keys[i].len),
                        bytes_of_text(SPARKPLUG_UNIT_PROPERTY)))
            continue;
        set->keys[kept] = set->keys[i];
        set->values[kept++] = set->values[i];
    }
    set->n_keys = set->n_values = kept;
}

static void make_data(struct offering *o, struct sparkplug_edge_packet *packet)
{
    struct sparkplug_edge *e = o->edge;
    for (size_t i = 0; i < o->payload->n_metrics; i++) {
        Spb__Metric *m = o->payload->metrics[i];
        const struct edge_metric *known = strmap_find_bytes(&o->part->metrics, name_of(m));
        m->has_alias = known->alias != 0;
        m->alias = known->alias;
        m->has_name = !m->has_alias;
        m->has_datatype = e->settings->datatypes;
        m->has_is_historical = m->is_historical = o->is_historical;
        if (m->properties)
            drop_unit(m->properties);
        if (m->properties && m->properties->n_keys == 0)
            m->properties = NULL;
    }
    enum sparkplug_message message = is_node(e, o->part) ? SPARKPLUG_NDATA : SPARKPLUG_DDATA;
    make_topic(e, message, o->part);
    e->made_of = o->part;
    e->made = message;
    e->made_seq = e->next_seq;
    o->payload->has_seq = o->payload->has_timestamp = true;
    o->payload->seq = (uint64_t)e->next_seq;
    o->payload->timestamp = (uint64_t)o->now.real_ms;
    buffer_clear(&e->payload);
    pack(e, o->payload);
    end_packet(e, packet);
}

/* A message that is of now is delivered by the birth that it makes necessary, unless a value is too large for
 * births. One of the past is not: the birth says what was known before, then it follows as history. */
static enum status answer(struct offering *o, struct sparkplug_edge_packet *packet)
{
    struct sparkplug_edge *e = o->edge;
    bool birth = o->is_new || !o->part->alive;
    if (birth) {
        enum status result = learn_all(o);
        if (result != STATUS_OK)
            return result;
        set_alive(e, o->part, true);
        set_due(e, o->part);
    }
    o->part->heard_ms = o->now.steady_ms;
    if (birth && o->is_historical)
        return STATUS_BUSY;
    bool all_kept = keep_values(o);
    if (birth && !all_kept)
        return STATUS_BUSY;
    if (birth)
        make_birth(e, o->part, o->now, packet);
    else
        make_data(o, packet);
    e->counters.historical += o->is_historical;
    return STATUS_OK;
}

static bool is_historical(const struct sparkplug_edge *e, int64_t arrival_ms, struct sparkplug_now now)
{
    int64_t after_ms = e->settings->historical_after_ms;
    return after_ms > 0 && arrival_ms > 0 && now.real_ms - arrival_ms > after_ms;
}

enum status sparkplug_edge_offer(struct sparkplug_edge *e, struct bytes device, struct bytes draft,
                                 int64_t arrival_ms, struct sparkplug_now now,
                                 struct sparkplug_edge_packet *packet, struct error *err)
{
    static const struct sparkplug_limits limits = {.payload_bytes = ARENA_BYTES, .memory_bytes = ARENA_BYTES};
    struct offering o = {
        .edge = e, .now = now, .is_historical = is_historical(e, arrival_ms, now), .err = err};
    if (find_due(e))
        return STATUS_BUSY;
    if (device.len && !sparkplug_topic_is_id(device))
        return error_set(err, STATUS_INVALID, "\"%.*s\" cannot be the id of a device",
                         (int)(device.len < 100 ? device.len : 100), device.data);
    arena_reset(&e->arena);
    e->made_of = NULL;
    enum status result = sparkplug_payload_unpack(draft, &limits, &e->arena, &o.payload, NULL, err);
    if (result != STATUS_OK)
        return result;
    o.part = find_part(e, device);
    if (!o.part && e->devices.count >= SPARKPLUG_EDGE_METRICS_MAX)
        return error_set(err, STATUS_LIMIT, "the edge node has %zu devices; no more are taken",
                         e->devices.count);
    if (!o.part)
        o.part = add_device(e, device);
    result = look_at_metrics(&o);
    if (result != STATUS_OK)
        return result;
    return o.payload->n_metrics ? answer(&o, packet) : STATUS_END;
}

/* ---- Making one ---- */

struct sparkplug_edge *sparkplug_edge_create(const struct sparkplug_edge_settings *s)
{
    struct sparkplug_edge *e = xcalloc(1, sizeof *e);
    e->settings = s;
    e->node = create_part("");
    e->node->alive = true;
    e->node->due = true;
    arena_init(&e->arena, 0, ARENA_BYTES);
    return e;
}

void sparkplug_edge_destroy(struct sparkplug_edge *e)
{
    if (!e)
        return;
    destroy_part(e, e->node);
    for (size_t i = 0; i < e->devices.count; i++)
        destroy_part(e, e->devices.entries[i].value);
    strmap_finish(&e->devices);
    arena_finish(&e->arena);
    buffer_finish(&e->topic);
    buffer_finish(&e->payload);
    free(e);
}

const struct sparkplug_edge_counters *sparkplug_edge_counters(const struct sparkplug_edge *e)
{
    return &e->counters;
}
