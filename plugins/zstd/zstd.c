/* SPDX-License-Identifier: Apache-2.0
 *
 * The codec `zstd`: unpacks Zstandard payloads before another decoder reads them, bounded by size and ratio.
 */
#include <forebay/unpack.h>

#include <zstd.h>

static const struct fby_option zstd_option_rows[] = {FBY_UNPACK_ROWS};

struct zstd {
    struct fby_unpack out;
    ZSTD_DCtx *context;
};

static void *zstd_create(const struct fby_host *host, struct fby_instance *instance, const void *options,
                         struct fby_error *err)
{
    enum { WINDOW_LOG_MAX = 23 }; /* 8 MiB: a frame may ask for a window of 2 GiB */
    (void)instance;
    struct zstd *z = calloc(1, sizeof *z);
    if (z && fby_unpack_init(&z->out, host, options, err) && (z->context = ZSTD_createDCtx()) &&
        !ZSTD_isError(ZSTD_DCtx_setParameter(z->context, ZSTD_d_windowLogMax, WINDOW_LOG_MAX)))
        return z;
    if (z)
        ZSTD_freeDCtx(z->context);
    free(z);
    return NULL;
}

static void zstd_destroy(void *self)
{
    struct zstd *z = self;
    ZSTD_freeDCtx(z->context);
    fby_unpack_finish(&z->out);
    free(z);
}

static bool refuse(struct fby_decode *d, const char *reason)
{
    snprintf(d->error.text, sizeof d->error.text, "%s", reason);
    return false;
}

/* A payload may be several frames behind each other. */
static bool unpack_all(struct zstd *z, struct fby_decode *d)
{
    ZSTD_inBuffer in = {d->payload.data, d->payload.len, 0};
    size_t left = 1;
    while (in.pos < in.size || left) {
        if (!fby_unpack_room(&z->out, d))
            return false;
        ZSTD_outBuffer out = {z->out.data + z->out.len, fby_unpack_space(&z->out), 0};
        size_t before = in.pos;
        left = ZSTD_decompressStream(z->context, &out, &in);
        if (ZSTD_isError(left))
            return refuse(d, ZSTD_getErrorName(left));
        z->out.len += out.pos;
        if (left && in.pos == before && out.pos == 0)
            return refuse(d, "the zstd data ends too early");
    }
    return true;
}

static bool zstd_decode(void *self, struct fby_decode *d)
{
    struct zstd *z = self;
    fby_unpack_begin(&z->out, d);
    (void)ZSTD_DCtx_reset(z->context, ZSTD_reset_session_only);
    return unpack_all(z, d) && fby_unpack_end(&z->out, d);
}

static const struct fby_codec_ops zstd_ops = {
    .flags = FBY_CODEC_UNPACKS,
    .create = zstd_create,
    .destroy = zstd_destroy,
    .decode = zstd_decode,
};

FBY_PLUGIN = {
    FBY_PLUGIN_ABI,
    .name = "zstd",
    .version = FBY_VERSION,
    .summary = "Unpacks Zstandard payloads before another decoder reads them.",
    .kind = FBY_KIND_CODEC,
    .options = zstd_option_rows,
    .options_size = sizeof(struct fby_unpack_options),
    .codec = &zstd_ops,
};
