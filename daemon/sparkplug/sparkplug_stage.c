/* SPDX-License-Identifier: Apache-2.0
 *
 * See sparkplug_stage.h. What is decided at once and needs nothing else is answered at once. Everything else
 * goes through one queue, in order: messages with events, messages that waited, births and deaths, which wait
 * until the state that they change is durable, and whatever comes behind one of these.
 */
#include "sparkplug/sparkplug_stage.h"

#include "base/list.h"
#include "base/memory.h"
#include "sparkplug/sparkplug_b.pb-c.h"
#include "sparkplug/sparkplug_host.h"
#include "sparkplug/sparkplug_metric.h"
#include "sparkplug/sparkplug_output.h"
#include "sparkplug/sparkplug_payload.h"
#include "sparkplug/sparkplug_stage_options.h"
#include "sparkplug/sparkplug_state.h"
#include "sparkplug/sparkplug_tree.h"

#include <config.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    ARENA_CHUNK = 32 << 10,
    ARENA_LIMIT = 32 << 20,
    TREE_FACTOR = 8, /* bytes of tree for each of payload, as data mostly have */
    TREE_CHUNK_MIN = 1 << 10,
    TREE_CHUNK_MAX = 64 << 10,
    REBIRTHS_AT_ONCE = 10, /* requests of one instance in … */
    REBIRTHS_WINDOW_US = 1000000,
};

/* What has been decided and waits in the queue. */
struct outcome {
    struct list link; /* sparkplug_stage.queue */
    struct fby_item *item;
    int verdict;
    const char *reason;  /* in the item's memory */
    uint64_t generation; /* of the state that must be durable first */
    enum sparkplug_change change;
    const struct sparkplug_node *node;
    struct bytes device; /* in the item's topic */
    uint64_t sequence;
    uint64_t timestamp_ms;
};

struct sparkplug_stage {
    const struct fby_host *host;
    struct fby_instance *instance;
    const struct sparkplug_stage_options *options;
    struct sparkplug_limits limits;
    struct sparkplug_output_settings output;
    struct sparkplug_host *nodes; /* NULL before the first message */
    struct fby_timer *release_timer, *tick_timer;
    struct arena arrival_arena; /* of the message being taken */
    struct arena reopen_arena;  /* of one that had waited */
    struct arena event_arena;
    struct fby_item *opened; /* the last that came: it may still be looked at below */
    struct sparkplug_arrival arrival;
    struct list queue;        /* outcome.link */
    struct fby_item *current; /* being taken; NULL once it is settled or held */
    uint64_t generation, durable, saving;
    bool is_saving;
    int64_t rebirths_since_us;
    unsigned rebirths;
    struct sparkplug_host_counters told; /* what the host was told last */
};

static struct bytes to_bytes(struct fby_bytes b)
{
    return bytes_of(b.data, b.len);
}

static int64_t now_us(struct sparkplug_stage *s)
{
    return s->host->monotonic_us(s->instance);
}

/* ---- State ---- */

static void handle_saved(void *ctx, bool saved);

/* One save at a time; what changes meanwhile goes into the next. A state that cannot be saved holds nothing
 * up: it is only needed after a restart. */
static void save(struct sparkplug_stage *s)
{
    if (s->is_saving || s->durable == s->generation)
        return;
    struct buffer state = {.limit = FBY_STATE_MAX};
    s->saving = s->generation;
    s->is_saving = sparkplug_state_pack(sparkplug_host_nodes(s->nodes), &state) &&
                   s->host->state_save(s->instance, (struct fby_bytes){(const char *)state.data, state.len},
                                       handle_saved, s);
    buffer_finish(&state);
    if (!s->is_saving) {
        s->host->count(s->instance, "sparkplug_state_failures", 1);
        s->durable = s->saving;
        s->host->timer_start(s->release_timer, 0);
    }
}

static void release(struct sparkplug_stage *s);

static void handle_saved(void *ctx, bool saved)
{
    struct sparkplug_stage *s = ctx;
    s->is_saving = false;
    s->durable = s->saving;
    if (!saved)
        s->host->count(s->instance, "sparkplug_state_failures", 1);
    save(s);
    release(s);
}

static void load(struct sparkplug_stage *s)
{
    struct fby_bytes state;
    if (!s->host->state_load(s->instance, &state))
        return;
    if (!sparkplug_state_unpack(to_bytes(state), sparkplug_host_nodes(s->nodes)))
        s->host->log(
            s->instance, FBY_LOG_WARNING,
            "the births of some edge nodes were not remembered: the state is of another version, or larger "
            "than max_state or max_nodes now");
}

/* ---- The queue ---- */

static bool emit_event(struct sparkplug_stage *s, const struct outcome *o, struct bytes device, bool online)
{
    struct fby_value event;
    struct sparkplug_tree tree = {&s->event_arena, &s->event_arena, bytes_of("", 0)};
    arena_reset(&s->event_arena);
    s->host->count(s->instance, online ? "sparkplug_online" : "sparkplug_offline", 1);
    return sparkplug_output_event(o->node, device, online, o->timestamp_ms, &tree, &event) &&
           s->host->emit(s->instance, &event, NULL, 0, o->item);
}

/* With the node its devices have gone; and with a new session, until they are born in it. */
static bool emit_devices_offline(struct sparkplug_stage *s, const struct outcome *o)
{
    struct sparkplug_node *node = (struct sparkplug_node *)(uintptr_t)o->node;
    bool right = true;
    for (size_t i = 0; i < node->devices.count && right; i++) {
        const struct sparkplug_device *d = node->devices.entries[i].value;
        if (d->name.len > 0 && sparkplug_node_alive(node, d->name, o->sequence - 1) &&
            !sparkplug_node_alive(node, d->name, o->sequence))
            right = emit_event(s, o, d->name, false);
    }
    return right;
}

static bool emit_events(struct sparkplug_stage *s, const struct outcome *o)
{
    if (!s->options->events || o->change == SPARKPLUG_NO_CHANGE)
        return true;
    bool online = o->change == SPARKPLUG_ONLINE;
    if (o->device.len == 0 && !emit_devices_offline(s, o))
        return false;
    return emit_event(s, o, o->device, online);
}

/* Answer what is due, in order. Not during process(). */
static void release(struct sparkplug_stage *s)
{
    while (!list_is_empty(&s->queue)) {
        struct outcome *o = list_first(&s->queue, struct outcome, link);
        if (o->generation > s->durable)
            return;
        list_take_first(&s->queue);
        if (emit_events(s, o))
            s->host->item_answer(s->instance, o->item, o->verdict, o->reason);
        else
            s->host->item_answer(s->instance, o->item, FBY_FAIL,
                                 "there is no memory to tell who went online or offline");
        free(o);
    }
}

static void handle_release(void *ctx)
{
    release(ctx);
}

/* ---- Decisions ---- */

/* Memory of an item, for its tree. */
struct item_memory {
    const struct fby_host *host;
    struct fby_item *item;
};

static void *alloc_in_item(void *ctx, size_t size)
{
    const struct item_memory *m = ctx;
    return m->host->item_alloc(m->item, size);
}

/* A tree in the item's memory, made of `size` bytes. It is not made elsewhere and copied: a tree is many
 * small pieces. */
static struct sparkplug_tree make_tree(struct item_memory *memory, struct arena *arena, struct arena *scratch,
                                       size_t size)
{
    size_t chunk = TREE_FACTOR * size;
    chunk = chunk < TREE_CHUNK_MIN ? TREE_CHUNK_MIN : chunk > TREE_CHUNK_MAX ? TREE_CHUNK_MAX : chunk;
    arena_init_within(arena, chunk, ARENA_LIMIT, alloc_in_item, memory);
    return (struct sparkplug_tree){arena, scratch, to_bytes(memory->item->message->payload)};
}

static const char *copy_reason(struct sparkplug_stage *s, struct fby_item *item, const char *reason)
{
    size_t size = reason ? strlen(reason) + 1 : 0;
    char *copy = reason ? s->host->item_alloc(item, size) : NULL;
    if (copy)
        memcpy(copy, reason, size);
    return copy;
}

static void enqueue(struct sparkplug_stage *s, const struct outcome *outcome)
{
    struct outcome *o = xcalloc(1, sizeof *o);
    *o = *outcome;
    list_add(&s->queue, &o->link);
    s->host->timer_start(s->release_timer, 0);
}

/* `o` has the item, the verdict and what goes with it; `changed`: the state, by this message. */
static void settle(struct sparkplug_stage *s, struct outcome *o, const char *reason, bool changed)
{
    bool is_current = o->item == s->current;
    bool has_events = s->options->events && o->change != SPARKPLUG_NO_CHANGE;
    o->reason = copy_reason(s, o->item, reason);
    if (is_current)
        s->current = NULL;
    if (is_current && list_is_empty(&s->queue) && !changed && !has_events) {
        o->item->verdict = o->verdict;
        o->item->reason = o->reason;
        return;
    }
    if (is_current)
        o->item->verdict = FBY_HOLD;
    if (changed)
        o->generation = ++s->generation;
    enqueue(s, o);
    save(s);
}

static enum status make_value(struct sparkplug_stage *s, const struct sparkplug_arrival *a,
                              const struct sparkplug_decision *d, struct error *err)
{
    struct fby_item *item = a->token;
    struct item_memory memory = {s->host, item};
    struct arena arena;
    struct sparkplug_tree tree =
        make_tree(&memory, &arena, item == s->current ? &s->arrival_arena : &s->reopen_arena, a->size);
    struct fby_value value;
    size_t overwritten;
    enum status status = sparkplug_output_message(a, d, &s->output, &tree, &value, &overwritten, err);
    if (status != STATUS_OK)
        return status;
    if (overwritten)
        s->host->count(s->instance, "sparkplug_overwritten", overwritten);
    *item->value = value;
    return STATUS_OK;
}

/* When it happened: an edge node's will carries the time at which it connected, which says nothing. 0:
 * unknown. */
static uint64_t event_time_ms(const struct sparkplug_arrival *a)
{
    const struct fby_item *item = a->token;
    if (a->topic.message == SPARKPLUG_NDEATH)
        return item->message->time_us > 0 ? (uint64_t)item->message->time_us / 1000 : 0;
    return a->payload->has_timestamp ? a->payload->timestamp : 0;
}

static void handle_decision(void *ctx, const struct sparkplug_arrival *a, const struct sparkplug_decision *d)
{
    static const int verdicts[] = {
        [SPARKPLUG_DELIVER] = FBY_PASS, [SPARKPLUG_DROP] = FBY_DROP, [SPARKPLUG_REFUSE] = FBY_FAIL};
    struct sparkplug_stage *s = ctx;
    struct error err;
    struct outcome o = {
        .item = a->token,
        .verdict = verdicts[d->verdict],
        .change = d->change,
        .node = d->node,
        .device = a->topic.device,
        .sequence = d->sequence,
        .timestamp_ms = event_time_ms(a),
    };
    const char *reason = d->reason;
    if (d->verdict == SPARKPLUG_DELIVER && make_value(s, a, d, &err) != STATUS_OK) {
        o.verdict = FBY_FAIL;
        reason = err.text;
    }
    settle(s, &o, reason, d->changed);
}

static void answer_alone(struct sparkplug_stage *s, struct fby_item *item, int verdict, const char *reason)
{
    struct outcome o = {.item = item, .verdict = verdict};
    settle(s, &o, reason, false);
}

/* ---- Arrivals ---- */

static enum status open_message(struct sparkplug_stage *s, struct fby_item *item, struct arena *arena,
                                struct sparkplug_arrival *a, struct error *err)
{
    const struct fby_message *m = item->message;
    struct Spb__Payload *payload;
    struct bytes packed = to_bytes(m->payload);
    enum status status = sparkplug_topic_parse(to_bytes(m->topic), &a->topic, err);
    if (status == STATUS_OK)
        status = sparkplug_payload_unpack(packed, &s->limits, arena, &payload, &a->size, err);
    if (status != STATUS_OK)
        return status;
    a->payload = payload;
    a->sequence = m->sequence;
    a->digest = strmap_hash(m->topic.data, m->topic.len) ^ strmap_hash(packed.data, packed.len) << 1;
    a->token = item;
    return STATUS_OK;
}

static bool reopen(void *ctx, void *token, struct sparkplug_arrival *a)
{
    struct sparkplug_stage *s = ctx;
    struct error err;
    arena_reset(&s->reopen_arena); /* also of what was made beside the tree of one before */
    if (token == s->opened) {
        *a = s->arrival;
        return true;
    }
    return open_message(s, token, &s->reopen_arena, a, &err) == STATUS_OK;
}

static void take_state(struct sparkplug_stage *s, struct fby_item *item, const struct sparkplug_topic *topic)
{
    struct item_memory memory = {s->host, item};
    struct error err;
    struct fby_value value;
    struct arena arena;
    struct bytes payload = to_bytes(item->message->payload);
    struct sparkplug_tree tree = make_tree(&memory, &arena, &s->arrival_arena, payload.len);
    bool right = sparkplug_output_state(topic, payload, &tree, &value, &err) == STATUS_OK;
    if (right)
        *item->value = value;
    answer_alone(s, item, right ? FBY_PASS : FBY_FAIL,
                 right ? NULL : "its tree needs more memory than a message may use");
}

static void take_item(struct sparkplug_stage *s, struct fby_item *item)
{
    struct sparkplug_topic topic;
    struct error err;
    s->current = item;
    s->opened = NULL;
    arena_reset(&s->arrival_arena);
    if (sparkplug_topic_parse(to_bytes(item->message->topic), &topic, &err) != STATUS_OK) {
        bool passes = s->options->others == SPARKPLUG_STAGE_PASS;
        answer_alone(s, item, passes ? FBY_PASS : FBY_FAIL, passes ? NULL : err.text);
    } else if (topic.message == SPARKPLUG_STATE) {
        take_state(s, item, &topic);
    } else if (open_message(s, item, &s->arrival_arena, &s->arrival, &err) != STATUS_OK) {
        answer_alone(s, item, FBY_FAIL, err.text);
    } else {
        s->opened = item;
        sparkplug_host_take(s->nodes, &s->arrival, now_us(s));
        if (s->current == item)
            item->verdict = FBY_HOLD; /* it waits for those before it */
    }
    s->current = NULL;
}

/* ---- Rebirth ---- */

static bool may_request(struct sparkplug_stage *s)
{
    int64_t now = now_us(s);
    if (s->rebirths == 0 || now - s->rebirths_since_us > REBIRTHS_WINDOW_US) {
        s->rebirths_since_us = now;
        s->rebirths = 0;
    }
    return s->rebirths++ < REBIRTHS_AT_ONCE;
}

static bool pack_request(struct sparkplug_stage *s, struct buffer *out)
{
    static const struct fby_value yes = {.type = FBY_BOOL, .boolean = true};
    arena_reset(&s->event_arena);
    uint64_t now_ms = (uint64_t)(s->host->realtime_us(s->instance) / 1000);
    struct Spb__Payload *p = sparkplug_payload_create(now_ms, -1, &s->event_arena);
    struct Spb__Metric *m =
        p ? sparkplug_payload_add(p, bytes_of_text("Node Control/Rebirth"), &s->event_arena) : NULL;
    struct error err;
    if (!m || sparkplug_metric_set(m, SPARKPLUG_BOOLEAN, &yes, &s->event_arena, &err) != STATUS_OK)
        return false;
    m->has_timestamp = true;
    m->timestamp = now_ms;
    return sparkplug_payload_pack(p, out);
}

static bool handle_rebirth_wanted(void *ctx, const struct sparkplug_node *node, void *token)
{
    struct sparkplug_stage *s = ctx;
    const struct fby_item *item = token;
    const struct sparkplug_topic topic = {SPARKPLUG_NCMD, node->group, node->edge_node, {NULL, 0}};
    struct buffer payload = {0}, name = {0};
    bool sent = false;
    if (!may_request(s))
        return false;
    sparkplug_topic_format(&topic, &name);
    if (pack_request(s, &payload) && !name.failed) {
        const struct fby_publish p = {.broker = item->message->source,
                                      .topic = {(const char *)name.data, name.len},
                                      .payload = {(const char *)payload.data, payload.len}};
        sent = s->host->publish(s->instance, &p);
    }
    s->host->count(s->instance, sent ? "sparkplug_rebirth_requests" : "sparkplug_rebirth_failures", 1);
    s->host->log(s->instance, FBY_LOG_INFO, "edge_node=%s %s", node->key,
                 sent ? "asked for its births" : "cannot be asked for its births: no connection");
    buffer_finish(&payload);
    buffer_finish(&name);
    return sent;
}

static const struct sparkplug_host_events host_events = {
    .on_decision = handle_decision,
    .reopen = reopen,
    .on_rebirth_wanted = handle_rebirth_wanted,
};

/* ---- Time ---- */

static void tell(struct sparkplug_stage *s, const char *name, uint64_t now, uint64_t *told)
{
    if (now > *told)
        s->host->count(s->instance, name, now - *told);
    *told = now;
}

static void look_after_waiting(struct sparkplug_stage *s)
{
    int64_t now = now_us(s);
    int64_t due = sparkplug_host_tick(s->nodes, now);
    if (due >= 0)
        s->host->timer_start(s->tick_timer, (due - now) / 1000 + 1);
    const struct sparkplug_host_counters *c = sparkplug_host_counters(s->nodes);
    tell(s, "sparkplug_held", c->held, &s->told.held);
    tell(s, "sparkplug_missing", c->missing, &s->told.missing);
    tell(s, "sparkplug_unknown_alias", c->unknown, &s->told.unknown);
    tell(s, "sparkplug_late_deaths", c->late_deaths, &s->told.late_deaths);
    tell(s, "sparkplug_repeated", c->repeated, &s->told.repeated);
    tell(s, "sparkplug_equal_aliases", c->equal_aliases, &s->told.equal_aliases);
}

static void handle_tick(void *ctx)
{
    look_after_waiting(ctx);
}

/* ---- The plugin ---- */

/* With the first message: a check makes instances as well, and an older one may still save its state. */
static void start(struct sparkplug_stage *s)
{
    const struct sparkplug_stage_options *o = s->options;
    const struct sparkplug_host_settings settings = {
        .reorder_us = o->reorder_ms * 1000,
        .reorder_max = (size_t)o->reorder_messages,
        .asks_rebirth = o->request_rebirth,
        .rebirth_interval_us = o->rebirth_interval_ms * 1000,
        .passes_unknown = o->unknown_alias == SPARKPLUG_STAGE_PASS,
        .nodes_max = (size_t)o->max_nodes,
        .state_max = (size_t)o->max_state,
    };
    s->nodes = sparkplug_host_create(&settings, &host_events, s);
    s->release_timer = s->host->timer_create(s->instance, handle_release, s);
    s->tick_timer = s->host->timer_create(s->instance, handle_tick, s);
    load(s);
}

static void stage_process(void *self, struct fby_batch *batch)
{
    struct sparkplug_stage *s = self;
    if (!s->nodes)
        start(s);
    for (size_t i = 0; i < batch->count; i++)
        take_item(s, batch->items[i]);
    look_after_waiting(s);
}

static void *stage_create(const struct fby_host *host, struct fby_instance *instance, const void *options,
                          struct fby_error *err)
{
    (void)err;
    struct sparkplug_stage *s = xcalloc(1, sizeof *s);
    s->host = host;
    s->instance = instance;
    s->options = options;
    s->limits = (struct sparkplug_limits){.payload_bytes = (size_t)s->options->max_payload,
                                          .unpacked_bytes = (size_t)s->options->max_unpacked,
                                          .elements = (size_t)s->options->max_elements};
    s->output = (struct sparkplug_output_settings){.form = s->options->metrics,
                                                   .properties = s->options->properties,
                                                   .max_elements = (size_t)s->options->max_elements};
    arena_init(&s->arrival_arena, ARENA_CHUNK, ARENA_LIMIT);
    arena_init(&s->reopen_arena, ARENA_CHUNK, ARENA_LIMIT);
    arena_init(&s->event_arena, 0, ARENA_LIMIT);
    list_init(&s->queue);
    return s;
}

static void stage_destroy(void *self)
{
    struct sparkplug_stage *s = self;
    if (s->nodes) {
        s->host->timer_destroy(s->release_timer);
        s->host->timer_destroy(s->tick_timer);
    }
    while (!list_is_empty(&s->queue))
        free(list_entry(list_take_first(&s->queue), struct outcome, link));
    sparkplug_host_destroy(s->nodes);
    arena_finish(&s->arrival_arena);
    arena_finish(&s->reopen_arena);
    arena_finish(&s->event_arena);
    free(s);
}

/* Of one edge node. When more of them wait, the target's window stops reading until their time is up. */
static size_t stage_holds(void *self)
{
    const struct sparkplug_stage *s = self;
    return (size_t)s->options->reorder_messages;
}

static const struct fby_stage_ops stage_ops = {
    .create = stage_create,
    .destroy = stage_destroy,
    .process = stage_process,
    .holds = stage_holds,
};

const struct fby_plugin sparkplug_stage_plugin = {
    FBY_PLUGIN_ABI,
    .name = "sparkplug",
    .version = PACKAGE_VERSION,
    .summary = "Reads Sparkplug B as a host application: births, aliases, sequence numbers, who is online.",
    .kind = FBY_KIND_STAGE,
    .options = sparkplug_stage_options_rows,
    .options_size = sizeof(struct sparkplug_stage_options),
    .stage = &stage_ops,
};
