/* SPDX-License-Identifier: Apache-2.0
 *
 * See durable_file.h.
 */
#include "base/durable_file.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool write_all(int fd, struct bytes content)
{
    while (content.len) {
        ssize_t n = write(fd, content.data, content.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        content = bytes_of(content.data + n, content.len - (size_t)n);
    }
    return true;
}

static bool write_new(const char *path, struct bytes content)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool ok = write_all(fd, content) && fsync(fd) == 0;
    int error = errno;
    close(fd); /* synced or given up: what it says is no matter */
    errno = error;
    return ok;
}

/* Whether the file holds this; then its bytes were synced before it got its name, which need not be durable
 * yet. */
static bool is_same(const char *path, struct bytes content)
{
    uint8_t chunk[512];
    struct bytes rest = content;
    ssize_t n = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    while ((n = read(fd, chunk, sizeof chunk)) > 0) {
        if ((size_t)n > rest.len || memcmp(chunk, rest.data, (size_t)n) != 0)
            break;
        rest = bytes_of(rest.data + n, rest.len - (size_t)n);
    }
    close(fd);
    return n == 0 && rest.len == 0;
}

/* A rename is undone by a power cut until its directory is synced. */
static bool sync_directory(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *directory = slash ? xstrndup(path, slash == path ? 1 : (size_t)(slash - path)) : xstrdup(".");
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(directory);
    if (fd < 0)
        return false;
    bool ok = fsync(fd) == 0;
    int error = errno;
    close(fd);
    errno = error;
    return ok;
}

enum status durable_file_replace(const char *path, struct bytes content, struct error *err)
{
    char *fresh = xasprintf("%s.new", path);
    enum status result = STATUS_OK;
    if (!is_same(path, content) && (!write_new(fresh, content) || rename(fresh, path) != 0)) {
        result = error_set_errno(err, STATUS_IO, errno, "cannot write %s", path);
        unlink(fresh);
    } else if (!sync_directory(path)) {
        result = error_set_errno(err, STATUS_IO, errno, "cannot sync the directory of %s", path);
    }
    free(fresh);
    return result;
}

enum status durable_file_read(const char *path, char *text, size_t size, struct error *err)
{
    size_t len = 0;
    ssize_t n = 1;
    text[0] = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return STATUS_NOT_FOUND;
    if (fd < 0)
        return error_set_errno(err, STATUS_IO, errno, "cannot read %s", path);
    while (len + 1 < size && n != 0) {
        n = read(fd, text + len, size - 1 - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            break;
        len += (size_t)n;
    }
    text[len] = 0;
    int error = errno;
    close(fd);
    return n < 0 ? error_set_errno(err, STATUS_IO, error, "cannot read %s", path) : STATUS_OK;
}
