/* SPDX-License-Identifier: Apache-2.0
 *
 * How a message looks from Lua. Nothing is copied ahead: maps and lists are light userdata that point into
 * the value tree, and a field becomes a Lua value when the expression names it. Such a pointer cannot outlive
 * its message, because an expression has no place to keep anything (filter_expression.c).
 */
#ifndef FILTER_VALUES_H
#define FILTER_VALUES_H

#include <forebay/plugin.h>
#include <lua.h>

/* Its members' addresses are what the names stand for, so the struct must stay where it is. */
struct filter_view {
    const struct fby_message *message; /* of the present question */
    const struct fby_value *value;
    char names, captures, properties, message_fields, math, string;
};

/* Make light userdata and nil behave; leaves the environment of expressions on the stack. `functions` is the
 * index of the table with what is found beside the message: math, string, contains, … */
void filter_values_install(lua_State *lua, struct filter_view *view, int functions);

#endif
