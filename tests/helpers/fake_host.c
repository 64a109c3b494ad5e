/* SPDX-License-Identifier: Apache-2.0
 *
 * See fake_host.h.
 */
#include "fake_host.h"

#include <dlfcn.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
    WATCHES_MAX = 64,
    TIMERS_MAX = 16,
    COUNTERS_MAX = 32,
    RESULTS_MAX = 20000,
    OPTIONS_MAX = 4096,
    SAVES_MAX = 4
};

struct fby_timer {
    struct fake_host *host;
    fby_callback_fn fn;
    void *ctx;
    int64_t due_us; /* 0: not running */
    bool used;
};

/* Watches of descriptors; a notifier is a watch of its own eventfd. */
struct fby_io {
    struct fake_host *host;
    fby_io_fn fn;
    void *ctx;
    int fd;
    unsigned events;
    bool used;
};

struct fby_notifier {
    struct fby_io *io;
    fby_callback_fn fn;
    void *ctx;
    int fd;
};

struct memory {
    struct memory *next;
};

struct fby_instance {
    struct fake_host *host;
};

struct fake_counter {
    const char *name;
    uint64_t value;
};

struct output_copy {
    struct output_copy *next;
    struct fby_output output;
    struct fby_message message;
    char id[32];
    char payload[];
};

struct save {
    fby_saved_fn done;
    void *ctx;
};

struct fake_host {
    struct fby_instance instance;
    struct fby_host table;
    const struct fby_plugin *plugin;
    void *self;
    struct fby_error refusal;
    struct fby_item item; /* the last of fake_host_process() */
    struct fby_timer timers[TIMERS_MAX];
    struct fby_io ios[WATCHES_MAX];
    struct fake_counter counters[COUNTERS_MAX];
    struct memory *memory;
    struct output_copy *outputs;
    struct fake_result *results;
    size_t result_count;
    unsigned ready_count;
    bool connected;
    char connection_reason[512];
    char log[16384];
    size_t log_len;
    bool in_send;
    bool can_publish, storage_fails;
    unsigned publish_count;
    char published[1024];
    struct fby_bytes state; /* owned */
    struct save saves[SAVES_MAX];
    size_t save_count;
    _Alignas(16) unsigned char options[OPTIONS_MAX];
};

static struct fake_host *current; /* item_alloc carries no instance */

static void die(const char *what, const char *why)
{
    fprintf(stderr, "fake host: %s: %s\n", what, why);
    abort();
}

static int64_t now_us(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

__attribute__((format(printf, 3, 4))) static void host_log(struct fby_instance *in, enum fby_log_level level,
                                                           const char *format, ...)
{
    struct fake_host *h = in->host;
    (void)level;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(h->log + h->log_len, sizeof h->log - h->log_len, format, args);
    va_end(args);
    if (n > 0 && h->log_len + (size_t)n + 2 < sizeof h->log) {
        h->log_len += (size_t)n;
        h->log[h->log_len++] = '\n';
        h->log[h->log_len] = 0;
    }
}

static void host_count(struct fby_instance *in, const char *name, uint64_t n)
{
    for (size_t i = 0; i < COUNTERS_MAX; i++) {
        struct fake_counter *c = &in->host->counters[i];
        if (c->name && strcmp(c->name, name) != 0)
            continue;
        c->name = name;
        c->value += n;
        return;
    }
    die("counter", name);
}

static int64_t host_monotonic_us(struct fby_instance *in)
{
    (void)in;
    return now_us(CLOCK_MONOTONIC);
}

static int64_t host_realtime_us(struct fby_instance *in)
{
    (void)in;
    return now_us(CLOCK_REALTIME);
}

static struct fby_timer *host_timer_create(struct fby_instance *in, fby_callback_fn fn, void *ctx)
{
    for (size_t i = 0; i < TIMERS_MAX; i++) {
        struct fby_timer *t = &in->host->timers[i];
        if (t->used)
            continue;
        *t = (struct fby_timer){.host = in->host, .fn = fn, .ctx = ctx, .used = true};
        return t;
    }
    die("timers", "too many");
    return NULL;
}

static void host_timer_start(struct fby_timer *t, int64_t delay_ms)
{
    t->due_us = now_us(CLOCK_MONOTONIC) + delay_ms * 1000 + 1;
}

static void host_timer_stop(struct fby_timer *t)
{
    t->due_us = 0;
}

static void host_timer_destroy(struct fby_timer *t)
{
    if (t)
        *t = (struct fby_timer){.used = false};
}

static struct fby_io *host_io_create(struct fby_instance *in, int fd, fby_io_fn fn, void *ctx)
{
    for (size_t i = 0; i < WATCHES_MAX; i++) {
        struct fby_io *io = &in->host->ios[i];
        if (io->used)
            continue;
        *io = (struct fby_io){.host = in->host, .fn = fn, .ctx = ctx, .fd = fd, .used = true};
        return io;
    }
    die("watches", "too many");
    return NULL;
}

static void host_io_set(struct fby_io *io, unsigned events)
{
    io->events = events;
}

static void host_io_destroy(struct fby_io *io)
{
    if (io)
        *io = (struct fby_io){.used = false};
}

static void handle_notification(void *ctx, int fd, unsigned events)
{
    struct fby_notifier *n = ctx;
    uint64_t value;
    (void)events;
    if (read(fd, &value, sizeof value) == (ssize_t)sizeof value)
        n->fn(n->ctx);
}

static struct fby_notifier *host_notifier_create(struct fby_instance *in, fby_callback_fn fn, void *ctx)
{
    struct fby_notifier *n = calloc(1, sizeof *n);
    if (!n)
        die("notifier", "memory");
    n->fn = fn;
    n->ctx = ctx;
    n->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    n->io = host_io_create(in, n->fd, handle_notification, n);
    host_io_set(n->io, FBY_IO_READ);
    return n;
}

static void host_notifier_signal(struct fby_notifier *n)
{
    uint64_t one = 1;
    if (write(n->fd, &one, sizeof one) < 0)
        die("notifier", "write");
}

static void host_notifier_destroy(struct fby_notifier *n)
{
    if (!n)
        return;
    host_io_destroy(n->io);
    close(n->fd);
    free(n);
}

static void *host_item_alloc(struct fby_item *item, size_t size)
{
    (void)item;
    struct memory *m = calloc(1, sizeof *m + 16 + size);
    if (!m)
        return NULL;
    m->next = current->memory;
    current->memory = m;
    return (char *)m + 16;
}

static void host_item_answer(struct fby_instance *in, struct fby_item *item, int verdict, const char *reason)
{
    (void)in;
    item->verdict = verdict;
    item->reason = reason;
}

static bool host_emit(struct fby_instance *in, const struct fby_value *value,
                      struct fby_item *const *consumed, size_t count, const struct fby_item *like)
{
    (void)value;
    (void)consumed;
    (void)count;
    (void)like;
    host_count(in, "emitted", 1);
    return true;
}

static void host_result(struct fby_instance *in, uint64_t token, enum fby_outcome outcome, const char *reason,
                        int64_t retry_after_ms)
{
    struct fake_host *h = in->host;
    if (h->in_send)
        die("result", "during send()");
    if (h->result_count >= RESULTS_MAX)
        die("results", "too many");
    struct fake_result *r = &h->results[h->result_count++];
    *r = (struct fake_result){.token = token, .outcome = outcome, .retry_after_ms = retry_after_ms};
    snprintf(r->reason, sizeof r->reason, "%s", reason ? reason : "");
}

static void host_ready(struct fby_instance *in)
{
    in->host->ready_count++;
}

static void host_connected(struct fby_instance *in, bool yes, const char *reason)
{
    in->host->connected = yes;
    snprintf(in->host->connection_reason, sizeof in->host->connection_reason, "%s", reason ? reason : "");
}

static void host_publish_keep(struct fake_host *h, const struct fby_publish *p)
{
    snprintf(h->published, sizeof h->published, "%.*s %.*s %.*s", (int)p->broker.len, p->broker.data,
             (int)p->topic.len, p->topic.data, (int)p->payload.len, p->payload.data);
}

static bool host_publish(struct fby_instance *in, const struct fby_publish *p)
{
    struct fake_host *h = in->host;
    if (!h->can_publish)
        return false;
    h->publish_count++;
    host_publish_keep(h, p);
    return true;
}

static bool host_state_load(struct fby_instance *in, struct fby_bytes *state)
{
    *state = in->host->state;
    return state->data != NULL;
}

/* The plugin is told in the next turn, as by the daemon. */
static bool host_state_save(struct fby_instance *in, struct fby_bytes state, fby_saved_fn done, void *ctx)
{
    struct fake_host *h = in->host;
    char *copy = malloc(state.len + 1);
    if (!copy || state.len > FBY_STATE_MAX || h->save_count == SAVES_MAX) {
        free(copy);
        return false;
    }
    if (state.len)
        memcpy(copy, state.data, state.len);
    free((void *)(uintptr_t)h->state.data);
    h->state = (struct fby_bytes){copy, state.len};
    h->saves[h->save_count++] = (struct save){done, ctx};
    return true;
}

static void tell_saved(struct fake_host *h)
{
    struct save saves[SAVES_MAX];
    size_t count = h->save_count;
    memcpy(saves, h->saves, sizeof saves);
    h->save_count = 0;
    for (size_t i = 0; i < count; i++)
        if (saves[i].done)
            saves[i].done(saves[i].ctx, !h->storage_fails);
}

static const struct fby_host table = {
    .size = sizeof(struct fby_host),
    .log = host_log,
    .count = host_count,
    .monotonic_us = host_monotonic_us,
    .realtime_us = host_realtime_us,
    .timer_create = host_timer_create,
    .timer_start = host_timer_start,
    .timer_stop = host_timer_stop,
    .timer_destroy = host_timer_destroy,
    .io_create = host_io_create,
    .io_set = host_io_set,
    .io_destroy = host_io_destroy,
    .notifier_create = host_notifier_create,
    .notifier_signal = host_notifier_signal,
    .notifier_destroy = host_notifier_destroy,
    .item_alloc = host_item_alloc,
    .item_answer = host_item_answer,
    .emit = host_emit,
    .result = host_result,
    .ready = host_ready,
    .connected = host_connected,
    .publish = host_publish,
    .state_load = host_state_load,
    .state_save = host_state_save,
};

/* ---- Options: only as much parsing as the defaults in the tables need ---- */

static int64_t parse_with_unit(const char *text)
{
    static const struct {
        const char *unit;
        double factor;
    } units[] = {{"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824}, {"kB", 1000},   {"MB", 1e6},
                 {"ms", 1},     {"s", 1000},      {"m", 60000},        {"h", 3600000}, {"", 1}};
    char *end;
    double value = strtod(text, &end);
    while (*end == ' ')
        end++;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(end, units[i].unit) == 0)
            return (int64_t)(value * units[i].factor);
    die("default", text);
    return 0;
}

static int parse_choice(const struct fby_option *row, const char *text)
{
    for (int i = 0; row->choices[i]; i++)
        if (strcmp(row->choices[i], text) == 0)
            return i;
    die("default", text);
    return 0;
}

static void set_default(const struct fby_option *row, void *member)
{
    const char *text = row->default_text;
    if (row->type == FBY_OPTION_BOOL)
        *(bool *)member = strcmp(text, "true") == 0;
    else if (row->type == FBY_OPTION_STRING)
        *(const char **)member = text;
    else if (row->type == FBY_OPTION_DOUBLE)
        *(double *)member = strtod(text, NULL);
    else if (row->type == FBY_OPTION_CHOICE)
        *(int *)member = parse_choice(row, text);
    else if (row->type == FBY_OPTION_INT || row->type == FBY_OPTION_SIZE || row->type == FBY_OPTION_DURATION)
        *(int64_t *)member = parse_with_unit(text);
    else
        die("default of an unexpected type", row->name);
}

static void set_defaults(const struct fby_option *rows, unsigned char *target)
{
    for (const struct fby_option *row = rows; row && row->name; row++) {
        if (row->type == FBY_OPTION_SECTION)
            set_defaults(row->section, target + row->offset);
        else if (row->default_text)
            set_default(row, target + row->offset);
    }
}

/* ---- Loop ---- */

static int wait_until_due(const struct fake_host *h, int wait_ms)
{
    int64_t now = now_us(CLOCK_MONOTONIC);
    for (size_t i = 0; i < TIMERS_MAX; i++) {
        if (!h->timers[i].due_us)
            continue;
        int64_t left_ms = (h->timers[i].due_us - now + 999) / 1000;
        if (left_ms < 0)
            left_ms = 0;
        if (left_ms < wait_ms)
            wait_ms = (int)left_ms;
    }
    return wait_ms;
}

static void run_timers(struct fake_host *h)
{
    int64_t now = now_us(CLOCK_MONOTONIC);
    for (size_t i = 0; i < TIMERS_MAX; i++) {
        struct fby_timer *t = &h->timers[i];
        if (!t->due_us || t->due_us > now)
            continue;
        t->due_us = 0;
        t->fn(t->ctx);
    }
}

void fake_host_turn(struct fake_host *h, int wait_ms)
{
    struct pollfd fds[WATCHES_MAX];
    struct fby_io *owners[WATCHES_MAX];
    nfds_t count = 0;
    for (size_t i = 0; i < WATCHES_MAX; i++) {
        struct fby_io *io = &h->ios[i];
        if (!io->used || !io->events)
            continue;
        short events =
            (short)(((io->events & FBY_IO_READ) ? POLLIN : 0) | ((io->events & FBY_IO_WRITE) ? POLLOUT : 0));
        fds[count] = (struct pollfd){.fd = io->fd, .events = events};
        owners[count++] = io;
    }
    int n = poll(fds, count, wait_until_due(h, wait_ms));
    for (nfds_t i = 0; n > 0 && i < count; i++) {
        struct fby_io *io = owners[i];
        unsigned events = 0;
        if (fds[i].revents & (POLLIN | POLLHUP | POLLERR))
            events |= FBY_IO_READ;
        if (fds[i].revents & (POLLOUT | POLLERR))
            events |= FBY_IO_WRITE;
        if (io->used && io->fd == fds[i].fd && (events & io->events))
            io->fn(io->ctx, io->fd, events & io->events);
    }
    run_timers(h);
    tell_saved(h);
}

bool fake_host_wait_results(struct fake_host *h, size_t count, int timeout_ms)
{
    int64_t end = now_us(CLOCK_MONOTONIC) + (int64_t)timeout_ms * 1000;
    while (h->result_count < count && now_us(CLOCK_MONOTONIC) < end)
        fake_host_turn(h, 20);
    return h->result_count >= count;
}

/* ---- The instance ---- */

struct fake_host *fake_host_create(const char *path)
{
    struct fake_host *h = calloc(1, sizeof *h);
    char place[4096];
    snprintf(place, sizeof place, "./%s", path ? path : "");
    void *handle = dlopen(path ? place : NULL, RTLD_NOW | RTLD_LOCAL); /* never closed, as in the daemon */
    if (!h || !handle)
        die(place, handle ? "memory" : dlerror());
    h->results = calloc(RESULTS_MAX, sizeof *h->results);
    h->plugin = dlsym(handle, "forebay_plugin");
    if (!h->plugin || !h->results || h->plugin->options_size > OPTIONS_MAX)
        die(place, "not a plugin for this test");
    h->instance.host = h;
    h->table = table;
    set_defaults(h->plugin->options, h->options);
    current = h;
    return h;
}

void *fake_host_options(struct fake_host *h)
{
    return h->options;
}

const struct fby_plugin *fake_host_plugin(const struct fake_host *h)
{
    return h->plugin;
}

void *fake_host_start(struct fake_host *h)
{
    h->refusal.text[0] = 0;
    const char *reason = h->plugin->check ? h->plugin->check(h->options, &h->refusal) : NULL;
    if (reason) {
        memmove(h->refusal.text, reason, strlen(reason) + 1);
        return NULL;
    }
    if (h->plugin->kind == FBY_KIND_STAGE)
        h->self = h->plugin->stage->create(&h->table, &h->instance, h->options, &h->refusal);
    else
        h->self = h->plugin->upstream->create(&h->table, &h->instance, h->options, &h->refusal);
    return h->self;
}

const char *fake_host_refusal(const struct fake_host *h)
{
    return h->refusal.text;
}

static void free_outputs(struct fake_host *h)
{
    while (h->outputs) {
        struct output_copy *next = h->outputs->next;
        free(h->outputs);
        h->outputs = next;
    }
}

void fake_host_stop(struct fake_host *h)
{
    if (!h->self)
        return;
    if (h->plugin->kind == FBY_KIND_STAGE)
        h->plugin->stage->destroy(h->self);
    else
        h->plugin->upstream->destroy(h->self);
    h->self = NULL;
    h->save_count = 0;
    free_outputs(h);
}

void fake_host_destroy(struct fake_host *h)
{
    fake_host_stop(h);
    while (h->memory) {
        struct memory *next = h->memory->next;
        free(h->memory);
        h->memory = next;
    }
    free((void *)(uintptr_t)h->state.data);
    free(h->results);
    free(h);
}

int fake_host_process(struct fake_host *h, const struct fby_message *m, struct fby_value *v,
                      const char **reason)
{
    h->item = (struct fby_item){.message = m, .value = v, .verdict = FBY_PASS};
    struct fby_item *items[] = {&h->item};
    struct fby_batch batch = {.items = items, .count = 1};
    current = h;
    h->plugin->stage->process(h->self, &batch);
    return fake_host_verdict(h, reason);
}

int fake_host_verdict(const struct fake_host *h, const char **reason)
{
    if (reason)
        *reason = h->item.reason ? h->item.reason : "";
    return h->item.verdict;
}

bool fake_host_send_bytes(struct fake_host *h, uint64_t token, const char *payload, size_t len)
{
    struct output_copy *c = calloc(1, sizeof *c + len + 1);
    if (!c)
        die("send", "memory");
    memcpy(c->payload, payload, len);
    int n = snprintf(c->id, sizeof c->id, "gw/%llu", (unsigned long long)token);
    c->message = (struct fby_message){.sequence = token};
    c->output = (struct fby_output){.token = token,
                                    .id = {c->id, (size_t)n},
                                    .topic = {"t", 1},
                                    .payload = {c->payload, len},
                                    .content_type = {"application/json", 16},
                                    .message = &c->message};
    const struct fby_output *one = &c->output;
    h->in_send = true;
    size_t taken = h->plugin->upstream->send(h->self, &one, 1);
    h->in_send = false;
    if (taken == 0) {
        free(c);
        return false;
    }
    c->next = h->outputs;
    h->outputs = c;
    return true;
}

bool fake_host_send(struct fake_host *h, uint64_t token, const char *payload)
{
    return fake_host_send_bytes(h, token, payload, strlen(payload));
}

/* The memory goes away at once, so that a plugin that still reads it is found by the sanitizer. */
void fake_host_cancel(struct fake_host *h)
{
    h->plugin->upstream->cancel(h->self);
    free_outputs(h);
}

size_t fake_host_result_count(const struct fake_host *h)
{
    return h->result_count;
}

const struct fake_result *fake_host_result(const struct fake_host *h, size_t index)
{
    if (index >= h->result_count)
        die("result", "no such index");
    return &h->results[index];
}

const struct fake_result *fake_host_result_of(const struct fake_host *h, uint64_t token)
{
    for (size_t i = h->result_count; i-- > 0;)
        if (h->results[i].token == token)
            return &h->results[i];
    die("result", "none for this token");
    return NULL;
}

void fake_host_forget_results(struct fake_host *h)
{
    h->result_count = 0;
}

unsigned fake_host_ready_count(const struct fake_host *h)
{
    return h->ready_count;
}

bool fake_host_is_connected(const struct fake_host *h)
{
    return h->connected;
}

const char *fake_host_connection_reason(const struct fake_host *h)
{
    return h->connection_reason;
}

uint64_t fake_host_counter(const struct fake_host *h, const char *name)
{
    for (size_t i = 0; i < COUNTERS_MAX && h->counters[i].name; i++)
        if (strcmp(h->counters[i].name, name) == 0)
            return h->counters[i].value;
    return 0;
}

const char *fake_host_log(const struct fake_host *h)
{
    return h->log;
}

void fake_host_set_publish(struct fake_host *h, bool works)
{
    h->can_publish = works;
}

unsigned fake_host_publish_count(const struct fake_host *h)
{
    return h->publish_count;
}

const char *fake_host_published(const struct fake_host *h)
{
    return h->published;
}

void fake_host_set_storage(struct fake_host *h, bool works)
{
    h->storage_fails = !works;
}

struct fby_bytes fake_host_state(const struct fake_host *h)
{
    return h->state;
}

unsigned fake_host_open_handles(const struct fake_host *h)
{
    unsigned count = 0;
    for (size_t i = 0; i < TIMERS_MAX; i++)
        count += h->timers[i].used;
    for (size_t i = 0; i < WATCHES_MAX; i++)
        count += h->ios[i].used;
    return count;
}
