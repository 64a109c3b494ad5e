/* SPDX-License-Identifier: Apache-2.0
 *
 * The codec `gzip`: unpacks gzip and zlib payloads before another decoder reads them, bounded by size and
 * ratio.
 */
#include <forebay/unpack.h>

#include <zlib.h>

static const struct fby_option gzip_option_rows[] = {FBY_UNPACK_ROWS};

struct gzip {
    struct fby_unpack out;
    z_stream stream;
};

static void *gzip_create(const struct fby_host *host, struct fby_instance *instance, const void *options,
                         struct fby_error *err)
{
    enum { EITHER_HEADER = 15 + 32 }; /* the largest window; gzip or zlib, as the payload says */
    (void)instance;
    struct gzip *g = calloc(1, sizeof *g);
    if (g && fby_unpack_init(&g->out, host, options, err) && inflateInit2(&g->stream, EITHER_HEADER) == Z_OK)
        return g;
    free(g);
    return NULL;
}

static void gzip_destroy(void *self)
{
    struct gzip *g = self;
    inflateEnd(&g->stream);
    fby_unpack_finish(&g->out);
    free(g);
}

/* A payload may be several gzip members behind each other. */
static bool inflate_all(struct gzip *g, struct fby_decode *d)
{
    for (;;) {
        if (!fby_unpack_room(&g->out, d))
            return false;
        size_t space = fby_unpack_space(&g->out);
        g->stream.next_out = g->out.data + g->out.len;
        g->stream.avail_out = (uInt)space;
        int result = inflate(&g->stream, Z_NO_FLUSH);
        g->out.len += space - g->stream.avail_out;
        if (result == Z_STREAM_END && g->stream.avail_in == 0)
            return true;
        if (result == Z_STREAM_END)
            result = inflateReset(&g->stream);
        else if (result == Z_BUF_ERROR || (result == Z_OK && g->stream.avail_in == 0 && g->stream.avail_out))
            return fby_unpack_fail(d, "the gzip data ends too early");
        if (result == Z_DATA_ERROR || result == Z_NEED_DICT)
            return fby_unpack_fail(d, g->stream.msg ? g->stream.msg : "it is not gzip data");
        if (result != Z_OK)
            return fby_unpack_fail(d, "there is no memory to unpack it");
    }
}

static bool gzip_decode(void *self, struct fby_decode *d)
{
    struct gzip *g = self;
    fby_unpack_begin(&g->out, d);
    if (d->payload.len > UINT32_MAX || inflateReset(&g->stream) != Z_OK)
        return fby_unpack_fail(d, "it is too large");
    g->stream.msg = NULL;
    g->stream.next_in = (z_const Bytef *)(uintptr_t)d->payload.data;
    g->stream.avail_in = (uInt)d->payload.len;
    return inflate_all(g, d) && fby_unpack_end(&g->out, d);
}

static const struct fby_codec_ops gzip_ops = {
    .flags = FBY_CODEC_UNPACKS,
    .create = gzip_create,
    .destroy = gzip_destroy,
    .decode = gzip_decode,
};

FBY_PLUGIN = {
    FBY_PLUGIN_ABI,
    .name = "gzip",
    .version = FBY_VERSION,
    .summary = "Unpacks gzip and zlib payloads before another decoder reads them.",
    .kind = FBY_KIND_CODEC,
    .options = gzip_option_rows,
    .options_size = sizeof(struct fby_unpack_options),
    .codec = &gzip_ops,
};
