/* SPDX-License-Identifier: Apache-2.0
 *
 * One Lua 5.4 expression, compiled once and asked for each message. It sees the message and a few pure
 * functions and nothing else; its work and its memory are bounded. README.md tells operators what it can say.
 */
#ifndef FILTER_EXPRESSION_H
#define FILTER_EXPRESSION_H

#include <forebay/plugin.h>

enum {
    FILTER_TEXT_MAX = 64 * 1024,         /* bytes of an expression */
    FILTER_MEMORY_MAX = 8 * 1024 * 1024, /* bytes of one Lua state */
    FILTER_INSTRUCTIONS_MAX = 10 * 1000, /* for one message */
};

enum filter_answer { FILTER_NO, FILTER_YES, FILTER_ERROR };

struct filter_expression;

/* NULL and the reason, with the place in the expression, in `err`. */
struct filter_expression *filter_expression_create(const char *text, struct fby_error *err);
void filter_expression_destroy(struct filter_expression *e); /* NULL is fine */

/* FILTER_ERROR: filter_expression_error() has the words, until the next call. */
enum filter_answer filter_expression_ask(struct filter_expression *e, const struct fby_message *message,
                                         const struct fby_value *value);
const char *filter_expression_error(const struct filter_expression *e);

#endif
