/* SPDX-License-Identifier: Apache-2.0
 *
 * Preloaded into a program under test: allocation number FAULT_AT (from 1) fails, and FAULT_COUNT - 1 more
 * (0: all that follow); pages that are mapped by the program itself are allocations too. FAULT_REPORT names a
 * file for the number of allocations, written at exit. glibc only.
 */
#undef _FILE_OFFSET_BITS /* both kinds of names are defined here */

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

static unsigned long at, count;
static atomic_ulong calls;
static atomic_bool started;

static unsigned long number_of(const char *name, unsigned long otherwise)
{
    const char *text = getenv(name);
    return text ? strtoul(text, NULL, 10) : otherwise;
}

__attribute__((constructor)) static void start(void)
{
    at = number_of("FAULT_AT", 0);
    count = number_of("FAULT_COUNT", 1);
    atomic_store(&started, true);
}

__attribute__((destructor)) static void report(void)
{
    const char *path = getenv("FAULT_REPORT");
    char text[32];
    if (!path || !atomic_exchange(&started, false))
        return;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    int len = snprintf(text, sizeof(text), "%lu\n", atomic_load(&calls));
    if (fd >= 0 && write(fd, text, (size_t)len) == len)
        close(fd);
}

static bool fails(void)
{
    if (!atomic_load_explicit(&started, memory_order_relaxed))
        return false;
    unsigned long number = atomic_fetch_add(&calls, 1) + 1;
    if (at == 0 || number < at || (count > 0 && number >= at + count))
        return false;
    errno = ENOMEM;
    return true;
}

EXPORT void *malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}

EXPORT void *calloc(size_t number, size_t size)
{
    return fails() ? NULL : __libc_calloc(number, size);
}

EXPORT void *realloc(void *old, size_t size)
{
    return fails() ? NULL : __libc_realloc(old, size);
}

EXPORT void *mmap64(void *address, size_t size, int protection, int flags, int fd, off64_t offset)
{
    if (flags & MAP_ANONYMOUS && fails())
        return MAP_FAILED;
#ifdef SYS_mmap2 /* 32-bit machines; it counts in 4 KiB */
    return (void *)syscall(SYS_mmap2, address, size, protection, flags, fd, (long)(offset >> 12));
#else
    return (void *)syscall(SYS_mmap, address, size, protection, flags, fd, offset);
#endif
}

EXPORT void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    return mmap64(address, size, protection, flags, fd, offset);
}
