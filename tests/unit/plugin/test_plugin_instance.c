/* SPDX-License-Identifier: Apache-2.0
 *
 * Proves that an instance gets what the contract promises (log, counters, timers, descriptors, notifiers, its
 * side) and that nothing of it is left when it is gone, even if the plugin forgets to clean up.
 */
#include "plugin/plugin_host.h"

#include "base/log.h"
#include "loop/loop.h"
#include "metrics/metrics.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct fby_host *services;
static struct fby_instance *handle;
static bool refuse;
static unsigned fired, destroyed;

static void *create(const struct fby_host *host, struct fby_instance *in, const void *options,
                    struct fby_error *err)
{
    (void)options;
    if (refuse) {
        snprintf(err->text, sizeof err->text, "no such pump");
        return NULL;
    }
    services = host;
    handle = in;
    return in;
}

static void destroy(void *self)
{
    (void)self;
    destroyed++;
}

static void process(void *self, struct fby_batch *batch)
{
    (void)self;
    (void)batch;
}

static const struct fby_stage_ops ops = {.create = create, .destroy = destroy, .process = process};
static const struct fby_plugin description = {FBY_PLUGIN_ABI, .name = "stage", .version = "1",
                                              .kind = FBY_KIND_STAGE, .stage = &ops};

static char lines[16384];

static void take_line(void *ctx, enum log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    size_t len = strlen(lines);
    snprintf(lines + len, sizeof lines - len, "%s\n", line);
}

static void count_call(void *ctx)
{
    (void)ctx;
    fired++;
}

static void count_event(void *ctx, int fd, unsigned events)
{
    char byte;
    (void)ctx;
    assert_int_equal(read(fd, &byte, 1), 1);
    assert_int_equal(events, FBY_IO_READ);
    fired++;
}

static unsigned answers;

static void *side_alloc(struct fby_item *item, size_t size)
{
    (void)size;
    return item;
}

static void side_answer(void *ctx, struct fby_item *item, int verdict, const char *reason)
{
    (void)item;
    (void)reason;
    assert_string_equal(ctx, "side");
    assert_int_equal(verdict, FBY_DROP);
    answers++;
}

static const struct plugin_side side = {.item_alloc = side_alloc, .item_answer = side_answer};

static struct loop *loop;
static struct metrics *metrics;
static struct plugin_host *host;
static struct plugin *plugin;
static struct plugin_instance *instance;

static struct plugin_instance *make_instance(struct error *err)
{
    static char ctx[] = "side";
    return plugin_instance_create(host, plugin, "a \"b\"", NULL, &side, ctx, err);
}

static int setup(void **state)
{
    (void)state;
    struct error err = {0};
    lines[0] = 0;
    fired = destroyed = answers = 0;
    refuse = false;
    log_set_sink(take_line, NULL);
    loop = loop_create(&err);
    metrics = metrics_create();
    host = plugin_host_create("", loop, metrics);
    plugin_host_add_static(host, &description);
    plugin = plugin_host_load(host, "stage", NULL, &err);
    instance = make_instance(&err);
    return instance ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    plugin_instance_destroy(instance);
    assert_int_equal(destroyed, 1);
    plugin_unref(plugin);
    plugin_host_destroy(host);
    metrics_destroy(metrics);
    loop_destroy(loop);
    log_set_sink(NULL, NULL);
    return 0;
}

static void passes_a_refusal_on(void **state)
{
    (void)state;
    struct error err = {0};
    refuse = true;
    assert_null(make_instance(&err));
    assert_string_equal(err.text, "plugin \"stage\": no such pump");
}

static void counts_under_plugin_and_instance(void **state)
{
    (void)state;
    services->count(handle, "pumped", 2);
    services->count(handle, "pumped", 3);
    services->count(handle, "Bad name", 1);
    struct buffer text = {0};
    metrics_render(metrics, &text);
    buffer_add_byte(&text, 0);
    assert_non_null(strstr((const char *)text.data,
                           "forebay_plugin_pumped_total{plugin=\"stage\",instance=\"a \\\"b\\\"\"} 5\n"));
    assert_null(strstr((const char *)text.data, "Bad"));
    buffer_finish(&text);
}

static void bounds_its_log(void **state)
{
    (void)state;
    for (int i = 0; i < 500; i++)
        services->log(handle, FBY_LOG_INFO, "line %d", i);
    assert_non_null(strstr(lines, "instance=a \"b\" line 0\n"));
    assert_non_null(strstr(lines, "line 49\n"));
    assert_null(strstr(lines, "line 50\n"));
}

static void runs_timers_and_descriptors(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct fby_timer *t = services->timer_create(handle, count_call, NULL);
    struct fby_io *io = services->io_create(handle, fds[0], count_event, NULL);
    services->timer_start(t, 1);
    for (int i = 0; i < 100 && fired < 1; i++)
        loop_turn(loop, 10);
    assert_int_equal(fired, 1);
    services->io_set(io, FBY_IO_READ);
    assert_int_equal(write(fds[1], "x", 1), 1);
    for (int i = 0; i < 100 && fired < 2; i++)
        loop_turn(loop, 10);
    assert_int_equal(fired, 2);
    services->timer_start(t, 0);
    services->timer_stop(t);
    loop_turn(loop, 0);
    assert_int_equal(fired, 2);
    services->timer_destroy(t);
    services->io_destroy(io);
    services->timer_destroy(NULL);
    services->io_destroy(NULL);
    close(fds[0]);
    close(fds[1]);
}

static void *signal_from_thread(void *ctx)
{
    services->notifier_signal(ctx);
    return NULL;
}

static void wakes_the_loop_from_a_thread(void **state)
{
    (void)state;
    struct fby_notifier *n = services->notifier_create(handle, count_call, NULL);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, signal_from_thread, n), 0);
    for (int i = 0; i < 100 && fired < 1; i++)
        loop_turn(loop, 50);
    pthread_join(thread, NULL);
    assert_int_equal(fired, 1);
    services->notifier_destroy(n);
}

static void takes_back_what_was_forgotten(void **state)
{
    (void)state;
    struct fby_timer *t = services->timer_create(handle, count_call, NULL);
    services->timer_start(t, 0);
    services->notifier_create(handle, count_call, NULL);
    services->io_create(handle, 0, count_event, NULL);
    plugin_instance_destroy(instance);
    loop_turn(loop, 0);
    assert_int_equal(fired, 0);
    assert_non_null(strstr(lines, "left 3 timers, watches or notifiers behind"));
    destroyed = 0;
    struct error err = {0};
    instance = make_instance(&err);
    assert_non_null(instance);
}

static void reaches_its_side(void **state)
{
    (void)state;
    struct fby_item item = {0};
    assert_ptr_equal(services->item_alloc(&item, 8), &item);
    services->item_answer(handle, &item, FBY_DROP, "x");
    assert_int_equal(answers, 1);
    assert_false(services->emit(handle, NULL, NULL, 0, &item)); /* this side has none */
    services->result(handle, 1, FBY_DELIVERED, NULL, 0);
    services->ready(handle);
    services->connected(handle, true, NULL);
    assert_int_equal(services->size, sizeof *services);
    assert_true(services->monotonic_us(handle) > 0 && services->realtime_us(handle) > 0);
}

static bool take_publish(void *ctx, const struct fby_publish *p)
{
    assert_string_equal(ctx, "publisher");
    assert_memory_equal(p->topic.data, "pump/cmd", 8);
    fired++;
    return p->retain;
}

static void publishes_when_somebody_can(void **state)
{
    (void)state;
    static char ctx[] = "publisher";
    struct fby_publish p = {.topic = {"pump/cmd", 8}, .qos = 1, .retain = true};
    assert_false(services->publish(handle, &p));
    plugin_host_set_publisher(host, take_publish, ctx);
    assert_true(services->publish(handle, &p));
    p.retain = false;
    assert_false(services->publish(handle, &p));
    p.qos = 2; /* beyond the contract */
    assert_false(services->publish(handle, &p));
    assert_int_equal(fired, 2);
}

static void count_saved(void *ctx, bool saved)
{
    (void)ctx;
    fired += saved;
}

static void keeps_its_state(void **state)
{
    (void)state;
    char directory[] = "/tmp/test_plugin_instance.XXXXXX", file[200];
    struct fby_bytes given = {"level 7", 7}, loaded;
    struct error err = {0};
    assert_false(services->state_load(handle, &loaded)); /* nowhere to keep it */
    assert_false(services->state_save(handle, given, count_saved, NULL));
    assert_non_null(mkdtemp(directory));
    plugin_host_set_state_directory(host, directory);
    assert_false(services->state_load(handle, &loaded));
    assert_true(services->state_save(handle, given, count_saved, NULL));
    for (int i = 0; i < 1000 && fired < 1; i++)
        loop_turn(loop, 10);
    assert_int_equal(fired, 1);
    plugin_instance_destroy(instance);
    destroyed = 0;
    instance = make_instance(&err);
    assert_true(services->state_load(handle, &loaded));
    assert_int_equal(loaded.len, 7);
    assert_memory_equal(loaded.data, "level 7", 7);
    snprintf(file, sizeof file, "%s/a%%20%%22b%%22.state", directory);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(rmdir(directory), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(passes_a_refusal_on),
        TEST(counts_under_plugin_and_instance),
        TEST(bounds_its_log),
        TEST(runs_timers_and_descriptors),
        TEST(wakes_the_loop_from_a_thread),
        TEST(takes_back_what_was_forgotten),
        TEST(reaches_its_side),
        TEST(publishes_when_somebody_can),
        TEST(keeps_its_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
