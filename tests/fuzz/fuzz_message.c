/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a journal record, as JSON, as a topic filter and as a template; the first byte chooses. Proves
 * that what is taken is written again as the same, and that nothing reads outside its bytes.
 */
#include "message/message_codec.h"
#include "message/topic_filter.h"
#include "message/value.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_record(struct bytes record)
{
    struct arena arena;
    struct message m;
    arena_init(&arena, 0, 4096);
    if (message_codec_decode(record, &arena, &m) == STATUS_OK) {
        assert(message_codec_size(&m) == record.len);
        uint8_t *again = malloc(record.len);
        message_codec_encode(&m, again);
        assert(memcmp(again, record.data, record.len) == 0);
        free(again);
    }
    arena_finish(&arena);
}

static void try_json(struct bytes text, int big_integers)
{
    const struct value_json_limits limits = {.big_integers = big_integers};
    struct arena arena;
    struct fby_value v, again;
    struct buffer out = {0}, same = {0};
    arena_init(&arena, 0, 1 << 20);
    if (value_parse_json(text, &limits, &arena, &v, NULL) == STATUS_OK) {
        assert(value_write_json(&v, &out));
        enum status s = value_parse_json(buffer_bytes(&out), &limits, &arena, &again, NULL);
        assert(s == STATUS_OK || s == STATUS_LIMIT);
        assert(s != STATUS_OK || value_write_json(&again, &same));
        assert(s != STATUS_OK || bytes_equal(buffer_bytes(&out), buffer_bytes(&same)));
    }
    buffer_finish(&same);
    buffer_finish(&out);
    arena_finish(&arena);
}

/* A filter, a NUL, and a topic for it. */
static void try_filter(const char *text, struct bytes topic)
{
    struct bytes captures[TOPIC_CAPTURES_MAX];
    struct error err;
    struct topic_filter *f = topic_filter_parse(text, &err);
    if (f) {
        bool yes = topic_filter_match(f, topic, captures);
        assert(yes == topic_filter_match(f, topic, NULL));
        struct topic_filter *same = topic_filter_parse(topic_filter_subscription(f), &err);
        assert(same && topic_filter_match(same, topic, NULL) == yes);
        topic_filter_destroy(same);
    }
    topic_filter_destroy(f);
}

static void try_template(const char *text)
{
    struct bytes values[TOPIC_TEMPLATE_NAMES_MAX];
    struct error err;
    struct buffer out = {0};
    struct topic_template *t = topic_template_parse(text, &err);
    for (size_t i = 0; i < TOPIC_TEMPLATE_NAMES_MAX; i++)
        values[i] = bytes_of_text("value");
    if (t) {
        topic_template_fill(t, values, &out);
        (void)topic_is_publishable(buffer_bytes(&out), &err);
    }
    buffer_finish(&out);
    topic_template_destroy(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct bytes rest = bytes_of(data + 1, size - 1);
    char *text = malloc(size);
    memcpy(text, rest.data, rest.len);
    text[rest.len] = 0;
    size_t len = strlen(text);
    switch (*data % 4) {
    case 0:
        try_record(rest);
        break;
    case 1:
        try_json(rest, *data & 4 ? VALUE_JSON_BIG_KEEP : VALUE_JSON_BIG_DOUBLE);
        break;
    case 2:
        try_filter(text,
                   len < rest.len ? bytes_of(rest.data + len + 1, rest.len - len - 1) : bytes_of("", 0));
        break;
    default:
        try_template(text);
    }
    free(text);
    return 0;
}
