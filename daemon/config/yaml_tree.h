/* SPDX-License-Identifier: Apache-2.0
 *
 * A YAML document as nodes with line and column, and nothing more: libyaml's events, duplicate keys refused,
 * bounded depth, size and number of nodes, aliases expanded by sharing (bounded as well). Rank 2.
 */
#ifndef CONFIG_YAML_TREE_H
#define CONFIG_YAML_TREE_H

#include "base/arena.h"
#include "base/error.h"

struct config_report;

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_pair;

struct yaml_node {
    enum yaml_kind kind;
    bool plain;       /* a scalar without quotes: null, true and numbers are possible */
    const char *text; /* scalar, NUL-terminated, after substitution */
    size_t text_len;
    bool secret;      /* the text came from ${file:} or ${credential:}: never show it */
    bool substituted; /* yaml_tree_substitute() has been here */
    bool unresolved;  /* and failed, which it reported: say no more about this value */
    const char *file;
    unsigned line, column;         /* from 1, in characters */
    unsigned end_line, end_column; /* the first position behind it */
    size_t count;
    struct yaml_node **items; /* LIST */
    struct yaml_pair *pairs;  /* MAP, in order */
};

struct yaml_pair {
    struct yaml_node *key; /* a scalar */
    struct yaml_node *value;
};

enum { YAML_DEPTH_MAX = 32, YAML_SIZE_MAX = 4 << 20, YAML_NODES_MAX = 200000 };

/* Parse a text; problems go to the report with their place. NULL when there is no usable tree. An empty
 * document is an empty map. Nodes live in `a`; `file` is kept as the name for messages (copied). */
struct yaml_node *yaml_tree_parse(const char *file, const char *text, size_t len, struct arena *a,
                                  struct config_report *r);
struct yaml_node *yaml_tree_read(const char *path, struct arena *a, struct config_report *r);

/* NULL when absent or not a map. */
struct yaml_node *yaml_tree_find(const struct yaml_node *map, const char *key);
bool yaml_node_is_null(const struct yaml_node *n); /* absent, empty, ~ or null */
/* A scalar's text for a message; "(hidden)" when it is secret, "" for lists and maps. */
const char *yaml_node_show(const struct yaml_node *n);
/* Keyed hash of the subtree's content (not of places, nor of the order of keys), to see what a reload
 * changed. */
uint64_t yaml_node_fingerprint(const struct yaml_node *n);

/* Replace ${NAME}, ${NAME:-default}, ${file:PATH}, ${credential:NAME} in every scalar value below `root`,
 * once for each node; $$ is a literal dollar. A relative PATH is looked for beside the file that names it.
 * `lookup` (may be NULL) answers names with a dot such as gateway.id, or NULL. Problems go to the report. */
void yaml_tree_substitute(struct yaml_node *root, struct arena *a, struct config_report *r,
                          const char *(*lookup)(void *ctx, const char *name), void *ctx);

#endif
