/* SPDX-License-Identifier: Apache-2.0
 *
 * See schema_builtin.h. The bytes are made by protoc during the build.
 */
#include "schema/schema_builtin.h"

static const uint8_t set[] = {
#include "schema/schema_builtin_set.inc"
};

struct bytes schema_builtin_set(void)
{
    return bytes_of(set, sizeof set);
}
