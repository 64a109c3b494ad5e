/* SPDX-License-Identifier: Apache-2.0
 *
 * Metrics, properties, parameters and cells each have a oneof of their own; this is one struct for all four,
 * so that values are converted in one place. Private to daemon/sparkplug.
 */
#ifndef SPARKPLUG_SPARKPLUG_WIRE_H
#define SPARKPLUG_SPARKPLUG_WIRE_H

#include "base/bytes.h"

struct Spb__Cell;
struct Spb__DataSet;
struct Spb__Metric;
struct Spb__Parameter;
struct Spb__PropertySet;
struct Spb__PropertySetList;
struct Spb__PropertyValue;
struct Spb__Template;

enum sparkplug_wire_form {
    SPARKPLUG_WIRE_NONE, /* nothing is set, or an extension */
    SPARKPLUG_WIRE_INT,
    SPARKPLUG_WIRE_LONG,
    SPARKPLUG_WIRE_FLOAT,
    SPARKPLUG_WIRE_DOUBLE,
    SPARKPLUG_WIRE_BOOLEAN,
    SPARKPLUG_WIRE_STRING,
    SPARKPLUG_WIRE_BYTES,
    SPARKPLUG_WIRE_DATASET,
    SPARKPLUG_WIRE_TEMPLATE,
    SPARKPLUG_WIRE_PROPERTY_SET,
    SPARKPLUG_WIRE_PROPERTY_SETS,
};

struct sparkplug_wire {
    enum sparkplug_wire_form form;
    union {
        uint64_t integer; /* INT, LONG */
        double number;    /* FLOAT, DOUBLE */
        bool boolean;
        struct bytes bytes; /* STRING, BYTES */
        const struct Spb__DataSet *dataset;
        const struct Spb__Template *template;
        const struct Spb__PropertySet *set;
        const struct Spb__PropertySetList *sets;
    };
};

struct sparkplug_wire sparkplug_wire_of_metric(const struct Spb__Metric *m);
struct sparkplug_wire sparkplug_wire_of_property(const struct Spb__PropertyValue *p);
struct sparkplug_wire sparkplug_wire_of_parameter(const struct Spb__Parameter *p);
struct sparkplug_wire sparkplug_wire_of_cell(const struct Spb__Cell *c);

#endif
