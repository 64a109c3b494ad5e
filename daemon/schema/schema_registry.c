/* SPDX-License-Identifier: Apache-2.0
 *
 * The registry of schema.h: sources in, compiled types out. Sets stay unpacked until they are linked.
 */
#include "base/memory.h"
#include "base/nearest_word.h"
#include "base/strmap.h"
#include "schema/schema_link.h"
#include "schema/schema_protoc.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct schema_registry {
    struct arena arena; /* everything compiled */
    struct schema_set **sets;
    size_t set_count;
    struct strmap symbols;            /* struct schema_symbol */
    const struct schema_type **types; /* without map entries */
    size_t type_count;
    bool linked;
};

struct schema_registry *schema_registry_create(void)
{
    struct schema_registry *r = xcalloc(1, sizeof *r);
    arena_init(&r->arena, 0, 0);
    return r;
}

static void forget_sets(struct schema_registry *r)
{
    for (size_t i = 0; i < r->set_count; i++)
        schema_set_destroy(r->sets[i]);
    free(r->sets);
    r->sets = NULL;
    r->set_count = 0;
}

void schema_registry_destroy(struct schema_registry *r)
{
    if (!r)
        return;
    forget_sets(r);
    strmap_finish(&r->symbols);
    free(r->types);
    arena_finish(&r->arena);
    free(r);
}

enum status schema_registry_add_set(struct schema_registry *r, const char *name, struct bytes set,
                                    struct error *err)
{
    assert(!r->linked);
    struct error own;
    if (!err)
        err = &own;
    struct schema_set *s = schema_set_create(name, set, err);
    if (!s)
        return err->code;
    r->sets = xrealloc(r->sets, (r->set_count + 1) * sizeof *r->sets);
    r->sets[r->set_count++] = s;
    return STATUS_OK;
}

static enum status read_set(const char *path, struct buffer *out, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0)
        return error_set_errno(err, STATUS_IO, errno, "%s", path);
    enum status status = STATUS_OK;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        status = error_set(err, STATUS_INVALID, "%s: not a regular file", path);
    while (status == STATUS_OK && out->len <= SCHEMA_SET_BYTES_MAX) {
        if (!buffer_reserve(out, 64 * 1024)) {
            status = error_set(err, STATUS_NO_MEMORY, "%s: out of memory", path);
            break;
        }
        ssize_t n = read(fd, out->data + out->len, 64 * 1024);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            status = error_set_errno(err, STATUS_IO, errno, "%s", path);
        if (n <= 0)
            break;
        out->len += (size_t)n;
    }
    close(fd);
    return status;
}

/* A source file where a compiled set belongs is a frequent slip. */
static bool ends_with(const char *text, const char *end)
{
    size_t text_len = strlen(text), end_len = strlen(end);
    return text_len >= end_len && strcmp(text + text_len - end_len, end) == 0;
}

const char *schema_source_name(const struct schema_source *s)
{
    return s->descriptor_set ? s->descriptor_set : s->proto.count ? s->proto.items[0] : "";
}

enum status schema_source_read(const struct schema_source *s, bool comments, struct buffer *set,
                               struct error *err)
{
    if (!s->descriptor_set)
        return schema_protoc_run(s->proto, s->include, comments, set, err);
    if (ends_with(s->descriptor_set, ".proto"))
        return error_set(err, STATUS_INVALID,
                         "%s: this is a .proto source, not a descriptor set. Write { proto: [%s] }",
                         s->descriptor_set, s->descriptor_set);
    return read_set(s->descriptor_set, set, err);
}

enum status schema_registry_add(struct schema_registry *r, const struct schema_source *s, struct error *err)
{
    struct buffer set = {0};
    enum status status = schema_source_read(s, false, &set, err);
    if (status == STATUS_OK)
        status = schema_registry_add_set(r, schema_source_name(s), buffer_bytes(&set), err);
    buffer_finish(&set);
    return status;
}

enum status schema_registry_link(struct schema_registry *r, struct error *err)
{
    assert(!r->linked);
    if (r->set_count == 0) {
        r->linked = true;
        return STATUS_OK;
    }
    enum status status = schema_link(r, r->sets, r->set_count, &r->arena, &r->symbols, err);
    if (status != STATUS_OK)
        return status;
    r->types = xcalloc(r->symbols.count, sizeof(const struct schema_type *));
    for (size_t i = 0; i < r->symbols.count; i++) {
        struct schema_symbol *s = r->symbols.entries[i].value;
        if (s->type && !s->type->is_map_entry)
            r->types[r->type_count++] = s->type;
        /* What points into the sets ends with them. */
        s->file = NULL;
        s->message = NULL;
        s->enumeration = NULL;
        s->extensions = NULL;
    }
    forget_sets(r);
    r->linked = true;
    return STATUS_OK;
}

const struct schema_type *schema_registry_type_named(const struct schema_registry *r, struct bytes name)
{
    const struct schema_symbol *s = strmap_find_bytes(&r->symbols, name);
    return s ? s->type : NULL;
}

static const char *short_name(const char *full_name)
{
    const char *dot = strrchr(full_name, '.');
    return dot ? dot + 1 : full_name;
}

/* A type with the same last part, else the one written most alike; NULL: none. */
static const char *nearest_type(const struct schema_registry *r, const char *name)
{
    for (size_t i = 0; i < r->type_count; i++)
        if (strcasecmp(short_name(r->types[i]->full_name), short_name(name)) == 0)
            return r->types[i]->full_name;
    const char **names = xcalloc(r->type_count + 1, sizeof *names);
    for (size_t i = 0; i < r->type_count; i++)
        names[i] = r->types[i]->full_name;
    const char *nearest = nearest_word_find(name, names, r->type_count);
    for (size_t i = 0; i < r->type_count && !nearest; i++)
        names[i] = short_name(names[i]);
    if (!nearest) {
        nearest = nearest_word_find(short_name(name), names, r->type_count);
        for (size_t i = 0; i < r->type_count && nearest; i++)
            if (names[i] == nearest) {
                nearest = r->types[i]->full_name;
                break;
            }
    }
    free(names);
    return nearest;
}

/* The first two types of the operator's own; of protobuf's where there are no others. */
static void tell_known_types(const struct schema_registry *r, const char *name, struct error *err)
{
    const char *shown[2] = {r->types[0]->full_name, NULL};
    size_t count = 0;
    for (size_t i = 0; i < r->type_count && count < 2; i++)
        if (!r->types[i]->is_map_entry && strncmp(r->types[i]->full_name, "google.protobuf.", 16) != 0)
            shown[count++] = r->types[i]->full_name;
    error_set(err, STATUS_NOT_FOUND,
              "message type %s is not in the schemas, which have %s%s%s; `forebay schema list` shows all",
              name, shown[0], shown[1] ? ", " : "", shown[1] ? shown[1] : "");
}

const struct schema_type *schema_registry_find(const struct schema_registry *r, const char *name,
                                               struct error *err)
{
    assert(r->linked);
    if (*name == '.')
        name++;
    const struct schema_type *t = schema_registry_type_named(r, bytes_of_text(name));
    if (t && !t->is_map_entry)
        return t;
    const char *nearest = nearest_type(r, name);
    if (r->type_count == 0)
        error_set(err, STATUS_NOT_FOUND, "message type %s is not known: no schema is loaded", name);
    else if (nearest)
        error_set(err, STATUS_NOT_FOUND, "message type %s is not in the schemas. Did you mean %s?", name,
                  nearest);
    else
        tell_known_types(r, name, err);
    return NULL;
}

size_t schema_registry_type_count(const struct schema_registry *r)
{
    return r->type_count;
}

const struct schema_type *schema_registry_type(const struct schema_registry *r, size_t index)
{
    return index < r->type_count ? r->types[index] : NULL;
}
