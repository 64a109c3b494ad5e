/* SPDX-License-Identifier: Apache-2.0
 *
 * See plugin_services.h. Everything lent is kept in a list of the instance, so that a plugin that forgets a
 * timer does not take the daemon down when its instance is gone.
 */
#include "plugin/plugin_services.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "loop/loop.h"
#include "metrics/metrics.h"
#include "plugin/plugin_instance.h"
#include "plugin/plugin_registry.h"
#include "plugin/plugin_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COUNTERS_MAX = 64, LOG_WINDOW_MS = 10000, LOG_WINDOW_LINES = 50 };

/* Descriptors' events go through as they are. */
_Static_assert((unsigned)FBY_IO_READ == LOOP_READ && (unsigned)FBY_IO_WRITE == LOOP_WRITE, "event bits");

struct fby_timer {
    struct list link; /* plugin_instance.timers */
    struct loop_timer *timer;
};

struct fby_io {
    struct list link; /* plugin_instance.ios */
    struct loop_io *io;
};

struct fby_notifier {
    struct list link; /* plugin_instance.notifiers */
    struct loop_notifier *notifier;
};

struct counter {
    struct list link; /* plugin_instance.counters */
    const char *name; /* the plugin's */
    uint64_t value;
    char *metric_name;
    struct metric_row rows[2];
    struct metrics_group *group;
};

/* ---- Log and counters ---- */

static bool may_log(struct plugin_instance *in, enum log_level level)
{
    if (level > log_threshold)
        return false;
    int64_t now_us = clock_monotonic_us();
    if (in->log_window_lines == 0 || now_us - in->log_window_start_us > LOG_WINDOW_MS * 1000) {
        if (in->log_skipped)
            log_warning(plugin_description(in->plugin)->name, "instance=%s left out %u lines", in->label,
                        in->log_skipped);
        in->log_window_start_us = now_us;
        in->log_window_lines = 0;
        in->log_skipped = 0;
    }
    if (in->log_window_lines < LOG_WINDOW_LINES) {
        in->log_window_lines++;
        return true;
    }
    in->log_skipped++;
    return false;
}

PRINTF_LIKE(3, 4)
static void service_log(struct fby_instance *handle, enum fby_log_level level, const char *format, ...)
{
    static const enum log_level levels[] = {[FBY_LOG_ERROR] = LOG_LEVEL_ERROR,
                                            [FBY_LOG_WARNING] = LOG_LEVEL_WARNING,
                                            [FBY_LOG_INFO] = LOG_LEVEL_INFO,
                                            [FBY_LOG_DEBUG] = LOG_LEVEL_DEBUG};
    struct plugin_instance *in = handle->owner;
    enum log_level l = (size_t)level < array_count(levels) ? levels[level] : LOG_LEVEL_ERROR;
    if (!may_log(in, l))
        return;
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    log_write(l, plugin_description(in->plugin)->name, "instance=%s %s", in->label, text);
}

static struct counter *add_counter(struct plugin_instance *in, const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz_");
    if (len == 0 || name[len] || in->counter_count >= COUNTERS_MAX) {
        log_limited(
            60000, LOG_LEVEL_WARNING, "plugin",
            "instance=%s counter \"%.64s\" is not shown: names are [a-z_]+, at most %d for each instance",
            in->label, name, COUNTERS_MAX);
        return NULL;
    }
    struct counter *c = xcalloc(1, sizeof *c);
    c->name = name;
    c->metric_name = xasprintf("forebay_plugin_%s_total", name);
    c->rows[0] = (struct metric_row){c->metric_name, METRIC_COUNTER, offsetof(struct counter, value),
                                     "Counted by instances of plugins under this name."};
    if (in->plugin->host->metrics)
        c->group = metrics_add(in->plugin->host->metrics, c->rows, in->metric_labels, c, NULL);
    list_add(&in->counters, &c->link);
    in->counter_count++;
    return c;
}

static void service_count(struct fby_instance *handle, const char *name, uint64_t n)
{
    struct plugin_instance *in = handle->owner;
    list_for_each(c, &in->counters, struct counter, link)
    {
        if (c->name != name && strcmp(c->name, name) != 0)
            continue;
        c->value += n;
        return;
    }
    struct counter *c = add_counter(in, name);
    if (c)
        c->value = n;
}

static int64_t service_monotonic_us(struct fby_instance *handle)
{
    (void)handle;
    return clock_monotonic_us();
}

static int64_t service_realtime_us(struct fby_instance *handle)
{
    (void)handle;
    return clock_realtime_us();
}

/* ---- Loop ---- */

static struct loop *loop_of(struct fby_instance *handle)
{
    return handle->owner->plugin->host->loop;
}

static struct fby_timer *service_timer_create(struct fby_instance *handle, fby_callback_fn fn, void *ctx)
{
    struct fby_timer *t = xcalloc(1, sizeof *t);
    t->timer = loop_timer_create(loop_of(handle), fn, ctx);
    list_add(&handle->owner->timers, &t->link);
    return t;
}

static void service_timer_start(struct fby_timer *t, int64_t delay_ms)
{
    loop_timer_start(t->timer, delay_ms);
}

static void service_timer_stop(struct fby_timer *t)
{
    loop_timer_stop(t->timer);
}

static void service_timer_destroy(struct fby_timer *t)
{
    if (!t)
        return;
    loop_timer_destroy(t->timer);
    list_remove(&t->link);
    free(t);
}

static struct fby_io *service_io_create(struct fby_instance *handle, int fd, fby_io_fn fn, void *ctx)
{
    struct fby_io *io = xcalloc(1, sizeof *io);
    io->io = loop_io_create(loop_of(handle), fd, fn, ctx);
    list_add(&handle->owner->ios, &io->link);
    return io;
}

static void service_io_set(struct fby_io *io, unsigned events)
{
    loop_io_set(io->io, events);
}

static void service_io_destroy(struct fby_io *io)
{
    if (!io)
        return;
    loop_io_destroy(io->io);
    list_remove(&io->link);
    free(io);
}

static struct fby_notifier *service_notifier_create(struct fby_instance *handle, fby_callback_fn fn,
                                                    void *ctx)
{
    struct fby_notifier *n = xcalloc(1, sizeof *n);
    n->notifier = loop_notifier_create(loop_of(handle), fn, ctx);
    if (!n->notifier) {
        free(n);
        return NULL;
    }
    list_add(&handle->owner->notifiers, &n->link);
    return n;
}

static void service_notifier_signal(struct fby_notifier *n)
{
    loop_notifier_signal(n->notifier);
}

static void service_notifier_destroy(struct fby_notifier *n)
{
    if (!n)
        return;
    loop_notifier_destroy(n->notifier);
    list_remove(&n->link);
    free(n);
}

/* ---- Stages and upstreams: the side's part ---- */

/* For kinds without items. */
static void *service_item_alloc(struct fby_item *item, size_t size)
{
    (void)item;
    (void)size;
    return NULL;
}

static void service_item_answer(struct fby_instance *handle, struct fby_item *item, int verdict,
                                const char *reason)
{
    const struct plugin_instance *in = handle->owner;
    if (in->side->item_answer)
        in->side->item_answer(in->ctx, item, verdict, reason);
}

static bool service_emit(struct fby_instance *handle, const struct fby_value *value,
                         struct fby_item *const *consumed, size_t count, const struct fby_item *like)
{
    const struct plugin_instance *in = handle->owner;
    return in->side->emit && in->side->emit(in->ctx, value, consumed, count, like);
}

static void service_result(struct fby_instance *handle, uint64_t token, enum fby_outcome outcome,
                           const char *reason, int64_t retry_after_ms)
{
    const struct plugin_instance *in = handle->owner;
    if (in->side->result)
        in->side->result(in->ctx, token, outcome, reason, retry_after_ms);
}

static void service_ready(struct fby_instance *handle)
{
    const struct plugin_instance *in = handle->owner;
    if (in->side->ready)
        in->side->ready(in->ctx);
}

static void service_connected(struct fby_instance *handle, bool yes, const char *reason)
{
    const struct plugin_instance *in = handle->owner;
    if (in->side->connected)
        in->side->connected(in->ctx, yes, reason);
}

/* ---- Codecs: for who only checks ---- */

static void *service_decode_alloc(struct fby_decode *d, size_t size)
{
    (void)d;
    (void)size;
    return NULL;
}

static bool service_encode_write(struct fby_encode *e, const void *data, size_t len)
{
    (void)e;
    (void)data;
    (void)len;
    return false;
}

/* ---- Publishing, state ---- */

static bool service_publish(struct fby_instance *handle, const struct fby_publish *p)
{
    const struct plugin_host *h = handle->owner->plugin->host;
    return h->publish && p->qos <= 1 && h->publish(h->publish_ctx, p);
}

static bool service_state_load(struct fby_instance *handle, struct fby_bytes *state)
{
    struct plugin_instance *in = handle->owner;
    struct error err;
    size_t len = 0;
    free(in->state);
    in->state = NULL;
    *state = (struct fby_bytes){NULL, 0};
    if (!in->plugin->host->states)
        return false;
    enum status s = plugin_state_load(in->plugin->host->states, in->label, &in->state, &len, &err);
    if (s != STATUS_OK && s != STATUS_NOT_FOUND)
        log_error(plugin_description(in->plugin)->name, "instance=%s starts without its state: %s", in->label,
                  err.text);
    if (s == STATUS_OK)
        *state = (struct fby_bytes){(const char *)in->state, len};
    return s == STATUS_OK;
}

static bool service_state_save(struct fby_instance *handle, struct fby_bytes state, fby_saved_fn done,
                               void *ctx)
{
    struct plugin_instance *in = handle->owner;
    struct plugin_state_store *states = in->plugin->host->states;
    return states &&
           plugin_state_save(states, in->label, bytes_of(state.data, state.len), in, done, ctx) == STATUS_OK;
}

static const struct fby_host services = {
    .size = sizeof(struct fby_host),
    .log = service_log,
    .count = service_count,
    .monotonic_us = service_monotonic_us,
    .realtime_us = service_realtime_us,
    .timer_create = service_timer_create,
    .timer_start = service_timer_start,
    .timer_stop = service_timer_stop,
    .timer_destroy = service_timer_destroy,
    .io_create = service_io_create,
    .io_set = service_io_set,
    .io_destroy = service_io_destroy,
    .notifier_create = service_notifier_create,
    .notifier_signal = service_notifier_signal,
    .notifier_destroy = service_notifier_destroy,
    .item_alloc = service_item_alloc,
    .item_answer = service_item_answer,
    .emit = service_emit,
    .result = service_result,
    .ready = service_ready,
    .connected = service_connected,
    .decode_alloc = service_decode_alloc,
    .encode_write = service_encode_write,
    .publish = service_publish,
    .state_load = service_state_load,
    .state_save = service_state_save,
};

void plugin_services_fill(struct fby_host *table, const struct plugin_side *side)
{
    *table = services;
    if (side->item_alloc)
        table->item_alloc = side->item_alloc;
    if (side->decode_alloc)
        table->decode_alloc = side->decode_alloc;
    if (side->encode_write)
        table->encode_write = side->encode_write;
}

unsigned plugin_services_reclaim(struct plugin_instance *in)
{
    unsigned left = 0;
    plugin_state_forget(in->plugin->host->states, in);
    free(in->state);
    in->state = NULL;
    list_for_each_safe(t, &in->timers, struct fby_timer, link)
    {
        service_timer_destroy(t);
        left++;
    }
    list_for_each_safe(io, &in->ios, struct fby_io, link)
    {
        service_io_destroy(io);
        left++;
    }
    list_for_each_safe(n, &in->notifiers, struct fby_notifier, link)
    {
        service_notifier_destroy(n);
        left++;
    }
    list_for_each_safe(c, &in->counters, struct counter, link)
    {
        metrics_remove(c->group);
        list_remove(&c->link);
        free(c->metric_name);
        free(c);
    }
    return left;
}
