/* SPDX-License-Identifier: Apache-2.0
 *
 * See file_log.h.
 */
#include "file_log.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LOCK_TRIES = 100, LOCK_WAIT_MS = 10, TAIL_MAX = 32 << 20, CHUNK = 64 << 10, ROTATE_PAUSE_S = 60 };

struct file_log {
    struct file_log_settings settings;
    char *path;             /* settings.path */
    char *directory;        /* of the path */
    int fd;                 /* -1: not open */
    bool regular;           /* else a FIFO or a device: no size, lock or repair */
    off_t size;             /* up to here everything is whole lines, and flushed if `sync` */
    int64_t rotate_after_s; /* monotonic; after a rotation that failed: do not try before */
    char note[256];
    bool noted;
};

static bool fail(struct fby_error *err, int errno_value, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool fail(struct fby_error *err, int errno_value, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    if (n >= 0 && (size_t)n < sizeof err->text)
        snprintf(err->text + n, sizeof err->text - (size_t)n, ": %s", strerror(errno_value));
    return false;
}

static void set_note(struct file_log *log, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void set_note(struct file_log *log, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(log->note, sizeof log->note, format, args);
    va_end(args);
    log->noted = true;
}

static void close_file(struct file_log *log)
{
    if (log->fd >= 0)
        close(log->fd); /* gives the lock back */
    log->fd = -1;
}

/* ---- Opening ---- */

static bool make_directories(char *path)
{
    for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        int result = mkdir(path, 0750);
        *slash = '/';
        if (result != 0 && errno != EEXIST)
            return false;
    }
    return mkdir(path, 0750) == 0 || errno == EEXIST;
}

/* A new or renamed name is on the disk only when its directory is. */
static bool sync_directory(const struct file_log *log)
{
    if (!log->settings.sync)
        return true;
    int fd = open(log->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool done = fsync(fd) == 0;
    int saved = errno;
    close(fd);
    errno = saved;
    return done;
}

/* The instance before this one may still be waiting for the disk; two writers would cut into each other's
 * lines. */
static bool lock_file(int fd)
{
    for (int i = 0; i < LOCK_TRIES; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return true;
        if (errno != EWOULDBLOCK && errno != EINTR)
            return false;
        nanosleep(&(struct timespec){.tv_nsec = LOCK_WAIT_MS * 1000000L}, NULL);
    }
    errno = EWOULDBLOCK;
    return false;
}

/* The end of the last whole line; -1 and errno (0: no newline within reach). */
static off_t find_line_end(int fd, off_t size)
{
    char *chunk = malloc(CHUNK);
    off_t end = size;
    off_t found = -1;
    while (chunk && end > 0 && size - end < TAIL_MAX) {
        off_t start = end > CHUNK ? end - CHUNK : 0;
        ssize_t n = pread(fd, chunk, (size_t)(end - start), start);
        if (n != (ssize_t)(end - start)) {
            errno = n < 0 ? errno : EIO;
            free(chunk);
            return -1;
        }
        const char *newline = memrchr(chunk, '\n', (size_t)n);
        if (newline) {
            found = start + (newline - chunk) + 1;
            break;
        }
        end = start;
    }
    free(chunk);
    if (found < 0 && end == 0)
        found = 0;
    errno = chunk ? 0 : ENOMEM;
    return found;
}

/* A crash in the middle of a write leaves half a line, which the host sends again. */
static bool repair_tail(struct file_log *log, struct fby_error *err)
{
    off_t end = find_line_end(log->fd, log->size);
    if (end < 0 && errno == 0) {
        snprintf(err->text, sizeof err->text,
                 "%s ends with more than %d MiB without a newline: not a file of lines. Choose another path",
                 log->path, TAIL_MAX >> 20);
        return false;
    }
    if (end < 0)
        return fail(err, errno, "%s cannot be read", log->path);
    if (end == log->size)
        return true;
    if (ftruncate(log->fd, end) != 0)
        return fail(err, errno, "the incomplete last line of %s cannot be removed", log->path);
    set_note(log, "removed an incomplete last line of %lld bytes from %s", (long long)(log->size - end),
             log->path);
    log->size = end;
    return true;
}

static bool adopt_file(struct file_log *log, struct fby_error *err)
{
    struct stat st;
    if (fstat(log->fd, &st) != 0)
        return fail(err, errno, "%s cannot be examined", log->path);
    log->regular = S_ISREG(st.st_mode);
    log->size = st.st_size;
    if (!log->regular)
        return true;
    if (!lock_file(log->fd))
        return errno == EWOULDBLOCK
                   ? fail(err, errno, "%s is written by another process or upstream", log->path)
                   : fail(err, errno, "%s cannot be locked", log->path);
    if (fstat(log->fd, &st) != 0)
        return fail(err, errno, "%s cannot be examined", log->path);
    log->size = st.st_size; /* what the one before wrote until it gave the lock back */
    if (!repair_tail(log, err))
        return false;
    if (!sync_directory(log))
        return fail(err, errno, "the directory %s cannot be flushed", log->directory);
    return true;
}

bool file_log_open(struct file_log *log, struct fby_error *err)
{
    if (log->fd >= 0)
        return true;
    int flags = O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY;
    log->fd = open(log->path, O_RDWR | flags, log->settings.mode);
    if (log->fd < 0 && errno == ENOENT && make_directories(log->directory))
        log->fd = open(log->path, O_RDWR | flags, log->settings.mode);
    if (log->fd < 0)
        return fail(err, errno, "%s cannot be opened", log->path);
    if (adopt_file(log, err))
        return true;
    close_file(log);
    return false;
}

/* ---- Rotation ---- */

static bool rename_step(const struct file_log *log, int64_t from, int64_t to)
{
    char old[4200], new[4200];
    if (from == 0)
        snprintf(old, sizeof old, "%s", log->path);
    else
        snprintf(old, sizeof old, "%s.%lld", log->path, (long long)from);
    snprintf(new, sizeof new, "%s.%lld", log->path, (long long)to);
    return rename(old, new) == 0 || errno == ENOENT;
}

/* Those that an earlier, larger `keep` left. */
static void remove_surplus(const struct file_log *log)
{
    char path[4200];
    int64_t number = log->settings.keep;
    do {
        number++;
        snprintf(path, sizeof path, "%s.%lld", log->path, (long long)number);
    } while (unlink(path) == 0);
}

static int64_t monotonic_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

static bool rotate(struct file_log *log, struct fby_error *err)
{
    for (int64_t i = log->settings.keep; i-- > 0;)
        if (!rename_step(log, i, i + 1)) {
            set_note(log, "%s cannot be rotated (%s); it grows beyond its size", log->path, strerror(errno));
            log->rotate_after_s = monotonic_s() + ROTATE_PAUSE_S;
            return true;
        }
    remove_surplus(log);
    close_file(log);
    return file_log_open(log, err); /* flushes the directory */
}

static bool may_rotate(const struct file_log *log)
{
    return log->settings.rotate_size > 0 && log->regular && monotonic_s() >= log->rotate_after_s;
}

/* ---- Writing ---- */

/* logrotate and operators move or truncate files without telling. */
static bool follow_outside_changes(struct file_log *log, struct fby_error *err)
{
    struct stat own, there;
    if (log->fd >= 0 && fstat(log->fd, &own) == 0) {
        bool same = stat(log->path, &there) == 0 && there.st_dev == own.st_dev && there.st_ino == own.st_ino;
        if (!same) {
            set_note(log, "%s was moved or removed by somebody else; a new one is begun", log->path);
            close_file(log);
        } else {
            log->size = own.st_size;
        }
    }
    return file_log_open(log, err);
}

/* Back to whole, flushed lines. If even that fails, opening it again repairs it. */
static void take_back(struct file_log *log)
{
    if (log->regular && ftruncate(log->fd, log->size) != 0)
        close_file(log);
}

static bool append(struct file_log *log, const char *bytes, size_t len, struct fby_error *err)
{
    size_t written = 0;
    while (written < len) {
        ssize_t n = write(log->fd, bytes + written, len - written);
        if (n < 0 && errno == EINTR)
            continue;
        if (n > 0) {
            written += (size_t)n;
            continue;
        }
        int saved = n < 0 ? errno : ENOSPC;
        take_back(log);
        return fail(err, saved, "%s cannot be written", log->path);
    }
    return true;
}

static bool flush(struct file_log *log, struct fby_error *err)
{
    if (!log->settings.sync || !log->regular || fdatasync(log->fd) == 0)
        return true;
    /* The kernel now calls these pages clean although the disk may not have them, and a second flush would
     * succeed. Cutting them off and writing the lines anew makes new dirty pages, which is what counts. */
    int saved = errno;
    take_back(log);
    close_file(log);
    return fail(err, saved, "%s cannot be flushed to the disk", log->path);
}

/* How many of the lines from `first` the present file takes; 0: rotate before. */
static size_t count_fitting(const struct file_log *log, const struct file_lines *lines, size_t first)
{
    if (!may_rotate(log))
        return lines->count - first;
    size_t start = first ? lines->items[first - 1].end : 0;
    size_t n = 0;
    while (first + n < lines->count &&
           log->size + (off_t)(lines->items[first + n].end - start) <= log->settings.rotate_size)
        n++;
    return n == 0 && log->size == 0 ? 1 : n; /* a line longer than the limit has a file for itself */
}

size_t file_log_write(struct file_log *log, const struct file_lines *lines, struct fby_error *err)
{
    size_t done = 0;
    if (!follow_outside_changes(log, err))
        return 0;
    while (done < lines->count) {
        size_t n = count_fitting(log, lines, done);
        if (n == 0) {
            if (!rotate(log, err))
                return done;
            continue;
        }
        size_t start = done ? lines->items[done - 1].end : 0;
        size_t len = lines->items[done + n - 1].end - start;
        if (!append(log, lines->bytes + start, len, err) || !flush(log, err))
            return done;
        log->size += (off_t)len;
        done += n;
    }
    return done;
}

const char *file_log_take_note(struct file_log *log)
{
    if (!log->noted)
        return NULL;
    log->noted = false;
    return log->note;
}

void file_log_destroy(struct file_log *log)
{
    if (!log)
        return;
    close_file(log);
    free(log->path);
    free(log->directory);
    free(log);
}

struct file_log *file_log_create(const struct file_log_settings *settings)
{
    struct file_log *log = calloc(1, sizeof *log);
    if (!log)
        return NULL;
    log->fd = -1;
    log->settings = *settings;
    log->path = strdup(settings->path);
    char *copy = strdup(settings->path);
    log->directory = copy ? strdup(dirname(copy)) : NULL;
    free(copy);
    log->settings.path = log->path;
    if (log->path && log->directory)
        return log;
    file_log_destroy(log);
    return NULL;
}
