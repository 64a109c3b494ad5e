/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads a configuration and prints the settings that come out of it, defaults and references resolved, in a
 * form that a test can compare: dump_config FILE PLUGIN_DIRECTORIES.
 */
#include "base/log.h"
#include "gateway_config.h"
#include "loop/loop.h"
#include "message/topic_filter.h"
#include "metrics/metrics.h"
#include "plugin/plugin_host.h"
#include "schema/schema.h"
#include "sparkplug/sparkplug_stage.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char *or_none(const char *text)
{
    return text ? text : "-";
}

static void print_journal(const char *name, const struct journal_settings *s)
{
    printf("%s path=%s max_size=%" PRId64 " max_age=%" PRId64 "ms when_full=%s segment_size=%" PRId64
           " record_limit=%" PRId64 "\n",
           name, s->path, s->max_size, s->max_age_ms, s->when_full == JOURNAL_BLOCK ? "block" : "drop_oldest",
           s->segment_size, s->record_limit);
}

static void print_gateway(const struct gateway_config *c)
{
    static const char *const levels[] = {"error", "warning", "info", "debug"};
    printf("gateway id=%s state=%s runtime=%s shutdown=%" PRId64 "ms\n", c->gateway.id,
           c->gateway.state_directory, c->gateway.runtime_directory, c->gateway.shutdown_timeout_ms);
    print_journal("journal", &c->journal);
    print_journal("dead_letters", &c->dead_letters);
    printf("admin listen=%s\nlog level=%s\nschemas types=%zu\n", or_none(c->admin.listen),
           levels[c->log.level], schema_registry_type_count(c->schemas));
}

static void print_broker(const struct broker_config *b)
{
    const struct mqtt_settings *s = &b->mqtt;
    printf(
        "broker %s host=%s port=%d tls=%d client_id=%s username=%s password=%s version=%d keepalive=%" PRId64
        "ms\n",
        b->name, s->host, s->port, s->use_tls, or_none(s->client_id), or_none(s->username),
        or_none(s->password), s->version, s->keepalive_ms);
    if (s->tls.ca || s->tls.certificate || s->tls.key)
        printf("  tls ca=%s certificate=%s key=%s\n", or_none(s->tls.ca), or_none(s->tls.certificate),
               or_none(s->tls.key));
}

static void print_filter(const struct topic_filter *f)
{
    printf("  topic %s subscribe=%s captures=", topic_filter_text(f), topic_filter_subscription(f));
    for (size_t i = 0; i < topic_filter_capture_count(f); i++)
        printf("%s%s", i ? "," : "", topic_filter_capture_name(f, i));
    puts("");
}

static const char *const encodes[] = {"auto", "json", "raw", "protobuf", "plugin ", "sparkplug"};

static void print_target(const struct target_config *t)
{
    const struct delivery_settings *s = &t->delivery;
    printf("  to %s (%s) label=%s topic=%s qos=%" PRId64 " retain=%d window=%" PRId64 " retry=%" PRId64
           "-%" PRId64 "ms encode=%s%s%s\n",
           t->name, t->broker ? "broker" : t->upstream->kind, t->label, or_none(s->topic), s->qos, s->retain,
           s->window, s->retry_min_ms, s->retry_max_ms, encodes[t->pipeline.encode.kind],
           t->pipeline.encode.type ? " " : "",
           t->pipeline.encode.type           ? schema_type_name(t->pipeline.encode.type)
           : t->pipeline.encode.codec.plugin ? t->pipeline.encode.codec.name
                                             : "");
}

static void print_decode(const struct decode_settings *d, int indent);

static void print_choice(const struct decode_choice *c, int indent)
{
    for (size_t i = 0; i < c->when_count; i++) {
        printf("%*swhen %s:\n", indent, "", c->when[i].text);
        print_decode(c->when[i].decode, indent + 2);
    }
    printf("%*sotherwise%s\n", indent, "", c->otherwise ? ":" : " dead letter");
    if (c->otherwise)
        print_decode(c->otherwise, indent + 2);
}

static void print_decode(const struct decode_settings *d, int indent)
{
    static const char *const decodes[] = {"none", "protobuf",          "json", "text", "plugin",
                                          "by",   "by its first stage"};
    static const char *const choices[] = {"topic", "content_type", "property", "capture"};
    printf("%*sdecode %s", indent, "", decodes[d->kind]);
    if (d->kind == DECODE_PROTOBUF)
        printf(" framing=%d skip=%" PRId64 " max_payload=%" PRId64, d->schema.framing, d->schema.skip_bytes,
               d->schema.max_payload);
    if (d->kind == DECODE_JSON)
        printf(" big_integers=%d duplicate_keys=%d max_payload=%" PRId64 " max_depth=%" PRId64
               " max_elements=%" PRId64,
               d->json.big_integers, d->json.duplicate_keys, d->json.max_payload, d->json.max_depth,
               d->json.max_elements);
    if (d->kind == DECODE_CHOICE)
        printf(" %s %s", choices[d->choice.by], or_none(d->choice.name));
    if (d->codec.plugin)
        printf(" %s", d->codec.name);
    if (d->unpack.plugin)
        printf(" decompress=%s", d->unpack.name);
    puts("");
    for (size_t i = 0; i < d->rule_count; i++) {
        const struct decode_rule *rule = &d->rules[i];
        printf("%*s%s: %s%s\n", indent + 2, "",
               rule->filter ? topic_filter_text(rule->filter) : "(every topic)", schema_type_name(rule->type),
               rule->unwrap ? " unwrapped" : "");
    }
    if (d->kind == DECODE_CHOICE)
        print_choice(&d->choice, indent + 2);
}

static void print_pipeline(const struct pipeline_settings *p)
{
    print_decode(&p->decode, 2);
    for (size_t i = 0; i < p->stage_count; i++) {
        const struct encode_settings *e = p->stages[i].encode;
        printf("  stage %s%s%s%s\n", p->stages[i].name, e ? " " : "", e ? encodes[e->kind] : "",
               e && e->codec.name ? e->codec.name : "");
    }
}

static void print_route(const struct route_config *r)
{
    printf("route %s from=%s qos=%" PRId64 " start=%d\n", r->name, r->broker->name, r->source.qos,
           r->source.start);
    for (size_t i = 0; i < r->filter_count; i++)
        print_filter(r->filters[i]);
    if (r->target_count)
        print_pipeline(&r->targets[0].pipeline);
    for (size_t i = 0; i < r->target_count; i++)
        print_target(&r->targets[i]);
}

static void print_config(const struct gateway_config *c)
{
    print_gateway(c);
    for (size_t i = 0; i < c->broker_count; i++)
        print_broker(&c->brokers[i]);
    for (size_t i = 0; i < c->upstream_count; i++)
        printf("upstream %s kind=%s\n", c->upstreams[i].name, c->upstreams[i].kind);
    for (size_t i = 0; i < c->route_count; i++)
        print_route(&c->routes[i]);
}

int main(int argc, char **argv)
{
    struct error err;
    if (argc != 3) {
        fprintf(stderr, "usage: dump_config FILE PLUGIN_DIRECTORIES\n");
        return 2;
    }
    log_set_level(LOG_LEVEL_ERROR);
    struct loop *loop = loop_create(&err);
    struct metrics *metrics = metrics_create();
    struct plugin_host *plugins = plugin_host_create(argv[2], loop, metrics);
    plugin_host_add_static(plugins, &sparkplug_stage_plugin);
    struct config_report *report = config_report_create();
    struct gateway_config *config = gateway_config_read(argv[1], plugins, report);
    struct buffer text = {0};
    config_report_render(report, &text);
    if (text.len)
        fwrite(text.data, 1, text.len, stdout);
    bool right = config_report_error_count(report) == 0;
    if (right)
        print_config(config);
    buffer_finish(&text);
    config_report_destroy(report);
    gateway_config_destroy(config);
    plugin_host_destroy(plugins);
    metrics_destroy(metrics);
    loop_destroy(loop);
    return right ? 0 : 1;
}
