/* SPDX-License-Identifier: Apache-2.0
 *
 * See sparkplug_wire.h.
 */
#include "sparkplug/sparkplug_wire.h"

#include "sparkplug/sparkplug_b.pb-c.h"

static struct sparkplug_wire of_integer(enum sparkplug_wire_form form, uint64_t integer)
{
    return (struct sparkplug_wire){.form = form, .integer = integer};
}

static struct sparkplug_wire of_number(enum sparkplug_wire_form form, double number)
{
    return (struct sparkplug_wire){.form = form, .number = number};
}

static struct sparkplug_wire of_boolean(bool boolean)
{
    return (struct sparkplug_wire){.form = SPARKPLUG_WIRE_BOOLEAN, .boolean = boolean};
}

static struct sparkplug_wire of_data(enum sparkplug_wire_form form, ProtobufCBinaryData data)
{
    return (struct sparkplug_wire){.form = form, .bytes = bytes_of(data.data, data.len)};
}

static const struct sparkplug_wire none = {.form = SPARKPLUG_WIRE_NONE};

/* What all four have, under names that differ in their prefix only. */
#define SCALAR_CASES(PREFIX, v)                                                                              \
    case PREFIX##_INT_VALUE:                                                                                 \
        return of_integer(SPARKPLUG_WIRE_INT, (v)->int_value);                                               \
    case PREFIX##_LONG_VALUE:                                                                                \
        return of_integer(SPARKPLUG_WIRE_LONG, (v)->long_value);                                             \
    case PREFIX##_FLOAT_VALUE:                                                                               \
        return of_number(SPARKPLUG_WIRE_FLOAT, (double)(v)->float_value);                                    \
    case PREFIX##_DOUBLE_VALUE:                                                                              \
        return of_number(SPARKPLUG_WIRE_DOUBLE, (v)->double_value);                                          \
    case PREFIX##_BOOLEAN_VALUE:                                                                             \
        return of_boolean((v)->boolean_value);                                                               \
    case PREFIX##_STRING_VALUE:                                                                              \
        return of_data(SPARKPLUG_WIRE_STRING, (v)->string_value)

struct sparkplug_wire sparkplug_wire_of_metric(const struct Spb__Metric *m)
{
    switch ((int)m->value_case) {
        SCALAR_CASES(SPB__METRIC__VALUE, m);
    case SPB__METRIC__VALUE_BYTES_VALUE:
        return of_data(SPARKPLUG_WIRE_BYTES, m->bytes_value);
    case SPB__METRIC__VALUE_DATASET_VALUE:
        return (struct sparkplug_wire){.form = SPARKPLUG_WIRE_DATASET, .dataset = m->dataset_value};
    case SPB__METRIC__VALUE_TEMPLATE_VALUE:
        return (struct sparkplug_wire){.form = SPARKPLUG_WIRE_TEMPLATE, .template = m->template_value};
    default:
        return none;
    }
}

struct sparkplug_wire sparkplug_wire_of_property(const struct Spb__PropertyValue *p)
{
    switch ((int)p->value_case) {
        SCALAR_CASES(SPB__PROPERTY_VALUE__VALUE, p);
    case SPB__PROPERTY_VALUE__VALUE_PROPERTYSET_VALUE:
        return (struct sparkplug_wire){.form = SPARKPLUG_WIRE_PROPERTY_SET, .set = p->propertyset_value};
    case SPB__PROPERTY_VALUE__VALUE_PROPERTYSETS_VALUE:
        return (struct sparkplug_wire){.form = SPARKPLUG_WIRE_PROPERTY_SETS, .sets = p->propertysets_value};
    default:
        return none;
    }
}

struct sparkplug_wire sparkplug_wire_of_parameter(const struct Spb__Parameter *p)
{
    switch ((int)p->value_case) {
        SCALAR_CASES(SPB__PARAMETER__VALUE, p);
    default:
        return none;
    }
}

struct sparkplug_wire sparkplug_wire_of_cell(const struct Spb__Cell *c)
{
    switch ((int)c->value_case) {
        SCALAR_CASES(SPB__CELL__VALUE, c);
    default:
        return none;
    }
}
