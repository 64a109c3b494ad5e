/* SPDX-License-Identifier: Apache-2.0
 *
 * `forebay status`: the daemon's JSON, or a page for people made from it.
 */
#include "base/memory.h"
#include "cli/cli.h"
#include "message/value.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { ANSWER_TIMEOUT_MS = 10000 };

/* ---- Values of the document; absent ones are empty ---- */

static const struct fby_value *member(const struct fby_value *map, const char *name)
{
    static const struct fby_value nothing = {.type = FBY_NULL};
    const struct fby_value *v = map->type == FBY_MAP ? value_field(map, bytes_of_text(name)) : NULL;
    return v ? v : &nothing;
}

static uint64_t number(const struct fby_value *map, const char *name)
{
    const struct fby_value *v = member(map, name);
    if (v->type == FBY_INT && v->integer < 0)
        return 0;
    return v->type == FBY_INT || v->type == FBY_UINT ? v->uinteger : 0;
}

static bool flag(const struct fby_value *map, const char *name)
{
    const struct fby_value *v = member(map, name);
    return v->type == FBY_BOOL && v->boolean;
}

/* Text without what could play with the terminal. */
static void print_bytes(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        putchar((unsigned char)text[i] < 0x20 || text[i] == 0x7f ? '?' : text[i]);
}

static bool has_text(const struct fby_value *map, const char *name)
{
    const struct fby_value *v = member(map, name);
    return v->type == FBY_STRING && v->len > 0;
}

static void print_text(const struct fby_value *map, const char *name)
{
    const struct fby_value *v = member(map, name);
    if (v->type == FBY_STRING)
        print_bytes(v->bytes, v->len);
}

/* ---- The page ---- */

static void print_size(uint64_t bytes)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    double amount = (double)bytes;
    size_t unit = 0;
    while (amount >= 1024 && unit + 1 < array_count(units)) {
        amount /= 1024;
        unit++;
    }
    printf(unit ? "%.1f %s" : "%.0f %s", amount, units[unit]);
}

static void print_duration(uint64_t seconds)
{
    uint64_t days = seconds / 86400, hours = seconds / 3600 % 24, minutes = seconds / 60 % 60;
    if (days)
        printf("%" PRIu64 "d %" PRIu64 "h", days, hours);
    else if (hours)
        printf("%" PRIu64 "h %" PRIu64 "m", hours, minutes);
    else if (minutes)
        printf("%" PRIu64 "m %" PRIu64 "s", minutes, seconds % 60);
    else
        printf("%" PRIu64 "s", seconds);
}

static void print_gateway(const struct fby_value *status)
{
    printf("gateway ");
    print_text(status, "gateway");
    printf(", version ");
    print_text(status, "version");
    printf(", up ");
    print_duration(number(status, "uptime_s"));
    printf("\nstate   ");
    print_text(status, "text");
    printf("\nconfig  ");
    print_text(status, "config");
    if (number(status, "reload_failures"))
        printf(" (%" PRIu64 " reloads refused)", number(status, "reload_failures"));
    putchar('\n');
}

static void print_journal(const struct fby_value *status, const char *name, const char *title)
{
    const struct fby_value *j = member(status, name), *recovery = member(j, "recovery");
    uint64_t oldest = number(j, "oldest"), head = number(j, "head");
    printf("%-14s", title);
    print_text(j, "state");
    printf(", %" PRIu64 " records, ", head >= oldest ? head - oldest + 1 : 0);
    print_size(number(j, "size_bytes"));
    if (number(recovery, "damaged_records"))
        printf(", %" PRIu64 " damaged records were set aside at start", number(recovery, "damaged_records"));
    if (has_text(j, "text")) {
        printf("\n              ");
        print_text(j, "text");
    }
    putchar('\n');
}

static void print_sources(const struct fby_value *status)
{
    const struct fby_value *sources = member(status, "sources");
    for (uint32_t i = 0; sources->type == FBY_MAP && i < sources->len; i++) {
        const struct fby_field *f = &sources->fields[i];
        printf("%-14s", i ? "" : "sources");
        print_bytes(f->name.data, f->name.len);
        printf(": %s, %" PRIu64 " received", flag(&f->value, "connected") ? "connected" : "not connected",
               number(&f->value, "received"));
        if (flag(&f->value, "possible_gap"))
            printf(", the broker lost our session: messages may be missing");
        if (flag(&f->value, "stopped_by_journal"))
            printf(", waiting for room in the journal");
        if (number(&f->value, "filters_refused"))
            printf(", %" PRIu64 " topic filters refused by the broker", number(&f->value, "filters_refused"));
        if (!flag(&f->value, "connected") && has_text(&f->value, "text")) {
            printf(" (");
            print_text(&f->value, "text");
            putchar(')');
        }
        putchar('\n');
    }
}

static void print_upstreams(const struct fby_value *status)
{
    const struct fby_value *upstreams = member(status, "upstreams");
    for (uint32_t i = 0; upstreams->type == FBY_MAP && i < upstreams->len; i++) {
        const struct fby_field *f = &upstreams->fields[i];
        printf("%-14s", i ? "" : "upstreams");
        print_bytes(f->name.data, f->name.len);
        printf(" (");
        print_text(&f->value, "kind");
        printf("): %s, %" PRIu64 " delivered", flag(&f->value, "connected") ? "connected" : "not connected",
               number(&f->value, "delivered"));
        if (has_text(&f->value, "reason")) {
            printf(" (");
            print_text(&f->value, "reason");
            putchar(')');
        }
        putchar('\n');
    }
}

static void print_target(const struct fby_field *route, const struct fby_field *target)
{
    const struct fby_value *t = &target->value, *dropped = member(t, "dropped");
    char name[64];
    snprintf(name, sizeof name, "%.*s -> %.*s", (int)(route->name.len < 24 ? route->name.len : 24),
             route->name.data, (int)(target->name.len < 24 ? target->name.len : 24), target->name.data);
    print_bytes(name, strlen(name));
    printf("%*s", (int)(strlen(name) < 32 ? 32 - strlen(name) : 1), "");
    uint64_t drops = 0;
    for (uint32_t i = 0; dropped->type == FBY_MAP && i < dropped->len; i++)
        drops += number(dropped, dropped->fields[i].name.data);
    printf("%11" PRIu64 " %11" PRIu64 " %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %9" PRIu64 "\n",
           number(t, "accepted"), number(t, "delivered"), number(t, "queued"),
           number(t, "filtered") + number(t, "aggregated"), number(t, "dead_lettered"), drops);
    if (has_text(t, "last_problem")) {
        printf("    ");
        print_text(t, "last_problem");
        putchar('\n');
    }
}

static void print_routes(const struct fby_value *status)
{
    const struct fby_value *routes = member(status, "routes");
    if (routes->type != FBY_MAP || routes->len == 0)
        return;
    printf("\n%-32s%11s %11s %9s %9s %9s %9s\n", "route -> target", "accepted", "delivered", "queued",
           "filtered", "dead", "dropped");
    for (uint32_t i = 0; i < routes->len; i++) {
        const struct fby_value *targets = member(&routes->fields[i].value, "targets");
        for (uint32_t k = 0; targets->type == FBY_MAP && k < targets->len; k++)
            print_target(&routes->fields[i], &targets->fields[k]);
    }
}

static int print_page(struct bytes body)
{
    static const struct value_json_limits limits = {.elements = 4 << 20};
    struct arena arena;
    struct fby_value status;
    struct error err;
    arena_init(&arena, 0, 0);
    enum status parsed = value_parse_json(body, &limits, &arena, &status, &err);
    if (parsed == STATUS_OK) {
        print_gateway(&status);
        print_journal(&status, "journal", "journal");
        print_journal(&status, "dead_letters", "dead letters");
        print_sources(&status);
        print_upstreams(&status);
        print_routes(&status);
    } else {
        fprintf(stderr, "forebay: the daemon's answer cannot be read: %s\n", err.text);
    }
    arena_finish(&arena);
    return parsed == STATUS_OK ? EX_OK : EX_PROTOCOL;
}

int cli_status_run(const struct cli *cli, const struct cli_command *command, int argc, char **argv)
{
    bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
    struct cli_answer answer;
    int code;
    if (argc > 1 && !json)
        return cli_refuse_usage(command, argc > 2 ? "too many arguments" : "unknown option");
    if (!cli_request(cli, "GET", "/status", ANSWER_TIMEOUT_MS, &answer, &code))
        return code;
    if (answer.status != 200)
        code = cli_report_refusal(&answer);
    else
        code = json ? cli_print_body(&answer) : print_page(cli_answer_body(&answer));
    cli_answer_finish(&answer);
    return code;
}
