/* SPDX-License-Identifier: Apache-2.0
 *
 * A borrowed run of bytes, and a buffer that grows.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Borrowed; not NUL-terminated. */
struct bytes {
    const uint8_t *data;
    size_t len;
};

static inline struct bytes bytes_of(const void *data, size_t len)
{
    return (struct bytes){(const uint8_t *)data, len};
}

static inline struct bytes bytes_of_text(const char *text)
{
    return (struct bytes){(const uint8_t *)text, text ? strlen(text) : 0};
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* A growing buffer. Zero-initialised is empty. `failed` stays set once memory or `limit` ran out; appends are
 * then ignored, so a writer checks once at its end. */
struct buffer {
    uint8_t *data;
    size_t len;
    size_t capacity;
    size_t limit; /* bytes; 0: none */
    bool failed;
};

/* Make room for `extra` more bytes; false (and failed) when that cannot be. */
bool buffer_reserve_slow(struct buffer *b, size_t extra);

static inline bool buffer_reserve(struct buffer *b, size_t extra)
{
    bool is_within_limit = !b->limit || (extra <= b->limit && b->len <= b->limit - extra);
    if (b->capacity - b->len >= extra && !b->failed && is_within_limit)
        return true;
    return buffer_reserve_slow(b, extra);
}

static inline void buffer_add(struct buffer *b, const void *data, size_t len)
{
    if (len == 0 || !buffer_reserve(b, len))
        return;
    memcpy(b->data + b->len, data, len); /* cppcheck-suppress uninitvar */
    b->len += len;
}

static inline void buffer_add_byte(struct buffer *b, uint8_t byte)
{
    if (!buffer_reserve(b, 1))
        return;
    b->data[b->len++] = byte;
}

void buffer_add_text(struct buffer *b, const char *text);
void buffer_add_format(struct buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Empty it, keep the memory. */
void buffer_clear(struct buffer *b);
void buffer_finish(struct buffer *b);

static inline struct bytes buffer_bytes(const struct buffer *b)
{
    return (struct bytes){b->data, b->len};
}

#endif
