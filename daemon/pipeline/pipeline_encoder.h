/* SPDX-License-Identifier: Apache-2.0
 *
 * Value tree to payload: one way to encode with the plugin instance that it needs. The formats themselves
 * live in schema/, message/value and in codec plugins.
 */
#ifndef PIPELINE_PIPELINE_ENCODER_H
#define PIPELINE_PIPELINE_ENCODER_H

#include "base/arena.h"
#include "base/error.h"
#include "pipeline/pipeline_settings.h"

struct plugin_host;
struct plugin_instance;

struct pipeline_encoder {
    const struct encode_settings *settings;
    struct plugin_instance *codec; /* owned; NULL: not by a plugin */
};

/* Make the instance; on failure nothing is left of it. `label` names the delivery in log and metrics. */
bool pipeline_encoder_init(struct pipeline_encoder *e, const struct encode_settings *s, const char *label,
                           struct plugin_host *plugins, struct error *err);
void pipeline_encoder_finish(struct pipeline_encoder *e);

/* Append `v`, which came from `m`, in the form `kind` (enum encode_kind; ENCODE_AUTO: text and bytes as they
 * are, nothing else); `scratch` is as before afterwards. */
MUST_CHECK enum status pipeline_encoder_run(const struct pipeline_encoder *e, int kind,
                                            const struct fby_message *m, const struct fby_value *v,
                                            struct arena *scratch, struct buffer *out, struct error *err);
/* Of what is made of `m` by `kind`, with the plugin of `s` where it takes one. */
struct bytes pipeline_encoder_content_type(const struct encode_settings *s, int kind,
                                           const struct fby_message *m);

#endif
