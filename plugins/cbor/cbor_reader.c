/* SPDX-License-Identifier: Apache-2.0
 *
 * See cbor_reader.h. Each call of the streaming decoder leaves one event; this file gives the events their
 * structure: strings in pieces, tags, lists and maps with and without an announced length.
 */
#include "cbor_reader.h"

#include <cbor.h>
#include <math.h>

enum event_type {
    EVENT_NONE,
    EVENT_VALUE,
    EVENT_NEGATIVE, /* -1 - number */
    EVENT_BYTES,
    EVENT_TEXT,
    EVENT_BYTES_PIECES,
    EVENT_TEXT_PIECES,
    EVENT_LIST,
    EVENT_MAP,
    EVENT_TAG,
    EVENT_BREAK,
};

enum { TAG_NONE = -1, TAG_EPOCH = 1, TAG_BIG = 2, TAG_BIG_NEGATIVE = 3 };

struct event {
    enum event_type type;
    struct fby_value value;
    uint64_t number; /* NEGATIVE, TAG: it; LIST, MAP: how many */
    bool endless;    /* LIST, MAP: until a break */
    const char *data;
    size_t len;
};

struct reader {
    struct fby_tree *tree;
    const unsigned char *data;
    size_t len, at;
    struct event event;
};

/* ---- Callbacks: one item of the decoder is one event ---- */

static void set_value(void *ctx, struct fby_value v)
{
    ((struct reader *)ctx)->event = (struct event){.type = EVENT_VALUE, .value = v};
}

static void set_number(void *ctx, enum event_type type, uint64_t number)
{
    ((struct reader *)ctx)->event = (struct event){.type = type, .number = number};
}

static void set_run(void *ctx, enum event_type type, cbor_data data, size_t len)
{
    ((struct reader *)ctx)->event = (struct event){.type = type, .data = (const char *)data, .len = len};
}

static void on_uint8(void *ctx, uint8_t n)
{
    set_value(ctx, fby_tree_uint(n));
}

static void on_uint16(void *ctx, uint16_t n)
{
    set_value(ctx, fby_tree_uint(n));
}

static void on_uint32(void *ctx, uint32_t n)
{
    set_value(ctx, fby_tree_uint(n));
}

static void on_uint64(void *ctx, uint64_t n)
{
    set_value(ctx, fby_tree_uint(n));
}

static void on_negative8(void *ctx, uint8_t n)
{
    set_number(ctx, EVENT_NEGATIVE, n);
}

static void on_negative16(void *ctx, uint16_t n)
{
    set_number(ctx, EVENT_NEGATIVE, n);
}

static void on_negative32(void *ctx, uint32_t n)
{
    set_number(ctx, EVENT_NEGATIVE, n);
}

static void on_negative64(void *ctx, uint64_t n)
{
    set_number(ctx, EVENT_NEGATIVE, n);
}

static void on_bytes(void *ctx, cbor_data data, size_t len)
{
    set_run(ctx, EVENT_BYTES, data, len);
}

static void on_text(void *ctx, cbor_data data, size_t len)
{
    set_run(ctx, EVENT_TEXT, data, len);
}

static void on_bytes_pieces(void *ctx)
{
    set_number(ctx, EVENT_BYTES_PIECES, 0);
}

static void on_text_pieces(void *ctx)
{
    set_number(ctx, EVENT_TEXT_PIECES, 0);
}

static void on_list(void *ctx, size_t count)
{
    set_number(ctx, EVENT_LIST, count);
}

static void on_map(void *ctx, size_t count)
{
    set_number(ctx, EVENT_MAP, count);
}

static void on_endless_list(void *ctx)
{
    ((struct reader *)ctx)->event = (struct event){.type = EVENT_LIST, .endless = true};
}

static void on_endless_map(void *ctx)
{
    ((struct reader *)ctx)->event = (struct event){.type = EVENT_MAP, .endless = true};
}

static void on_tag(void *ctx, uint64_t tag)
{
    set_number(ctx, EVENT_TAG, tag);
}

static void on_float(void *ctx, float f)
{
    set_value(ctx, fby_tree_double((double)f, FBY_FLAG_FLOAT32));
}

static void on_double(void *ctx, double d)
{
    set_value(ctx, fby_tree_double(d, 0));
}

static void on_null(void *ctx)
{
    set_value(ctx, (struct fby_value){.type = FBY_NULL});
}

static void on_bool(void *ctx, bool b)
{
    set_value(ctx, (struct fby_value){.type = FBY_BOOL, .boolean = b});
}

static void on_break(void *ctx)
{
    set_number(ctx, EVENT_BREAK, 0);
}

static const struct cbor_callbacks callbacks = {
    .uint8 = on_uint8,
    .uint16 = on_uint16,
    .uint32 = on_uint32,
    .uint64 = on_uint64,
    .negint64 = on_negative64,
    .negint32 = on_negative32,
    .negint16 = on_negative16,
    .negint8 = on_negative8,
    .byte_string_start = on_bytes_pieces,
    .byte_string = on_bytes,
    .string = on_text,
    .string_start = on_text_pieces,
    .indef_array_start = on_endless_list,
    .array_start = on_list,
    .indef_map_start = on_endless_map,
    .map_start = on_map,
    .tag = on_tag,
    .float2 = on_float,
    .float4 = on_float,
    .float8 = on_double,
    .undefined = on_null,
    .null = on_null,
    .boolean = on_bool,
    .indef_break = on_break,
};

enum { MAJOR_UINT, MAJOR_NEGATIVE, MAJOR_BYTES, MAJOR_TEXT, MAJOR_LIST, MAJOR_MAP, MAJOR_TAG, MAJOR_OTHER };

/* What has no length, and the end of it. False: the first byte says something else. */
static bool take_endless_item(struct reader *r, unsigned major)
{
    static const uint8_t types[] = {EVENT_NONE, EVENT_NONE, EVENT_BYTES_PIECES, EVENT_TEXT_PIECES,
                                    EVENT_LIST, EVENT_MAP,  EVENT_NONE,         EVENT_BREAK};
    if (types[major] == EVENT_NONE)
        return false;
    r->event.type = types[major];
    r->event.endless = true;
    r->event.number = 0;
    r->at++;
    return true;
}

/* Most items have their number or length in their first byte: those need no library, which would refuse the
 * tags 6 to 20 besides. False: it is another. */
static inline bool take_short_item(struct reader *r)
{
    enum { NUMBERS = 24, ENDLESS = 31 };
    static const uint8_t types[] = {EVENT_VALUE, EVENT_NEGATIVE, EVENT_BYTES, EVENT_TEXT,
                                    EVENT_LIST,  EVENT_MAP,      EVENT_TAG};
    if (r->at == r->len)
        return false;
    unsigned major = r->data[r->at] >> 5, number = r->data[r->at] & 31;
    if (number == ENDLESS)
        return take_endless_item(r, major);
    if (major == MAJOR_OTHER || number >= NUMBERS)
        return false;
    r->event.type = types[major];
    if (major == MAJOR_UINT) {
        r->event.value = fby_tree_uint(number);
    } else if (major == MAJOR_BYTES || major == MAJOR_TEXT) {
        if (number >= r->len - r->at)
            return false;
        r->event.data = (const char *)r->data + r->at + 1;
        r->event.len = number;
        r->at += number;
    } else {
        r->event.number = number;
        r->event.endless = false;
    }
    r->at++;
    return true;
}

static __attribute__((noinline)) bool next_long_event(struct reader *r)
{
    r->event.type = EVENT_NONE;
    struct cbor_decoder_result result = cbor_stream_decode(r->data + r->at, r->len - r->at, &callbacks, r);
    if (result.status == CBOR_DECODER_NEDATA || (r->at == r->len && result.status != CBOR_DECODER_FINISHED))
        return fby_tree_fail(r->tree, "it ends in the middle of an item (after %zu bytes)", r->len);
    if (result.status != CBOR_DECODER_FINISHED || r->event.type == EVENT_NONE)
        return fby_tree_fail(r->tree, "it is not CBOR at byte %zu", r->at);
    r->at += result.read;
    return true;
}

static inline bool next_event(struct reader *r)
{
    return take_short_item(r) || next_long_event(r);
}

/* ---- Structure ---- */

static bool read_value(struct reader *r, struct fby_value *out);

/* Pieces become one run in the message's memory. The event of the first piece is not read yet. */
static bool join_pieces(struct reader *r, enum event_type piece, struct event *whole)
{
    size_t start = r->at, len = 0;
    char *joined = NULL;
    for (int pass = 0; pass < 2; pass++) {
        r->at = start;
        len = 0;
        for (;;) {
            if (!next_event(r))
                return false;
            if (r->event.type == EVENT_BREAK)
                break;
            if (r->event.type != piece)
                return fby_tree_fail(r->tree, "a string in pieces has something else in it before byte %zu",
                                     r->at);
            if (piece == EVENT_TEXT && !fby_tree_is_utf8(r->event.data, r->event.len))
                return fby_tree_fail(r->tree, "a text is not valid UTF-8");
            if (joined)
                memcpy(joined + len, r->event.data, r->event.len);
            len += r->event.len;
        }
        if (pass == 0 && !(joined = fby_tree_alloc(r->tree, len + 1)))
            return false;
        if (len == 0)
            break;
    }
    *whole = (struct event){.type = piece, .data = joined, .len = len};
    return true;
}

static bool read_big(struct reader *r, const struct event *e, int tag, struct fby_value *out)
{
    uint64_t n = 0;
    for (size_t i = 0; i < e->len; i++) {
        if (n >> 56)
            return fby_tree_fail(r->tree, "an integer has more than 64 bits");
        n = n << 8 | (unsigned char)e->data[i];
    }
    if (tag == TAG_BIG)
        *out = fby_tree_uint(n);
    else if (n > INT64_MAX)
        return fby_tree_fail(r->tree, "an integer is smaller than 64 bits can hold");
    else
        *out = fby_tree_int(-1 - (int64_t)n);
    return true;
}

static bool read_string(struct reader *r, struct event e, int tag, struct fby_value *out)
{
    if (e.type == EVENT_BYTES_PIECES && !join_pieces(r, EVENT_BYTES, &e))
        return false;
    if (e.type == EVENT_TEXT_PIECES && !join_pieces(r, EVENT_TEXT, &e))
        return false;
    if (e.type == EVENT_TEXT)
        return fby_tree_text(r->tree, e.data, e.len, out);
    if (tag == TAG_BIG || tag == TAG_BIG_NEGATIVE)
        return read_big(r, &e, tag, out);
    *out = (struct fby_value){.type = FBY_BYTES, .len = (uint32_t)e.len, .bytes = e.data};
    return true;
}

/* An epoch time (tag 1) of a number; what is no such time stays the number. */
static struct fby_value to_time(struct fby_value v)
{
    struct fby_value time = {.type = FBY_TIME};
    if (v.type == FBY_INT) {
        time.time_s = v.integer;
        return time;
    }
    if (v.type != FBY_DOUBLE || !(fabs(v.number) < 1e15))
        return v;
    double seconds = floor(v.number);
    double nanos = round((v.number - seconds) * 1e9);
    time.time_s = (int64_t)seconds;
    if (nanos >= 1e9) {
        time.time_s++;
        nanos = 0;
    }
    time.len = (uint32_t)nanos;
    return time;
}

static bool read_list(struct reader *r, uint64_t count, bool endless, struct fby_value *out)
{
    size_t base = 0;
    if (!fby_tree_open(r->tree, &base))
        return false;
    for (uint64_t i = 0; endless || i < count; i++) {
        struct fby_value v;
        if (!next_event(r))
            return false;
        if (r->event.type == EVENT_VALUE) { /* nothing to look into */
            if (!fby_tree_count(r->tree) || !fby_tree_push(r->tree, (struct fby_bytes){0}, r->event.value))
                return false;
            continue;
        }
        if (r->event.type == EVENT_BREAK && endless)
            break;
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

static bool read_map(struct reader *r, uint64_t count, bool endless, struct fby_value *out)
{
    size_t base = 0;
    if (!fby_tree_open(r->tree, &base))
        return false;
    for (uint64_t i = 0; endless || i < count; i++) {
        struct fby_bytes name = {0};
        struct fby_value v;
        if (!next_event(r))
            return false;
        if (r->event.type == EVENT_BREAK && endless)
            break;
        if (!read_key(r, &name) || !next_event(r) || !read_value(r, &v) || !fby_tree_push(r->tree, name, v))
            return false;
    }
    return fby_tree_close_map(r->tree, base, out);
}

/* The value that begins with the event at hand. Of several tags the innermost counts; unknown ones are
 * passed over. */
static bool read_value(struct reader *r, struct fby_value *out)
{
    int tag = TAG_NONE;
    while (r->event.type == EVENT_TAG) {
        tag = r->event.number <= TAG_BIG_NEGATIVE ? (int)r->event.number : TAG_NONE;
        if (!next_event(r))
            return false;
    }
    if (!fby_tree_count(r->tree))
        return false;
    switch (r->event.type) {
    case EVENT_VALUE:
        *out = tag == TAG_EPOCH ? to_time(r->event.value) : r->event.value;
        return true;
    case EVENT_NEGATIVE:
        if (r->event.number > INT64_MAX)
            return fby_tree_fail(r->tree, "an integer is smaller than 64 bits can hold");
        *out = fby_tree_int(-1 - (int64_t)r->event.number);
        if (tag == TAG_EPOCH)
            *out = to_time(*out);
        return true;
    case EVENT_LIST:
        return read_list(r, r->event.number, r->event.endless, out);
    case EVENT_MAP:
        return read_map(r, r->event.number, r->event.endless, out);
    case EVENT_BREAK:
        return fby_tree_fail(r->tree, "a break stands where a value is expected (before byte %zu)", r->at);
    case EVENT_TEXT:
        return fby_tree_text(r->tree, r->event.data, r->event.len, out);
    default:
        return read_string(r, r->event, tag, out);
    }
}

bool cbor_reader_run(struct fby_tree *t)
{
    const struct fby_bytes *payload = &t->decode->payload;
    struct reader r = {.tree = t, .data = (const unsigned char *)payload->data, .len = payload->len};
    if (r.len == 0)
        return fby_tree_fail(t, "the payload is empty");
    if (!next_event(&r) || !read_value(&r, &t->decode->value))
        return false;
    if (r.at < r.len)
        return fby_tree_fail(t, "%zu bytes follow the first item", r.len - r.at);
    return true;
}
