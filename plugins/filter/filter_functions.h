/* SPDX-License-Identifier: Apache-2.0
 *
 * The functions an expression may call: pure, without patterns (one crafted payload could keep a Lua pattern
 * busy for hours), each linear in its arguments or nearly so.
 */
#ifndef FILTER_FUNCTIONS_H
#define FILTER_FUNCTIONS_H

#include <lua.h>

/* Leave a table on the stack: name -> function, and math and string -> table. Strings get their methods. */
void filter_functions_push(lua_State *lua);

#endif
