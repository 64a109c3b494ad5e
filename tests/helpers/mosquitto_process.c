/* SPDX-License-Identifier: Apache-2.0
 *
 * See mosquitto_process.h.
 */
#include "mosquitto_process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *program(void)
{
    static const char *const paths[] = {"/usr/sbin/mosquitto", "/usr/bin/mosquitto",
                                        "/usr/local/sbin/mosquitto"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        if (access(paths[i], X_OK) == 0)
            return paths[i];
    return NULL;
}

static void fail(const char *what)
{
    fprintf(stderr, "mosquitto process: %s: %s\n", what, strerror(errno));
    abort();
}

bool mosquitto_process_is_available(void)
{
    return program() != NULL;
}

static int open_socket(struct sockaddr_in *address, int port)
{
    *address = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        fail("socket");
    return fd;
}

static int find_port(void)
{
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    int fd = open_socket(&address, 0);
    if (bind(fd, (struct sockaddr *)&address, len) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        fail("bind");
    close(fd);
    return ntohs(address.sin_port);
}

void mosquitto_process_init(struct mosquitto_process *p)
{
    strcpy(p->directory, "/tmp/fby-mosquitto-XXXXXX");
    if (!mkdtemp(p->directory))
        fail("mkdtemp");
    p->port = find_port();
    p->pid = 0;
}

static void write_configuration(const struct mosquitto_process *p, const char *path, const char *lines)
{
    FILE *file = fopen(path, "we");
    if (!file)
        fail(path);
    fprintf(file, "listener %d 127.0.0.1\n", p->port);
    for (const char *at = lines; *at; at++) {
        if (at[0] == '%' && at[1] == 's') {
            fputs(p->directory, file);
            at++;
        } else {
            fputc(*at, file);
        }
    }
    if (getuid() == 0)
        fputs("\nuser root\n", file); /* it reads the test's files */
    fclose(file);
}

static void wait_for_port(const struct mosquitto_process *p)
{
    for (int i = 0; i < 500; i++) {
        struct sockaddr_in address;
        int fd = open_socket(&address, p->port);
        int result = connect(fd, (struct sockaddr *)&address, sizeof address);
        close(fd);
        if (result == 0)
            return;
        usleep(10000);
    }
    fail("no answer from mosquitto");
}

void mosquitto_process_start(struct mosquitto_process *p, const char *configuration)
{
    char path[100], log_path[100];
    snprintf(path, sizeof path, "%s/mosquitto.conf", p->directory);
    snprintf(log_path, sizeof log_path, "%s/mosquitto.log", p->directory);
    write_configuration(p, path, configuration);
    p->pid = fork();
    if (p->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM); /* nothing stays behind when the test is ended */
        int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND, 0600);
        dup2(log, STDOUT_FILENO);
        dup2(log, STDERR_FILENO);
        execl(program(), "mosquitto", "-c", path, (char *)NULL);
        _exit(127);
    }
    wait_for_port(p);
}

void mosquitto_process_stop(struct mosquitto_process *p)
{
    if (p->pid <= 0)
        return;
    kill(p->pid, SIGTERM);
    waitpid(p->pid, NULL, 0);
    p->pid = 0;
}

void mosquitto_process_run(const struct mosquitto_process *p, const char *command)
{
    char line[2000];
    snprintf(line, sizeof line, "cd %s && { %s ; } >>run.log 2>&1", p->directory, command);
    if (system(line) != 0)
        fail(command);
}

void mosquitto_process_finish(struct mosquitto_process *p)
{
    char line[100];
    mosquitto_process_stop(p);
    snprintf(line, sizeof line, "rm -rf '%s'", p->directory);
    if (system(line) != 0)
        fail(line);
}
