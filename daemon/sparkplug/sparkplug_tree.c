/* SPDX-License-Identifier: Apache-2.0
 *
 * See sparkplug_tree.h.
 */
#include "sparkplug/sparkplug_tree.h"

#include "base/strmap.h"
#include "base/utf8.h"

bool sparkplug_tree_map(struct sparkplug_tree *t, size_t room, struct fby_value *out)
{
    *out = (struct fby_value){.type = FBY_MAP};
    out->fields = arena_alloc(t->arena, room * sizeof *out->fields);
    return out->fields != NULL;
}

bool sparkplug_tree_list(struct sparkplug_tree *t, size_t room, struct fby_value *out)
{
    *out = (struct fby_value){.type = FBY_LIST};
    out->items = arena_alloc(t->arena, room * sizeof *out->items);
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

bool sparkplug_tree_put_bytes(struct sparkplug_tree *t, struct fby_value *map, struct bytes name,
                              struct fby_value v)
{
    size_t len = name.len;
    char *copy =
        utf8_is_valid(name) ? arena_strndup(t->arena, name.data, name.len) : repair(name, &len, t->arena);
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

/* The same with slots from the arena. */
static long take_out_equals(struct fby_value *map, struct arena *a)
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

long sparkplug_tree_unique(struct sparkplug_tree *t, struct fby_value *map)
{
    struct arena_mark mark = arena_mark(t->scratch);
    long taken_out = take_out_equals(map, t->scratch);
    if (mark.current)
        arena_rewind(t->scratch, mark);
    return taken_out;
}

/* Where its bytes are when they live as long as the tree, else a copy. NULL: no memory. */
static const char *place(const struct sparkplug_tree *t, struct bytes bytes)
{
    if (bytes.len == 0)
        return "";
    if ((uintptr_t)bytes.data - (uintptr_t)t->stays.data < t->stays.len)
        return (const char *)bytes.data;
    return arena_strndup(t->arena, bytes.data, bytes.len);
}

bool sparkplug_tree_text(struct sparkplug_tree *t, struct bytes text, struct fby_value *out)
{
    size_t len = text.len;
    const char *valid = utf8_is_valid(text) ? place(t, text) : repair(text, &len, t->arena);
    *out = (struct fby_value){.type = FBY_STRING, .len = (uint32_t)len, .bytes = valid};
    return valid != NULL;
}

bool sparkplug_tree_bytes(struct sparkplug_tree *t, struct bytes bytes, struct fby_value *out)
{
    *out = (struct fby_value){.type = FBY_BYTES, .len = (uint32_t)bytes.len, .bytes = place(t, bytes)};
    return out->bytes != NULL;
}
