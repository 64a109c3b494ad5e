/* SPDX-License-Identifier: Apache-2.0
 *
 * See filter_expression.h. The sandbox: no library of Lua is opened; the names of an expression come from a
 * light userdata that cannot be assigned to; there is no table an expression could keep anything in after its
 * answer; text is compiled, never bytecode.
 */
#include "filter_expression.h"

#include "filter_functions.h"
#include "filter_values.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct filter_expression {
    lua_State *lua;
    struct filter_view view;
    const char *text; /* borrowed while compiling */
    size_t memory_used;
    char error[400];
};

/* ---- Bounds ---- */

static void *allocate(void *ctx, void *old, size_t old_size, size_t new_size)
{
    struct filter_expression *e = ctx;
    size_t before = old ? old_size : 0; /* without a block, old_size is the kind of object */
    if (new_size == 0) {
        free(old);
        e->memory_used -= before;
        return NULL;
    }
    if (new_size > before && e->memory_used - before + new_size > FILTER_MEMORY_MAX)
        return NULL; /* Lua collects its garbage, tries once more, then raises an error */
    void *block = realloc(old, new_size);
    if (block)
        e->memory_used += new_size - before;
    return block;
}

static void stop_work(lua_State *lua, lua_Debug *ar)
{
    (void)ar;
    luaL_error(lua, "it takes more than %d steps", FILTER_INSTRUCTIONS_MAX);
}

/* ---- Compiling ---- */

/* Lua's messages know a line only. Giving it the text byte by byte tells how far it has read when it gives
 * up, and so the column. */
struct feed {
    const char *before, *text, *after;
    size_t taken; /* of text */
};

static const char *feed_byte(lua_State *lua, void *ctx, size_t *size)
{
    struct feed *f = ctx;
    (void)lua;
    const char **part = *f->before ? &f->before : *f->text ? &f->text : &f->after;
    *size = **part ? 1 : 0;
    if (part == &f->text)
        f->taken++;
    return **part ? (*part)++ : NULL;
}

/* "filter:1: what" without its beginning. */
static const char *skip_place(const char *message)
{
    const char *p = strncmp(message, "filter:", 7) == 0 ? strstr(message, ": ") : NULL;
    return p ? p + 2 : message;
}

/* Where the token begins that the message says it was "near", if it can be told. */
static size_t find_fault(const char *text, size_t taken, const char *message)
{
    size_t len = strlen(text);
    if (taken > len)
        taken = len;
    const char *near = strstr(message, "near '");
    const char *end = near ? strrchr(near, '\'') : NULL;
    if (!near || end <= near + 6)
        return len;
    near += 6;
    size_t token_len = (size_t)(end - near);
    for (size_t at = taken >= token_len ? taken - token_len + 1 : 0; at-- > 0;)
        if (strncmp(text + at, near, token_len) == 0)
            return at;
    return taken ? taken - 1 : 0;
}

static void set_compile_error(const char *text, size_t taken, const char *message, struct fby_error *err)
{
    size_t at = find_fault(text, taken, message);
    unsigned line = 1, column = 1;
    for (size_t i = 0; i < at; i++) {
        column++;
        if (text[i] == '\n') {
            line++;
            column = 1;
        }
    }
    const char *what = skip_place(message);
    if (strncmp(what, "<eof> expected", 14) == 0)
        what = "it should have ended there";
    char place[48];
    if (strchr(text, '\n'))
        snprintf(place, sizeof place, "at line %u, character %u", line, column);
    else
        snprintf(place, sizeof place, "at character %u", column);
    const char *hint = strstr(message, "near '='")   ? " Two values are compared with ==."
                       : strstr(message, "near '!'") ? " \"Not equal\" is written ~=, \"not\" is written not."
                       : strstr(message, "near '&'") ? " \"And\" is written and."
                       : strstr(message, "near '|'") ? " \"Or\" is written or."
                                                     : "";
    snprintf(err->text, sizeof err->text, "The expression is wrong %s, before \"%.40s\": %.200s.%s", place,
             text + at, what, hint);
    if (!text[at])
        snprintf(err->text, sizeof err->text, "The expression is wrong at its end (%s): %.200s.%s", place,
                 what, hint);
}

static bool compile_as(lua_State *lua, const char *before, const char *text, const char *after, size_t *taken)
{
    struct feed f = {.before = before, .text = text, .after = after};
    int status = lua_load(lua, feed_byte, &f, "=filter", "t");
    *taken = f.taken;
    return status == LUA_OK;
}

/* Runs protected: builds the world of the expression and leaves the compiled chunk, or nil and the message.
 */
static int build(lua_State *lua)
{
    struct filter_expression *e = lua_touserdata(lua, 1);
    struct fby_error *err = lua_touserdata(lua, 2);
    size_t taken;
    filter_functions_push(lua);
    filter_values_install(lua, &e->view, -1);
    if (!compile_as(lua, "return ", e->text, "\n", &taken)) {
        set_compile_error(e->text, taken, lua_tostring(lua, -1), err);
        return 0;
    }
    /* In brackets once more: `a, b` would be compiled as well, and b forgotten. */
    if (!compile_as(lua, "return (", e->text, "\n)", &taken)) {
        snprintf(err->text, sizeof err->text,
                 "The expression has to be one condition; this is more than one, or has a comma too many.");
        return 0;
    }
    lua_pushvalue(lua, 4);
    lua_setupvalue(lua, -2, 1); /* _ENV */
    return 1;
}

static bool prepare(struct filter_expression *e, struct fby_error *err)
{
    lua_pushcfunction(e->lua, build);
    lua_pushlightuserdata(e->lua, e);
    lua_pushlightuserdata(e->lua, err);
    if (lua_pcall(e->lua, 2, 1, 0) != LUA_OK) {
        snprintf(err->text, sizeof err->text, "The expression cannot be prepared: %.300s.",
                 lua_tostring(e->lua, -1));
        return false;
    }
    return lua_isfunction(e->lua, -1); /* stays at the bottom of the stack */
}

struct filter_expression *filter_expression_create(const char *text, struct fby_error *err)
{
    if (strlen(text) > FILTER_TEXT_MAX) {
        snprintf(err->text, sizeof err->text, "The expression is longer than %d bytes.", FILTER_TEXT_MAX);
        return NULL;
    }
    if (text[strspn(text, " \t\r\n")] == 0) {
        snprintf(err->text, sizeof err->text, "The expression is empty.");
        return NULL;
    }
    struct filter_expression *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->text = text;
    e->lua = lua_newstate(allocate, e);
    if (e->lua && prepare(e, err))
        return e;
    if (!err->text[0])
        snprintf(err->text, sizeof err->text, "There is no memory for the expression.");
    filter_expression_destroy(e);
    return NULL;
}

void filter_expression_destroy(struct filter_expression *e)
{
    if (!e)
        return;
    if (e->lua)
        lua_close(e->lua);
    free(e);
}

/* ---- Asking ---- */

static void set_error(struct filter_expression *e, const char *what)
{
    snprintf(e->error, sizeof e->error, "%.300s", what);
}

static enum filter_answer read_answer(struct filter_expression *e)
{
    int type = lua_type(e->lua, -1);
    if (type == LUA_TBOOLEAN)
        return lua_toboolean(e->lua, -1) ? FILTER_YES : FILTER_NO;
    if (type == LUA_TNIL)
        return FILTER_NO;
    snprintf(e->error, sizeof e->error, "the expression gives a %s, not true or false",
             type == LUA_TLIGHTUSERDATA ? "list or map" : lua_typename(e->lua, type));
    return FILTER_ERROR;
}

enum filter_answer filter_expression_ask(struct filter_expression *e, const struct fby_message *message,
                                         const struct fby_value *value)
{
    e->view.message = message;
    e->view.value = value;
    lua_sethook(e->lua, stop_work, LUA_MASKCOUNT, FILTER_INSTRUCTIONS_MAX); /* counts from here */
    lua_pushvalue(e->lua, 1);
    enum filter_answer answer = FILTER_ERROR;
    if (lua_pcall(e->lua, 0, 1, 0) == LUA_OK)
        answer = read_answer(e);
    else
        set_error(e, lua_type(e->lua, -1) == LUA_TSTRING ? skip_place(lua_tostring(e->lua, -1)) : "failed");
    lua_settop(e->lua, 1);
    return answer;
}

const char *filter_expression_error(const struct filter_expression *e)
{
    return e->error;
}
