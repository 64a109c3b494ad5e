/* SPDX-License-Identifier: Apache-2.0
 *
 * The codec `cbor`: CBOR payloads to value trees and back. cbor_reader reads, cbor_writer writes; this file
 * is the plugin around them.
 */
#include "cbor_reader.h"
#include "cbor_writer.h"

struct cbor_options {
    struct fby_tree_limits limits;
};

static const struct fby_option cbor_option_rows[] = {
    FBY_TREE_LIMIT_ROWS(struct cbor_options, limits),
    {.name = NULL},
};

struct cbor {
    const struct fby_host *host;
    const struct cbor_options *options;
    struct fby_tree tree;
};

static void *cbor_create(const struct fby_host *host, struct fby_instance *instance, const void *options,
                         struct fby_error *err)
{
    (void)instance;
    struct cbor *c = fby_tree_is_served(host, err) ? calloc(1, sizeof *c) : NULL;
    if (!c)
        return NULL;
    c->host = host;
    c->options = options;
    return c;
}

static void cbor_destroy(void *self)
{
    struct cbor *c = self;
    fby_tree_finish(&c->tree);
    free(c);
}

static bool cbor_decode(void *self, struct fby_decode *d)
{
    struct cbor *c = self;
    bool right = fby_tree_begin(&c->tree, c->host, d, &c->options->limits) && cbor_reader_run(&c->tree);
    fby_tree_end(&c->tree);
    return right;
}

static bool cbor_encode(void *self, struct fby_encode *e)
{
    struct cbor *c = self;
    return cbor_writer_run(c->host, e);
}

static const struct fby_codec_ops cbor_ops = {
    .content_type = "application/cbor",
    .create = cbor_create,
    .destroy = cbor_destroy,
    .decode = cbor_decode,
    .encode = cbor_encode,
};

FBY_PLUGIN = {
    FBY_PLUGIN_ABI,
    .name = "cbor",
    .version = FBY_VERSION,
    .summary = "Reads and writes CBOR payloads.",
    .kind = FBY_KIND_CODEC,
    .options = cbor_option_rows,
    .options_size = sizeof(struct cbor_options),
    .codec = &cbor_ops,
};
