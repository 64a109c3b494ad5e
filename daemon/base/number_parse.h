/* SPDX-License-Identifier: Apache-2.0
 *
 * Decimals to floating point, rounded right, and to integers, exactly; at a cost that follows their length.
 * No locale.
 */
#ifndef BASE_NUMBER_PARSE_H
#define BASE_NUMBER_PARSE_H

#include "base/bytes.h"

/* The double nearest to a number in JSON syntax (the caller has checked that it is one): the even one of two
 * that are as near. Infinite when it is too large. False: this needs more digits than are looked at here;
 * strtod() knows. */
bool number_parse_double(struct bytes text, double *out);

/* Is this a number in JSON syntax, with nothing around it? */
bool number_is_json(struct bytes text);

enum number_integer { NUMBER_INTEGER, NUMBER_NOT_INTEGER, NUMBER_OUT_OF_RANGE };
/* The integer that a number in JSON syntax is, however it is written: 1500, 1.5e3, 1500.00. Every digit
 * counts, also where a double would not tell it from the next integer. `magnitude` and `negative` (never of
 * 0) are set for NUMBER_INTEGER; text that is no number is NUMBER_NOT_INTEGER, OUT_OF_RANGE is beyond 64
 * bits. */
enum number_integer number_parse_integer(struct bytes text, uint64_t *magnitude, bool *negative);

#endif
