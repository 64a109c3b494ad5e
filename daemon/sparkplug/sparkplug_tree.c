/* SPDX-License-Identifier: Apache-2.0
 *
 * See sparkplug_tree.h.
 */
#include "sparkplug/sparkplug_tree.h"

#include "base/strmap.h"
#include "base/utf8.h"

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

static bool is_same_name(const struct fby_field *x, const struct fby_field *y)
{
    return x->name.len == y->name.len && memcmp(x->name.data, y->name.data, x->name.len) == 0;
}

/* Put field `i` into the table; false: one of its name is there. */
static bool take_name(const struct fby_value *map, uint32_t i, uint32_t *slots, size_t mask)
{
    const struct fby_field *f = &map->fields[i];
    size_t at = (size_t)strmap_hash(f->name.data, f->name.len) & mask;
    for (; slots[at]; at = (at + 1) & mask)
        if (is_same_name(&map->fields[slots[at] - 1], f))
            return false;
    slots[at] = i + 1;
    return true;
}

long sparkplug_tree_unique(struct fby_value *map, struct arena *a)
{
    enum { TAKEN_OUT = 0xffff };
    if (map->len < 2)
        return 0;
    size_t slot_count = 4;
    while (slot_count < 2 * (size_t)map->len)
        slot_count *= 2;
    uint32_t *slots = arena_calloc(a, slot_count, sizeof *slots);
    if (!slots)
        return -1;
    long taken_out = 0;
    for (uint32_t i = map->len; i-- > 0;) {
        if (take_name(map, i, slots, slot_count - 1))
            continue;
        map->fields[i].value.reserved = TAKEN_OUT;
        taken_out++;
    }
    if (taken_out == 0)
        return 0;
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

/* Nothing but the value itself: all of a copy is the assignment. */
static bool is_flat(const struct fby_value *v)
{
    return v->type != FBY_STRING && v->type != FBY_BYTES && v->type != FBY_LIST && v->type != FBY_MAP;
}

/* Bytes that a copy of it needs beside the value itself; SIZE_MAX: too deep. */
static size_t measure(const struct fby_value *v, unsigned depth)
{
    if (v->type == FBY_STRING || v->type == FBY_BYTES)
        return padded(v->len);
    if (is_flat(v))
        return 0;
    if (depth == DEPTH_MAX)
        return SIZE_MAX;
    size_t size = v->len * (v->type == FBY_LIST ? sizeof *v->items : sizeof *v->fields);
    for (uint32_t i = 0; i < v->len; i++) {
        const struct fby_value *item = v->type == FBY_LIST ? &v->items[i] : &v->fields[i].value;
        size_t inner = is_flat(item) ? 0 : measure(item, depth + 1);
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

static void copy_below(struct fby_value *to, char **memory);

static void copy_items(struct fby_value *to, char **memory)
{
    const struct fby_value *items = to->items;
    struct fby_value *copy = carve(memory, to->len * sizeof *copy);
    if (to->len)
        memcpy(copy, items, to->len * sizeof *copy);
    to->items = copy;
    for (uint32_t i = 0; i < to->len; i++)
        if (!is_flat(&copy[i]))
            copy_below(&copy[i], memory);
}

static void copy_fields(struct fby_value *to, char **memory)
{
    const struct fby_field *fields = to->fields;
    struct fby_field *copy = carve(memory, to->len * sizeof *copy);
    to->fields = copy;
    for (uint32_t i = 0; i < to->len; i++) {
        struct fby_bytes name = fields[i].name;
        char *text = carve(memory, name.len + 1);
        memcpy(text, name.data, name.len);
        text[name.len] = 0;
        copy[i] = (struct fby_field){{text, name.len}, fields[i].value};
        if (!is_flat(&copy[i].value))
            copy_below(&copy[i].value, memory);
    }
}

/* What the value points to becomes its own. */
static void copy_below(struct fby_value *to, char **memory)
{
    if (to->type == FBY_LIST) {
        copy_items(to, memory);
    } else if (to->type == FBY_MAP) {
        copy_fields(to, memory);
    } else {
        char *bytes = carve(memory, to->len);
        if (to->len)
            memcpy(bytes, to->bytes, to->len);
        to->bytes = bytes;
    }
}

bool sparkplug_tree_copy(const struct fby_value *from, struct fby_value *to,
                         void *(*alloc)(void *ctx, size_t size), void *ctx)
{
    size_t size = measure(from, 0);
    char *memory = size == SIZE_MAX ? NULL : alloc(ctx, size ? size : 1);
    if (!memory)
        return false;
    *to = *from;
    if (!is_flat(to))
        copy_below(to, &memory);
    return true;
}
