/* SPDX-License-Identifier: Apache-2.0
 *
 * Applies a table of struct fby_option rows to a YAML map: the one way in which any setting is read, the
 * daemon's and the plugins'. Rank 2.
 */
#ifndef CONFIG_OPTION_H
#define CONFIG_OPTION_H

#include "base/arena.h"
#include "config/config_report.h"
#include "config/yaml_tree.h"
#include "forebay/plugin.h"

/* Fill `target` (zeroed by the caller) from `map` (NULL or null: all defaults). Unknown keys are errors that
 * name the nearest known key, except those listed in `also` (NULL-terminated, may be NULL), which the caller
 * reads itself. Strings and lists live in `a`. Returns true when nothing was wrong in it. `at` is the place
 * for a missing required key. An absent section gets its defaults; its required keys are asked for only when
 * the section itself is required. */
bool option_apply(const struct fby_option *rows, const struct yaml_node *map, const struct yaml_node *at,
                  const char *const *also, void *target, struct arena *a, struct config_report *r);

/* One value of a row's type from a scalar text; false and what was expected in `err` (may be NULL), as in
 * "expected true or false". */
bool option_parse_bool(const char *text, bool *value, struct error *err);
bool option_parse_int(const char *text, int64_t *value, struct error *err);
bool option_parse_double(const char *text, double *value, struct error *err);
bool option_parse_size(const char *text, int64_t *bytes, struct error *err);
bool option_parse_duration(const char *text, int64_t *ms, struct error *err);

/* Any YAML as a value tree: plain scalars by the YAML 1.2 core schema, quoted ones as strings. */
struct fby_value *option_value(const struct yaml_node *n, struct arena *a);

/* Is it a map? Otherwise reports that a map of `what` is expected. For sections whose keys are names that the
 * operator gives. */
bool option_is_map(const struct yaml_node *n, struct config_report *r, const char *what);

#endif
