/* SPDX-License-Identifier: Apache-2.0
 *
 * Proves that the HTTP upstream talks only to the server it can verify, and shows its own certificate,
 * against a TLS server that is not ours. Skipped where openssl or python3 is missing.
 */
#include "fake_host.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* The first members of the plugin's options; the others keep their defaults. */
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
};

static char directory[64];
static char ca[128], certificate[128], key[128], client[128], client_key[128];
static pid_t server;
static FILE *server_out;
static int server_in;
static char url[64];

static bool run(const char *command)
{
    char line[512];
    snprintf(line, sizeof line, "cd '%s' && { %s; } >/dev/null 2>&1", directory, command);
    return system(line) == 0;
}

static bool make_certificates(void)
{
    return run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "
               "/CN=test-ca "
               "-keyout ca.key -out ca.pem") &&
           run("openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=server -keyout "
               "server.key "
               "-out server.csr && printf 'subjectAltName=IP:127.0.0.1' > san && openssl x509 -req -in "
               "server.csr "
               "-CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile san -out server.pem") &&
           run("openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=gateway-7 -keyout "
               "client.key -out client.csr && openssl x509 -req -in client.csr -CA ca.pem -CAkey ca.key "
               "-CAcreateserial -days 2 -out client.pem");
}

static bool start_server(bool demand_client)
{
    int to[2], from[2];
    const char *srcdir = getenv("top_srcdir");
    char script[512];
    snprintf(script, sizeof script, "%s/tests/helpers/https_server.py", srcdir ? srcdir : ".");
    if (pipe(to) != 0 || pipe(from) != 0)
        return false;
    server = fork();
    if (server == 0) {
        dup2(to[0], 0);
        dup2(from[1], 1);
        close(to[0]);
        close(to[1]);
        close(from[0]);
        close(from[1]);
        execlp("python3", "python3", script, certificate, key, demand_client ? ca : NULL, (char *)NULL);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    server_in = to[1];
    server_out = fdopen(from[0], "r");
    int port = 0;
    if (!server_out || fscanf(server_out, "%d", &port) != 1 || fgetc(server_out) != '\n')
        return false;
    snprintf(url, sizeof url, "https://127.0.0.1:%d/in", port);
    return true;
}

static void stop_server(void)
{
    close(server_in);
    fclose(server_out);
    waitpid(server, NULL, 0);
}

static int setup(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/fby-tls-XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    snprintf(ca, sizeof ca, "%s/ca.pem", directory);
    snprintf(certificate, sizeof certificate, "%s/server.pem", directory);
    snprintf(key, sizeof key, "%s/server.key", directory);
    snprintf(client, sizeof client, "%s/client.pem", directory);
    snprintf(client_key, sizeof client_key, "%s/client.key", directory);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", directory);
    return system(command);
}

static struct fake_host *host_for(void)
{
    struct fake_host *h = fake_host_create("plugins/http/http.so");
    struct http_options *o = fake_host_options(h);
    o->url = url;
    o->batch.wait_ms = 0;
    return h;
}

static void expect(struct fake_host *h, enum fby_outcome outcome, const char *words)
{
    if (!fake_host_start(h))
        fail_msg("refused: %s", fake_host_refusal(h));
    assert_true(fake_host_send(h, 1, "hello"));
    assert_true(fake_host_wait_results(h, 1, 10000));
    const struct fake_result *r = fake_host_result(h, 0);
    if (r->outcome != outcome || !strstr(r->reason, words))
        fail_msg("outcome %d: %s", r->outcome, r->reason);
    fake_host_destroy(h);
}

static void verifies_the_server(void **state)
{
    (void)state;
    if (!make_certificates() || !start_server(false))
        skip();
    expect(host_for(), FBY_RETRY, "certificate");
    struct fake_host *h = host_for();
    ((struct http_options *)fake_host_options(h))->tls.ca = ca;
    expect(h, FBY_DELIVERED, "");
    h = host_for();
    ((struct http_options *)fake_host_options(h))->tls.insecure = true;
    expect(h, FBY_DELIVERED, "");
    stop_server();
}

static void shows_its_certificate(void **state)
{
    (void)state;
    if (!make_certificates() || !start_server(true))
        skip();
    struct fake_host *h = host_for();
    struct http_options *o = fake_host_options(h);
    o->tls.ca = ca;
    expect(h, FBY_RETRY, "no answer: ");
    h = host_for();
    o = fake_host_options(h);
    o->tls.ca = ca;
    o->tls.certificate = client;
    o->tls.key = client_key;
    expect(h, FBY_DELIVERED, "");
    char line[64];
    assert_non_null(fgets(line, sizeof line, server_out));
    assert_string_equal(line, "gateway-7 hello\n");
    stop_server();
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN); /* as the daemon does */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(verifies_the_server, setup, teardown),
        cmocka_unit_test_setup_teardown(shows_its_certificate, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
