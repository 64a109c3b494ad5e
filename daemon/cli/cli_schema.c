/* SPDX-License-Identifier: Apache-2.0
 *
 * `forebay schema`: what protobuf schemas declare, and whether they are whole. Needs no daemon.
 */
#include "base/memory.h"
#include "base/strmap.h"
#include "cli/cli.h"
#include "cli/cli_schemas.h"
#include "schema/schema.h"
#include "schema/schema_catalog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum { NAME_COLUMN_MAX = 56 };

/* What was asked for. */
struct request {
    const struct cli_command *command;
    const char *name; /* of `show` */
    bool all;
    struct cli_schemas schemas;
    struct schema_registry *registry;
    struct schema_catalog *catalog;
};

/* Files of protobuf itself are in nearly every set and seldom what is looked for. */
static bool is_google(const struct schema_catalog_entry *e)
{
    return strncmp(e->file, "google/protobuf/", 16) == 0;
}

static int finish_output(void)
{
    return fflush(stdout) == 0 && !ferror(stdout) ? EX_OK : EX_IOERR;
}

static int run_list(struct request *rq)
{
    int width = 0;
    size_t count = schema_catalog_entry_count(rq->catalog);
    for (size_t i = 0; i < count; i++) {
        const struct schema_catalog_entry *e = schema_catalog_entry(rq->catalog, i);
        int len = (int)strlen(e->name);
        if ((rq->all || !is_google(e)) && len > width)
            width = len < NAME_COLUMN_MAX ? len : NAME_COLUMN_MAX;
    }
    for (size_t i = 0; i < count; i++) {
        const struct schema_catalog_entry *e = schema_catalog_entry(rq->catalog, i);
        if (!rq->all && is_google(e))
            continue;
        printf("%-*s  %-7s  %4zu %-6s  %s", width, e->name, e->is_enum ? "enum" : "message", e->member_count,
               e->is_enum ? "values" : "fields", e->file);
        if (e->line)
            printf(":%u", e->line);
        putchar('\n');
    }
    return finish_output();
}

/* ---- show ---- */

/* Entries still to be shown, each once. */
struct queue {
    struct strmap seen; /* const struct schema_catalog_entry, in order */
};

static void enqueue(void *ctx, const struct schema_catalog_entry *e)
{
    struct queue *q = ctx;
    if (q->seen.count == 0 || !is_google(e))
        (void)strmap_add(&q->seen, e->name, (void *)(uintptr_t)e);
}

static int run_show(struct request *rq)
{
    struct error err = {.text = ""};
    const struct schema_catalog_entry *e = schema_catalog_find(rq->catalog, rq->name);
    if (!e) {
        (void)schema_registry_find(rq->registry, rq->name, &err);
        fprintf(stderr, "forebay schema: %s\n", *err.text ? err.text : "the schemas do not show this type");
        return EX_NOINPUT;
    }
    struct queue q = {0};
    struct buffer out = {0};
    enqueue(&q, e);
    for (size_t i = 0; i < q.seen.count; i++) {
        e = q.seen.entries[i].value;
        buffer_add_text(&out, i ? "\n" : "");
        schema_catalog_show(rq->catalog, e, &out);
        if (rq->all)
            schema_catalog_walk_uses(rq->catalog, e, enqueue, &q);
    }
    bool whole = !out.failed && fwrite(out.data, 1, out.len, stdout) == out.len;
    buffer_finish(&out);
    strmap_finish(&q.seen);
    return whole ? finish_output() : EX_IOERR;
}

static int run_check(struct request *rq)
{
    size_t enums = 0, count = schema_catalog_entry_count(rq->catalog), lines = 0;
    for (size_t i = 0; i < count; i++) {
        const struct schema_catalog_entry *e = schema_catalog_entry(rq->catalog, i);
        enums += e->is_enum;
        lines += e->line > 0;
    }
    printf("ok: %zu files with %zu messages and %zu enums%s\n", schema_catalog_file_count(rq->catalog),
           count - enums, enums, lines ? ", with source info" : "");
    return finish_output();
}

/* ---- Arguments ---- */

static const char *take_include(int argc, char **argv, int *at)
{
    const char *word = argv[*at];
    if (strncmp(word, "--include=", 10) == 0)
        return word + 10;
    if (strncmp(word, "-I", 2) == 0 && word[2])
        return word + 2;
    if ((strcmp(word, "-I") == 0 || strcmp(word, "--include") == 0) && *at + 1 < argc)
        return argv[++*at];
    return NULL;
}

/* The word that is no option here; NULL: all are fine. */
static const char *parse(struct request *rq, bool wants_name, int argc, char **argv)
{
    bool options = true;
    for (int i = 2; i < argc; i++) {
        const char *include = options ? take_include(argc, argv, &i) : NULL;
        if (options && strcmp(argv[i], "--") == 0)
            options = false;
        else if (include)
            cli_schemas_add_include(&rq->schemas, include);
        else if (options && strcmp(argv[i], "--all") == 0)
            rq->all = true;
        else if (options && argv[i][0] == '-' && argv[i][1])
            return argv[i];
        else if (wants_name && !rq->name)
            rq->name = argv[i];
        else
            cli_schemas_add_file(&rq->schemas, argv[i]);
    }
    return NULL;
}

int cli_schema_run(const struct cli *cli, const struct cli_command *command, int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(struct request *rq);
    } actions[] = {{"list", run_list}, {"show", run_show}, {"check", run_check}};
    (void)cli;
    for (size_t i = 0; argc > 1 && i < array_count(actions); i++) {
        struct request rq = {.command = command};
        int code = EX_USAGE;
        if (strcmp(argv[1], actions[i].name) != 0)
            continue;
        const char *stranger = parse(&rq, actions[i].run == run_show, argc, argv);
        if (stranger)
            code = cli_refuse_word(command, stranger, "there is no such option, or its value is missing");
        else if (actions[i].run == run_show && !rq.name)
            code = cli_refuse_usage(command, "which message?");
        else if (rq.schemas.file_count == 0)
            code = cli_refuse_usage(command, "which file? Name a descriptor set or .proto files");
        else if ((rq.registry = cli_schemas_load(&rq.schemas, "schema", &rq.catalog, &code)))
            code = actions[i].run(&rq);
        schema_catalog_destroy(rq.catalog);
        schema_registry_destroy(rq.registry);
        cli_schemas_finish(&rq.schemas);
        return code;
    }
    return argc > 1 ? cli_refuse_word(command, argv[1], "expected list, show or check")
                    : cli_refuse_usage(command, NULL);
}
