/* SPDX-License-Identifier: Apache-2.0
 *
 * The codec `zstd`: unpacks Zstandard payloads before another decoder reads them, bounded by size and ratio.
 */
#include <forebay/unpack.h>

#include <zstd.h>
#include <zstd_errors.h>

static const struct fby_option zstd_option_rows[] = {FBY_UNPACK_ROWS};

struct zstd {
    struct fby_unpack out;
    ZSTD_DCtx *context;
};

static void *zstd_create(const struct fby_host *host, struct fby_instance *instance, const void *options,
                         struct fby_error *err)
{
    (void)instance;
    struct zstd *z = calloc(1, sizeof *z);
    if (z && fby_unpack_init(&z->out, host, options, err) && (z->context = ZSTD_createDCtx()))
        return z;
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

/* Where frames say how much is in them, the first of them says where to begin. */
static size_t guess_size(const struct fby_bytes *payload)
{
    enum { LEAST = 16 << 10, USUAL_RATIO = 4 };
    unsigned long long said = ZSTD_getFrameContentSize(payload->data, payload->len);
    size_t guess = payload->len * USUAL_RATIO;
    if (said != ZSTD_CONTENTSIZE_UNKNOWN && said != ZSTD_CONTENTSIZE_ERROR && said > guess)
        guess = said < SIZE_MAX / 2 ? (size_t)said : SIZE_MAX / 2;
    return guess < LEAST ? LEAST : guess;
}

/* In one go into memory that is large enough, so that the window that a frame asks for costs nothing. A
 * payload may be several frames behind each other. */
static bool unpack_all(struct zstd *z, struct fby_decode *d)
{
    const struct fby_bytes *in = &d->payload;
    size_t wanted = guess_size(in);
    for (;;) {
        if (!fby_unpack_reserve(&z->out, d, wanted))
            return false;
        size_t space = fby_unpack_space(&z->out);
        size_t n = ZSTD_decompressDCtx(z->context, z->out.data, space, in->data, in->len);
        if (!ZSTD_isError(n)) {
            z->out.len = n;
            return true;
        }
        ZSTD_ErrorCode code = ZSTD_getErrorCode(n);
        if (code == ZSTD_error_srcSize_wrong)
            return fby_unpack_fail(d, "the zstd data ends too early, or something else follows it");
        if (code != ZSTD_error_dstSize_tooSmall)
            return fby_unpack_fail(d, ZSTD_getErrorName(n));
        if (space > z->out.limit)
            return fby_unpack_fail_limit(&z->out, d);
        wanted = 2 * space;
    }
}

static bool zstd_decode(void *self, struct fby_decode *d)
{
    struct zstd *z = self;
    if (d->payload.len == 0)
        return fby_unpack_fail(d, "the payload is empty");
    fby_unpack_begin(&z->out, d);
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
