/* SPDX-License-Identifier: Apache-2.0
 *
 * `forebay journal`: look into a journal's directory while the daemon is down, and save what is whole of a
 * damaged one. Nothing is changed; `salvage` writes a new directory.
 */
#include "base/arena.h"
#include "base/clock.h"
#include "base/memory.h"
#include "cli/cli.h"
#include "delivery/dead_letter.h"
#include "journal/journal_salvage.h"
#include "message/message_codec.h"
#include "message/message_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

/* What was asked for. */
struct request {
    const struct cli_command *command;
    const char *directory, *target; /* target: salvage */
    uint64_t number;                /* dump, export: the first */
    bool live, json, records, raw;
};

struct action {
    const char *name;
    int (*run)(const struct request *rq, struct journal_inspect *in);
    const char *second;  /* what stands behind DIR; NULL: nothing does */
    const char *options; /* those that it knows, with blanks around each */
};

static int code_of(enum status s)
{
    switch (s) {
    case STATUS_OK:
        return EX_OK;
    case STATUS_CORRUPT:
        return EX_DATAERR;
    case STATUS_LOCKED:
        return EX_TEMPFAIL;
    case STATUS_NOT_FOUND:
        return EX_NOINPUT;
    case STATUS_REFUSED:
        return EX_NOPERM;
    default:
        return EX_IOERR;
    }
}

static int explain(enum status s, const struct error *err)
{
    if (s != STATUS_OK && s != STATUS_CORRUPT)
        fprintf(stderr, "forebay journal: %s\n", err->text);
    return code_of(s);
}

static const char *time_text(int64_t time_us, char text[32])
{
    if (time_us)
        clock_format_rfc3339(time_us, text, 32);
    else
        memcpy(text, "-", 2);
    return text;
}

/* ---- Damage, for all of them ---- */

static void show_damage(void *ctx, const struct journal_inspect_damage *d)
{
    (void)ctx;
    fprintf(stderr, "damage: %s", d->what);
    if (d->segment)
        fprintf(stderr, " in %s at byte %" PRIu64 " (%" PRIu64 " bytes)", d->segment, d->offset,
                d->size_bytes);
    if (d->records == 1)
        fprintf(stderr, ": record %" PRIu64 " is lost", d->first);
    else if (d->records)
        fprintf(stderr, ": records %" PRIu64 " to %" PRIu64 " are lost", d->first, d->first + d->records - 1);
    fputc('\n', stderr);
}

static void show_cursor_damage(const struct journal_inspect_summary *sum)
{
    if (sum->cursors_damaged)
        fputs("damage: the file cursors is not readable: after a start every route begins at the oldest "
              "record\n",
              stderr);
}

/* ---- verify, stat, list ---- */

static int run_verify(const struct request *rq, struct journal_inspect *in)
{
    static const struct journal_inspect_events events = {.on_damage = show_damage};
    struct journal_inspect_summary sum;
    struct error err;
    enum status s = journal_inspect_walk(in, 1, &events, NULL, &sum, &err);
    if (s != STATUS_OK && s != STATUS_CORRUPT)
        return explain(s, &err);
    show_cursor_damage(&sum);
    printf("%s: %s: %" PRIu64 " records in %" PRIu64 " segments, %" PRIu64 " damaged places, %" PRIu64
           " records lost",
           rq->directory, s == STATUS_OK ? "ok" : "damaged", sum.records, sum.segments, sum.damaged_places,
           sum.lost_records);
    if (sum.torn_bytes)
        printf(", %" PRIu64 " bytes of an unfinished write", sum.torn_bytes);
    putchar('\n');
    if (s == STATUS_CORRUPT)
        puts("The daemon starts all the same and passes over what is damaged. `forebay journal salvage` "
             "copies what "
             "is whole.");
    return code_of(s);
}

/* Numbers are left out after a crash, so what is behind a reader is counted in segments. */
struct cursor_output {
    struct json_writer *json; /* NULL: text */
    struct range {
        uint64_t first, last;
    } * ranges;
    size_t count;
};

static void note_segment(void *ctx, const struct journal_inspect_segment *s)
{
    struct cursor_output *out = ctx;
    if (s->records == 0)
        return;
    out->ranges = xrealloc(out->ranges, (out->count + 1) * sizeof *out->ranges);
    out->ranges[out->count++] = (struct range){s->base, s->last};
}

static uint64_t count_behind(const struct cursor_output *out, uint64_t confirmed)
{
    uint64_t behind = 0;
    for (size_t i = 0; i < out->count; i++) {
        const struct range *r = &out->ranges[i];
        if (r->last > confirmed)
            behind += r->last - (r->first > confirmed ? r->first - 1 : confirmed);
    }
    return behind;
}

static void show_cursor(void *ctx, const struct journal_inspect_cursor *c)
{
    struct cursor_output *out = ctx;
    uint64_t behind = count_behind(out, c->confirmed);
    if (!out->json) {
        printf("  %-40s confirmed %" PRIu64 ", %" PRIu64 " behind\n", c->name, c->confirmed, behind);
        return;
    }
    json_writer_begin_object(out->json, c->name);
    json_writer_add_uint(out->json, "confirmed", c->confirmed);
    json_writer_add_uint(out->json, "behind", behind);
    json_writer_end_object(out->json);
}

static void print_stat(struct journal_inspect *in, const struct journal_inspect_summary *sum,
                       struct cursor_output *out)
{
    char oldest[32], newest[32];
    printf("records   %" PRIu64 " (%" PRIu64 " to %" PRIu64 ")\n", sum->records, sum->oldest, sum->head);
    printf("time      %s to %s\n", time_text(sum->oldest_us, oldest), time_text(sum->newest_us, newest));
    printf("segments  %" PRIu64 ", %" PRIu64 " bytes\n", sum->segments, sum->size_bytes);
    printf("damage    %" PRIu64 " places, %" PRIu64 " records lost\n", sum->damaged_places,
           sum->lost_records);
    printf("torn      %" PRIu64 " bytes\n", sum->torn_bytes);
    printf("cursors   %s\n", sum->cursors_damaged               ? "not readable"
                             : journal_inspect_cursor_count(in) ? ""
                                                                : "none");
    journal_inspect_each_cursor(in, show_cursor, out);
}

static void print_stat_json(struct journal_inspect *in, const struct journal_inspect_summary *sum,
                            struct cursor_output *out)
{
    struct buffer text = {0};
    struct json_writer w;
    out->json = &w;
    json_writer_init(&w, &text);
    json_writer_begin_object(&w, NULL);
    json_writer_add_uint(&w, "records", sum->records);
    json_writer_add_uint(&w, "oldest", sum->oldest);
    json_writer_add_uint(&w, "head", sum->head);
    message_json_write_time(&w, "oldest_time", sum->oldest_us);
    message_json_write_time(&w, "newest_time", sum->newest_us);
    json_writer_add_uint(&w, "segments", sum->segments);
    json_writer_add_uint(&w, "size_bytes", sum->size_bytes);
    json_writer_add_uint(&w, "damaged_places", sum->damaged_places);
    json_writer_add_uint(&w, "lost_records", sum->lost_records);
    json_writer_add_uint(&w, "torn_bytes", sum->torn_bytes);
    json_writer_add_bool(&w, "cursors_damaged", sum->cursors_damaged);
    json_writer_begin_object(&w, "cursors");
    journal_inspect_each_cursor(in, show_cursor, out);
    json_writer_end_object(&w);
    json_writer_end_object(&w);
    printf("%.*s\n", (int)text.len, (const char *)text.data);
    buffer_finish(&text);
}

static int run_stat(const struct request *rq, struct journal_inspect *in)
{
    static const struct journal_inspect_events events = {.on_segment = note_segment};
    struct journal_inspect_summary sum;
    struct cursor_output out = {0};
    struct error err;
    enum status s = journal_inspect_walk(in, 1, &events, &out, &sum, &err);
    if (s == STATUS_OK || s == STATUS_CORRUPT)
        (rq->json ? print_stat_json : print_stat)(in, &sum, &out);
    free(out.ranges);
    return s == STATUS_OK || s == STATUS_CORRUPT ? code_of(s) : explain(s, &err);
}

static void list_segment(void *ctx, const struct journal_inspect_segment *s)
{
    char oldest[32];
    (void)ctx;
    printf("%-41s %10" PRIu64 " %10" PRIu64 " %9" PRIu64 " %10" PRIu64 " %-27s %s%s\n", s->name, s->base,
           s->last, s->records, s->size_bytes, time_text(s->oldest_us, oldest),
           s->is_superseded ? "superseded"
           : s->is_sealed   ? "sealed"
                            : "open",
           s->is_damaged ? ", damaged" : "");
}

/* The message in a record: its own, or that of a dead letter. */
static bool find_message(struct bytes record, struct arena *arena, struct message *m, struct dead_letter *d)
{
    *d = (struct dead_letter){0};
    if (message_codec_decode(record, arena, m) == STATUS_OK)
        return true;
    return dead_letter_parse(record, d) == STATUS_OK &&
           message_codec_decode(d->record, arena, m) == STATUS_OK;
}

static void list_record(void *ctx, const char *segment, const struct journal_record *record)
{
    char appended[32];
    struct arena arena;
    struct message m;
    struct dead_letter d;
    (void)ctx;
    (void)segment;
    arena_init(&arena, 0, 1 << 20);
    bool found = find_message(record->bytes, &arena, &m, &d);
    printf("%10" PRIu64 " %-27s %8zu %.*s\n", record->sequence, time_text(record->appended_us, appended),
           record->bytes.len, found ? (int)m.topic.len : 1, found ? (const char *)m.topic.data : "-");
    arena_finish(&arena);
}

static int run_list(const struct request *rq, struct journal_inspect *in)
{
    static const struct journal_inspect_events segments = {.on_damage = show_damage,
                                                           .on_segment = list_segment};
    static const struct journal_inspect_events records = {.on_damage = show_damage, .on_record = list_record};
    struct error err;
    if (rq->records)
        printf("%10s %-27s %8s %s\n", "number", "time", "bytes", "topic");
    else
        printf("%-41s %10s %10s %9s %10s %-27s %s\n", "segment", "first", "last", "records", "bytes",
               "oldest", "state");
    return explain(journal_inspect_walk(in, 1, rq->records ? &records : &segments, NULL, NULL, &err), &err);
}

/* ---- export, dump ---- */

struct export
{
    const struct request *request;
    struct buffer text;
    bool found, failed;
};

static void write_letter(struct json_writer *w, const struct dead_letter *d)
{
    if (!d->record.data)
        return;
    json_writer_add_bytes(w, "route", d->route);
    json_writer_add_bytes(w, "target", d->target);
    json_writer_add_bytes(w, "stage", d->stage);
    json_writer_add_bytes(w, "reason", d->reason);
    json_writer_add_uint(w, "message_sequence", d->sequence);
}

static void export_record(void *ctx, const char *segment, const struct journal_record *record)
{
    struct export *x = ctx;
    struct json_writer w;
    struct arena arena;
    struct message m;
    struct dead_letter d;
    (void)segment;
    buffer_clear(&x->text);
    json_writer_init(&w, &x->text);
    arena_init(&arena, 0, 1 << 20);
    json_writer_begin_object(&w, NULL);
    json_writer_add_uint(&w, "sequence", record->sequence);
    message_json_write_time(&w, "appended", record->appended_us);
    if (find_message(record->bytes, &arena, &m, &d)) {
        write_letter(&w, &d);
        message_json_write(&w, &m);
    } else {
        json_writer_add_base64(&w, "record_base64", record->bytes);
    }
    json_writer_end_object(&w);
    buffer_add_byte(&x->text, '\n');
    arena_finish(&arena);
    if (x->text.failed || fwrite(x->text.data, 1, x->text.len, stdout) != x->text.len)
        x->failed = true;
}

static int finish_export(struct export *x, enum status s, const struct error *err)
{
    buffer_finish(&x->text);
    if (fflush(stdout) != 0 || x->failed) {
        fputs("forebay journal: the output cannot be written\n", stderr);
        return EX_IOERR;
    }
    return explain(s, err);
}

static int run_export(const struct request *rq, struct journal_inspect *in)
{
    static const struct journal_inspect_events events = {.on_damage = show_damage,
                                                         .on_record = export_record};
    struct export x = {.request = rq};
    struct error err;
    enum status s = journal_inspect_walk(in, rq->number, &events, &x, NULL, &err);
    return finish_export(&x, s, &err);
}

static void dump_record(void *ctx, const char *segment, const struct journal_record *record)
{
    struct export *x = ctx;
    struct arena arena;
    struct message m;
    struct dead_letter d;
    if (record->sequence != x->request->number)
        return;
    x->found = true;
    if (!x->request->raw) {
        export_record(ctx, segment, record);
        return;
    }
    arena_init(&arena, 0, 1 << 20);
    struct bytes shown = find_message(record->bytes, &arena, &m, &d) ? m.payload : record->bytes;
    x->failed = fwrite(shown.data, 1, shown.len, stdout) != shown.len;
    arena_finish(&arena);
}

static int run_dump(const struct request *rq, struct journal_inspect *in)
{
    static const struct journal_inspect_events events = {.on_record = dump_record};
    struct export x = {.request = rq};
    struct error err;
    enum status s = journal_inspect_walk(in, rq->number, &events, &x, NULL, &err);
    int code = finish_export(&x, s, &err);
    if (x.found)
        return code == EX_DATAERR ? EX_OK : code; /* this record is whole */
    fprintf(stderr, "forebay journal: there is no record %" PRIu64 "%s\n", rq->number,
            s == STATUS_CORRUPT ? ", or it is damaged" : "");
    return code == EX_OK ? EX_NOINPUT : code;
}

/* ---- salvage ---- */

static int run_salvage(const struct request *rq, struct journal_inspect *in)
{
    struct journal_salvage_result result;
    struct error err;
    enum status s = journal_salvage(in, rq->target, &result, &err);
    if (s != STATUS_OK)
        return explain(s, &err);
    printf("%s: %" PRIu64 " records in %" PRIu64 " segments; left behind: %" PRIu64
           " damaged places with %" PRIu64 " records\n",
           rq->target, result.records, result.segments, result.found.damaged_places,
           result.found.lost_records);
    if (result.is_ours)
        puts("It belongs to you: give it to the user of the service (chown -R) before the daemon uses it.");
    return EX_OK;
}

/* ---- The command ---- */

static const struct action actions[] = {
    {"verify", run_verify, NULL, " --live "},
    {"stat", run_stat, NULL, " --live --json "},
    {"list", run_list, NULL, " --live --records "},
    {"dump", run_dump, "the number of a record, as list --records shows them", " --raw "},
    {"export", run_export, NULL, " --from "},
    {"salvage", run_salvage, "the name of a new folder for what is whole", " "},
};

static bool parse_number(const char *text, uint64_t *number)
{
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    *number = strtoull(text, &end, 10);
    return *end == 0 && *number > 0;
}

/* One option; *at moves on when its value is the next word. Returns what is wrong with it, or NULL. */
static const char *take_option(struct request *rq, const struct action *action, int *at, int argc,
                               char **argv)
{
    char wanted[40];
    const char *word = argv[*at];
    int name_len = (int)strcspn(word, "=");
    snprintf(wanted, sizeof wanted, " %.*s ", name_len < 30 ? name_len : 30, word);
    if (!strstr(action->options, wanted))
        return strstr(" --live --json --records --raw --from ", wanted) ? "this option is for another action"
                                                                        : "there is no such option";
    if (strncmp(word, "--from", 6) == 0) {
        const char *value = word[6] == '=' ? word + 7 : *at + 1 < argc ? argv[++*at] : "";
        return parse_number(value, &rq->number) ? NULL : "expected the number of a record";
    }
    if (word[name_len])
        return "this option takes no value";
    rq->live |= strcmp(word, "--live") == 0;
    rq->json |= strcmp(word, "--json") == 0;
    rq->records |= strcmp(word, "--records") == 0;
    rq->raw |= strcmp(word, "--raw") == 0;
    return NULL;
}

static const struct action *find_action(const char *name)
{
    for (size_t i = 0; i < array_count(actions); i++)
        if (strcmp(actions[i].name, name) == 0)
            return &actions[i];
    return NULL;
}

/* The words behind the action: EX_OK, or the usage with what is wrong. */
static int parse(struct request *rq, const struct action *action, int argc, char **argv)
{
    char problem[160];
    const char *words[2] = {NULL, NULL};
    size_t count = 0, wanted = action->second ? 2 : 1;
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i];
        const char *wrong = word[0] == '-' && word[1] ? take_option(rq, action, &i, argc, argv)
                            : count == wanted         ? "one word too many"
                                                      : NULL;
        if (wrong)
            return cli_refuse_word(rq->command, word, wrong);
        if (word[0] != '-' || !word[1])
            words[count++] = word;
    }
    if (count < wanted) {
        snprintf(problem, sizeof problem, "%s needs %s", action->name,
                 count ? action->second
                       : "the folder of a journal, such as " FBY_LOCALSTATEDIR "/lib/forebay/journal");
        return cli_refuse_usage(rq->command, problem);
    }
    rq->directory = words[0];
    rq->target = words[1];
    if (action->run == run_dump && !parse_number(words[1], &rq->number))
        return cli_refuse_word(rq->command, words[1], "dump wants the number of a record");
    return EX_OK;
}

/* Who names the state directory means a folder in it. */
static void suggest_folder(const char *directory)
{
    static const char *const names[] = {"journal", "dead"};
    struct stat st;
    for (size_t i = 0; i < array_count(names); i++) {
        char *path = xasprintf("%s/%s", directory, names[i]);
        if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
            fprintf(stderr, "Did you mean %s?\n", path);
        free(path);
    }
}

int cli_journal_run(const struct cli *cli, const struct cli_command *command, int argc, char **argv)
{
    struct request rq = {.command = command, .number = 1};
    struct error err;
    (void)cli;
    if (argc < 2)
        return cli_refuse_usage(command, NULL);
    const struct action *action = find_action(argv[1]);
    if (!action)
        return cli_refuse_word(command, argv[1], "expected verify, stat, list, dump, export or salvage");
    int code = parse(&rq, action, argc - 2, argv + 2);
    if (code != EX_OK)
        return code;
    struct journal_inspect *in = journal_inspect_open(rq.directory, rq.live, &err);
    if (!in) {
        code = explain(err.code, &err);
        if (err.code == STATUS_NOT_FOUND)
            suggest_folder(rq.directory);
        return code;
    }
    code = action->run(&rq, in);
    journal_inspect_close(in);
    if (fflush(stdout) != 0 && code == EX_OK)
        code = EX_IOERR;
    return code;
}
