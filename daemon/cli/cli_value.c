/* SPDX-License-Identifier: Apache-2.0
 *
 * See cli_value.h.
 */
#include "cli/cli_value.h"

#include <stdio.h>

bool cli_value_parse(const struct cli_answer *answer, struct arena *arena, struct fby_value *value)
{
    static const struct value_json_limits limits = {.elements = 4 << 20};
    struct error err;
    if (value_parse_json(cli_answer_body(answer), &limits, arena, value, &err) == STATUS_OK)
        return true;
    fprintf(stderr, "forebay: the daemon's answer cannot be read: %s\n", err.text);
    return false;
}

const struct fby_value *cli_value_member(const struct fby_value *map, const char *name)
{
    static const struct fby_value nothing = {.type = FBY_NULL};
    const struct fby_value *v = map->type == FBY_MAP ? value_field(map, bytes_of_text(name)) : NULL;
    return v ? v : &nothing;
}

uint64_t cli_value_number(const struct fby_value *map, const char *name)
{
    const struct fby_value *v = cli_value_member(map, name);
    if (v->type == FBY_INT && v->integer < 0)
        return 0;
    return v->type == FBY_INT || v->type == FBY_UINT ? v->uinteger : 0;
}

bool cli_value_flag(const struct fby_value *map, const char *name)
{
    const struct fby_value *v = cli_value_member(map, name);
    return v->type == FBY_BOOL && v->boolean;
}

void cli_value_print_bytes(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        putchar((unsigned char)text[i] < 0x20 || text[i] == 0x7f ? '?' : text[i]);
}

bool cli_value_has_text(const struct fby_value *map, const char *name)
{
    const struct fby_value *v = cli_value_member(map, name);
    return v->type == FBY_STRING && v->len > 0;
}

void cli_value_print(const struct fby_value *map, const char *name)
{
    const struct fby_value *v = cli_value_member(map, name);
    if (v->type == FBY_STRING)
        cli_value_print_bytes(v->bytes, v->len);
}
