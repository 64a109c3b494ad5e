/* SPDX-License-Identifier: Apache-2.0
 *
 * See gateway_fingerprint.h.
 */
#include "gateway_fingerprint.h"

#include "base/memory.h"
#include "base/strmap.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { ENTRIES_MAX = 20000 };

uint64_t gateway_fingerprint_join(uint64_t a, uint64_t b)
{
    uint64_t pair[2] = {a, b};
    return strmap_hash(pair, sizeof pair);
}

uint64_t gateway_fingerprint_text(const char *text)
{
    return text ? strmap_hash(text, strlen(text)) : 0;
}

static uint64_t hash_status(const struct stat *st)
{
    int64_t facts[] = {(int64_t)st->st_dev,         (int64_t)st->st_ino,          (int64_t)st->st_size,
                       (int64_t)st->st_mtim.tv_sec, (int64_t)st->st_mtim.tv_nsec, (int64_t)st->st_mode};
    return strmap_hash(facts, sizeof facts);
}

/* Entries are summed, since their order on disk means nothing. */
static uint64_t hash_folder(const char *folder)
{
    uint64_t sum = 0;
    unsigned entries_left = ENTRIES_MAX;
    DIR *d = opendir(folder);
    if (!d)
        return 0;
    for (struct dirent *entry; entries_left && (entry = readdir(d)); entries_left--) {
        char *path = xasprintf("%s/%s", folder, entry->d_name);
        struct stat st;
        if (entry->d_name[0] != '.' && stat(path, &st) == 0 && S_ISREG(st.st_mode))
            sum += gateway_fingerprint_join(gateway_fingerprint_text(path), hash_status(&st));
        free(path);
    }
    closedir(d);
    return sum;
}

uint64_t gateway_fingerprint_file(const char *path)
{
    struct stat st;
    if (!path)
        return 0;
    if (stat(path, &st) != 0)
        return gateway_fingerprint_text(path);
    uint64_t hash = gateway_fingerprint_join(gateway_fingerprint_text(path), hash_status(&st));
    return S_ISDIR(st.st_mode) ? hash + hash_folder(path) : hash;
}
