/* SPDX-License-Identifier: Apache-2.0
 *
 * What this proves: what was committed is delivered in order, over retries, rejections, restarts and crashes;
 * the counters add up at every moment, and say after a restart what is queued.
 */
#include "flow.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static unsigned retries_left, rejected_number;
static bool upstream_is_down;

static enum fby_outcome answer_down(struct flow *f, const struct fby_output *o)
{
    (void)f;
    (void)o;
    return upstream_is_down ? FBY_RETRY : FBY_DELIVERED;
}

static enum fby_outcome answer_some_retries(struct flow *f, const struct fby_output *o)
{
    (void)f;
    (void)o;
    if (retries_left && rand() % 3 == 0) {
        retries_left--;
        return FBY_RETRY;
    }
    return retries_left ? FBY_RETRY : FBY_DELIVERED;
}

static enum fby_outcome answer_reject_one(struct flow *f, const struct fby_output *o)
{
    char payload[32];
    (void)f;
    snprintf(payload, sizeof payload, "payload-%u", rejected_number);
    return o->payload.len == strlen(payload) && memcmp(o->payload.data, payload, o->payload.len) == 0
               ? FBY_REJECTED
               : FBY_DELIVERED;
}

static void expect_outputs(struct flow *f, const char *topic, unsigned first, unsigned count)
{
    assert_int_equal(f->output_count, count);
    for (unsigned i = 0; i < count; i++) {
        char expected[64];
        snprintf(expected, sizeof expected, "%s payload-%u", topic, first + i);
        assert_string_equal(f->outputs[i], expected);
    }
}

static void committed_messages_arrive_in_order(void **state)
{
    struct flow *f = *state;
    flow_open(f);
    for (unsigned i = 0; i < 10; i++) {
        flow_publish(f, "sensors/a/t", i * 100, 100);
        flow_check_counters(f);
    }
    assert_true(flow_settle(f));
    expect_outputs(f, "sensors/a/t", 0, 1000);
    assert_int_equal(delivery_counters(f->delivery)->delivered, 1000);
    flow_check_counters(f);
}

static void unwanted_messages_are_not_kept(void **state)
{
    struct flow *f = *state;
    flow_open(f);
    flow_publish(f, "other/topic", 0, 10);
    assert_int_equal(journal_durable_head(f->journal), 0);
    assert_int_equal(delivery_counters(f->delivery)->accepted, 0);
}

static void topic_templates_take_captures(void **state)
{
    struct flow *f = *state;
    f->delivery_settings.topic = "site/{device}/out/{sequence}";
    flow_open(f);
    flow_publish(f, "sensors/abc/t", 7, 1);
    assert_true(flow_settle(f));
    assert_string_equal(f->outputs[0], "site/abc/out/1 payload-7");
}

static void retries_keep_the_order(void **state)
{
    struct flow *f = *state;
    f->answer = answer_down;
    upstream_is_down = true;
    flow_open(f);
    flow_publish(f, "sensors/a/t", 0, 300);
    flow_turn(f, 20);
    flow_check_counters(f);
    assert_int_equal(delivery_counters(f->delivery)->queued, 300);
    assert_true(delivery_counters(f->delivery)->retries > 0);
    upstream_is_down = false;
    assert_true(flow_settle(f));
    expect_outputs(f, "sensors/a/t", 0, 300);
}

static void scattered_retries_lose_nothing(void **state)
{
    struct flow *f = *state;
    f->answer = answer_some_retries;
    retries_left = 50;
    flow_open(f);
    flow_publish(f, "sensors/a/t", 0, 300);
    assert_true(flow_settle(f));
    assert_int_equal(f->output_count, 300);
    flow_check_counters(f);
}

static void rejected_ones_become_dead_letters(void **state)
{
    struct flow *f = *state;
    f->answer = answer_reject_one;
    rejected_number = 5;
    flow_open(f);
    flow_publish(f, "sensors/a/t", 0, 10);
    assert_true(flow_settle(f));
    assert_int_equal(f->output_count, 9);
    assert_int_equal(flow_dead_letters(f), 1);
    assert_int_equal(delivery_counters(f->delivery)->dead_lettered, 1);
    uint64_t at = 1;
    struct journal_record record;
    struct dead_letter letter;
    assert_int_equal(journal_peek(f->dead_journal, &at, &record), STATUS_OK);
    assert_int_equal(dead_letter_parse(record.bytes, &letter), STATUS_OK);
    assert_int_equal(letter.sequence, 6);
    assert_true(bytes_equal(letter.stage, bytes_of_text("t")));
    assert_true(bytes_equal(letter.reason, bytes_of_text("as the test wants")));
    flow_check_counters(f);
}

/* The oldest `count` of the journal; returns how many there were to remove. */
static unsigned remove_segments(const struct flow *f, unsigned count)
{
    char oldest[300], path[600];
    unsigned removed = 0;
    for (bool found = true; found && removed < count;) {
        snprintf(path, sizeof path, "%s/journal", f->directory);
        DIR *dir = opendir(path);
        assert_non_null(dir);
        oldest[0] = 0;
        for (struct dirent *e; (e = readdir(dir));)
            if (strstr(e->d_name, ".seg") && (!*oldest || strcmp(e->d_name, oldest) < 0))
                snprintf(oldest, sizeof oldest, "%s", e->d_name);
        closedir(dir);
        found = *oldest;
        snprintf(path, sizeof path, "%s/journal/%s", f->directory, oldest);
        if (found)
            assert_int_equal(unlink(path), 0);
        removed += found;
    }
    return removed;
}

static void a_restart_continues_behind_the_last_confirmed(void **state)
{
    struct flow *f = *state;
    flow_open(f);
    flow_publish(f, "sensors/a/t", 0, 50);
    assert_true(flow_settle(f));
    flow_close(f);
    f->answer = answer_down;
    upstream_is_down = true;
    flow_open(f);
    flow_publish(f, "sensors/a/t", 50, 50);
    flow_turn(f, 5);
    flow_close(f);
    flow_open(f);
    assert_int_equal(delivery_counters(f->delivery)->queued, 50);
    flow_check_counters(f);
    upstream_is_down = false;
    assert_true(flow_settle(f));
    expect_outputs(f, "sensors/a/t", 0, 100);
    flow_check_counters(f);
}

static void a_crash_loses_nothing_that_was_committed(void **state)
{
    struct flow *f = *state;
    f->answer = answer_down;
    upstream_is_down = true;
    flow_open(f);
    for (unsigned round = 0; round < 5; round++) {
        flow_publish(f, "sensors/a/t", round * 20, 20);
        assert_int_equal(flow_accept(f, "sensors/a/t", "never committed"), STATUS_OK);
        flow_crash(f);
        flow_open(f);
        flow_turn(f, 5);
        flow_check_counters(f);
        assert_int_equal(delivery_counters(f->delivery)->queued, (round + 1) * 20);
    }
    upstream_is_down = false;
    assert_true(flow_settle(f));
    expect_outputs(f, "sensors/a/t", 0, 100);
    flow_check_counters(f);
}

/* What damage takes with a whole segment, with the oldest or with all of them, is counted under its name. */
static void missing_segments_are_counted_as_damaged(void **state)
{
    struct flow *f = *state;
    for (unsigned round = 0; round < 2; round++) {
        f->answer = answer_down;
        upstream_is_down = true;
        f->settings.segment_size = 64 << 10;
        flow_open(f);
        flow_publish(f, "sensors/a/t", 0, 2000);
        flow_turn(f, 5);
        flow_close(f);
        assert_true(remove_segments(f, round == 0 ? 1 : 100) > 0);
        flow_open(f);
        upstream_is_down = false;
        flow_settle(f);
        const struct delivery_counters *c = delivery_counters(f->delivery);
        assert_int_equal(c->accepted, 2000);
        assert_int_equal(c->delivered + c->dropped_damaged, 2000);
        assert_true(round == 0 ? c->delivered > 0 && c->dropped_damaged > 0 : c->dropped_damaged == 2000);
        assert_int_equal(c->queued, 0);
        flow_check_counters(f);
        flow_close(f);
        flow_open(f); /* and once */
        flow_settle(f);
        assert_int_equal(delivery_counters(f->delivery)->accepted, 0);
        flow_close(f);
    }
    flow_open(f);
}

/* What was confirmed and not yet written down counts as part of the window. */
static void a_crash_repeats_at_most_one_window(void **state)
{
    enum { ROUNDS = 25, PER_ROUND = 200, WINDOW = 40 };
    struct flow *f = *state;
    f->delivery_settings.window = WINDOW;
    size_t repeated = 0;
    flow_open(f);
    for (unsigned round = 0; round < ROUNDS; round++) {
        flow_publish(f, "sensors/a/t", round * PER_ROUND, PER_ROUND);
        flow_turn(f, round % 9);
        flow_crash(f);
        flow_open(f);
        for (int i = 0; i < 1000 && delivery_confirmed(f->delivery) < journal_durable_head(f->journal); i++)
            flow_turn(f, 1);
        flow_check_counters(f);
        size_t sent = f->output_count - repeated;
        assert_in_range(sent, (round + 1) * PER_ROUND, (round + 1) * PER_ROUND + WINDOW);
        repeated = f->output_count - (size_t)(round + 1) * PER_ROUND;
    }
}

static int retry_results[8], retry_count;

static void note_retry(void *ctx, enum delivery_retry_result result)
{
    (void)ctx;
    retry_results[retry_count++] = (int)result;
}

/* Every open letter is offered to the delivery again. */
static void retry_open_letters(struct flow *f)
{
    struct dead_letter letter;
    uint64_t number = 1;
    retry_count = 0;
    for (; dead_letter_store_next(f->dead_letters, &number, &letter) == STATUS_OK; number++)
        assert_int_equal(delivery_retry(f->delivery, letter.sequence, letter.record, note_retry, f),
                         STATUS_OK);
}

static void dead_letters_come_again_beside_the_window(void **state)
{
    struct flow *f = *state;
    f->answer = answer_reject_one;
    rejected_number = 5;
    flow_open(f);
    flow_publish(f, "sensors/a/t", 0, 10);
    assert_true(flow_settle(f));
    flow_turn(f, 5);
    assert_int_equal(dead_letter_store_counters(f->dead_letters)->open, 1);
    retry_open_letters(f);
    flow_check_counters(f);
    flow_turn(f, 20);
    assert_int_equal(retry_count, 1);
    assert_int_equal(retry_results[0], DELIVERY_RETRY_DEAD_LETTERED);
    assert_int_equal(dead_letter_store_counters(f->dead_letters)->open, 2);
    rejected_number = 1000;
    retry_open_letters(f);
    flow_turn(f, 20);
    assert_int_equal(retry_count, 2);
    assert_int_equal(retry_results[0], DELIVERY_RETRY_DELIVERED);
    assert_string_equal(f->outputs[f->output_count - 1], "sensors/a/t payload-5");
    assert_int_equal(delivery_counters(f->delivery)->retried, 3);
    assert_int_equal(delivery_counters(f->delivery)->queued, 0);
    flow_check_counters(f);
}

static void retired_letters_stay_retired_over_a_restart(void **state)
{
    struct flow *f = *state;
    f->answer = answer_reject_one;
    rejected_number = 5;
    flow_open(f);
    flow_publish(f, "sensors/a/t", 0, 6);
    flow_publish(f, "sensors/a/t", 5, 2);
    assert_true(flow_settle(f));
    flow_turn(f, 5);
    uint64_t number = 2;
    assert_int_equal(dead_letter_store_counters(f->dead_letters)->open, 2);
    assert_int_equal(dead_letter_retire(f->dead_letters, &number, 1, DEAD_LETTER_PURGED, NULL, NULL),
                     STATUS_OK);
    flow_turn(f, 10);
    flow_crash(f);
    rejected_number = 1000; /* what comes again after the crash is delivered */
    flow_open(f);
    flow_turn(f, 10);
    assert_true(dead_letter_store_is_read(f->dead_letters));
    assert_int_equal(dead_letter_store_counters(f->dead_letters)->open, 1);
    struct dead_letter letter;
    number = 1;
    assert_int_equal(dead_letter_store_next(f->dead_letters, &number, &letter), STATUS_OK);
    assert_int_equal(number, 1);
    number = 2;
    assert_int_equal(dead_letter_store_next(f->dead_letters, &number, &letter), STATUS_END);
}

static void an_ending_delivery_tells_its_retries(void **state)
{
    struct flow *f = *state;
    f->answer = answer_reject_one;
    rejected_number = 5;
    flow_open(f);
    flow_publish(f, "sensors/a/t", 5, 1);
    assert_true(flow_settle(f));
    flow_turn(f, 5);
    f->answer = answer_down;
    upstream_is_down = true;
    retry_open_letters(f);
    flow_turn(f, 5);
    assert_int_equal(retry_count, 0);
    assert_int_equal(delivery_counters(f->delivery)->queued, 1);
    flow_check_counters(f);
    flow_close(f);
    assert_int_equal(retry_count, 1);
    assert_int_equal(retry_results[0], DELIVERY_RETRY_CANCELLED);
}

static int set_up(void **state)
{
    struct flow *f = calloc(1, sizeof *f);
    flow_create(f, "sensors/{device}/t");
    *state = f;
    return 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, flow_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(committed_messages_arrive_in_order),
        TEST(unwanted_messages_are_not_kept),
        TEST(topic_templates_take_captures),
        TEST(retries_keep_the_order),
        TEST(scattered_retries_lose_nothing),
        TEST(rejected_ones_become_dead_letters),
        TEST(a_restart_continues_behind_the_last_confirmed),
        TEST(a_crash_loses_nothing_that_was_committed),
        TEST(missing_segments_are_counted_as_damaged),
        TEST(a_crash_repeats_at_most_one_window),
        TEST(dead_letters_come_again_beside_the_window),
        TEST(retired_letters_stay_retired_over_a_restart),
        TEST(an_ending_delivery_tells_its_retries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
