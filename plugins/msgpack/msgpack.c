/* SPDX-License-Identifier: Apache-2.0
 *
 * The codec `msgpack`: MessagePack payloads to value trees and back. msgpack_reader reads, msgpack_writer
 * writes; this file is the plugin around them.
 */
#include "msgpack_reader.h"
#include "msgpack_writer.h"

struct msgpack_options {
    struct fby_tree_limits limits;
};

static const struct fby_option msgpack_option_rows[] = {
    FBY_TREE_LIMIT_ROWS(struct msgpack_options, limits),
    {.name = NULL},
};

struct msgpack {
    const struct fby_host *host;
    const struct msgpack_options *options;
    struct fby_tree tree;
};

static void *msgpack_create(const struct fby_host *host, struct fby_instance *instance, const void *options,
                            struct fby_error *err)
{
    (void)instance;
    struct msgpack *c = fby_tree_is_served(host, err) ? calloc(1, sizeof *c) : NULL;
    if (!c)
        return NULL;
    c->host = host;
    c->options = options;
    return c;
}

static void msgpack_destroy(void *self)
{
    struct msgpack *c = self;
    fby_tree_finish(&c->tree);
    free(c);
}

static bool msgpack_decode(void *self, struct fby_decode *d)
{
    struct msgpack *c = self;
    bool right = fby_tree_begin(&c->tree, c->host, d, &c->options->limits) && msgpack_reader_run(&c->tree);
    fby_tree_end(&c->tree);
    return right;
}

static bool msgpack_encode(void *self, struct fby_encode *e)
{
    struct msgpack *c = self;
    return msgpack_writer_run(c->host, e);
}

static const struct fby_codec_ops msgpack_ops = {
    .content_type = "application/msgpack",
    .create = msgpack_create,
    .destroy = msgpack_destroy,
    .decode = msgpack_decode,
    .encode = msgpack_encode,
};

FBY_PLUGIN = {
    FBY_PLUGIN_ABI,
    .name = "msgpack",
    .version = FBY_VERSION,
    .summary = "Reads and writes MessagePack payloads.",
    .kind = FBY_KIND_CODEC,
    .options = msgpack_option_rows,
    .options_size = sizeof(struct msgpack_options),
    .codec = &msgpack_ops,
};
