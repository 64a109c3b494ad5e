/* SPDX-License-Identifier: Apache-2.0
 *
 * What this proves: the daemon's side of an upstream plugin holds when the plugin does not: it takes too many
 * or too few, answers out of order, twice, or what it never got; and a cancel for one delivery costs the
 * others no more than a repetition.
 */
#include "base/log.h"
#include "base/memory.h"
#include "delivery/upstream_plugin.h"
#include "loop/loop.h"
#include "plugin/plugin_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { OUTPUTS = 200 };

/* ---- A plugin on strings ---- */

static const struct fby_host *host;
static struct fby_instance *instance;
static size_t room, offered_max, cancels, alive;
static bool claims_too_many, refuses;

static void *puppet_create(const struct fby_host *h, struct fby_instance *in, const void *options,
                           struct fby_error *err)
{
    (void)options;
    if (refuses) {
        strcpy(err->text, "not today");
        return NULL;
    }
    host = h;
    instance = in;
    alive++;
    return &alive;
}

static void puppet_destroy(void *self)
{
    (void)self;
    alive--;
}

static size_t puppet_send(void *self, const struct fby_output *const *outputs, size_t count)
{
    (void)self;
    (void)outputs;
    offered_max = count > offered_max ? count : offered_max;
    size_t taken = count < room ? count : room;
    room -= taken;
    return claims_too_many ? count + 7 : taken;
}

static void puppet_cancel(void *self)
{
    (void)self;
    cancels++;
}

static const struct fby_upstream_ops puppet_ops = {puppet_create, puppet_destroy, puppet_send, puppet_cancel};
static const struct fby_plugin puppet = {FBY_PLUGIN_ABI, .name = "puppet", .version = "1",
                                         .kind = FBY_KIND_UPSTREAM, .upstream = &puppet_ops};

/* ---- Two deliveries ---- */

struct side {
    struct upstream_user user;
    unsigned delivered, retried, rejected, ready;
    int64_t retry_after_ms;
    struct outgoing outputs[OUTPUTS];
    struct outgoing *list[OUTPUTS];
};

struct fixture {
    struct loop *loop;
    struct plugin_host *plugins;
    struct plugin *plugin;
    struct upstream *upstream;
    struct side a, b;
};

static void handle_result(struct upstream_user *u, struct outgoing *o, enum fby_outcome outcome,
                          const char *reason, int64_t retry_after_ms)
{
    struct side *s = container_of(u, struct side, user);
    (void)reason;
    assert_ptr_equal(o->user, u);
    s->delivered += outcome == FBY_DELIVERED;
    s->retried += outcome == FBY_RETRY;
    s->rejected += outcome == FBY_REJECTED;
    s->retry_after_ms = retry_after_ms;
}

static void handle_ready(struct upstream_user *u)
{
    container_of(u, struct side, user)->ready++;
}

static void init_side(struct fixture *f, struct side *s, uint64_t first_token)
{
    s->user = (struct upstream_user){.on_result = handle_result, .on_ready = handle_ready};
    upstream_add_user(f->upstream, &s->user);
    for (size_t i = 0; i < OUTPUTS; i++) {
        s->outputs[i].user = &s->user;
        s->outputs[i].output.token = first_token + i;
        s->list[i] = &s->outputs[i];
    }
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct error err;
    room = SIZE_MAX;
    offered_max = cancels = 0;
    claims_too_many = refuses = false;
    f->loop = loop_create(&err);
    f->plugins = plugin_host_create("/nonexistent", f->loop, NULL);
    plugin_host_add_static(f->plugins, &puppet);
    f->plugin = plugin_host_load(f->plugins, "puppet", NULL, &err);
    assert_non_null(f->plugin);
    f->upstream = upstream_plugin_create("lake", f->plugins, f->plugin, NULL, &err);
    assert_non_null(f->upstream);
    init_side(f, &f->a, 1);
    init_side(f, &f->b, 1001);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    upstream_remove_user(f->upstream, &f->a.user);
    upstream_remove_user(f->upstream, &f->b.user);
    upstream_destroy(f->upstream);
    assert_int_equal(alive, 0);
    plugin_unref(f->plugin);
    plugin_host_destroy(f->plugins);
    loop_destroy(f->loop);
    free(f);
    return 0;
}

static void answer(uint64_t token, enum fby_outcome outcome, int64_t retry_after_ms)
{
    host->result(instance, token, outcome, "the plugin says so", retry_after_ms);
}

static void offers_in_runs_and_stops_when_it_is_full(void **state)
{
    struct fixture *f = *state;
    room = 150;
    assert_int_equal(upstream_send(f->upstream, f->a.list, OUTPUTS), 150);
    assert_true(offered_max <= 64);
    host->ready(instance);
    assert_true(f->a.ready == 1 && f->b.ready == 1);
}

static void a_plugin_that_claims_too_many_gets_what_was_offered(void **state)
{
    struct fixture *f = *state;
    claims_too_many = true;
    assert_int_equal(upstream_send(f->upstream, f->a.list, 10), 10);
    for (uint64_t token = 1; token <= 10; token++)
        answer(token, FBY_DELIVERED, 0);
    assert_int_equal(f->a.delivered, 10);
}

static void answers_out_of_order_reach_their_delivery(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(upstream_send(f->upstream, f->a.list, 3), 3);
    assert_int_equal(upstream_send(f->upstream, f->b.list, 2), 2);
    answer(1002, FBY_DELIVERED, 0);
    answer(3, FBY_REJECTED, 0);
    answer(1, FBY_RETRY, 700);
    assert_int_equal(f->a.retry_after_ms, 700);
    answer(2, FBY_RETRY, -5); /* not a plugin's to ask */
    assert_int_equal(f->a.retry_after_ms, 0);
    answer(1001, FBY_DELIVERED, 0);
    assert_true(f->a.retried == 2 && f->a.rejected == 1 && f->b.delivered == 2);
}

static void answers_to_nothing_are_passed_over(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(upstream_send(f->upstream, f->a.list, 1), 1);
    answer(77, FBY_DELIVERED, 0);
    answer(1, FBY_DELIVERED, 0);
    answer(1, FBY_REJECTED, 0);
    assert_true(f->a.delivered == 1 && f->a.rejected == 0);
    assert_int_equal(f->upstream->delivered, 1);
}

static void a_cancel_repeats_what_others_have_under_way(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(upstream_send(f->upstream, f->a.list, 2), 2);
    assert_int_equal(upstream_send(f->upstream, f->b.list, 2), 2);
    upstream_remove_user(f->upstream, &f->a.user);
    assert_int_equal(cancels, 1);
    assert_int_equal(f->a.delivered + f->a.retried + f->a.rejected, 0);
    assert_true(f->b.retried == 2 && f->b.retry_after_ms == UPSTREAM_RETRY_AT_ONCE);
    assert_true(f->b.ready >= 1);
    answer(1, FBY_DELIVERED, 0); /* forgotten on both sides */
    assert_int_equal(f->a.delivered, 0);
    upstream_add_user(f->upstream, &f->a.user);
}

static void a_cancel_of_nothing_does_not_disturb(void **state)
{
    struct fixture *f = *state;
    upstream_remove_user(f->upstream, &f->a.user);
    assert_int_equal(cancels, 0);
    upstream_add_user(f->upstream, &f->a.user);
}

static unsigned warnings, infos;

static void count_line(void *ctx, enum log_level level, const char *line)
{
    (void)ctx;
    (void)line;
    warnings += level == LOG_LEVEL_WARNING;
    infos += level == LOG_LEVEL_INFO;
}

/* The log says so once for each time, also of one that never was. */
static void says_whether_it_is_connected(void **state)
{
    struct fixture *f = *state;
    warnings = infos = 0;
    log_set_sink(count_line, NULL);
    host->connected(instance, false, NULL);
    assert_string_equal(f->upstream->reason, "nothing was sent yet");
    assert_int_equal(warnings, 0);
    for (unsigned round = 1; round <= 2; round++) {
        host->connected(instance, false, "connection refused");
        host->connected(instance, false, "connection refused, again");
        assert_false(f->upstream->connected);
        assert_string_equal(f->upstream->reason, "connection refused, again");
        assert_int_equal(warnings, round);
        host->connected(instance, true, NULL);
        host->connected(instance, true, NULL);
        assert_true(f->upstream->connected);
        assert_string_equal(f->upstream->reason, "");
        assert_int_equal(infos, round);
    }
    log_set_sink(NULL, NULL);
}

static void a_refusal_names_the_upstream(void **state)
{
    struct fixture *f = *state;
    struct error err;
    refuses = true;
    assert_null(upstream_plugin_create("lake", f->plugins, f->plugin, NULL, &err));
    assert_non_null(strstr(err.text, "lake"));
    assert_non_null(strstr(err.text, "not today"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(offers_in_runs_and_stops_when_it_is_full),
        TEST(a_plugin_that_claims_too_many_gets_what_was_offered),
        TEST(answers_out_of_order_reach_their_delivery),
        TEST(answers_to_nothing_are_passed_over),
        TEST(a_cancel_repeats_what_others_have_under_way),
        TEST(a_cancel_of_nothing_does_not_disturb),
        TEST(says_whether_it_is_connected),
        TEST(a_refusal_names_the_upstream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
