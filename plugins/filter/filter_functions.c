/* SPDX-License-Identifier: Apache-2.0
 *
 * See filter_functions.h.
 */
#include "filter_functions.h"

#include <forebay/plugin.h>

#include <ctype.h>
#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

/* Missing arguments make a missing result, as everywhere in an expression. */
static bool any_is_missing(lua_State *lua, int count)
{
    for (int i = 1; i <= count; i++)
        if (lua_isnoneornil(lua, i))
            return true;
    return false;
}

static int answer_false(lua_State *lua)
{
    lua_pushboolean(lua, 0);
    return 1;
}

static int function_starts_with(lua_State *lua)
{
    if (any_is_missing(lua, 2))
        return answer_false(lua);
    size_t len, start_len;
    const char *text = luaL_checklstring(lua, 1, &len);
    const char *start = luaL_checklstring(lua, 2, &start_len);
    lua_pushboolean(lua, start_len <= len && memcmp(text, start, start_len) == 0);
    return 1;
}

static int function_ends_with(lua_State *lua)
{
    if (any_is_missing(lua, 2))
        return answer_false(lua);
    size_t len, end_len;
    const char *text = luaL_checklstring(lua, 1, &len);
    const char *end = luaL_checklstring(lua, 2, &end_len);
    lua_pushboolean(lua, end_len <= len && memcmp(text + len - end_len, end, end_len) == 0);
    return 1;
}

static bool list_contains(lua_State *lua)
{
    lua_Integer count = luaL_len(lua, 1);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_geti(lua, 1, i);
        if (lua_compare(lua, -1, 2, LUA_OPEQ))
            return true;
        lua_pop(lua, 1);
    }
    return false;
}

/* A list has an equal entry; a string has the other inside. */
static int function_contains(lua_State *lua)
{
    if (any_is_missing(lua, 2))
        return answer_false(lua);
    if (lua_islightuserdata(lua, 1)) {
        lua_pushboolean(lua, list_contains(lua));
        return 1;
    }
    size_t len, part_len;
    const char *text = luaL_checklstring(lua, 1, &len);
    const char *part = luaL_checklstring(lua, 2, &part_len);
    lua_pushboolean(lua, part_len == 0 || memmem(text, len, part, part_len) != NULL);
    return 1;
}

/* `*` any run, `?` one byte. Going back only to the last star keeps it at text times pattern. */
static bool is_like(const char *text, size_t len, const char *pattern, size_t pattern_len)
{
    size_t t = 0, p = 0, star = SIZE_MAX, resume = 0;
    while (t < len) {
        if (p < pattern_len && pattern[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern_len && (pattern[p] == '?' || pattern[p] == text[t])) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern_len && pattern[p] == '*')
        p++;
    return p == pattern_len;
}

static int function_like(lua_State *lua)
{
    if (any_is_missing(lua, 2))
        return answer_false(lua);
    size_t len, pattern_len;
    const char *text = luaL_checklstring(lua, 1, &len);
    const char *pattern = luaL_checklstring(lua, 2, &pattern_len);
    luaL_argcheck(lua, pattern_len <= 256, 2, "a pattern of at most 256 bytes is expected");
    lua_pushboolean(lua, is_like(text, len, pattern, pattern_len));
    return 1;
}

static int function_tonumber(lua_State *lua)
{
    if (lua_type(lua, 1) == LUA_TNUMBER) {
        lua_settop(lua, 1);
        return 1;
    }
    size_t len;
    const char *text = lua_type(lua, 1) == LUA_TSTRING ? lua_tolstring(lua, 1, &len) : NULL;
    if (!text || lua_stringtonumber(lua, text) != len + 1)
        lua_pushnil(lua);
    return 1;
}

/* Lua's own would show the addresses of maps and functions. */
static int function_tostring(lua_State *lua)
{
    int type = lua_type(lua, 1);
    if (type == LUA_TNUMBER || type == LUA_TSTRING)
        lua_tolstring(lua, 1, NULL);
    else if (type == LUA_TBOOLEAN)
        lua_pushstring(lua, lua_toboolean(lua, 1) ? "true" : "false");
    else if (lua_isnoneornil(lua, 1))
        lua_pushnil(lua);
    else
        return luaL_argerror(lua, 1, "number, string or boolean expected");
    if (type == LUA_TNUMBER || type == LUA_TSTRING)
        lua_settop(lua, 1);
    return 1;
}

static int string_len(lua_State *lua)
{
    if (any_is_missing(lua, 1))
        return 0;
    size_t len;
    luaL_checklstring(lua, 1, &len);
    lua_pushinteger(lua, (lua_Integer)len);
    return 1;
}

static int change_case(lua_State *lua, int (*change)(int))
{
    if (any_is_missing(lua, 1))
        return 0;
    size_t len;
    luaL_Buffer out;
    const char *text = luaL_checklstring(lua, 1, &len);
    char *to = luaL_buffinitsize(lua, &out, len);
    for (size_t i = 0; i < len; i++)
        to[i] = (char)change((unsigned char)text[i]);
    luaL_pushresultsize(&out, len);
    return 1;
}

static int string_lower(lua_State *lua)
{
    return change_case(lua, tolower);
}

static int string_upper(lua_State *lua)
{
    return change_case(lua, toupper);
}

static int string_sub(lua_State *lua)
{
    if (any_is_missing(lua, 1))
        return 0;
    size_t size;
    const char *text = luaL_checklstring(lua, 1, &size);
    lua_Integer len = (lua_Integer)size;
    lua_Integer first = luaL_checkinteger(lua, 2);
    lua_Integer last = luaL_optinteger(lua, 3, -1);
    if (first < 0)
        first = first < -len ? 1 : len + first + 1;
    else if (first == 0)
        first = 1;
    if (last < 0)
        last = last < -len ? 0 : len + last + 1;
    else if (last > len)
        last = len;
    if (first > last)
        lua_pushliteral(lua, "");
    else
        lua_pushlstring(lua, text + first - 1, (size_t)(last - first + 1));
    return 1;
}

static int string_byte(lua_State *lua)
{
    if (any_is_missing(lua, 1))
        return 0;
    size_t len;
    const char *text = luaL_checklstring(lua, 1, &len);
    lua_Integer at = luaL_optinteger(lua, 2, 1);
    if (at < 1 || (lua_Unsigned)at > len)
        return 0;
    lua_pushinteger(lua, (unsigned char)text[at - 1]);
    return 1;
}

static const luaL_Reg string_functions[] = {
    {"len", string_len},
    {"lower", string_lower},
    {"upper", string_upper},
    {"sub", string_sub},
    {"byte", string_byte},
    {"contains", function_contains},
    {"starts_with", function_starts_with},
    {"ends_with", function_ends_with},
    {"like", function_like},
    {NULL, NULL},
};

static const luaL_Reg plain_functions[] = {
    {"contains", function_contains},
    {"starts_with", function_starts_with},
    {"ends_with", function_ends_with},
    {"like", function_like},
    {"tonumber", function_tonumber},
    {"tostring", function_tostring},
    {NULL, NULL},
};

/* Lua's own, without random: an answer must be the same at every try of a message. */
static const char *const math_names[] = {"abs",  "ceil", "exp",  "floor",     "fmod", "huge", "log",
                                         "max",  "min",  "pi",   "sqrt",      "sin",  "cos",  "tan",
                                         "asin", "acos", "atan", "tointeger", "type", NULL};

static void push_math(lua_State *lua)
{
    lua_pushcfunction(lua, luaopen_math);
    lua_call(lua, 0, 1);
    lua_newtable(lua);
    for (const char *const *name = math_names; *name; name++) {
        lua_getfield(lua, -2, *name);
        lua_setfield(lua, -2, *name);
    }
    lua_remove(lua, -2);
}

static void push_string(lua_State *lua)
{
    luaL_newlib(lua, string_functions);
    lua_pushliteral(lua, "");
    lua_createtable(lua, 0, 1);
    lua_pushvalue(lua, -3);
    lua_setfield(lua, -2, "__index");
    lua_setmetatable(lua, -2); /* of all strings, so that s:lower() works */
    lua_pop(lua, 1);
}

void filter_functions_push(lua_State *lua)
{
    luaL_newlib(lua, plain_functions);
    push_math(lua);
    lua_setfield(lua, -2, "math");
    push_string(lua);
    lua_setfield(lua, -2, "string");
}
