/* SPDX-License-Identifier: Apache-2.0
 *
 * Proves that a plugin can publish and keep a state with nothing but a fake host, also when neither works.
 */
#include "fake_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct fake_host *host;

static int set_up(void **state)
{
    (void)state;
    host = fake_host_create("tests/plugins/fixtures/keeper.so");
    return fake_host_start(host) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    fake_host_destroy(host);
    return 0;
}

static int process(void)
{
    static const struct fby_message message = {.source = {"plant", 5}};
    static struct fby_value value = {.type = FBY_NULL};
    int verdict = fake_host_process(host, &message, &value, NULL);
    assert_int_equal(verdict, FBY_HOLD); /* until the state is saved */
    fake_host_turn(host, 0);
    return fake_host_verdict(host, NULL);
}

static void publishes(void **state)
{
    (void)state;
    assert_int_equal(process(), FBY_PASS);
    assert_int_equal(fake_host_publish_count(host), 0);
    assert_int_equal(fake_host_counter(host, "unpublished"), 1);
    fake_host_set_publish(host, true);
    assert_int_equal(process(), FBY_PASS);
    assert_int_equal(fake_host_publish_count(host), 1);
    assert_string_equal(fake_host_published(host), "plant number 2");
}

static void keeps_its_state(void **state)
{
    (void)state;
    fake_host_set_publish(host, true);
    assert_int_equal(process(), FBY_PASS);
    assert_int_equal(fake_host_state(host).len, 8);
    fake_host_stop(host);
    assert_non_null(fake_host_start(host));
    assert_int_equal(process(), FBY_PASS);
    assert_string_equal(fake_host_published(host), "plant number 2");
}

static void hears_of_failures(void **state)
{
    (void)state;
    fake_host_set_storage(host, false);
    assert_int_equal(process(), FBY_FAIL);
    assert_int_equal(fake_host_counter(host, "lost"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(publishes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_its_state, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hears_of_failures, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
