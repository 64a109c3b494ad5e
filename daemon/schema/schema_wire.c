/* SPDX-License-Identifier: Apache-2.0
 *
 * See schema_wire.h.
 */
#include "schema/schema_wire.h"

#include "base/utf8.h"
#include "base/varint.h"
#include "schema/schema_order.h"

#include <endian.h>
#include <stdarg.h>
#include <stdio.h>

#define TAG(number, wire) ((uint32_t)(number) << 3 | (uint32_t)(wire))

/* Where a scan stands; one for each piece of a message. */
struct cursor {
    const uint8_t *at, *end;
};

/* What a scan found out about the level as a whole. */
struct scan {
    const struct schema_type *type;
    uint32_t last_slot;
    bool unsorted;
    bool oneof_twice; /* perhaps two members of one oneof */
    uint64_t oneofs;  /* bit number: oneof modulo 64 */
};

void schema_reader_init(struct schema_reader *r, const struct schema_options *o, struct arena *a,
                        struct bytes payload, struct error *err)
{
    r->options = o;
    r->arena = a;
    r->records = r->initial;
    r->count = 0;
    r->capacity = SCHEMA_RECORDS_INITIAL;
    r->elements_left = (uint32_t)o->max_elements;
    r->defaults_left = (uint32_t)schema_reader_max_defaults(o, payload.len);
    r->depth_left = (uint32_t)o->max_depth;
    r->keep_unknown = o->unknown_fields == SCHEMA_UNKNOWN_KEEP ? SCHEMA_KEEP_PLAIN : SCHEMA_KEEP_NONE;
    r->lost_depth = 0;
    r->unknown_enum = false;
    r->origin = payload.data;
    r->status = STATUS_OK;
    r->err = err;
    r->groups = NULL;
    r->group_count = 0;
    r->group_capacity = 0;
}

bool schema_reader_fail(struct schema_reader *r, enum status status, const uint8_t *at, const char *format,
                        ...)
{
    if (r->status != STATUS_OK)
        return false;
    r->status = status;
    if (!r->err)
        return false;
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (at && r->origin)
        error_set(r->err, status, "%s, at byte %td", text, at - r->origin);
    else
        error_set(r->err, status, "%s", text);
    return false;
}

bool schema_reader_no_memory(struct schema_reader *r)
{
    return schema_reader_fail(r, STATUS_LIMIT, NULL, "decoding this payload takes more memory than allowed");
}

bool schema_reader_spend(struct schema_reader *r, size_t n)
{
    if (n > r->elements_left)
        return schema_reader_fail(r, STATUS_LIMIT, NULL, "the payload has more than %lld elements",
                                  (long long)r->options->max_elements);
    r->elements_left -= (uint32_t)n;
    return true;
}

bool schema_reader_spend_defaults(struct schema_reader *r, size_t n)
{
    if (n > r->defaults_left)
        return schema_reader_fail(r, STATUS_LIMIT, NULL,
                                  "showing the unset fields of so many messages takes more than a payload of "
                                  "this size may; emit_defaults: false leaves them out");
    r->defaults_left -= (uint32_t)n;
    return schema_reader_spend(r, n);
}

bool schema_reader_pass_enum(struct schema_reader *r, const struct schema_field *f, uint64_t raw,
                             const uint8_t *at)
{
    return r->options->unknown_fields != SCHEMA_UNKNOWN_FAIL || r->keep_unknown == SCHEMA_KEEP_ALL ||
           schema_reader_fail(r, STATUS_INVALID, at, "%s is %d, which the enum %s does not have",
                              f->names[1].data, (int32_t)raw, f->enumeration->full_name);
}

/* Tags have at most five bytes and 32 bits. */
static inline bool read_tag(struct cursor *c, uint32_t *tag)
{
    const uint8_t *start = c->at;
    uint64_t v;
    if (!varint_read(&c->at, c->end, &v) || c->at - start > 5 || v > UINT32_MAX)
        return false;
    *tag = (uint32_t)v;
    return *tag >> 3 != 0;
}

/* A length has at most five bytes. */
static inline bool read_length(struct cursor *c, uint64_t *len)
{
    const uint8_t *start = c->at;
    return varint_read(&c->at, c->end, len) && c->at - start <= 5 && *len <= (uint64_t)(c->end - c->at);
}

static uint32_t load32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return le32toh(v);
}

static uint64_t load64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return le64toh(v);
}

/* Pass over one value that is not a group. */
static bool skip_value(struct cursor *c, uint32_t wire)
{
    uint64_t n = 0;
    if (wire == SCHEMA_WIRE_VARINT)
        return varint_read(&c->at, c->end, &n);
    if (wire == SCHEMA_WIRE_FIXED64)
        n = 8;
    else if (wire == SCHEMA_WIRE_FIXED32)
        n = 4;
    else if (wire != SCHEMA_WIRE_LENGTH || !read_length(c, &n))
        return false;
    if (n > (uint64_t)(c->end - c->at))
        return false;
    c->at += n;
    return true;
}

/* ---- Groups. Finding the end of a group means passing over all it holds, and its nested groups would be
 * passed over again at each level. So the ends of nested groups are remembered on the first pass. */

static struct schema_group_end *group_slot(const struct schema_reader *r, const uint8_t *begin)
{
    uint64_t hash = (uint64_t)(uintptr_t)begin * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t i = (uint32_t)(hash >> 32) & (r->group_capacity - 1);
    while (r->groups[i].begin && r->groups[i].begin != begin)
        i = (i + 1) & (r->group_capacity - 1);
    return &r->groups[i];
}

static bool remember_group(struct schema_reader *r, const uint8_t *begin, const uint8_t *end)
{
    if (4 * (r->group_count + 1) > 3 * r->group_capacity) {
        struct schema_group_end *old = r->groups;
        uint32_t old_capacity = r->group_capacity;
        uint32_t capacity = old_capacity ? 2 * old_capacity : 32;
        struct schema_group_end *grown = arena_calloc(r->arena, capacity, sizeof *grown);
        if (!grown)
            return schema_reader_no_memory(r);
        r->groups = grown;
        r->group_capacity = capacity;
        for (uint32_t i = 0; i < old_capacity; i++)
            if (old[i].begin)
                *group_slot(r, old[i].begin) = old[i];
    }
    *group_slot(r, begin) = (struct schema_group_end){begin, end};
    r->group_count++;
    return true;
}

/* Pass over a group whose start tag was read. *content_end: before its end tag; NULL: nobody will look for
 * the groups in it. */
static bool skip_group(struct schema_reader *r, struct cursor *c, uint32_t number,
                       const uint8_t **content_end)
{
    struct {
        uint32_t number;
        const uint8_t *begin;
    } open[SCHEMA_DEPTH_HARD_MAX];
    const uint8_t *start = c->at;
    if (r->group_capacity) {
        const struct schema_group_end *known = group_slot(r, start);
        if (known->begin) {
            if (content_end)
                *content_end = known->end;
            c->at = known->end;
            uint32_t end_tag;
            return read_tag(c, &end_tag);
        }
    }
    uint32_t depth = 0;
    open[0].number = number;
    open[0].begin = start;
    for (;;) {
        const uint8_t *field = c->at;
        uint32_t tag;
        if (!read_tag(c, &tag))
            return schema_reader_fail(r, STATUS_INVALID, start, "a group does not end");
        uint32_t wire = tag & 7;
        if (wire == SCHEMA_WIRE_GROUP) {
            if (++depth >= r->depth_left || depth >= SCHEMA_DEPTH_HARD_MAX)
                return schema_reader_fail(r, STATUS_LIMIT, field, "groups are nested more than %lld deep",
                                          (long long)r->options->max_depth);
            open[depth].number = tag >> 3;
            open[depth].begin = c->at;
        } else if (wire == SCHEMA_WIRE_GROUP_END) {
            if (tag >> 3 != open[depth].number)
                return schema_reader_fail(r, STATUS_INVALID, field, "a group ends that was not begun");
            if (depth == 0) {
                if (content_end)
                    *content_end = field;
                return true;
            }
            if (content_end && !remember_group(r, open[depth].begin, field))
                return false;
            depth--;
        } else if (!skip_value(c, wire)) {
            return schema_reader_fail(r, STATUS_INVALID, field, "a field is cut short or has no wire type");
        }
    }
}

/* ---- Records. */

static bool grow_records(struct schema_reader *r)
{
    uint32_t capacity = r->capacity * 2;
    struct schema_record *grown = arena_alloc(r->arena, (size_t)capacity * sizeof *grown);
    if (!grown)
        return schema_reader_no_memory(r);
    memcpy(grown, r->records, r->count * sizeof *grown);
    r->records = grown;
    r->capacity = capacity;
    return true;
}

static inline struct schema_record *push_record(struct schema_reader *r, uint32_t slot)
{
    if (r->count == r->capacity && !grow_records(r))
        return NULL;
    struct schema_record *record = &r->records[r->count++];
    record->slot = slot;
    return record;
}

static bool push_bytes(struct schema_reader *r, uint32_t slot, const uint8_t *begin, const uint8_t *end)
{
    struct schema_record *record = push_record(r, slot);
    if (!record)
        return false;
    record->data = begin;
    record->len = (uint32_t)(end - begin);
    return true;
}

static void note_oneof(struct scan *s, const struct schema_field *f)
{
    uint64_t bit = UINT64_C(1) << (f->oneof & 63);
    s->oneof_twice |= (s->oneofs & bit) != 0;
    s->oneofs |= bit;
}

static inline void note_order(struct scan *s, const struct schema_field *f)
{
    s->unsorted |= f->slot < s->last_slot;
    s->last_slot = f->slot;
    if (f->oneof >= 0)
        note_oneof(s, f);
}

/* ---- Scanning. */

static bool keeps_unknown(const struct schema_reader *r, const struct schema_type *t)
{
    return r->keep_unknown == SCHEMA_KEEP_ALL ||
           (r->keep_unknown == SCHEMA_KEEP_PLAIN && t->wellknown == SCHEMA_PLAIN && !t->is_map_entry);
}

static bool take_unknown(struct schema_reader *r, struct scan *s, struct cursor *c, const uint8_t *field,
                         uint32_t tag)
{
    uint32_t wire = tag & 7;
    if (wire == SCHEMA_WIRE_GROUP_END)
        return schema_reader_fail(r, STATUS_INVALID, field, "a group ends that was not begun");
    if (wire == SCHEMA_WIRE_GROUP) {
        if (r->depth_left == 0)
            return schema_reader_fail(r, STATUS_LIMIT, field, "messages are nested more than %lld deep",
                                      (long long)r->options->max_depth);
        if (!skip_group(r, c, tag >> 3, NULL))
            return false;
    } else if (!skip_value(c, wire)) {
        return schema_reader_fail(r, STATUS_INVALID, field, "%s: field %u is cut short or has no wire type",
                                  s->type->full_name, tag >> 3);
    }
    if (r->options->unknown_fields == SCHEMA_UNKNOWN_FAIL)
        return schema_reader_fail(r, STATUS_INVALID, field, "%s has no field %u of this wire type",
                                  s->type->full_name, tag >> 3);
    if (!keeps_unknown(r, s->type))
        return true;
    s->last_slot = SCHEMA_RECORD_UNKNOWN;
    return push_bytes(r, SCHEMA_RECORD_UNKNOWN, field, c->at);
}

/* A value of the wire type that the field has, at *at. */
static inline bool take_value(const struct schema_field *f, struct schema_record *record, const uint8_t **at,
                              const uint8_t *end)
{
    const uint8_t *p = *at;
    uint64_t len;
    switch (f->wire) {
    case SCHEMA_WIRE_VARINT:
        if (p == end || *p >= 0x80)
            return varint_read(at, end, &record->number);
        record->number = *p;
        *at = p + 1;
        return true;
    case SCHEMA_WIRE_FIXED64:
        if (end - p < 8)
            return false;
        record->number = load64(p);
        *at = p + 8;
        return true;
    case SCHEMA_WIRE_FIXED32:
        if (end - p < 4)
            return false;
        record->number = load32(p);
        *at = p + 4;
        return true;
    default:
        if (p == end)
            return false;
        len = *p++;
        if (len >= 0x80) {
            struct cursor c = {p - 1, end};
            if (!read_length(&c, &len))
                return false;
            p = c.at;
        }
        if (len > (uint64_t)(end - p))
            return false;
        record->data = p;
        record->len = (uint32_t)len;
        *at = p + len;
        return true;
    }
}

static bool take_group(struct schema_reader *r, struct scan *s, struct cursor *c,
                       const struct schema_field *f)
{
    const uint8_t *begin = c->at, *content_end;
    if (r->depth_left == 0)
        return schema_reader_fail(r, STATUS_LIMIT, begin, "messages are nested more than %lld deep",
                                  (long long)r->options->max_depth);
    if (!skip_group(r, c, f->number, &content_end))
        return false;
    note_order(s, f);
    return push_bytes(r, f->slot, begin, content_end);
}

/* A closed enum does not have this number: the field counts as unknown. */
static bool take_unknown_enum(struct schema_reader *r, struct scan *s, const uint8_t *end,
                              const uint8_t *field, const struct schema_field *f)
{
    uint64_t raw = r->records[--r->count].number;
    r->unknown_enum = true;
    if (!schema_reader_pass_enum(r, f, raw, field))
        return false;
    if (!keeps_unknown(r, s->type))
        return true;
    s->last_slot = SCHEMA_RECORD_UNKNOWN;
    return push_bytes(r, SCHEMA_RECORD_UNKNOWN, field, end);
}

static bool take_packed(struct schema_reader *r, struct scan *s, struct cursor *c,
                        const struct schema_field *f)
{
    uint64_t len;
    if (!read_length(c, &len))
        return schema_reader_fail(r, STATUS_INVALID, c->at, "%s.%s is cut short", s->type->full_name,
                                  f->names[1].data);
    const uint8_t *begin = c->at;
    c->at += len;
    note_order(s, f);
    return push_bytes(r, f->slot | SCHEMA_RECORD_PACKED, begin, c->at);
}

/* An item of a message set: a group with the number of an extension and its message, in any order. */
static bool take_set_item(struct schema_reader *r, struct scan *s, struct cursor *c, const uint8_t *field)
{
    const uint8_t *content_end;
    struct cursor item = {c->at, NULL};
    if (!skip_group(r, c, 1, &content_end))
        return false;
    item.end = content_end;
    const struct cursor again = item;
    uint64_t id = 0, value;
    uint32_t tag;
    while (item.at < item.end && read_tag(&item, &tag)) {
        if (tag == TAG(2, SCHEMA_WIRE_VARINT) && varint_read(&item.at, item.end, &value))
            id = value;
        else if ((tag & 7) == SCHEMA_WIRE_GROUP
                     ? !skip_group(r, &item, tag >> 3, &content_end)
                     : tag != TAG(2, SCHEMA_WIRE_VARINT) && !skip_value(&item, tag & 7))
            return schema_reader_fail(r, STATUS_INVALID, field, "a message set item is malformed");
    }
    const struct schema_field *f = id && id <= UINT32_MAX ? schema_type_field(s->type, (uint32_t)id) : NULL;
    if (!f || f->kind != SCHEMA_KIND_MESSAGE) {
        if (!keeps_unknown(r, s->type))
            return true;
        s->last_slot = SCHEMA_RECORD_UNKNOWN;
        return push_bytes(r, SCHEMA_RECORD_UNKNOWN, field, c->at);
    }
    item = again;
    while (item.at < item.end && read_tag(&item, &tag)) {
        const uint8_t *value_at = item.at;
        if ((tag & 7) == SCHEMA_WIRE_GROUP ? !skip_group(r, &item, tag >> 3, &content_end)
                                           : !skip_value(&item, tag & 7))
            return schema_reader_fail(r, STATUS_INVALID, field, "a message set item is malformed");
        if (tag != TAG(3, SCHEMA_WIRE_LENGTH))
            continue;
        struct cursor inner = {value_at, item.at};
        if (!varint_read(&inner.at, inner.end, &value))
            return false;
        note_order(s, f);
        if (!push_bytes(r, f->slot, inner.at, inner.end))
            return false;
    }
    return true;
}

/* What is not simply a value of the field's wire type. */
static bool take_other(struct schema_reader *r, struct scan *s, struct cursor *c, const uint8_t *field,
                       uint32_t tag, const struct schema_field *f)
{
    uint32_t wire = tag & 7;
    if (f && wire == f->wire)
        return take_group(r, s, c, f);
    if (f && wire == SCHEMA_WIRE_LENGTH && (f->flags & SCHEMA_FIELD_PACKABLE))
        return take_packed(r, s, c, f);
    if (s->type->is_message_set && tag == TAG(1, SCHEMA_WIRE_GROUP) && r->depth_left > 0)
        return take_set_item(r, s, c, field);
    return take_unknown(r, s, c, field, tag);
}

static bool scan_piece(struct schema_reader *r, struct scan *s, struct bytes piece)
{
    const uint8_t *at = piece.data, *end = at + piece.len;
    const struct schema_type *t = s->type;
    while (at < end) {
        const uint8_t *field = at;
        uint32_t tag = *at++;
        if (tag >= 0x80 || tag < 8) {
            struct cursor c = {field, end};
            if (!read_tag(&c, &tag))
                return schema_reader_fail(r, STATUS_INVALID, field, "%s: this is not a field tag",
                                          t->full_name);
            at = c.at;
        }
        const struct schema_field *f = schema_type_field(t, tag >> 3);
        if (!f || (tag & 7) != f->wire || f->wire == SCHEMA_WIRE_GROUP) {
            struct cursor c = {at, end};
            if (!take_other(r, s, &c, field, tag, f))
                return false;
            at = c.at;
            continue;
        }
        struct schema_record *record = push_record(r, f->slot);
        if (!record)
            return false;
        if (!take_value(f, record, &at, end))
            return schema_reader_fail(r, STATUS_INVALID, field, "%s.%s is cut short or not valid",
                                      t->full_name, f->names[1].data);
        if (f->flags & SCHEMA_FIELD_WATCHED) {
            if (schema_field_rejects(f, record->number)) {
                if (!take_unknown_enum(r, s, at, field, f))
                    return false;
                continue;
            }
            if (f->oneof >= 0)
                note_oneof(s, f);
        }
        s->unsorted |= f->slot < s->last_slot;
        s->last_slot = f->slot;
    }
    return true;
}

/* ---- Packed runs. */

/* Varints end with the bytes below 0x80. */
static uint32_t count_varints(const uint8_t *data, uint32_t len)
{
    uint32_t count = 0, i = 0;
    for (; len - i >= 8; i += 8)
        count += 8 - (uint32_t)__builtin_popcountll(load64(data + i) & UINT64_C(0x8080808080808080));
    for (; i < len; i++)
        count += data[i] < 0x80;
    return count;
}

bool schema_packed_count(struct schema_reader *r, const struct schema_field *f,
                         const struct schema_record *run, uint32_t *count)
{
    uint32_t size = f->wire == SCHEMA_WIRE_FIXED64 ? 8 : f->wire == SCHEMA_WIRE_FIXED32 ? 4 : 1;
    bool is_whole = size > 1 ? run->len % size == 0 : run->len == 0 || run->data[run->len - 1] < 0x80;
    if (!is_whole)
        return schema_reader_fail(r, STATUS_INVALID, run->data, "the packed run of %s is cut short",
                                  f->names[1].data);
    *count = size > 1 ? run->len / size : count_varints(run->data, run->len);
    return schema_reader_spend(r, *count);
}

bool schema_packed_next_slow(struct schema_reader *r, const struct schema_field *f, const uint8_t **at,
                             const uint8_t *end, uint64_t *value)
{
    if (f->wire == SCHEMA_WIRE_FIXED64) {
        *value = load64(*at);
        *at += 8;
        return true;
    }
    if (f->wire == SCHEMA_WIRE_FIXED32) {
        *value = load32(*at);
        *at += 4;
        return true;
    }
    return varint_read(at, end, value) ||
           schema_reader_fail(r, STATUS_INVALID, *at, "the packed run of %s is not valid", f->names[1].data);
}

/* ---- What is lost. */

static bool check_packed(struct schema_reader *r, const struct schema_field *f,
                         const struct schema_record *run)
{
    const uint8_t *at = run->data, *end = at + run->len;
    uint32_t count;
    if (!schema_packed_count(r, f, run, &count))
        return false;
    for (uint64_t value; count > 0; count--)
        if (!schema_packed_next(r, f, &at, end, &value))
            return false;
    return true;
}

static bool check_record(struct schema_reader *r, const struct schema_type *t, uint32_t index)
{
    const struct schema_record record = r->records[index];
    if (record.slot == SCHEMA_RECORD_UNKNOWN)
        return true;
    const struct schema_field *f = &t->fields[SCHEMA_RECORD_SLOT(record.slot)];
    if (record.slot & SCHEMA_RECORD_PACKED)
        return check_packed(r, f, &record);
    if (f->flags & SCHEMA_FIELD_UTF8)
        return utf8_is_valid(bytes_of(record.data, record.len)) ||
               schema_reader_fail(r, STATUS_INVALID, record.data, "%s is not UTF-8", f->names[1].data);
    if (!schema_field_is_message(f))
        return true;
    struct schema_level level;
    if (!schema_level_open(r, f->type, index, 1, &level) ||
        !schema_records_check(r, f->type, level.begin, level.end - level.begin))
        return false;
    schema_level_close(r, &level);
    return true;
}

bool schema_records_check(struct schema_reader *r, const struct schema_type *t, uint32_t first,
                          uint32_t count)
{
    r->lost_depth++;
    for (uint32_t i = first; i < first + count; i++)
        if (!check_record(r, t, i))
            return false;
    r->lost_depth--;
    return true;
}

/* Of a oneof only the member set last remains, with those occurrences that no other member interrupted. */
static bool drop_losers(struct schema_reader *r, const struct schema_type *t, struct schema_level *level)
{
    enum { CLOSED = 1 << 30 };
    uint32_t few[16] = {0}, *winners = few;
    if (t->oneof_count > 16) {
        winners = arena_calloc(r->arena, t->oneof_count, sizeof *winners);
        if (!winners)
            return schema_reader_no_memory(r);
    }
    uint32_t kept = level->end;
    for (uint32_t i = level->end; i-- > level->begin;) {
        uint32_t slot = r->records[i].slot;
        int32_t oneof = slot == SCHEMA_RECORD_UNKNOWN ? -1 : t->fields[SCHEMA_RECORD_SLOT(slot)].oneof;
        if (oneof >= 0) {
            if (winners[oneof] == 0)
                winners[oneof] = slot + 1;
            if (winners[oneof] != slot + 1) {
                winners[oneof] = CLOSED;
                if (!schema_records_check(r, t, i, 1))
                    return false;
                continue;
            }
        }
        r->records[--kept] = r->records[i];
    }
    uint32_t count = level->end - kept;
    memmove(&r->records[level->begin], &r->records[kept], count * sizeof *r->records);
    level->end = level->begin + count;
    r->count = level->end;
    return true;
}

static bool check_required(struct schema_reader *r, const struct schema_type *t,
                           const struct schema_level *level)
{
    for (uint32_t slot = 0; slot < t->field_count; slot++)
        if ((t->fields[slot].flags & SCHEMA_FIELD_REQUIRED) && !schema_level_last(r, level, slot))
            return schema_reader_fail(r, STATUS_INVALID, NULL, "%s: the required field %s is missing",
                                      t->full_name, t->fields[slot].names[1].data);
    return true;
}

static bool finish_level(struct schema_reader *r, struct scan *s, struct schema_level *level)
{
    level->end = r->count;
    if (!schema_reader_spend(r, level->end - level->begin))
        return false;
    if (s->oneof_twice && !drop_losers(r, s->type, level))
        return false;
    if (s->unsorted &&
        !schema_order_records(r, s->type, &r->records[level->begin], level->end - level->begin))
        return false;
    return s->type->required_count == 0 || r->lost_depth || check_required(r, s->type, level);
}

bool schema_level_open_bytes(struct schema_reader *r, const struct schema_type *t, struct bytes message,
                             struct schema_level *level)
{
    struct scan s = {.type = t};
    level->begin = r->count;
    return scan_piece(r, &s, message) && finish_level(r, &s, level);
}

bool schema_level_open(struct schema_reader *r, const struct schema_type *t, uint32_t first, uint32_t count,
                       struct schema_level *level)
{
    if (r->depth_left == 0)
        return schema_reader_fail(r, STATUS_LIMIT, r->records[first].data,
                                  "messages are nested more than %lld deep",
                                  (long long)r->options->max_depth);
    r->depth_left--;
    struct scan s = {.type = t};
    level->begin = r->count;
    for (uint32_t i = 0; i < count; i++) {
        /* The array may move while it is scanned. */
        struct bytes piece = {r->records[first + i].data, r->records[first + i].len};
        if (!scan_piece(r, &s, piece))
            return false;
    }
    return finish_level(r, &s, level);
}

void schema_level_close_bytes(struct schema_reader *r, const struct schema_level *level)
{
    r->count = level->begin;
}

void schema_level_close(struct schema_reader *r, const struct schema_level *level)
{
    r->count = level->begin;
    r->depth_left++;
}

uint32_t schema_level_known_end(const struct schema_reader *r, const struct schema_level *level)
{
    uint32_t end = level->end;
    while (end > level->begin && r->records[end - 1].slot == SCHEMA_RECORD_UNKNOWN)
        end--;
    return end;
}

const struct schema_record *schema_level_last(const struct schema_reader *r, const struct schema_level *level,
                                              uint32_t slot)
{
    uint32_t low = level->begin, high = level->end;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (SCHEMA_RECORD_SLOT(r->records[middle].slot) <= slot)
            low = middle + 1;
        else
            high = middle;
    }
    return low > level->begin && SCHEMA_RECORD_SLOT(r->records[low - 1].slot) == slot ? &r->records[low - 1]
                                                                                      : NULL;
}
