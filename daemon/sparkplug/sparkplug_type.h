/* SPDX-License-Identifier: Apache-2.0
 *
 * Datatypes of Sparkplug B. Rank 3.
 */
#ifndef SPARKPLUG_SPARKPLUG_TYPE_H
#define SPARKPLUG_SPARKPLUG_TYPE_H

#include "base/bytes.h"
#include "forebay/plugin.h"

/* The numbers of the specification (chapter 6.4.16). */
enum sparkplug_type {
    SPARKPLUG_UNKNOWN,
    SPARKPLUG_INT8,
    SPARKPLUG_INT16,
    SPARKPLUG_INT32,
    SPARKPLUG_INT64,
    SPARKPLUG_UINT8,
    SPARKPLUG_UINT16,
    SPARKPLUG_UINT32,
    SPARKPLUG_UINT64,
    SPARKPLUG_FLOAT,
    SPARKPLUG_DOUBLE,
    SPARKPLUG_BOOLEAN,
    SPARKPLUG_STRING,
    SPARKPLUG_DATETIME,
    SPARKPLUG_TEXT,
    SPARKPLUG_UUID,
    SPARKPLUG_DATASET,
    SPARKPLUG_BYTES,
    SPARKPLUG_FILE,
    SPARKPLUG_TEMPLATE,
    SPARKPLUG_PROPERTY_SET,
    SPARKPLUG_PROPERTY_SET_LIST,
    SPARKPLUG_INT8_ARRAY,
    SPARKPLUG_INT16_ARRAY,
    SPARKPLUG_INT32_ARRAY,
    SPARKPLUG_INT64_ARRAY,
    SPARKPLUG_UINT8_ARRAY,
    SPARKPLUG_UINT16_ARRAY,
    SPARKPLUG_UINT32_ARRAY,
    SPARKPLUG_UINT64_ARRAY,
    SPARKPLUG_FLOAT_ARRAY,
    SPARKPLUG_DOUBLE_ARRAY,
    SPARKPLUG_BOOLEAN_ARRAY,
    SPARKPLUG_STRING_ARRAY,
    SPARKPLUG_DATETIME_ARRAY,
    SPARKPLUG_TYPE_COUNT,
};

/* "Int32" and so on, the specification's words; "Unknown" for 0 and numbers that are none. */
const char *sparkplug_type_name(unsigned type);
/* SPARKPLUG_UNKNOWN: there is no such type. */
enum sparkplug_type sparkplug_type_find(struct bytes name);
/* Of an array's elements; SPARKPLUG_UNKNOWN: it is not an array. */
enum sparkplug_type sparkplug_type_element(unsigned type);
/* Of integers, floats and DateTime; 0: of others. */
unsigned sparkplug_type_bits(unsigned type);
bool sparkplug_type_is_signed(unsigned type);
bool sparkplug_type_is_integer(unsigned type); /* Int8 to UInt64; not DateTime */
/* The type that holds the value when nobody names one: Boolean, Int64, UInt64, Float or Double, String,
 * DateTime, Bytes; lists of one kind the array of it. SPARKPLUG_UNKNOWN: null, maps, mixed lists. */
enum sparkplug_type sparkplug_type_of(const struct fby_value *v);

#endif
