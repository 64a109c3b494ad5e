/* SPDX-License-Identifier: Apache-2.0
 *
 * The message types of protobuf's own conformance tests, for fuzz targets.
 */
#ifndef FUZZ_TYPES_H
#define FUZZ_TYPES_H

#include "schema/schema.h"

#include <assert.h>

/* Stays for the life of the process. */
static inline const struct schema_registry *fuzz_types_registry(void)
{
    static const uint8_t messages_set[] = {
#include "tests/conformance/messages_set.inc" /* made by the build */
    };
    struct schema_registry *r = schema_registry_create();
    enum status status = schema_registry_add_set(r, "set", bytes_of(messages_set, sizeof messages_set), NULL);
    assert(status == STATUS_OK);
    status = schema_registry_link(r, NULL);
    assert(status == STATUS_OK);
    return r;
}

static inline const struct schema_type *fuzz_types_find(const struct schema_registry *r, const char *name)
{
    const struct schema_type *t = schema_registry_find(r, name, NULL);
    assert(t);
    return t;
}

#endif
