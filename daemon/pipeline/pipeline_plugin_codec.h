/* SPDX-License-Identifier: Apache-2.0
 *
 * Decodes and encodes through a codec plugin: lends it the message's arena and the output buffer, and bounds
 * both. Rank 4.
 */
#ifndef PIPELINE_PIPELINE_PLUGIN_CODEC_H
#define PIPELINE_PIPELINE_PLUGIN_CODEC_H

#include "base/arena.h"
#include "base/error.h"
#include "forebay/plugin.h"

struct plugin_host;
struct plugin_instance;
struct codec_settings;

/* `label` names the delivery in log and metrics. */
struct plugin_instance *pipeline_plugin_codec_create(const struct codec_settings *s, const char *label,
                                                     struct plugin_host *plugins, struct error *err);
/* Decode `payload` of `m` into `out`, made in `a`; borrows from `payload`. */
MUST_CHECK enum status pipeline_plugin_codec_decode(struct plugin_instance *in, const struct fby_message *m,
                                                    struct bytes payload, struct arena *a,
                                                    struct fby_value *out, struct error *err);
/* Append the encoded value to `out`. */
MUST_CHECK enum status pipeline_plugin_codec_encode(struct plugin_instance *in, const struct fby_message *m,
                                                    const struct fby_value *v, struct buffer *out,
                                                    struct error *err);

#endif
