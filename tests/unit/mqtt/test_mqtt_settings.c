/* SPDX-License-Identifier: Apache-2.0
 *
 * URLs and combinations of a broker's settings: what is accepted, and which option is blamed for what is not.
 */
#include "base/arena.h"
#include "mqtt/mqtt_settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct mqtt_settings settings_of(const char *url)
{
    return (struct mqtt_settings){.url = url, .reconnect_min_ms = 1000, .reconnect_max_ms = 60000};
}

static void test_urls(void **state)
{
    (void)state;
    static const struct {
        const char *url, *host;
        int port;
        bool tls;
    } cases[] = {
        {"mqtt://localhost", "localhost", 1883, false},
        {"mqtt://localhost/", "localhost", 1883, false},
        {"mqtts://iot.example.com", "iot.example.com", 8883, true},
        {"mqtt://10.0.0.1:2000", "10.0.0.1", 2000, false},
        {"mqtt://[::1]", "::1", 1883, false},
        {"mqtts://[fe80::1]:443", "fe80::1", 443, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena a;
        struct error err = {0};
        const char *option = NULL;
        struct mqtt_settings s = settings_of(cases[i].url);
        arena_init(&a, 0, 0);
        if (!mqtt_settings_check(&s, &a, &option, &err))
            fail_msg("%s: %s", cases[i].url, err.text);
        assert_string_equal(s.host, cases[i].host);
        assert_int_equal(s.port, cases[i].port);
        assert_int_equal(s.use_tls, cases[i].tls);
        arena_finish(&a);
    }
}

static void expect_refusal(struct mqtt_settings s, const char *blamed, const char *words)
{
    struct arena a;
    struct error err = {0};
    const char *option = "none";
    arena_init(&a, 0, 0);
    assert_false(mqtt_settings_check(&s, &a, &option, &err));
    assert_string_equal(option, blamed);
    if (!strstr(err.text, words))
        fail_msg("\"%s\" says nothing of \"%s\"", err.text, words);
    arena_finish(&a);
}

static void test_wrong_urls(void **state)
{
    (void)state;
    expect_refusal(settings_of("localhost:1883"), "url", "mqtt://");
    expect_refusal(settings_of("http://localhost"), "url", "mqtt://");
    expect_refusal(settings_of("mqtt://"), "url", "host is missing");
    expect_refusal(settings_of("mqtt://:1883"), "url", "host is missing");
    expect_refusal(settings_of("mqtt://host:"), "url", "port");
    expect_refusal(settings_of("mqtt://host:0"), "url", "port");
    expect_refusal(settings_of("mqtt://host:65536"), "url", "port");
    expect_refusal(settings_of("mqtt://host:18x3"), "url", "port");
    expect_refusal(settings_of("mqtt://host: 1883"), "url", "port");
    expect_refusal(settings_of("mqtt://::1:1883"), "url", "brackets");
    expect_refusal(settings_of("mqtt://[::1"), "url", "]");
    expect_refusal(settings_of("mqtt://[::1]x"), "url", "]");
    expect_refusal(settings_of("mqtt://gw:secret@host"), "url", "username and password");
    expect_refusal(settings_of("mqtt://host/path"), "url", "/path");
}

static void test_combinations(void **state)
{
    (void)state;
    struct mqtt_settings s = settings_of("mqtt://host");
    s.password = "x";
    expect_refusal(s, "username", "needs a username");
    s = settings_of("mqtt://host");
    s.client_id = "";
    expect_refusal(s, "client_id", "client id");
    s = settings_of("mqtt://host");
    s.reconnect_max_ms = 500;
    expect_refusal(s, "reconnect_max", "shorter");
    s = settings_of("mqtt://host");
    s.status_topic = "status/#";
    expect_refusal(s, "status_topic", "status/#");
    s.status_topic = "";
    expect_refusal(s, "status_topic", "not a topic");
}

static void test_tls(void **state)
{
    (void)state;
    struct mqtt_settings s = settings_of("mqtt://host");
    s.tls.ca = "/etc/ssl/certs";
    expect_refusal(s, "tls", "mqtts://");
    s = settings_of("mqtts://host");
    s.tls.certificate = "/nowhere/gw.crt";
    expect_refusal(s, "tls", "tls.key");
    s.tls.key = "/nowhere/gw.key";
    expect_refusal(s, "tls", "tls.certificate: cannot load /nowhere/gw.crt");
    s.tls.certificate = NULL;
    expect_refusal(s, "tls", "tls.certificate");
    s = settings_of("mqtts://host");
    s.tls.ca = "/nowhere/ca.crt";
    expect_refusal(s, "tls", "tls.ca: cannot find /nowhere/ca.crt");
    s.tls.ca = "/dev/null";
    expect_refusal(s, "tls", "tls.ca: cannot load");
}

static void test_table(void **state)
{
    (void)state;
    for (const struct fby_option *o = mqtt_settings_options; o->name; o++) {
        assert_non_null(o->help);
        assert_true(o->offset < sizeof(struct mqtt_settings));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls), cmocka_unit_test(test_wrong_urls), cmocka_unit_test(test_combinations),
        cmocka_unit_test(test_tls),  cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
