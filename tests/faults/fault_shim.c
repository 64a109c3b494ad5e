/* SPDX-License-Identifier: Apache-2.0
 *
 * Preloaded into a program under test: the k-th call of one function below one directory fails, once or from
 * then on. By environment:
 *
 *   FAULT_DIRECTORY  only descriptors and names below it
 *   FAULT_EXCEPT     but not those below this one
 *   FAULT_CALL       write pwritev pread fdatasync fsync fallocate ftruncate rename unlink open mkdir link
 * flock close lseek statvfs readdir; create: open with O_CREAT; any: every one but those that only ask (pread
 * lseek statvfs readdir) FAULT_AT         which call, from 1; 0: only count FAULT_COUNT      how many calls
 * fail from there on; 0: all FAULT_WITH       EIO ENOSPC EINTR ENOMEM EMFILE SHORT (half of it is done) KILL
 * (SIGKILL before the call) FAULT_REPORT     file for the number of calls, written at exit
 */
#undef _FILE_OFFSET_BITS /* both kinds of names are defined here */

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

/* The function behind ours; its offsets have 64 bits on every machine. */
#define REAL(function, name)                                                                                 \
    do {                                                                                                     \
        if (!(function))                                                                                     \
            *(void **)&(function) = dlsym(RTLD_NEXT, name);                                                  \
    } while (0)

enum { WITH_SHORT = -1, WITH_KILL = -2 };

static char directory[PATH_MAX], except[PATH_MAX];
static char wanted[32];
static unsigned long at, count;
static int with;
static atomic_ulong calls;
static atomic_bool started;

/* The kernel, around the syscall() of this file. */
#define kernel(...) (find_syscall()(__VA_ARGS__))

static long (*find_syscall(void))(long, ...)
{
    static long (*real)(long, ...);
    REAL(real, "syscall");
    return real;
}

static int parse_with(const char *name)
{
    static const struct {
        const char *name;
        int value;
    } names[] = {{"EIO", EIO},       {"ENOSPC", ENOSPC},    {"EINTR", EINTR},    {"ENOMEM", ENOMEM},
                 {"EMFILE", EMFILE}, {"SHORT", WITH_SHORT}, {"KILL", WITH_KILL}, {NULL, 0}};
    for (int i = 0; name && names[i].name; i++) {
        if (strcmp(names[i].name, name) == 0)
            return names[i].value;
    }
    return EIO;
}

static unsigned long number_of(const char *name, unsigned long otherwise)
{
    const char *text = getenv(name);
    return text ? strtoul(text, NULL, 10) : otherwise;
}

__attribute__((constructor)) static void start(void)
{
    const char *path = getenv("FAULT_DIRECTORY"), *call = getenv("FAULT_CALL");
    if (!call)
        return;
    snprintf(directory, sizeof(directory), "%s", path ? path : "/");
    snprintf(except, sizeof(except), "%s", getenv("FAULT_EXCEPT") ? getenv("FAULT_EXCEPT") : "");
    snprintf(wanted, sizeof(wanted), "%s", call);
    at = number_of("FAULT_AT", 0);
    count = number_of("FAULT_COUNT", 1);
    with = parse_with(getenv("FAULT_WITH"));
    atomic_store(&started, true);
}

__attribute__((destructor)) static void report(void)
{
    const char *path = getenv("FAULT_REPORT");
    char text[32];
    if (!path || !atomic_exchange(&started, false))
        return;
    int fd = (int)kernel(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    int len = snprintf(text, sizeof(text), "%lu\n", atomic_load(&calls));
    if (fd >= 0 && kernel(SYS_write, fd, text, len) == len)
        close(fd);
}

static bool is_in(const char *path, const char *place)
{
    size_t len = strlen(place);
    return strncmp(path, place, len) == 0 && (len == 1 || path[len] == '/' || path[len] == '\0');
}

static bool is_below(const char *path)
{
    return is_in(path, directory) && !(except[0] && is_in(path, except));
}

static bool is_ours(int fd)
{
    char link[32], path[PATH_MAX];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof(path) - 1);
    if (len <= 0)
        return false;
    path[len] = '\0';
    return is_below(path);
}

static bool only_asks(const char *call)
{
    return strcmp(call, "pread") == 0 || strcmp(call, "lseek") == 0 || strcmp(call, "statvfs") == 0 ||
           strcmp(call, "readdir") == 0;
}

static bool is_wanted(const char *call)
{
    return atomic_load_explicit(&started, memory_order_relaxed) &&
           (strcmp(wanted, call) == 0 || (strcmp(wanted, "any") == 0 && !only_asks(call)));
}

/* 0: do it; an errno or WITH_SHORT: what shall happen instead. */
static int next(void)
{
    unsigned long number = atomic_fetch_add(&calls, 1) + 1;
    if (at == 0 || number < at || (count > 0 && number >= at + count))
        return 0;
    if (with == WITH_KILL)
        kernel(SYS_kill, getpid(), SIGKILL);
    return with;
}

static int fault_of(const char *call, int fd)
{
    if (!is_wanted(call))
        return 0;
    int saved = errno;
    int fault = is_ours(fd) ? next() : 0;
    errno = fault > 0 ? fault : saved;
    return fault;
}

static int fault_of_name(const char *call, int dir_fd, const char *name)
{
    if (!is_wanted(call))
        return 0;
    int saved = errno;
    int fault = (name[0] == '/' ? is_below(name) : is_ours(dir_fd)) ? next() : 0;
    errno = fault > 0 ? fault : saved;
    return fault;
}

static ssize_t write_or_fail(int fd, const void *data, size_t size)
{
    int fault = fault_of("write", fd);
    if (fault > 0)
        return -1;
    if (fault == WITH_SHORT && size > 1)
        size /= 2;
    return kernel(SYS_write, fd, data, size);
}

EXPORT ssize_t write(int fd, const void *data, size_t size)
{
    return write_or_fail(fd, data, size);
}

/* The daemon has a write() of its own, for its sockets; what is no socket it gives to the kernel this way. */
EXPORT long syscall(long number, ...)
{
    long a[6];
    va_list args;
    va_start(args, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(args, long);
    va_end(args);
    if (number == SYS_write)
        return write_or_fail((int)a[0], (const void *)a[1], (size_t)a[2]);
    return kernel(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

EXPORT ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
    static ssize_t (*real)(int, const void *, size_t, off64_t);
    REAL(real, "pwrite64");
    int fault = fault_of("write", fd);
    if (fault > 0)
        return -1;
    if (fault == WITH_SHORT && size > 1)
        size /= 2;
    return real(fd, data, size, offset);
}

EXPORT ssize_t pwritev64(int fd, const struct iovec *parts, int part_count, off64_t offset)
{
    static ssize_t (*real)(int, const struct iovec *, int, off64_t);
    REAL(real, "pwritev64");
    int fault = fault_of("pwritev", fd);
    if (fault > 0)
        return -1;
    struct iovec half = {parts->iov_base, parts->iov_len / 2};
    if (fault == WITH_SHORT && part_count > 0 && half.iov_len > 0)
        return real(fd, &half, 1, offset);
    return real(fd, parts, part_count, offset);
}

EXPORT ssize_t pread64(int fd, void *data, size_t size, off64_t offset)
{
    static ssize_t (*real)(int, void *, size_t, off64_t);
    REAL(real, "pread64");
    int fault = fault_of("pread", fd);
    if (fault > 0)
        return -1;
    if (fault == WITH_SHORT && size > 1)
        size /= 2;
    return real(fd, data, size, offset);
}

EXPORT int fdatasync(int fd)
{
    return fault_of("fdatasync", fd) > 0 ? -1 : (int)kernel(SYS_fdatasync, fd);
}

EXPORT int fsync(int fd)
{
    return fault_of("fsync", fd) > 0 ? -1 : (int)kernel(SYS_fsync, fd);
}

EXPORT int fallocate64(int fd, int mode, off64_t offset, off64_t len)
{
    static int (*real)(int, int, off64_t, off64_t);
    REAL(real, "fallocate64");
    return fault_of("fallocate", fd) > 0 ? -1 : real(fd, mode, offset, len);
}

EXPORT int ftruncate64(int fd, off64_t len)
{
    static int (*real)(int, off64_t);
    REAL(real, "ftruncate64");
    return fault_of("ftruncate", fd) > 0 ? -1 : real(fd, len);
}

EXPORT int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    if (fault_of_name("rename", to_fd, to) > 0)
        return -1;
    return (int)kernel(SYS_renameat2, from_fd, from, to_fd, to, 0);
}

EXPORT int rename(const char *from, const char *to)
{
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

EXPORT int unlinkat(int dir_fd, const char *name, int flags)
{
    if (fault_of_name("unlink", dir_fd, name) > 0)
        return -1;
    return (int)kernel(SYS_unlinkat, dir_fd, name, flags);
}

EXPORT int unlink(const char *name)
{
    return unlinkat(AT_FDCWD, name, 0);
}

EXPORT int openat(int dir_fd, const char *name, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, int) : 0;
    va_end(args);
    bool creates = flags & O_CREAT && strcmp(wanted, "create") == 0;
    if (fault_of_name(creates ? "create" : "open", dir_fd, name) > 0)
        return -1;
    return (int)kernel(SYS_openat, dir_fd, name, flags, mode);
}

EXPORT int open(const char *name, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, int) : 0;
    va_end(args);
    return openat(AT_FDCWD, name, flags, mode);
}

EXPORT int mkdirat(int dir_fd, const char *name, mode_t mode)
{
    if (fault_of_name("mkdir", dir_fd, name) > 0)
        return -1;
    return (int)kernel(SYS_mkdirat, dir_fd, name, mode);
}

EXPORT int mkdir(const char *name, mode_t mode)
{
    return mkdirat(AT_FDCWD, name, mode);
}

EXPORT int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
    if (fault_of_name("link", to_fd, to) > 0)
        return -1;
    return (int)kernel(SYS_linkat, from_fd, from, to_fd, to, flags);
}

EXPORT int flock(int fd, int operation)
{
    return fault_of("flock", fd) > 0 ? -1 : (int)kernel(SYS_flock, fd, operation);
}

/* As the kernel does it: the descriptor is gone, whatever it says. */
EXPORT int close(int fd)
{
    int fault = fault_of("close", fd);
    int result = (int)kernel(SYS_close, fd);
    if (fault > 0) {
        errno = fault;
        return -1;
    }
    return result;
}

/* Streams of libc do not call what is replaced here, so those of our files are made of it. */
static ssize_t read_stream(void *cookie, char *data, size_t size)
{
    return kernel(SYS_read, (int)(intptr_t)cookie, data, size);
}

static ssize_t write_stream(void *cookie, const char *data, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = write_or_fail((int)(intptr_t)cookie, data + done, size - done);
        if (n <= 0)
            return 0;
        done += (size_t)n;
    }
    return (ssize_t)size;
}

static int close_stream(void *cookie)
{
    return close((int)(intptr_t)cookie);
}

EXPORT FILE *fopen(const char *restrict name, const char *restrict mode)
{
    static FILE *(*real)(const char *, const char *);
    REAL(real, "fopen");
    if (!atomic_load(&started) || !is_below(name) || !strchr("rw", mode[0]))
        return real(name, mode);
    int flags = mode[0] == 'r' ? O_RDONLY : O_WRONLY | O_CREAT | O_TRUNC;
    int fd = open(name, flags | O_CLOEXEC, 0666);
    if (fd < 0)
        return NULL;
    return fopencookie(
        (void *)(intptr_t)fd, mode[0] == 'r' ? "r" : "w",
        (cookie_io_functions_t){.read = read_stream, .write = write_stream, .close = close_stream});
}

EXPORT off64_t lseek64(int fd, off64_t offset, int whence)
{
    static off64_t (*real)(int, off64_t, int);
    REAL(real, "lseek64");
    return fault_of("lseek", fd) > 0 ? -1 : real(fd, offset, whence);
}

EXPORT int fstatvfs64(int fd, struct statvfs64 *v)
{
    static int (*real)(int, struct statvfs64 *);
    REAL(real, "fstatvfs64");
    return fault_of("statvfs", fd) > 0 ? -1 : real(fd, v);
}

EXPORT struct dirent64 *readdir64(DIR *dir)
{
    static struct dirent64 *(*real)(DIR *);
    REAL(real, "readdir64");
    return fault_of("readdir", dirfd(dir)) > 0 ? NULL : real(dir);
}

EXPORT int openat64(int, const char *, int, ...) __attribute__((alias("openat")));
EXPORT int open64(const char *, int, ...) __attribute__((alias("open")));
EXPORT FILE *fopen64(const char *restrict, const char *restrict) __attribute__((alias("fopen")));

/* Where offsets have 64 bits by nature, the plain names are in use. */
#if __SIZEOF_LONG__ == 8
EXPORT ssize_t pwrite(int, const void *, size_t, off_t) __attribute__((alias("pwrite64")));
EXPORT ssize_t pwritev(int, const struct iovec *, int, off_t) __attribute__((alias("pwritev64")));
EXPORT ssize_t pread(int, void *, size_t, off_t) __attribute__((alias("pread64")));
EXPORT int fallocate(int, int, off_t, off_t) __attribute__((alias("fallocate64")));
EXPORT int ftruncate(int, off_t) __attribute__((alias("ftruncate64")));
EXPORT off_t lseek(int, off_t, int) __attribute__((alias("lseek64")));

EXPORT int fstatvfs(int fd, struct statvfs *v)
{
    return fstatvfs64(fd, (struct statvfs64 *)(void *)v);
}

EXPORT struct dirent *readdir(DIR *dir)
{
    return (struct dirent *)(void *)readdir64(dir);
}
#endif
