/* SPDX-License-Identifier: Apache-2.0
 *
 * .proto sources to a descriptor set, by running protoc; only at load time. Its own messages, which carry
 * file:line:column, are passed on.
 */
#ifndef SCHEMA_SCHEMA_PROTOC_H
#define SCHEMA_SCHEMA_PROTOC_H

#include "base/bytes.h"
#include "base/error.h"
#include "forebay/plugin.h"

enum { SCHEMA_PROTOC_TIMEOUT_MS = 10000 };

/* Append the set to `set`, with source info if `comments`. Without include directories each file's own folder
 * is one. */
MUST_CHECK enum status schema_protoc_run(struct fby_strings sources, struct fby_strings include,
                                         bool comments, struct buffer *set, struct error *err);

#endif
