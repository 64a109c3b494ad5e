/* SPDX-License-Identifier: Apache-2.0
 *
 * For codec plugins: builds the value tree of one payload within the limits of the call, whatever a hostile
 * payload claims about itself. Values are stacked as they are read and moved into the message's memory when
 * their list or map is complete, so nothing is ever allocated because a header announces it. Optional: it
 * uses forebay/plugin.h and nothing else.
 */
#ifndef FOREBAY_TREE_H
#define FOREBAY_TREE_H

#include <forebay/plugin.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One for each instance; zero-initialised is empty. */
struct fby_tree {
    const struct fby_host *host;
    struct fby_decode *decode;
    struct fby_field *stack; /* read and not yet in a list or map; names only for maps */
    size_t count, capacity;
    uint32_t depth_left, elements_left;
    char *spare; /* memory of the message that is not used yet */
    size_t spare_len;
};

/* Options that every format has; rows for them: FBY_TREE_LIMIT_ROWS(struct of the options, member). */
struct fby_tree_limits {
    int64_t max_payload, max_depth, max_elements;
};

#define FBY_TREE_LIMIT_ROWS(options_type, member)                                                            \
    {.name = "max_payload",                                                                                  \
     .type = FBY_OPTION_SIZE,                                                                                \
     .offset = offsetof(options_type, member.max_payload),                                                   \
     .default_text = "256 KiB",                                                                              \
     .min = 1,                                                                                               \
     .max = 16 << 20,                                                                                        \
     .help = "Larger payloads go to the dead letters."},                                                     \
        {.name = "max_depth",                                                                                \
         .type = FBY_OPTION_INT,                                                                             \
         .offset = offsetof(options_type, member.max_depth),                                                 \
         .default_text = "64",                                                                               \
         .min = 1,                                                                                           \
         .max = 64,                                                                                          \
         .help = "Lists and maps within each other."},                                                       \
    {                                                                                                        \
        .name = "max_elements", .type = FBY_OPTION_INT,                                                      \
        .offset = offsetof(options_type, member.max_elements), .default_text = "65536", .min = 1,            \
        .max = 65536, .help = "Values of any kind in one payload."                                           \
    }

/* The reason of the refusal; always false, so that `return fby_tree_fail(…)` reads well. */
#ifdef __GNUC__
__attribute__((format(printf, 2, 3)))
#endif
static inline bool
fby_tree_fail(struct fby_tree *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(t->decode->error.text, sizeof t->decode->error.text, format, args);
    va_end(args);
    return false;
}

/* For create(): does the daemon know codecs? Else the reason is set. */
static inline bool fby_tree_is_served(const struct fby_host *host, struct fby_error *err)
{
    if (host->size >= offsetof(struct fby_host, encode_write) + sizeof host->encode_write)
        return true;
    snprintf(err->text, sizeof err->text, "it needs a daemon with plugin ABI 1.1 or later");
    return false;
}

static inline bool fby_tree_begin(struct fby_tree *t, const struct fby_host *host, struct fby_decode *d,
                                  const struct fby_tree_limits *limits)
{
    t->host = host;
    t->decode = d;
    t->count = 0;
    t->spare = NULL;
    t->spare_len = 0;
    t->depth_left = limits->max_depth < d->limits.depth ? (uint32_t)limits->max_depth : d->limits.depth;
    t->elements_left =
        limits->max_elements < d->limits.elements ? (uint32_t)limits->max_elements : d->limits.elements;
    if (d->payload.len > (size_t)limits->max_payload)
        return fby_tree_fail(t, "the payload has %zu bytes and max_payload is %lld", d->payload.len,
                             (long long)limits->max_payload);
    return true;
}

/* After decode(): keeps the stack for the next message unless this one was unusually large. */
static inline void fby_tree_end(struct fby_tree *t)
{
    enum { KEPT_MAX = 4096 };
    if (t->capacity <= KEPT_MAX)
        return;
    free(t->stack);
    t->stack = NULL;
    t->capacity = 0;
}

static inline void fby_tree_finish(struct fby_tree *t)
{
    free(t->stack);
    memset(t, 0, sizeof *t);
}

static inline void *fby_tree_alloc_slow(struct fby_tree *t, size_t size)
{
    enum { PIECE = 1024, MOST_OF_PIECE = 256 };
    void *memory = size <= MOST_OF_PIECE ? t->host->decode_alloc(t->decode, PIECE) : NULL;
    if (memory) {
        t->spare = (char *)memory + size;
        t->spare_len = PIECE - size;
        return memory;
    }
    memory = t->host->decode_alloc(t->decode, size);
    if (!memory)
        (void)fby_tree_fail(t, "it needs more than the %zu bytes of memory that it may use",
                            t->decode->limits.memory);
    return memory;
}

/* Memory of the message, aligned for values; NULL: no more, and the reason is set. */
static inline void *fby_tree_alloc(struct fby_tree *t, size_t size)
{
    size_t rounded = (size + 7) & ~(size_t)7;
    if (rounded < size || rounded > t->spare_len)
        return fby_tree_alloc_slow(t, size < rounded ? rounded : size);
    void *memory = t->spare;
    t->spare += rounded;
    t->spare_len -= rounded;
    return memory;
}

/* Count one value; call it for every one, before it is read. */
static inline bool fby_tree_count(struct fby_tree *t)
{
    if (t->elements_left == 0)
        return fby_tree_fail(t, "it has more values than max_elements allows");
    t->elements_left--;
    return true;
}

/* Begin a list or map; `base` is for the close. */
static inline bool fby_tree_open(struct fby_tree *t, size_t *base)
{
    if (t->depth_left == 0)
        return fby_tree_fail(t, "lists and maps are nested deeper than max_depth allows");
    t->depth_left--;
    *base = t->count;
    return true;
}

/* Add to the list or map that is open; lists have no names. */
static inline bool fby_tree_push(struct fby_tree *t, struct fby_bytes name, struct fby_value value)
{
    if (t->count == t->capacity) {
        size_t capacity = t->capacity ? 2 * t->capacity : 64;
        struct fby_field *stack = (struct fby_field *)realloc(t->stack, capacity * sizeof *stack);
        if (!stack)
            return fby_tree_fail(t, "there is no memory");
        t->stack = stack;
        t->capacity = capacity;
    }
    t->stack[t->count].name = name;
    t->stack[t->count++].value = value;
    return true;
}

static inline bool fby_tree_close_list(struct fby_tree *t, size_t base, struct fby_value *out)
{
    size_t n = t->count - base;
    struct fby_value *items = NULL;
    if (n && !(items = (struct fby_value *)fby_tree_alloc(t, n * sizeof *items)))
        return false;
    for (size_t i = 0; i < n; i++)
        items[i] = t->stack[base + i].value;
    memset(out, 0, sizeof *out);
    out->type = FBY_LIST;
    out->len = (uint32_t)n;
    out->items = items;
    t->count = base;
    t->depth_left++;
    return true;
}

/* A name as a sort sees it: most are told apart by their first eight bytes and their length. */
struct fby_tree_key {
    uint64_t head;
    const struct fby_bytes *name;
};

static inline int fby_tree_compare_keys(const struct fby_tree_key *a, const struct fby_tree_key *b)
{
    const size_t head = sizeof a->head;
    if (a->head != b->head)
        return a->head < b->head ? -1 : 1;
    if (a->name->len != b->name->len)
        return a->name->len < b->name->len ? -1 : 1;
    return a->name->len <= head ? 0 : memcmp(a->name->data + head, b->name->data + head, a->name->len - head);
}

/* Into `to`, from two sorted runs of `from` that follow each other; a name that is in both, or NULL. */
static inline const struct fby_bytes *fby_tree_merge_keys(const struct fby_tree_key *from,
                                                          struct fby_tree_key *to, size_t begin,
                                                          size_t middle, size_t end)
{
    size_t a = begin, b = middle, k = begin;
    while (a < middle && b < end) {
        int order = fby_tree_compare_keys(&from[a], &from[b]);
        if (order == 0)
            return from[a].name;
        to[k++] = order < 0 ? from[a++] : from[b++];
    }
    while (a < middle)
        to[k++] = from[a++];
    while (b < end)
        to[k++] = from[b++];
    return NULL;
}

/* The name that occurs twice, or NULL. Each two that are equal meet, and sorting cannot be flooded as hashing
 * can. `other` has room for as many keys. */
static inline const struct fby_bytes *fby_tree_sort_keys(struct fby_tree_key *keys,
                                                         struct fby_tree_key *other, size_t n)
{
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t begin = 0; begin < n; begin += 2 * width) {
            size_t middle = n - begin < width ? n : begin + width;
            size_t end = n - begin < 2 * width ? n : begin + 2 * width;
            const struct fby_bytes *twice = fby_tree_merge_keys(keys, other, begin, middle, end);
            if (twice)
                return twice;
        }
        struct fby_tree_key *sorted = other;
        other = keys;
        keys = sorted;
    }
    return NULL;
}

/* The name that occurs twice, or NULL, when each is compared with each. */
static inline const struct fby_bytes *fby_tree_find_twice_of_few(const struct fby_field *fields, size_t n)
{
    for (size_t i = 1; i < n; i++)
        for (size_t k = 0; k < i; k++)
            if (fields[i].name.len == fields[k].name.len &&
                memcmp(fields[i].name.data, fields[k].name.data, fields[i].name.len) == 0)
                return &fields[i].name;
    return NULL;
}

/* The name that occurs twice, or NULL. `keys` has room for 2 n. */
static inline const struct fby_bytes *fby_tree_find_twice(const struct fby_field *fields, size_t n,
                                                          struct fby_tree_key *keys)
{
    bool ascends = true;
    for (size_t i = 0; i < n; i++) {
        size_t len = fields[i].name.len;
        keys[i].head = 0;
        keys[i].name = &fields[i].name;
        memcpy(&keys[i].head, fields[i].name.data, len < sizeof keys[i].head ? len : sizeof keys[i].head);
        ascends = ascends && (i == 0 || fby_tree_compare_keys(&keys[i - 1], &keys[i]) < 0);
    }
    return ascends ? NULL : fby_tree_sort_keys(keys, keys + n, n);
}

static inline bool fby_tree_check_twice(struct fby_tree *t, const struct fby_bytes *twice)
{
    return !twice || fby_tree_fail(t, "the key \"%.*s\" occurs twice in a map",
                                   (int)(twice->len < 100 ? twice->len : 100), twice->data);
}

static inline bool fby_tree_check_names(struct fby_tree *t, const struct fby_field *fields, size_t n)
{
    enum { VERY_FEW = 4, FEW = 32 };
    struct fby_tree_key few[2 * FEW];
    if (n <= VERY_FEW)
        return fby_tree_check_twice(t, fby_tree_find_twice_of_few(fields, n));
    struct fby_tree_key *keys = n <= FEW ? few : (struct fby_tree_key *)malloc(2 * n * sizeof *keys);
    if (!keys)
        return fby_tree_fail(t, "there is no memory");
    const struct fby_bytes *twice = fby_tree_find_twice(fields, n, keys);
    if (keys != few)
        free(keys);
    return fby_tree_check_twice(t, twice);
}

/* Refuses names that occur twice: what they mean would depend on the reader. */
static inline bool fby_tree_close_map(struct fby_tree *t, size_t base, struct fby_value *out)
{
    size_t n = t->count - base;
    struct fby_field *fields = NULL;
    if (n && !(fields = (struct fby_field *)fby_tree_alloc(t, n * sizeof *fields)))
        return false;
    if (n)
        memcpy(fields, t->stack + base, n * sizeof *fields);
    if (n > 1 && !fby_tree_check_names(t, fields, n))
        return false;
    memset(out, 0, sizeof *out);
    out->type = FBY_MAP;
    out->len = (uint32_t)n;
    out->fields = fields;
    t->count = base;
    t->depth_left++;
    return true;
}

/* A NUL-terminated copy for a field's name. */
static inline bool fby_tree_name(struct fby_tree *t, const char *text, size_t len, struct fby_bytes *name)
{
    char *copy = (char *)fby_tree_alloc(t, len + 1);
    if (!copy)
        return false;
    memcpy(copy, text, len);
    copy[len] = 0;
    name->data = copy;
    name->len = len;
    return true;
}

/* Names of the integers from -32 to 31, which need no memory of the message. */
#define FBY_TREE_NAMES_FIRST (-32)
static const char fby_tree_names[64][4] = {
    "-32", "-31", "-30", "-29", "-28", "-27", "-26", "-25", "-24", "-23", "-22", "-21", "-20",
    "-19", "-18", "-17", "-16", "-15", "-14", "-13", "-12", "-11", "-10", "-9",  "-8",  "-7",
    "-6",  "-5",  "-4",  "-3",  "-2",  "-1",  "0",   "1",   "2",   "3",   "4",   "5",   "6",
    "7",   "8",   "9",   "10",  "11",  "12",  "13",  "14",  "15",  "16",  "17",  "18",  "19",
    "20",  "21",  "22",  "23",  "24",  "25",  "26",  "27",  "28",  "29",  "30",  "31"};

/* The name of a field from a key as it was read: texts as they are, integers in decimal. False: other kinds
 * have no name in a value tree, and the reason is set. */
static inline bool fby_tree_key_name(struct fby_tree *t, const struct fby_value *key, struct fby_bytes *name)
{
    char digits[20];
    size_t at = sizeof digits;
    if (key->type == FBY_STRING)
        return fby_tree_name(t, key->bytes, key->len, name);
    if (key->type != FBY_INT && key->type != FBY_UINT)
        return fby_tree_fail(t, "a key of a map is neither text nor integer");
    if (key->type == FBY_INT && key->uinteger - (uint64_t)FBY_TREE_NAMES_FIRST < 64) {
        name->data = fby_tree_names[key->uinteger - (uint64_t)FBY_TREE_NAMES_FIRST];
        name->len = strlen(name->data);
        return true;
    }
    bool negative = key->type == FBY_INT && key->integer < 0;
    uint64_t n = negative ? 0 - key->uinteger : key->uinteger;
    do
        digits[--at] = (char)('0' + n % 10);
    while (n /= 10);
    if (negative)
        digits[--at] = '-';
    return fby_tree_name(t, digits + at, sizeof digits - at, name);
}

/* The length of the UTF-8 sequence at `p` with `left` bytes to go; 0: it is none. */
static inline size_t fby_tree_utf8_step(const unsigned char *p, size_t left)
{
    unsigned c = p[0];
    size_t n = c < 0x80                ? 1
               : c >= 0xc2 && c < 0xe0 ? 2
               : c >= 0xe0 && c < 0xf0 ? 3
               : c >= 0xf0 && c < 0xf5 ? 4
                                       : 0;
    if (n == 0 || n > left)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0u) != 0x80u)
            return 0;
    if ((c == 0xe0 && p[1] < 0xa0) || (c == 0xed && p[1] > 0x9f) || (c == 0xf0 && p[1] < 0x90) ||
        (c == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

static inline bool fby_tree_is_utf8(const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text;
    for (size_t i = 0, n; i < len; i += n) {
        n = fby_tree_utf8_step(p + i, len - i);
        if (n == 0)
            return false;
    }
    return true;
}

/* Text borrowed from the payload. */
static inline bool fby_tree_text(struct fby_tree *t, const char *text, size_t len, struct fby_value *out)
{
    if (!fby_tree_is_utf8(text, len))
        return fby_tree_fail(t, "a text is not valid UTF-8");
    memset(out, 0, sizeof *out);
    out->type = FBY_STRING;
    out->len = (uint32_t)len;
    out->bytes = text;
    return true;
}

static inline struct fby_value fby_tree_uint(uint64_t u)
{
    struct fby_value v;
    memset(&v, 0, sizeof v);
    v.type = u > INT64_MAX ? FBY_UINT : FBY_INT;
    v.uinteger = u;
    return v;
}

static inline struct fby_value fby_tree_int(int64_t i)
{
    struct fby_value v;
    memset(&v, 0, sizeof v);
    v.type = FBY_INT;
    v.integer = i;
    return v;
}

static inline struct fby_value fby_tree_double(double d, uint8_t flags)
{
    struct fby_value v;
    memset(&v, 0, sizeof v);
    v.type = FBY_DOUBLE;
    v.flags = flags;
    v.number = d;
    return v;
}

#ifdef __cplusplus
}
#endif

#endif
