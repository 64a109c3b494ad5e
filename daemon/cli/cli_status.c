/* SPDX-License-Identifier: Apache-2.0
 *
 * `forebay status`: the daemon's JSON, or a page for people made from it.
 */
#include "base/memory.h"
#include "cli/cli.h"
#include "cli/cli_value.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { ANSWER_TIMEOUT_MS = 10000 };

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
    cli_value_print(status, "gateway");
    printf(", version ");
    cli_value_print(status, "version");
    printf(", up ");
    print_duration(cli_value_number(status, "uptime_s"));
    printf("\nstate   ");
    cli_value_print(status, "text");
    printf("\nconfig  ");
    cli_value_print(status, "config");
    if (cli_value_number(status, "reload_failures"))
        printf(" (%" PRIu64 " reloads refused)", cli_value_number(status, "reload_failures"));
    putchar('\n');
}

static void print_states(const struct fby_value *status)
{
    const struct fby_value *states = cli_value_member(status, "states");
    for (uint32_t i = 0; states->type == FBY_LIST && i < states->len; i++) {
        printf("%-14s", i ? "" : "attention");
        cli_value_print(&states->items[i], "state");
        putchar(' ');
        cli_value_print(&states->items[i], "part");
        printf(": ");
        cli_value_print(&states->items[i], "text");
        putchar('\n');
    }
}

static void print_journal(const struct fby_value *status, const char *name, const char *title)
{
    const struct fby_value *j = cli_value_member(status, name), *recovery = cli_value_member(j, "recovery");
    printf("%-14s", title);
    cli_value_print(j, "state");
    printf(", %" PRIu64 " records, ", cli_value_number(j, "records"));
    print_size(cli_value_number(j, "size_bytes"));
    if (cli_value_number(recovery, "damaged_records"))
        printf(", %" PRIu64 " damaged records were set aside at start",
               cli_value_number(recovery, "damaged_records"));
    if (cli_value_number(recovery, "missing_records"))
        printf(", %" PRIu64 " records were missing at start", cli_value_number(recovery, "missing_records"));
    if (cli_value_has_text(j, "text")) {
        printf("\n              ");
        cli_value_print(j, "text");
    }
    putchar('\n');
}

static void print_sources(const struct fby_value *status)
{
    const struct fby_value *sources = cli_value_member(status, "sources");
    for (uint32_t i = 0; sources->type == FBY_MAP && i < sources->len; i++) {
        const struct fby_field *f = &sources->fields[i];
        printf("%-14s", i ? "" : "sources");
        cli_value_print_bytes(f->name.data, f->name.len);
        printf(": %s, %" PRIu64 " received",
               cli_value_flag(&f->value, "connected") ? "connected" : "not connected",
               cli_value_number(&f->value, "received"));
        if (cli_value_flag(&f->value, "possible_gap"))
            printf(", the broker lost our session: messages may be missing");
        if (cli_value_flag(&f->value, "stopped_by_journal"))
            printf(", waiting for the journal");
        if (cli_value_number(&f->value, "filters_refused"))
            printf(", %" PRIu64 " topic filters refused by the broker",
                   cli_value_number(&f->value, "filters_refused"));
        if (!cli_value_flag(&f->value, "connected") && cli_value_has_text(&f->value, "text")) {
            printf(" (");
            cli_value_print(&f->value, "text");
            putchar(')');
        }
        putchar('\n');
    }
}

static void print_upstreams(const struct fby_value *status)
{
    const struct fby_value *upstreams = cli_value_member(status, "upstreams");
    for (uint32_t i = 0; upstreams->type == FBY_MAP && i < upstreams->len; i++) {
        const struct fby_field *f = &upstreams->fields[i];
        printf("%-14s", i ? "" : "upstreams");
        cli_value_print_bytes(f->name.data, f->name.len);
        printf(" (");
        cli_value_print(&f->value, "kind");
        printf("): %s, %" PRIu64 " delivered",
               cli_value_flag(&f->value, "connected") ? "connected" : "not connected",
               cli_value_number(&f->value, "delivered"));
        if (cli_value_has_text(&f->value, "reason")) {
            printf(" (");
            cli_value_print(&f->value, "reason");
            putchar(')');
        }
        putchar('\n');
    }
}

static void print_target(const struct fby_field *route, const struct fby_field *target)
{
    const struct fby_value *t = &target->value, *dropped = cli_value_member(t, "dropped");
    char name[64];
    snprintf(name, sizeof name, "%.*s -> %.*s", (int)(route->name.len < 24 ? route->name.len : 24),
             route->name.data, (int)(target->name.len < 24 ? target->name.len : 24), target->name.data);
    cli_value_print_bytes(name, strlen(name));
    printf("%*s", (int)(strlen(name) < 32 ? 32 - strlen(name) : 1), "");
    uint64_t drops = 0;
    for (uint32_t i = 0; dropped->type == FBY_MAP && i < dropped->len; i++)
        drops += cli_value_number(dropped, dropped->fields[i].name.data);
    printf("%11" PRIu64 " %11" PRIu64 " %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %9" PRIu64 "\n",
           cli_value_number(t, "accepted"), cli_value_number(t, "delivered"), cli_value_number(t, "queued"),
           cli_value_number(t, "filtered") + cli_value_number(t, "aggregated"),
           cli_value_number(t, "dead_lettered"), drops);
    if (cli_value_has_text(t, "last_problem")) {
        printf("    ");
        cli_value_print(t, "last_problem");
        putchar('\n');
    }
}

static void print_routes(const struct fby_value *status)
{
    const struct fby_value *routes = cli_value_member(status, "routes");
    if (routes->type != FBY_MAP || routes->len == 0)
        return;
    printf("\n%-32s%11s %11s %9s %9s %9s %9s\n", "route -> target", "accepted", "delivered", "queued",
           "filtered", "dead", "dropped");
    for (uint32_t i = 0; i < routes->len; i++) {
        const struct fby_value *targets = cli_value_member(&routes->fields[i].value, "targets");
        for (uint32_t k = 0; targets->type == FBY_MAP && k < targets->len; k++)
            print_target(&routes->fields[i], &targets->fields[k]);
    }
}

static int print_page(const struct cli_answer *answer)
{
    struct arena arena;
    struct fby_value status;
    arena_init(&arena, 0, 0);
    bool parsed = cli_value_parse(answer, &arena, &status);
    if (parsed) {
        print_gateway(&status);
        print_states(&status);
        print_journal(&status, "journal", "journal");
        print_journal(&status, "dead_letters", "dead letters");
        print_sources(&status);
        print_upstreams(&status);
        print_routes(&status);
    }
    arena_finish(&arena);
    return parsed ? EX_OK : EX_PROTOCOL;
}

int cli_status_run(const struct cli *cli, const struct cli_command *command, int argc, char **argv)
{
    static const char *const options[] = {"--json", NULL};
    bool json = argc > 1;
    struct cli_answer answer;
    int code = cli_check_words(command, 0, options, argc, argv);
    if (code != EX_OK)
        return code;
    if (!cli_request(cli, "GET", "/status", ANSWER_TIMEOUT_MS, &answer, &code))
        return code;
    if (answer.status != 200)
        code = cli_report_refusal(&answer);
    else
        code = json ? cli_print_body(&answer) : print_page(&answer);
    cli_answer_finish(&answer);
    return code;
}
