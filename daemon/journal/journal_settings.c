/* SPDX-License-Identifier: Apache-2.0
 *
 * The journal's option table.
 */
#include "journal/journal_settings.h"

#define KIB 1024.0
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define DAY (24.0 * 3600 * 1000)

static const char *const when_full_choices[] = {"block", "drop_oldest", NULL};

#define AT(member) .offset = offsetof(struct journal_settings, member)

const struct fby_option journal_settings_options[] = {
    {.name = "path",
     .type = FBY_OPTION_STRING,
     AT(path),
     .help = "Directory of the journal; created when missing. Default: journal in the state directory."},
    {.name = "max_size",
     .type = FBY_OPTION_SIZE,
     AT(max_size),
     .default_text = "1 GiB",
     .min = 1 * MIB,
     .max = 16 * 1024 * GIB,
     .help = "Most bytes that all segments take on disk; when_full says what happens then."},
    {.name = "max_age",
     .type = FBY_OPTION_DURATION,
     AT(max_age_ms),
     .default_text = "7d",
     .min = 0,
     .max = 3650 * DAY,
     .help =
         "Undelivered records older than this are removed and counted as expired; 0s keeps them for ever. "
         "Records taken while the clock was not set do not expire."},
    {.name = "when_full",
     .type = FBY_OPTION_CHOICE,
     AT(when_full),
     .default_text = "block",
     .choices = when_full_choices,
     .help = "block stops taking messages, which then wait at the broker; drop_oldest removes the oldest "
             "records and counts them."},
    {.name = "segment_size",
     .type = FBY_OPTION_SIZE,
     AT(segment_size),
     .default_text = "8 MiB",
     .min = 64 * KIB,
     .max = 1 * GIB,
     .help = "Size of one file of the journal, reserved in advance; a quarter of max_size at most."},
    {.name = "free_reserve",
     .type = FBY_OPTION_SIZE,
     AT(free_reserve),
     .default_text = "64 MiB",
     .min = 0,
     .max = 1024 * GIB,
     .help = "Bytes to leave free on the file system."},
    {.name = "record_limit",
     .type = FBY_OPTION_SIZE,
     AT(record_limit),
     .default_text = "17 MiB",
     .min = 1 * KIB,
     .max = 32 * MIB,
     .help = "Most bytes of one record: a message with its topic and properties; a quarter of max_size at "
             "most. The default takes all that a broker may send (max_packet_size)."},
    {.name = "memory_tail",
     .type = FBY_OPTION_SIZE,
     AT(memory_tail),
     .default_text = "1 MiB",
     .min = 256 * KIB,
     .max = 1 * GIB,
     .help = "The newest bytes kept in memory, so that deliveries that keep up do not read the disk."},
    {.name = NULL},
};
