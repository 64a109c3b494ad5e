/* SPDX-License-Identifier: Apache-2.0
 *
 * See filter_values.h.
 */
#include "filter_values.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

enum { UPVALUE_VIEW = 1, UPVALUE_FUNCTIONS = 2 };

static void push_bytes(lua_State *lua, struct fby_bytes b)
{
    lua_pushlstring(lua, b.data ? b.data : "", b.data ? b.len : 0);
}

static void push_value(lua_State *lua, const struct fby_value *v)
{
    switch (v->type) {
    case FBY_BOOL:
        lua_pushboolean(lua, v->boolean);
        return;
    case FBY_INT:
        lua_pushinteger(lua, v->integer);
        return;
    case FBY_UINT:
        /* Wrapping around to negative would turn every threshold over; a double keeps the order. */
        if (v->uinteger > INT64_MAX)
            lua_pushnumber(lua, (lua_Number)v->uinteger);
        else
            lua_pushinteger(lua, (lua_Integer)v->uinteger);
        return;
    case FBY_DOUBLE:
        lua_pushnumber(lua, v->number);
        return;
    case FBY_STRING:
    case FBY_BYTES:
        lua_pushlstring(lua, v->len ? v->bytes : "", v->len);
        return;
    case FBY_TIME:
        lua_pushnumber(lua, (lua_Number)v->time_s + (lua_Number)v->len / 1e9);
        return;
    case FBY_LIST:
    case FBY_MAP:
        lua_pushlightuserdata(lua, (void *)(uintptr_t)v);
        return;
    default:
        lua_pushnil(lua);
    }
}

/* ---- Maps, lists and pairs ---- */

static const struct fby_value *find_field(const struct fby_value *map, const char *name, size_t len)
{
    if (map->type != FBY_MAP)
        return NULL;
    for (uint32_t i = 0; i < map->len; i++) {
        const struct fby_field *f = &map->fields[i];
        if (f->name.len == len && memcmp(f->name.data, name, len) == 0)
            return &f->value;
    }
    return NULL;
}

static int index_value(lua_State *lua, const struct fby_value *v)
{
    size_t len;
    if (v->type == FBY_LIST) {
        lua_Integer at = lua_isinteger(lua, 2) ? lua_tointeger(lua, 2) : 0;
        if (at < 1 || at > (lua_Integer)v->len)
            return 0;
        push_value(lua, &v->items[at - 1]);
        return 1;
    }
    char number[32];
    const char *name;
    if (lua_isinteger(lua, 2)) { /* the key of a protobuf map<int32, …> */
        len = (size_t)snprintf(number, sizeof number, LUA_INTEGER_FMT, lua_tointeger(lua, 2));
        name = number;
    } else if (lua_type(lua, 2) == LUA_TSTRING) {
        name = lua_tolstring(lua, 2, &len);
    } else {
        return 0;
    }
    const struct fby_value *field = find_field(v, name, len);
    if (!field)
        return 0;
    push_value(lua, field);
    return 1;
}

static bool push_pair(lua_State *lua, const struct fby_pair *pairs, size_t count, const char *name,
                      size_t len)
{
    for (size_t i = 0; i < count; i++) {
        if (pairs[i].name.len != len || memcmp(pairs[i].name.data, name, len) != 0)
            continue;
        push_bytes(lua, pairs[i].text);
        return true;
    }
    return false;
}

/* ---- Names ---- */

static bool is_name(const char *name, size_t len, const char *other)
{
    return strlen(other) == len && memcmp(name, other, len) == 0;
}

static int push_message_field(lua_State *lua, const struct filter_view *view, const char *name, size_t len)
{
    const struct fby_message *m = view->message;
    if (is_name(name, len, "topic"))
        push_bytes(lua, m->topic);
    else if (is_name(name, len, "payload"))
        push_bytes(lua, m->payload);
    else if (is_name(name, len, "size"))
        lua_pushinteger(lua, (lua_Integer)m->payload.len);
    else if (is_name(name, len, "source"))
        push_bytes(lua, m->source);
    else if (is_name(name, len, "content_type"))
        push_bytes(lua, m->content_type);
    else if (is_name(name, len, "time") && m->time_us)
        lua_pushnumber(lua, (lua_Number)m->time_us / 1e6);
    else if (is_name(name, len, "sequence"))
        lua_pushinteger(lua, (lua_Integer)m->sequence);
    else
        return 0;
    return 1;
}

static bool push_reserved(lua_State *lua, struct filter_view *view, const char *name, size_t len)
{
    void *place = NULL;
    if (is_name(name, len, "topic"))
        return push_message_field(lua, view, name, len);
    if (is_name(name, len, "body")) {
        push_value(lua, view->value);
        return true;
    }
    if (is_name(name, len, "message"))
        place = &view->message_fields;
    else if (is_name(name, len, "captures"))
        place = &view->captures;
    else if (is_name(name, len, "properties"))
        place = &view->properties;
    else if (is_name(name, len, "math"))
        place = &view->math;
    else if (is_name(name, len, "string"))
        place = &view->string;
    if (!place)
        return false;
    lua_pushlightuserdata(lua, place);
    return true;
}

/* A plain name: first what every expression can rely on, then the payload's fields, then the topic's
 * captures, then the message. A device must not be able to replace `topic` or a function by sending a field.
 */
static int index_names(lua_State *lua, struct filter_view *view)
{
    size_t len;
    const char *name = lua_tolstring(lua, 2, &len);
    if (push_reserved(lua, view, name, len))
        return 1;
    lua_pushvalue(lua, 2);
    if (lua_rawget(lua, lua_upvalueindex(UPVALUE_FUNCTIONS)) != LUA_TNIL)
        return 1;
    const struct fby_value *field = find_field(view->value, name, len);
    if (field) {
        push_value(lua, field);
        return 1;
    }
    const struct fby_message *m = view->message;
    if (push_pair(lua, m->captures, m->capture_count, name, len))
        return 1;
    if (is_name(name, len, "payload") || is_name(name, len, "time"))
        return push_message_field(lua, view, name, len);
    return 0;
}

static int index_library(lua_State *lua, const char *name)
{
    lua_getfield(lua, lua_upvalueindex(UPVALUE_FUNCTIONS), name);
    lua_pushvalue(lua, 2);
    lua_rawget(lua, -2);
    return 1;
}

/* __index of light userdata: the place tells what it is. */
static int index_place(lua_State *lua)
{
    struct filter_view *view = lua_touserdata(lua, lua_upvalueindex(UPVALUE_VIEW));
    const char *place = lua_touserdata(lua, 1);
    const struct fby_message *m = view->message;
    if (lua_type(lua, 2) == LUA_TSTRING) {
        size_t len;
        const char *name = lua_tolstring(lua, 2, &len);
        if (place == &view->names)
            return index_names(lua, view);
        if (place == &view->captures)
            return push_pair(lua, m->captures, m->capture_count, name, len);
        if (place == &view->properties)
            return push_pair(lua, m->properties, m->property_count, name, len);
        if (place == &view->message_fields)
            return push_message_field(lua, view, name, len);
        if (place == &view->math)
            return index_library(lua, "math");
        if (place == &view->string)
            return index_library(lua, "string");
    }
    if (place >= (const char *)view && place < (const char *)(view + 1))
        return 0;
    return index_value(lua, (const struct fby_value *)(const void *)place);
}

static int length_of_place(lua_State *lua)
{
    const struct filter_view *view = lua_touserdata(lua, lua_upvalueindex(UPVALUE_VIEW));
    const char *place = lua_touserdata(lua, 1);
    if (place >= (const char *)view && place < (const char *)(view + 1))
        return luaL_error(lua, "this has no length");
    lua_pushinteger(lua, ((const struct fby_value *)(const void *)place)->len);
    return 1;
}

static int refuse_assignment(lua_State *lua)
{
    return luaL_error(lua, "an expression cannot assign (compare with ==)");
}

/* ---- What is missing ---- */

static int answer_false(lua_State *lua)
{
    lua_pushboolean(lua, 0);
    return 1;
}

static int answer_missing(lua_State *lua)
{
    lua_pushnil(lua);
    return 1;
}

/* A missing field must not be an error: one route carries several message types. So what is computed from it
 * is missing too, and an order with it is false. */
static void install_missing(lua_State *lua)
{
    static const char *const missing[] = {"__index", "__add", "__sub",  "__mul",  "__div",    "__mod",
                                          "__pow",   "__unm", "__idiv", "__band", "__bor",    "__bxor",
                                          "__shl",   "__shr", "__bnot", "__len",  "__concat", NULL};
    lua_pushnil(lua);
    lua_newtable(lua);
    for (const char *const *name = missing; *name; name++) {
        lua_pushcfunction(lua, answer_missing);
        lua_setfield(lua, -2, *name);
    }
    lua_pushcfunction(lua, answer_false);
    lua_setfield(lua, -2, "__lt");
    lua_pushcfunction(lua, answer_false);
    lua_setfield(lua, -2, "__le");
    lua_setmetatable(lua, -2);
    lua_pop(lua, 1);
}

void filter_values_install(lua_State *lua, struct filter_view *view, int functions)
{
    functions = lua_absindex(lua, functions);
    install_missing(lua);
    lua_pushlightuserdata(lua, &view->names);
    lua_createtable(lua, 0, 3);
    lua_pushlightuserdata(lua, view);
    lua_pushvalue(lua, functions);
    lua_pushcclosure(lua, index_place, 2);
    lua_setfield(lua, -2, "__index");
    lua_pushlightuserdata(lua, view);
    lua_pushcclosure(lua, length_of_place, 1);
    lua_setfield(lua, -2, "__len");
    lua_pushcfunction(lua, refuse_assignment);
    lua_setfield(lua, -2, "__newindex");
    lua_setmetatable(lua, -2); /* of every light userdata */
}
