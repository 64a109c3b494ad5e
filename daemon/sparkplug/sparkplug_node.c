/* SPDX-License-Identifier: Apache-2.0
 *
 * See sparkplug_node.h.
 */
#include "sparkplug/sparkplug_node.h"

#include "base/memory.h"

#include <stdlib.h>

enum { NODE_SIZE = 64, SECTION_SIZE = 64 }; /* what they take in the state besides texts, at most */

void sparkplug_nodes_init(struct sparkplug_nodes *n, size_t count_max, size_t size_max)
{
    *n = (struct sparkplug_nodes){.size_max = size_max, .count_max = count_max};
}

static size_t section_size(const struct sparkplug_section *s)
{
    return SECTION_SIZE + s->birth->packed.len + s->early_count * sizeof *s->early;
}

static void drop_section(struct sparkplug_nodes *n, struct sparkplug_section *s)
{
    n->size -= section_size(s);
    sparkplug_birth_unref(s->birth);
    free(s->early);
}

static void free_node(struct sparkplug_nodes *n, struct sparkplug_node *node)
{
    for (size_t i = 0; i < node->devices.count; i++) {
        struct sparkplug_device *d = node->devices.entries[i].value;
        for (size_t k = 0; k < d->section_count; k++)
            drop_section(n, &d->sections[k]);
        n->size -= NODE_SIZE + d->name.len;
        free(d);
    }
    strmap_finish(&node->devices);
    n->size -= NODE_SIZE + strlen(node->key);
    free(node->recent);
    free(node->key);
    free(node);
}

void sparkplug_nodes_finish(struct sparkplug_nodes *n)
{
    for (size_t i = 0; i < n->map.count; i++)
        free_node(n, n->map.entries[i].value);
    strmap_finish(&n->map);
}

static char *make_key(struct bytes group, struct bytes edge_node)
{
    char *key = xcalloc(1, group.len + edge_node.len + 2);
    if (group.len)
        memcpy(key, group.data, group.len);
    key[group.len] = '/';
    if (edge_node.len)
        memcpy(key + group.len + 1, edge_node.data, edge_node.len);
    return key;
}

struct sparkplug_node *sparkplug_node_find(const struct sparkplug_nodes *n, struct bytes group,
                                           struct bytes edge_node)
{
    char few[256]; /* every message comes by here: no malloc for a usual name */
    size_t len = group.len + 1 + edge_node.len;
    if (len > sizeof few) {
        char *key = make_key(group, edge_node);
        struct sparkplug_node *node = strmap_find(&n->map, key);
        free(key);
        return node;
    }
    memcpy(few, group.data, group.len);
    few[group.len] = '/';
    memcpy(few + group.len + 1, edge_node.data, edge_node.len);
    return strmap_find_bytes(&n->map, bytes_of(few, len));
}

static bool is_stranger(const struct sparkplug_node *node)
{
    return node->self->section_count == 0;
}

/* The map anew, without the strangers that hold nothing. */
static void forget_strangers(struct sparkplug_nodes *n)
{
    struct strmap old = n->map;
    n->map = (struct strmap){0};
    n->stranger_count = 0;
    for (size_t i = 0; i < old.count; i++) {
        struct sparkplug_node *node = old.entries[i].value;
        if (is_stranger(node) && node->held_count == 0) {
            free_node(n, node);
            continue;
        }
        n->stranger_count += is_stranger(node);
        strmap_add(&n->map, node->key, node);
    }
    strmap_finish(&old);
}

/* Whoever invents names must not take the places of edge nodes. */
static bool has_place(struct sparkplug_nodes *n)
{
    if (n->stranger_count >= SPARKPLUG_STRANGERS_MAX)
        forget_strangers(n);
    return n->stranger_count < SPARKPLUG_STRANGERS_MAX;
}

struct sparkplug_node *sparkplug_node_add(struct sparkplug_nodes *n, struct bytes group,
                                          struct bytes edge_node)
{
    struct sparkplug_node *node = sparkplug_node_find(n, group, edge_node);
    if (node || !has_place(n))
        return node;
    node = xcalloc(1, sizeof *node);
    node->key = make_key(group, edge_node);
    node->group = bytes_of(node->key, group.len);
    node->edge_node = bytes_of(node->key + group.len + 1, edge_node.len);
    node->expected = -1;
    list_init(&node->held);
    list_init(&node->link);
    strmap_add(&n->map, node->key, node);
    n->size += NODE_SIZE + strlen(node->key);
    n->stranger_count++;
    node->self = sparkplug_node_add_device(n, node, bytes_of("", 0));
    return node;
}

struct sparkplug_device *sparkplug_node_find_device(const struct sparkplug_node *node, struct bytes name)
{
    return strmap_find_bytes(&node->devices, name);
}

struct sparkplug_device *sparkplug_node_add_device(struct sparkplug_nodes *n, struct sparkplug_node *node,
                                                   struct bytes name)
{
    struct sparkplug_device *d = sparkplug_node_find_device(node, name);
    if (d || node->devices.count > SPARKPLUG_DEVICES_MAX)
        return d;
    d = xcalloc(1, sizeof *d);
    strmap_add_bytes(&node->devices, name, d);
    const struct strmap_entry *e = &node->devices.entries[node->devices.count - 1];
    d->name = bytes_of(e->name, e->len);
    n->size += NODE_SIZE + name.len;
    return d;
}

/* Not 0, which stands for nothing. */
static uint32_t shorten(uint64_t digest)
{
    return (uint32_t)(digest % UINT32_MAX) + 1;
}

void sparkplug_node_remember(struct sparkplug_node *node, int seq, uint64_t digest)
{
    if (seq < 0 || is_stranger(node))
        return;
    if (!node->recent)
        node->recent = xcalloc(SPARKPLUG_RECENT, sizeof *node->recent);
    node->recent[seq % SPARKPLUG_RECENT] = shorten(digest);
}

void sparkplug_node_forget(struct sparkplug_node *node, int seq)
{
    if (node->recent)
        node->recent[seq % SPARKPLUG_RECENT] = 0;
}

bool sparkplug_node_has_handled(const struct sparkplug_node *node, int seq)
{
    return node->recent && node->recent[seq % SPARKPLUG_RECENT] != 0;
}

bool sparkplug_node_remembers(const struct sparkplug_node *node, int seq, uint64_t digest)
{
    return seq >= 0 && node->recent && node->recent[seq % SPARKPLUG_RECENT] == shorten(digest);
}

static bool is_early(const struct sparkplug_section *s, uint64_t sequence)
{
    for (size_t i = 0; i < s->early_count; i++)
        if (s->early[i] == sequence)
            return true;
    return false;
}

struct sparkplug_section *sparkplug_node_section(struct sparkplug_device *d, uint64_t sequence)
{
    for (size_t i = 0; i < d->section_count; i++)
        if (d->sections[i].from <= sequence || is_early(&d->sections[i], sequence))
            return &d->sections[i];
    return NULL;
}

static bool is_alive(const struct sparkplug_section *s, uint64_t sequence)
{
    return s && (s->death == 0 || sequence < s->death);
}

struct sparkplug_section *sparkplug_node_alive(struct sparkplug_node *node, struct bytes device,
                                               uint64_t sequence)
{
    struct sparkplug_section *of_node = sparkplug_node_section(node->self, sequence);
    if (!is_alive(of_node, sequence) || device.len == 0)
        return is_alive(of_node, sequence) ? of_node : NULL;
    struct sparkplug_device *d = sparkplug_node_find_device(node, device);
    struct sparkplug_section *s = d ? sparkplug_node_section(d, sequence) : NULL;
    /* A device is born anew in each session of its node. */
    return is_alive(s, sequence) && s->from >= of_node->from ? s : NULL;
}

/* The same birth of the same session again, as after a rebirth request. */
static bool is_repetition(const struct sparkplug_section *old, const struct sparkplug_section *s,
                          uint64_t session)
{
    return old->death == 0 && old->from >= session && s->early_count == 0 && old->has_bdseq == s->has_bdseq &&
           old->bdseq == s->bdseq && bytes_equal(old->birth->packed, s->birth->packed);
}

static void insert_section(struct sparkplug_nodes *n, struct sparkplug_device *d, size_t at,
                           const struct sparkplug_section *s)
{
    if (d->section_count == SPARKPLUG_BIRTHS_KEPT)
        drop_section(n, &d->sections[--d->section_count]);
    memmove(&d->sections[at + 1], &d->sections[at], (d->section_count - at) * sizeof d->sections[0]);
    d->sections[at] = *s;
    d->sections[at].early = NULL;
    if (s->early_count) {
        d->sections[at].early = xcalloc(s->early_count, sizeof *s->early);
        memcpy(d->sections[at].early, s->early, s->early_count * sizeof *s->early);
    }
    d->section_count++;
    n->size += section_size(s);
}

bool sparkplug_node_add_section(struct sparkplug_nodes *n, struct sparkplug_node *node,
                                struct sparkplug_device *d, const struct sparkplug_section *s,
                                uint64_t session, bool *changed)
{
    size_t at = 0;
    bool was_stranger = is_stranger(node);
    while (at < d->section_count && d->sections[at].from > s->from)
        at++;
    bool known = at < d->section_count &&
                 (d->sections[at].from == s->from || is_repetition(&d->sections[at], s, session));
    *changed = !known && at < SPARKPLUG_BIRTHS_KEPT;
    bool has_room = n->size + section_size(s) <= n->size_max &&
                    (!was_stranger || n->map.count - n->stranger_count < n->count_max);
    if (*changed && !has_room) {
        *changed = false;
        return false;
    }
    if (!*changed) {
        sparkplug_birth_unref(s->birth);
        return true;
    }
    struct sparkplug_section own = *s;
    if (at < d->section_count && bytes_equal(d->sections[at].birth->packed, s->birth->packed)) {
        own.birth = sparkplug_birth_ref(d->sections[at].birth);
        sparkplug_birth_unref(s->birth);
    }
    insert_section(n, d, at, &own);
    n->stranger_count -= was_stranger && !is_stranger(node);
    return true;
}
