/* SPDX-License-Identifier: Apache-2.0
 *
 * CRC-32C: the SSE4.2 instruction when the processor has it (asked at run time), else eight tables that take
 * eight bytes a step.
 */
#include "journal/journal_crc32c.h"

#include <endian.h>
#include <pthread.h>
#include <string.h>

enum { TABLES = 8 };

static uint32_t tables[TABLES][256];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static void make_tables(void)
{
    const uint32_t polynomial = 0x82f63b78; /* reflected */
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ ((crc & 1) ? polynomial : 0);
        tables[0][byte] = crc;
    }
    for (int t = 1; t < TABLES; t++) {
        for (uint32_t byte = 0; byte < 256; byte++) {
            uint32_t before = tables[t - 1][byte];
            tables[t][byte] = (before >> 8) ^ tables[0][before & 0xff];
        }
    }
}

static uint64_t load_le64(const uint8_t *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof(word));
    return le64toh(word);
}

uint32_t journal_crc32c_portable(uint32_t crc, const void *data, size_t len)
{
    pthread_once(&tables_once, make_tables);
    const uint8_t *p = data;
    crc = ~crc;
    for (; len >= 8; p += 8, len -= 8) {
        uint64_t word = load_le64(p) ^ crc;
        crc = 0;
        for (int t = 0; t < TABLES; t++)
            crc ^= tables[TABLES - 1 - t][(word >> (8 * t)) & 0xff];
    }
    for (; len > 0; p++, len--)
        crc = (crc >> 8) ^ tables[0][(crc ^ *p) & 0xff];
    return ~crc;
}

#if defined(__x86_64__)

__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t crc, const uint8_t *p, size_t len)
{
    uint64_t wide = (uint32_t)~crc;
    for (; len >= 8; p += 8, len -= 8)
        wide = __builtin_ia32_crc32di(wide, load_le64(p));
    uint32_t narrow = (uint32_t)wide;
    for (; len > 0; p++, len--)
        narrow = __builtin_ia32_crc32qi(narrow, *p);
    return ~narrow;
}

uint32_t journal_crc32c(uint32_t crc, const void *data, size_t len)
{
    if (__builtin_cpu_supports("sse4.2"))
        return crc32c_sse42(crc, data, len);
    return journal_crc32c_portable(crc, data, len);
}

#else

uint32_t journal_crc32c(uint32_t crc, const void *data, size_t len)
{
    return journal_crc32c_portable(crc, data, len);
}

#endif
