/* SPDX-License-Identifier: Apache-2.0
 *
 * See value.h. Trees that plugins have touched are walked with a depth limit, since nothing else keeps them
 * finite.
 */
#include "message/value.h"

#include "base/number_parse.h"

#include <assert.h>
#include <math.h>

struct fby_value value_null(void)
{
    return (struct fby_value){.type = FBY_NULL};
}

struct fby_value value_bool(bool b)
{
    return (struct fby_value){.type = FBY_BOOL, .boolean = b};
}

struct fby_value value_int(int64_t i)
{
    return (struct fby_value){.type = FBY_INT, .integer = i};
}

struct fby_value value_uint(uint64_t u)
{
    return (struct fby_value){.type = FBY_UINT, .uinteger = u};
}

struct fby_value value_double(double d)
{
    return (struct fby_value){.type = FBY_DOUBLE, .number = d};
}

static struct fby_value value_of_bytes(enum fby_type type, struct bytes b)
{
    assert(b.len <= UINT32_MAX);
    return (struct fby_value){.type = (uint8_t)type, .len = (uint32_t)b.len, .bytes = (const char *)b.data};
}

struct fby_value value_string(struct bytes text)
{
    return value_of_bytes(FBY_STRING, text);
}

struct fby_value value_text(const char *text)
{
    return value_string(bytes_of_text(text));
}

struct fby_value value_bytes(struct bytes data)
{
    return value_of_bytes(FBY_BYTES, data);
}

static struct fby_field *find_field(const struct fby_value *map, struct bytes name)
{
    if (map->type != FBY_MAP)
        return NULL;
    for (uint32_t i = 0; i < map->len; i++) {
        struct fby_field *f = &map->fields[i];
        if (f->name.len == name.len && memcmp(f->name.data, name.data, name.len) == 0)
            return f;
    }
    return NULL;
}

struct fby_value *value_field(const struct fby_value *map, struct bytes name)
{
    struct fby_field *f = find_field(map, name);
    return f ? &f->value : NULL;
}

/* A list entry by its number in decimal. */
static struct fby_value *value_entry(const struct fby_value *list, struct bytes number)
{
    uint64_t index = 0;
    if (number.len == 0 || number.len > 10)
        return NULL;
    for (size_t i = 0; i < number.len; i++) {
        if (number.data[i] < '0' || number.data[i] > '9')
            return NULL;
        index = index * 10 + (uint64_t)(number.data[i] - '0');
    }
    return index < list->len ? &list->items[index] : NULL;
}

struct fby_value *value_path(struct fby_value *root, struct bytes path)
{
    struct fby_value *v = root;
    while (v) {
        const uint8_t *dot = path.len ? memchr(path.data, '.', path.len) : NULL;
        size_t len = dot ? (size_t)(dot - path.data) : path.len;
        struct bytes step = bytes_of(path.data, len);
        v = v->type == FBY_LIST ? value_entry(v, step) : value_field(v, step);
        if (!dot)
            return v;
        path = bytes_of(dot + 1, path.len - len - 1);
    }
    return NULL;
}

bool value_set_field(struct fby_value *map, struct bytes name, struct fby_value field, struct arena *a)
{
    if (map->type != FBY_MAP)
        return false;
    struct fby_field *f = find_field(map, name);
    if (f) {
        f->value = field;
        return true;
    }
    size_t size = map->len * sizeof *f;
    struct fby_field *fields =
        map->len == UINT32_MAX ? NULL : arena_grow(a, map->fields, size, size + sizeof *f);
    if (!fields)
        return false;
    fields[map->len] = (struct fby_field){{(const char *)name.data, name.len}, field};
    map->fields = fields;
    map->len++;
    return true;
}

bool value_remove_field(struct fby_value *map, struct bytes name)
{
    struct fby_field *f = find_field(map, name);
    if (!f)
        return false;
    size_t behind = map->len - (size_t)(f - map->fields) - 1;
    memmove(f, f + 1, behind * sizeof *f);
    map->len--;
    return true;
}

static bool copy_below(const struct fby_value *from, struct fby_value *to, struct arena *a, unsigned depth);

static bool copy_list(const struct fby_value *from, struct fby_value *to, struct arena *a, unsigned depth)
{
    if (from->len == 0)
        return true;
    struct fby_value *items = arena_alloc(a, from->len * sizeof *items);
    if (!items)
        return false;
    to->items = items;
    for (uint32_t i = 0; i < from->len; i++)
        if (!copy_below(&from->items[i], &items[i], a, depth))
            return false;
    return true;
}

static bool copy_map(const struct fby_value *from, struct fby_value *to, struct arena *a, unsigned depth)
{
    if (from->len == 0)
        return true;
    struct fby_field *fields = arena_alloc(a, from->len * sizeof *fields);
    if (!fields)
        return false;
    to->fields = fields;
    for (uint32_t i = 0; i < from->len; i++) {
        struct fby_bytes name = from->fields[i].name;
        char *text = arena_strndup(a, name.data, name.len);
        if (!text)
            return false;
        fields[i].name = (struct fby_bytes){text, name.len};
        if (!copy_below(&from->fields[i].value, &fields[i].value, a, depth))
            return false;
    }
    return true;
}

static bool copy_below(const struct fby_value *from, struct fby_value *to, struct arena *a, unsigned depth)
{
    *to = *from;
    if (depth > VALUE_DEPTH_MAX)
        return false;
    switch (from->type) {
    case FBY_STRING:
    case FBY_BYTES:
        to->bytes = arena_strndup(a, from->bytes, from->len);
        return to->bytes != NULL;
    case FBY_LIST:
        return copy_list(from, to, a, depth + 1);
    case FBY_MAP:
        return copy_map(from, to, a, depth + 1);
    default:
        return true;
    }
}

bool value_copy(const struct fby_value *from, struct fby_value *to, struct arena *a)
{
    return copy_below(from, to, a, 0);
}

bool value_is_number_text(const struct fby_value *v)
{
    return v->type == FBY_STRING && (v->flags & FBY_FLAG_DIGITS) &&
           number_is_json(bytes_of(v->bytes, v->len));
}

static bool is_number(const struct fby_value *v)
{
    return v->type == FBY_INT || v->type == FBY_UINT || v->type == FBY_DOUBLE;
}

/* Two integers of either type. */
static bool integers_equal(const struct fby_value *a, const struct fby_value *b)
{
    bool a_negative = a->type == FBY_INT && a->integer < 0, b_negative = b->type == FBY_INT && b->integer < 0;
    return a_negative == b_negative && a->uinteger == b->uinteger;
}

static bool integer_equals_double(const struct fby_value *i, double d)
{
    /* -2^63 and 2^64, exactly */
    if (!(d >= -9223372036854775808.0 && d < 18446744073709551616.0) || d != floor(d))
        return false;
    struct fby_value whole = d < 0 ? value_int((int64_t)d) : value_uint((uint64_t)d);
    return integers_equal(i, &whole);
}

static bool numbers_equal(const struct fby_value *a, const struct fby_value *b)
{
    if (a->type != FBY_DOUBLE && b->type != FBY_DOUBLE)
        return integers_equal(a, b);
    if (a->type != FBY_DOUBLE)
        return integer_equals_double(a, b->number);
    if (b->type != FBY_DOUBLE)
        return integer_equals_double(b, a->number);
    return !(a->number < b->number) && !(a->number > b->number) && isnan(a->number) == isnan(b->number);
}

static bool equal_below(const struct fby_value *a, const struct fby_value *b, unsigned depth);

static bool lists_equal(const struct fby_value *a, const struct fby_value *b, unsigned depth)
{
    for (uint32_t i = 0; i < a->len; i++)
        if (!equal_below(&a->items[i], &b->items[i], depth))
            return false;
    return true;
}

static bool maps_equal(const struct fby_value *a, const struct fby_value *b, unsigned depth)
{
    for (uint32_t i = 0; i < a->len; i++) {
        struct bytes name = bytes_of(a->fields[i].name.data, a->fields[i].name.len);
        struct bytes same = bytes_of(b->fields[i].name.data, b->fields[i].name.len);
        const struct fby_value *other = bytes_equal(name, same) ? &b->fields[i].value : value_field(b, name);
        if (!other || !equal_below(&a->fields[i].value, other, depth))
            return false;
    }
    return true;
}

static bool equal_below(const struct fby_value *a, const struct fby_value *b, unsigned depth)
{
    if (is_number(a) && is_number(b))
        return numbers_equal(a, b);
    if (a->type != b->type || depth > VALUE_DEPTH_MAX)
        return false;
    switch (a->type) {
    case FBY_BOOL:
        return a->boolean == b->boolean;
    case FBY_STRING:
    case FBY_BYTES:
        return bytes_equal(bytes_of(a->bytes, a->len), bytes_of(b->bytes, b->len));
    case FBY_TIME:
        return a->time_s == b->time_s && a->len == b->len;
    case FBY_LIST:
        return a->len == b->len && lists_equal(a, b, depth + 1);
    case FBY_MAP:
        return a->len == b->len && maps_equal(a, b, depth + 1);
    default:
        return true;
    }
}

bool value_equal(const struct fby_value *a, const struct fby_value *b)
{
    return equal_below(a, b, 0);
}
