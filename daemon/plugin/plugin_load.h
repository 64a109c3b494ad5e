/* SPDX-License-Identifier: Apache-2.0
 *
 * From a file to a checked plugin description: who may write to the file, is it a shared object for this
 * machine, does it keep the contract. Every refusal says what, where and what to do.
 */
#ifndef PLUGIN_PLUGIN_LOAD_H
#define PLUGIN_PLUGIN_LOAD_H

#include "base/error.h"
#include "forebay/plugin.h"

#include <sys/stat.h>

/* Which bytes a file held, to see that it changed. */
struct plugin_identity {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified;
};

struct plugin_file {
    void *handle;
    int copy_fd; /* of the private copy when the path had been loaded before; else -1 */
    struct plugin_identity identity;
    struct fby_plugin description;
};

MUST_CHECK enum status plugin_load_identify(const char *path, struct plugin_identity *id, struct error *err);
bool plugin_load_is_same(const struct plugin_identity *a, const struct plugin_identity *b);

/* Load `path` and check that it is the plugin `name`. `beside`: an older content of the same path is loaded
 * already; the dynamic linker would answer with that one, so a private copy is loaded instead. */
MUST_CHECK enum status plugin_load_open(const char *path, const char *name, bool beside,
                                        struct plugin_file *file, struct error *err);
/* Only when no instance was ever made: threads that a plugin or its libraries left behind may still run its
 * code. */
void plugin_load_close(struct plugin_file *file);

#endif
