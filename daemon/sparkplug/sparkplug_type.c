/* SPDX-License-Identifier: Apache-2.0
 *
 * See sparkplug_type.h.
 */
#include "sparkplug/sparkplug_type.h"

static const char *const names[SPARKPLUG_TYPE_COUNT] = {
    [SPARKPLUG_UNKNOWN] = "Unknown",
    [SPARKPLUG_INT8] = "Int8",
    [SPARKPLUG_INT16] = "Int16",
    [SPARKPLUG_INT32] = "Int32",
    [SPARKPLUG_INT64] = "Int64",
    [SPARKPLUG_UINT8] = "UInt8",
    [SPARKPLUG_UINT16] = "UInt16",
    [SPARKPLUG_UINT32] = "UInt32",
    [SPARKPLUG_UINT64] = "UInt64",
    [SPARKPLUG_FLOAT] = "Float",
    [SPARKPLUG_DOUBLE] = "Double",
    [SPARKPLUG_BOOLEAN] = "Boolean",
    [SPARKPLUG_STRING] = "String",
    [SPARKPLUG_DATETIME] = "DateTime",
    [SPARKPLUG_TEXT] = "Text",
    [SPARKPLUG_UUID] = "UUID",
    [SPARKPLUG_DATASET] = "DataSet",
    [SPARKPLUG_BYTES] = "Bytes",
    [SPARKPLUG_FILE] = "File",
    [SPARKPLUG_TEMPLATE] = "Template",
    [SPARKPLUG_PROPERTY_SET] = "PropertySet",
    [SPARKPLUG_PROPERTY_SET_LIST] = "PropertySetList",
    [SPARKPLUG_INT8_ARRAY] = "Int8Array",
    [SPARKPLUG_INT16_ARRAY] = "Int16Array",
    [SPARKPLUG_INT32_ARRAY] = "Int32Array",
    [SPARKPLUG_INT64_ARRAY] = "Int64Array",
    [SPARKPLUG_UINT8_ARRAY] = "UInt8Array",
    [SPARKPLUG_UINT16_ARRAY] = "UInt16Array",
    [SPARKPLUG_UINT32_ARRAY] = "UInt32Array",
    [SPARKPLUG_UINT64_ARRAY] = "UInt64Array",
    [SPARKPLUG_FLOAT_ARRAY] = "FloatArray",
    [SPARKPLUG_DOUBLE_ARRAY] = "DoubleArray",
    [SPARKPLUG_BOOLEAN_ARRAY] = "BooleanArray",
    [SPARKPLUG_STRING_ARRAY] = "StringArray",
    [SPARKPLUG_DATETIME_ARRAY] = "DateTimeArray",
};

const char *sparkplug_type_name(unsigned type)
{
    return names[type < SPARKPLUG_TYPE_COUNT ? type : SPARKPLUG_UNKNOWN];
}

enum sparkplug_type sparkplug_type_find(struct bytes name)
{
    for (unsigned i = 1; i < SPARKPLUG_TYPE_COUNT; i++)
        if (bytes_equal(name, bytes_of_text(names[i])))
            return (enum sparkplug_type)i;
    return SPARKPLUG_UNKNOWN;
}

enum sparkplug_type sparkplug_type_element(unsigned type)
{
    static const uint8_t elements[SPARKPLUG_TYPE_COUNT] = {
        [SPARKPLUG_INT8_ARRAY] = SPARKPLUG_INT8,         [SPARKPLUG_INT16_ARRAY] = SPARKPLUG_INT16,
        [SPARKPLUG_INT32_ARRAY] = SPARKPLUG_INT32,       [SPARKPLUG_INT64_ARRAY] = SPARKPLUG_INT64,
        [SPARKPLUG_UINT8_ARRAY] = SPARKPLUG_UINT8,       [SPARKPLUG_UINT16_ARRAY] = SPARKPLUG_UINT16,
        [SPARKPLUG_UINT32_ARRAY] = SPARKPLUG_UINT32,     [SPARKPLUG_UINT64_ARRAY] = SPARKPLUG_UINT64,
        [SPARKPLUG_FLOAT_ARRAY] = SPARKPLUG_FLOAT,       [SPARKPLUG_DOUBLE_ARRAY] = SPARKPLUG_DOUBLE,
        [SPARKPLUG_BOOLEAN_ARRAY] = SPARKPLUG_BOOLEAN,   [SPARKPLUG_STRING_ARRAY] = SPARKPLUG_STRING,
        [SPARKPLUG_DATETIME_ARRAY] = SPARKPLUG_DATETIME,
    };
    return type < SPARKPLUG_TYPE_COUNT ? (enum sparkplug_type)elements[type] : SPARKPLUG_UNKNOWN;
}

unsigned sparkplug_type_bits(unsigned type)
{
    static const uint8_t bits[SPARKPLUG_TYPE_COUNT] = {
        [SPARKPLUG_INT8] = 8,   [SPARKPLUG_INT16] = 16,  [SPARKPLUG_INT32] = 32,    [SPARKPLUG_INT64] = 64,
        [SPARKPLUG_UINT8] = 8,  [SPARKPLUG_UINT16] = 16, [SPARKPLUG_UINT32] = 32,   [SPARKPLUG_UINT64] = 64,
        [SPARKPLUG_FLOAT] = 32, [SPARKPLUG_DOUBLE] = 64, [SPARKPLUG_DATETIME] = 64,
    };
    return type < SPARKPLUG_TYPE_COUNT ? bits[type] : 0;
}

bool sparkplug_type_is_signed(unsigned type)
{
    return type >= SPARKPLUG_INT8 && type <= SPARKPLUG_INT64;
}

bool sparkplug_type_is_integer(unsigned type)
{
    return type >= SPARKPLUG_INT8 && type <= SPARKPLUG_UINT64;
}

static enum sparkplug_type array_of(enum sparkplug_type element)
{
    for (unsigned i = SPARKPLUG_INT8_ARRAY; i < SPARKPLUG_TYPE_COUNT; i++)
        if (sparkplug_type_element(i) == element)
            return (enum sparkplug_type)i;
    return SPARKPLUG_UNKNOWN;
}

static enum sparkplug_type scalar_of(const struct fby_value *v)
{
    switch (v->type) {
    case FBY_BOOL:
        return SPARKPLUG_BOOLEAN;
    case FBY_INT:
        return SPARKPLUG_INT64;
    case FBY_UINT:
        return SPARKPLUG_UINT64;
    case FBY_DOUBLE:
        return v->flags & FBY_FLAG_FLOAT32 ? SPARKPLUG_FLOAT : SPARKPLUG_DOUBLE;
    case FBY_STRING:
        return SPARKPLUG_STRING;
    case FBY_TIME:
        return SPARKPLUG_DATETIME;
    case FBY_BYTES:
        return SPARKPLUG_BYTES;
    default:
        return SPARKPLUG_UNKNOWN;
    }
}

enum sparkplug_type sparkplug_type_of(const struct fby_value *v)
{
    if (v->type != FBY_LIST)
        return scalar_of(v);
    enum sparkplug_type element = v->len ? scalar_of(&v->items[0]) : SPARKPLUG_UNKNOWN;
    for (uint32_t i = 1; i < v->len; i++)
        if (scalar_of(&v->items[i]) != element)
            return SPARKPLUG_UNKNOWN;
    return element == SPARKPLUG_UNKNOWN ? SPARKPLUG_UNKNOWN : array_of(element);
}
