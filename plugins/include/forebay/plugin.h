/* SPDX-License-Identifier: Apache-2.0
 *
 * The Forebay plugin contract: plain C types, nothing else of the daemon. A plugin is a shared object that
 * exports one constant, `const struct fby_plugin forebay_plugin`, and links no symbol of the daemon: the host
 * arrives as a table of functions. plugins/example/ is the one to copy.
 *
 * Threads: every function of a plugin is called on the daemon's event loop thread and must return quickly
 * (well below 10 ms). Work that may block belongs to a thread of the plugin's own, which comes back through
 * fby_host.notifier_signal, the only host function that may be called from another thread. The process
 * ignores SIGPIPE, and code of which an instance was made stays mapped, so a thread may end after destroy().
 *
 * Ledger of the ABI (an addition at the end of a struct raises MINOR, any other change MAJOR):
 *   1.0  stages, upstreams, options, values
 *   1.1  codecs: FBY_KIND_CODEC, fby_host.decode_alloc, fby_host.encode_write
 *   1.2  fby_host.publish, fby_host.state_load, fby_host.state_save, FBY_FLAG_DIGITS,
 *        fby_stage_ops.holds
 */
#ifndef FOREBAY_PLUGIN_H
#define FOREBAY_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FBY_ABI_MAJOR 1
#define FBY_ABI_MINOR 2

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Bytes and values -------------------------------------------------------------------------------------
 */

/* A borrowed run of bytes; not NUL-terminated unless the field says so. */
struct fby_bytes {
    const char *data;
    size_t len;
};

enum fby_type {
    FBY_NULL,
    FBY_BOOL,
    FBY_INT,    /* int64_t */
    FBY_UINT,   /* uint64_t */
    FBY_DOUBLE, /* double; with FBY_FLAG_FLOAT32 it came from a 32-bit float and is printed as one */
    FBY_STRING, /* UTF-8, may contain NUL, not NUL-terminated */
    FBY_BYTES,
    FBY_TIME, /* seconds since 1970-01-01T00:00:00Z in `time_s`, nanoseconds (0 to 999,999,999) in `len` */
    FBY_LIST,
    FBY_MAP, /* fields in the order of the format; names are unique */
};

enum {
    FBY_FLAG_FLOAT32 = 1, /* FBY_DOUBLE: shortest digits of a float, not of a double */
    FBY_FLAG_TEXT64 =
        2, /* FBY_INT, FBY_UINT: JSON shows it as a string, as proto3 JSON wants 64-bit integers */
    FBY_FLAG_DIGITS =
        4, /* since 1.2; FBY_STRING: a whole number beyond 64 bits; JSON shows it without quotes */
};

/* One node of a decoded payload. 16 bytes; everything it points to lives as long as the message does. */
struct fby_value {
    uint8_t type; /* enum fby_type */
    uint8_t flags;
    uint16_t reserved; /* 0 */
    uint32_t len;      /* STRING, BYTES: bytes. LIST, MAP: entries. TIME: nanoseconds */
    union {
        bool boolean;
        int64_t integer;
        uint64_t uinteger;
        double number;
        int64_t time_s;
        const char *bytes;
        struct fby_value *items;  /* LIST */
        struct fby_field *fields; /* MAP */
    };
};

/* One entry of a map. The name is NUL-terminated for convenience; `name.len` does not count the NUL. */
struct fby_field {
    struct fby_bytes name;
    struct fby_value value;
};

/* ---- Messages ---------------------------------------------------------------------------------------------
 */

/* A name with a text: MQTT user properties, topic captures. */
struct fby_pair {
    struct fby_bytes name;
    struct fby_bytes text;
};

/* A message as the source received it, plus what was found in its topic. Immutable, borrowed for the call. */
struct fby_message {
    uint64_t
        sequence; /* journal sequence number, ascending along a route; the stable id is gateway id/sequence */
    int64_t time_us;         /* arrival, microseconds since 1970; 0: the clock was not valid */
    struct fby_bytes source; /* name of the broker it came from */
    struct fby_bytes topic;
    struct fby_bytes payload; /* as received */
    struct fby_bytes content_type;
    struct fby_bytes response_topic;
    struct fby_bytes correlation_data;
    const struct fby_pair *properties; /* MQTT v5 user properties, in order */
    size_t property_count;
    const struct fby_pair *captures; /* {name} levels of the route's topic filter */
    size_t capture_count;
};

/* ---- Options ----------------------------------------------------------------------------------------------
 */

enum fby_option_type {
    FBY_OPTION_BOOL,       /* bool */
    FBY_OPTION_INT,        /* int64_t, within min..max */
    FBY_OPTION_DOUBLE,     /* double, within min..max */
    FBY_OPTION_STRING,     /* const char *, NULL when absent and without default */
    FBY_OPTION_SIZE,       /* int64_t bytes; written as 512, 64 KiB, 10 MB, 1 GiB */
    FBY_OPTION_DURATION,   /* int64_t milliseconds; written as 200ms, 5s, 10m, 2h, 7d */
    FBY_OPTION_CHOICE,     /* int, index into `choices` */
    FBY_OPTION_STRINGS,    /* struct fby_strings; a single scalar is a list of one */
    FBY_OPTION_STRING_MAP, /* struct fby_string_map */
    FBY_OPTION_VALUE,      /* const struct fby_value *, any YAML; NULL when absent */
    FBY_OPTION_SECTION,    /* nested struct at `offset`, described by `section` */
};

struct fby_strings {
    const char *const *items;
    size_t count;
};

struct fby_string_map {
    const char *const *names;
    const char *const *texts;
    size_t count;
};

enum {
    FBY_OPTION_REQUIRED = 1, /* the operator must give it */
    FBY_OPTION_SECRET = 2,   /* never shown in messages or status */
};

/* One row of an option table; a table ends with a row whose name is NULL. From it come the validation with
 * file:line:column, the configuration schema and the manual. */
struct fby_option {
    const char *name;
    enum fby_option_type type;
    unsigned flags;
    size_t offset;                    /* of the member in the options struct */
    const char *default_text;         /* as an operator would write it; NULL: zero */
    double min, max;                  /* numbers, sizes (bytes), durations (ms); both 0: no limit */
    const char *const *choices;       /* CHOICE: NULL-terminated */
    const struct fby_option *section; /* SECTION */
    const char *help;                 /* one sentence for the manual */
};

/* ---- The host ---------------------------------------------------------------------------------------------
 */

/* Where a plugin says why it refuses; `text` is complete without the place, which the host adds. */
struct fby_error {
    char text[512];
};

enum fby_log_level { FBY_LOG_ERROR, FBY_LOG_WARNING, FBY_LOG_INFO, FBY_LOG_DEBUG };

struct fby_instance; /* one use of a plugin in the configuration; handle for the host functions */
struct fby_timer;
struct fby_io;
struct fby_notifier;
struct fby_item;
struct fby_decode;
struct fby_encode;

typedef void (*fby_callback_fn)(void *ctx);
typedef void (*fby_saved_fn)(void *ctx, bool saved);
typedef void (*fby_io_fn)(void *ctx, int fd, unsigned events);

enum { FBY_IO_READ = 1, FBY_IO_WRITE = 2 };

enum fby_outcome {
    FBY_DELIVERED, /* the upstream has accepted it for good */
    FBY_RETRY,     /* not now; the host sends it again after its backoff, in order */
    FBY_REJECTED,  /* never; it goes to the dead letters with the reason */
};

/* One message for fby_host.publish, borrowed for the call. */
struct fby_publish {
    struct fby_bytes broker; /* its name in the configuration, as in fby_message.source */
    struct fby_bytes topic;
    struct fby_bytes payload;
    struct fby_bytes content_type; /* may be empty */
    uint8_t qos;                   /* 0 or 1 */
    bool retain;
};

enum { FBY_STATE_MAX = 8 << 20 /* bytes that one instance may keep */ };

/* What the daemon offers. `size` is sizeof this struct in the daemon: a plugin built against a newer header
 * checks it before using a newer member. All pointers returned belong to the plugin until it destroys them.
 */
struct fby_host {
    size_t size;

    void (*log)(struct fby_instance *in, enum fby_log_level level, const char *format, ...)
#ifdef __GNUC__
        __attribute__((format(printf, 3, 4)))
#endif
        ;
    /* Add to a counter of this instance; shown as forebay_plugin_<name>_total{plugin=…,instance=…}. `name`
     * is [a-z_]+ and must be a string that outlives the instance. */
    void (*count)(struct fby_instance *in, const char *name, uint64_t n);

    int64_t (*monotonic_us)(struct fby_instance *in);
    int64_t (*realtime_us)(struct fby_instance *in);

    struct fby_timer *(*timer_create)(struct fby_instance *in, fby_callback_fn fn, void *ctx);
    void (*timer_start)(struct fby_timer *t, int64_t delay_ms); /* once; a running timer is set anew */
    void (*timer_stop)(struct fby_timer *t);
    void (*timer_destroy)(struct fby_timer *t);

    struct fby_io *(*io_create)(struct fby_instance *in, int fd, fby_io_fn fn, void *ctx);
    void (*io_set)(struct fby_io *io, unsigned events); /* FBY_IO_* wanted; 0: none */
    void (*io_destroy)(struct fby_io *io);              /* before the descriptor is closed */

    /* NULL: no memory or no descriptor is left. */
    struct fby_notifier *(*notifier_create)(struct fby_instance *in, fby_callback_fn fn, void *ctx);
    void (*notifier_signal)(struct fby_notifier *n); /* from any thread; calls are merged */
    void (*notifier_destroy)(struct fby_notifier *n);

    /* Stages. Memory that lives as long as the item's message; NULL when the message's limit is reached. */
    void *(*item_alloc)(struct fby_item *item, size_t size);
    /* Answer an item that was answered FBY_LATER or FBY_HOLD in process(). Not during process() for the same
     * item. */
    void (*item_answer)(struct fby_instance *in, struct fby_item *item, int verdict, const char *reason);
    /* Put a new message into the chain behind this stage. `value` is copied. `consumed` are held items that
     * it stands for: they are answered by this call (counted as aggregated), and the route's cursor moves
     * past them only when the new message is confirmed. The message takes topic, time and captures from the
     * last of them; with count 0, from `like`; it stands in the order before what is left of that one. */
    bool (*emit)(struct fby_instance *in, const struct fby_value *value, struct fby_item *const *consumed,
                 size_t count, const struct fby_item *like);

    /* Upstreams. Report one output that send() took. `reason` (may be NULL for FBY_DELIVERED) is for the
     * operator, in one line. `retry_after_ms`: for FBY_RETRY, at least so long; 0: the host's backoff. */
    void (*result)(struct fby_instance *in, uint64_t token, enum fby_outcome outcome, const char *reason,
                   int64_t retry_after_ms);
    /* After send() took fewer than offered: there is room again. */
    void (*ready)(struct fby_instance *in);
    /* For status and log: whether the upstream can be reached, and why not; NULL: nobody has tried yet.
     * Repeating it is free. */
    void (*connected)(struct fby_instance *in, bool yes, const char *reason);

    /* Since 1.1. Codecs. Memory that lives as long as the message, 16-byte aligned and not cleared; NULL when
     * limits.memory is used up. */
    void *(*decode_alloc)(struct fby_decode *d, size_t size);
    /* Append to the payload being made; false when it would be larger than limits.memory, and encode() then
     * fails whatever it answers. */
    bool (*encode_write)(struct fby_encode *e, const void *data, size_t len);

    /* Since 1.2. Publish to a broker over the connection that the daemon has with it, as for a command to a
     * device. Nothing is kept: false when there is no connection at present, or the topic or size is refused;
     * true is no promise that it arrives. For messages that must arrive there are routes. */
    bool (*publish)(struct fby_instance *in, const struct fby_publish *p);
    /* Since 1.2. Bytes that outlive the process, at most FBY_STATE_MAX, kept under the route, target and name
     * of the instance. state_load: what was saved last, borrowed until the next call for this instance;
     * false: nothing, or it is damaged (logged). Call it from the first process() or send() and not from
     * create(): during a reload an older instance may still save. state_save: copied at once, written by
     * another thread, whole or not at all; `done` (may be NULL) is called on the loop when it is durable or
     * cannot be, unless the instance is gone by then. False, without `done`: too large, four are under way
     * already, or there is no place for it. A state that confirmed messages depend on must be durable before
     * they are answered: FBY_HOLD them until `done`. */
    bool (*state_load)(struct fby_instance *in, struct fby_bytes *state);
    bool (*state_save)(struct fby_instance *in, struct fby_bytes state, fby_saved_fn done, void *ctx);
};

/* ---- Stages -----------------------------------------------------------------------------------------------
 */

enum fby_verdict {
    FBY_PASS,  /* on to the next stage, with the value as it is now */
    FBY_DROP,  /* filtered, counted under the reason */
    FBY_FAIL,  /* cannot be processed: to the dead letters, with the reason */
    FBY_LATER, /* answered by item_answer soon; the messages behind it wait, so that order is kept */
    FBY_HOLD,  /* kept in a window until item_answer or emit; the ones behind it go on, the cursor does not */
};

struct fby_item {
    const struct fby_message *message;
    struct fby_value *value; /* the decoded payload, never NULL; the stage may change or replace it */
    int verdict;             /* enum fby_verdict; FBY_PASS when process() is called */
    const char *reason;      /* for DROP and FAIL: a short phrase; copied by the host after process() */
    void *stage_data;        /* free for the stage between FBY_LATER or FBY_HOLD and the answer */
};

struct fby_batch {
    struct fby_item **items; /* in order */
    size_t count;
};

struct fby_stage_ops {
    /* Make an instance. `options` is the struct that the option table describes; it lives as long as the
     * instance. Return NULL and fill `err` to refuse: the configuration is then refused at this place. */
    void *(*create)(const struct fby_host *host, struct fby_instance *in, const void *options,
                    struct fby_error *err);
    void (*destroy)(void *self); /* items still held are taken back by the host and processed again later */
    void (*process)(void *self, struct fby_batch *batch);
    /* Since 1.2; NULL: it holds none. How many items it may hold (FBY_HOLD) at one time, as its options say;
     * SIZE_MAX: nothing bounds it. A delivery with fewer messages on their way would never fill it up, and
     * checking the configuration warns of that. */
    size_t (*holds)(void *self);
};

/* ---- Upstreams --------------------------------------------------------------------------------------------
 */

/* One output, borrowed until its result is reported or cancel() returns. */
struct fby_output {
    uint64_t token;         /* for result() */
    struct fby_bytes id;    /* stable id of the message, the same at every try: "gateway/sequence" */
    struct fby_bytes topic; /* the target's topic template filled in; empty when it has none */
    struct fby_bytes payload;
    struct fby_bytes content_type;     /* of the payload, such as application/json */
    const struct fby_message *message; /* what it was made from */
};

struct fby_upstream_ops {
    void *(*create)(const struct fby_host *host, struct fby_instance *in, const void *options,
                    struct fby_error *err);
    void (*destroy)(void *self);
    /* Take outputs in order; return how many were taken (0 to count). Fewer than offered means busy: keep the
     * rest and wait for ready(). Every taken output gets exactly one result(), never during send(). */
    size_t (*send)(void *self, const struct fby_output *const *outputs, size_t count);
    /* Forget everything taken and not reported: no result() for it any more. The borrowed bytes end here. */
    void (*cancel)(void *self);
};

/* ---- Codecs (since 1.1) -----------------------------------------------------------------------------------
 */

/* What one call may make; a payload that needs more is refused by the codec, with that reason. */
struct fby_codec_limits {
    uint32_t depth;    /* lists and maps within each other */
    uint32_t elements; /* values of any kind in one payload */
    size_t memory;     /* bytes: of decode_alloc altogether, or of the payload made */
};

/* One payload to decode; borrowed for the call. */
struct fby_decode {
    const struct fby_message *message;
    struct fby_bytes payload; /* may differ from message->payload: it may have been unpacked before */
    struct fby_codec_limits limits;
    struct fby_value value; /* the answer: made with decode_alloc, or borrowed from `payload` */
    struct fby_error error; /* the reason when decode() answers false */
};

/* One value to encode; borrowed for the call. */
struct fby_encode {
    const struct fby_message *message; /* what the value came from */
    const struct fby_value *value;
    struct fby_codec_limits limits;
    struct fby_error error; /* the reason when encode() answers false */
};

enum {
    /* decode() makes FBY_BYTES and encode() takes them: it unpacks what another decoder reads then. */
    FBY_CODEC_UNPACKS = 1,
};

/* An instance sees the messages of one delivery in order, some of them again after a fault or a restart. */
struct fby_codec_ops {
    const char *content_type; /* of what encode() makes, such as application/cbor; NULL: none */
    unsigned flags;           /* FBY_CODEC_* */
    void *(*create)(const struct fby_host *host, struct fby_instance *in, const void *options,
                    struct fby_error *err);
    void (*destroy)(void *self);
    bool (*decode)(void *self, struct fby_decode *d); /* NULL: it cannot; one of the two is there */
    bool (*encode)(void *self, struct fby_encode *e); /* NULL: it cannot */
};

/* ---- The plugin -------------------------------------------------------------------------------------------
 */

enum fby_kind { FBY_KIND_STAGE, FBY_KIND_UPSTREAM, FBY_KIND_CODEC };

struct fby_plugin {
    uint16_t abi_major; /* FBY_ABI_MAJOR */
    uint16_t abi_minor; /* FBY_ABI_MINOR */
    uint32_t size;      /* sizeof(struct fby_plugin) */
    const char *name;   /* [a-z][a-z0-9_]*, as it stands in YAML */
    const char *version;
    const char *summary; /* one sentence for the manual */
    enum fby_kind kind;
    const struct fby_option *options; /* may be NULL */
    size_t options_size;              /* sizeof the options struct */
    /* Check the options as a whole; NULL when they are right, else the reason (borrowed, static or in
     * err->text). */
    const char *(*check)(const void *options, struct fby_error *err);
    union {
        const struct fby_stage_ops *stage;
        const struct fby_upstream_ops *upstream;
        const struct fby_codec_ops *codec;
    };
    /* Where the option that stands alone goes: `- filter: "expr"` sets this option. NULL: a map is needed. */
    const char *scalar_option;
};

#if defined(__GNUC__)
#define FBY_PLUGIN_EXPORT __attribute__((visibility("default")))
#else
#define FBY_PLUGIN_EXPORT
#endif

/* Define the plugin: FBY_PLUGIN = { FBY_PLUGIN_ABI, .name = …, … }; */
#define FBY_PLUGIN FBY_PLUGIN_EXPORT const struct fby_plugin forebay_plugin
#define FBY_PLUGIN_ABI                                                                                       \
    .abi_major = FBY_ABI_MAJOR, .abi_minor = FBY_ABI_MINOR, .size = sizeof(struct fby_plugin)

#ifdef __cplusplus
}
#endif

#endif
