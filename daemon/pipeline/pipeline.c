/* SPDX-License-Identifier: Apache-2.0
 *
 * See pipeline.h. An item walks through the stages; each stage has a queue of the items that wait behind one
 * that is answered later, and a list of those it holds in a window.
 */
#include "pipeline/pipeline.h"

#include "base/list.h"
#include "message/value.h"
#include "pipeline/pipeline_codec.h"
#include "plugin/plugin_host.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { OUTPUT_BYTES_MAX = 16 << 20 };

enum item_place {
    ITEM_WALKING, /* on the stack of a run */
    ITEM_QUEUED,  /* stage.queue: answered and waiting, or FBY_LATER */
    ITEM_HELD,    /* stage.held */
};

struct pipeline_item {
    struct fby_item item; /* first: the plugin's pointer is ours */
    struct fby_value value;
    struct pipeline_record *own;      /* the record whose item this is; NULL for an emitted one */
    struct pipeline_record **records; /* what an output made from it depends on */
    size_t record_count;
    struct arena *arena;
    unsigned part;
    enum item_place place;
    size_t index; /* in the batch being processed; an emitted one: of the item before which it goes on */
    struct list link;
};

struct stage {
    struct pipeline *pipeline;
    size_t index;
    const char *name;
    struct plugin_instance *instance;
    const struct fby_stage_ops *ops;
    struct pipeline_encoder
        encoder;         /* of the stage `encode`, which is no plugin: without settings in others */
    struct list queue;   /* pipeline_item.link, in order */
    struct list held;    /* pipeline_item.link */
    struct list emitted; /* pipeline_item.link: new ones made during process() */
    bool processing;
};

struct pipeline {
    const struct pipeline_settings *settings;
    const struct pipeline_events *events;
    void *ctx;
    struct stage *stages;
    size_t stage_count;
    struct pipeline_codec codec;
    struct buffer out;
    size_t held_count;
};

static void walk(struct pipeline *p, size_t index, struct pipeline_item **items, size_t count);

/* ---- References ---- */

void pipeline_record_ref(struct pipeline_record *r)
{
    r->references++;
}

void pipeline_record_unref(struct pipeline *p, struct pipeline_record *r)
{
    assert(r->references > 0);
    if (--r->references == 0)
        p->events->on_done(p->ctx, r);
}

void pipeline_output_finish(struct pipeline *p, struct pipeline_output *o)
{
    /* The last unref may free the arena that `o` lives in. */
    struct pipeline_record **records = o->records;
    for (size_t i = 0, n = o->record_count; i < n; i++)
        pipeline_record_unref(p, records[i]);
}

static void drop_references(struct pipeline *p, struct pipeline_item *it)
{
    struct pipeline_record **records = it->records;
    for (size_t i = 0, n = it->record_count; i < n; i++)
        pipeline_record_unref(p, records[i]);
}

/* ---- Leaving the chain ---- */

static void answer(struct pipeline *p, struct pipeline_item *it, enum pipeline_answer a, const char *stage,
                   const char *reason)
{
    if (it->own)
        p->events->on_answer(p->ctx, it->own, a, stage, reason);
    else if (a == PIPELINE_FAILED)
        for (size_t i = 0; i < it->record_count; i++)
            p->events->on_answer(p->ctx, it->records[i], a, stage, reason);
    drop_references(p, it);
}

static void fail(struct pipeline *p, struct pipeline_item *it, const char *where, const struct error *err)
{
    answer(p, it, PIPELINE_FAILED, where, err->text);
}

/* Copy the encoded payload behind the item and hand it over; the item's references become the output's. */
static void give_output(struct pipeline *p, struct pipeline_item *it, struct bytes payload, bool copy)
{
    struct error err;
    struct pipeline_output *o = arena_alloc(it->arena, sizeof *o + (copy ? payload.len : 0));
    if (!o) {
        error_set(&err, STATUS_LIMIT, "the message needs more memory than a batch may use");
        fail(p, it, "encode", &err);
        return;
    }
    if (copy) {
        memcpy(o + 1, payload.data, payload.len);
        payload.data = (const uint8_t *)(o + 1);
    }
    *o = (struct pipeline_output){it->records, it->record_count, it->part, payload,
                                  pipeline_codec_content_type(&p->codec, it->item.message)};
    if (it->own)
        p->events->on_answer(p->ctx, it->own, PIPELINE_PASSED, NULL, NULL);
    p->events->on_output(p->ctx, o);
}

static void finish_item(struct pipeline *p, struct pipeline_item *it)
{
    struct error err;
    if (pipeline_codec_encode(&p->codec, it->item.message, it->item.value, it->arena, &p->out, &err) !=
        STATUS_OK) {
        fail(p, it, "encode", &err);
        return;
    }
    give_output(p, it, buffer_bytes(&p->out), true);
}

/* ---- Stages ---- */

/* Settle one answered item: true when it goes on. The reason of a plugin may live only until process()
 * returns. */
static bool settle(struct stage *s, struct pipeline_item *it)
{
    const char *reason = it->item.reason ? it->item.reason : "no reason given";
    switch (it->item.verdict) {
    case FBY_PASS:
        return true;
    case FBY_DROP:
        answer(s->pipeline, it, PIPELINE_FILTERED, s->name, reason);
        return false;
    case FBY_FAIL:
        answer(s->pipeline, it, PIPELINE_FAILED, s->name, reason);
        return false;
    default:
        answer(s->pipeline, it, PIPELINE_FAILED, s->name,
               "the plugin gave an answer that the contract does not have");
        return false;
    }
}

static void enqueue(struct stage *s, struct pipeline_item *it)
{
    it->place = ITEM_QUEUED;
    list_add(&s->queue, &it->link);
}

/* The queue's head has been answered: pass on everything up to the next open answer. */
static void drain_queue(struct stage *s)
{
    enum { RUN = 64 };
    struct pipeline_item *run[RUN];
    while (!list_is_empty(&s->queue)) {
        size_t count = 0;
        while (count < RUN && !list_is_empty(&s->queue)) {
            struct pipeline_item *it = list_first(&s->queue, struct pipeline_item, link);
            if (it->item.verdict == FBY_LATER)
                break;
            list_remove(&it->link);
            it->place = ITEM_WALKING;
            if (settle(s, it))
                run[count++] = it;
        }
        if (count == 0)
            return;
        walk(s->pipeline, s->index + 1, run, count);
    }
}

static void hold(struct stage *s, struct pipeline_item *it)
{
    it->place = ITEM_HELD;
    list_add(&s->held, &it->link);
    s->pipeline->held_count++;
}

static void unhold(struct stage *s, struct pipeline_item *it)
{
    list_remove(&it->link);
    it->place = ITEM_WALKING;
    s->pipeline->held_count--;
}

/* The stage `encode`: the value becomes the bytes that stand for it. */
static void encode_item(struct stage *s, struct pipeline_item *it)
{
    struct error err;
    struct buffer *out = &s->pipeline->out;
    buffer_clear(out);
    enum status result = pipeline_encoder_run(&s->encoder, s->encoder.settings->kind, it->item.message,
                                              it->item.value, it->arena, out, &err);
    char *copy = result == STATUS_OK ? arena_strndup(it->arena, out->data, out->len) : NULL;
    if (result == STATUS_OK && !copy)
        result = error_set(&err, STATUS_LIMIT, "the message needs more memory than a batch may use");
    if (result == STATUS_OK) {
        it->value = value_bytes(bytes_of(copy, out->len));
        it->item.value = &it->value;
        return;
    }
    it->item.verdict = FBY_FAIL;
    it->item.reason = arena_strdup(it->arena, err.text);
}

static void run_stage(struct stage *s, struct pipeline_item **items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        items[i]->item.verdict = FBY_PASS;
        items[i]->item.reason = NULL;
        items[i]->index = i;
    }
    if (s->encoder.settings) {
        for (size_t i = 0; i < count; i++)
            encode_item(s, items[i]);
        return;
    }
    /* struct pipeline_item begins with its fby_item, so the array of pointers serves both. */
    struct fby_batch batch = {(struct fby_item **)(void *)items, count};
    s->processing = true;
    s->ops->process(plugin_instance_self(s->instance), &batch);
    s->processing = false;
}

/* Those made from items up to `index` of the batch, in the order they were made. */
static void enqueue_emitted(struct stage *s, size_t index)
{
    while (!list_is_empty(&s->emitted)) {
        struct pipeline_item *it = list_first(&s->emitted, struct pipeline_item, link);
        if (it->index > index)
            return;
        list_remove(&it->link);
        enqueue(s, it);
    }
}

static size_t process_batch(struct stage *s, struct pipeline_item **items, size_t count)
{
    run_stage(s, items, count);
    size_t passed = 0;
    for (size_t i = 0; i < count; i++) {
        struct pipeline_item *it = items[i];
        enqueue_emitted(s, i);
        if (it->place != ITEM_WALKING)
            continue; /* consumed by emit() during process() */
        if (it->item.verdict == FBY_HOLD) {
            hold(s, it);
            continue;
        }
        if (it->item.verdict == FBY_LATER || !list_is_empty(&s->queue)) {
            if (it->item.verdict == FBY_LATER)
                s->pipeline->held_count++;
            else if (it->item.reason) /* borrowed from the plugin until process() returned */
                it->item.reason = arena_strdup(it->arena, it->item.reason);
            enqueue(s, it);
            continue;
        }
        if (settle(s, it))
            items[passed++] = it;
    }
    return passed;
}

static void walk(struct pipeline *p, size_t index, struct pipeline_item **items, size_t count)
{
    for (; index < p->stage_count && count; index++) {
        struct stage *s = &p->stages[index];
        count = process_batch(s, items, count);
        if (!list_is_empty(&s->queue)) {
            /* Items emitted or put behind an open answer: those passed directly came before them. The answer
             * that was waited for may have come during the call. */
            walk(p, index + 1, items, count);
            drain_queue(s);
            return;
        }
    }
    for (size_t i = 0; i < count; i++)
        finish_item(p, items[i]);
}

/* ---- The host's side of a stage ---- */

static void *stage_item_alloc(struct fby_item *item, size_t size)
{
    return arena_alloc(container_of(item, struct pipeline_item, item)->arena, size);
}

static void stage_item_answer(void *ctx, struct fby_item *item, int verdict, const char *reason)
{
    struct stage *s = ctx;
    struct pipeline_item *it = container_of(item, struct pipeline_item, item);
    if (it->place == ITEM_WALKING || verdict == FBY_LATER || verdict == FBY_HOLD)
        return; /* not an answer of ours: the contract forbids it */
    if (it->place == ITEM_HELD) {
        unhold(s, it);
        enqueue(s, it);
    } else if (item->verdict == FBY_LATER) {
        s->pipeline->held_count--;
    } else {
        return; /* answered twice */
    }
    item->verdict = verdict;
    item->reason = reason ? arena_strdup(it->arena, reason) : NULL;
    if (!s->processing)
        drain_queue(s);
}

static size_t count_records(struct fby_item *const *consumed, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        n += container_of(consumed[i], struct pipeline_item, item)->record_count;
    return n;
}

static bool may_consume(const struct stage *s, const struct fby_item *item)
{
    const struct pipeline_item *it = container_of(item, const struct pipeline_item, item);
    return it->place == ITEM_HELD || (it->place == ITEM_WALKING && s->processing);
}

/* An item that stands for others; references on their records are its own. NULL: no memory. */
static struct pipeline_item *make_emitted(const struct fby_value *value, struct fby_item *const *from,
                                          size_t count)
{
    struct pipeline_item *last = container_of(from[count - 1], struct pipeline_item, item);
    struct pipeline_item *it = arena_calloc(last->arena, 1, sizeof *it);
    size_t n = count_records(from, count);
    struct pipeline_record **records = it ? arena_alloc(last->arena, n * sizeof(*records)) : NULL;
    if (!records || !value_copy(value, &it->value, last->arena))
        return NULL;
    it->item.message = last->item.message;
    it->item.value = &it->value;
    it->item.verdict = FBY_PASS;
    it->index = last->place == ITEM_WALKING ? last->index : 0;
    it->arena = last->arena;
    it->records = records;
    it->part = ++last->part;
    for (size_t i = 0; i < count; i++) {
        struct pipeline_item *source = container_of(from[i], struct pipeline_item, item);
        for (size_t k = 0; k < source->record_count; k++) {
            pipeline_record_ref(source->records[k]);
            it->records[it->record_count++] = source->records[k];
        }
    }
    return it;
}

static void consume(struct stage *s, struct fby_item *item)
{
    struct pipeline_item *it = container_of(item, struct pipeline_item, item);
    if (it->place == ITEM_HELD)
        unhold(s, it);
    it->place = ITEM_QUEUED; /* so that the batch being processed leaves it alone */
    list_init(&it->link);
    answer(s->pipeline, it, PIPELINE_AGGREGATED, s->name, NULL);
}

static bool stage_emit(void *ctx, const struct fby_value *value, struct fby_item *const *consumed,
                       size_t count, const struct fby_item *like)
{
    struct stage *s = ctx;
    for (size_t i = 0; i < count; i++)
        if (!may_consume(s, consumed[i]))
            return false;
    if (count == 0 && !like)
        return false;
    struct fby_item *only = (struct fby_item *)(uintptr_t)like;
    struct pipeline_item *it = make_emitted(value, count ? consumed : &only, count ? count : 1);
    struct pipeline_item *model = count ? NULL : container_of(only, struct pipeline_item, item);
    if (!it)
        return false;
    for (size_t i = 0; i < count; i++)
        consume(s, consumed[i]);
    if (model && model->place == ITEM_QUEUED) { /* not answered yet: before it, as its own would be */
        it->place = ITEM_QUEUED;
        list_insert_before(&model->link, &it->link);
    } else if (s->processing) {
        list_add(&s->emitted, &it->link);
    } else {
        enqueue(s, it);
    }
    if (!s->processing)
        drain_queue(s);
    return true;
}

static const struct plugin_side stage_side = {
    .item_alloc = stage_item_alloc,
    .item_answer = stage_item_answer,
    .emit = stage_emit,
};

/* ---- Coming in ---- */

static struct pipeline_item *make_item(struct pipeline_record *r)
{
    struct pipeline_item *it = arena_calloc(r->arena, 1, sizeof *it + sizeof(struct pipeline_record *));
    if (!it)
        return NULL;
    it->own = r;
    it->arena = r->arena;
    it->records = (struct pipeline_record **)(it + 1);
    it->records[0] = r;
    it->record_count = 1;
    it->item.message = &r->message;
    it->item.value = &it->value;
    return it;
}

static void refuse_record(struct pipeline *p, struct pipeline_record *r, const char *where,
                          const char *reason)
{
    p->events->on_answer(p->ctx, r, PIPELINE_FAILED, where, reason);
    pipeline_record_unref(p, r);
}

/* Without stages there is nothing to wait for: straight from payload to output. */
static void convert_record(struct pipeline *p, struct pipeline_record *r)
{
    struct error err;
    struct pipeline_item *it = make_item(r);
    if (!it) {
        refuse_record(p, r, "decode", "the message needs more memory than a batch may use");
        return;
    }
    if (pipeline_codec_is_raw(&p->codec, &r->message)) {
        give_output(p, it, bytes_of(r->message.payload.data, r->message.payload.len), false);
        return;
    }
    const char *where;
    if (pipeline_codec_convert(&p->codec, &r->message, r->arena, &p->out, &where, &err) != STATUS_OK) {
        fail(p, it, where, &err);
        return;
    }
    give_output(p, it, buffer_bytes(&p->out), true);
}

static struct pipeline_item *decode_record(struct pipeline *p, struct pipeline_record *r)
{
    struct error err;
    struct pipeline_item *it = make_item(r);
    if (!it) {
        refuse_record(p, r, "decode", "the message needs more memory than a batch may use");
        return NULL;
    }
    if (pipeline_codec_decode(&p->codec, &r->message, r->arena, &it->value, &err) != STATUS_OK) {
        fail(p, it, "decode", &err);
        return NULL;
    }
    return it;
}

void pipeline_run(struct pipeline *p, struct pipeline_record *const *records, size_t count)
{
    enum { RUN = 64 };
    for (size_t i = 0; i < count; i++)
        records[i]->references = 1;
    if (p->stage_count == 0) {
        for (size_t i = 0; i < count; i++)
            convert_record(p, records[i]);
        return;
    }
    for (size_t i = 0; i < count;) {
        struct pipeline_item *run[RUN];
        size_t n = 0;
        for (; i < count && n < RUN; i++) {
            run[n] = decode_record(p, records[i]);
            n += run[n] != NULL;
        }
        walk(p, 0, run, n);
    }
}

size_t pipeline_held_count(const struct pipeline *p)
{
    return p->held_count;
}

/* ---- Life ---- */

/* How many stages of this name stand before it: each needs a name of its own for metrics and state. */
static unsigned count_namesakes(const struct pipeline_settings *s, size_t index)
{
    unsigned count = 0;
    for (size_t i = 0; i < index; i++)
        count += strcmp(s->stages[i].name, s->stages[index].name) == 0;
    return count;
}

static bool create_stage(struct pipeline *p, size_t index, const char *label, struct plugin_host *plugins,
                         struct error *err)
{
    const struct stage_settings *settings = &p->settings->stages[index];
    struct stage *s = &p->stages[index];
    *s = (struct stage){.pipeline = p, .index = index, .name = settings->name};
    list_init(&s->queue);
    list_init(&s->held);
    list_init(&s->emitted);
    p->stage_count++;
    char name[256];
    unsigned before = count_namesakes(p->settings, index);
    int len = snprintf(name, sizeof name, "%s %s", label, settings->name);
    if (before && len > 0 && (size_t)len < sizeof name)
        snprintf(name + len, sizeof name - (size_t)len, " %u", before + 1);
    if (settings->encode)
        return pipeline_encoder_init(&s->encoder, settings->encode, name, plugins, err);
    s->instance =
        plugin_instance_create(plugins, settings->plugin, name, settings->options, &stage_side, s, err);
    if (!s->instance)
        return false;
    s->ops = plugin_instance_description(s->instance)->stage;
    return true;
}

struct pipeline *pipeline_create(const struct pipeline_settings *s, const char *label,
                                 struct plugin_host *plugins, const struct pipeline_events *events, void *ctx,
                                 struct error *err)
{
    struct pipeline *p = xcalloc(1, sizeof *p);
    p->settings = s;
    p->events = events;
    p->ctx = ctx;
    p->out.limit = OUTPUT_BYTES_MAX;
    p->stages = xcalloc(s->stage_count, sizeof *p->stages);
    if (!pipeline_codec_init(&p->codec, s, label, plugins, err)) {
        pipeline_destroy(p);
        return NULL;
    }
    for (size_t i = 0; i < s->stage_count; i++) {
        if (!create_stage(p, i, label, plugins, err)) {
            error_wrap(err, "process[%zu] %s", i, s->stages[i].name);
            pipeline_destroy(p);
            return NULL;
        }
    }
    return p;
}

void pipeline_destroy(struct pipeline *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->stage_count; i++) {
        plugin_instance_destroy(p->stages[i].instance);
        pipeline_encoder_finish(&p->stages[i].encoder);
    }
    free(p->stages);
    pipeline_codec_finish(&p->codec);
    buffer_finish(&p->out);
    free(p);
}
