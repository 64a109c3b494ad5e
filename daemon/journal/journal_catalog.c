/* SPDX-License-Identifier: Apache-2.0
 *
 * See journal_catalog.h.
 */
#include "journal/journal_catalog.h"

#include "base/memory.h"
#include "base/mutant.h"
#include "journal/journal_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* Size, and identity from the header. 0, or an errno value: without its size a file would count as empty. */
static int look_into(struct journal_catalog_item *item, int fd)
{
    off_t size = lseek(fd, 0, SEEK_END);
    if (size < 0)
        return errno;
    item->segment->size = (uint64_t)size;
    item->is_header_damaged = !journal_segment_read_header(item->segment, fd);
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
