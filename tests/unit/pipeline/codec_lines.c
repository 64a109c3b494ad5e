/* SPDX-License-Identifier: Apache-2.0
 *
 * The codecs as a filter, for codec_differential.py: reads lines "FROM TO HEX" and answers each with "ok
 * TEXT" or "error REASON". FROM and TO are cbor, msgpack or json, FROM also gzip or zstd; TO may also be
 * tree. What is encoded comes as hexadecimal digits, a tree in a notation that Python reads easily: n, T, F,
 * i-5, u5, d and the bits of a double, s and b and digits, t1.000000002, [a,b], {s6161:v}.
 */
#include "base/arena.h"
#include "fake_codec.h"
#include "message/value.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { MEMORY_BASE = 64 << 10, MEMORY_FACTOR = 32 }; /* of a codec plugin in the daemon */

static const int64_t tree_limits[3] = {256 << 10, 64, 65536}; /* struct fby_tree_limits */
static const int64_t unpack_limits[2] = {4 << 20, 100};       /* struct fby_unpack_options */
static struct arena arena;

static void put_hex(struct buffer *out, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        buffer_add_format(out, "%02x", (uint8_t)data[i]);
}

static void put_run(struct buffer *out, char kind, const char *data, size_t len)
{
    buffer_add_byte(out, (uint8_t)kind);
    put_hex(out, data, len);
}

static void put_value(struct buffer *out, const struct fby_value *v);

static void put_entries(struct buffer *out, const struct fby_value *v)
{
    bool is_map = v->type == FBY_MAP;
    buffer_add_byte(out, is_map ? '{' : '[');
    for (uint32_t i = 0; i < v->len; i++) {
        if (i)
            buffer_add_byte(out, ',');
        if (is_map) {
            put_run(out, 's', v->fields[i].name.data, v->fields[i].name.len);
            buffer_add_byte(out, ':');
        }
        put_value(out, is_map ? &v->fields[i].value : &v->items[i]);
    }
    buffer_add_byte(out, is_map ? '}' : ']');
}

static void put_value(struct buffer *out, const struct fby_value *v)
{
    switch ((enum fby_type)v->type) {
    case FBY_NULL:
        buffer_add_byte(out, 'n');
        return;
    case FBY_BOOL:
        buffer_add_byte(out, v->boolean ? 'T' : 'F');
        return;
    case FBY_INT:
        buffer_add_format(out, "i%" PRId64, v->integer);
        return;
    case FBY_UINT:
        buffer_add_format(out, "u%" PRIu64, v->uinteger);
        return;
    case FBY_DOUBLE:
        if (isnan(v->number))
            buffer_add_text(out, "dnan");
        else
            buffer_add_format(out, "d%016" PRIx64, v->uinteger);
        return;
    case FBY_STRING:
        put_run(out, v->flags & FBY_FLAG_DIGITS ? 'N' : 's', v->bytes, v->len);
        return;
    case FBY_BYTES:
        put_run(out, 'b', v->bytes, v->len);
        return;
    case FBY_TIME:
        buffer_add_format(out, "t%" PRId64 ".%09" PRIu32, v->time_s, v->len);
        return;
    case FBY_LIST:
    case FBY_MAP:
        put_entries(out, v);
    }
}

/* Loaded when it is asked for; NULL: not built. */
static struct fake_codec *plugin(const char *name)
{
    static struct {
        const char *name, *path;
        struct fake_codec *codec;
    } all[] = {{"cbor", "plugins/cbor/cbor.so", NULL},
               {"msgpack", "plugins/msgpack/msgpack.so", NULL},
               {"gzip", "plugins/gzip/gzip.so", NULL},
               {"zstd", "plugins/zstd/zstd.so", NULL}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (strcmp(all[i].name, name) != 0)
            continue;
        if (!all[i].codec)
            all[i].codec = fake_codec_create(all[i].path, i < 2 ? tree_limits : unpack_limits);
        return all[i].codec;
    }
    return NULL;
}

/* NULL: refused, and `err` says why. */
static const struct fby_value *decode(const char *from, struct bytes payload, struct error *err)
{
    static struct fby_value v;
    const struct value_json_limits limits = {.big_integers = VALUE_JSON_BIG_KEEP};
    if (strcmp(from, "json") == 0)
        return value_parse_json(payload, &limits, &arena, &v, err) == STATUS_OK ? &v : NULL;
    struct fake_codec *c = plugin(from);
    if (!c) {
        error_set(err, STATUS_NOT_FOUND, "no codec %s", from);
        return NULL;
    }
    fake_codec_limits(c)->memory =
        strchr(from, 'z') ? 8 << 20
                          : MEMORY_BASE + MEMORY_FACTOR * payload.len; /* gzip, zstd: what comes out */
    const struct fby_value *tree = fake_codec_tree(c, payload.data, payload.len);
    if (!tree)
        error_set(err, STATUS_INVALID, "%s", fake_codec_reason(c));
    return tree;
}

static bool encode(const char *to, const struct fby_value *v, struct buffer *out)
{
    if (strcmp(to, "tree") == 0) {
        put_value(out, v);
        return true;
    }
    if (strcmp(to, "json") == 0) {
        struct buffer text = {0};
        bool right = value_write_json(v, &text);
        put_hex(out, (const char *)text.data, text.len);
        buffer_finish(&text);
        return right;
    }
    struct fake_codec *c = plugin(to);
    if (!c)
        return false;
    fake_codec_limits(c)->memory = 1 << 20;
    const char *hex = fake_codec_encode(c, v);
    buffer_add_text(out, hex);
    return hex[0] != '!';
}

static unsigned hex_digit(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a' + 10);
}

/* Into memory of its own, so that a sanitizer sees its end. */
static uint8_t *parse_hex(const char *hex, size_t *len)
{
    *len = strlen(hex) / 2;
    uint8_t *data = malloc(*len ? *len : 1);
    if (!data)
        abort();
    for (size_t i = 0; i < *len; i++)
        data[i] = (uint8_t)(hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
    return data;
}

static void answer(const char *from, const char *to, const char *hex, struct buffer *out)
{
    struct error err = {.text = ""};
    size_t len;
    uint8_t *data = parse_hex(hex, &len);
    const struct fby_value *v = decode(from, bytes_of(data, len), &err);
    buffer_clear(out);
    bool right = v && encode(to, v, out);
    for (char *end; (end = strchr(err.text, '\n'));)
        *end = ' ';
    if (right)
        printf("ok %.*s\n", (int)out->len, (const char *)out->data);
    else
        printf("error %s %.*s\n", err.text, (int)out->len, (const char *)out->data);
    fflush(stdout);
    free(data);
    arena_reset(&arena);
}

int main(void)
{
    struct buffer out = {0};
    char *line = NULL;
    size_t capacity = 0;
    arena_init(&arena, 0, 0);
    while (getline(&line, &capacity, stdin) > 0) {
        char *state = NULL;
        const char *from = strtok_r(line, " \n", &state), *to = strtok_r(NULL, " \n", &state);
        const char *hex = strtok_r(NULL, " \n", &state);
        answer(from ? from : "", to ? to : "", hex ? hex : "", &out);
    }
    free(line);
    buffer_finish(&out);
    arena_finish(&arena);
    return 0;
}
