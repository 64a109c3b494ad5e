/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers and times of Sparkplug B as bits: two's complement of the type's width, IEEE 754, milliseconds
 * since 1970. Private to daemon/sparkplug.
 */
#ifndef SPARKPLUG_SPARKPLUG_NUMBER_H
#define SPARKPLUG_SPARKPLUG_NUMBER_H

#include "forebay/plugin.h"
#include "sparkplug/sparkplug_type.h"

/* `type` is an integer, a float or DateTime; bits above its width are ignored. */
struct fby_value sparkplug_number_from_bits(uint64_t bits, enum sparkplug_type type);
/* Of a value that fits (sparkplug_number_fits), in the width of the type. */
uint64_t sparkplug_number_to_bits(const struct fby_value *v, enum sparkplug_type type);
/* Whether the type can hold the value exactly; floats hold any number. */
bool sparkplug_number_fits(const struct fby_value *v, enum sparkplug_type type);
/* Whether an integer field of the wire with this width (32 or 64) holds a number of the type: narrow ones are
 * there sign-extended or cut to their own width. */
bool sparkplug_number_is_of_type(uint64_t bits, unsigned field_bits, enum sparkplug_type type);

struct fby_value sparkplug_number_time(uint64_t ms); /* FBY_TIME */

#endif
