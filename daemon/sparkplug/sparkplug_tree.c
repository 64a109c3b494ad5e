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
