/* SPDX-License-Identifier: Apache-2.0
 *
 * Plain libc calls, one place each, so that a fault shim sees every one.
 */
#include "journal/journal_file.h"

#include "base/mutant.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    OPEN_TRIES = 3,
    OPEN_PAUSE_US = 20000,
    INTERRUPTIONS_LIMIT = 1000, /* one after the other: a call that never does anything else is a failure */
};

/* Whether to call again. */
static bool is_interrupted(int error, unsigned *interruptions)
{
    return error == EINTR && ++*interruptions < INTERRUPTIONS_LIMIT;
}

int journal_file_open_patiently(int dir_fd, const char *name, int flags)
{
    for (int tries = 1;; tries++) {
        int fd = openat(dir_fd, name, flags | O_CLOEXEC);
        if (fd >= 0 || errno == ENOENT || tries == OPEN_TRIES)
            return fd;
        usleep(OPEN_PAUSE_US);
    }
}

int journal_file_read(int fd, void *data, size_t size, uint64_t offset, size_t *got)
{
    unsigned interruptions = 0;
    *got = 0;
    while (*got < size) {
        ssize_t n = pread(fd, (uint8_t *)data + *got, size - *got, (off_t)(offset + *got));
        if (n == 0)
            return 0;
        if (n > 0)
            *got += (size_t)n;
        else if (!is_interrupted(errno, &interruptions))
            return errno;
    }
    return 0;
}

int journal_file_write(int fd, const void *data, size_t size, uint64_t offset)
{
    struct iovec part = {(void *)(uintptr_t)data, size};
    return journal_file_write_parts(fd, &part, 1, offset);
}

int journal_file_write_parts(int fd, struct iovec *parts, size_t count, uint64_t offset)
{
    unsigned interruptions = 0;
    while (count > 0) {
        if (parts->iov_len == 0) {
            parts++;
            count--;
            continue;
        }
        ssize_t n = pwritev(fd, parts, (int)(count < IOV_MAX ? count : IOV_MAX), (off_t)offset);
        if (n < 0 && is_interrupted(errno, &interruptions))
            continue;
        if (n <= 0)
            return n < 0 ? errno : EIO;
        if (MUTANT(short_writes_are_whole))
            return 0;
        offset += (uint64_t)n;
        for (size_t left = (size_t)n; left > 0;) {
            size_t taken = left < parts->iov_len ? left : parts->iov_len;
            parts->iov_base = (uint8_t *)parts->iov_base + taken;
            parts->iov_len -= taken;
            left -= taken;
            if (parts->iov_len == 0) {
                parts++;
                count--;
            }
        }
    }
    return 0;
}

int journal_file_sync(int fd)
{
    int failure = fdatasync(fd) == 0 ? 0 : errno; /* never tried again: the second call would lie */
    if (failure && MUTANT(retry_sync))
        failure = fdatasync(fd) == 0 ? 0 : errno;
    return failure;
}

bool journal_file_has_name(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && st.st_nlink > 0;
}

int journal_file_sync_directory(int dir_fd)
{
    if (MUTANT(no_directory_sync))
        return 0;
    return fsync(dir_fd) == 0 ? 0 : errno;
}

int journal_file_preallocate(int fd, uint64_t size)
{
    int result;
    unsigned interruptions = 0;
    do {
        result = fallocate(fd, 0, 0, (off_t)size) == 0 ? 0 : errno;
    } while (is_interrupted(result, &interruptions));
    if (result == EOPNOTSUPP || result == ENOSYS)
        return ftruncate(fd, (off_t)size) == 0 ? 0 : errno;
    return result;
}
