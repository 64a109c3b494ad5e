/* SPDX-License-Identifier: Apache-2.0
 *
 * See sparkplug_state.h. Numbers are in the machine's byte order: the state stays on its machine.
 */
#include "sparkplug/sparkplug_state.h"

#include "sparkplug/sparkplug_node.h"

#include <stdlib.h>

static const char version[8] = "SPBHOST1";

/* ---- Writing ---- */

static void add_number(struct buffer *out, uint64_t n)
{
    buffer_add(out, &n, sizeof n);
}

static void add_bytes(struct buffer *out, struct bytes b)
{
    add_number(out, b.len);
    buffer_add(out, b.data, b.len);
}

static void add_section(struct buffer *out, const struct sparkplug_section *s, bool shares_birth)
{
    add_number(out, s->from);
    add_number(out, s->death);
    add_number(out, s->bdseq);
    add_number(out, (uint64_t)s->has_bdseq | (uint64_t)shares_birth << 1);
    add_number(out, s->early_count);
    buffer_add(out, s->early, s->early_count * sizeof *s->early);
    if (!shares_birth)
        add_bytes(out, s->birth->packed);
}

static void add_device(struct buffer *out, const struct sparkplug_device *d)
{
    add_bytes(out, d->name);
    add_number(out, d->section_count);
    for (size_t i = 0; i < d->section_count; i++)
        add_section(out, &d->sections[i], i > 0 && d->sections[i].birth == d->sections[i - 1].birth);
}

bool sparkplug_state_pack(const struct sparkplug_nodes *n, struct buffer *out)
{
    buffer_add(out, version, sizeof version);
    add_number(out, n->map.count - n->stranger_count);
    for (size_t i = 0; i < n->map.count; i++) {
        const struct sparkplug_node *node = n->map.entries[i].value;
        if (node->self->section_count == 0)
            continue;
        add_bytes(out, node->group);
        add_bytes(out, node->edge_node);
        add_number(out, node->devices.count);
        for (size_t k = 0; k < node->devices.count; k++)
            add_device(out, node->devices.entries[k].value);
    }
    return !out->failed;
}

/* ---- Reading ---- */

struct reader {
    struct bytes left;
    bool failed;
};

static struct bytes take(struct reader *r, uint64_t len)
{
    if (r->failed || len > r->left.len) {
        r->failed = true;
        return bytes_of(NULL, 0);
    }
    struct bytes b = bytes_of(r->left.data, (size_t)len);
    r->left = bytes_of(r->left.data + len, r->left.len - (size_t)len);
    return b;
}

static uint64_t take_number(struct reader *r)
{
    uint64_t n = 0;
    struct bytes b = take(r, sizeof n);
    if (b.len)
        memcpy(&n, b.data, sizeof n);
    return n;
}

static struct bytes take_bytes(struct reader *r)
{
    uint64_t len = take_number(r);
    return take(r, len);
}

/* Into `s`; its early numbers are borrowed by the caller's free(). */
static void read_section(struct reader *r, struct sparkplug_section *s, struct sparkplug_birth *before)
{
    *s = (struct sparkplug_section){.from = take_number(r)};
    s->death = take_number(r);
    s->bdseq = take_number(r);
    uint64_t flags = take_number(r);
    uint64_t early_count = take_number(r);
    struct bytes early =
        take(r, early_count <= r->left.len / sizeof *s->early ? early_count * sizeof *s->early : UINT64_MAX);
    s->has_bdseq = flags & 1;
    if (early.len && (s->early = malloc(early.len))) {
        memcpy(s->early, early.data, early.len);
        s->early_count = (size_t)early_count;
    }
    if (flags & 2)
        s->birth = before && !r->failed ? sparkplug_birth_ref(before) : NULL;
    else
        s->birth = sparkplug_birth_create(take_bytes(r));
    if (!s->birth)
        r->failed = true;
}

static void read_device(struct reader *r, struct sparkplug_nodes *n, struct sparkplug_node *node)
{
    struct sparkplug_device *d = sparkplug_node_add_device(n, node, take_bytes(r));
    uint64_t count = take_number(r);
    struct sparkplug_birth *before = NULL;
    if (!d || count > SPARKPLUG_BIRTHS_KEPT)
        r->failed = true;
    for (uint64_t i = 0; i < count && !r->failed; i++) {
        struct sparkplug_section s;
        bool changed;
        read_section(r, &s, before);
        before = s.birth;
        if (r->failed || !sparkplug_node_add_section(n, node, d, &s, UINT64_MAX, &changed)) {
            sparkplug_birth_unref(s.birth);
            r->failed = true;
        }
        free(s.early);
    }
}

bool sparkplug_state_unpack(struct bytes state, struct sparkplug_nodes *n)
{
    struct reader r = {.left = state};
    struct bytes start = take(&r, sizeof version);
    if (r.failed || memcmp(start.data, version, sizeof version) != 0)
        return false;
    uint64_t count = take_number(&r);
    for (uint64_t i = 0; i < count && !r.failed; i++) {
        struct bytes group = take_bytes(&r);
        struct bytes edge_node = take_bytes(&r);
        uint64_t devices = take_number(&r);
        struct sparkplug_node *node = r.failed ? NULL : sparkplug_node_add(n, group, edge_node);
        if (!node)
            return false;
        for (uint64_t k = 0; k < devices && !r.failed; k++)
            read_device(&r, n, node);
    }
    return !r.failed && r.left.len == 0;
}
