/* SPDX-License-Identifier: Apache-2.0
 *
 * See sparkplug_payload.h.
 */
#include "sparkplug/sparkplug_payload.h"

#include "sparkplug/sparkplug_b.pb-c.h"
#include "sparkplug/sparkplug_inflate.h"
#include "sparkplug/sparkplug_unpacker.h"

enum {
    PAYLOAD_BYTES = 256 << 10,
    UNPACKED_BYTES = 4 << 20,
    UNPACKED_RATIO = 100,
    UNPACKED_FREE = 64 << 10, /* bytes that no ratio forbids */
    MEMORY_BYTES = 8 << 20,
    MEMORY_BASE = 256 << 10,
    MEMORY_FACTOR = 64, /* a metric of six bytes becomes a struct of 200 */
    ELEMENTS = 65536,
};

static const char envelope_uuid[] = "SPBV1.0_COMPRESSED";

static size_t or_default(size_t given, size_t usual)
{
    return given ? given : usual;
}

static size_t memory_limit(const struct sparkplug_limits *limits, size_t input)
{
    size_t most = or_default(limits->memory_bytes, MEMORY_BYTES);
    return input < (most - (most < MEMORY_BASE ? most : MEMORY_BASE)) / MEMORY_FACTOR
               ? MEMORY_BASE + input * MEMORY_FACTOR
               : most;
}

static enum status unpack_plain(struct bytes packed, const struct sparkplug_limits *limits, struct arena *a,
                                Spb__Payload **payload, struct error *err)
{
    struct sparkplug_unpacker u = {
        .arena = a,
        .bytes_left = memory_limit(limits, packed.len),
        .elements_left = or_default(limits->elements, ELEMENTS),
    };
    *payload = sparkplug_unpacker_run(&u, packed);
    if (*payload)
        return STATUS_OK;
    if (u.is_over)
        return error_set(err, STATUS_LIMIT,
                         "the payload is nested too deeply, has too many elements or needs too much memory");
    return error_set(err, STATUS_INVALID, "it is not a Sparkplug B payload: its field at byte %zu is damaged",
                     u.damaged_at);
}

static bool data_is(ProtobufCBinaryData data, const char *text)
{
    return bytes_equal(bytes_of(data.data, data.len), bytes_of_text(text));
}

static bool is_envelope(const Spb__Payload *p)
{
    return p->has_uuid && p->has_body && data_is(p->uuid, envelope_uuid);
}

/* The envelope names its algorithm in a metric; without one it is DEFLATE. Both headers are recognised by
 * their bytes, so the name only has to be one that is known. */
static bool is_known_algorithm(const Spb__Payload *p)
{
    const Spb__Metric *m = sparkplug_payload_find(p, "algorithm");
    if (!m || m->value_case != SPB__METRIC__VALUE_STRING_VALUE)
        return true;
    return data_is(m->string_value, "DEFLATE") || data_is(m->string_value, "GZIP");
}

static enum status inflate_body(const Spb__Payload *envelope, const struct sparkplug_limits *limits,
                                struct arena *a, struct bytes *inflated, struct error *err)
{
    if (!is_known_algorithm(envelope))
        return error_set(err, STATUS_INVALID, "the compressed payload is neither GZIP nor DEFLATE");
    size_t most = or_default(limits->unpacked_bytes, UNPACKED_BYTES);
    size_t by_ratio = envelope->body.len * UNPACKED_RATIO;
    size_t limit = by_ratio < UNPACKED_FREE ? UNPACKED_FREE : by_ratio;
    return sparkplug_inflate(bytes_of(envelope->body.data, envelope->body.len), limit < most ? limit : most,
                             a, inflated, err);
}

enum status sparkplug_payload_unpack(struct bytes packed, const struct sparkplug_limits *limits,
                                     struct arena *a, struct Spb__Payload **payload, size_t *size,
                                     struct error *err)
{
    static const struct sparkplug_limits usual;
    if (!limits)
        limits = &usual;
    if (size)
        *size = packed.len;
    *payload = NULL;
    size_t most = or_default(limits->payload_bytes, PAYLOAD_BYTES);
    if (packed.len > most)
        return error_set(err, STATUS_LIMIT, "the payload has %zu bytes; at most %zu are read", packed.len,
                         most);
    enum status s = unpack_plain(packed, limits, a, payload, err);
    if (s != STATUS_OK || !is_envelope(*payload))
        return s;
    struct bytes inflated;
    s = inflate_body(*payload, limits, a, &inflated, err);
    *payload = NULL;
    if (s == STATUS_OK)
        s = unpack_plain(inflated, limits, a, payload, err);
    if (s == STATUS_OK && size)
        *size = inflated.len;
    if (s != STATUS_OK || !is_envelope(*payload))
        return s;
    *payload = NULL;
    return error_set(err, STATUS_INVALID, "the payload is compressed twice");
}

/* protobuf-c writes through this. */
struct sink {
    ProtobufCBuffer base;
    struct buffer *out;
};

static void sink_append(ProtobufCBuffer *base, size_t len, const uint8_t *data)
{
    struct sink *s = (struct sink *)(void *)base;
    buffer_add(s->out, data, len);
}

bool sparkplug_payload_pack(const struct Spb__Payload *payload, struct buffer *out)
{
    struct sink s = {.base = {.append = sink_append}, .out = out};
    spb__payload__pack_to_buffer(payload, &s.base);
    return !out->failed;
}

struct Spb__Payload *sparkplug_payload_create(uint64_t timestamp_ms, int seq, struct arena *a)
{
    Spb__Payload *p = arena_alloc(a, sizeof *p);
    if (!p)
        return NULL;
    spb__payload__init(p);
    p->has_timestamp = true;
    p->timestamp = timestamp_ms;
    p->has_seq = seq >= 0;
    p->seq = seq >= 0 ? (uint64_t)seq : 0;
    return p;
}

/* The list of metrics has room for a power of two of them, so its length tells when it is full. */
static bool reserve_metric(Spb__Payload *p, struct arena *a)
{
    size_t n = p->n_metrics;
    if (n && (n & (n - 1)))
        return true;
    Spb__Metric **metrics =
        arena_grow(a, (void *)p->metrics, n * sizeof(*metrics), (n ? 2 * n : 1) * sizeof(*metrics));
    if (metrics)
        p->metrics = metrics;
    return metrics != NULL;
}

struct Spb__Metric *sparkplug_payload_add(struct Spb__Payload *payload, struct bytes name, struct arena *a)
{
    Spb__Metric *m = arena_alloc(a, sizeof *m);
    if (!m || !reserve_metric(payload, a))
        return NULL;
    spb__metric__init(m);
    m->has_name = name.len > 0;
    m->name.len = name.len;
    m->name.data = (uint8_t *)(uintptr_t)name.data;
    payload->metrics[payload->n_metrics++] = m;
    return m;
}

const struct Spb__Metric *sparkplug_payload_find(const struct Spb__Payload *payload, const char *name)
{
    for (size_t i = 0; i < payload->n_metrics; i++)
        if (payload->metrics[i]->has_name && data_is(payload->metrics[i]->name, name))
            return payload->metrics[i];
    return NULL;
}

bool sparkplug_payload_bdseq(const struct Spb__Payload *payload, uint64_t *bdseq)
{
    const Spb__Metric *m = sparkplug_payload_find(payload, "bdSeq");
    if (m && m->value_case == SPB__METRIC__VALUE_LONG_VALUE)
        *bdseq = m->long_value;
    else if (m && m->value_case == SPB__METRIC__VALUE_INT_VALUE)
        *bdseq = m->int_value;
    else
        return false;
    return true;
}

bool sparkplug_payload_is_true(const struct Spb__Payload *payload, const char *name)
{
    const Spb__Metric *m = sparkplug_payload_find(payload, name);
    return m && m->value_case == SPB__METRIC__VALUE_BOOLEAN_VALUE && m->boolean_value;
}
