/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers as text, as short as reads back to the same value. No locale, no printf.
 */
#ifndef BASE_NUMBER_FORMAT_H
#define BASE_NUMBER_FORMAT_H

#include <stddef.h>
#include <stdint.h>

enum { NUMBER_FORMAT_MAX = 32 }; /* bytes that any of these may write; no NUL is written */

/* Each returns the number of bytes written to `text`. */
size_t number_format_uint64(uint64_t value, char *text);
size_t number_format_int64(int64_t value, char *text);
/* The last `count` digits of `value`, with zeros in front: exactly `count` bytes. */
void number_format_digits(uint64_t value, unsigned count, char *text);
/* Finite values only; JSON syntax: "1.5", negative zero as "-0.0", "1e+300" as "1e300". */
size_t number_format_double(double value, char *text);
size_t number_format_float(float value, char *text);

#endif
