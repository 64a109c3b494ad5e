/* SPDX-License-Identifier: Apache-2.0
 *
 * See source_subscriptions.h. The file is text:
 *
 *   forebay subscriptions 1
 *   session <client id>@<host>:<port>
 *   <qos> <filter>              one line each
 *   end <count>
 *
 * It is replaced by rename and not synced: a lost one costs repeated retained messages, nothing else.
 */
#include "ingest/source_subscriptions.h"

#include "base/bytes.h"
#include "base/memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char first_line[] = "forebay subscriptions 1";

enum { LINE_BYTES = 65536 + 16 };

static struct source_subscription *find(const struct source_subscriptions *set, const char *filter)
{
    for (size_t i = 0; i < set->count; i++)
        if (strcmp(set->items[i].filter, filter) == 0)
            return &set->items[i];
    return NULL;
}

void source_subscriptions_add(struct source_subscriptions *set, const char *filter, int qos)
{
    struct source_subscription *item = find(set, filter);
    if (item) {
        if (item->qos < qos)
            item->qos = qos;
        return;
    }
    set->items = xrealloc(set->items, (set->count + 1) * sizeof *set->items);
    set->items[set->count++] = (struct source_subscription){xstrdup(filter), qos};
}

static void remove_at(struct source_subscriptions *set, size_t index)
{
    free(set->items[index].filter);
    memmove(&set->items[index], &set->items[index + 1], (set->count - index - 1) * sizeof *set->items);
    set->count--;
}

void source_subscriptions_remove(struct source_subscriptions *set, const char *filter)
{
    struct source_subscription *item = find(set, filter);
    if (item)
        remove_at(set, (size_t)(item - set->items));
}

const struct source_subscription *source_subscriptions_find(const struct source_subscriptions *set,
                                                            const char *filter)
{
    return find(set, filter);
}

/* The level at `text`; moves behind its slash. */
static struct bytes next_level(const char **text)
{
    size_t len = strcspn(*text, "/");
    struct bytes level = bytes_of(*text, len);
    *text = (*text)[len] ? *text + len + 1 : NULL;
    return level;
}

static bool is_level(struct bytes level, char wildcard)
{
    return level.len == 1 && level.data[0] == (uint8_t)wildcard;
}

/* Wildcards in the first level do not match topics that begin with $. */
static bool is_hidden(const char *wide, const char *narrow)
{
    return *narrow == '$' && (*wide == '+' || *wide == '#');
}

bool source_subscriptions_covers(const char *wide, const char *narrow)
{
    if (is_hidden(wide, narrow))
        return false;
    while (wide && narrow) {
        struct bytes w = next_level(&wide), n = next_level(&narrow);
        if (is_level(w, '#'))
            return true;
        if (is_level(n, '#') || (!is_level(w, '+') && !bytes_equal(w, n)))
            return false;
    }
    return !narrow && (!wide || strcmp(wide, "#") == 0);
}

static bool filters_meet(const char *a, const char *b)
{
    if (is_hidden(a, b) || is_hidden(b, a))
        return false;
    while (a && b) {
        struct bytes x = next_level(&a), y = next_level(&b);
        if (is_level(x, '#') || is_level(y, '#'))
            return true;
        if (!is_level(x, '+') && !is_level(y, '+') && !bytes_equal(x, y))
            return false;
    }
    return (!a && !b) || (a && strcmp(a, "#") == 0) || (b && strcmp(b, "#") == 0);
}

void source_subscriptions_reduce(struct source_subscriptions *set)
{
    for (size_t i = 0; i < set->count;) {
        size_t wide = 0;
        while (wide < set->count &&
               (wide == i || !source_subscriptions_covers(set->items[wide].filter, set->items[i].filter)))
            wide++;
        if (wide == set->count) {
            i++;
            continue;
        }
        if (set->items[wide].qos < set->items[i].qos)
            set->items[wide].qos = set->items[i].qos;
        remove_at(set, i);
        i = 0;
    }
}

const char *source_subscriptions_overlap(const struct source_subscriptions *set, const char **other)
{
    for (size_t i = 0; i < set->count; i++) {
        for (size_t k = i + 1; k < set->count; k++) {
            if (!filters_meet(set->items[i].filter, set->items[k].filter))
                continue;
            *other = set->items[k].filter;
            return set->items[i].filter;
        }
    }
    return NULL;
}

void source_subscriptions_clear(struct source_subscriptions *set)
{
    for (size_t i = 0; i < set->count; i++)
        free(set->items[i].filter);
    free(set->items);
    *set = (struct source_subscriptions){0};
}

static bool read_line(FILE *file, char *line)
{
    if (!fgets(line, LINE_BYTES, file))
        return false;
    size_t len = strlen(line);
    if (len == 0 || line[len - 1] != '\n')
        return false;
    line[len - 1] = 0;
    return true;
}

static bool read_set(struct source_subscriptions *set, FILE *file, char *line, const char *session)
{
    if (!read_line(file, line) || strcmp(line, first_line) != 0)
        return false;
    if (!read_line(file, line) || strncmp(line, "session ", 8) != 0 || strcmp(line + 8, session) != 0)
        return false;
    while (read_line(file, line)) {
        if ((line[0] == '0' || line[0] == '1') && line[1] == ' ' && line[2])
            source_subscriptions_add(set, line + 2, line[0] - '0');
        else
            return strncmp(line, "end ", 4) == 0 && strtoull(line + 4, NULL, 10) == set->count;
    }
    return false;
}

bool source_subscriptions_load(struct source_subscriptions *set, const char *path, const char *session)
{
    source_subscriptions_clear(set);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    char *line = xcalloc(1, LINE_BYTES);
    bool ok = read_set(set, file, line, session);
    free(line);
    fclose(file);
    if (!ok)
        source_subscriptions_clear(set);
    return ok;
}

enum status source_subscriptions_save(const struct source_subscriptions *set, const char *path,
                                      const char *session, struct error *err)
{
    char *temporary = xasprintf("%s.new", path);
    FILE *file = fopen(temporary, "we");
    if (!file) {
        error_set_errno(err, STATUS_IO, errno, "cannot write %s", temporary);
        free(temporary);
        return STATUS_IO;
    }
    fprintf(file, "%s\nsession %s\n", first_line, session);
    for (size_t i = 0; i < set->count; i++)
        fprintf(file, "%d %s\n", set->items[i].qos, set->items[i].filter);
    fprintf(file, "end %zu\n", set->count);
    bool failed = ferror(file) != 0;
    failed |= fclose(file) != 0;
    enum status status = STATUS_OK;
    if (failed || rename(temporary, path) != 0) {
        status = error_set_errno(err, STATUS_IO, errno, "cannot write %s", path);
        remove(temporary);
    }
    free(temporary);
    return status;
}
