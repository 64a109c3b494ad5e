/* SPDX-License-Identifier: Apache-2.0
 *
 * For codec plugins that unpack: collects what comes out, bounded by size and by ratio, and hands it over in
 * one piece. Optional: it uses forebay/plugin.h and nothing else.
 */
#ifndef FOREBAY_UNPACK_H
#define FOREBAY_UNPACK_H

#include <forebay/plugin.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fby_unpack_options {
    int64_t max_output, max_ratio;
};

#define FBY_UNPACK_ROWS                                                                                      \
    {.name = "max_output",                                                                                   \
     .type = FBY_OPTION_SIZE,                                                                                \
     .offset = offsetof(struct fby_unpack_options, max_output),                                              \
     .default_text = "4 MiB",                                                                                \
     .min = 1024,                                                                                            \
     .max = 7 << 20,                                                                                         \
     .help = "Payloads that unpack to more go to the dead letters."},                                        \
        {.name = "max_ratio",                                                                                \
         .type = FBY_OPTION_INT,                                                                             \
         .offset = offsetof(struct fby_unpack_options, max_ratio),                                           \
         .default_text = "100",                                                                              \
         .min = 1,                                                                                           \
         .max = 10000,                                                                                       \
         .help = "Payloads that unpack to more than so many times their size, and more than 64 KiB, go to "  \
                 "the dead letters."},                                                                       \
    {                                                                                                        \
        .name = NULL                                                                                         \
    }

/* One for each instance. */
struct fby_unpack {
    const struct fby_host *host;
    const struct fby_unpack_options *options;
    unsigned char *data; /* what came out so far */
    size_t len, capacity, limit;
};

/* False: the daemon is older than codecs; the reason is set. */
static inline bool fby_unpack_init(struct fby_unpack *u, const struct fby_host *host, const void *options,
                                   struct fby_error *err)
{
    memset(u, 0, sizeof *u);
    u->host = host;
    u->options = (const struct fby_unpack_options *)options;
    if (host->size >= offsetof(struct fby_host, encode_write) + sizeof host->encode_write)
        return true;
    snprintf(err->text, sizeof err->text, "it needs a daemon with plugin ABI 1.1 or later");
    return false;
}

static inline void fby_unpack_finish(struct fby_unpack *u)
{
    free(u->data);
    memset(u, 0, sizeof *u);
}

static inline void fby_unpack_begin(struct fby_unpack *u, const struct fby_decode *d)
{
    const size_t free_of_ratio = 64 << 10;
    size_t most = (size_t)u->options->max_output, ratio = (size_t)u->options->max_ratio;
    size_t by_ratio = d->payload.len > most / ratio ? most : d->payload.len * ratio;
    u->limit = by_ratio < free_of_ratio ? free_of_ratio : by_ratio;
    if (u->limit > most)
        u->limit = most;
    u->len = 0;
}

/* The reason of a refusal; always false. */
static inline bool fby_unpack_fail(struct fby_decode *d, const char *reason)
{
    snprintf(d->error.text, sizeof d->error.text, "%s", reason);
    return false;
}

/* The reason when more comes out than may; always false. */
static inline bool fby_unpack_fail_limit(const struct fby_unpack *u, struct fby_decode *d)
{
    snprintf(d->error.text, sizeof d->error.text,
             "it unpacks to more than %zu bytes, which max_output (%lld) or max_ratio (%lld) forbids",
             u->limit, (long long)u->options->max_output, (long long)u->options->max_ratio);
    return false;
}

/* Have room for `capacity` bytes in all, or as many as the limit allows: one more than it, so that reaching
 * it is seen. False: there is no memory; the reason is set. */
static inline bool fby_unpack_reserve(struct fby_unpack *u, struct fby_decode *d, size_t capacity)
{
    if (capacity > u->limit + 1)
        capacity = u->limit + 1;
    if (capacity <= u->capacity)
        return true;
    /* NOLINTNEXTLINE: never 0, since a limit is never SIZE_MAX */
    unsigned char *data = (unsigned char *)realloc(u->data, capacity);
    if (!data)
        return fby_unpack_fail(d, "there is no memory to unpack it");
    u->data = data;
    u->capacity = capacity;
    return true;
}

/* Make room behind `len`. False: the limit was passed, or there is no memory; the reason is set. */
static inline bool fby_unpack_room(struct fby_unpack *u, struct fby_decode *d)
{
    if (u->len > u->limit)
        return fby_unpack_fail_limit(u, d);
    if (u->len < u->capacity)
        return true;
    return fby_unpack_reserve(u, d, u->capacity ? 2 * u->capacity : 16 << 10);
}

/* How much of the room may be used: never more than one byte beyond the limit. */
static inline size_t fby_unpack_space(const struct fby_unpack *u)
{
    size_t end = u->capacity < u->limit + 1 ? u->capacity : u->limit + 1;
    return end - u->len;
}

/* Hand it over as the value of `d`. */
static inline bool fby_unpack_end(struct fby_unpack *u, struct fby_decode *d)
{
    enum { KEPT_MAX = 256 << 10 };
    char *copy = u->len <= u->limit ? (char *)u->host->decode_alloc(d, u->len + 1) : NULL;
    if (copy) {
        memcpy(copy, u->data, u->len);
        memset(&d->value, 0, sizeof d->value);
        d->value.type = FBY_BYTES;
        d->value.len = (uint32_t)u->len;
        d->value.bytes = copy;
    } else if (u->len > u->limit) {
        (void)fby_unpack_fail_limit(u, d);
    }
    if (u->capacity > KEPT_MAX) {
        free(u->data);
        u->data = NULL;
        u->capacity = 0;
    }
    return copy != NULL;
}

#ifdef __cplusplus
}
#endif

#endif
