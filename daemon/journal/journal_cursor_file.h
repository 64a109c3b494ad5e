/* SPDX-License-Identifier: Apache-2.0
 *
 * The file `cursors`: where every cursor stands, in two slots that are written in turn. Each slot has a
 * generation number and a checksum; the newest one that is whole counts.
 */
#ifndef JOURNAL_JOURNAL_CURSOR_FILE_H
#define JOURNAL_JOURNAL_CURSOR_FILE_H

#include "base/bytes.h"
#include "base/list.h"
#include "journal/journal.h"

#define JOURNAL_CURSOR_FILE_NAME "cursors"

enum {
    JOURNAL_CURSOR_NAME_MAX = 128,
    JOURNAL_CURSOR_FILE_SLOT = 1 << 20, /* bytes from one slot to the other; the file is sparse */
};

/* A position and the note that belongs to it. */
struct journal_cursor_place {
    uint64_t confirmed;
    struct journal_cursor_note note;
};

struct journal_cursor_entry {
    struct list link; /* journal_cursor_state.entries */
    char name[JOURNAL_CURSOR_NAME_MAX + 1];
    struct journal_cursor_place place;     /* now */
    struct journal_cursor_place submitted; /* when the commit in work was put together */
    struct journal_cursor_place safe;      /* speaks only of durable records */
    struct journal_cursor *open;           /* NULL: parked */
};

struct journal_cursor_state {
    uint64_t generation;
    uint64_t highest;        /* newest sequence number that was ever durable or left out */
    uint64_t newest;         /* newest record that was ever durable; 0: not known */
    uint64_t highest_serial; /* of a segment */
    struct list entries;     /* journal_cursor_entry.link */
    size_t count;
    bool unread; /* the disk did not give a slot, which may have been the newer one */
};

void journal_cursor_state_init(struct journal_cursor_state *s);
void journal_cursor_state_finish(struct journal_cursor_state *s);
struct journal_cursor_entry *journal_cursor_state_find(struct journal_cursor_state *s, const char *name);
/* Add a name; NULL when the file has no room for more. */
struct journal_cursor_entry *journal_cursor_state_add(struct journal_cursor_state *s, const char *name);
void journal_cursor_state_remove(struct journal_cursor_state *s, struct journal_cursor_entry *e);

/* A commit takes all records so far with it … */
void journal_cursor_state_submit(struct journal_cursor_state *s);
/* … and has succeeded. */
void journal_cursor_state_settle(struct journal_cursor_state *s);

/* Encode a slot with the next generation; nothing in it speaks of records past `durable_head`, whose numbers
 * a crash would give to others. */
void journal_cursor_file_encode(struct journal_cursor_state *s, uint64_t durable_head, struct buffer *out);
/* Where the slot of this generation goes. */
uint64_t journal_cursor_file_offset(uint64_t generation);
/* Take over one slot when it is whole and newer than `s`; false otherwise. */
bool journal_cursor_file_decode(struct journal_cursor_state *s, struct bytes slot);
/* Read both slots of an open file. False: neither is whole. */
bool journal_cursor_file_read(struct journal_cursor_state *s, int fd);
/* Open or create the file and reserve room, so that it can be written on a full disk. -1 and errno. */
int journal_cursor_file_open(int dir_fd);

#endif
