/* SPDX-License-Identifier: Apache-2.0
 *
 * Turns the records of one delivery into outputs: decode, the stages, encode. Stages may answer later; what
 * is passed on keeps its order. Knows neither journal nor upstream: outputs and answers go to the owner.
 * Rank 4.
 */
#ifndef PIPELINE_PIPELINE_H
#define PIPELINE_PIPELINE_H

#include "base/arena.h"
#include "base/error.h"
#include "forebay/plugin.h"
#include "pipeline/pipeline_settings.h"

struct pipeline;
struct pipeline_item;
struct plugin_host;

/* One input, in the owner's memory until its last reference is dropped. */
struct pipeline_record {
    struct fby_message message; /* the view that stages see */
    struct arena *arena;        /* where everything made from it goes */
    unsigned references;        /* items in the chain and outputs not confirmed; begun by pipeline_run() */
};

enum pipeline_answer {
    PIPELINE_PASSED,     /* its item became an output */
    PIPELINE_FILTERED,   /* a stage dropped it */
    PIPELINE_AGGREGATED, /* it went into a new message */
    PIPELINE_FAILED,     /* to the dead letters */
};

/* Something to send. Made in the arena of its last record; given back with pipeline_output_finish(). */
struct pipeline_output {
    struct pipeline_record **records; /* what it was made from; each holds a reference for it */
    size_t record_count;
    unsigned part; /* 0, 1, … among the outputs of the same last record */
    struct bytes payload;
    struct bytes content_type;
};

struct pipeline_events {
    /* An output, in order. The owner keeps `o` until pipeline_output_finish(). */
    void (*on_output)(void *ctx, struct pipeline_output *o);
    /* The record's own item has left the chain. `stage` and `reason` are for FILTERED and FAILED: the stage's
     * name or "decode" or "encode". */
    void (*on_answer)(void *ctx, struct pipeline_record *r, enum pipeline_answer answer, const char *stage,
                      const char *reason);
    /* The last reference was dropped: every output is confirmed and the answer was given. */
    void (*on_done)(void *ctx, struct pipeline_record *r);
};

/* `s` must outlive it; `label` ("telemetry/lake") names its stages in log and metrics. */
struct pipeline *pipeline_create(const struct pipeline_settings *s, const char *label,
                                 struct plugin_host *plugins, const struct pipeline_events *events, void *ctx,
                                 struct error *err);
/* Items still in the chain vanish without an answer. */
void pipeline_destroy(struct pipeline *p);

/* Process records in order; callbacks may come at once or later. */
void pipeline_run(struct pipeline *p, struct pipeline_record *const *records, size_t count);
/* Take another reference on each of its records (a dead letter on its way, say) or drop one. */
void pipeline_record_ref(struct pipeline_record *r);
void pipeline_record_unref(struct pipeline *p, struct pipeline_record *r);
/* The output is confirmed or given up: drops the references on its records. */
void pipeline_output_finish(struct pipeline *p, struct pipeline_output *o);

/* Items that stages hold or answer later. */
size_t pipeline_held_count(const struct pipeline *p);

#endif
