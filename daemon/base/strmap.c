/* SPDX-License-Identifier: Apache-2.0
 *
 * See strmap.h. SipHash after Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012), with 1 and 3
 * rounds.
 */
#include "base/strmap.h"

#include "base/memory.h"
#include "base/wide.h"

#include <stdlib.h>
#include <sys/random.h>

static uint64_t key[2];

static void __attribute__((constructor)) draw_key(void)
{
    if (getrandom(key, sizeof key, GRND_NONBLOCK) != (ssize_t)sizeof key)
        key[0] = (uint64_t)(uintptr_t)&key ^ UINT64_C(0x9e3779b97f4a7c15);
}

static uint64_t rotate(uint64_t x, int by)
{
    return (x << by) | (x >> (64 - by));
}

/* Inline, so that its words are in registers. */
static inline __attribute__((always_inline)) void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

uint64_t strmap_hash(const void *data, size_t len)
{
    const uint8_t *p = data;
    uint64_t v[4] = {key[0] ^ UINT64_C(0x736f6d6570736575), key[1] ^ UINT64_C(0x646f72616e646f6d),
                     key[0] ^ UINT64_C(0x6c7967656e657261), key[1] ^ UINT64_C(0x7465646279746573)};
    uint64_t last = (uint64_t)len << 56;
    for (; len >= 8; len -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    for (size_t i = 0; i < len; i++)
        last |= (uint64_t)p[i] << (8 * i);
    v[3] ^= last;
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t strmap_hash_number(uint64_t number)
{
    uint64_t low, high = wide_multiply(number ^ key[0], key[1] | 1, &low);
    return low ^ high;
}

static size_t find_slot(const struct strmap *m, struct bytes name, uint64_t hash)
{
    size_t slot = (size_t)hash & (m->slot_count - 1);
    while (m->slots[slot]) {
        const struct strmap_entry *e = &m->entries[m->slots[slot] - 1];
        if (e->hash == hash && e->len == name.len &&
            (name.len == 0 || memcmp(e->name, name.data, name.len) == 0))
            break;
        slot = (slot + 1) & (m->slot_count - 1);
    }
    return slot;
}

static void grow_slots(struct strmap *m)
{
    free(m->slots);
    m->slot_count = m->slot_count ? m->slot_count * 2 : 16;
    m->slots = xcalloc(m->slot_count, sizeof *m->slots);
    for (size_t i = 0; i < m->count; i++) {
        const struct strmap_entry *e = &m->entries[i];
        m->slots[find_slot(m, bytes_of(e->name, e->len), e->hash)] = (uint32_t)i + 1;
    }
}

bool strmap_add_bytes(struct strmap *m, struct bytes name, void *value)
{
    if (m->count * 2 >= m->slot_count)
        grow_slots(m);
    uint64_t hash = strmap_hash(name.data, name.len);
    size_t slot = find_slot(m, name, hash);
    if (m->slots[slot])
        return false;
    if (m->count == m->capacity) {
        m->capacity = m->capacity ? m->capacity * 2 : 8;
        m->entries = xrealloc(m->entries, m->capacity * sizeof *m->entries);
    }
    char *copy = xcalloc(1, name.len + 1);
    if (name.len)
        memcpy(copy, name.data, name.len);
    m->entries[m->count++] = (struct strmap_entry){copy, name.len, hash, value};
    m->slots[slot] = (uint32_t)m->count;
    return true;
}

bool strmap_add(struct strmap *m, const char *name, void *value)
{
    return strmap_add_bytes(m, bytes_of_text(name), value);
}

static const struct strmap_entry *find_entry(const struct strmap *m, struct bytes name)
{
    if (!m->count)
        return NULL;
    uint32_t at = m->slots[find_slot(m, name, strmap_hash(name.data, name.len))];
    return at ? &m->entries[at - 1] : NULL;
}

void *strmap_find_bytes(const struct strmap *m, struct bytes name)
{
    const struct strmap_entry *e = find_entry(m, name);
    return e ? e->value : NULL;
}

void *strmap_find(const struct strmap *m, const char *name)
{
    return strmap_find_bytes(m, bytes_of_text(name));
}

bool strmap_has(const struct strmap *m, const char *name)
{
    return find_entry(m, bytes_of_text(name)) != NULL;
}

void strmap_finish(struct strmap *m)
{
    for (size_t i = 0; i < m->count; i++)
        free(m->entries[i].name);
    free(m->entries);
    free(m->slots);
    *m = (struct strmap){0};
}
