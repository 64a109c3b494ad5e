/* SPDX-License-Identifier: Apache-2.0
 *
 * See msgpack_reader.h.
 */
#include "msgpack_reader.h"

enum { EXT_TIMESTAMP = -1 };

struct reader {
    struct fby_tree *tree;
    const unsigned char *data;
    size_t len, at;
};

static bool read_value(struct reader *r, struct fby_value *out);

static bool has(struct reader *r, uint64_t n)
{
    return r->len - r->at >= n ||
           fby_tree_fail(r->tree, "it ends in the middle of an object (after %zu bytes)", r->len);
}

/* Big endian, 1 to 8 bytes; the caller has checked that they are there. */
static uint64_t take_number(struct reader *r, size_t bytes)
{
    uint64_t n = 0;
    for (size_t i = 0; i < bytes; i++)
        n = n << 8 | r->data[r->at++];
    return n;
}

static bool read_number(struct reader *r, size_t bytes, uint64_t *n)
{
    if (!has(r, bytes))
        return false;
    *n = take_number(r, bytes);
    return true;
}

static bool read_uint(struct reader *r, size_t bytes, struct fby_value *out)
{
    uint64_t n;
    if (!read_number(r, bytes, &n))
        return false;
    *out = fby_tree_uint(n);
    return true;
}

static bool read_int(struct reader *r, size_t bytes, struct fby_value *out)
{
    uint64_t n;
    if (!read_number(r, bytes, &n))
        return false;
    unsigned unused = 64 - 8 * (unsigned)bytes;
    *out = fby_tree_int((int64_t)(n << unused) >> unused);
    return true;
}

static bool read_float(struct reader *r, size_t bytes, struct fby_value *out)
{
    uint64_t n;
    if (!read_number(r, bytes, &n))
        return false;
    if (bytes == 4) {
        uint32_t bits = (uint32_t)n;
        float f;
        memcpy(&f, &bits, sizeof f);
        *out = fby_tree_double((double)f, FBY_FLAG_FLOAT32);
        return true;
    }
    double d;
    memcpy(&d, &n, sizeof d);
    *out = fby_tree_double(d, 0);
    return true;
}

static bool take_run(struct reader *r, uint64_t len, const char **data)
{
    if (!has(r, len))
        return false;
    *data = (const char *)r->data + r->at;
    r->at += (size_t)len;
    return true;
}

static bool read_text(struct reader *r, uint64_t len, struct fby_value *out)
{
    const char *data;
    return take_run(r, len, &data) && fby_tree_text(r->tree, data, (size_t)len, out);
}

static bool read_bytes(struct reader *r, uint64_t len, struct fby_value *out)
{
    const char *data;
    if (!take_run(r, len, &data))
        return false;
    *out = (struct fby_value){.type = FBY_BYTES, .len = (uint32_t)len, .bytes = data};
    return true;
}

/* ---- Extensions ---- */

/* 32, 64 and 96 bits: seconds, nanoseconds with seconds, nanoseconds before seconds. */
static bool read_timestamp(struct reader *r, uint64_t len, struct fby_value *out)
{
    *out = (struct fby_value){.type = FBY_TIME};
    if (len == 4) {
        out->time_s = (int64_t)take_number(r, 4);
    } else if (len == 8) {
        uint64_t n = take_number(r, 8);
        out->len = (uint32_t)(n >> 34);
        out->time_s = (int64_t)(n & (((uint64_t)1 << 34) - 1));
    } else if (len == 12) {
        out->len = (uint32_t)take_number(r, 4);
        out->time_s = (int64_t)take_number(r, 8);
    } else {
        return fby_tree_fail(r->tree, "a timestamp has %llu bytes (4, 8 or 12 are right)",
                             (unsigned long long)len);
    }
    return out->len < 1000000000 ||
           fby_tree_fail(r->tree, "a timestamp has more than 999,999,999 nanoseconds");
}

/* Types of applications have no meaning here: { ext: their number, data: bytes }. */
static bool read_ext(struct reader *r, uint64_t len, struct fby_value *out)
{
    uint64_t type;
    size_t base = 0;
    struct fby_value data;
    if (!read_number(r, 1, &type) || !has(r, len))
        return false;
    if ((int8_t)type == EXT_TIMESTAMP)
        return read_timestamp(r, len, out);
    if (!fby_tree_open(r->tree, &base) || !read_bytes(r, len, &data))
        return false;
    struct fby_field *fields = fby_tree_alloc(r->tree, 2 * sizeof *fields);
    if (!fields)
        return false;
    fields[0] = (struct fby_field){{"ext", 3}, fby_tree_int((int8_t)type)};
    fields[1] = (struct fby_field){{"data", 4}, data};
    r->tree->depth_left++;
    *out = (struct fby_value){.type = FBY_MAP, .len = 2, .fields = fields};
    return true;
}

/* ---- Lists and maps ---- */

static bool read_list(struct reader *r, uint64_t count, struct fby_value *out)
{
    size_t base = 0;
    if (!has(r, count) || !fby_tree_open(r->tree, &base))
        return false;
    for (uint64_t i = 0; i < count; i++) {
        struct fby_value v;
        if (!read_value(r, &v) || !fby_tree_push(r->tree, (struct fby_bytes){0}, v))
            return false;
    }
    return fby_tree_close_list(r->tree, base, out);
}

static bool read_key(struct reader *r, struct fby_bytes *name)
{
    struct fby_value key;
    return read_value(r, &key) && fby_tree_key_name(r->tree, &key, name);
}

static bool read_map(struct reader *r, uint64_t count, struct fby_value *out)
{
    size_t base = 0;
    if (!has(r, 2 * count) || !fby_tree_open(r->tree, &base))
        return false;
    for (uint64_t i = 0; i < count; i++) {
        struct fby_bytes name = {0};
        struct fby_value v;
        if (!read_key(r, &name) || !read_value(r, &v) || !fby_tree_push(r->tree, name, v))
            return false;
    }
    return fby_tree_close_map(r->tree, base, out);
}

/* ---- One object ---- */

/* A length of `bytes` bytes stands before what `read` reads. */
static bool read_counted(struct reader *r, size_t bytes,
                         bool (*read)(struct reader *, uint64_t, struct fby_value *), struct fby_value *out)
{
    uint64_t count;
    return read_number(r, bytes, &count) && read(r, count, out);
}

/* The formats 0xc0 to 0xdf. */
static bool read_marked(struct reader *r, unsigned mark, struct fby_value *out)
{
    switch (mark) {
    case 0xc0:
        *out = (struct fby_value){.type = FBY_NULL};
        return true;
    case 0xc2:
    case 0xc3:
        *out = (struct fby_value){.type = FBY_BOOL, .boolean = mark == 0xc3};
        return true;
    case 0xc4:
    case 0xc5:
    case 0xc6:
        return read_counted(r, (size_t)1 << (mark - 0xc4), read_bytes, out);
    case 0xc7:
    case 0xc8:
    case 0xc9:
        return read_counted(r, (size_t)1 << (mark - 0xc7), read_ext, out);
    case 0xca:
    case 0xcb:
        return read_float(r, (size_t)4 << (mark - 0xca), out);
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf:
        return read_uint(r, (size_t)1 << (mark - 0xcc), out);
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3:
        return read_int(r, (size_t)1 << (mark - 0xd0), out);
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
        return read_ext(r, (uint64_t)1 << (mark - 0xd4), out);
    case 0xd9:
    case 0xda:
    case 0xdb:
        return read_counted(r, (size_t)1 << (mark - 0xd9), read_text, out);
    case 0xdc:
    case 0xdd:
        return read_counted(r, (size_t)2 << (mark - 0xdc), read_list, out);
    case 0xde:
    case 0xdf:
        return read_counted(r, (size_t)2 << (mark - 0xde), read_map, out);
    default:
        return fby_tree_fail(r->tree, "it is not MessagePack at byte %zu", r->at - 1);
    }
}

static bool read_value(struct reader *r, struct fby_value *out)
{
    if (!has(r, 1) || !fby_tree_count(r->tree))
        return false;
    unsigned mark = r->data[r->at++];
    if (mark < 0x80) {
        *out = fby_tree_int((int64_t)mark);
        return true;
    }
    if (mark >= 0xe0) {
        *out = fby_tree_int((int64_t)mark - 0x100);
        return true;
    }
    if (mark < 0x90)
        return read_map(r, mark & 0x0f, out);
    if (mark < 0xa0)
        return read_list(r, mark & 0x0f, out);
    if (mark < 0xc0)
        return read_text(r, mark & 0x1f, out);
    return read_marked(r, mark, out);
}

bool msgpack_reader_run(struct fby_tree *t)
{
    const struct fby_bytes *payload = &t->decode->payload;
    struct reader r = {.tree = t, .data = (const unsigned char *)payload->data, .len = payload->len};
    if (r.len == 0)
        return fby_tree_fail(t, "the payload is empty");
    if (!read_value(&r, &t->decode->value))
        return false;
    if (r.at < r.len)
        return fby_tree_fail(t, "%zu bytes follow the first object", r.len - r.at);
    return true;
}
