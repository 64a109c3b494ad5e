/* SPDX-License-Identifier: Apache-2.0
 *
 * The two ends of a pipeline: payload to value tree or straight to JSON text, and value tree to payload.
 */
#ifndef PIPELINE_PIPELINE_CODEC_H
#define PIPELINE_PIPELINE_CODEC_H

#include "pipeline/pipeline_decoder.h"
#include "pipeline/pipeline_encoder.h"

/* What one delivery decodes and encodes with. */
struct pipeline_codec {
    const struct pipeline_settings *settings;
    struct pipeline_decoder decoder;
    struct pipeline_encoder encoder;
    const struct encode_settings *last_encode; /* of the stages; NULL: none encodes */
};

/* Make the codec plugins' instances; on failure nothing is left of it. */
bool pipeline_codec_init(struct pipeline_codec *c, const struct pipeline_settings *s, const char *label,
                         struct plugin_host *plugins, struct error *err);
void pipeline_codec_finish(struct pipeline_codec *c);

/* Decode the payload of `m` into `out`, made in `a`. */
MUST_CHECK enum status pipeline_codec_decode(const struct pipeline_codec *c, const struct fby_message *m,
                                             struct arena *a, struct fby_value *out, struct error *err);
/* Encode `v` into `out` (cleared first); `scratch` is as before afterwards. */
MUST_CHECK enum status pipeline_codec_encode(const struct pipeline_codec *c, const struct fby_message *m,
                                             const struct fby_value *v, struct arena *scratch,
                                             struct buffer *out, struct error *err);
/* Both in one step, for a pipeline without stages; `scratch` is as before afterwards. On failure `where` is
 * "decode" or "encode". */
MUST_CHECK enum status pipeline_codec_convert(const struct pipeline_codec *c, const struct fby_message *m,
                                              struct arena *scratch, struct buffer *out, const char **where,
                                              struct error *err);
/* True when the payload goes out as it came in, without any of the above. */
bool pipeline_codec_is_raw(const struct pipeline_codec *c, const struct fby_message *m);
struct bytes pipeline_codec_content_type(const struct pipeline_codec *c, const struct fby_message *m);

#endif
