/* SPDX-License-Identifier: Apache-2.0
 *
 * Arena: alignment, limits, marks, reuse after reset, growing in place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"

static void test_alignment_and_reuse(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 256, 0);
    void *first = arena_alloc(&a, 1);
    for (size_t size = 1; size < 2000; size += 7) {
        uint8_t *p = arena_alloc(&a, size);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        memset(p, 0xaa, size);
    }
    arena_reset(&a);
    assert_int_equal(a.used, 0);
    assert_ptr_equal(arena_alloc(&a, 1), first);
    arena_finish(&a);
    assert_non_null(arena_alloc(&a, 100)); /* usable again */
    arena_finish(&a);
}

static void test_limit(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 64, 1000);
    size_t taken = 0;
    while (arena_alloc(&a, 48))
        taken += 48;
    assert_true(a.failed);
    assert_true(taken <= 1000 && taken > 900);
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_null(arena_alloc(&a, SIZE_MAX - 8));
    assert_null(arena_calloc(&a, SIZE_MAX / 2, 3));
    assert_null(arena_strndup(&a, "x", SIZE_MAX));
    arena_reset(&a);
    assert_false(a.failed);
    assert_non_null(arena_alloc(&a, 900));
    arena_finish(&a);
}

static void test_marks(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 128, 0);
    struct arena_mark empty = arena_mark(&a);
    char *kept = arena_strdup(&a, "kept");
    struct arena_mark mark = arena_mark(&a);
    size_t used = a.used;
    void *next = arena_alloc(&a, 32);
    for (int i = 0; i < 50; i++)
        arena_alloc(&a, 100);
    arena_rewind(&a, mark);
    assert_int_equal(a.used, used);
    assert_string_equal(kept, "kept");
    assert_ptr_equal(arena_alloc(&a, 32), next);
    arena_rewind(&a, empty);
    assert_int_equal(a.used, 0);
    arena_finish(&a);
}

static void test_copies_and_growth(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 4096, 0);
    uint8_t *zero = arena_calloc(&a, 10, 10);
    for (int i = 0; i < 100; i++)
        assert_int_equal(zero[i], 0);
    assert_string_equal(arena_strndup(&a, "abcdef", 3), "abc");
    assert_string_equal(arena_strndup(&a, NULL, 0), "");
    char *p = arena_alloc(&a, 16);
    memcpy(p, "0123456789abcdef", 16);
    assert_ptr_equal(arena_grow(&a, p, 16, 64), p); /* the newest: in place */
    arena_alloc(&a, 1);
    char *moved = arena_grow(&a, p, 64, 128);
    assert_ptr_not_equal(moved, p);
    assert_memory_equal(moved, "0123456789abcdef", 16);
    char *large = arena_grow(&a, moved, 128, 100000); /* beyond the chunk */
    assert_memory_equal(large, "0123456789abcdef", 16);
    assert_non_null(arena_grow(&a, NULL, 0, 10));
    arena_finish(&a);
}

/* Marking, taking and rewinding at the end of a chunk uses one chunk again and again. */
static void test_rewind_keeps_a_chunk(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 1024, 8192);
    assert_non_null(arena_alloc(&a, 1000));
    struct arena_mark mark = arena_mark(&a);
    void *first = arena_alloc(&a, 512);
    size_t used = a.used;
    for (int i = 0; i < 3; i++) {
        arena_rewind(&a, mark);
        assert_ptr_equal(arena_alloc(&a, 512), first);
        assert_int_equal(a.used, used);
    }
    /* What does not fit there gets a chunk of its own, and a large one is not kept. */
    arena_rewind(&a, mark);
    memset(arena_alloc(&a, 4000), 1, 4000);
    arena_rewind(&a, mark);
    memset(arena_alloc(&a, 512), 2, 512);
    memset(arena_alloc(&a, 1024), 3, 1024);
    arena_reset(&a);
    memset(arena_alloc(&a, 1024), 4, 1024);
    arena_finish(&a);
}

static uint8_t given[3][4096];
static size_t given_count;

static void *give(void *ctx, size_t size)
{
    assert_ptr_equal(ctx, given);
    return given_count < 3 && size <= sizeof given[0] ? given[given_count++] : NULL;
}

/* Chunks that come from elsewhere are never given back. */
static void test_memory_of_others(void **state)
{
    (void)state;
    struct arena a;
    arena_init_within(&a, 1024, 0, give, given);
    uint8_t *first = arena_alloc(&a, 600);
    assert_true(first >= given[0] && first < given[1]);
    memset(first, 1, 600);
    struct arena_mark mark = arena_mark(&a);
    memset(arena_alloc(&a, 1000), 2, 1000);
    assert_int_equal(given_count, 2);
    arena_rewind(&a, mark);
    memset(arena_alloc(&a, 1000), 3, 1000);
    arena_reset(&a);
    assert_null(arena_alloc(&a, 5000));
    assert_true(a.failed);
    arena_finish(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alignment_and_reuse),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_rewind_keeps_a_chunk),
        cmocka_unit_test(test_copies_and_growth),
        cmocka_unit_test(test_memory_of_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
