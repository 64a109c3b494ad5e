/* SPDX-License-Identifier: Apache-2.0
 *
 * See gateway_document.h.
 */
#include "gateway_document.h"

#include "base/memory.h"
#include "base/strmap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FILES_MAX = 500, TEXT_SIZE_MAX = 64 << 20 };

/* Begins the line before each file in the text of a whole document. */
static const char marker[] = "#!forebay-file ";

struct assembly {
    struct arena *arena;
    struct config_report *report;
    struct yaml_node *root;
    bool failed;
};

/* ---- Merging ---- */

static void *need(void *p)
{
    if (!p)
        memory_stop();
    return p;
}

static void append_items(struct assembly *as, struct yaml_node *list, const struct yaml_node *more)
{
    size_t size = (list->count + more->count + 1) * sizeof(struct yaml_node *);
    struct yaml_node **items = need(arena_alloc(as->arena, size));
    for (size_t i = 0; i < list->count; i++)
        items[i] = list->items[i];
    for (size_t i = 0; i < more->count; i++)
        items[list->count + i] = more->items[i];
    list->items = items;
    list->count += more->count;
}

/* Add the pairs of `from` to `into`; `on_same` deals with a key that is there already. */
static void append_pairs(struct assembly *as, struct yaml_node *into, const struct yaml_node *from,
                         void (*on_same)(struct assembly *as, struct yaml_pair *present,
                                         const struct yaml_pair *more))
{
    struct strmap present = {0};
    size_t old_count = into->count;
    struct yaml_pair *pairs = need(arena_alloc(as->arena, (old_count + from->count + 1) * sizeof *pairs));
    for (size_t i = 0; i < old_count; i++) {
        pairs[i] = into->pairs[i];
        (void)strmap_add(&present, pairs[i].key->text, &pairs[i]);
    }
    into->pairs = pairs;
    for (size_t i = 0; i < from->count; i++) {
        struct yaml_pair *same = strmap_find(&present, from->pairs[i].key->text);
        if (same)
            on_same(as, same, &from->pairs[i]);
        else
            pairs[into->count++] = from->pairs[i];
    }
    strmap_finish(&present);
}

static void refuse_same_name(struct assembly *as, struct yaml_pair *present, const struct yaml_pair *more)
{
    config_report_error(as->report, more->key,
                        "\"%s\" is also in %s, line %u. Remove or rename one of the two.", more->key->text,
                        present->key->file, present->key->line);
}

static void merge_section(struct assembly *as, struct yaml_pair *present, const struct yaml_pair *more)
{
    struct yaml_node *into = present->value, *from = more->value;
    if (yaml_node_is_null(from))
        return;
    if (yaml_node_is_null(into)) {
        present->value = from;
        return;
    }
    config_report_enter(as->report, more->key->text);
    if (into->kind == YAML_MAP && from->kind == YAML_MAP)
        append_pairs(as, into, from, refuse_same_name);
    else if (into->kind == YAML_LIST && from->kind == YAML_LIST)
        append_items(as, into, from);
    else
        config_report_error(
            as->report, more->key,
            "This section is also in %s, line %u, and the two cannot be joined: both must be lists or "
            "both maps.",
            present->key->file, present->key->line);
    config_report_leave(as->report);
}

/* The tree of one more file. */
static void add_tree(struct assembly *as, struct yaml_node *tree)
{
    if (!tree) {
        as->failed = true;
        return;
    }
    if (tree->kind != YAML_MAP) {
        config_report_error(as->report, tree,
                            "Expected sections such as \"brokers:\" and \"routes:\", found %s.",
                            tree->kind == YAML_LIST ? "a list" : "a single text");
        as->failed = true;
        return;
    }
    if (!as->root) {
        as->root = tree;
        return;
    }
    append_pairs(as, as->root, tree, merge_section);
}

/* ---- Files ---- */

static bool read_descriptor(int fd, struct buffer *text)
{
    for (;;) {
        if (!buffer_reserve(text, 64 * 1024))
            return false;
        ssize_t n = read(fd, text->data + text->len, text->capacity - text->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0;
        text->len += (size_t)n;
    }
}

static bool read_text(const char *path, struct buffer *text)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    bool right = read_descriptor(fd, text);
    close(fd);
    return right;
}

/* Messages show the path as it was given; the text of the whole names it from the root, as it may be read
 * again by a process that stands elsewhere. */
static void add_file(struct assembly *as, const char *path, struct buffer *whole)
{
    struct buffer text = {.limit = 2 * (size_t)YAML_SIZE_MAX};
    errno = 0;
    if (!read_text(path, &text)) {
        (void)yaml_tree_read(path, as->arena, as->report); /* it has the words for every way to fail */
        as->failed = true;
    } else {
        char resolved[PATH_MAX];
        buffer_add_format(whole, "%s%s\n", marker, realpath(path, resolved) ? resolved : path);
        buffer_add(whole, text.data, text.len);
        if (text.len && text.data[text.len - 1] != '\n')
            buffer_add_byte(whole, '\n');
        add_tree(as, yaml_tree_parse(path, text.data ? (const char *)text.data : "", text.len, as->arena,
                                     as->report));
    }
    buffer_finish(&text);
}

static int select_yaml(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return entry->d_name[0] != '.' && len > 5 && strcmp(entry->d_name + len - 5, ".yaml") == 0;
}

/* All *.yaml in conf.d beside the main file, in the order of their names. */
static void add_folder(struct assembly *as, const char *main_path, struct buffer *whole)
{
    const char *slash = strrchr(main_path, '/');
    char *folder = slash ? xasprintf("%.*s/conf.d", (int)(slash - main_path), main_path) : xstrdup("conf.d");
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, select_yaml, alphasort);
    if (count < 0 && errno != ENOENT && errno != ENOTDIR) {
        config_report_error_at(as->report, folder, 0, 0, "The folder cannot be read: %s.", strerror(errno));
        as->failed = true;
    }
    if (count > FILES_MAX)
        config_report_error_at(as->report, folder, 0, 0, "There are more than %d files here.", FILES_MAX);
    for (int i = 0; i < count; i++) {
        char *path = xasprintf("%s/%s", folder, entries[i]->d_name);
        if (i < FILES_MAX)
            add_file(as, path, whole);
        free(path);
        free(entries[i]);
    }
    free(entries);
    free(folder);
}

struct yaml_node *gateway_document_read(const char *path, struct arena *a, struct config_report *r,
                                        struct buffer *text)
{
    struct assembly as = {.arena = a, .report = r};
    text->limit = TEXT_SIZE_MAX;
    add_file(&as, path, text);
    add_folder(&as, path, text);
    return as.failed ? NULL : as.root;
}

/* The start of the next line that names a file, or `end`. */
static const char *find_marker(const char *at, const char *end)
{
    while (at < end) {
        if ((size_t)(end - at) >= sizeof marker - 1 && memcmp(at, marker, sizeof marker - 1) == 0)
            return at;
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        at = newline ? newline + 1 : end;
    }
    return end;
}

/* Behind the notes at the start. */
static const char *skip_notes(const char *at, const char *end)
{
    size_t len = sizeof GATEWAY_DOCUMENT_NOTE - 1;
    while ((size_t)(end - at) >= len && memcmp(at, GATEWAY_DOCUMENT_NOTE, len) == 0) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        at = newline ? newline + 1 : end;
    }
    return at;
}

static void add_saved_files(struct assembly *as, const char *at, const char *end)
{
    while (at < end) {
        at += sizeof marker - 1;
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *body = newline ? newline + 1 : end, *next = find_marker(body, end);
        char *name = xstrndup(at, (size_t)((newline ? newline : end) - at));
        add_tree(as, yaml_tree_parse(name, body, (size_t)(next - body), as->arena, as->report));
        free(name);
        at = next;
    }
}

struct yaml_node *gateway_document_read_saved(const char *path, struct arena *a, struct config_report *r,
                                              struct buffer *text)
{
    struct assembly as = {.arena = a, .report = r};
    text->limit = 2 * (size_t)TEXT_SIZE_MAX;
    if (!read_text(path, text)) {
        config_report_error_at(r, path, 0, 0, "The saved configuration cannot be read: %s.",
                               text->failed ? "it is too large" : strerror(errno));
        return NULL;
    }
    const char *start = text->data ? (const char *)text->data : "", *end = start + text->len;
    const char *first = skip_notes(start, end);
    if (find_marker(first, end) != first || first == end) {
        config_report_error_at(r, path, 0, 0, "This is not a configuration that the daemon saved.");
        return NULL;
    }
    add_saved_files(&as, first, end);
    return as.failed ? NULL : as.root;
}
