/* SPDX-License-Identifier: Apache-2.0
 *
 * See cli_codec.h.
 */
#include "cli/cli_codec.h"

#include "base/log.h"
#include "base/memory.h"
#include "config/option.h"
#include "gateway_config.h"
#include "loop/loop.h"
#include "message/topic_filter.h"
#include "metrics/metrics.h"
#include "plugin/plugin_host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

enum { PAYLOAD_SIZE_MAX = 64 << 20 };

static int refuse(const struct cli_codec *c, int code, const char *format, ...) PRINTF_LIKE(3, 4);

static int refuse(const struct cli_codec *c, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "forebay %s: ", c->command->name);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return code;
}

int cli_codec_refuse(const struct cli_codec *c, const struct error *err)
{
    return refuse(c, EX_DATAERR, "%s", err->text);
}

/* ---- Words ---- */

struct words {
    int argc, at;
    char **argv;
};

/* The value of the option `name` when the present word is that option, else NULL. */
static const char *take_value(struct words *w, const char *name)
{
    const char *word = w->argv[w->at];
    size_t len = strlen(name);
    if (strncmp(word, name, len) != 0)
        return NULL;
    if (word[len] == '=' && word[1] == '-')
        return word + len + 1;
    if (word[len] && word[1] != '-') /* -Ifolder */
        return word + len;
    return !word[len] && w->at + 1 < w->argc ? w->argv[++w->at] : NULL;
}

/* --name=value; --name for true, --no-name for false. */
static bool take_option(struct cli_codec *c, const char *word)
{
    const char *equals = strchr(word, '=');
    bool negated = !equals && strncmp(word, "--no-", 5) == 0;
    if (strncmp(word, "--", 2) != 0 || !word[2] || c->option_count == CLI_CODEC_OPTIONS_MAX)
        return false;
    const char *begin = word + (negated ? 5 : 2);
    struct cli_codec_option *o = &c->options[c->option_count++];
    o->name = xstrndup(begin, equals ? (size_t)(equals - begin) : strlen(begin));
    o->text = equals ? equals + 1 : negated ? "false" : "true";
    for (char *p = o->name; *p; p++)
        if (*p == '-')
            *p = '_';
    return true;
}

static bool take_property(struct cli_codec *c, const char *text)
{
    const char *equals = strchr(text, '=');
    if (!equals || c->property_count == CLI_CODEC_PROPERTIES_MAX)
        return false;
    c->properties[c->property_count++] =
        (struct fby_pair){{text, (size_t)(equals - text)}, {equals + 1, strlen(equals + 1)}};
    return true;
}

/* One word that begins with a hyphen; false: it cannot be. */
static bool take_word(struct cli_codec *c, struct words *w)
{
    const struct {
        const char *name;
        const char **value;
    } values[] = {{"--message", &c->message},
                  {"--codec", &c->format},
                  {"--config", &c->config_path},
                  {"-c", &c->config_path},
                  {"--route", &c->route},
                  {"--target", &c->target},
                  {"--decompress", &c->decompress},
                  {"--content-type", &c->content_type},
                  {"--topic", &c->topic}};
    const char *text;
    for (size_t i = 0; i < array_count(values); i++)
        if ((text = take_value(w, values[i].name))) {
            *values[i].value = text;
            return true;
        }
    if ((text = take_value(w, "--schema"))) {
        cli_schemas_add_file(&c->schemas, text);
        return true;
    }
    if ((text = take_value(w, "--include")) || (text = take_value(w, "-I"))) {
        cli_schemas_add_include(&c->schemas, text);
        return true;
    }
    if ((text = take_value(w, "--property")))
        return take_property(c, text);
    if (strcmp(w->argv[w->at], "--hex") == 0)
        return c->hex = true;
    return take_option(c, w->argv[w->at]);
}

/* EX_OK, or the usage with what is wrong. */
static int parse(struct cli_codec *c, int argc, char **argv)
{
    struct words w = {argc, 1, argv};
    for (; w.at < argc; w.at++) {
        const char *word = argv[w.at];
        bool is_option = word[0] == '-' && word[1];
        if (is_option && !take_word(c, &w))
            return cli_refuse_word(c->command, word, "this option is not known or lacks its value");
        if (!is_option && c->input)
            return cli_refuse_word(
                c->command, word,
                "a payload is named already. The value of an option stands behind a =, as in "
                "--framing=varint");
        if (!is_option)
            c->input = word;
    }
    return EX_OK;
}

/* What goes with what. */
static int check_words(const struct cli_codec *c, bool encodes)
{
    bool by_config = c->config_path && !c->message && !c->format;
    if (c->message && c->format)
        return cli_refuse_usage(c->command, "--message and --codec exclude each other");
    if (c->message && !c->schemas.file_count && !c->config_path)
        return cli_refuse_usage(c->command, "--message needs --schema FILE, or -c FILE with schemas");
    if (!c->message && c->schemas.file_count)
        return cli_refuse_usage(c->command, "--schema needs --message NAME");
    if (c->schemas.file_count && c->config_path)
        return cli_refuse_usage(c->command, "--schema and -c exclude each other");
    if (by_config && !c->route && !c->topic)
        return cli_refuse_usage(c->command, "-c needs --route NAME, --topic TOPIC or --message NAME");
    if (!by_config && (c->route || c->target))
        return cli_refuse_usage(c->command,
                                "--route and --target need -c FILE, without --message or --codec");
    if (!c->message && !c->format && !c->config_path)
        return cli_refuse_usage(c->command, "which format? Name --schema and --message, --codec, or -c");
    if (c->decompress && (by_config || encodes))
        return cli_refuse_usage(c->command, "--decompress goes with --message or --codec, and decodes only");
    if (by_config && c->option_count)
        return refuse(c, EX_USAGE, "%s: options come from the configuration", c->options[0].name);
    return EX_OK;
}

/* ---- Options by the table of the format ---- */

static struct yaml_node *make_scalar(struct cli_codec *c, const char *text)
{
    struct yaml_node *n = arena_calloc(&c->arena, 1, sizeof *n);
    if (!n)
        abort();
    *n = (struct yaml_node){.kind = YAML_SCALAR, .plain = true, .text = text, .text_len = strlen(text)};
    return n;
}

static struct yaml_node *make_map(struct cli_codec *c)
{
    struct yaml_node *n = make_scalar(c, "");
    n->kind = YAML_MAP;
    n->pairs = arena_calloc(&c->arena, c->option_count + 1, sizeof *n->pairs);
    for (size_t i = 0; n->pairs && i < c->option_count; i++)
        n->pairs[n->count++] =
            (struct yaml_pair){make_scalar(c, c->options[i].name), make_scalar(c, c->options[i].text)};
    return n;
}

static int show_report(struct config_report *report, int code)
{
    struct buffer text = {0};
    config_report_render(report, &text);
    if (text.len)
        fwrite(text.data, 1, text.len, stderr);
    buffer_finish(&text);
    return config_report_error_count(report) ? code : EX_OK;
}

/* ---- Where the codec comes from ---- */

static int use_message(struct cli_codec *c, bool encodes, struct config_report *report)
{
    struct error err;
    const struct schema_registry *registry = c->config ? c->config->schemas : c->registry;
    const struct schema_type *type = schema_registry_find(registry, c->message, &err);
    if (!type)
        return refuse(c, EX_CONFIG, "%s", err.text);
    struct yaml_node *map = make_map(c);
    if (encodes) {
        struct encode_protobuf_settings written = {0};
        (void)option_apply(pipeline_settings_encode_protobuf_options, map, map, NULL, &written, &c->arena,
                           report);
        c->settings.encode.kind = ENCODE_PROTOBUF;
        c->settings.encode.type = type;
        c->settings.encode.schema = pipeline_settings_encode_options(&written);
        return EX_OK;
    }
    c->rule = (struct decode_rule){.type = type};
    c->settings.decode.kind = DECODE_PROTOBUF;
    c->settings.decode.rules = &c->rule;
    c->settings.decode.rule_count = 1;
    c->settings.decode.schema = schema_options_default();
    (void)option_apply(pipeline_settings_protobuf_options, map, map, NULL, &c->settings.decode.schema,
                       &c->arena, report);
    return EX_OK;
}

/* Load a codec plugin and read its options from `map`. */
static int load_codec(struct cli_codec *c, const char *name, bool encodes, const struct yaml_node *map,
                      struct config_report *report, struct codec_settings *s)
{
    struct error err;
    struct plugin *plugin = plugin_host_load(c->plugins, name, NULL, &err);
    if (!plugin)
        return refuse(c, EX_CONFIG, "%s", err.text);
    c->loaded[c->loaded_count++] = plugin;
    const struct fby_plugin *d = plugin_description(plugin);
    if (d->kind != FBY_KIND_CODEC || !(encodes ? (bool)d->codec->encode : (bool)d->codec->decode))
        return refuse(c, EX_CONFIG, "the plugin \"%s\" cannot %s", d->name, encodes ? "encode" : "decode");
    *s = (struct codec_settings){.name = d->name, .plugin = plugin};
    s->options = plugin_options_read(plugin, map, map, &c->arena, report);
    return EX_OK;
}

static bool unpacks(const struct codec_settings *s)
{
    return plugin_description(s->plugin)->codec->flags & FBY_CODEC_UNPACKS;
}

static int use_plugin(struct cli_codec *c, bool encodes, struct config_report *report)
{
    struct codec_settings s = {0};
    int code = load_codec(c, c->format, encodes, make_map(c), report, &s);
    if (code != EX_OK)
        return code;
    if (unpacks(&s))
        return refuse(c, EX_USAGE,
                      "\"%s\" only packs and unpacks. Write --decompress %s beside --message or --codec",
                      s.name, s.name);
    if (encodes) {
        c->settings.encode.kind = ENCODE_PLUGIN;
        c->settings.encode.codec = s;
    } else {
        c->settings.decode.kind = DECODE_PLUGIN;
        c->settings.decode.codec = s;
    }
    return EX_OK;
}

static int use_decompress(struct cli_codec *c, struct config_report *report)
{
    int code = load_codec(c, c->decompress, false, NULL, report, &c->settings.decode.unpack);
    if (code == EX_OK && !unpacks(&c->settings.decode.unpack))
        return refuse(c, EX_USAGE, "\"%s\" does not unpack payloads", c->decompress);
    return code;
}

static int use_format(struct cli_codec *c, bool encodes, struct config_report *report)
{
    bool json = strcmp(c->format, "json") == 0, text = strcmp(c->format, "text") == 0;
    if (!json && !text)
        return use_plugin(c, encodes, report);
    if (c->option_count)
        return refuse(c, EX_USAGE, "%s: there are no options for %s", c->options[0].name, c->format);
    if (encodes && text)
        return refuse(c, EX_USAGE, "there is nothing to encode as text");
    c->settings.decode.kind = json ? DECODE_JSON : DECODE_TEXT;
    c->settings.encode.kind = ENCODE_JSON;
    return EX_OK;
}

/* "a, b, c" of at most as many as fit. */
static void list_name(struct buffer *names, const char *name)
{
    buffer_add_format(names, "%s%s", names->len ? ", " : "", name);
}

static const struct topic_filter *find_filter(const struct route_config *route, const char *topic)
{
    for (size_t i = 0; topic && i < route->filter_count; i++)
        if (topic_filter_match(route->filters[i], bytes_of_text(topic), NULL))
            return route->filters[i];
    return NULL;
}

/* The route of this name, or the only one that wants the topic. */
static const struct route_config *find_route(struct cli_codec *c, int *code)
{
    const struct route_config *found = NULL;
    struct buffer names = {0};
    size_t matches = 0;
    for (size_t i = 0; i < c->config->route_count; i++) {
        const struct route_config *route = &c->config->routes[i];
        bool fits = c->route ? strcmp(route->name, c->route) == 0 : find_filter(route, c->topic) != NULL;
        if (fits || c->route)
            list_name(&names, route->name);
        if (!fits)
            continue;
        found = route;
        matches++;
    }
    buffer_add_byte(&names, 0);
    const char *listed = names.failed ? "" : (const char *)names.data;
    if (matches == 0 && c->route)
        *code = refuse(c, EX_CONFIG, "there is no route \"%s\"; known are %s", c->route, listed);
    else if (matches == 0)
        *code = refuse(c, EX_CONFIG, "no route wants the topic \"%s\"", c->topic);
    else if (matches > 1)
        *code = refuse(c, EX_USAGE, "several routes want the topic \"%s\": choose one with --route: %s",
                       c->topic, listed);
    buffer_finish(&names);
    return matches == 1 ? found : NULL;
}

/* Targets of a route differ in how they encode. */
static const struct target_config *find_target(struct cli_codec *c, const struct route_config *route,
                                               bool encodes, int *code)
{
    struct buffer labels = {0};
    const struct target_config *found = NULL;
    for (size_t i = 0; i < route->target_count; i++) {
        const struct target_config *target = &route->targets[i];
        list_name(&labels, target->label);
        if (c->target ? strcmp(target->label, c->target) == 0 : !encodes || route->target_count == 1)
            found = target;
    }
    buffer_add_byte(&labels, 0);
    if (!found)
        *code = refuse(c, c->target ? EX_CONFIG : EX_USAGE, "%s has the targets %s: name one with --target",
                       route->name, labels.failed ? "" : (const char *)labels.data);
    buffer_finish(&labels);
    return found;
}

static void fill_captures(struct cli_codec *c, const struct topic_filter *f)
{
    struct bytes found[TOPIC_CAPTURES_MAX];
    if (!f || !topic_filter_match(f, bytes_of_text(c->topic), found))
        return;
    for (size_t i = 0; i < topic_filter_capture_count(f) && i < array_count(c->captures); i++) {
        const char *name = topic_filter_capture_name(f, i);
        c->captures[i] = (struct fby_pair){{name, strlen(name)}, {(const char *)found[i].data, found[i].len}};
        c->subject.capture_count = i + 1;
    }
    c->subject.captures = c->captures;
}

static int use_config(struct cli_codec *c, bool encodes)
{
    int code = EX_OK;
    const struct route_config *route = find_route(c, &code);
    const struct target_config *target = route ? find_target(c, route, encodes, &code) : NULL;
    if (!target)
        return code;
    c->settings = target->pipeline;
    c->settings.stages = NULL;
    c->settings.stage_count = 0;
    if (encodes)
        c->settings.decode = (struct decode_settings){.kind = DECODE_JSON};
    if (encodes && c->settings.encode.kind == ENCODE_RAW)
        return refuse(c, EX_CONFIG, "%s/%s sends payloads as they came: there is nothing to encode",
                      route->name, target->label);
    fill_captures(c, find_filter(route, c->topic));
    return EX_OK;
}

/* ---- The whole ---- */

static int load(struct cli_codec *c, const struct cli *cli, struct config_report *report)
{
    struct error err;
    int code = EX_OK;
    c->loop = loop_create(&err);
    if (!c->loop)
        return refuse(c, EX_OSERR, "%s", err.text);
    c->metrics = metrics_create();
    c->plugins = plugin_host_create(cli->plugin_path, c->loop, c->metrics);
    if (c->schemas.file_count) {
        c->registry = cli_schemas_load(&c->schemas, c->command->name, NULL, &code);
        return code == EX_DATAERR ? EX_CONFIG : code;
    }
    if (!c->config_path)
        return EX_OK;
    c->config = gateway_config_read(c->config_path, c->plugins, report);
    return show_report(report, EX_CONFIG);
}

static int make(struct cli_codec *c, bool encodes, struct config_report *report)
{
    struct error err;
    int code = c->message  ? use_message(c, encodes, report)
               : c->format ? use_format(c, encodes, report)
                           : use_config(c, encodes);
    if (code == EX_OK && c->decompress)
        code = use_decompress(c, report);
    if (code == EX_OK)
        code = show_report(report, EX_USAGE);
    if (code != EX_OK)
        return code;
    if (encodes && c->settings.decode.kind == DECODE_NONE)
        c->settings.decode.kind = DECODE_JSON;
    if (!encodes)
        c->settings.encode = (struct encode_settings){.kind = ENCODE_JSON};
    if (!pipeline_codec_init(&c->codec, &c->settings, "command", c->plugins, &err))
        return refuse(c, EX_CONFIG, "%s", err.text);
    return EX_OK;
}

int cli_codec_init(struct cli_codec *c, const struct cli *cli, const struct cli_command *command,
                   bool encodes, int argc, char **argv)
{
    *c = (struct cli_codec){.command = command};
    arena_init(&c->arena, 0, 0);
    int code = parse(c, argc, argv);
    if (code == EX_OK)
        code = check_words(c, encodes);
    if (code != EX_OK)
        return code;
    log_set_level(LOG_LEVEL_ERROR);
    struct config_report *report = config_report_create();
    code = load(c, cli, report);
    if (code == EX_OK)
        code = make(c, encodes, report);
    config_report_destroy(report);
    const char *topic = c->topic ? c->topic : "", *type = c->content_type ? c->content_type : "";
    c->subject.topic = (struct fby_bytes){topic, strlen(topic)};
    c->subject.content_type = (struct fby_bytes){type, strlen(type)};
    c->subject.properties = c->properties;
    c->subject.property_count = c->property_count;
    return code;
}

void cli_codec_finish(struct cli_codec *c)
{
    if (c->codec.settings)
        pipeline_codec_finish(&c->codec);
    gateway_config_destroy(c->config);
    schema_registry_destroy(c->registry);
    for (size_t i = 0; i < c->loaded_count; i++)
        plugin_unref(c->loaded[i]);
    if (c->plugins)
        plugin_host_destroy(c->plugins);
    if (c->metrics)
        metrics_destroy(c->metrics);
    if (c->loop)
        loop_destroy(c->loop);
    for (size_t i = 0; i < c->option_count; i++)
        free(c->options[i].name);
    cli_schemas_finish(&c->schemas);
    arena_finish(&c->arena);
}

/* ---- Payloads ---- */

static int hex_digit(int ch)
{
    if (ch >= '0' && ch <= '9')
        return ch - '0';
    int lower = ch | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* In place; digits in pairs, anything blank and colons between the bytes. */
static bool parse_hex(struct buffer *b)
{
    size_t used = 0;
    int high = -1;
    for (size_t i = 0; i < b->len; i++) {
        int digit = hex_digit(b->data[i]);
        if (digit < 0 && (high >= 0 || !strchr(" \t\r\n:", b->data[i]) || !b->data[i]))
            return false;
        if (digit < 0)
            continue;
        if (high >= 0)
            b->data[used++] = (uint8_t)(high << 4 | digit);
        high = high >= 0 ? -1 : digit;
    }
    b->len = used;
    return high < 0;
}

int cli_codec_read(const struct cli_codec *c, bool text, struct buffer *payload)
{
    bool from_file = c->input && strcmp(c->input, "-") != 0;
    const char *name = from_file ? c->input : "standard input";
    int fd = from_file ? open(c->input, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
    int problem = fd < 0 ? errno : 0;
    payload->limit = PAYLOAD_SIZE_MAX;
    while (!problem && buffer_reserve(payload, 64 * 1024)) {
        ssize_t n = read(fd, payload->data + payload->len, 64 * 1024);
        if (n > 0)
            payload->len += (size_t)n;
        else if (n == 0)
            break;
        else if (errno != EINTR)
            problem = errno;
    }
    if (from_file && fd >= 0)
        close(fd);
    if (problem)
        return refuse(c, EX_NOINPUT, "%s: %s", name, strerror(problem));
    if (payload->failed)
        return refuse(c, EX_DATAERR, "%s: more than %d MiB", name, PAYLOAD_SIZE_MAX >> 20);
    if (c->hex && !text && !parse_hex(payload))
        return refuse(c, EX_DATAERR, "%s: not pairs of hexadecimal digits", name);
    return EX_OK;
}
