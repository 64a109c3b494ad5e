/* SPDX-License-Identifier: Apache-2.0
 *
 * What the unset fields of a message look like, made when the schema is linked: a few bytes of payload can
 * stand for a message with hundreds of fields at their defaults, so those are copied by runs and not made one
 * by one. For the options that an operator gets without asking: original names, 64-bit integers as numbers,
 * enum names.
 */
#ifndef SCHEMA_SCHEMA_DEFAULTS_H
#define SCHEMA_SCHEMA_DEFAULTS_H

#include "schema/schema_link.h"
#include "schema/schema_type.h"

struct schema_defaults {
    const char *text;               /* ,"name":0 of all fields that are shown so, in their order */
    const struct fby_field *fields; /* the same as entries of a map */
    /* Where those of the field with this slot and of all later ones begin; one more than there are fields. */
    const struct schema_defaults_place {
        uint32_t text, field;
    } * places;
};

/* Give the type its defaults, unless they are few. All enums have been compiled. False: no memory. */
bool schema_defaults_make(struct schema_linker *l, struct schema_type *t);

/* Those of a type for these options, or NULL: make them one by one. */
static inline const struct schema_defaults *schema_defaults_of(const struct schema_type *t,
                                                               const struct schema_options *o)
{
    return o->original_names && o->int64_numbers && !o->enum_numbers ? t->defaults : NULL;
}

#endif
