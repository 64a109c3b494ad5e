/* SPDX-License-Identifier: Apache-2.0
 *
 * The section `tests` of the document: its shape only, for `forebay test` runs it. See gateway_config.h.
 */
#include "gateway_config_parts.h"

struct test_entry {
    const char *name, *route;
};

struct test_input {
    const char *topic;
};

static const struct fby_option test_options[] = {
    {.name = "name",
     .type = FBY_OPTION_STRING,
     .flags = FBY_OPTION_REQUIRED,
     .offset = offsetof(struct test_entry, name),
     .help = "What the test shows, in a few words."},
    {.name = "route",
     .type = FBY_OPTION_STRING,
     .flags = FBY_OPTION_REQUIRED,
     .offset = offsetof(struct test_entry, route),
     .help = "The route that gets the message."},
    {.name = NULL},
};

static const struct fby_option input_options[] = {
    {.name = "topic",
     .type = FBY_OPTION_STRING,
     .flags = FBY_OPTION_REQUIRED,
     .offset = offsetof(struct test_input, topic),
     .help = "The topic of the message."},
    {.name = NULL},
};

static const char *const payloads[] = {"protobuf", "json", "text", "hex", "base64", NULL};

static void read_input(struct config_reader *cr, const struct yaml_node *n, const struct yaml_node *at)
{
    struct test_input input = {0};
    size_t found = 0;
    config_report_enter(cr->report, "input");
    bool right = option_apply(input_options, n, at, payloads, &input, cr->arena, cr->report);
    for (size_t i = 0; payloads[i]; i++)
        found += yaml_tree_find(n, payloads[i]) != NULL;
    if (right && found != 1)
        config_report_error(cr->report, n ? n : at,
                            "Expected the payload as one of protobuf, json, text, hex or base64.");
    config_report_leave(cr->report);
}

static void read_expect(struct config_reader *cr, const struct yaml_node *n, const struct yaml_node *at)
{
    config_report_enter(cr->report, "expect");
    if (!n || n->kind != YAML_LIST) {
        config_report_error(cr->report, n ? n : at,
                            "Expected a list of outputs, as in  expect: [ { to: lake, json: { … } } ];  [] "
                            "when there is none.");
    } else {
        for (size_t i = 0; i < n->count; i++) {
            config_report_enter_index(cr->report, i);
            (void)option_is_map(n->items[i], cr->report, "what is expected");
            config_report_leave(cr->report);
        }
    }
    config_report_leave(cr->report);
}

static void check_route(struct config_reader *cr, const char *name, const struct yaml_node *at)
{
    const struct gateway_config *c = cr->config;
    const char **names = config_reader_alloc(cr, c->route_count, sizeof *names);
    for (size_t i = 0; i < c->route_count; i++) {
        names[i] = c->routes[i].name;
        if (strcmp(names[i], name) == 0)
            return;
    }
    config_report_enter(cr->report, "route");
    config_report_error(cr->report, at, "There is no route \"%.80s\".%s", name,
                        config_reader_suggest(cr, name, names, c->route_count));
    config_report_leave(cr->report);
}

static void read_test(struct config_reader *cr, const struct yaml_node *n)
{
    static const char *const also[] = {"input", "expect", NULL};
    struct test_entry entry = {0};
    if (!option_is_map(n, cr->report, "name, route, input and expect"))
        return;
    if (option_apply(test_options, n, n, also, &entry, cr->arena, cr->report))
        check_route(cr, entry.route, yaml_tree_find(n, "route"));
    read_input(cr, yaml_tree_find(n, "input"), n);
    read_expect(cr, yaml_tree_find(n, "expect"), n);
}

void gateway_config_tests_read(struct config_reader *cr)
{
    const struct yaml_node *n = yaml_tree_find(cr->root, "tests");
    config_report_enter(cr->report, "tests");
    if (!yaml_node_is_null(n) && n->kind != YAML_LIST)
        config_report_error(cr->report, n, "Expected a list of tests, each with a \"-\" before it.");
    for (size_t i = 0; n && n->kind == YAML_LIST && i < n->count; i++) {
        config_report_enter_index(cr->report, i);
        read_test(cr, n->items[i]);
        config_report_leave(cr->report);
    }
    config_report_leave(cr->report);
}
