/* SPDX-License-Identifier: Apache-2.0
 *
 * CRC-32C (Castagnoli), the checksum of everything the journal writes.
 */
#ifndef JOURNAL_JOURNAL_CRC32C_H
#define JOURNAL_JOURNAL_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Checksum of `data`, continuing from `crc` (0 to begin). Uses the processor's instruction where it has one.
 */
uint32_t journal_crc32c(uint32_t crc, const void *data, size_t len);
/* The same by table, for processors without it; public so that tests can compare the two. */
uint32_t journal_crc32c_portable(uint32_t crc, const void *data, size_t len);

#endif
