/* SPDX-License-Identifier: Apache-2.0
 *
 * The admin server over real sockets: requests, late answers, streams, limits, hostile clients, socket files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "admin/admin_server.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "loop/loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct fixture {
    struct loop *loop;
    struct admin_server *server;
    char directory[64], path[96];
    struct admin_request *late, *stream; /* taken by a handler and not answered yet */
    int closed_streams;
    struct buffer answer;
};

static void handle_hello(void *ctx, struct admin_request *rq)
{
    (void)ctx;
    const char *name = admin_request_parameter(rq, "name");
    admin_reply_text(rq, 200, "hello %s", name ? name : "you");
}

static void handle_echo(void *ctx, struct admin_request *rq)
{
    (void)ctx;
    admin_reply(rq, 200, "application/octet-stream", admin_request_body(rq));
}

static void handle_path(void *ctx, struct admin_request *rq)
{
    (void)ctx;
    admin_reply_text(rq, 200, "path %s", admin_request_path(rq));
}

static void handle_late(void *ctx, struct admin_request *rq)
{
    struct fixture *f = ctx;
    f->late = rq;
}

static void handle_stream_closed(void *ctx)
{
    struct fixture *f = ctx;
    f->closed_streams++;
    f->stream = NULL;
}

static void handle_stream(void *ctx, struct admin_request *rq)
{
    struct fixture *f = ctx;
    f->stream = rq;
    admin_stream_start(rq, "application/x-ndjson", handle_stream_closed, f);
}

static void drop_line(void *ctx, enum log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    (void)line;
}

static int set_up(void **state)
{
    static struct fixture f;
    memset(&f, 0, sizeof f);
    log_set_sink(drop_line, NULL);
    strcpy(f.directory, "/tmp/forebay-admin-XXXXXX");
    if (!mkdtemp(f.directory))
        return -1;
    snprintf(f.path, sizeof f.path, "%s/control.sock", f.directory);
    f.loop = loop_create(NULL);
    f.server = admin_server_create(f.loop);
    admin_server_add(f.server, "GET", "/hello", ADMIN_PUBLIC, handle_hello, &f, "says hello");
    admin_server_add(f.server, "POST", "/echo", 0, handle_echo, &f, "gives the body back");
    admin_server_add(f.server, "POST", "/public-post", ADMIN_PUBLIC, handle_echo, &f, NULL);
    admin_server_add(f.server, "GET", "/late", 0, handle_late, &f, "answers later");
    admin_server_add(f.server, "GET", "/tap", 0, handle_stream, &f, "streams");
    admin_server_add(f.server, "GET", "/items/", 0, handle_path, &f, "everything below");
    admin_server_add(f.server, "DELETE", "/items/", 0, handle_path, &f, "everything below");
    struct error err;
    if (admin_server_listen_unix(f.server, f.path, &err) != STATUS_OK ||
        admin_server_listen_tcp(f.server, "127.0.0.1", 0, &err) != STATUS_OK)
        return -1;
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    admin_server_destroy(f->server);
    loop_destroy(f->loop);
    clock_fake_stop();
    buffer_finish(&f->answer);
    unlink(f->path);
    return rmdir(f->directory);
}

/* ---- A client ---- */

static int connect_unix(struct fixture *f)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, f->path, strlen(f->path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_true(connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    return fd;
}

static int connect_tcp(struct fixture *f)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)admin_server_tcp_port(f->server)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void turn(struct fixture *f, int times)
{
    for (int i = 0; i < times; i++)
        loop_turn(f->loop, 0);
}

static void send_bytes(struct fixture *f, int fd, const void *data, size_t len)
{
    const char *from = data;
    for (int tries = 0; len && tries < 100000; tries++) {
        ssize_t n = send(fd, from, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) {
            from += n;
            len -= (size_t)n;
        } else if (errno != EAGAIN) {
            return;
        }
        turn(f, 1);
    }
}

static void send_text(struct fixture *f, int fd, const char *text)
{
    send_bytes(f, fd, text, strlen(text));
}

/* Collect what comes until `until` is in it, or the server has closed (`until` NULL: only that). */
static const char *receive(struct fixture *f, int fd, const char *until)
{
    buffer_clear(&f->answer);
    for (int quiet = 0; quiet < 2000; quiet++) {
        loop_turn(f->loop, quiet > 3 ? 1 : 0);
        char piece[65536];
        ssize_t n = recv(fd, piece, sizeof piece, MSG_DONTWAIT);
        if (n == 0)
            break;
        if (n < 0 && errno != EAGAIN)
            break;
        if (n < 0)
            continue;
        quiet = 0;
        buffer_add(&f->answer, piece, (size_t)n);
        if (until && memmem(f->answer.data, f->answer.len, until, strlen(until)))
            break;
    }
    buffer_add_byte(&f->answer, 0);
    return (const char *)f->answer.data;
}

static const char *ask(struct fixture *f, int fd, const char *request)
{
    send_text(f, fd, request);
    shutdown(fd, SHUT_WR);
    const char *answer = receive(f, fd, NULL);
    close(fd);
    return answer;
}

#define assert_contains(text, part)                                                                          \
    do {                                                                                                     \
        if (!strstr(text, part))                                                                             \
            fail_msg("no \"%s\" in: %s", part, text);                                                        \
    } while (0)

/* ---- Requests ---- */

static void test_get_over_both_listeners(void **state)
{
    struct fixture *f = *state;
    static const char request[] = "GET /hello?name=world HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    const char *answer = ask(f, connect_unix(f), request);
    assert_contains(answer, "HTTP/1.1 200 OK\r\n");
    assert_contains(answer, "Content-Length: 11\r\n");
    assert_contains(answer, "\r\n\r\nhello world");
    assert_contains(ask(f, connect_tcp(f), request), "hello world");
}

static void test_pipelined_requests_are_answered_in_order(void **state)
{
    struct fixture *f = *state;
    int fd = connect_unix(f);
    send_text(f, fd,
              "GET /hello?name=1 HTTP/1.1\r\n\r\nPOST /echo HTTP/1.1\r\nContent-Length: 5\r\n\r\nabcde"
              "GET /hello?name=3 HTTP/1.1\r\nConnection: close\r\n\r\nGET /hello?name=4 HTTP/1.1\r\n\r\n");
    const char *answer = receive(f, fd, NULL);
    const char *first = strstr(answer, "hello 1"), *second = strstr(answer, "abcde"),
               *third = strstr(answer, "hello 3");
    assert_true(first && second && third && first < second && second < third);
    assert_null(strstr(answer, "hello 4"));
    close(fd);
}

static void test_request_in_single_bytes(void **state)
{
    struct fixture *f = *state;
    int fd = connect_unix(f);
    static const char request[] = "POST /echo HTTP/1.1\r\nContent-Length: 3\r\nConnection: close\r\n\r\nxyz";
    for (size_t i = 0; i < sizeof request - 1; i++) {
        send_bytes(f, fd, request + i, 1);
        turn(f, 2);
    }
    assert_contains(receive(f, fd, NULL), "\r\n\r\nxyz");
    close(fd);
}

static void test_large_body_there_and_back(void **state)
{
    struct fixture *f = *state;
    size_t len = 3 * 1024 * 1024;
    char *body = malloc(len);
    for (size_t i = 0; i < len; i++)
        body[i] = (char)('a' + i % 23);
    int fd = connect_unix(f);
    char head[128];
    snprintf(
        head, sizeof head,
        "POST /echo HTTP/1.1\r\nContent-Length: %zu\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n",
        len);
    send_text(f, fd, head);
    assert_contains(receive(f, fd, "\r\n\r\n"), "100 Continue");
    send_bytes(f, fd, body, len);
    receive(f, fd, NULL);
    assert_true(f->answer.len > len);
    assert_memory_equal(f->answer.data + f->answer.len - 1 - len, body, len);
    free(body);
    close(fd);
}

static void test_prefix_and_method(void **state)
{
    struct fixture *f = *state;
    assert_contains(ask(f, connect_unix(f), "GET /items/a%2Fb HTTP/1.1\r\n\r\n"), "path /items/a/b");
    assert_contains(ask(f, connect_unix(f), "DELETE /items/7 HTTP/1.1\r\n\r\n"), "path /items/7");
    const char *answer = ask(f, connect_unix(f), "POST /items/7 HTTP/1.1\r\n\r\n");
    assert_contains(answer, "HTTP/1.1 405 ");
    assert_contains(answer, "Allow: GET, DELETE\r\n");
    assert_contains(ask(f, connect_unix(f), "GET /items HTTP/1.1\r\n\r\n"), "HTTP/1.1 404 ");
}

static void test_unknown_path_lists_what_there_is(void **state)
{
    struct fixture *f = *state;
    const char *answer = ask(f, connect_unix(f), "GET /nothing HTTP/1.1\r\n\r\n");
    assert_contains(answer, "HTTP/1.1 404 ");
    assert_contains(answer, "POST   /echo");
    assert_contains(answer, "gives the body back");
}

static void test_late_answer(void **state)
{
    struct fixture *f = *state;
    int fd = connect_unix(f);
    send_text(f, fd, "GET /late HTTP/1.1\r\nConnection: close\r\n\r\n");
    turn(f, 5);
    assert_non_null(f->late);
    admin_reply_text(f->late, 202, "at last");
    const char *answer = receive(f, fd, NULL);
    assert_contains(answer, "HTTP/1.1 202 Accepted");
    assert_contains(answer, "at last");
    close(fd);
}

static void test_late_answer_to_nobody(void **state)
{
    struct fixture *f = *state;
    int fd = connect_unix(f);
    send_text(f, fd, "GET /late HTTP/1.1\r\n\r\n");
    turn(f, 5);
    close(fd);
    turn(f, 5);
    admin_reply_text(f->late, 200, "nobody reads it");
    turn(f, 5);
    /* The same when the server has gone. */
    fd = connect_unix(f);
    send_text(f, fd, "GET /late HTTP/1.1\r\n\r\n");
    turn(f, 5);
    admin_server_destroy(f->server);
    f->server = NULL;
    admin_reply_text(f->late, 200, "nobody reads it");
    close(fd);
}

/* ---- Streams ---- */

static void test_stream_is_chunked_and_ends(void **state)
{
    struct fixture *f = *state;
    int fd = connect_unix(f);
    send_text(f, fd, "GET /tap HTTP/1.1\r\n\r\n");
    turn(f, 5);
    assert_non_null(f->stream);
    admin_stream_send(f->stream, bytes_of_text("{\"a\":1}\n"));
    admin_stream_send(f->stream, bytes_of_text("")); /* must not end the stream */
    assert_contains(receive(f, fd, "}\n"), "8\r\n{\"a\":1}\n");
    admin_stream_send(f->stream, bytes_of_text("last"));
    admin_stream_end(f->stream);
    const char *answer = receive(f, fd, NULL);
    assert_contains(answer, "4\r\nlast\r\n0\r\n\r\n");
    assert_int_equal(f->closed_streams, 0);
    close(fd);
}

static void test_stream_to_http_1_0_is_plain(void **state)
{
    struct fixture *f = *state;
    int fd = connect_unix(f);
    send_text(f, fd, "GET /tap HTTP/1.0\r\n\r\n");
    turn(f, 5);
    admin_stream_send(f->stream, bytes_of_text("plain"));
    admin_stream_end(f->stream);
    assert_contains(receive(f, fd, NULL), "\r\n\r\nplain");
    close(fd);
}

static void test_client_that_leaves_ends_the_stream(void **state)
{
    struct fixture *f = *state;
    int fd = connect_unix(f);
    send_text(f, fd, "GET /tap HTTP/1.1\r\n\r\n");
    turn(f, 5);
    assert_non_null(f->stream);
    close(fd);
    turn(f, 5);
    assert_int_equal(f->closed_streams, 1);
}

static void test_client_that_does_not_read_is_cut_off(void **state)
{
    struct fixture *f = *state;
    clock_fake_start(0);
    int fd = connect_unix(f);
    send_text(f, fd, "GET /tap HTTP/1.1\r\n\r\n");
    turn(f, 5);
    char piece[1024];
    memset(piece, 'x', sizeof piece);
    for (int i = 0; i < 4096; i++) {
        admin_stream_send(f->stream, bytes_of(piece, sizeof piece));
        if (i % 64 == 0)
            turn(f, 1);
    }
    turn(f, 5);
    assert_true(admin_stream_backlog(f->stream) > 1024 * 1024);
    clock_fake_advance(31 * 1000000);
    turn(f, 2);
    assert_int_equal(f->closed_streams, 1);
    close(fd);
}

static void test_quiet_stream_stays_open(void **state)
{
    struct fixture *f = *state;
    clock_fake_start(0);
    int fd = connect_unix(f);
    send_text(f, fd, "GET /tap HTTP/1.1\r\n\r\n");
    turn(f, 5);
    receive(f, fd, "\r\n\r\n");
    clock_fake_advance(INT64_C(3600) * 1000000);
    turn(f, 2);
    assert_int_equal(f->closed_streams, 0);
    admin_stream_send(f->stream, bytes_of_text("still here"));
    assert_contains(receive(f, fd, "here"), "still here");
    close(fd);
}

static void test_destroying_the_server_closes_streams(void **state)
{
    struct fixture *f = *state;
    int fd = connect_unix(f);
    send_text(f, fd, "GET /tap HTTP/1.1\r\n\r\n");
    turn(f, 5);
    admin_server_destroy(f->server);
    f->server = NULL;
    assert_int_equal(f->closed_streams, 1);
    close(fd);
}

/* ---- Hostile clients ---- */

static void test_malformed_requests_get_clear_text(void **state)
{
    struct fixture *f = *state;
    const char *answer = ask(f, connect_unix(f), "NONSENSE\r\n\r\nGET /hello HTTP/1.1\r\n\r\n");
    assert_contains(answer, "HTTP/1.1 400 Bad Request");
    assert_contains(answer, "request line");
    assert_null(strstr(answer, "hello"));
    answer = ask(f, connect_unix(f), "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    assert_contains(answer, "HTTP/1.1 501 ");
    assert_contains(ask(f, connect_unix(f), "POST /echo HTTP/1.1\r\nContent-Length: 999999999\r\n\r\n"),
                    "at most 16 MiB");
}

static void test_endless_head_is_cut_off(void **state)
{
    struct fixture *f = *state;
    int fd = connect_unix(f);
    send_text(f, fd, "GET /hello HTTP/1.1\r\n");
    for (int i = 0; i < 1000; i++)
        send_text(f, fd, "X-Padding: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n");
    assert_contains(receive(f, fd, "KiB"), "HTTP/1.1 431 ");
    close(fd);
}

static void test_tcp_is_read_only(void **state)
{
    struct fixture *f = *state;
    assert_contains(ask(f, connect_tcp(f), "POST /public-post HTTP/1.1\r\n\r\n"), "HTTP/1.1 404 ");
    const char *answer = ask(f, connect_tcp(f), "GET /late HTTP/1.1\r\n\r\n");
    assert_contains(answer, "HTTP/1.1 404 ");
    assert_contains(answer, "/hello");
    assert_null(strstr(answer, "/echo"));
    assert_contains(ask(f, connect_tcp(f), "GET /hello HTTP/1.1\r\nContent-Length: 1\r\n\r\nx"), "no body");
    assert_contains(ask(f, connect_tcp(f), "GET /hello HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"),
                    "HTTP/1.1 501 ");
}

static void test_slow_clients_are_cut_off(void **state)
{
    struct fixture *f = *state;
    clock_fake_start(0);
    int silent = connect_tcp(f), slow = connect_tcp(f), body = connect_unix(f);
    send_text(f, slow, "GET /hel");
    send_text(f, body, "POST /echo HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc");
    turn(f, 10);
    for (int i = 0; i < 6; i++) { /* a byte now and then does not help */
        clock_fake_advance(2 * 1000000);
        send_text(f, slow, "l");
        turn(f, 2);
    }
    assert_contains(receive(f, slow, "time\n"), "HTTP/1.1 408 ");
    assert_string_equal(receive(f, silent, NULL), "");
    clock_fake_advance(61 * 1000000);
    turn(f, 2);
    assert_string_equal(receive(f, body, NULL), "");
    close(silent);
    close(slow);
    close(body);
}

static void test_connections_are_limited_for_each_listener(void **state)
{
    enum { COUNT = 40 };
    struct fixture *f = *state;
    int fds[COUNT];
    for (int i = 0; i < COUNT; i++) {
        fds[i] = connect_tcp(f);
        turn(f, 1);
    }
    assert_contains(receive(f, fds[COUNT - 1], NULL), "HTTP/1.1 503 ");
    /* The operator's way in is not blocked by them. */
    assert_contains(ask(f, connect_unix(f), "GET /hello HTTP/1.1\r\n\r\n"), "hello");
    for (int i = 0; i < COUNT; i++)
        close(fds[i]);
    turn(f, 10);
    assert_contains(ask(f, connect_tcp(f), "GET /hello HTTP/1.1\r\nConnection: close\r\n\r\n"), "hello");
}

/* Bytes at random after a valid beginning: nothing may crash, and the server must answer afterwards. */
static void test_random_bytes(void **state)
{
    struct fixture *f = *state;
    static const char *const beginnings[] = {"", "GET ", "GET /hello HTTP/1.1\r\n",
                                             "POST /echo HTTP/1.1\r\nContent-Length: "};
    uint32_t random = 7;
    for (int round = 0; round < 400; round++) {
        int fd = round % 2 ? connect_tcp(f) : connect_unix(f);
        send_text(f, fd, beginnings[round % 4]);
        char junk[200];
        for (size_t i = 0; i < sizeof junk; i++) {
            random = random * 1664525 + 1013904223;
            static const char common[] = "\r\n :/%?&=0a1";
            junk[i] = random >> 30 ? common[(random >> 16) % (sizeof common - 1)] : (char)(random >> 16);
        }
        send_bytes(f, fd, junk, (random >> 8) % sizeof junk);
        turn(f, 3);
        close(fd);
        turn(f, 2);
    }
    assert_contains(ask(f, connect_unix(f), "GET /hello HTTP/1.1\r\n\r\n"), "hello");
}

/* ---- Socket files ---- */

static void test_socket_file_has_its_mode_and_goes_away(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    assert_int_equal(stat(f->path, &st), 0);
    assert_true(S_ISSOCK(st.st_mode));
    assert_int_equal(st.st_mode & 07777, 0660);
    admin_server_destroy(f->server);
    f->server = NULL;
    assert_int_equal(stat(f->path, &st), -1);
}

static void test_live_socket_is_refused_and_stale_one_replaced(void **state)
{
    struct fixture *f = *state;
    struct admin_server *second = admin_server_create(f->loop);
    struct error err;
    assert_int_equal(admin_server_listen_unix(second, f->path, &err), STATUS_LOCKED);
    assert_non_null(strstr(err.text, f->path));
    assert_contains(ask(f, connect_unix(f), "GET /hello HTTP/1.1\r\n\r\n"), "hello");
    admin_server_destroy(f->server);
    f->server = second;
    /* What a killed process leaves. */
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, f->path, strlen(f->path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
    assert_int_equal(admin_server_listen_unix(second, f->path, &err), STATUS_OK);
    assert_contains(ask(f, connect_unix(f), "GET /x HTTP/1.1\r\n\r\n"), "404");
}

static void test_bad_places_to_listen(void **state)
{
    struct fixture *f = *state;
    struct error err;
    char file[128], long_path[256];
    snprintf(file, sizeof file, "%s/file", f->directory);
    FILE *stream = fopen(file, "w");
    assert_non_null(stream);
    fclose(stream);
    assert_int_equal(admin_server_listen_unix(f->server, file, &err), STATUS_REFUSED);
    assert_non_null(strstr(err.text, "not a socket"));
    assert_int_equal(access(file, F_OK), 0);
    unlink(file);
    memset(long_path, 'a', sizeof long_path - 1);
    long_path[0] = '/';
    long_path[sizeof long_path - 1] = 0;
    assert_int_equal(admin_server_listen_unix(f->server, long_path, &err), STATUS_INVALID);
    assert_int_equal(admin_server_listen_unix(f->server, "/nonexistent/dir/x.sock", &err), STATUS_IO);
    assert_int_equal(admin_server_listen_tcp(f->server, "not-an-address", 1, &err), STATUS_INVALID);
    assert_int_equal(admin_server_listen_tcp(f->server, "127.0.0.1", 70000, &err), STATUS_INVALID);
    assert_int_equal(admin_server_listen_tcp(f->server, "127.0.0.1", admin_server_tcp_port(f->server), &err),
                     STATUS_LOCKED);
    admin_server_destroy(NULL);
}

#define admin_test(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        admin_test(test_get_over_both_listeners),
        admin_test(test_pipelined_requests_are_answered_in_order),
        admin_test(test_request_in_single_bytes),
        admin_test(test_large_body_there_and_back),
        admin_test(test_prefix_and_method),
        admin_test(test_unknown_path_lists_what_there_is),
        admin_test(test_late_answer),
        admin_test(test_late_answer_to_nobody),
        admin_test(test_stream_is_chunked_and_ends),
        admin_test(test_stream_to_http_1_0_is_plain),
        admin_test(test_client_that_leaves_ends_the_stream),
        admin_test(test_client_that_does_not_read_is_cut_off),
        admin_test(test_quiet_stream_stays_open),
        admin_test(test_destroying_the_server_closes_streams),
        admin_test(test_malformed_requests_get_clear_text),
        admin_test(test_endless_head_is_cut_off),
        admin_test(test_tcp_is_read_only),
        admin_test(test_slow_clients_are_cut_off),
        admin_test(test_connections_are_limited_for_each_listener),
        admin_test(test_random_bytes),
        admin_test(test_socket_file_has_its_mode_and_goes_away),
        admin_test(test_live_socket_is_refused_and_stale_one_replaced),
        admin_test(test_bad_places_to_listen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
