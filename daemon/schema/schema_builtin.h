/* SPDX-License-Identifier: Apache-2.0
 *
 * The files of google.protobuf that protoc ships, as a descriptor set inside the program: a set that imports
 * google/protobuf/timestamp.proto and was made without it still loads.
 */
#ifndef SCHEMA_SCHEMA_BUILTIN_H
#define SCHEMA_SCHEMA_BUILTIN_H

#include "base/bytes.h"

struct bytes schema_builtin_set(void);

#endif
