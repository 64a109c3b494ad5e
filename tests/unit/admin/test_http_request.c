/* SPDX-License-Identifier: Apache-2.0
 *
 * Heads of HTTP requests: what is read, and what is refused with which status.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "admin/http_request.h"
#include "base/memory.h"

#include <stdlib.h>

static int parse(const char *text, struct http_request *rq)
{
    const char *reason = NULL;
    int result = http_request_parse(bytes_of_text(text), rq, &reason);
    assert_int_equal(reason != NULL, result > 0);
    return result;
}

static void test_usual_request(void **state)
{
    (void)state;
    struct http_request rq;
    const char *text = "GET /routes/a%20b?limit=10&name=x+y%2Bz&flag HTTP/1.1\r\nHost: x\r\n\r\nmore";
    assert_int_equal(parse(text, &rq), HTTP_COMPLETE);
    assert_string_equal(rq.method, "GET");
    assert_string_equal(rq.path, "/routes/a b");
    assert_string_equal(http_request_parameter(&rq, "limit"), "10");
    assert_string_equal(http_request_parameter(&rq, "name"), "x y+z");
    assert_string_equal(http_request_parameter(&rq, "flag"), "");
    assert_null(http_request_parameter(&rq, "other"));
    assert_int_equal(rq.head_len, strlen(text) - 4);
    assert_int_equal(rq.body_len, 0);
    assert_true(rq.keep_alive);
    http_request_finish(&rq);
}

static void test_fields_that_matter(void **state)
{
    (void)state;
    struct http_request rq;
    assert_int_equal(parse("POST / HTTP/1.1\r\ncontent-length:  12 \r\nConnection: Close\r\nExpect: "
                           "100-Continue\r\nX-Other:\tcaf\xc3\xa9\r\n\r\n",
                           &rq),
                     HTTP_COMPLETE);
    assert_int_equal(rq.body_len, 12);
    assert_false(rq.keep_alive);
    assert_true(rq.expects_continue);
    http_request_finish(&rq);
    assert_int_equal(parse("GET / HTTP/1.0\r\n\r\n", &rq), HTTP_COMPLETE);
    assert_true(rq.is_http_1_0);
    assert_false(rq.keep_alive);
    http_request_finish(&rq);
}

static void test_every_prefix_is_incomplete(void **state)
{
    (void)state;
    static const char text[] = "GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for (size_t len = 0; len < sizeof text - 1; len++) {
        struct http_request rq;
        const char *reason = NULL;
        char *copy = malloc(len ? len : 1); /* of the exact size, for the sanitizers */
        memcpy(copy, text, len);
        assert_int_equal(http_request_parse(bytes_of(copy, len), &rq, &reason), HTTP_INCOMPLETE);
        free(copy);
    }
}

static void test_refused_heads(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *text;
    } cases[] = {
        {400, "\r\n\r\n"},
        {400, "GET\r\n\r\n"},
        {400, "GET /\r\n\r\n"},
        {400, " / HTTP/1.1\r\n\r\n"},
        {400, "G(T / HTTP/1.1\r\n\r\n"},
        {505, "GET / HTTP/2.0\r\n\r\n"},
        {505, "GET / HTTP/1.1 \r\n\r\n"},
        {505, "GET /a b HTTP/1.1\r\n\r\n"},
        {400, "GET http://x/ HTTP/1.1\r\n\r\n"},
        {400, "GET * HTTP/1.1\r\n\r\n"},
        {400, "GET /%zz HTTP/1.1\r\n\r\n"},
        {400, "GET /%4 HTTP/1.1\r\n\r\n"},
        {400, "GET /%00 HTTP/1.1\r\n\r\n"},
        {400, "GET /%0d%0aSet-Cookie:x HTTP/1.1\r\n\r\n"},
        {400, "GET /?a=%0 HTTP/1.1\r\n\r\n"},
        {400, "GET / HTTP/1.1\nHost: x\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nHost: x\ry\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nHost\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nHost : x\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n folded\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nA: b\r\n folded: c\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nContent-Length: +1\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nContent-Length:\r\n\r\n"},
        {413, "GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n"},
        {501, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {501, "POST / HTTP/1.1\r\nContent-Length: 3\r\ntransfer-encoding: identity\r\n\r\n"},
        {417, "POST / HTTP/1.1\r\nExpect: miracles\r\n\r\n"},
    };
    for (size_t i = 0; i < array_count(cases); i++) {
        struct http_request rq;
        int status = parse(cases[i].text, &rq);
        if (status != cases[i].status)
            fail_msg("status %d instead of %d for %s", status, cases[i].status, cases[i].text);
    }
}

static void test_nul_is_refused(void **state)
{
    (void)state;
    struct http_request rq;
    const char *reason = NULL;
    static const char text[] = "GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n";
    assert_int_equal(http_request_parse(bytes_of(text, sizeof text - 1), &rq, &reason), 400);
}

static void test_limits(void **state)
{
    (void)state;
    struct http_request rq;
    const char *reason = NULL;
    struct buffer head = {0};
    buffer_add_text(&head, "GET /?");
    for (int i = 0; i < HTTP_PARAMETERS_MAX; i++)
        buffer_add_text(&head, "a=b&");
    size_t len = head.len;
    buffer_add_text(&head, " HTTP/1.1\r\n\r\n");
    assert_int_equal(http_request_parse(buffer_bytes(&head), &rq, &reason), HTTP_COMPLETE);
    http_request_finish(&rq);
    head.len = len;
    buffer_add_text(&head, "c HTTP/1.1\r\n\r\n");
    assert_int_equal(http_request_parse(buffer_bytes(&head), &rq, &reason), 400);
    head.len = len;
    while (head.len <= HTTP_HEAD_MAX)
        buffer_add_byte(&head, 'a');
    assert_int_equal(http_request_parse(buffer_bytes(&head), &rq, &reason), 431);
    buffer_add_text(&head, " HTTP/1.1\r\n\r\n");
    assert_int_equal(http_request_parse(buffer_bytes(&head), &rq, &reason), 431);
    buffer_finish(&head);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usual_request),
        cmocka_unit_test(test_fields_that_matter),
        cmocka_unit_test(test_every_prefix_is_incomplete),
        cmocka_unit_test(test_refused_heads),
        cmocka_unit_test(test_nul_is_refused),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
