/* SPDX-License-Identifier: Apache-2.0
 *
 * See http_batch.h.
 */
#include "http_batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* FNV-1a, 64 bits: the key must not depend on this process. */
static const uint64_t hash_start = 0xcbf29ce484222325u, hash_prime = 0x100000001b3u;

static uint64_t hash_bytes(uint64_t hash, struct fby_bytes b)
{
    for (size_t i = 0; i < b.len; i++)
        hash = (hash ^ (unsigned char)b.data[i]) * hash_prime;
    return (hash ^ b.len) * hash_prime;
}

uint64_t http_batch_hash_id(const struct fby_output *o)
{
    return hash_bytes(hash_start, o->id);
}

struct http_batch *http_batch_create(const struct fby_output *const *outputs, size_t count)
{
    struct http_batch *b = calloc(1, sizeof *b + count * sizeof(struct fby_output *));
    if (!b)
        return NULL;
    b->count = count;
    memcpy(b->outputs, outputs, count * sizeof(struct fby_output *));
    return b;
}

void http_batch_destroy(struct http_batch *b)
{
    if (!b)
        return;
    free(b->body);
    free(b);
}

struct http_batch *http_batch_split(struct http_batch *b)
{
    size_t first = b->count / 2;
    struct http_batch *second = http_batch_create(b->outputs + first, b->count - first);
    if (second)
        b->count = first;
    return second;
}

static size_t measure(const struct http_batch *b)
{
    size_t len = 2;
    for (size_t i = 0; i < b->count; i++)
        len += b->outputs[i]->payload.len + 5; /* a separator, or "null" for an empty one */
    return len;
}

/* Line breaks in JSON are only ever between its parts, where a space means the same. */
static size_t add_payload(char *to, struct fby_bytes payload, bool is_line)
{
    if (payload.len == 0) {
        memcpy(to, "null", 4);
        return 4;
    }
    memcpy(to, payload.data, payload.len);
    for (size_t i = 0; is_line && i < payload.len; i++)
        if (to[i] == '\n' || to[i] == '\r')
            to[i] = ' ';
    return payload.len;
}

bool http_batch_build(struct http_batch *b, enum http_format format)
{
    size_t size = measure(b);
    free(b->body);
    char *p = b->body = malloc(size);
    if (!p)
        return false;
    if (format == HTTP_FORMAT_SINGLE) {
        if (b->outputs[0]->payload.len)
            memcpy(p, b->outputs[0]->payload.data, b->outputs[0]->payload.len);
        b->body_len = b->outputs[0]->payload.len;
        return true;
    }
    bool is_array = format == HTTP_FORMAT_JSON_ARRAY;
    if (is_array)
        *p++ = '[';
    for (size_t i = 0; i < b->count; i++) {
        p += add_payload(p, b->outputs[i]->payload, !is_array);
        if (!is_array)
            *p++ = '\n';
        else
            *p++ = i + 1 < b->count ? ',' : ']';
    }
    b->body_len = (size_t)(p - b->body);
    return true;
}

const char *http_batch_content_type(const struct http_batch *b, enum http_format format, char *text,
                                    size_t size)
{
    if (format == HTTP_FORMAT_NDJSON)
        return "application/x-ndjson";
    if (format == HTTP_FORMAT_JSON_ARRAY)
        return "application/json";
    struct fby_bytes type = b->outputs[0]->content_type;
    if (type.len == 0 || type.len >= size)
        return "application/octet-stream";
    for (size_t i = 0; i < type.len; i++) /* it may come from a device */
        if (type.data[i] < ' ' || type.data[i] > '~')
            return "application/octet-stream";
    memcpy(text, type.data, type.len);
    text[type.len] = 0;
    return text;
}

void http_batch_format_key(const struct http_batch *b, char text[HTTP_KEY_MAX])
{
    uint64_t hash = hash_start;
    for (size_t i = 0; i < b->count; i++)
        hash = hash_bytes(hash, b->outputs[i]->id);
    struct fby_bytes first = b->outputs[0]->id;
    size_t len = first.len < 128 ? first.len : 128;
    for (size_t i = 0; i < len; i++)
        text[i] = first.data[i] > ' ' && first.data[i] <= '~' ? first.data[i] : '_';
    snprintf(text + len, HTTP_KEY_MAX - len, "-%zu-%016llx", b->count, (unsigned long long)hash);
}
