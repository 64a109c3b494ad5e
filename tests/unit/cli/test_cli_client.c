/* SPDX-License-Identifier: Apache-2.0
 *
 * Proves that answers are taken apart, that damaged ones are refused, and what the client makes of a socket
 * where nobody, or somebody silent, is.
 */
#include "cli/cli_client.h"

#include "unit.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static enum status parse(struct cli_answer *a, const char *text, size_t len)
{
    struct error err;
    *a = (struct cli_answer){0};
    buffer_add(&a->text, text, len);
    return cli_answer_parse(a, &err);
}

static void test_answers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int status;
        const char *body;
    } cases[] = {
        {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello"},
        {"HTTP/1.1 422 No\r\ncontent-length:2\r\nX: y\r\n\r\nabc", 422, "ab"},
        {"HTTP/1.1 200 OK\r\nX: y\r\n\r\nto the end", 200, "to the end"},
        {"HTTP/1.1 204 \r\n\r\n", 204, ""},
        {"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\nx", 200, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cli_answer a;
        assert_int_equal(parse(&a, cases[i].text, strlen(cases[i].text)), STATUS_OK);
        assert_int_equal(a.status, cases[i].status);
        assert_true(bytes_equal(cli_answer_body(&a), bytes_of_text(cases[i].body)));
        cli_answer_finish(&a);
    }
}

static void test_damaged_answers(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nhello",
        "HTTP/1.0 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.0 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "HTTP/1.0 200 OK\r\n",
        "HTTP/1.0 2x0 OK\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.0\r\n\r\n",
        "SSH-2.0-x\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cli_answer a;
        if (parse(&a, cases[i], strlen(cases[i])) != STATUS_CORRUPT)
            fail_msg("%s", cases[i]);
        cli_answer_finish(&a);
    }
}

static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    strcpy(address.sun_path, path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 5), 0);
    return fd;
}

static void test_sockets(void **state)
{
    (void)state;
    char folder[] = "/tmp/forebay-test-XXXXXX", path[64], request[256] = {0};
    struct cli_answer a;
    struct error err;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/socket", folder);
    assert_int_equal(cli_client_request(path, "GET", "/", 1000, &a, &err), STATUS_NOT_FOUND);
    cli_answer_finish(&a);
    int server = listen_at(path);
    assert_int_equal(cli_client_request(path, "GET", "/", 50, &a, &err), STATUS_BUSY);
    cli_answer_finish(&a);
    close(accept(server, NULL, NULL));

    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int fd = accept(server, NULL, NULL);
        ssize_t n = read(fd, request, sizeof request - 1);
        static const char expected[] = "POST /reload HTTP/1.0\r\n", answer[] = "HTTP/1.0 200 OK\r\n\r\nfine";
        bool right = n > 0 && strncmp(request, expected, sizeof expected - 1) == 0;
        right = right && write(fd, answer, sizeof answer - 1) > 0;
        _exit(right ? 0 : 1);
    }
    assert_int_equal(cli_client_request(path, "POST", "/reload", 10000, &a, &err), STATUS_OK);
    assert_int_equal(a.status, 200);
    assert_true(bytes_equal(cli_answer_body(&a), bytes_of_text("fine")));
    cli_answer_finish(&a);
    int code;
    assert_int_equal(waitpid(child, &code, 0), child);
    assert_int_equal(code, 0);
    close(server);
    assert_int_equal(cli_client_request(path, "GET", "/", 1000, &a, &err), STATUS_NOT_FOUND);
    cli_answer_finish(&a);
    unlink(path);
    rmdir(folder);
}

static void test_path_too_long(void **state)
{
    (void)state;
    char path[300];
    struct cli_answer a;
    struct error err;
    memset(path, 'x', sizeof path);
    path[sizeof path - 1] = 0;
    assert_int_equal(cli_client_request(path, "GET", "/", 1000, &a, &err), STATUS_INVALID);
    cli_answer_finish(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_damaged_answers),
        cmocka_unit_test(test_sockets),
        cmocka_unit_test(test_path_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
