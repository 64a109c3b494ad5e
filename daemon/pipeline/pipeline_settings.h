/* SPDX-License-Identifier: Apache-2.0
 *
 * How one delivery turns a record into outputs: decode, stages, encode; resolved, ready to run. Read from the
 * sections `decode`, `process` and a target's `encode` by gateway_config. Rank 4.
 */
#ifndef PIPELINE_PIPELINE_SETTINGS_H
#define PIPELINE_PIPELINE_SETTINGS_H

#include "base/bytes.h"
#include "forebay/plugin.h"
#include "schema/schema.h"
#include "schema/schema_encode.h"
#include "schema/schema_unwrap.h"
#include "sparkplug/sparkplug_draft.h"

struct plugin;
struct topic_filter;

enum decode_kind {
    DECODE_NONE, /* the payload stays bytes; stages see FBY_BYTES */
    DECODE_PROTOBUF,
    DECODE_JSON,
    DECODE_TEXT, /* UTF-8 text; stages see FBY_STRING */
    DECODE_PLUGIN,
    DECODE_CHOICE, /* each message says which of several ways it wants */
    DECODE_STAGE,  /* the first stage makes values of the bytes */
};

/* `messages` of decode: which type for which topic; first match. */
struct decode_rule {
    const struct topic_filter *filter; /* NULL: every topic */
    const struct schema_type *type;
    const struct schema_unwrap *unwrap; /* go on with the message that it carries; NULL: with itself */
};

/* A codec plugin and the options of this use. */
struct codec_settings {
    const char *name;      /* as in YAML */
    struct plugin *plugin; /* NULL: none */
    const void *options;
};

/* As written. */
struct decode_json_settings {
    int big_integers;                /* 0: keep, 1: double, 2: fail */
    int duplicate_keys;              /* 0: last, 1: fail */
    int64_t max_payload;             /* bytes; 0: no limit of its own */
    int64_t max_depth, max_elements; /* 0: the default of value_parse_json() */
};

/* What of a message decides how it is decoded. */
enum decode_by { DECODE_BY_TOPIC, DECODE_BY_CONTENT_TYPE, DECODE_BY_PROPERTY, DECODE_BY_CAPTURE };

enum { DECODE_CONTENT_TYPE_MAX = 255 }; /* bytes; longer ones fit no case */

struct decode_settings;

struct decode_case {
    const char *text;                  /* what the message says; content types in lower case */
    const struct topic_filter *filter; /* DECODE_BY_TOPIC */
    const struct decode_settings *decode;
};

/* `by`, `when` and `otherwise` of decode. */
struct decode_choice {
    int by;                         /* enum decode_by */
    const char *name;               /* of the user property or capture */
    const struct decode_case *when; /* topics: the first that matches; texts: no two are equal */
    size_t when_count;
    const struct decode_settings *otherwise; /* NULL: what fits none goes to the dead letters */
};

struct decode_settings {
    int kind;                     /* enum decode_kind */
    struct codec_settings unpack; /* `decompress`: before anything else is read */
    struct codec_settings codec;  /* DECODE_PLUGIN */
    const struct decode_rule *rules;
    size_t rule_count;
    struct schema_options schema;
    struct decode_json_settings json;
    struct decode_choice choice; /* DECODE_CHOICE */
};

enum encode_kind {
    ENCODE_AUTO, /* what a stage has encoded as it is; else JSON when decoded, or as received */
    ENCODE_JSON,
    ENCODE_RAW, /* the payload as received */
    ENCODE_PROTOBUF,
    ENCODE_PLUGIN,
    ENCODE_SPARKPLUG, /* a draft, for an upstream that is an edge node */
};

struct encode_settings {
    int kind;                       /* enum encode_kind */
    const struct schema_type *type; /* ENCODE_PROTOBUF */
    struct schema_encode_options schema;
    struct codec_settings codec; /* ENCODE_PLUGIN */
    struct sparkplug_draft_settings sparkplug;
};

struct stage_settings {
    const char *name; /* as in YAML */
    struct plugin *plugin;
    const void *options;
    const struct encode_settings *encode; /* the stage `encode`, which has no plugin; else NULL */
    size_t holds_max;                     /* items that it may hold at one time; SIZE_MAX: no bound */
};

struct pipeline_settings {
    struct decode_settings decode;
    const struct stage_settings *stages;
    size_t stage_count;
    struct encode_settings encode;
};

/* Does every message become a value? Not when some stay bytes. */
bool pipeline_settings_decodes(const struct decode_settings *d);
/* The last stage `encode`; NULL: there is none. */
const struct encode_settings *pipeline_settings_last_encode(const struct pipeline_settings *s);
/* A content type as it is compared: lower case, without spaces around it. Writes at most
 * DECODE_CONTENT_TYPE_MAX bytes to `out`; the length, or 0: empty or too long. */
size_t pipeline_settings_fold_content_type(struct bytes text, char *out);

/* Into struct schema_options; message, messages and unwrap are read by the document. */
extern const struct fby_option pipeline_settings_protobuf_options[];
/* Into struct schema_unwrap_settings; type and types are read by the document. */
extern const struct fby_option pipeline_settings_unwrap_options[];
/* Into struct decode_json_settings. */
extern const struct fby_option pipeline_settings_json_options[];
/* Into struct encode_protobuf_settings; message is read by the document. */
extern const struct fby_option pipeline_settings_encode_protobuf_options[];

/* As written; becomes struct schema_encode_options. */
struct encode_protobuf_settings {
    int framing;        /* enum schema_framing */
    int unknown_fields; /* 0: fail, 1: drop, 2: keep */
    int bytes_as;       /* enum schema_bytes */
    int64_t max_depth, max_output;
};

struct schema_encode_options pipeline_settings_encode_options(const struct encode_protobuf_settings *written);

#endif
