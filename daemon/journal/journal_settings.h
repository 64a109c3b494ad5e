/* SPDX-License-Identifier: Apache-2.0
 *
 * The options of the section `journal`; they fill struct journal_settings. Rank 3.
 */
#ifndef JOURNAL_JOURNAL_SETTINGS_H
#define JOURNAL_JOURNAL_SETTINGS_H

#include "forebay/plugin.h"
#include "journal/journal.h"

extern const struct fby_option journal_settings_options[];

#endif
