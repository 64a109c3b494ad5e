/* SPDX-License-Identifier: Apache-2.0
 *
 * Small files that must survive a power cut as they were written: a new file beside the old one, synced,
 * renamed over it, and the directory synced. Blocks for as long as the disk takes.
 */
#ifndef BASE_DURABLE_FILE_H
#define BASE_DURABLE_FILE_H

#include "base/bytes.h"
#include "base/error.h"

/* Replace `path`, or do nothing when it holds `content` already; when it returns STATUS_OK the new content is
 * on stable storage, else the old one stands. */
MUST_CHECK enum status durable_file_replace(const char *path, struct bytes content, struct error *err);

/* At most `size` - 1 bytes of it, NUL-terminated. STATUS_NOT_FOUND: there is none; STATUS_IO: see `err`. */
MUST_CHECK enum status durable_file_read(const char *path, char *text, size_t size, struct error *err);

#endif
