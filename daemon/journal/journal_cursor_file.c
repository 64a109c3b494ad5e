/* SPDX-License-Identifier: Apache-2.0
 *
 * Slot: 0 magic "FBYCUR01", 8 generation, 16 highest number, 24 highest serial, 32 entries, 36 length of the
 * slot, 40 the entries, u64 newest record, CRC-32C of everything before it in the last four bytes. Entry: u8
 * length of the name, name, u64 confirmed, u64 counted through, u64 pending.
 */
#include "journal/journal_cursor_file.h"

#include "base/mutant.h"

#include "journal/journal_crc32c.h"
#include "journal/journal_file.h"
#include "journal/journal_format.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    AT_GENERATION = 8,
    AT_HIGHEST = 16,
    AT_SERIAL = 24,
    AT_COUNT = 32,
    AT_LENGTH = 36,
    HEAD = 40,
    NUMBERS = 24,
    NEWEST = 8,
    CRC = 4,
    COUNT_LIMIT = (JOURNAL_CURSOR_FILE_SLOT - HEAD - NEWEST - CRC) / (1 + JOURNAL_CURSOR_NAME_MAX + NUMBERS),
    RESERVED = 16 * 1024,
};

static const char magic[8] = "FBYCUR01";

static void add64(struct buffer *out, uint64_t value)
{
    uint8_t bytes[8];
    journal_format_put64(bytes, value);
    buffer_add(out, bytes, sizeof(bytes));
}

static void add32(struct buffer *out, uint32_t value)
{
    uint8_t bytes[4];
    journal_format_put32(bytes, value);
    buffer_add(out, bytes, sizeof(bytes));
}

static void clear_entries(struct journal_cursor_state *s)
{
    list_for_each_safe(e, &s->entries, struct journal_cursor_entry, link) journal_cursor_state_remove(s, e);
}

static void encode_entry(const struct journal_cursor_entry *e, uint64_t durable_head, struct buffer *out)
{
    size_t len = strlen(e->name);
    const struct journal_cursor_place *p =
        e->place.note.counted_through <= durable_head || MUTANT(note_before_commit) ? &e->place : &e->safe;
    buffer_add_byte(out, (uint8_t)len);
    buffer_add(out, e->name, len);
    add64(out, p->confirmed < durable_head ? p->confirmed : durable_head);
    add64(out, p->note.counted_through);
    add64(out, p->note.pending);
}

/* The next entry at *at; false when it does not fit into the slot. */
static bool decode_entry(struct journal_cursor_state *s, struct bytes slot, size_t *at)
{
    size_t end = slot.len - CRC;
    if (*at >= end)
        return false;
    size_t len = slot.data[*at];
    const uint8_t *name = slot.data + *at + 1;
    if (len == 0 || len > JOURNAL_CURSOR_NAME_MAX || end - *at < 1 + len + NUMBERS || memchr(name, 0, len))
        return false;
    char text[JOURNAL_CURSOR_NAME_MAX + 1] = {0};
    memcpy(text, name, len);
    struct journal_cursor_entry *e = journal_cursor_state_add(s, text);
    if (!e)
        return false;
    e->place.confirmed = journal_format_get64(name + len);
    e->place.note.counted_through = journal_format_get64(name + len + 8);
    e->place.note.pending = journal_format_get64(name + len + 16);
    e->safe = e->submitted = e->place;
    *at += 1 + len + NUMBERS;
    return true;
}

static bool is_whole(struct bytes slot)
{
    return slot.len >= HEAD + CRC && memcmp(slot.data, magic, sizeof(magic)) == 0 &&
           journal_format_get32(slot.data + AT_LENGTH) == slot.len &&
           journal_format_get32(slot.data + slot.len - CRC) == journal_crc32c(0, slot.data, slot.len - CRC);
}

/* The slot at `offset` into `out`, as long as its head says; empty when it says nothing. False: the disk did
 * not give it. */
static bool read_slot(int fd, uint64_t offset, struct buffer *out)
{
    uint8_t head[HEAD];
    size_t got = 0;
    buffer_clear(out);
    if (journal_file_read(fd, head, sizeof(head), offset, &got) != 0)
        return false;
    size_t len = got == sizeof(head) ? journal_format_get32(head + AT_LENGTH) : 0;
    if (len < HEAD + CRC || len > JOURNAL_CURSOR_FILE_SLOT)
        return true;
    if (!buffer_reserve(out, len) || journal_file_read(fd, out->data, len, offset, &got) != 0)
        return false;
    out->len = got;
    return true;
}

void journal_cursor_state_init(struct journal_cursor_state *s)
{
    *s = (struct journal_cursor_state){0};
    list_init(&s->entries);
}

void journal_cursor_state_finish(struct journal_cursor_state *s)
{
    if (s->entries.next)
        clear_entries(s);
}

struct journal_cursor_entry *journal_cursor_state_find(struct journal_cursor_state *s, const char *name)
{
    list_for_each(e, &s->entries, struct journal_cursor_entry, link)
    {
        if (strcmp(e->name, name) == 0)
            return e;
    }
    return NULL;
}

struct journal_cursor_entry *journal_cursor_state_add(struct journal_cursor_state *s, const char *name)
{
    if (s->count >= COUNT_LIMIT)
        return NULL;
    struct journal_cursor_entry *e = xcalloc(1, sizeof(*e));
    memcpy(e->name, name, strnlen(name, JOURNAL_CURSOR_NAME_MAX));
    list_add(&s->entries, &e->link);
    s->count++;
    return e;
}

void journal_cursor_state_remove(struct journal_cursor_state *s, struct journal_cursor_entry *e)
{
    list_remove(&e->link);
    s->count--;
    free(e);
}

void journal_cursor_state_submit(struct journal_cursor_state *s)
{
    list_for_each(e, &s->entries, struct journal_cursor_entry, link) e->submitted = e->place;
}

void journal_cursor_state_settle(struct journal_cursor_state *s)
{
    list_for_each(e, &s->entries, struct journal_cursor_entry, link) e->safe = e->submitted;
}

void journal_cursor_file_encode(struct journal_cursor_state *s, uint64_t durable_head, struct buffer *out)
{
    buffer_clear(out);
    s->generation++;
    buffer_add(out, magic, sizeof(magic));
    add64(out, s->generation);
    add64(out, s->highest);
    add64(out, s->highest_serial);
    add32(out, (uint32_t)s->count);
    add32(out, 0);
    list_for_each(e, &s->entries, struct journal_cursor_entry, link) encode_entry(e, durable_head, out);
    add64(out, s->newest);
    if (!buffer_reserve(out, CRC))
        return;
    journal_format_put32(out->data + AT_LENGTH, (uint32_t)(out->len + CRC));
    add32(out, journal_crc32c(0, out->data, out->len));
}

uint64_t journal_cursor_file_offset(uint64_t generation)
{
    return MUTANT(one_cursor_slot) ? 0 : (generation & 1) * (uint64_t)JOURNAL_CURSOR_FILE_SLOT;
}

bool journal_cursor_file_decode(struct journal_cursor_state *s, struct bytes slot)
{
    if (!is_whole(slot) || journal_format_get64(slot.data + AT_GENERATION) <= s->generation)
        return false;
    clear_entries(s);
    s->generation = journal_format_get64(slot.data + AT_GENERATION);
    s->highest = journal_format_get64(slot.data + AT_HIGHEST);
    s->highest_serial = journal_format_get64(slot.data + AT_SERIAL);
    uint32_t count = journal_format_get32(slot.data + AT_COUNT);
    size_t at = HEAD;
    uint32_t read = 0;
    while (read < count && decode_entry(s, slot, &at)) /* fails only when a newer version wrote it */
        read++;
    bool has_newest = read == count && slot.len - CRC - at >= NEWEST;
    s->newest = has_newest ? journal_format_get64(slot.data + at) : 0;
    return true;
}

bool journal_cursor_file_read(struct journal_cursor_state *s, int fd)
{
    struct buffer slot = {0};
    bool found = false;
    for (uint64_t generation = 0; generation < 2; generation++) {
        if (read_slot(fd, journal_cursor_file_offset(generation), &slot))
            found |= journal_cursor_file_decode(s, buffer_bytes(&slot));
        else
            s->unread = true;
    }
    buffer_finish(&slot);
    return found;
}

int journal_cursor_file_open(int dir_fd)
{
    int fd = openat(dir_fd, JOURNAL_CURSOR_FILE_NAME, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    for (int slot = 0; slot < 2; slot++) /* a help on a full disk, no more */
        (void)fallocate(fd, 0, (off_t)slot * JOURNAL_CURSOR_FILE_SLOT, RESERVED);
    return fd;
}
