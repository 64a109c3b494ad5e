/* SPDX-License-Identifier: Apache-2.0
 *
 * What this proves: whatever a payload of the adversarial corpus holds, converting it takes memory and makes
 * output in proportion to its size only, and gives the memory back. Every allocation of the process is
 * counted, those of libraries too.
 */
#include "codec_runner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <malloc.h>

enum {
    OUTPUT_BASE = 16 << 10,
    OUTPUT_FACTOR = 32,
    MEMORY_BASE = 256 << 10, /* what a codec begins with, whatever comes */
    MEMORY_FACTOR = 96,
    UNPACKED_FREE = 64 << 10, /* defaults of forebay/unpack.h */
    UNPACKED_RATIO = 100,
    UNPACKED_MAX = 4 << 20,
    UNPACKED_COPIES = 4, /* a buffer that grows, the message's copy, the output */
};

/* ---- Every allocation, counted ---- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void __libc_free(void *memory);

static size_t used, peak;

#ifndef __SANITIZE_ADDRESS__
enum { IS_COUNTED = 1 };

static void *note(void *memory)
{
    used += memory ? malloc_usable_size(memory) : 0;
    peak = used > peak ? used : peak;
    return memory;
}

void *malloc(size_t size)
{
    return note(__libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
    return note(__libc_calloc(count, size));
}

void *realloc(void *memory, size_t size)
{
    used -= memory ? malloc_usable_size(memory) : 0;
    return note(__libc_realloc(memory, size));
}

void free(void *memory)
{
    used -= memory ? malloc_usable_size(memory) : 0;
    __libc_free(memory);
}
#else
enum { IS_COUNTED = 0 }; /* the sanitizer has its own allocator */
#endif

/* ---- */

static bool unpacks(const struct codec_case *c)
{
    return strcmp(c->codec, "gzip") == 0 || strcmp(c->codec, "zstd") == 0;
}

/* What a payload may unpack to. */
static size_t unpacked_max(size_t len)
{
    size_t most = len * UNPACKED_RATIO;
    most = most > UNPACKED_FREE ? most : UNPACKED_FREE;
    return most < UNPACKED_MAX ? most : UNPACKED_MAX;
}

static size_t output_max(const struct codec_case *c, size_t len)
{
    return unpacks(c) ? unpacked_max(len) : OUTPUT_BASE + OUTPUT_FACTOR * len;
}

static size_t memory_max(const struct codec_case *c, size_t len)
{
    return MEMORY_BASE + (unpacks(c) ? UNPACKED_COPIES * unpacked_max(len) : MEMORY_FACTOR * len);
}

/* A compressed envelope of Sparkplug is made of `size` bytes, and what is in it counts. */
static size_t counted_bytes(const struct codec_case *c, size_t size, size_t len)
{
    bool is_envelope = strcmp(c->codec, "sparkplug") == 0 && strcmp(c->name, "compressed") == 0;
    return is_envelope && size > len ? size : len;
}

static void run_case(const struct codec_case *c, size_t size)
{
    struct codec_runner *r = codec_runner_create(c->codec, "plugins");
    struct buffer payload = {0};
    struct bytes out;
    struct error err = {0};
    if (!r)
        return; /* a codec that is not built here */
    c->fill(&payload, size);
    size_t before = used;
    peak = used;
    enum status status = codec_runner_convert(r, buffer_bytes(&payload), &out, &err);
    size_t taken = peak - before, kept = used - before;
    size_t len = counted_bytes(c, size, payload.len);
    if (status != STATUS_OK && !err.text[0])
        fail_msg("%s: %s: refused without a reason", c->codec, c->name);
    if (out.len > output_max(c, len))
        fail_msg("%s: %s: %zu bytes became %zu", c->codec, c->name, len, out.len);
    if (taken > memory_max(c, len))
        fail_msg("%s: %s: %zu bytes took %zu bytes of memory", c->codec, c->name, len, taken);
    buffer_finish(&payload);
    codec_runner_destroy(r);
    if (getenv("CODEC_LIMITS_SHOW"))
        printf("%-12s %-30s %8zu in, %8zu out, %9zu taken (%.1f times), %9zu kept: %s\n", c->codec, c->name,
               len, out.len, taken, (double)taken / (double)len, kept, status_name(status));
}

static void run_cases(size_t size)
{
    const struct codec_case *c;
    for (size_t i = 0; (c = codec_runner_case(i)); i++)
        run_case(c, size);
}

static void small_payloads(void **state)
{
    (void)state;
    run_cases(700);
}

static void usual_payloads(void **state)
{
    (void)state;
    run_cases(30000);
}

static void the_largest_payloads(void **state)
{
    (void)state;
    run_cases(256 << 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_payloads),
        cmocka_unit_test(usual_payloads),
        cmocka_unit_test(the_largest_payloads),
    };
    printf("allocations are counted: %s\n", IS_COUNTED ? "yes" : "no");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
