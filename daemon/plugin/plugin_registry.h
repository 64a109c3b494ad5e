/* SPDX-License-Identifier: Apache-2.0
 *
 * The structs that plugin_host.c and plugin_instance.c share; nobody else includes this.
 */
#ifndef PLUGIN_PLUGIN_REGISTRY_H
#define PLUGIN_PLUGIN_REGISTRY_H

#include "base/list.h"
#include "base/strmap.h"
#include "plugin/plugin_host.h"
#include "plugin/plugin_load.h"

struct loop;
struct metrics;

struct plugin_host {
    struct list plugins; /* plugin.link */
    char *directory_text;
    char **directories; /* point into directory_text */
    size_t directory_count;
    struct strmap names; /* what plugin_host_list_names() answered last */
    size_t instance_count;
    struct plugin_state_store *states; /* NULL: none are kept */
    plugin_publish_fn publish;         /* NULL: nobody */
    void *publish_ctx;
    struct loop *loop;       /* borrowed; NULL when only checking */
    struct metrics *metrics; /* borrowed; NULL when only checking */
};

struct plugin {
    struct plugin_host *host;
    struct list link; /* plugin_host.plugins */
    char *name;
    char *path; /* NULL: compiled in */
    struct plugin_file file;
    unsigned refs;
    bool used; /* an instance was made once */
};

#endif
