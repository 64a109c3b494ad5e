/* SPDX-License-Identifier: Apache-2.0
 *
 * What this proves: a message is kept once for all routes that want it, counted for each only when it is
 * durable, and the sink's answers say what the source must do.
 */
#include "pipeline/route_table.h"

#include "base/memory.h"
#include "journal/journal.h"
#include "loop/loop.h"
#include "message/topic_filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct fixture {
    char path[64];
    struct loop *loop;
    struct journal *journal;
    struct route_table *routes;
    struct message_sink sink;
    struct topic_filter *filters[2];
    struct route_entry entries[2];
    uint64_t accepted[2];
    int committed;
};

static void count_first(void *ctx, uint64_t count, uint64_t through)
{
    (void)through;
    ((struct fixture *)ctx)->accepted[0] += count;
}

static void count_second(void *ctx, uint64_t count, uint64_t through)
{
    (void)through;
    ((struct fixture *)ctx)->accepted[1] += count;
}

static int set_up(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    struct error err;
    snprintf(f->path, sizeof f->path, "/tmp/forebay-routes-XXXXXX");
    assert_non_null(mkdtemp(f->path));
    f->loop = loop_create(&err);
    struct journal_settings s = {
        .path = f->path, .max_size = 8 << 20, .segment_size = 1 << 20, .record_limit = 1000};
    f->journal = journal_open(&s, "test", f->loop, NULL, &err);
    assert_non_null(f->journal);
    f->routes = route_table_create(f->journal, NULL);
    f->sink = route_table_sink(f->routes);
    f->filters[0] = topic_filter_parse("a/{x}", &err);
    f->filters[1] = topic_filter_parse("a/#", &err);
    for (int i = 0; i < 2; i++) {
        f->entries[i] = (struct route_entry){.match = {bytes_of_text("b"), &f->filters[i], 1},
                                             .on_accepted = i ? count_second : count_first,
                                             .ctx = f};
        route_table_add(f->routes, &f->entries[i]);
    }
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[100];
    route_table_destroy(f->routes);
    journal_close(f->journal);
    loop_destroy(f->loop);
    topic_filter_destroy(f->filters[0]);
    topic_filter_destroy(f->filters[1]);
    snprintf(command, sizeof command, "rm -rf %s", f->path);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

static enum status accept(struct fixture *f, const char *source, const char *topic, size_t payload_len)
{
    static uint8_t payload[2000];
    struct message m = {.source = bytes_of_text(source),
                        .topic = bytes_of_text(topic),
                        .payload = bytes_of(payload, payload_len)};
    return f->sink.accept(f->sink.self, &m);
}

static void handle_committed(void *ctx, enum status result)
{
    assert_int_equal(result, STATUS_OK);
    ((struct fixture *)ctx)->committed++;
}

static void commit(struct fixture *f)
{
    int before = f->committed;
    f->sink.commit(f->sink.self, handle_committed, f);
    assert_int_equal(f->committed, before); /* never from inside */
    for (int i = 0; i < 500 && f->committed == before; i++)
        loop_turn(f->loop, 10);
    assert_int_equal(f->committed, before + 1);
}

static void one_copy_for_all_routes_counted_when_durable(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(accept(f, "b", "a/1", 10), STATUS_OK);
    assert_int_equal(accept(f, "b", "a/1/2", 10), STATUS_OK);
    assert_true(route_table_is_committing(f->routes));
    assert_int_equal(f->accepted[0] + f->accepted[1], 0);
    commit(f);
    assert_int_equal(f->accepted[0], 1);
    assert_int_equal(f->accepted[1], 2);
    assert_int_equal(journal_durable_head(f->journal), 2);
    assert_false(route_table_is_committing(f->routes));
}

static void other_topics_and_other_brokers_are_not_kept(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(accept(f, "b", "z/1", 10), STATUS_OK);
    assert_int_equal(accept(f, "c", "a/1", 10), STATUS_OK);
    commit(f);
    assert_int_equal(journal_durable_head(f->journal), 0);
}

static void a_message_over_the_limit_is_said_to_be_so(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(accept(f, "b", "a/1", 1500), STATUS_LIMIT);
    commit(f);
    assert_int_equal(f->accepted[0], 0);
}

static void a_removed_route_is_told_nothing(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(accept(f, "b", "a/1", 10), STATUS_OK);
    route_table_remove(f->routes, &f->entries[0]);
    commit(f);
    assert_int_equal(f->accepted[0], 0);
    assert_int_equal(f->accepted[1], 1);
}

static void a_cancelled_commit_still_counts(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(accept(f, "b", "a/1", 10), STATUS_OK);
    f->sink.commit(f->sink.self, handle_committed, f);
    f->sink.cancel(f->sink.self, f);
    for (int i = 0; i < 500 && !f->accepted[0]; i++)
        loop_turn(f->loop, 10);
    assert_int_equal(f->accepted[0], 1);
    assert_int_equal(f->committed, 0);
}

static void entries_added_and_removed_while_a_commit_runs(void **state)
{
    enum { MORE = 40 };
    struct fixture *f = *state;
    struct route_entry more[MORE];
    struct message m = {.source = bytes_of_text("b"), .topic = bytes_of_text("a/1")};
    assert_int_equal(f->sink.accept(f->sink.self, &m), STATUS_OK);
    f->sink.commit(f->sink.self, NULL, NULL);
    assert_int_equal(f->sink.accept(f->sink.self, &m), STATUS_OK);
    assert_int_equal(route_table_newest(f->routes), 2);
    for (int i = 0; i < MORE; i++) {
        more[i] = (struct route_entry){
            .match = {bytes_of_text("b"), &f->filters[1], 1}, .on_accepted = count_second, .ctx = f};
        route_table_add(f->routes, &more[i]);
    }
    for (int i = 0; i < MORE; i++)
        route_table_remove(f->routes, &more[i]);
    f->sink.commit(f->sink.self, NULL, NULL);
    for (int i = 0; i < 200 && route_table_is_committing(f->routes); i++)
        loop_turn(f->loop, 10);
    assert_int_equal(f->accepted[0], 2);
    assert_int_equal(f->accepted[1], 2);
}

static void handle_result(void *ctx, enum status result)
{
    *(enum status *)ctx = result;
}

/* What was accepted before the refusal comes again: nothing of it stays, and none of it is counted. A burst
 * whose commit was asked for stays. */
static void a_burst_that_is_refused_leaves_nothing(void **state)
{
    enum { COMMITTED = 3, SIZE = 900 };
    struct fixture *f = *state;
    enum status first = STATUS_END, result = STATUS_OK;
    for (int i = 0; i < COMMITTED; i++)
        assert_int_equal(accept(f, "b", "a/1", SIZE), STATUS_OK);
    f->sink.commit(f->sink.self, handle_result, &first);
    int taken = 0;
    while ((result = accept(f, "b", "a/1", SIZE)) == STATUS_OK)
        taken++;
    assert_int_equal(result, STATUS_FULL);
    assert_true(taken > 1000);
    assert_int_equal(route_table_newest(f->routes), COMMITTED);
    for (int i = 0; i < 500 && first == STATUS_END; i++)
        loop_turn(f->loop, 10);
    assert_int_equal(first, STATUS_OK);
    commit(f); /* of nothing */
    assert_int_equal(journal_durable_head(f->journal), COMMITTED);
    assert_int_equal(f->accepted[0], COMMITTED);
    assert_int_equal(f->accepted[1], COMMITTED);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(one_copy_for_all_routes_counted_when_durable),
        TEST(other_topics_and_other_brokers_are_not_kept),
        TEST(a_message_over_the_limit_is_said_to_be_so),
        TEST(a_removed_route_is_told_nothing),
        TEST(a_cancelled_commit_still_counts),
        TEST(entries_added_and_removed_while_a_commit_runs),
        TEST(a_burst_that_is_refused_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
