/* SPDX-License-Identifier: Apache-2.0
 *
 * Proves what each answer of a service does to the messages of a request: delivered, tried again in order
 * and under the same key, or found by halving and rejected alone. And that neither cancel, destroy nor a
 * dead name server blocks or leaves anything behind.
 */
#include "fake_host.h"
#include "http_stub.h"

#include <netdb.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

struct http_options {
    const char *url;
    int method;
    struct fby_string_map headers;
    struct {
        int64_t messages, bytes, wait_ms;
        int format;
    } batch;
    int64_t timeout_ms, connect_timeout_ms;
    struct {
        const char *ca, *certificate, *key;
        bool insecure;
    } tls;
    const char *username, *password;
    int64_t requests;
    struct fby_strings retry_status;
};

enum { NDJSON, JSON_ARRAY, SINGLE };

static struct http_stub *stub;
static struct fake_host *host;

static struct http_options *prepare(void)
{
    struct http_options *o = fake_host_options(host);
    o->url = http_stub_url(stub);
    o->batch.wait_ms = 10;
    o->timeout_ms = 3000;
    return o;
}

static int setup(void **state)
{
    (void)state;
    stub = http_stub_create();
    host = fake_host_create("plugins/http/http.so");
    prepare();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fake_host_stop(host);
    unsigned left = fake_host_open_handles(host);
    fake_host_destroy(host);
    http_stub_destroy(stub);
    return left == 0 ? 0 : -1;
}

static struct http_options *options(void)
{
    return fake_host_options(host);
}

static void start(void)
{
    if (!fake_host_start(host))
        fail_msg("refused: %s", fake_host_refusal(host));
}

static void send_range(uint64_t first, uint64_t last)
{
    for (uint64_t i = first; i <= last; i++) {
        char payload[32];
        snprintf(payload, sizeof payload, "{\"n\":%d}", (int)i);
        assert_true(fake_host_send(host, i, payload));
    }
}

static void wait_results(size_t count)
{
    if (!fake_host_wait_results(host, count, 8000))
        fail_msg("%zu of %zu results", fake_host_result_count(host), count);
}

static void expect_results(uint64_t first, uint64_t last, enum fby_outcome outcome)
{
    wait_results((size_t)(last - first + 1));
    for (uint64_t i = first; i <= last; i++) {
        const struct fake_result *r = fake_host_result(host, (size_t)(i - first));
        assert_int_equal(r->token, i);
        if (r->outcome != outcome)
            fail_msg("token %d: outcome %d (%s)", (int)i, r->outcome, r->reason);
    }
    assert_int_equal(fake_host_result_count(host), last - first + 1);
}

static void header_of(size_t index, const char *name, char *text, size_t size)
{
    if (!http_stub_header(http_stub_request(stub, index), name, text, size))
        fail_msg("request %zu has no %s", index, name);
}

static void delivers_a_batch_as_lines(void **state)
{
    (void)state;
    start();
    send_range(1, 3);
    expect_results(1, 3, FBY_DELIVERED);
    assert_int_equal(http_stub_count(stub), 1);
    const struct http_stub_request *r = http_stub_request(stub, 0);
    assert_string_equal(r->body, "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n");
    assert_memory_equal(r->head, "POST /in HTTP/1.1\r\n", 19);
    char text[256];
    header_of(0, "Content-Type", text, sizeof text);
    assert_string_equal(text, "application/x-ndjson");
    header_of(0, "User-Agent", text, sizeof text);
    assert_memory_equal(text, "forebay/", 8);
    header_of(0, "Idempotency-Key", text, sizeof text);
    assert_memory_equal(text, "gw/1-3-", 7);
    assert_false(http_stub_header(r, "Expect", text, sizeof text));
    assert_true(fake_host_is_connected(host));
    assert_int_equal(fake_host_counter(host, "http_requests"), 1);
}

static void delivers_a_json_array(void **state)
{
    (void)state;
    options()->batch.format = JSON_ARRAY;
    options()->method = 1;
    start();
    send_range(1, 2);
    assert_true(fake_host_send(host, 3, ""));
    expect_results(1, 3, FBY_DELIVERED);
    const struct http_stub_request *r = http_stub_request(stub, 0);
    assert_string_equal(r->body, "[{\"n\":1},{\"n\":2},null]");
    assert_memory_equal(r->head, "PUT ", 4);
}

static void delivers_single_messages(void **state)
{
    (void)state;
    options()->batch.format = SINGLE;
    start();
    send_range(1, 3);
    expect_results(1, 3, FBY_DELIVERED);
    assert_int_equal(http_stub_count(stub), 3);
    assert_string_equal(http_stub_request(stub, 2)->body, "{\"n\":3}");
    char text[64];
    header_of(0, "Content-Type", text, sizeof text);
    assert_string_equal(text, "application/json");
    assert_int_equal(http_stub_request(stub, 2)->connection, 1); /* kept alive */
}

static void sends_headers_and_credentials(void **state)
{
    (void)state;
    static const char *const names[] = {"X-Site", "Content-Type", "X-Empty"};
    static const char *const texts[] = {"berlin", "text/plain", ""};
    options()->headers = (struct fby_string_map){names, texts, 3};
    options()->username = "user";
    options()->password = "secret";
    start();
    assert_true(fake_host_send(host, 1, "a\r\nb"));
    expect_results(1, 1, FBY_DELIVERED);
    char text[256];
    header_of(0, "X-Site", text, sizeof text);
    assert_string_equal(text, "berlin");
    header_of(0, "X-Empty", text, sizeof text);
    assert_string_equal(text, "");
    header_of(0, "Content-Type", text, sizeof text);
    assert_string_equal(text, "text/plain");
    header_of(0, "Authorization", text, sizeof text);
    assert_string_equal(text, "Basic dXNlcjpzZWNyZXQ=");
    assert_string_equal(http_stub_request(stub, 0)->body, "a  b\n");
}

static void sends_at_once_when_a_batch_is_full(void **state)
{
    (void)state;
    options()->batch.messages = 4;
    options()->batch.wait_ms = 60000;
    start();
    send_range(1, 8);
    expect_results(1, 8, FBY_DELIVERED);
    assert_int_equal(http_stub_count(stub), 2);
    send_range(9, 11);
    for (int i = 0; i < 5; i++)
        fake_host_turn(host, 10);
    assert_int_equal(http_stub_count(stub), 2);
    send_range(12, 12);
    wait_results(12);
}

static void splits_by_bytes(void **state)
{
    (void)state;
    options()->batch.bytes = 1024;
    start();
    char payload[601];
    memset(payload, 'x', 600);
    payload[600] = 0;
    assert_true(fake_host_send(host, 1, payload));
    assert_true(fake_host_send(host, 2, payload));
    assert_true(fake_host_send(host, 3, payload));
    expect_results(1, 3, FBY_DELIVERED);
    assert_int_equal(http_stub_count(stub), 3);
}

/* Every answer that says nothing about the messages. */
static void tries_again(void **state)
{
    (void)state;
    static const struct {
        const char *answer, *reason;
    } cases[] = {
        {"HTTP/1.1 500 X\r\nContent-Length: 4\r\n\r\noops", "HTTP 500 Internal Server Error: oops"},
        {"HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n", "HTTP 503"},
        {"HTTP/1.1 429 X\r\nContent-Length: 0\r\n\r\n", "HTTP 429"},
        {"HTTP/1.1 408 X\r\nContent-Length: 0\r\n\r\n", "HTTP 408"},
        {"HTTP/1.1 425 X\r\nContent-Length: 0\r\n\r\n", "HTTP 425"},
        {"HTTP/1.1 401 X\r\nContent-Length: 0\r\n\r\n", "check username, password"},
        {"HTTP/1.1 403 X\r\nContent-Length: 0\r\n\r\n", "HTTP 403 Forbidden"},
        {"HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n", "check the path of the url"},
        {"HTTP/1.1 405 X\r\nContent-Length: 0\r\n\r\n", "check method"},
        {"HTTP/1.1 415 X\r\nContent-Length: 0\r\n\r\n", "batch.format"},
        {"HTTP/1.1 301 X\r\nLocation: https://elsewhere.example/x\r\nContent-Length: 0\r\n\r\n",
         "points to https://elsewhere.example/x"},
        {"HTTP/1.1 304 X\r\n\r\n", "HTTP 304"},
        /* On a connection that was used before, libcurl itself tries once more; so the next one is new. */
        {"HTTP/1.1 599 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", "HTTP 599"},
        {HTTP_STUB_CLOSE, "no answer: "},
        {"SSH-2.0-OpenSSH_9.2\r\n\r\n", "no answer: "},
        {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\ncut", "no answer: "},
        {"HTTP/1.1 99999 X\r\n\r\n", "no answer: "},
    };
    start();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        http_stub_answer(stub, cases[i].answer);
        fake_host_forget_results(host);
        send_range(1, 2);
        expect_results(1, 2, FBY_RETRY);
        if (!strstr(fake_host_result(host, 0)->reason, cases[i].reason))
            fail_msg("%s: %s", cases[i].answer, fake_host_result(host, 0)->reason);
        assert_false(fake_host_is_connected(host));
        assert_string_equal(fake_host_connection_reason(host), fake_host_result(host, 0)->reason);
    }
    fake_host_forget_results(host);
    send_range(1, 2);
    expect_results(1, 2, FBY_DELIVERED);
    assert_true(fake_host_is_connected(host));
}

static void honours_retry_after(void **state)
{
    (void)state;
    char date[128], answer[256];
    time_t later = time(NULL) + 120;
    struct tm t;
    gmtime_r(&later, &t);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &t);
    snprintf(answer, sizeof answer, "HTTP/1.1 503 X\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n", date);
    http_stub_answer(stub, "HTTP/1.1 429 X\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n");
    http_stub_answer(stub, answer);
    http_stub_answer(stub, "HTTP/1.1 503 X\r\nRetry-After: 99999999\r\nContent-Length: 0\r\n\r\n");
    http_stub_answer(stub, "HTTP/1.1 503 X\r\nRetry-After: soon\r\nContent-Length: 0\r\n\r\n");
    start();
    for (uint64_t i = 1; i <= 4; i++) {
        assert_true(fake_host_send(host, i, "x"));
        wait_results((size_t)i);
    }
    assert_int_equal(fake_host_result_of(host, 1)->retry_after_ms, 7000);
    assert_in_range(fake_host_result_of(host, 2)->retry_after_ms, 110000, 121000);
    assert_int_equal(fake_host_result_of(host, 3)->retry_after_ms, 3600000);
    assert_int_equal(fake_host_result_of(host, 4)->retry_after_ms, 0);
}

/* A lost answer: the repetition must look the same, whatever has joined the queue since. */
static void repeats_a_batch_under_the_same_key(void **state)
{
    (void)state;
    http_stub_answer(stub, HTTP_STUB_CLOSE);
    start();
    send_range(1, 3);
    expect_results(1, 3, FBY_RETRY);
    fake_host_forget_results(host);
    send_range(1, 6);
    expect_results(1, 6, FBY_DELIVERED);
    char first[256], second[256], third[256];
    header_of(0, "Idempotency-Key", first, sizeof first);
    header_of(1, "Idempotency-Key", second, sizeof second);
    header_of(2, "Idempotency-Key", third, sizeof third);
    assert_string_equal(first, second);
    assert_memory_equal(third, "gw/4-3-", 7);
    assert_string_equal(http_stub_request(stub, 0)->body, http_stub_request(stub, 1)->body);
}

static void gives_back_everything_behind_a_failure(void **state)
{
    (void)state;
    options()->batch.messages = 2;
    http_stub_answer(stub, "HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n");
    start();
    send_range(1, 6);
    expect_results(1, 6, FBY_RETRY);
    assert_int_equal(http_stub_count(stub), 1);
}

static void rejects_only_the_bad_message(void **state)
{
    (void)state;
    http_stub_refuse(stub, "{\"n\":37}", "HTTP/1.1 422 X\r\nContent-Length: 16\r\n\r\nn must not be 37");
    start();
    send_range(1, 100);
    wait_results(100);
    for (uint64_t i = 1; i <= 100; i++)
        assert_int_equal(fake_host_result_of(host, i)->outcome, i == 37 ? FBY_REJECTED : FBY_DELIVERED);
    assert_string_equal(fake_host_result_of(host, 37)->reason,
                        "HTTP 422 Unprocessable Content: n must not be 37");
}

static void finds_every_bad_message(void **state)
{
    (void)state;
    http_stub_refuse(stub, "bad", "HTTP/1.1 400 X\r\nContent-Length: 9\r\n\r\nbad\001thing");
    start();
    static const bool is_bad[64] = {[0] = true, [1] = true, [30] = true, [63] = true};
    for (uint64_t i = 0; i < 64; i++)
        assert_true(fake_host_send(host, i, is_bad[i] ? "bad" : "good"));
    wait_results(64);
    for (uint64_t i = 0; i < 64; i++) {
        const struct fake_result *r = fake_host_result(host, (size_t)i);
        assert_int_equal(r->token, i); /* in order, too */
        assert_int_equal(r->outcome, is_bad[i] ? FBY_REJECTED : FBY_DELIVERED);
        if (is_bad[i])
            assert_string_equal(r->reason, "HTTP 400 Bad Request: bad thing");
    }
    assert_true(fake_host_is_connected(host));
    assert_true(fake_host_counter(host, "http_splits") >= 8);
    assert_in_range(http_stub_count(stub), 10, 60);
}

static void splits_what_is_too_large(void **state)
{
    (void)state;
    http_stub_answer(stub, "HTTP/1.1 413 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    start();
    send_range(1, 4);
    expect_results(1, 4, FBY_DELIVERED);
    assert_int_equal(http_stub_count(stub), 3);
    fake_host_forget_results(host);
    http_stub_refuse(stub, "5", "HTTP/1.1 413 X\r\nContent-Length: 0\r\n\r\n");
    send_range(5, 5);
    expect_results(5, 5, FBY_REJECTED);
    assert_non_null(strstr(fake_host_result(host, 0)->reason, "413 Content Too Large"));
}

/* A failure while a batch is in halves gives back the rest in order and loses nothing. */
static void keeps_order_when_a_half_fails(void **state)
{
    (void)state;
    http_stub_answer(stub, "HTTP/1.1 400 X\r\nContent-Length: 0\r\n\r\n"); /* 1-8 */
    http_stub_answer(stub, "HTTP/1.1 204 X\r\n\r\n");                      /* 1-4 */
    http_stub_answer(stub, "HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n"); /* 5-8 */
    start();
    send_range(1, 8);
    wait_results(8);
    for (uint64_t i = 1; i <= 8; i++) {
        assert_int_equal(fake_host_result(host, (size_t)i - 1)->token, i);
        assert_int_equal(fake_host_result(host, (size_t)i - 1)->outcome, i <= 4 ? FBY_DELIVERED : FBY_RETRY);
    }
}

static void tries_again_on_configured_statuses(void **state)
{
    (void)state;
    static const char *const statuses[] = {"409", "422"};
    options()->retry_status = (struct fby_strings){statuses, 2};
    http_stub_answer(stub, "HTTP/1.1 409 X\r\nContent-Length: 0\r\n\r\n");
    http_stub_answer(stub, "HTTP/1.1 422 X\r\nContent-Length: 0\r\n\r\n");
    start();
    for (int i = 0; i < 2; i++) {
        fake_host_forget_results(host);
        send_range(1, 3);
        expect_results(1, 3, FBY_RETRY);
    }
}

static void gives_up_on_a_silent_service(void **state)
{
    (void)state;
    options()->timeout_ms = 200;
    http_stub_answer(stub, HTTP_STUB_HANG);
    start();
    send_range(1, 2);
    expect_results(1, 2, FBY_RETRY);
    assert_non_null(strstr(fake_host_result(host, 0)->reason, "timed out"));
    fake_host_forget_results(host);
    send_range(1, 2);
    expect_results(1, 2, FBY_DELIVERED);
}

static void reads_only_so_much_of_an_answer(void **state)
{
    (void)state;
    static char answer[400000];
    int n = snprintf(answer, sizeof answer, "HTTP/1.1 503 X\r\nContent-Length: 399000000\r\n\r\n");
    memset(answer + n, 'y', sizeof answer - (size_t)n - 1);
    http_stub_answer(stub, answer);
    start();
    send_range(1, 1);
    expect_results(1, 1, FBY_RETRY);
    assert_non_null(strstr(fake_host_result(host, 0)->reason, "HTTP 503 Service Unavailable: yyyy"));
    assert_true(strlen(fake_host_result(host, 0)->reason) < 400);
}

static void reports_a_refused_connection(void **state)
{
    (void)state;
    options()->url = "http://127.0.0.1:1/";
    start();
    send_range(1, 2);
    expect_results(1, 2, FBY_RETRY);
    assert_non_null(strstr(fake_host_result(host, 0)->reason, "no answer: Failed to connect to 127.0.0.1"));
}

static void connects_again_after_a_closed_connection(void **state)
{
    (void)state;
    options()->batch.format = SINGLE;
    http_stub_answer(stub, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    start();
    send_range(1, 3);
    expect_results(1, 3, FBY_DELIVERED);
    assert_int_equal(http_stub_request(stub, 1)->connection, 2);
}

static void uses_several_requests_when_told_to(void **state)
{
    (void)state;
    options()->requests = 4;
    options()->batch.messages = 5;
    start();
    send_range(1, 20);
    wait_results(20);
    for (uint64_t i = 1; i <= 20; i++)
        assert_int_equal(fake_host_result_of(host, i)->outcome, FBY_DELIVERED);
    assert_int_equal(http_stub_count(stub), 4);
}

static void is_busy_when_full_and_says_ready(void **state)
{
    (void)state;
    options()->batch.messages = 10;
    start();
    uint64_t sent = 0;
    while (sent < 1000 && fake_host_send(host, sent + 1, "x"))
        sent++;
    assert_in_range(sent, 20, 100);
    wait_results((size_t)sent);
    assert_true(fake_host_ready_count(host) >= 1);
    assert_true(fake_host_send(host, sent + 1, "x"));
    wait_results((size_t)sent + 1);
}

static void forgets_what_was_cancelled(void **state)
{
    (void)state;
    options()->batch.wait_ms = 0;
    start();
    for (uint64_t round = 0; round < 30; round++) {
        send_range(1000, 1010);
        for (uint64_t turn = 0; turn < round % 4; turn++)
            fake_host_turn(host, 1);
        fake_host_cancel(host);
        fake_host_forget_results(host);
        send_range(round, round);
        expect_results(round, round, FBY_DELIVERED);
        fake_host_forget_results(host);
    }
}

static void can_be_destroyed_at_any_moment(void **state)
{
    (void)state;
    for (int round = 0; round < 20; round++) {
        http_stub_answer(stub, round % 3 ? HTTP_STUB_HANG : "HTTP/1.1 400 X\r\nContent-Length: 0\r\n\r\n");
        start();
        send_range(1, 20);
        for (int turn = 0; turn < round; turn++)
            fake_host_turn(host, 1);
        fake_host_stop(host);
        assert_int_equal(fake_host_open_handles(host), 0);
    }
}

/* Takes the place of libc's for libcurl: a name server that does not answer. */
__attribute__((visibility("default"))) int getaddrinfo(const char *node, const char *service,
                                                       const struct addrinfo *hints, struct addrinfo **result)
{
    (void)service;
    (void)hints;
    (void)result;
    if (node && strcmp(node, "slow.example") == 0)
        sleep(2);
    return EAI_AGAIN;
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void does_not_wait_for_a_name_server(void **state)
{
    (void)state;
    options()->url = "http://slow.example/";
    options()->connect_timeout_ms = 200;
    start();
    int64_t begin = now_ms(), longest = 0;
    send_range(1, 1);
    while (fake_host_result_count(host) == 0 && now_ms() - begin < 5000) {
        int64_t before = now_ms();
        fake_host_turn(host, 10);
        if (now_ms() - before > longest)
            longest = now_ms() - before;
    }
    expect_results(1, 1, FBY_RETRY);
    assert_true(now_ms() - begin < 1500);
    assert_true(longest < 500);
    send_range(2, 2);
    fake_host_turn(host, 10);
    begin = now_ms();
    fake_host_stop(host);
    assert_true(now_ms() - begin < 500);
    sleep(2); /* the resolver's threads end, so that the sanitizer sees nothing of theirs */
}

static void checks_its_options(void **state)
{
    (void)state;
    static const char *const bad_names[] = {"X Y"}, *const good_names[] = {"Authorization"};
    static const char *const texts[] = {"Bearer x\n"};
    struct http_options good = *options();
    struct http_options cases[9];
    for (size_t i = 0; i < 9; i++)
        cases[i] = good;
    cases[0].url = "ftp://x/";
    cases[1].url = "https://";
    cases[2].headers = (struct fby_string_map){bad_names, texts, 1};
    cases[3].headers = (struct fby_string_map){good_names, texts, 1};
    cases[4].tls.ca = "/nowhere/ca.pem";
    cases[5].password = "x";
    cases[6].retry_status = (struct fby_strings){bad_names, 1};
    cases[7].url = "http://host:99999999/";
    cases[8].tls.key = "tls/client.key";
    static const char *const words[] = {"begin with http",
                                        "url is wrong",
                                        "not the name of a header",
                                        "line break",
                                        "/nowhere/ca.pem: No such file",
                                        "without a username",
                                        "status codes",
                                        "url is wrong",
                                        "Write /etc/forebay/tls/client.key"};
    for (size_t i = 0; i < 9; i++) {
        *options() = cases[i];
        assert_null(fake_host_start(host));
        if (!strstr(fake_host_refusal(host), words[i]))
            fail_msg("%s: %s", words[i], fake_host_refusal(host));
        assert_null(strstr(fake_host_refusal(host), "Bearer"));
    }
    *options() = good;
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    signal(SIGPIPE, SIG_IGN); /* as the daemon does */
    const struct CMUnitTest tests[] = {
        TEST(delivers_a_batch_as_lines),
        TEST(delivers_a_json_array),
        TEST(delivers_single_messages),
        TEST(sends_headers_and_credentials),
        TEST(sends_at_once_when_a_batch_is_full),
        TEST(splits_by_bytes),
        TEST(tries_again),
        TEST(honours_retry_after),
        TEST(repeats_a_batch_under_the_same_key),
        TEST(gives_back_everything_behind_a_failure),
        TEST(rejects_only_the_bad_message),
        TEST(finds_every_bad_message),
        TEST(splits_what_is_too_large),
        TEST(keeps_order_when_a_half_fails),
        TEST(tries_again_on_configured_statuses),
        TEST(gives_up_on_a_silent_service),
        TEST(reads_only_so_much_of_an_answer),
        TEST(reports_a_refused_connection),
        TEST(connects_again_after_a_closed_connection),
        TEST(uses_several_requests_when_told_to),
        TEST(is_busy_when_full_and_says_ready),
        TEST(forgets_what_was_cancelled),
        TEST(can_be_destroyed_at_any_moment),
        TEST(does_not_wait_for_a_name_server),
        TEST(checks_its_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
