/* SPDX-License-Identifier: Apache-2.0
 *
 * See sparkplug_unpacker.h. All fields of Sparkplug's messages are numbered from 1 without a gap, so the
 * number is the place in the descriptor.
 */
#include "sparkplug/sparkplug_unpacker.h"

#include "base/varint.h"
#include "sparkplug/sparkplug_b.pb-c.h"

#include <endian.h>

enum {
    LEVELS_MAX = 100, /* of messages, as protobuf's own readers have it */
    SHORT_MAX = 5,    /* bytes of a tag or length */
};

enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_LENGTH = 2, WIRE_32 = 5 };

struct reader {
    struct sparkplug_unpacker *unpacker;
    const uint8_t *begin; /* of the payload */
    unsigned levels;
};

static bool read_message(struct reader *r, ProtobufCMessage *message, struct bytes packed);

/* ---- Limits ---- */

static void *take(struct reader *r, size_t size)
{
    struct sparkplug_unpacker *u = r->unpacker;
    void *p = size <= u->bytes_left ? arena_alloc(u->arena, size) : NULL;
    if (!p) {
        u->is_over = true;
        return NULL;
    }
    u->bytes_left -= size;
    return p;
}

static bool spend_element(struct reader *r)
{
    if (r->unpacker->elements_left == 0) {
        r->unpacker->is_over = true;
        return false;
    }
    r->unpacker->elements_left--;
    return true;
}

static ProtobufCMessage *create_message(struct reader *r, const ProtobufCMessageDescriptor *type)
{
    ProtobufCMessage *message = spend_element(r) ? take(r, type->sizeof_message) : NULL;
    if (message)
        type->message_init(message);
    return message;
}

/* ---- The wire ---- */

static bool fail(struct reader *r, const uint8_t *at)
{
    r->unpacker->damaged_at = (size_t)(at - r->begin);
    return false;
}

static bool read_fixed(const uint8_t **at, const uint8_t *end, size_t size, uint64_t *number)
{
    uint64_t little = 0;
    if ((size_t)(end - *at) < size)
        return false;
    memcpy(&little, *at, size);
    *number = le64toh(little);
    *at += size;
    return true;
}

static bool read_run(const uint8_t **at, const uint8_t *end, struct bytes *run)
{
    const uint8_t *start = *at;
    uint64_t len;
    if (!varint_read(at, end, &len) || *at - start > SHORT_MAX || len > (uint64_t)(end - *at))
        return false;
    *run = bytes_of(*at, (size_t)len);
    *at += len;
    return true;
}

/* ---- Fields ---- */

/* Room for one more in the list of `count`, which has room for a power of two: its length tells when it is
 * full. */
static bool reserve_place(struct reader *r, void **list, size_t count, size_t size)
{
    if (count & (count - 1))
        return true;
    void *grown = take(r, (count ? 2 * count : 1) * size);
    if (grown && count)
        memcpy(grown, *list, count * size);
    if (grown)
        *list = grown;
    return grown != NULL;
}

static void **list_of(const ProtobufCFieldDescriptor *f, ProtobufCMessage *message)
{
    return (void **)(void *)((uint8_t *)message + f->offset);
}

static void *quantifier_of(const ProtobufCFieldDescriptor *f, ProtobufCMessage *message)
{
    return (uint8_t *)message + f->quantifier_offset;
}

/* Of a number or bytes: it is there now. */
static inline void mark_present(const ProtobufCFieldDescriptor *f, ProtobufCMessage *message)
{
    if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        *(uint32_t *)quantifier_of(f, message) = f->id;
    else
        *(protobuf_c_boolean *)quantifier_of(f, message) = 1;
}

/* The only numbers that are repeated are the types of columns. */
static bool add_number(struct reader *r, const ProtobufCFieldDescriptor *f, ProtobufCMessage *message,
                       uint64_t number)
{
    void **list = list_of(f, message);
    size_t *count = quantifier_of(f, message);
    if (!reserve_place(r, list, *count, sizeof(uint32_t)))
        return false;
    ((uint32_t *)*list)[(*count)++] = (uint32_t)number;
    return true;
}

static bool add_packed(struct reader *r, const ProtobufCFieldDescriptor *f, ProtobufCMessage *message,
                       struct bytes run)
{
    const uint8_t *at = run.data, *end = at + run.len;
    uint64_t number;
    while (at < end) {
        if (!varint_read(&at, end, &number))
            return fail(r, at);
        if (!add_number(r, f, message, number))
            return false;
    }
    return true;
}

static inline bool set_number(struct reader *r, const ProtobufCFieldDescriptor *f, ProtobufCMessage *message,
                              uint64_t number)
{
    uint8_t *member = (uint8_t *)message + f->offset;
    uint32_t bits = (uint32_t)number;
    if (f->label == PROTOBUF_C_LABEL_REPEATED)
        return add_number(r, f, message, number);
    mark_present(f, message);
    if (f->type == PROTOBUF_C_TYPE_BOOL)
        *(protobuf_c_boolean *)(void *)member = number != 0;
    else if (f->type == PROTOBUF_C_TYPE_UINT32 || f->type == PROTOBUF_C_TYPE_FLOAT)
        memcpy(member, &bits, sizeof bits);
    else /* UINT64, DOUBLE */
        memcpy(member, &number, sizeof number);
    return true;
}

static bool set_bytes(struct reader *r, const ProtobufCFieldDescriptor *f, ProtobufCMessage *message,
                      struct bytes run)
{
    ProtobufCBinaryData *data = (ProtobufCBinaryData *)(void *)((uint8_t *)message + f->offset);
    if (run.len && !spend_element(r))
        return false;
    if (f->label == PROTOBUF_C_LABEL_REPEATED) {
        void **list = list_of(f, message);
        size_t *count = quantifier_of(f, message);
        if (!reserve_place(r, list, *count, sizeof *data))
            return false;
        data = (ProtobufCBinaryData *)*list + (*count)++;
    } else {
        mark_present(f, message);
    }
    *data = (ProtobufCBinaryData){run.len, (uint8_t *)(uintptr_t)run.data};
    return true;
}

static bool add_message(struct reader *r, const ProtobufCFieldDescriptor *f, ProtobufCMessage *message,
                        struct bytes run)
{
    void **list = list_of(f, message);
    size_t *count = quantifier_of(f, message);
    if (!reserve_place(r, list, *count, sizeof message))
        return false;
    ProtobufCMessage *inner = create_message(r, f->descriptor);
    if (!inner)
        return false;
    ((ProtobufCMessage **)*list)[(*count)++] = inner;
    return read_message(r, inner, run);
}

static bool set_message(struct reader *r, const ProtobufCFieldDescriptor *f, ProtobufCMessage *message,
                        struct bytes run)
{
    ProtobufCMessage **inner = (ProtobufCMessage **)list_of(f, message);
    if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        uint32_t *which = quantifier_of(f, message);
        if (*which != f->id)
            *inner = NULL;
        *which = f->id;
    }
    if (!*inner)
        *inner = create_message(r, f->descriptor);
    return *inner && read_message(r, *inner, run);
}

static bool set_run(struct reader *r, const ProtobufCFieldDescriptor *f, ProtobufCMessage *message,
                    struct bytes run, const uint8_t *start)
{
    bool is_repeated = f->label == PROTOBUF_C_LABEL_REPEATED;
    if (f->type == PROTOBUF_C_TYPE_MESSAGE)
        return is_repeated ? add_message(r, f, message, run) : set_message(r, f, message, run);
    if (f->type == PROTOBUF_C_TYPE_BYTES)
        return set_bytes(r, f, message, run);
    return is_repeated ? add_packed(r, f, message, run) : fail(r, start);
}

static inline bool is_varint(const ProtobufCFieldDescriptor *f)
{
    return f->type == PROTOBUF_C_TYPE_UINT32 || f->type == PROTOBUF_C_TYPE_UINT64 ||
           f->type == PROTOBUF_C_TYPE_BOOL;
}

/* What follows the tag. Sparkplug has no groups, and no field numbered beyond `f`: NULL. */
static inline bool read_content(struct reader *r, ProtobufCMessage *message,
                                const ProtobufCFieldDescriptor *f, unsigned wire, const uint8_t **at,
                                const uint8_t *end, const uint8_t *start)
{
    uint64_t number;
    struct bytes run;
    switch (wire) {
    case WIRE_VARINT:
        if (!varint_read(at, end, &number) || (f && !is_varint(f)))
            return fail(r, start);
        break;
    case WIRE_64:
        if (!read_fixed(at, end, 8, &number) || (f && f->type != PROTOBUF_C_TYPE_DOUBLE))
            return fail(r, start);
        break;
    case WIRE_32:
        if (!read_fixed(at, end, 4, &number) || (f && f->type != PROTOBUF_C_TYPE_FLOAT))
            return fail(r, start);
        break;
    case WIRE_LENGTH:
        if (!read_run(at, end, &run))
            return fail(r, start);
        return !f || set_run(r, f, message, run, start);
    default:
        return fail(r, start);
    }
    return !f || set_number(r, f, message, number);
}

/* One field at `*at`. */
static inline bool read_field(struct reader *r, ProtobufCMessage *message, const uint8_t **at,
                              const uint8_t *end)
{
    const ProtobufCMessageDescriptor *type = message->descriptor;
    const uint8_t *start = *at;
    uint64_t tag;
    if (!varint_read(at, end, &tag) || *at - start > SHORT_MAX || tag > UINT32_MAX || tag >> 3 == 0)
        return fail(r, start);
    const ProtobufCFieldDescriptor *f = tag >> 3 <= type->n_fields ? &type->fields[(tag >> 3) - 1] : NULL;
    return read_content(r, message, f, (unsigned)tag & 7, at, end, start);
}

static bool read_message(struct reader *r, ProtobufCMessage *message, struct bytes packed)
{
    const uint8_t *at = packed.data, *end = at + packed.len;
    if (r->levels == LEVELS_MAX) {
        r->unpacker->is_over = true;
        return false;
    }
    r->levels++;
    while (at < end)
        if (!read_field(r, message, &at, end))
            return false;
    r->levels--;
    return true;
}

struct Spb__Payload *sparkplug_unpacker_run(struct sparkplug_unpacker *u, struct bytes packed)
{
    struct reader r = {.unpacker = u, .begin = packed.data};
    ProtobufCMessage *payload = create_message(&r, &spb__payload__descriptor);
    return payload && read_message(&r, payload, packed) ? (struct Spb__Payload *)(void *)payload : NULL;
}
