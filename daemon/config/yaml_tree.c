/* SPDX-License-Identifier: Apache-2.0
 *
 * See yaml_tree.h. libyaml accepts what we refuse (duplicate keys, any depth, tags, several documents), and
 * slows down quadratically on nests of brackets and on long runs of directives; so events are taken one by
 * one and the first that goes too far ends the reading.
 */
#include "config/yaml_tree.h"

#include "base/memory.h"
#include "base/nearest_word.h"
#include "base/strmap.h"
#include "base/utf8.h"
#include "config/config_memory.h"
#include "config/config_report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

/* What an anchor stands for, with the cost of using it again. */
struct anchored {
    struct yaml_node *node;
    size_t nodes;
    unsigned depth;
};

struct reader {
    yaml_parser_t parser;
    struct arena *arena;
    struct config_report *report;
    const char *file;
    const char *text, *text_end;
    struct strmap anchors; /* name -> struct anchored, in the arena */
    size_t nodes;          /* with every use of an anchor */
    unsigned depth, deepest;
    bool stop; /* the rest is not read */
};

/* ---- Errors ---- */

static unsigned place(size_t zero_based)
{
    return zero_based < UINT32_MAX ? (unsigned)zero_based + 1 : UINT32_MAX;
}

static void refuse(struct reader *r, yaml_mark_t mark, const char *what)
{
    config_report_error_at(r->report, r->file, place(mark.line), place(mark.column), "%s", what);
    r->stop = true;
}

/* Line and column of a byte, for errors below libyaml's marks. */
static void refuse_byte(struct reader *r, size_t offset, const char *what)
{
    const char *start = r->text, *at = r->text + offset;
    yaml_mark_t mark = {0};
    for (const char *p = start; p < at; p++)
        if (*p == '\n') {
            mark.line++;
            start = p + 1;
        }
    for (const char *p = start; p < at; p++)
        mark.column += ((unsigned char)*p & 0xc0) != 0x80;
    refuse(r, mark, what);
}

/* Behind the next newline. */
static const char *line_end(const char *at, const char *end)
{
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    return newline ? newline + 1 : end;
}

/* libyaml's words for the usual mistakes, in words that help. */
static const char *explain(const struct reader *r, const char *problem)
{
    static const struct {
        const char *problem, *words;
    } known[] = {
        {"mapping values are not allowed in this context",
         "A \":\" is not expected here. Check the indentation of this line and the one above, and put text "
         "that "
         "holds \": \" in quotes."},
        {"did not find expected key",
         "A key is expected here. Check that this line begins in the same column as its neighbours, and that "
         "quotes and brackets above are closed."},
        {"could not find expected ':'",
         "A \":\" is missing behind a key. Check this line and the one above."},
        {"did not find expected '-' indicator",
         "A list entry beginning with \"-\" is expected here. Check the indentation."},
        {"did not find expected node content", "A value, or a closing bracket or brace, is expected here."},
        {"found a tab character that violates indentation", "A tab cannot be used here. Indent with spaces."},
        {"did not find expected ',' or ']'",
         "A \",\" or the closing \"]\" of a list is missing before this place."},
        {"did not find expected ',' or '}'",
         "A \",\" or the closing \"}\" of a map is missing before this place."},
        {"found unexpected end of stream", "The quote that opens here is never closed."},
    };
    for (size_t i = 0; i < array_count(known); i++)
        if (strcmp(problem, known[i].problem) == 0)
            return known[i].words;
    if (strcmp(problem, "found character that cannot start any token") != 0)
        return NULL;
    const char *at = r->text;
    for (size_t line = r->parser.problem_mark.line; line-- && at < r->text_end;)
        at = line_end(at, r->text_end);
    if (memchr(at, '\t', (size_t)(line_end(at, r->text_end) - at)))
        return "A tab cannot be used here. Indent with spaces.";
    return "This character cannot begin a value. Put the text in quotes.";
}

static void refuse_syntax(struct reader *r)
{
    const yaml_parser_t *p = &r->parser;
    if (p->error == YAML_READER_ERROR) {
        char what[200];
        snprintf(what, sizeof what,
                 "%s is not allowed in YAML. Remove it, or write it as an escape such as \\x1b "
                 "inside double quotes.",
                 p->problem_value > 0 && p->problem_value < 0x20 ? "A control character" : "This character");
        size_t size = (size_t)(r->text_end - r->text);
        refuse_byte(r, p->problem_offset < size ? p->problem_offset : size, what);
        return;
    }
    const char *problem = p->problem ? p->problem : "no memory";
    const char *words = explain(r, problem);
    char what[400];
    if (!words) {
        snprintf(what, sizeof what, "Not valid YAML: %s%s%s.", problem, p->context ? " " : "",
                 p->context ? p->context : "");
        words = what;
    }
    bool open_quote = strcmp(problem, "found unexpected end of stream") == 0;
    refuse(r, open_quote ? p->context_mark : p->problem_mark, words);
}

/* The next event, or false when there is none; the caller deletes it. */
static bool next_event(struct reader *r, yaml_event_t *event)
{
    if (r->stop)
        return false;
    if (yaml_parser_parse(&r->parser, event))
        return true;
    refuse_syntax(r);
    return false;
}

/* ---- Nodes ---- */

static struct yaml_node *create_node(struct reader *r, enum yaml_kind kind, const yaml_event_t *event)
{
    struct yaml_node *n = config_calloc(r->arena, 1, sizeof *n);
    n->kind = kind;
    n->file = r->file;
    n->line = place(event->start_mark.line);
    n->column = place(event->start_mark.column);
    n->end_line = place(event->end_mark.line);
    n->end_column = place(event->end_mark.column);
    if (++r->nodes > YAML_NODES_MAX)
        refuse(r, event->start_mark, "The document is too large: it has more than 200,000 values.");
    return n;
}

static bool is_text_tag(const char *tag)
{
    return strcmp(tag, "!") == 0 || strcmp(tag, YAML_STR_TAG) == 0;
}

static void check_tag(struct reader *r, const yaml_char_t *tag, yaml_mark_t mark, bool scalar)
{
    if (!tag || (scalar && is_text_tag((const char *)tag)))
        return;
    refuse(r, mark,
           "Tags such as !!int or !include have no meaning here. Remove it; the type of a setting is known.");
}

static struct yaml_node *read_scalar(struct reader *r, const yaml_event_t *event)
{
    struct yaml_node *n = create_node(r, YAML_SCALAR, event);
    const char *text = (const char *)event->data.scalar.value;
    size_t len = event->data.scalar.length;
    check_tag(r, event->data.scalar.tag, event->start_mark, true);
    n->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !event->data.scalar.tag;
    n->text = config_strndup(r->arena, text, len);
    n->text_len = len;
    if (memchr(text, 0, len))
        refuse(r, event->start_mark, "This text holds a NUL character. No setting can.");
    return n;
}

static void keep_anchor(struct reader *r, const yaml_char_t *name, struct yaml_node *n, size_t nodes,
                        unsigned depth)
{
    if (!name || r->stop)
        return;
    struct anchored *found = strmap_find(&r->anchors, (const char *)name);
    struct anchored *a = found ? found : config_calloc(r->arena, 1, sizeof *a);
    *a = (struct anchored){n, nodes, depth};
    if (!found)
        (void)strmap_add(&r->anchors, (const char *)name, a);
}

static struct yaml_node *use_anchor(struct reader *r, const yaml_event_t *event)
{
    const char *name = (const char *)event->data.alias.anchor;
    const struct anchored *a = strmap_find(&r->anchors, name);
    if (!a) {
        char what[300];
        snprintf(what, sizeof what,
                 "There is no \"&%.80s\" before this \"*%.80s\". Text that begins with * needs quotes.", name,
                 name);
        refuse(r, event->start_mark, what);
        return NULL;
    }
    r->nodes += a->nodes;
    if (r->nodes > YAML_NODES_MAX)
        refuse(r, event->start_mark,
               "The document is too large: its aliases stand for more than 200,000 values.");
    if (r->depth + a->depth > YAML_DEPTH_MAX)
        refuse(r, event->start_mark, "Nested too deep: at most 32 levels, aliases included.");
    if (r->depth + a->depth > r->deepest)
        r->deepest = r->depth + a->depth;
    return a->node;
}

static struct yaml_node *read_node(struct reader *r, const yaml_event_t *event);

static struct yaml_node *read_next_node(struct reader *r, enum yaml_event_type_e end, yaml_event_t *event)
{
    struct yaml_node *n = NULL;
    if (next_event(r, event)) {
        if (event->type == end)
            return NULL;
        n = read_node(r, event);
        yaml_event_delete(event);
    }
    return n;
}

static void finish_place(struct yaml_node *n, yaml_event_t *end)
{
    n->end_line = place(end->end_mark.line);
    n->end_column = place(end->end_mark.column);
    yaml_event_delete(end);
}

static void add_item(struct reader *r, struct yaml_node *n, struct yaml_node *item)
{
    if ((n->count & (n->count - 1)) == 0) {
        size_t capacity = n->count ? 2 * n->count : 1;
        struct yaml_node **items = config_calloc(r->arena, capacity, sizeof *items);
        if (n->count)
            memcpy(items, n->items, n->count * sizeof(struct yaml_node *));
        n->items = items;
    }
    n->items[n->count++] = item;
}

static void read_list(struct reader *r, struct yaml_node *n)
{
    yaml_event_t event;
    for (;;) {
        struct yaml_node *item = read_next_node(r, YAML_SEQUENCE_END_EVENT, &event);
        if (r->stop)
            return;
        if (!item) {
            finish_place(n, &event);
            return;
        }
        add_item(r, n, item);
    }
}

static void add_pair(struct reader *r, struct yaml_node *n, struct yaml_node *key, struct yaml_node *value)
{
    if ((n->count & (n->count - 1)) == 0) {
        size_t capacity = n->count ? 2 * n->count : 1;
        struct yaml_pair *pairs = config_calloc(r->arena, capacity, sizeof *pairs);
        if (n->count)
            memcpy(pairs, n->pairs, n->count * sizeof *pairs);
        n->pairs = pairs;
    }
    n->pairs[n->count++] = (struct yaml_pair){key, value};
}

/* Whether a key sounds, or nearly sounds, like that of a secret. */
static bool sounds_secret(const char *key)
{
    static const char *const words[] = {"password", "passphrase",    "secret",  "token",
                                        "passwd",   "authorization", "api_key", "credential"};
    for (size_t i = 0; i < array_count(words); i++)
        if (strcasestr(key, words[i]))
            return true;
    return nearest_word_find(key, words, array_count(words)) != NULL;
}

/* A text that only says where the secret is. */
static bool is_reference(const char *text)
{
    size_t len = strlen(text);
    return len > 3 && text[0] == '$' && text[1] == '{' && text[len - 1] == '}' && !strchr(text + 1, '$') &&
           !strstr(text, ":-");
}

/* A URL with a password in it. */
static bool has_userinfo(const char *text)
{
    const char *scheme = strstr(text, "://");
    return scheme && memchr(scheme + 3, '@', strcspn(scheme + 3, "/"));
}

static void hide_secret(struct reader *r, const struct yaml_node *key, const struct yaml_node *value)
{
    if (value->kind != YAML_SCALAR || !value->text_len || is_reference(value->text))
        return;
    if (sounds_secret(key->text) || has_userinfo(value->text))
        config_report_hide(r->report, value);
}

/* Whether the key can be used; says why not. */
static bool check_key(struct reader *r, struct strmap *seen, struct yaml_node *key)
{
    if (key->kind != YAML_SCALAR) {
        config_report_error(r->report, key,
                            "A key must be a word or a text, and this is a %s. Text in braces needs "
                            "quotes.",
                            key->kind == YAML_LIST ? "list" : "map");
        return false;
    }
    if (key->plain && strcmp(key->text, "<<") == 0) {
        config_report_error(r->report, key,
                            "Merge keys are not read. Write the settings out, or use an alias for a "
                            "whole section.");
        return false;
    }
    if (!*key->text) {
        config_report_error(r->report, key, "A key is missing before the \":\".");
        return false;
    }
    const struct yaml_node *first = strmap_find(seen, key->text);
    if (first) {
        config_report_error(r->report, key,
                            "The key \"%s\" is here for the second time; the first is in line %u. "
                            "Remove one of them.",
                            key->text, first->line);
        return false;
    }
    return strmap_add(seen, key->text, key);
}

static void read_pairs(struct reader *r, struct yaml_node *n, struct strmap *seen)
{
    yaml_event_t event;
    for (;;) {
        struct yaml_node *key = read_next_node(r, YAML_MAPPING_END_EVENT, &event);
        if (r->stop)
            return;
        if (!key) {
            finish_place(n, &event);
            return;
        }
        struct yaml_node *value = read_next_node(r, YAML_NO_EVENT, &event);
        if (r->stop)
            return;
        if (key->kind == YAML_SCALAR)
            hide_secret(r, key, value);
        if (!check_key(r, seen, key))
            continue;
        add_pair(r, n, key, value);
    }
}

static void read_map(struct reader *r, struct yaml_node *n)
{
    struct strmap seen = {0};
    read_pairs(r, n, &seen);
    strmap_finish(&seen);
}

static struct yaml_node *read_container(struct reader *r, const yaml_event_t *event)
{
    bool is_map = event->type == YAML_MAPPING_START_EVENT;
    struct yaml_node *n = create_node(r, is_map ? YAML_MAP : YAML_LIST, event);
    const yaml_char_t *anchor = is_map ? event->data.mapping_start.anchor : event->data.sequence_start.anchor;
    check_tag(r, is_map ? event->data.mapping_start.tag : event->data.sequence_start.tag, event->start_mark,
              false);
    size_t nodes_before = r->nodes - 1;
    unsigned outer_deepest = r->deepest;
    if (++r->depth > YAML_DEPTH_MAX)
        refuse(r, event->start_mark, "Nested too deep: at most 32 levels.");
    r->deepest = r->depth;
    if (is_map)
        read_map(r, n);
    else
        read_list(r, n);
    r->depth--;
    keep_anchor(r, anchor, n, r->nodes - nodes_before, r->deepest - r->depth);
    if (outer_deepest > r->deepest)
        r->deepest = outer_deepest;
    return n;
}

static struct yaml_node *read_node(struct reader *r, const yaml_event_t *event)
{
    struct yaml_node *n;
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        n = read_scalar(r, event);
        keep_anchor(r, event->data.scalar.anchor, n, 1, 0);
        return n;
    case YAML_ALIAS_EVENT:
        return use_anchor(r, event);
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT:
        return read_container(r, event);
    default:
        refuse(r, event->start_mark, "Not valid YAML.");
        return NULL;
    }
}

/* ---- The document ---- */

static bool is_blank_line(const char *at, const char *end)
{
    while (at < end && strchr(" \t\r\n", *at))
        at++;
    return at == end || *at == '#';
}

/* Directives before the document: libyaml compares each %TAG with all others. */
static void check_directives(struct reader *r)
{
    const char *at = r->text;
    if (r->text_end - at >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
        at += 3;
    for (const char *next; at < r->text_end && !r->stop; at = next) {
        next = line_end(at, r->text_end);
        if (is_blank_line(at, next) || (next - at > 5 && memcmp(at, "%YAML", 5) == 0))
            continue;
        if (*at != '%')
            return;
        refuse_byte(r, (size_t)(at - r->text),
                    "Directives other than %YAML have no meaning here. Remove it.");
    }
}

/* Behind the document only comments may follow; it is not handed to libyaml, see check_directives(). */
static void check_rest(struct reader *r, size_t line)
{
    const char *at = r->text;
    while (line-- && at < r->text_end)
        at = line_end(at, r->text_end);
    for (const char *next; at < r->text_end && !r->stop; at = next) {
        next = line_end(at, r->text_end);
        bool end_marker = next - at >= 3 && memcmp(at, "...", 3) == 0;
        if (!end_marker && !is_blank_line(at, next))
            refuse_byte(r, (size_t)(at - r->text),
                        "A second document begins here. One file holds one document; other "
                        "files can go into the folder conf.d.");
    }
}

static void check_text(struct reader *r)
{
    size_t size = (size_t)(r->text_end - r->text);
    if (size > YAML_SIZE_MAX) {
        config_report_error_at(r->report, r->file, 0, 0, "The file is too large: at most 4 MiB are read.");
        r->stop = true;
        return;
    }
    for (const char *at = r->text; at < r->text_end;) {
        size_t len = utf8_sequence_length(bytes_of(at, (size_t)(r->text_end - at)));
        if (len == 0) {
            char what[120];
            snprintf(what, sizeof what, "Byte 0x%02x is not valid UTF-8. Save the file as UTF-8.",
                     (unsigned char)*at);
            refuse_byte(r, (size_t)(at - r->text), what);
            return;
        }
        at += len;
    }
    check_directives(r);
}

static struct yaml_node *create_empty_map(struct reader *r)
{
    struct yaml_node *n = config_calloc(r->arena, 1, sizeof *n);
    *n = (struct yaml_node){
        .kind = YAML_MAP, .file = r->file, .line = 1, .column = 1, .end_line = 1, .end_column = 1};
    return n;
}

/* From the start of the stream to the end of the first document. */
static struct yaml_node *read_document(struct reader *r)
{
    struct yaml_node *root = NULL;
    yaml_event_t event;
    while (next_event(r, &event)) {
        bool end_of_document = event.type == YAML_DOCUMENT_END_EVENT;
        bool end_of_stream = event.type == YAML_STREAM_END_EVENT;
        if (end_of_document)
            check_rest(r, event.start_mark.line);
        else if (!end_of_stream && event.type != YAML_STREAM_START_EVENT &&
                 event.type != YAML_DOCUMENT_START_EVENT)
            root = read_node(r, &event);
        yaml_event_delete(&event);
        if (end_of_document || end_of_stream)
            break;
    }
    if (r->stop)
        return NULL;
    return root && !yaml_node_is_null(root) ? root : create_empty_map(r);
}

struct yaml_node *yaml_tree_parse(const char *file, const char *text, size_t len, struct arena *a,
                                  struct config_report *report)
{
    struct reader r = {.arena = a, .report = report, .text = text, .text_end = text + len};
    r.file = config_strndup(a, file, strlen(file));
    config_report_add_source(report, file, text, len < YAML_SIZE_MAX ? len : YAML_SIZE_MAX);
    check_text(&r);
    if (r.stop)
        return NULL;
    if (!yaml_parser_initialize(&r.parser)) {
        config_report_error_at(report, r.file, 0, 0, "There is no memory to read it.");
        return NULL;
    }
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, len);
    struct yaml_node *root = read_document(&r);
    yaml_parser_delete(&r.parser);
    strmap_finish(&r.anchors);
    return root;
}

/* The whole file; false when it failed, with errno, or errno 0 when it is too large. */
static bool read_all(int fd, struct buffer *text)
{
    text->limit = 2 * (size_t)YAML_SIZE_MAX;
    for (;;) {
        if (!buffer_reserve(text, 64 * 1024)) {
            errno = 0;
            return false;
        }
        ssize_t n = read(fd, text->data + text->len, text->capacity - text->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        if (n == 0)
            return true;
        text->len += (size_t)n;
        if (text->len > YAML_SIZE_MAX)
            return true;
    }
}

struct yaml_node *yaml_tree_read(const char *path, struct arena *a, struct config_report *r)
{
    struct buffer text = {0};
    struct yaml_node *root = NULL;
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        config_report_error_at(r, path, 0, 0, "The file cannot be opened: %s.", strerror(errno));
    else if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        config_report_error_at(r, path, 0, 0, "This is a folder. Name the file in it.");
    else if (!read_all(fd, &text))
        config_report_error_at(r, path, 0, 0, "The file cannot be read: %s.",
                               errno ? strerror(errno) : "no memory");
    else
        root = yaml_tree_parse(path, text.data ? (const char *)text.data : "", text.len, a, r);
    if (fd >= 0)
        close(fd);
    buffer_finish(&text);
    return root;
}

struct yaml_node *yaml_tree_find(const struct yaml_node *map, const char *key)
{
    if (!map || map->kind != YAML_MAP)
        return NULL;
    for (size_t i = 0; i < map->count; i++)
        if (strcmp(map->pairs[i].key->text, key) == 0)
            return map->pairs[i].value;
    return NULL;
}

bool yaml_node_is_null(const struct yaml_node *n)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};
    if (!n)
        return true;
    if (n->kind != YAML_SCALAR || !n->plain)
        return false;
    for (size_t i = 0; i < array_count(words); i++)
        if (strcmp(n->text, words[i]) == 0)
            return true;
    return false;
}

const char *yaml_node_show(const struct yaml_node *n)
{
    if (!n || n->kind != YAML_SCALAR)
        return "";
    return n->secret ? "(hidden)" : n->text;
}

static uint64_t combine(uint64_t a, uint64_t b)
{
    uint64_t pair[2] = {a, b};
    return strmap_hash(pair, sizeof pair);
}

uint64_t yaml_node_fingerprint(const struct yaml_node *n)
{
    if (!n)
        return 0;
    uint64_t hash = n->kind;
    if (n->kind == YAML_SCALAR)
        return combine(hash + (n->plain ? 8 : 0), strmap_hash(n->text, n->text_len));
    for (size_t i = 0; n->kind == YAML_LIST && i < n->count; i++)
        hash = combine(hash, yaml_node_fingerprint(n->items[i]));
    for (size_t i = 0; n->kind == YAML_MAP && i < n->count; i++) {
        const struct yaml_node *key = n->pairs[i].key;
        hash += combine(strmap_hash(key->text, key->text_len), yaml_node_fingerprint(n->pairs[i].value));
    }
    return combine(hash, n->count);
}
