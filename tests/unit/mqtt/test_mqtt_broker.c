/* SPDX-License-Identifier: Apache-2.0
 *
 * The client against a real mosquitto: TLS and mutual TLS, refused certificates, access rules, kept sessions.
 */
#include "mqtt_fixture.h"

#include "base/clock.h"
#include "mosquitto_process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char make_certificates[] =
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -out ca.crt "
    "-days 2"
    " -subj '/CN=Test CA' && "
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout other.key -out "
    "other.crt"
    " -days 2 -subj '/CN=Other CA' && "
    "for name in server client; do "
    "openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout $name.key -out $name.csr"
    " -subj /CN=$name.test && "
    "printf 'subjectAltName=DNS:broker.test' >ext && "
    "openssl x509 -req -in $name.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out $name.crt "
    "-extfile ext"
    " || exit 1; done; openssl rehash .";

static const char tls_lines[] = "allow_anonymous true\ncafile %s/ca.crt\ncertfile %s/server.crt\n"
                                "keyfile %s/server.key\n";

struct broker_fixture {
    struct mqtt_fixture f;
    struct mosquitto_process process;
    char ca[100], certificate[100], key[100];
};

/* `prepare`: a command that makes what the configuration names; NULL: none. */
static void init(struct broker_fixture *b, const char *configuration, const char *prepare)
{
    if (!mosquitto_process_is_available()) {
        print_message("mosquitto is not installed\n");
        skip();
    }
    mosquitto_process_init(&b->process);
    bool tls = prepare == make_certificates;
    if (prepare)
        mosquitto_process_run(&b->process, prepare);
    mosquitto_process_start(&b->process, configuration);
    mqtt_fixture_init(&b->f);
    b->f.settings.port = b->process.port;
    b->f.settings.use_tls = tls;
    snprintf(b->ca, sizeof b->ca, "%s/ca.crt", b->process.directory);
    snprintf(b->certificate, sizeof b->certificate, "%s/client.crt", b->process.directory);
    snprintf(b->key, sizeof b->key, "%s/client.key", b->process.directory);
    if (tls) {
        b->f.settings.tls.ca = b->ca;
        b->f.settings.tls.server_name = "broker.test";
    }
}

static void finish(struct broker_fixture *b)
{
    mqtt_fixture_finish(&b->f);
    mosquitto_process_finish(&b->process);
}

static void subscribe(struct mqtt_fixture *f, const char *filter)
{
    struct mqtt_subscription s = {.filter = filter, .qos = 1};
    unsigned before = f->subscribed;
    assert_int_equal(mqtt_client_subscribe(f->client, &s, 1), STATUS_OK);
    mqtt_fixture_until(f, f->subscribed == before + 1);
}

/* Send ourselves `count` messages of `size` bytes and wait until each came back and was acknowledged. */
static void echo(struct mqtt_fixture *f, uint64_t count, size_t size)
{
    char *payload = calloc(1, size);
    uint64_t sent = 0;
    int64_t start_us = clock_monotonic_us();
    subscribe(f, "echo/#");
    f->release_at_once = true;
    f->messages = f->published = 0;
    while ((f->messages < count || f->published < count) && clock_monotonic_us() - start_us < 20000000) {
        struct mqtt_publish p = {
            .topic = bytes_of_text("echo/a"), .payload = bytes_of(payload, size), .qos = 1};
        while (sent < count && mqtt_client_publish(f->client, &p) == STATUS_OK)
            p.token = ++sent;
        loop_turn(f->loop, 1);
    }
    free(payload);
    assert_int_equal(f->messages, count);
    assert_int_equal(f->published, count);
    assert_int_equal(f->last_payload_len, size);
}

static void test_plain(void **state)
{
    (void)state;
    struct broker_fixture b;
    init(&b, "allow_anonymous true\n", NULL);
    mqtt_fixture_connect(&b.f);
    echo(&b.f, 3000, 150);
    echo(&b.f, 20, 200000);
    finish(&b);
}

static void test_tls(void **state)
{
    (void)state;
    struct broker_fixture b;
    init(&b, tls_lines, make_certificates);
    mqtt_fixture_connect(&b.f);
    echo(&b.f, 3000, 150);
    echo(&b.f, 20, 200000);
    assert_int_equal(b.f.disconnected, 0);
    finish(&b);
}

static void test_tls_authorities_from_a_directory(void **state)
{
    (void)state;
    struct broker_fixture b;
    init(&b, tls_lines, make_certificates);
    b.f.settings.tls.ca = b.process.directory;
    mqtt_fixture_connect(&b.f);
    finish(&b);
}

static void expect_refusal(struct broker_fixture *b, const char *words)
{
    mqtt_fixture_start(&b->f);
    mqtt_fixture_until(&b->f, b->f.disconnected >= 1);
    assert_int_equal(b->f.connected, 0);
    if (!strstr(b->f.reason, words))
        fail_msg("\"%s\" says nothing of \"%s\"", b->f.reason, words);
}

static void test_tls_unknown_authority(void **state)
{
    (void)state;
    struct broker_fixture b;
    init(&b, tls_lines, make_certificates);
    snprintf(b.ca, sizeof b.ca, "%s/other.crt", b.process.directory);
    expect_refusal(&b, "check tls.ca");
    finish(&b);
}

static void test_tls_wrong_name(void **state)
{
    (void)state;
    struct broker_fixture b;
    init(&b, tls_lines, make_certificates);
    b.f.settings.tls.server_name = NULL; /* then it must be made for 127.0.0.1 */
    expect_refusal(&b, "certificate is not accepted: IP address mismatch");
    mqtt_client_destroy(b.f.client);
    b.f.client = NULL;
    b.f.settings.tls.server_name = "another.test";
    b.f.disconnected = 0;
    expect_refusal(&b, "certificate is not accepted: hostname mismatch");
    mqtt_client_destroy(b.f.client);
    b.f.client = NULL;
    b.f.settings.tls.insecure = true;
    mqtt_fixture_connect(&b.f);
    finish(&b);
}

static void test_tls_to_a_plain_listener(void **state)
{
    (void)state;
    struct broker_fixture b;
    init(&b, "allow_anonymous true\n", NULL);
    b.f.settings.use_tls = true;
    expect_refusal(&b, "is it a port for TLS?");
    finish(&b);
}

static void test_mutual_tls(void **state)
{
    (void)state;
    char lines[300];
    struct broker_fixture b;
    snprintf(lines, sizeof lines, "%srequire_certificate true\nuse_identity_as_username true\n", tls_lines);
    init(&b, lines, make_certificates);
    b.f.settings.tls.certificate = b.certificate;
    b.f.settings.tls.key = b.key;
    mqtt_fixture_connect(&b.f);
    echo(&b.f, 100, 150);
    finish(&b);
}

static void test_mutual_tls_without_certificate(void **state)
{
    (void)state;
    char lines[300];
    struct broker_fixture b;
    snprintf(lines, sizeof lines, "%srequire_certificate true\n", tls_lines);
    init(&b, lines, make_certificates);
    expect_refusal(&b, "certificate"); /* by the alert, when it comes before the connection ends */
    finish(&b);
}

static void test_wrong_password(void **state)
{
    (void)state;
    struct broker_fixture b;
    init(&b, "allow_anonymous false\n", NULL);
    expect_refusal(&b, "not authorized");
    finish(&b);
}

/* MQTT 3.1.1 would say that it was delivered. */
static void test_denied_topic_is_not_delivered(void **state)
{
    (void)state;
    struct broker_fixture b;
    init(&b, "allow_anonymous true\nacl_file %s/acl\n", "echo user nobody >acl");
    b.f.role.gated = false;
    mqtt_fixture_connect(&b.f);
    struct mqtt_publish p = {.topic = bytes_of_text("denied"), .payload = bytes_of_text("x"), .qos = 1};
    assert_int_equal(mqtt_client_publish(b.f.client, &p), STATUS_OK);
    mqtt_fixture_until(&b.f, b.f.published == 1);
    assert_int_equal(b.f.last_code, 0x87);
    finish(&b);
}

static void test_kept_session_brings_what_came_meanwhile(void **state)
{
    (void)state;
    struct broker_fixture b;
    init(&b, "allow_anonymous true\n", NULL);
    mqtt_fixture_connect(&b.f);
    assert_false(b.f.session_present);
    subscribe(&b.f, "away/#");
    mqtt_client_destroy(b.f.client);
    b.f.client = NULL;
    char command[200];
    snprintf(command, sizeof command, "mosquitto_pub -h 127.0.0.1 -p %d -t away/a -m kept -q 1",
             b.process.port);
    mosquitto_process_run(&b.process, command);
    b.f.release_at_once = true;
    mqtt_fixture_connect(&b.f);
    assert_true(b.f.session_present);
    mqtt_fixture_until(&b.f, b.f.messages == 1);
    assert_string_equal(b.f.last_payload, "kept");
    finish(&b);
}

static void test_what_was_acknowledged_last_stays_so(void **state)
{
    (void)state;
    struct broker_fixture b;
    init(&b, tls_lines, make_certificates);
    mqtt_fixture_connect(&b.f);
    subscribe(&b.f, "last/#");
    char command[300];
    snprintf(command, sizeof command,
             "seq 200 | mosquitto_pub -h 127.0.0.1 -p %d --cafile ca.crt --insecure -t last/a -l -q 1",
             b.process.port);
    mosquitto_process_run(&b.process, command);
    b.f.release_at_once = true;
    mqtt_fixture_until(&b.f, b.f.messages == 200);
    mqtt_client_destroy(b.f.client);
    b.f.client = NULL;
    mqtt_fixture_connect(&b.f);
    mqtt_fixture_turn_for(&b.f, 100);
    assert_true(b.f.session_present);
    assert_int_equal(b.f.messages, 200);
    finish(&b);
}

/* A burst that was aborted comes again; one that was released does not. */
static void test_unacknowledged_messages_come_again(void **state)
{
    (void)state;
    struct broker_fixture b;
    init(&b, "allow_anonymous true\n", NULL);
    mqtt_fixture_connect(&b.f);
    subscribe(&b.f, "again/#");
    char command[200];
    snprintf(command, sizeof command, "mosquitto_pub -h 127.0.0.1 -p %d -t again/a -m x -q 1",
             b.process.port);
    mosquitto_process_run(&b.process, command);
    mqtt_fixture_until(&b.f, b.f.bursts == 1);
    mqtt_client_abort(b.f.client, "test");
    mqtt_fixture_until(&b.f, b.f.bursts == 2);
    mqtt_client_release(b.f.client);
    mqtt_fixture_turn_for(&b.f, 30);
    mqtt_client_abort(b.f.client, "test");
    mqtt_fixture_until(&b.f, b.f.connected == 3);
    mqtt_fixture_turn_for(&b.f, 50);
    assert_int_equal(b.f.bursts, 2);
    finish(&b);
}

static void test_broker_restart(void **state)
{
    (void)state;
    struct broker_fixture b;
    init(&b, tls_lines, make_certificates);
    mqtt_fixture_connect(&b.f);
    mosquitto_process_stop(&b.process);
    mqtt_fixture_until(&b.f, b.f.disconnected >= 2);
    mosquitto_process_start(&b.process, tls_lines);
    mqtt_fixture_until(&b.f, b.f.connected == 2);
    finish(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_tls),
        cmocka_unit_test(test_tls_authorities_from_a_directory),
        cmocka_unit_test(test_tls_unknown_authority),
        cmocka_unit_test(test_tls_wrong_name),
        cmocka_unit_test(test_tls_to_a_plain_listener),
        cmocka_unit_test(test_mutual_tls),
        cmocka_unit_test(test_mutual_tls_without_certificate),
        cmocka_unit_test(test_wrong_password),
        cmocka_unit_test(test_denied_topic_is_not_delivered),
        cmocka_unit_test(test_kept_session_brings_what_came_meanwhile),
        cmocka_unit_test(test_what_was_acknowledged_last_stays_so),
        cmocka_unit_test(test_unacknowledged_messages_come_again),
        cmocka_unit_test(test_broker_restart),
    };
    mqtt_library_init();
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    mqtt_library_finish();
    return failures;
}
