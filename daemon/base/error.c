/* SPDX-License-Identifier: Apache-2.0
 *
 * See error.h.
 */
#include "base/error.h"

#include <stdio.h>
#include <string.h>

const char *status_name(enum status s)
{
    static const char *const names[] = {
        [STATUS_OK] = "ok",
        [STATUS_END] = "end",
        [STATUS_BUSY] = "busy",
        [STATUS_FULL] = "full",
        [STATUS_NOT_FOUND] = "not found",
        [STATUS_INVALID] = "invalid",
        [STATUS_CORRUPT] = "corrupt",
        [STATUS_REFUSED] = "refused",
        [STATUS_LIMIT] = "limit reached",
        [STATUS_NO_MEMORY] = "out of memory",
        [STATUS_IO] = "i/o error",
        [STATUS_LOCKED] = "locked",
    };
    if ((size_t)s >= sizeof names / sizeof names[0] || !names[s])
        return "unknown";
    return names[s];
}

static void PRINTF_LIKE(3, 0)
    format_into(struct error *err, enum status code, const char *format, va_list args)
{
    err->code = code;
    vsnprintf(err->text, sizeof err->text, format, args);
}

enum status error_set(struct error *err, enum status code, const char *format, ...)
{
    if (!err)
        return code;
    va_list args;
    va_start(args, format);
    format_into(err, code, format, args);
    va_end(args);
    return code;
}

enum status error_set_errno(struct error *err, enum status code, int errno_value, const char *format, ...)
{
    if (!err)
        return code;
    va_list args;
    va_start(args, format);
    format_into(err, code, format, args);
    va_end(args);
    size_t len = strlen(err->text);
    snprintf(err->text + len, sizeof err->text - len, ": %s", strerror(errno_value));
    return code;
}

enum status error_wrap(struct error *err, const char *format, ...)
{
    if (!err)
        return STATUS_INVALID;
    struct error inner = *err;
    va_list args;
    va_start(args, format);
    format_into(err, inner.code, format, args);
    va_end(args);
    size_t len = strlen(err->text);
    snprintf(err->text + len, sizeof err->text - len, ": %s", inner.text);
    return inner.code;
}
