/* SPDX-License-Identifier: Apache-2.0
 *
 * Hashes that say whether something a configuration depends on has changed since the last reading. They hold
 * within one process only. Rank 6.
 */
#ifndef GATEWAY_FINGERPRINT_H
#define GATEWAY_FINGERPRINT_H

#include <stdint.h>

/* The order counts. */
uint64_t gateway_fingerprint_join(uint64_t a, uint64_t b);
/* 0 for NULL. */
uint64_t gateway_fingerprint_text(const char *text);
/* Which file it is, its size and time of change; for a folder, of the files directly in it. 0 for NULL. */
uint64_t gateway_fingerprint_file(const char *path);

#endif
