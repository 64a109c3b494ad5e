/* SPDX-License-Identifier: Apache-2.0
 *
 * See file_name.h.
 */
#include "base/file_name.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

static int is_plain(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

char *file_name_escape(const char *name)
{
    char *text = xcalloc(strlen(name) * 3 + 1, 1), *out = text;
    for (const unsigned char *p = (const unsigned char *)name; *p; p++) {
        if (is_plain(*p))
            *out++ = (char)*p;
        else
            out += sprintf(out, "%%%02X", *p);
    }
    return text;
}
