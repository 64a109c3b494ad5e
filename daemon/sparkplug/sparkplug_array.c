/* SPDX-License-Identifier: Apache-2.0
 *
 * See sparkplug_array.h.
 */
#include "sparkplug/sparkplug_array.h"

#include "sparkplug/sparkplug_number.h"
#include "sparkplug/sparkplug_tree.h"

enum { COUNT_BYTES = 4 }; /* of an array of booleans */

static uint64_t read_little_endian(const uint8_t *data, size_t size)
{
    uint64_t u = 0;
    for (size_t i = size; i > 0; i--)
        u = u << 8 | data[i - 1];
    return u;
}

static void write_little_endian(uint8_t *data, size_t size, uint64_t u)
{
    for (size_t i = 0; i < size; i++, u >>= 8)
        data[i] = (uint8_t)u;
}

static enum status no_memory(struct error *err)
{
    return error_set(err, STATUS_LIMIT, "the array needs more memory than a message may use");
}

/* An empty list for `count` elements. */
static enum status make_list(size_t count, struct sparkplug_array_room *room, struct sparkplug_tree *t,
                             struct fby_value *out, struct error *err)
{
    if (room && count > room->elements) {
        room->is_over = true;
        return error_set(err, STATUS_LIMIT, "its arrays have more elements than a message may have");
    }
    if (room)
        room->elements -= count;
    return sparkplug_tree_list(t, count, out) ? STATUS_OK : no_memory(err);
}

static enum status decode_numbers(struct bytes packed, enum sparkplug_type element,
                                  struct sparkplug_array_room *room, struct sparkplug_tree *t,
                                  struct fby_value *out, struct error *err)
{
    size_t size = sparkplug_type_bits(element) / 8;
    if (packed.len % size)
        return error_set(err, STATUS_INVALID, "%zu bytes are no array of %s", packed.len,
                         sparkplug_type_name(element));
    enum status s = make_list(packed.len / size, room, t, out, err);
    if (s != STATUS_OK)
        return s;
    for (size_t i = 0; i < packed.len; i += size)
        *sparkplug_tree_next(out) =
            sparkplug_number_from_bits(read_little_endian(packed.data + i, size), element);
    return STATUS_OK;
}

/* The first boolean is the highest bit of the first byte. */
static enum status decode_booleans(struct bytes packed, struct sparkplug_array_room *room,
                                   struct sparkplug_tree *t, struct fby_value *out, struct error *err)
{
    uint64_t count = packed.len >= COUNT_BYTES ? read_little_endian(packed.data, COUNT_BYTES) : UINT64_MAX;
    if (count > (packed.len - COUNT_BYTES) * 8)
        return error_set(err, STATUS_INVALID, "%zu bytes are no array of booleans with their count",
                         packed.len);
    enum status s = make_list((size_t)count, room, t, out, err);
    if (s != STATUS_OK)
        return s;
    struct fby_value *items = out->items;
    const uint8_t *bits = packed.data + COUNT_BYTES;
    for (size_t i = 0; i < count; i++)
        items[i] = (struct fby_value){.type = FBY_BOOL, .boolean = bits[i / 8] >> (7 - i % 8) & 1};
    out->len = (uint32_t)count;
    return STATUS_OK;
}

static enum status decode_texts(struct bytes packed, struct sparkplug_array_room *room,
                                struct sparkplug_tree *t, struct fby_value *out, struct error *err)
{
    size_t count = 0;
    for (size_t i = 0; i < packed.len; i++)
        count += packed.data[i] == 0;
    if (packed.len && packed.data[packed.len - 1])
        return error_set(err, STATUS_INVALID, "the array of texts does not end with NUL");
    enum status s = make_list(count, room, t, out, err);
    if (s != STATUS_OK)
        return s;
    for (const uint8_t *text = packed.data; out->len < count;) {
        size_t len = strlen((const char *)text);
        if (!sparkplug_tree_text(t, bytes_of(text, len), sparkplug_tree_next(out)))
            return no_memory(err);
        text += len + 1;
    }
    return STATUS_OK;
}

enum status sparkplug_array_decode(struct bytes packed, enum sparkplug_type element,
                                   struct sparkplug_array_room *room, struct sparkplug_tree *t,
                                   struct fby_value *out, struct error *err)
{
    if (element == SPARKPLUG_BOOLEAN)
        return decode_booleans(packed, room, t, out, err);
    if (element == SPARKPLUG_STRING)
        return decode_texts(packed, room, t, out, err);
    return decode_numbers(packed, element, room, t, out, err);
}

static size_t packed_size(const struct fby_value *list, enum sparkplug_type element)
{
    if (element == SPARKPLUG_BOOLEAN)
        return COUNT_BYTES + (list->len + 7) / 8;
    if (element != SPARKPLUG_STRING)
        return (size_t)list->len * (sparkplug_type_bits(element) / 8);
    size_t size = 0;
    for (uint32_t i = 0; i < list->len; i++)
        size += list->items[i].len + 1;
    return size;
}

static void encode_element(const struct fby_value *list, uint32_t i, enum sparkplug_type element,
                           uint8_t *data, size_t *len)
{
    const struct fby_value *v = &list->items[i];
    if (element == SPARKPLUG_BOOLEAN) {
        if (v->boolean)
            data[COUNT_BYTES + i / 8] |= (uint8_t)(0x80u >> i % 8);
    } else if (element == SPARKPLUG_STRING) {
        memcpy(data + *len, v->bytes, v->len);
        *len += v->len + 1;
    } else {
        size_t size = sparkplug_type_bits(element) / 8;
        write_little_endian(data + *len, size, sparkplug_number_to_bits(v, element));
        *len += size;
    }
}

bool sparkplug_array_encode(const struct fby_value *list, enum sparkplug_type element, struct arena *a,
                            struct bytes *packed)
{
    size_t size = packed_size(list, element), len = 0;
    uint8_t *data = arena_calloc(a, 1, size);
    if (!data)
        return false;
    if (element == SPARKPLUG_BOOLEAN)
        write_little_endian(data, COUNT_BYTES, list->len);
    for (uint32_t i = 0; i < list->len; i++)
        encode_element(list, i, element, data, &len);
    *packed = bytes_of(data, size);
    return true;
}
