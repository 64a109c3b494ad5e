/* SPDX-License-Identifier: Apache-2.0
 *
 * See sparkplug_topic.h.
 */
#include "sparkplug/sparkplug_topic.h"

#include "base/memory.h"
#include "base/utf8.h"

enum { LEVELS_MAX = 5 };

static const char namespace_text[] = "spBv1.0";

static const char *const message_names[] = {
    [SPARKPLUG_NBIRTH] = "NBIRTH", [SPARKPLUG_NDEATH] = "NDEATH", [SPARKPLUG_NDATA] = "NDATA",
    [SPARKPLUG_NCMD] = "NCMD",     [SPARKPLUG_DBIRTH] = "DBIRTH", [SPARKPLUG_DDEATH] = "DDEATH",
    [SPARKPLUG_DDATA] = "DDATA",   [SPARKPLUG_DCMD] = "DCMD",     [SPARKPLUG_STATE] = "STATE",
};

const char *sparkplug_topic_message_name(enum sparkplug_message m)
{
    return message_names[m];
}

bool sparkplug_topic_is_of_device(enum sparkplug_message m)
{
    return m >= SPARKPLUG_DBIRTH && m <= SPARKPLUG_DCMD;
}

bool sparkplug_topic_is_id(struct bytes id)
{
    if (id.len == 0 || !utf8_is_valid(id))
        return false;
    for (size_t i = 0; i < id.len; i++)
        if (id.data[i] == '+' || id.data[i] == '/' || id.data[i] == '#' || id.data[i] == 0)
            return false;
    return true;
}

/* The levels of the topic; more than LEVELS_MAX are told by the answer LEVELS_MAX + 1. */
static size_t split(struct bytes topic, struct bytes levels[LEVELS_MAX])
{
    size_t count = 0;
    for (size_t start = 0, i = 0; i <= topic.len; i++) {
        if (i < topic.len && topic.data[i] != '/')
            continue;
        if (count == LEVELS_MAX)
            return LEVELS_MAX + 1;
        levels[count++] = bytes_of(topic.data + start, i - start);
        start = i + 1;
    }
    return count;
}

static bool find_message(struct bytes name, enum sparkplug_message *m)
{
    for (size_t i = 0; i < array_count(message_names); i++) {
        if (!bytes_equal(name, bytes_of_text(message_names[i])))
            continue;
        *m = (enum sparkplug_message)i;
        return true;
    }
    return false;
}

static enum status parse_state(const struct bytes *levels, size_t count, struct sparkplug_topic *out,
                               struct error *err)
{
    if (count != 3 || !sparkplug_topic_is_id(levels[2]))
        return error_set(err, STATUS_INVALID, "a STATE topic is spBv1.0/STATE/HOST");
    *out = (struct sparkplug_topic){.message = SPARKPLUG_STATE, .edge_node = levels[2]};
    return STATUS_OK;
}

enum status sparkplug_topic_parse(struct bytes topic, struct sparkplug_topic *out, struct error *err)
{
    struct bytes levels[LEVELS_MAX];
    size_t count = split(topic, levels);
    if (count < 3 || count > LEVELS_MAX || !bytes_equal(levels[0], bytes_of_text(namespace_text)))
        return error_set(
            err, STATUS_INVALID,
            "the topic is not spBv1.0/GROUP/TYPE/EDGE_NODE or spBv1.0/GROUP/TYPE/EDGE_NODE/DEVICE");
    if (bytes_equal(levels[1], bytes_of_text(message_names[SPARKPLUG_STATE])))
        return parse_state(levels, count, out, err);
    *out = (struct sparkplug_topic){.group = levels[1]};
    if (!find_message(levels[2], &out->message) || out->message == SPARKPLUG_STATE)
        return error_set(err, STATUS_INVALID, "\"%.*s\" is no message type of Sparkplug B",
                         (int)levels[2].len, (const char *)levels[2].data);
    bool of_device = sparkplug_topic_is_of_device(out->message);
    if (count != (of_device ? 5 : 4))
        return error_set(err, STATUS_INVALID, "a topic of %s %s a device", message_names[out->message],
                         of_device ? "has" : "does not have");
    out->edge_node = levels[3];
    if (of_device)
        out->device = levels[4];
    if (!sparkplug_topic_is_id(out->group) || !sparkplug_topic_is_id(out->edge_node) ||
        (of_device && !sparkplug_topic_is_id(out->device)))
        return error_set(err, STATUS_INVALID, "a level of the topic is empty or not UTF-8");
    return STATUS_OK;
}

static void add_level(struct buffer *out, struct bytes level)
{
    buffer_add_byte(out, '/');
    buffer_add(out, level.data, level.len);
}

void sparkplug_topic_format(const struct sparkplug_topic *t, struct buffer *out)
{
    buffer_add_text(out, namespace_text);
    if (t->message != SPARKPLUG_STATE)
        add_level(out, t->group);
    add_level(out, bytes_of_text(message_names[t->message]));
    add_level(out, t->edge_node);
    if (sparkplug_topic_is_of_device(t->message))
        add_level(out, t->device);
}
