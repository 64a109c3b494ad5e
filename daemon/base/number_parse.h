/* SPDX-License-Identifier: Apache-2.0
 *
 * Decimals to floating point, rounded right, at a cost that follows their length. No locale.
 */
#ifndef BASE_NUMBER_PARSE_H
#define BASE_NUMBER_PARSE_H

#include "base/bytes.h"

/* The double nearest to a number in JSON syntax (the caller has checked that it is one): the even one of two
 * that are as near. Infinite when it is too large. False: this needs more digits than are looked at here;
 * strtod() knows. */
bool number_parse_double(struct bytes text, double *out);

#endif
