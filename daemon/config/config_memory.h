/* SPDX-License-Identifier: Apache-2.0
 *
 * Arena memory for configuration: small and bounded by the document, so running out of it ends the process as
 * xcalloc() does. Private to this folder.
 */
#ifndef CONFIG_CONFIG_MEMORY_H
#define CONFIG_CONFIG_MEMORY_H

#include "base/arena.h"
#include "base/memory.h"

static inline void *config_calloc(struct arena *a, size_t count, size_t size)
{
    void *p = arena_calloc(a, count ? count : 1, size ? size : 1);
    if (!p)
        memory_stop();
    return p;
}

static inline char *config_strndup(struct arena *a, const void *text, size_t len)
{
    char *p = arena_strndup(a, text, len);
    if (!p)
        memory_stop();
    return p;
}

#endif
