/* SPDX-License-Identifier: Apache-2.0
 *
 * Outcomes that a caller acts on (enum status) and, where a person will read it, the words (struct error).
 * Rank 1: everybody includes it. Who returns an error does not log it; who handles it logs it once.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>

#define MUST_CHECK           __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, va) __attribute__((format(printf, fmt, va)))

enum status {
    STATUS_OK = 0,
    STATUS_END,  /* nothing more at present */
    STATUS_BUSY, /* keep it, wait to be told, try again */
    STATUS_FULL, /* a configured limit or the disk is full */
    STATUS_NOT_FOUND,
    STATUS_INVALID, /* the input is wrong and stays wrong */
    STATUS_CORRUPT, /* stored bytes are damaged */
    STATUS_REFUSED, /* the other side said no */
    STATUS_LIMIT,   /* a bound on work or memory was reached */
    STATUS_NO_MEMORY,
    STATUS_IO,     /* the system refused; the text has errno's words */
    STATUS_LOCKED, /* another process uses it */
};

struct error {
    enum status code;
    char text[1000];
};

/* A short English name such as "busy"; never NULL. */
const char *status_name(enum status s);

/* Fill `err` (may be NULL) and return `code`, so that `return error_set(…)` reads well. */
enum status error_set(struct error *err, enum status code, const char *format, ...) PRINTF_LIKE(3, 4);

/* The same with ": " and the words of `errno_value` behind the text. */
enum status error_set_errno(struct error *err, enum status code, int errno_value, const char *format, ...)
    PRINTF_LIKE(4, 5);

/* Put the formatted text and ": " before what `err` says; returns err's code. */
enum status error_wrap(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
