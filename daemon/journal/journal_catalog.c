/* SPDX-License-Identifier: Apache-2.0
 *
 * See journal_catalog.h.
 */
#include "journal/journal_catalog.h"

#include "base/memory.h"
#include "base/mutant.h"
#include "journal/journal_file.h"
#include "journal/journal_record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RECORD_ALIGNMENT = 8 };

static int compare_places(const void *a, const void *b)
{
    const struct journal_segment *x = ((const struct journal_catalog_item *)a)->segment,
                                 *y = ((const struct journal_catalog_item *)b)->segment;
    if (x->base != y->base)
        return x->base < y->base ? -1 : 1;
    return x->serial < y->serial ? -1 : x->serial > y->serial;
}

/* Newest first; of files with one serial the one whose name fits comes first. */
static int compare_serials(const void *a, const void *b)
{
    const struct journal_catalog_item *x = a, *y = b;
    if (x->segment->serial != y->segment->serial)
        return x->segment->serial > y->segment->serial ? -1 : 1;
    return (int)y->name_fits - (int)x->name_fits;
}

static void add_item(struct journal_catalog *c, struct journal_catalog_item item)
{
    if (c->count == c->capacity) {
        c->capacity = c->capacity ? c->capacity * 2 : 64;
        c->items = xrealloc(c->items, c->capacity * sizeof(*c->items));
    }
    c->items[c->count++] = item;
}

/* The offset of the last record in the file that is one of the segment `base`, `serial`; 0: there is none.
 * Without memory of its own: where there was none, a file would be set aside for it. */
static uint64_t find_last_record(const struct journal_segment *s, int fd)
{
    enum { PIECE = 8 << 10 };
    uint8_t bytes[PIECE + JOURNAL_RECORD_HEADER];
    uint64_t last = 0;
    size_t got = 0;
    for (uint64_t start = JOURNAL_SEGMENT_HEADER; start < s->size; start += PIECE) {
        if (journal_file_read(fd, bytes, sizeof bytes, start, &got) != 0)
            continue;
        for (size_t at = 0; at < PIECE && at + JOURNAL_RECORD_HEADER <= got; at += RECORD_ALIGNMENT) {
            struct journal_record_header h;
            if (journal_record_decode(bytes + at, journal_segment_mark(s, start + at), &h) &&
                h.sequence >= s->base)
                last = start + at;
        }
    }
    return last;
}

/* How far what is in the file is of the segment `base`, `serial`: to its end, or to a record. */
static uint64_t find_extent(uint64_t base, uint64_t serial, uint64_t size, int fd)
{
    struct journal_segment *s = journal_segment_create(base, serial, base - 1);
    s->size = size;
    uint64_t extent = journal_segment_read_footer(s, fd, size) ? UINT64_MAX : find_last_record(s, fd);
    journal_segment_destroy(s);
    return extent;
}

/* A right header that does not fit the name is that of another file under this name, unless what stands
 * behind it is of the segment that the name says: then only the header is another's, from a block that was
 * written to the wrong place. */
static void distrust_header(struct journal_catalog_item *item, uint64_t base, uint64_t serial, int fd)
{
    struct journal_segment *s = item->segment;
    if (find_extent(base, serial, s->size, fd) <= find_extent(s->base, s->serial, s->size, fd))
        return;
    s->base = base;
    s->serial = serial;
    s->follows = base - 1;
    s->last = s->append_last = base - 1;
    item->is_header_damaged = true;
}

/* Size, and identity from the header. 0, or an errno value: without its size a file would count as empty. */
static int look_into(struct journal_catalog_item *item, int fd)
{
    off_t size = lseek(fd, 0, SEEK_END);
    if (size < 0)
        return errno;
    item->segment->size = (uint64_t)size;
    uint64_t base = item->segment->base, serial = item->segment->serial;
    item->is_header_damaged = !journal_segment_read_header(item->segment, fd);
    if (item->segment->base != base || item->segment->serial != serial)
        distrust_header(item, base, serial, fd);
    return 0;
}

/* Identity from the header; when that is damaged, from the name. 0, or an errno value. */
static int identify(struct journal_catalog *c, int dir_fd, const char *name)
{
    uint64_t base = 0, serial = 0;
    if (!journal_segment_parse_name(name, &base, &serial))
        return 0;
    struct journal_segment *s = journal_segment_create(base, serial, base - 1);
    struct journal_catalog_item item = {.segment = s, .limit = UINT64_MAX};
    memcpy(s->name, name, strlen(name) + 1);
    s->created = s->closed = s->sealed = true;
    int fd = journal_file_open_patiently(dir_fd, name, O_RDONLY);
    int failure = fd >= 0 ? look_into(&item, fd) : 0;
    if (fd >= 0)
        close(fd);
    item.name_fits = s->base == base && s->serial == serial;
    add_item(c, item);
    return failure;
}

/* Mark second files of one serial, and find out which records were given again later. */
static void resolve_serials(struct journal_catalog *c)
{
    uint64_t limit = UINT64_MAX;
    qsort(c->items, c->count, sizeof(*c->items), compare_serials);
    for (size_t i = 0; i < c->count; i++) {
        struct journal_catalog_item *item = &c->items[i];
        const struct journal_segment *s = item->segment;
        if (i > 0 && c->items[i - 1].segment->serial == s->serial) {
            item->is_copy = true;
            continue;
        }
        item->limit = MUTANT(keep_abandoned_records) ? UINT64_MAX : limit;
        uint64_t before = s->follows < s->base ? s->follows : s->base - 1;
        if (before < limit)
            limit = before;
    }
    qsort(c->items, c->count, sizeof(*c->items), compare_places);
}

int journal_catalog_read(struct journal_catalog *c, int dir_fd)
{
    int fd = journal_file_open_patiently(dir_fd, ".", O_RDONLY | O_DIRECTORY);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        int failure = errno;
        if (fd >= 0)
            close(fd);
        return failure;
    }
    int failure = 0;
    for (struct dirent *entry; failure == 0 && (errno = 0, entry = readdir(dir));)
        failure = identify(c, dir_fd, entry->d_name);
    if (failure == 0)
        failure = errno;
    closedir(dir);
    if (c->count > 0)
        resolve_serials(c);
    return failure;
}

void journal_catalog_finish(struct journal_catalog *c)
{
    for (size_t i = 0; i < c->count; i++)
        journal_segment_destroy(c->items[i].segment);
    free(c->items);
    *c = (struct journal_catalog){0};
}
