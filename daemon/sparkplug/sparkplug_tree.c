/* SPDX-License-Identifier: Apache-2.0
 *
 * See sparkplug_tree.h.
 */
#include "sparkplug/sparkplug_tree.h"

#include "base/utf8.h"

#include <stdlib.h>

bool sparkplug_tree_map(struct fby_value *out, size_t room, struct arena *a)
{
    *out = (struct fby_value){.type = FBY_MAP};
    out->fields = arena_alloc(a, room * sizeof *out->fields);
    return out->fields != NULL;
}

bool sparkplug_tree_list(struct fby_value *out, size_t room, struct arena *a)
{
    *out = (struct fby_value){.type = FBY_LIST};
    out->items = arena_alloc(a, room * sizeof *out->items);
    return out->items != NULL;
}

void sparkplug_tree_put(struct fby_value *map, const char *name, struct fby_value v)
{
    map->fields[map->len++] = (struct fby_field){{name, strlen(name)}, v};
}

/* Copy with U+FFFD for each byte that is not part of a sequence; NUL-terminated. */
static char *repair(struct bytes text, size_t *len, struct arena *a)
{
    char *copy = arena_alloc(a, 3 * text.len + 1);
    if (!copy)
        return NULL;
    size_t n = 0;
    for (size_t i = 0; i < text.len;) {
        size_t step = utf8_sequence_length(bytes_of(text.data + i, text.len - i));
        memcpy(copy + n, step ? (const char *)text.data + i : "\xef\xbf\xbd", step ? step : 3);
        n += step ? step : 3;
        i += step ? step : 1;
    }
    copy[n] = 0;
    *len = n;
    return copy;
}

bool sparkplug_tree_put_bytes(struct fby_value *map, struct bytes name, struct fby_value v, struct arena *a)
{
    size_t len = name.len;
    char *copy = utf8_is_valid(name) ? arena_strndup(a, name.data, name.len) : repair(name, &len, a);
    if (copy)
        map->fields[map->len++] = (struct fby_field){{copy, len}, v};
    return copy != NULL;
}

struct fby_value *sparkplug_tree_next(struct fby_value *list)
{
    struct fby_value *v = &list->items[list->len++];
    *v = (struct fby_value){.type = FBY_NULL};
    return v;
}

/* By name, those of one name in their order. */
static int compare_fields(const void *a, const void *b)
{
    const struct fby_field *x = *(struct fby_field *const *)a, *y = *(struct fby_field *const *)b;
    if (x->name.len != y->name.len)
        return x->name.len < y->name.len ? -1 : 1;
    int order = memcmp(x->name.data, y->name.data, x->name.len);
    return order ? order : x < y ? -1 : 1;
}

static bool is_same_name(const struct fby_field *x, const struct fby_field *y)
{
    return x->name.len == y->name.len && memcmp(x->name.data, y->name.data, x->name.len) == 0;
}

long sparkplug_tree_unique(struct fby_value *map, struct arena *a)
{
    enum { TAKEN_OUT = 0xffff };
    if (map->len < 2)
        return 0;
    struct fby_field **sorted = arena_alloc(a, map->len * sizeof(*sorted));
    if (!sorted)
        return -1;
    for (uint32_t i = 0; i < map->len; i++)
        sorted[i] = &map->fields[i];
    qsort((void *)sorted, map->len, sizeof(*sorted), compare_fields);
    long taken_out = 0;
    for (uint32_t i = 1; i < map->len; i++) {
        if (!is_same_name(sorted[i - 1], sorted[i]))
            continue;
        sorted[i - 1]->value.reserved = TAKEN_OUT;
        taken_out++;
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < map->len; i++)
        if (map->fields[i].value.reserved != TAKEN_OUT)
            map->fields[kept++] = map->fields[i];
    map->len = kept;
    return taken_out;
}

bool sparkplug_tree_text(struct bytes text, struct fby_value *out, struct arena *a)
{
    size_t len = text.len;
    const char *valid = utf8_is_valid(text) ? (const char *)text.data : repair(text, &len, a);
    *out = (struct fby_value){.type = FBY_STRING, .len = (uint32_t)len, .bytes = valid ? valid : ""};
    return valid || text.len == 0;
}

/* ---- Copy ---- */

enum { DEPTH_MAX = 128, ALIGNMENT = 8 };

static size_t padded(size_t size)
{
    return (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

/* Bytes that a copy of it needs beside the value itself; SIZE_MAX: too deep. */
static size_t measure(const struct fby_value *v, unsigned depth)
{
    if (v->type == FBY_STRING || v->type == FBY_BYTES)
        return padded(v->len);
    if (v->type != FBY_LIST && v->type != FBY_MAP)
        return 0;
    if (depth == DEPTH_MAX)
        return SIZE_MAX;
    size_t size = v->len * (v->type == FBY_LIST ? sizeof *v->items : sizeof *v->fields);
    for (uint32_t i = 0; i < v->len; i++) {
        size_t inner = measure(v->type == FBY_LIST ? &v->items[i] : &v->fields[i].value, depth + 1);
        if (inner == SIZE_MAX)
            return SIZE_MAX;
        size += inner + (v->type == FBY_MAP ? padded(v->fields[i].name.len + 1) : 0);
    }
    return size;
}

static void *carve(char **memory, size_t size)
{
    void *p = *memory;
    *memory += padded(size);
    return p;
}

static void copy_value(const struct fby_value *from, struct fby_value *to, char **memory)
{
    *to = *from;
    if (from->type == FBY_STRING || from->type == FBY_BYTES) {
        char *bytes = carve(memory, from->len);
        if (from->len)
            memcpy(bytes, from->bytes, from->len);
        to->bytes = bytes;
    } else if (from->type == FBY_LIST) {
        to->items = carve(memory, from->len * sizeof *to->items);
        for (uint32_t i = 0; i < from->len; i++)
            copy_value(&from->items[i], &to->items[i], memory);
    } else if (from->type == FBY_MAP) {
        to->fields = carve(memory, from->len * sizeof *to->fields);
        for (uint32_t i = 0; i < from->len; i++) {
            struct fby_bytes name = from->fields[i].name;
            char *copy = carve(memory, name.len + 1);
            memcpy(copy, name.data, name.len);
            copy[name.len] = 0;
            to->fields[i].name = (struct fby_bytes){copy, name.len};
            copy_value(&from->fields[i].value, &to->fields[i].value, memory);
        }
    }
}

bool sparkplug_tree_copy(const struct fby_value *from, struct fby_value *to,
                         void *(*alloc)(void *ctx, size_t size), void *ctx)
{
    size_t size = measure(from, 0);
    char *memory = size == SIZE_MAX ? NULL : alloc(ctx, size ? size : 1);
    if (memory)
        copy_value(from, to, &memory);
    return memory != NULL;
}
