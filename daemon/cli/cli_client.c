/* SPDX-License-Identifier: Apache-2.0
 *
 * See cli_client.h.
 */
#include "cli/cli_client.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { ANSWER_SIZE_MAX = 64 << 20, READ_SIZE = 64 * 1024 };

/* ---- The answer ---- */

struct bytes cli_answer_body(const struct cli_answer *answer)
{
    return bytes_of(answer->text.data + answer->body_offset, answer->text.len - answer->body_offset);
}

void cli_answer_finish(struct cli_answer *answer)
{
    buffer_finish(&answer->text);
}

/* "HTTP/1.x NNN …" */
static bool parse_status_line(const char *text, size_t len, int *status)
{
    if (len < 12 || memcmp(text, "HTTP/1.", 7) != 0 || text[8] != ' ')
        return false;
    *status = 0;
    for (size_t i = 9; i < 12; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *status = *status * 10 + (text[i] - '0');
    }
    return *status >= 100;
}

/* The value of Content-Length in one header line; -1: another header, -2: no number. */
static long long parse_length(const char *line, size_t len)
{
    static const char name[] = "content-length:";
    size_t name_len = sizeof name - 1;
    if (len < name_len || strncasecmp(line, name, name_len) != 0)
        return -1;
    long long value = 0;
    size_t digits = 0, at = name_len;
    while (at < len && line[at] == ' ')
        at++;
    for (; at < len && line[at] >= '0' && line[at] <= '9' && digits < 12; at++, digits++)
        value = value * 10 + (line[at] - '0');
    return digits && at == len ? value : -2;
}

enum status cli_answer_parse(struct cli_answer *answer, struct error *err)
{
    const char *text = (const char *)answer->text.data;
    const char *end = text ? memmem(text, answer->text.len, "\r\n\r\n", 4) : NULL;
    long long length = -1;
    if (!end || !parse_status_line(text, (size_t)(end - text), &answer->status))
        return error_set(err, STATUS_CORRUPT, "the answer is not HTTP");
    answer->body_offset = (size_t)(end - text) + 4;
    for (const char *line = text; line < end && length == -1;) {
        const char *next = memmem(line, (size_t)(end + 2 - line), "\r\n", 2);
        length = parse_length(line, (size_t)(next - line));
        line = next + 2;
    }
    size_t found = answer->text.len - answer->body_offset;
    if (length < -1 || (length >= 0 && (size_t)length > found))
        return error_set(err, STATUS_CORRUPT, "the answer was cut off");
    if (length >= 0)
        answer->text.len = answer->body_offset + (size_t)length;
    return STATUS_OK;
}

/* ---- The socket ---- */

static enum status connect_to(const char *path, int *fd, struct error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return error_set(err, STATUS_INVALID, "the path %s is too long for a socket", path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return error_set_errno(err, STATUS_IO, errno, "no socket");
    if (connect(*fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return STATUS_OK;
    bool denied = errno == EACCES || errno == EPERM;
    return error_set_errno(err, denied ? STATUS_REFUSED : STATUS_NOT_FOUND, errno, "%s", path);
}

static enum status send_all(int fd, struct bytes text, struct error *err)
{
    while (text.len) {
        ssize_t n = send(fd, text.data, text.len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_set_errno(err, STATUS_IO, errno, "the request cannot be sent");
        text = bytes_of(text.data + n, text.len - (size_t)n);
    }
    return STATUS_OK;
}

/* False when the time is over. */
static bool wait_readable(int fd, int64_t deadline_us)
{
    for (;;) {
        int64_t left_ms = (deadline_us - clock_monotonic_us()) / 1000;
        if (left_ms <= 0)
            return false;
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int n = poll(&p, 1, left_ms > 60000 ? 60000 : (int)left_ms);
        if (n > 0 || (n < 0 && errno != EINTR))
            return true;
    }
}

static enum status receive_all(int fd, int64_t deadline_us, struct buffer *text, struct error *err)
{
    text->limit = ANSWER_SIZE_MAX;
    for (;;) {
        if (!wait_readable(fd, deadline_us))
            return error_set(err, STATUS_BUSY, "there is no answer yet");
        if (!buffer_reserve(text, READ_SIZE))
            return error_set(err, STATUS_LIMIT, "the answer is too large");
        ssize_t n = read(fd, text->data + text->len, READ_SIZE);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_set_errno(err, STATUS_IO, errno, "the answer cannot be read");
        if (n == 0)
            return STATUS_OK;
        text->len += (size_t)n;
    }
}

enum status cli_client_request(const char *socket_path, const char *method, const char *path, int timeout_ms,
                               struct cli_answer *answer, struct error *err)
{
    int64_t deadline_us = clock_monotonic_us() + (int64_t)timeout_ms * 1000;
    struct buffer request = {0};
    int fd = -1;
    *answer = (struct cli_answer){0};
    buffer_add_format(&request, "%s %s HTTP/1.0\r\nHost: localhost\r\n", method, path);
    buffer_add_text(&request, strcmp(method, "POST") == 0 ? "Content-Length: 0\r\n\r\n" : "\r\n");
    enum status s = connect_to(socket_path, &fd, err);
    if (s == STATUS_OK)
        s = send_all(fd, buffer_bytes(&request), err);
    if (s == STATUS_OK)
        s = receive_all(fd, deadline_us, &answer->text, err);
    if (s == STATUS_OK)
        s = cli_answer_parse(answer, err);
    if (fd >= 0)
        close(fd);
    buffer_finish(&request);
    return s;
}
