/* SPDX-License-Identifier: Apache-2.0
 *
 * Any text as a configuration file: parsed, substituted, applied to a table with every type of option, shown.
 * Proves that nothing crashes or leaks, that a tree without problems keeps its limits, and that a text is
 * never refused without a reason.
 */
#include "config/option.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct settings {
    bool flag;
    int64_t number, size, wait;
    double ratio;
    const char *text, *secret;
    int choice;
    struct fby_strings list;
    struct fby_string_map map;
    const struct fby_value *any;
};

#define AT(member) offsetof(struct settings, member)

static const char *const choices[] = {"red", "green", NULL};

static const struct fby_option section[] = {
    {.name = "any", .type = FBY_OPTION_VALUE, .offset = AT(any)},
    {.name = "map", .type = FBY_OPTION_STRING_MAP, .flags = FBY_OPTION_SECRET, .offset = AT(map)},
    {.name = NULL},
};

static const struct fby_option rows[] = {
    {.name = "flag", .type = FBY_OPTION_BOOL, .offset = AT(flag), .default_text = "true"},
    {.name = "number", .type = FBY_OPTION_INT, .offset = AT(number), .min = -5, .max = 5},
    {.name = "size", .type = FBY_OPTION_SIZE, .offset = AT(size), .default_text = "1 KiB", .max = 1 << 20},
    {.name = "wait", .type = FBY_OPTION_DURATION, .offset = AT(wait), .default_text = "2s"},
    {.name = "ratio", .type = FBY_OPTION_DOUBLE, .offset = AT(ratio)},
    {.name = "text", .type = FBY_OPTION_STRING, .flags = FBY_OPTION_REQUIRED, .offset = AT(text)},
    {.name = "secret", .type = FBY_OPTION_STRING, .flags = FBY_OPTION_SECRET, .offset = AT(secret)},
    {.name = "choice", .type = FBY_OPTION_CHOICE, .offset = AT(choice), .choices = choices},
    {.name = "list", .type = FBY_OPTION_STRINGS, .offset = AT(list)},
    {.name = "section", .type = FBY_OPTION_SECTION, .section = section},
    {.name = NULL},
};

static unsigned depth_of(const struct yaml_node *n)
{
    unsigned deepest = 0;
    for (size_t i = 0; i < n->count; i++) {
        unsigned depth = depth_of(n->kind == YAML_LIST ? n->items[i] : n->pairs[i].value);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest + 1;
}

static void use_tree(struct yaml_node *root, struct arena *a, struct config_report *r)
{
    struct settings settings = {0};
    assert(depth_of(root) <= YAML_DEPTH_MAX + 1);
    (void)yaml_node_fingerprint(root);
    yaml_tree_substitute(root, a, r, NULL, NULL);
    size_t errors = config_report_error_count(r);
    bool right = option_apply(rows, root, root, NULL, &settings, a, r);
    assert(!right || config_report_error_count(r) == errors);
    (void)option_value(root, a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct config_report *report = config_report_create();
    struct buffer out = {0};
    arena_init(&arena, 0, 0);
    struct yaml_node *root = yaml_tree_parse("fuzz.yaml", (const char *)data, size, &arena, report);
    assert(root || config_report_error_count(report) > 0);
    if (root)
        use_tree(root, &arena, report);
    config_report_render(report, &out);
    assert(!out.failed);
    buffer_finish(&out);
    config_report_destroy(report);
    arena_finish(&arena);
    return 0;
}
