/* SPDX-License-Identifier: Apache-2.0
 *
 * What a route reads: the section `from` of a route. Rank 4.
 */
#ifndef INGEST_SOURCE_SETTINGS_H
#define INGEST_SOURCE_SETTINGS_H

#include "base/error.h"
#include "forebay/plugin.h"

struct source_settings {
    const char *broker;        /* name of a broker */
    struct fby_strings topics; /* filters with captures, see message/topic_filter.h */
    int64_t qos;               /* 0 or 1; 2 is refused by source_settings_check() */
    int start;                 /* a route that is new: 0 "now", 1 "oldest" record of the journal */
};

extern const struct fby_option source_settings_options[];

/* What the table cannot say. False: the name of the option that is wrong, and the reason. */
bool source_settings_check(const struct source_settings *s, const char **option, struct error *err);

#endif
