/* SPDX-License-Identifier: Apache-2.0
 *
 * Segment files.
 *
 * Header:  0 magic "FBYSEG01", 8 base, 16 serial, 24 follows, 60 CRC-32C of the bytes before.
 * Footer:  the index (number and offset of the first record of each stride, 16 bytes each), then
 *          0 magic "FBYEND01", 8 serial, 16 last, 24 end, 32 newest time, 40 flags, 44 entries of the index,
 *          60 CRC-32C of index and footer.
 */
#include "journal/journal_segment.h"

#include "journal/journal_crc32c.h"
#include "journal/journal_file.h"
#include "journal/journal_format.h"
#include "journal/journal_record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

enum {
    AT_BASE = 8,
    AT_SERIAL = 16,
    AT_FOLLOWS = 24,
    AT_FOOTER_SERIAL = 8,
    AT_LAST = 16,
    AT_END = 24,
    AT_NEWEST = 32,
    AT_FLAGS = 40,
    AT_ENTRIES = 44,
    AT_CRC = 60,
    ENTRY = 16,
    FLAG_UNTIMED = 1,
    NAME_LEN = 20 + 1 + 16 + 4,
};

static const char header_magic[8] = "FBYSEG01";
static const char footer_magic[8] = "FBYEND01";
static const uint64_t base_limit = UINT64_C(1) << 62; /* a larger number is damage, and would run over */

static void note_place(struct journal_segment *s, uint64_t sequence, uint64_t offset)
{
    if (s->place_count == s->place_capacity) {
        s->place_capacity = s->place_capacity ? s->place_capacity * 2 : 16;
        s->places = xrealloc(s->places, s->place_capacity * sizeof(*s->places));
    }
    s->places[s->place_count++] = (struct journal_segment_place){sequence, offset};
}

static void format_name(struct journal_segment *s)
{
    snprintf(s->name, sizeof(s->name), "%020" PRIu64 "-%016" PRIx64 ".seg", s->base, s->serial);
}

static struct journal_segment_place start_of(const struct journal_segment *s)
{
    return (struct journal_segment_place){s->base, JOURNAL_SEGMENT_HEADER};
}

/* The newest of `count` entries, read by `get`, that is not past `sequence`. */
static struct journal_segment_place search(const uint8_t *index, size_t count, uint64_t sequence,
                                           struct journal_segment_place found)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t first = journal_format_get64(index + i * ENTRY);
        if (first > sequence)
            break;
        found = (struct journal_segment_place){first, journal_format_get64(index + i * ENTRY + 8)};
    }
    return found;
}

/* The bytes of a whole footer, index first, or NULL. The caller frees. */
static uint8_t *load_footer(const struct journal_segment *s, int fd, uint64_t start, size_t size)
{
    uint8_t *bytes = malloc(size);
    size_t got = 0;
    if (!bytes)
        return NULL;
    if (journal_file_read(fd, bytes, size, start, &got) != 0 || got < size)
        goto bad;
    const uint8_t *footer = bytes + size - JOURNAL_SEGMENT_FOOTER;
    if (memcmp(footer, footer_magic, sizeof(footer_magic)) != 0 ||
        journal_format_get32(footer + AT_CRC) != journal_crc32c(0, bytes, size - 4) ||
        journal_format_get64(footer + AT_FOOTER_SERIAL) != s->serial ||
        journal_format_get64(footer + AT_END) != start ||
        journal_format_get32(footer + AT_ENTRIES) != (size - JOURNAL_SEGMENT_FOOTER) / ENTRY)
        goto bad;
    return bytes;
bad:
    free(bytes);
    return NULL;
}

static bool read_footer_between(struct journal_segment *s, int fd, uint64_t start, uint64_t end_of_file)
{
    size_t size = (size_t)(end_of_file - start);
    uint8_t *bytes = load_footer(s, fd, start, size);
    if (!bytes)
        return false;
    const uint8_t *footer = bytes + size - JOURNAL_SEGMENT_FOOTER;
    s->last = journal_format_get64(footer + AT_LAST);
    s->end = start;
    s->newest_us = (int64_t)journal_format_get64(footer + AT_NEWEST);
    s->untimed = journal_format_get32(footer + AT_FLAGS) & FLAG_UNTIMED;
    free(bytes);
    return true;
}

struct journal_segment *journal_segment_create(uint64_t base, uint64_t serial, uint64_t follows)
{
    struct journal_segment *s = xcalloc(1, sizeof(*s));
    list_init(&s->link);
    s->base = base;
    s->serial = serial;
    s->follows = follows;
    s->last = s->append_last = base - 1;
    s->end = s->append_end = JOURNAL_SEGMENT_HEADER;
    format_name(s);
    return s;
}

void journal_segment_destroy(struct journal_segment *s)
{
    if (!s)
        return;
    free(s->places);
    free(s);
}

uint64_t journal_segment_next_serial(uint64_t highest)
{
    uint32_t mark = 0;
    while (mark == 0) { /* zeros are what an unwritten place holds */
        if (getrandom(&mark, sizeof(mark), 0) != (ssize_t)sizeof(mark))
            mark = (uint32_t)(highest >> 32) * 2654435761u + 1;
    }
    return ((highest >> 32) + 1) << 32 | mark;
}

bool journal_segment_parse_name(const char *name, uint64_t *base, uint64_t *serial)
{
    if (strlen(name) != NAME_LEN || name[20] != '-' || strcmp(name + NAME_LEN - 4, ".seg") != 0 ||
        strspn(name, "0123456789") != 20 || strspn(name + 21, "0123456789abcdef") != 16)
        return false;
    *base = strtoull(name, NULL, 10);
    *serial = strtoull(name + 21, NULL, 16);
    return *base > 0 && *base < base_limit;
}

void journal_segment_add_record(struct journal_segment *s, uint64_t sequence, size_t span,
                                int64_t appended_us)
{
    if (s->append_end >= JOURNAL_SEGMENT_HEADER + (s->place_count + 1) * (uint64_t)JOURNAL_SEGMENT_STRIDE)
        note_place(s, sequence, s->append_end);
    s->append_end += span;
    s->append_last = sequence;
    if (appended_us == 0)
        s->untimed = true;
    if (appended_us > s->newest_us)
        s->newest_us = appended_us;
}

void journal_segment_forget_places(struct journal_segment *s)
{
    free(s->places);
    s->places = NULL;
    s->place_count = s->place_capacity = 0;
}

uint64_t journal_segment_footer_reserve(uint64_t end)
{
    return JOURNAL_SEGMENT_FOOTER + (end / JOURNAL_SEGMENT_STRIDE + 1) * ENTRY;
}

void journal_segment_encode_header(const struct journal_segment *s, uint8_t header[JOURNAL_SEGMENT_HEADER])
{
    memset(header, 0, JOURNAL_SEGMENT_HEADER);
    memcpy(header, header_magic, sizeof(header_magic));
    journal_format_put64(header + AT_BASE, s->base);
    journal_format_put64(header + AT_SERIAL, s->serial);
    journal_format_put64(header + AT_FOLLOWS, s->follows);
    journal_format_put32(header + AT_CRC, journal_crc32c(0, header, AT_CRC));
}

void journal_segment_encode_footer(const struct journal_segment *s, struct buffer *out)
{
    uint8_t entry[ENTRY], footer[JOURNAL_SEGMENT_FOOTER] = {0};
    size_t start = out->len;
    for (size_t i = 0; i < s->place_count; i++) {
        journal_format_put64(entry, s->places[i].sequence);
        journal_format_put64(entry + 8, s->places[i].offset);
        buffer_add(out, entry, sizeof(entry));
    }
    memcpy(footer, footer_magic, sizeof(footer_magic));
    journal_format_put64(footer + AT_FOOTER_SERIAL, s->serial);
    journal_format_put64(footer + AT_LAST, s->append_last);
    journal_format_put64(footer + AT_END, s->append_end);
    journal_format_put64(footer + AT_NEWEST, (uint64_t)s->newest_us);
    journal_format_put32(footer + AT_FLAGS, s->untimed ? FLAG_UNTIMED : 0);
    journal_format_put32(footer + AT_ENTRIES, (uint32_t)s->place_count);
    buffer_add(out, footer, AT_CRC);
    if (out->failed)
        return;
    uint8_t crc[4];
    journal_format_put32(crc, journal_crc32c(0, out->data + start, out->len - start));
    buffer_add(out, crc, sizeof(crc));
}

bool journal_segment_read_header(struct journal_segment *s, int fd)
{
    uint8_t header[JOURNAL_SEGMENT_HEADER];
    size_t got = 0;
    if (journal_file_read(fd, header, sizeof(header), 0, &got) != 0 || got < sizeof(header) ||
        memcmp(header, header_magic, sizeof(header_magic)) != 0 ||
        journal_format_get32(header + AT_CRC) != journal_crc32c(0, header, AT_CRC))
        return false;
    uint64_t base = journal_format_get64(header + AT_BASE);
    if (base == 0 || base >= base_limit)
        return false;
    s->base = base;
    s->serial = journal_format_get64(header + AT_SERIAL);
    s->follows = journal_format_get64(header + AT_FOLLOWS);
    s->last = s->append_last = base - 1;
    return true;
}

bool journal_segment_read_footer(struct journal_segment *s, int fd, uint64_t end_of_file)
{
    uint8_t footer[JOURNAL_SEGMENT_FOOTER];
    size_t got = 0;
    if (end_of_file < JOURNAL_SEGMENT_HEADER + sizeof(footer) ||
        journal_file_read(fd, footer, sizeof(footer), end_of_file - sizeof(footer), &got) != 0 ||
        got < sizeof(footer) || memcmp(footer, footer_magic, sizeof(footer_magic)) != 0)
        return false;
    uint64_t start = journal_format_get64(footer + AT_END);
    uint64_t room = end_of_file - sizeof(footer);
    if (start < JOURNAL_SEGMENT_HEADER || start > room || room - start > journal_segment_footer_reserve(room))
        return false;
    return read_footer_between(s, fd, start, end_of_file);
}

bool journal_segment_read_footer_at(struct journal_segment *s, int fd, uint64_t offset, uint64_t end_of_file)
{
    uint8_t bytes[4096];
    uint64_t reserve = journal_segment_footer_reserve(offset);
    for (uint64_t at = offset; at <= offset + reserve; at += sizeof(bytes) - JOURNAL_SEGMENT_FOOTER) {
        size_t got = 0;
        if (journal_file_read(fd, bytes, sizeof(bytes), at, &got) != 0)
            return false;
        for (size_t i = 0; i + JOURNAL_SEGMENT_FOOTER <= got; i += 8) {
            if (memcmp(bytes + i, footer_magic, sizeof(footer_magic)) == 0 &&
                at + i + JOURNAL_SEGMENT_FOOTER <= end_of_file)
                return read_footer_between(s, fd, offset, at + i + JOURNAL_SEGMENT_FOOTER);
        }
    }
    return false;
}

struct journal_segment_place journal_segment_find_place(const struct journal_segment *s, int fd,
                                                        uint64_t sequence)
{
    struct journal_segment_place found = start_of(s);
    for (size_t i = 0; i < s->place_count && s->places[i].sequence <= sequence; i++)
        found = s->places[i];
    if (s->place_count > 0 || s->size <= s->end + JOURNAL_SEGMENT_FOOTER ||
        s->size - s->end > journal_segment_footer_reserve(s->end))
        return found;
    size_t size = (size_t)(s->size - s->end);
    uint8_t *bytes = load_footer(s, fd, s->end, size);
    if (!bytes)
        return found;
    found = search(bytes, (size - JOURNAL_SEGMENT_FOOTER) / ENTRY, sequence, found);
    free(bytes);
    return found;
}

int journal_segment_create_file(int dir_fd, const char *name, uint64_t size,
                                const uint8_t header[JOURNAL_SEGMENT_HEADER], int *fd)
{
    *fd = openat(dir_fd, name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    if (*fd < 0)
        return errno;
    int failure = journal_file_preallocate(*fd, size);
    if (failure == 0)
        failure = journal_file_write(*fd, header, JOURNAL_SEGMENT_HEADER, 0);
    if (failure == 0)
        failure = journal_file_sync(*fd);
    if (failure == 0)
        failure = journal_file_sync_directory(dir_fd);
    if (failure == 0)
        return 0;
    close(*fd);
    *fd = -1;
    unlinkat(dir_fd, name, 0);
    return failure;
}
