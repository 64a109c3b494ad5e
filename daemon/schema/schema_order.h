/* SPDX-License-Identifier: Apache-2.0
 *
 * The records of a level in the order of their fields, for the wire walker.
 */
#ifndef SCHEMA_SCHEMA_ORDER_H
#define SCHEMA_SCHEMA_ORDER_H

#include "schema/schema_wire.h"

/* Sort by slot; stable, so that the order of occurrences stays. The work is in proportion to the records, or
 * to them and the logarithm of their number where the type has many more fields. False: no memory, and `r`
 * says so. */
bool schema_order_records(struct schema_reader *r, const struct schema_type *t, struct schema_record *records,
                          uint32_t count);

#endif
