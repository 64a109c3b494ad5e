/* SPDX-License-Identifier: Apache-2.0
 *
 * Collects every problem of a configuration in one pass, each with its place, and shows them as
 *   file:line:column: error: path: what. why. help
 * with the source line and a caret below. Rank 2.
 */
#ifndef CONFIG_CONFIG_REPORT_H
#define CONFIG_CONFIG_REPORT_H

#include "base/bytes.h"
#include "base/error.h"

struct yaml_node;
struct config_report;

struct config_report *config_report_create(void);
void config_report_destroy(struct config_report *r);

/* Keep a file's text (copied), for the source lines. */
void config_report_add_source(struct config_report *r, const char *file, const char *text, size_t len);

/* Never show the text of this node (a password, say) in a source line: it becomes stars. */
void config_report_hide(struct config_report *r, const struct yaml_node *n);

/* Go into and out of a key or a list entry; the steps make the path ("routes.telemetry.to[1]"). */
void config_report_enter(struct config_report *r, const char *key);
void config_report_enter_index(struct config_report *r, size_t index);
void config_report_leave(struct config_report *r);
/* The present path; valid until the next enter or leave. */
const char *config_report_path(const struct config_report *r);

/* `at` may be NULL: no place. One sentence or more, each ending with a full stop. */
void config_report_error(struct config_report *r, const struct yaml_node *at, const char *format, ...)
    PRINTF_LIKE(3, 4);
void config_report_warning(struct config_report *r, const struct yaml_node *at, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* `line` 0: the file as a whole. */
void config_report_error_at(struct config_report *r, const char *file, unsigned line, unsigned column,
                            const char *format, ...) PRINTF_LIKE(5, 6);

size_t config_report_error_count(const struct config_report *r);
size_t config_report_warning_count(const struct config_report *r);
/* All problems as text, in order of place; at most CONFIG_REPORT_SHOWN_MAX, then how many more. */
enum { CONFIG_REPORT_SHOWN_MAX = 200 };
void config_report_render(const struct config_report *r, struct buffer *out);
/* The first error in one line, without the source, to be freed; NULL: there is none. */
char *config_report_first_error(const struct config_report *r);

#endif
