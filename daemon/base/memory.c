/* SPDX-License-Identifier: Apache-2.0
 *
 * See memory.h.
 */
#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void memory_stop(void)
{
    fputs("<2>forebay: out of memory for a control object, stopping; the service manager starts it again\n",
          stderr);
    abort();
}

static void *must(void *p)
{
    if (!p)
        memory_stop();
    return p;
}

void *xcalloc(size_t count, size_t size)
{
    return must(calloc(count ? count : 1, size ? size : 1));
}

void *xrealloc(void *old, size_t size)
{
    return must(realloc(old, size ? size : 1));
}

char *xstrdup(const char *text)
{
    return must(strdup(text));
}

char *xstrndup(const char *text, size_t len)
{
    size_t used = strnlen(text, len); /* strndup() may be checked as if the text had to end with a NUL */
    char *copy = must(malloc(used + 1));
    memcpy(copy, text, used);
    copy[used] = 0;
    return copy;
}

char *xasprintf(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int n = vasprintf(&text, format, args);
    va_end(args);
    return must(n < 0 ? NULL : text);
}
