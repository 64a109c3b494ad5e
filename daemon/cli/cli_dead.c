/* SPDX-License-Identifier: Apache-2.0
 *
 * `forebay dead`: the daemon's dead letters. Each action is one request, or several for a long list.
 */
#include "base/arena.h"
#include "base/memory.h"
#include "cli/cli.h"
#include "cli/cli_value.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum { ANSWER_TIMEOUT_MS = 60000, PAGE = 200, LIST_DEFAULT = 100 };

/* What was asked for. */
struct request {
    const char *route, *target, *older_than;
    const char *number; /* NULL: not one letter */
    uint64_t limit;
    bool all, json;
};

static void add_parameter(struct buffer *path, const char *name, const char *value)
{
    if (!value)
        return;
    buffer_add_byte(path, memchr(path->data, '?', path->len) ? '&' : '?');
    buffer_add_text(path, name);
    buffer_add_byte(path, '=');
    for (; *value; value++) {
        if (isalnum((unsigned char)*value) || strchr("-_.~", *value))
            buffer_add_byte(path, (uint8_t)*value);
        else
            buffer_add_format(path, "%%%02X", (unsigned char)*value);
    }
}

static void add_filter(struct buffer *path, const struct request *rq)
{
    add_parameter(path, "route", rq->route);
    add_parameter(path, "target", rq->target);
    add_parameter(path, "older_than", rq->older_than);
    if (rq->all)
        add_parameter(path, "all", "1");
}

/* `path` is finished here. EX_OK: 200 or 202 came. */
static int ask(const struct cli *cli, const char *method, struct buffer *path, struct cli_answer *answer)
{
    int code = EX_SOFTWARE;
    buffer_add_byte(path, 0);
    bool answered =
        !path->failed && cli_request(cli, method, (const char *)path->data, ANSWER_TIMEOUT_MS, answer, &code);
    buffer_finish(path);
    if (!answered)
        return code;
    if (answer->status == 200 || answer->status == 202)
        return EX_OK;
    code = cli_report_refusal(answer);
    if (answer->status == 404)
        code = EX_NOINPUT;
    cli_answer_finish(answer);
    return code;
}

/* ---- list ---- */

static void print_column(const struct fby_value *letter, const char *name, int width)
{
    const struct fby_value *v = cli_value_member(letter, name);
    size_t len = v->type == FBY_STRING ? v->len : 0;
    if (len)
        cli_value_print_bytes(v->bytes, len);
    printf("%*s ", len < (size_t)width ? width - (int)len : 0, "");
}

static void print_letter_line(const struct fby_value *letter)
{
    printf("%8" PRIu64 " ", cli_value_number(letter, "number"));
    print_column(letter, "given_up", 27);
    print_column(letter, "route", 12);
    print_column(letter, "target", 12);
    print_column(letter, "topic", 24);
    if (cli_value_flag(letter, "retrying"))
        printf("(being retried) ");
    cli_value_print(letter, "stage");
    printf(": ");
    cli_value_print(letter, "reason");
    putchar('\n');
}

/* Returns how many there were; *next: where the next page begins, 0: there is none. */
static uint64_t print_page(const struct fby_value *page, bool first, uint64_t *next)
{
    const struct fby_value *letters = cli_value_member(page, "letters");
    uint64_t count = letters->type == FBY_LIST ? letters->len : 0;
    uint64_t open = cli_value_number(page, "open");
    if (first)
        printf("%" PRIu64 " dead letters, %" PRIu64 " being retried%s\n", open,
               cli_value_number(page, "retrying"),
               open && !count ? "; none of them is what was asked for" : "");
    if (first && count)
        printf("%8s %-27s %-12s %-12s %-24s %s\n", "number", "given up", "route", "target", "topic",
               "reason");
    for (uint32_t i = 0; i < count; i++)
        print_letter_line(&letters->items[i]);
    *next = cli_value_number(page, "next");
    return count;
}

static int list_letters(const struct cli *cli, const struct request *rq)
{
    uint64_t left = rq->limit, from = 1;
    for (bool first = true; from && (left || first); first = false) {
        struct buffer path = {0};
        struct cli_answer answer;
        struct arena arena;
        struct fby_value page;
        buffer_add_format(&path, "/dead-letters?from=%" PRIu64 "&limit=%" PRIu64, from,
                          left < PAGE ? left : PAGE);
        add_filter(&path, rq);
        int code = ask(cli, "GET", &path, &answer);
        if (code != EX_OK)
            return code;
        arena_init(&arena, 0, 0);
        if (rq->json)
            code = cli_print_body(&answer);
        if (!cli_value_parse(&answer, &arena, &page))
            code = EX_PROTOCOL;
        else if (!rq->json)
            left -= print_page(&page, first, &from);
        if (rq->json || code != EX_OK)
            from = 0;
        arena_finish(&arena);
        cli_answer_finish(&answer);
        if (code != EX_OK)
            return code;
    }
    if (from && !rq->json)
        printf("and more: --limit=%" PRIu64 "\n", 10 * rq->limit);
    return EX_OK;
}

/* ---- show, retry, purge ---- */

static int show_letter(const struct cli *cli, const struct request *rq)
{
    struct buffer path = {0};
    struct cli_answer answer;
    buffer_add_format(&path, "/dead-letters/%s", rq->number);
    int code = ask(cli, "GET", &path, &answer);
    if (code != EX_OK)
        return code;
    code = cli_print_body(&answer);
    cli_answer_finish(&answer);
    return code;
}

static void print_count(const struct fby_value *result, const char *name, const char *text)
{
    if (cli_value_number(result, name))
        printf(", %" PRIu64 " %s", cli_value_number(result, name), text);
}

/* What failed or was left is not success. */
static int print_result(const struct fby_value *result)
{
    const struct fby_value *state = cli_value_member(result, "state");
    bool ended = state->type == FBY_STRING && state->len == 5;
    uint64_t retried = cli_value_number(result, "retried");
    printf("%" PRIu64 " retried%s", retried,
           retried || cli_value_number(result, "skipped") ? "" : ": there is none to retry");
    print_count(result, "delivered", "delivered");
    print_count(result, "filtered", "filtered");
    print_count(result, "aggregated", "aggregated");
    print_count(result, "dead_lettered", "became dead letters again");
    print_count(result, "skipped", "skipped: their route or target is not configured, or they are under way");
    print_count(result, "failed", "not ended; they stay dead letters");
    putchar('\n');
    if (!ended)
        puts("Not all have ended: the upstream does not answer yet. They go on; `forebay dead list` shows "
             "which.");
    return ended && !cli_value_number(result, "dead_lettered") && !cli_value_number(result, "failed")
               ? EX_OK
               : EX_TEMPFAIL;
}

static int print_purged(const struct fby_value *result)
{
    uint64_t purged = cli_value_number(result, "purged");
    printf("%" PRIu64 " purged%s", purged,
           purged || cli_value_number(result, "failed") ? "" : ": there is none to purge");
    print_count(result, "failed", "not: the store cannot be written");
    putchar('\n');
    return cli_value_number(result, "failed") ? EX_TEMPFAIL : EX_OK;
}

/* `action` stands behind the letter's number, or behind the whole collection; "" or "/retry". */
static int change(const struct cli *cli, const struct request *rq, const char *method, const char *action,
                  int (*print)(const struct fby_value *result))
{
    struct buffer path = {0};
    struct cli_answer answer;
    struct arena arena;
    struct fby_value result;
    buffer_add_text(&path, "/dead-letters");
    if (rq->number)
        buffer_add_format(&path, "/%s", rq->number);
    buffer_add_text(&path, action);
    if (!rq->number)
        add_filter(&path, rq);
    int code = ask(cli, method, &path, &answer);
    if (code != EX_OK)
        return code;
    arena_init(&arena, 0, 0);
    code = cli_value_parse(&answer, &arena, &result) ? print(&result) : EX_PROTOCOL;
    arena_finish(&arena);
    cli_answer_finish(&answer);
    return code;
}

/* ---- The command ---- */

/* The value behind "--NAME=", or behind "--NAME" as the next argument; NULL: it is another option. */
static const char *option_value(const char *name, int *at, int argc, char **argv)
{
    size_t len = strlen(name);
    if (strncmp(argv[*at], name, len) != 0)
        return NULL;
    if (argv[*at][len] == '=')
        return argv[*at] + len + 1;
    return argv[*at][len] == 0 && *at + 1 < argc ? argv[++*at] : NULL;
}

static bool is_number(const char *text)
{
    return *text && strspn(text, "0123456789") == strlen(text);
}

/* What each action takes besides itself. */
static const struct action {
    const char *name;
    bool number, which, all, list; /* N; --route, --target, --older-than; --all; --limit, --json */
} actions[] = {
    {"list", false, true, false, true},
    {"show", true, false, false, false},
    {"retry", true, true, true, false},
    {"purge", true, true, true, false},
};

static const struct action *find_action(const char *name)
{
    for (size_t i = 0; i < array_count(actions); i++)
        if (strcmp(actions[i].name, name) == 0)
            return &actions[i];
    return NULL;
}

static bool take_limit(struct request *rq, const char *text)
{
    rq->limit = is_number(text) ? strtoull(text, NULL, 10) : 0;
    return rq->limit > 0;
}

/* What is wrong with argv[*at]; NULL: it was taken. An option that the action does not know must not pass:
 * who purges with --limit=5 does not want all of them gone. */
static const char *take_word(struct request *rq, const struct action *a, int *at, int argc, char **argv)
{
    const char *value, *word = argv[*at];
    if (a->all && strcmp(word, "--all") == 0) {
        rq->all = true;
        return NULL;
    }
    if (a->list && strcmp(word, "--json") == 0) {
        rq->json = true;
        return NULL;
    }
    if (a->which && (value = option_value("--route", at, argc, argv)))
        rq->route = value;
    else if (a->which && (value = option_value("--target", at, argc, argv)))
        rq->target = value;
    else if (a->which && (value = option_value("--older-than", at, argc, argv)))
        rq->older_than = value;
    else if (a->list && (value = option_value("--limit", at, argc, argv)))
        return take_limit(rq, value) ? NULL : "a limit is a number from 1 on";
    else if (word[0] == '-')
        return "there is no such option here, or its value is missing";
    else if (!a->number)
        return "list takes no number; see show";
    else if (!is_number(word))
        return "a dead letter is named by its number; see list";
    else if (rq->number)
        return "one number at a time";
    else
        rq->number = word;
    return NULL;
}

static int run_action(const struct cli *cli, const struct cli_command *command, const struct action *a,
                      const struct request *rq)
{
    bool some = rq->route || rq->older_than, list = strcmp(a->name, "list") == 0;
    if (rq->target && !rq->route)
        return cli_refuse_usage(command, "--target goes with --route");
    if (list)
        return list_letters(cli, rq);
    if (!a->which && !rq->number)
        return cli_refuse_usage(command, "show which? Give its number; see list");
    if ((rq->number != NULL) + some + rq->all != 1)
        return cli_refuse_usage(command, "say which: a number; or --route, --older-than or both; or --all");
    if (strcmp(a->name, "show") == 0)
        return show_letter(cli, rq);
    return strcmp(a->name, "retry") == 0 ? change(cli, rq, "POST", "/retry", print_result)
                                         : change(cli, rq, "DELETE", "", print_purged);
}

int cli_dead_run(const struct cli *cli, const struct cli_command *command, int argc, char **argv)
{
    struct request rq = {.limit = LIST_DEFAULT};
    if (argc < 2)
        return cli_refuse_usage(command, NULL);
    const struct action *action = find_action(argv[1]);
    if (!action)
        return cli_refuse_word(command, argv[1], "expected list, show, retry or purge");
    for (int i = 2; i < argc; i++) {
        const char *word = argv[i], *problem = take_word(&rq, action, &i, argc, argv);
        if (problem)
            return cli_refuse_word(command, word, problem);
    }
    return run_action(cli, command, action, &rq);
}
