/* SPDX-License-Identifier: Apache-2.0
 *
 * What must be true of a plugin's description before anything of it is used: the contract's number, the
 * operations of its kind, option rows that stay inside the options struct. Knows no files.
 */
#ifndef PLUGIN_PLUGIN_CHECK_H
#define PLUGIN_PLUGIN_CHECK_H

#include "base/error.h"
#include "forebay/plugin.h"

/* Copy `found` into `description` as this daemon's header has the struct (a shorter one is filled with zeros)
 * and check it. `name` is what the configuration calls it. */
MUST_CHECK enum status plugin_check_description(const struct fby_plugin *found, const char *name,
                                                struct fby_plugin *description, struct error *err);

/* [a-z][a-z0-9_]*, at most 64 bytes. */
bool plugin_check_name(const char *name);

#endif
