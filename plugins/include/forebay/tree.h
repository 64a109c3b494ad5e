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

static inline bool fby_tree_begin(struct fby_tree *t, const struct fby_host *host, struct fby_decode *d,
                                  const struct fby_tree_limits *limits)
{
    t->host = host;
    t->decode = d;
    t->count = 0;
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

static inline void *fby_tree_alloc(struct fby_tree *t, size_t size)
{
    void *memory = t->host->decode_alloc(t->decode, size);
    if (!memory)
        (void)fby_tree_fail(t, "it needs more than the %zu bytes of memory that it may use",
                            t->decode->limits.memory);
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

static inline int fby_tree_compare_names(const void *a, const void *b)
{
    const struct fby_bytes *x = *(const struct fby_bytes *const *)a, *y = *(const struct fby_bytes *const *)b;
    if (x->len != y->len)
        return x->len < y->len ? -1 : 1;
    return memcmp(x->data, y->data, x->len);
}

/* The name that occurs twice, or NULL; sorting cannot be flooded as hashing can. */
static inline const struct fby_bytes *fby_tree_find_twice(const struct fby_field *fields, size_t n,
                                                          const struct fby_bytes **sorted)
{
    for (size_t i = 0; i < n; i++)
        sorted[i] = &fields[i].name;
    qsort(sorted, n, sizeof(*sorted), fby_tree_compare_names);
    for (size_t i = 1; i < n; i++)
        if (fby_tree_compare_names(&sorted[i - 1], &sorted[i]) == 0)
            return sorted[i];
    return NULL;
}

static inline bool fby_tree_check_names(struct fby_tree *t, const struct fby_field *fields, size_t n)
{
    enum { FEW = 32 };
    const struct fby_bytes *few[FEW];
    const struct fby_bytes **sorted = n <= FEW ? few : (const struct fby_bytes **)malloc(n * sizeof(*sorted));
    if (!sorted)
        return fby_tree_fail(t, "there is no memory");
    const struct fby_bytes *twice = fby_tree_find_twice(fields, n, sorted);
    if (sorted != few)
        free(sorted);
    return !twice || fby_tree_fail(t, "the key \"%.*s\" occurs twice in a map",
                                   (int)(twice->len < 100 ? twice->len : 100), twice->data);
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
