/* SPDX-License-Identifier: Apache-2.0
 *
 * Payload to value tree: one way to decode with the plugin instances that it needs, or a choice among others
 * by what each message says of itself. Looking one up takes no memory.
 */
#ifndef PIPELINE_PIPELINE_DECODER_H
#define PIPELINE_PIPELINE_DECODER_H

#include "base/arena.h"
#include "base/error.h"
#include "base/strmap.h"
#include "pipeline/pipeline_settings.h"

struct plugin_host;
struct plugin_instance;

struct pipeline_decoder {
    const struct decode_settings *settings;
    struct plugin_instance *unpack, *codec; /* owned; NULL: not by a plugin */
    struct pipeline_decoder *others;        /* owned; DECODE_CHOICE: one for each case, then `otherwise` */
    size_t other_count;
    struct strmap by_text; /* what a message says -> one of `others`; not for topics */
};

/* Make the instances; on failure nothing is left of it. `label` names the delivery in log and metrics. */
bool pipeline_decoder_init(struct pipeline_decoder *d, const struct decode_settings *s, const char *label,
                           struct plugin_host *plugins, struct error *err);
void pipeline_decoder_finish(struct pipeline_decoder *d);

/* The one way in which this message is decoded: `d` itself when there is no choice. NULL: none fits. */
const struct pipeline_decoder *pipeline_decoder_find(const struct pipeline_decoder *d,
                                                     const struct fby_message *m);
/* Is the payload left as it came, not even unpacked? */
bool pipeline_decoder_is_none(const struct pipeline_decoder *d, const struct fby_message *m);

/* Decode the payload of `m` into `out`, made in `a`. */
MUST_CHECK enum status pipeline_decoder_run(const struct pipeline_decoder *d, const struct fby_message *m,
                                            struct arena *a, struct fby_value *out, struct error *err);
/* Straight to JSON text, when that is shorter; else `taken` is false and `value` is what came out. */
MUST_CHECK enum status pipeline_decoder_to_json(const struct pipeline_decoder *d, const struct fby_message *m,
                                                struct arena *a, struct buffer *out, bool *taken,
                                                struct fby_value *value, struct error *err);

#endif
