/* SPDX-License-Identifier: Apache-2.0
 *
 * How much to wait for: alone at once, in a stream as much as comes in the time or as the window lets
 * through.
 */
#include "mqtt/mqtt_pacing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void test_single_messages_do_not_wait(void **state)
{
    (void)state;
    struct mqtt_pacing p = {0};
    for (int i = 0; i < 5; i++) {
        mqtt_pacing_learn(&p, 170);
        assert_int_equal(mqtt_pacing_for_messages(&p, 1, 0), 1);
    }
}

/* A window of 20 messages: one wait is in vain, then exactly a window is waited for. */
static void test_learns_a_full_window(void **state)
{
    (void)state;
    struct mqtt_pacing p = {0};
    size_t window = 20 * 170;
    assert_true(mqtt_pacing_for_messages(&p, 3, 0) > window);
    p.timed_out = true;
    for (int i = 0; i < 10; i++) {
        mqtt_pacing_learn(&p, window);
        assert_int_equal(mqtt_pacing_for_messages(&p, 20, 0), window);
    }
}

static void test_grows_while_more_comes(void **state)
{
    (void)state;
    struct mqtt_pacing p = {0};
    mqtt_pacing_for_messages(&p, 3, 0);
    p.timed_out = true;
    mqtt_pacing_learn(&p, 1000);
    assert_int_equal(mqtt_pacing_for_messages(&p, 6, 0), 1000);
    assert_int_equal(mqtt_pacing_for_messages(&p, 6, 170), 2000);
    for (int i = 0; i < 20; i++)
        mqtt_pacing_for_messages(&p, 6, 170);
    assert_int_equal(mqtt_pacing_for_messages(&p, 6, 170), MQTT_PACING_BYTES_MAX);
}

static void test_answers(void **state)
{
    (void)state;
    struct mqtt_pacing p = {0};
    assert_int_equal(mqtt_pacing_for_answers(&p, 1, 4, 0, false), 1);
    assert_int_equal(mqtt_pacing_for_answers(&p, 1, 4, 1, false), 1);
    assert_int_equal(mqtt_pacing_for_answers(&p, 1, 4, 10, false), 40);
    assert_int_equal(mqtt_pacing_for_answers(&p, 2, 8, 19, true), 40);
    assert_int_equal(mqtt_pacing_for_answers(&p, 0, 0, 10, false), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_single_messages_do_not_wait),
        cmocka_unit_test(test_learns_a_full_window),
        cmocka_unit_test(test_grows_while_more_comes),
        cmocka_unit_test(test_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
