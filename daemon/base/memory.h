/* SPDX-License-Identifier: Apache-2.0
 *
 * Allocation of small control objects. They are few and bounded by the configuration, so running out of
 * memory for one stops the process with a message; memory sized by a payload is allocated with malloc and
 * checked instead.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>

/* How the process ends then: one line on stderr, and abort(). */
_Noreturn void memory_stop(void);

void *xcalloc(size_t count, size_t size);
void *xrealloc(void *old, size_t size);
char *xstrdup(const char *text);
char *xstrndup(const char *text, size_t len);
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define container_of(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))
#define array_count(a)                      (sizeof(a) / sizeof((a)[0]))

#endif
