/* SPDX-License-Identifier: Apache-2.0
 *
 * The edge node's state: births and their order, sequence numbers, types, aliases, history, deaths.
 */
#include "message/value.h"
#include "sparkplug/sparkplug_b.pb-c.h"
#include "sparkplug/sparkplug_draft.h"
#include "sparkplug/sparkplug_edge.h"
#include "sparkplug/sparkplug_payload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { START_MS = 1000000, HISTORICAL_MS = 1000 };

struct fixture {
    struct sparkplug_edge_settings settings;
    struct sparkplug_edge *edge;
    struct sparkplug_draft_settings draft_settings;
    struct arena arena;
    struct buffer draft;
    struct sparkplug_now now;
    struct sparkplug_edge_packet packet;
    Spb__Payload *payload; /* of the packet made last */
    struct error err;
};

static struct fixture f;

static int set_up(void **state)
{
    (void)state;
    f = (struct fixture){.settings = {.group = "g", .edge_node = "n", .historical_after_ms = HISTORICAL_MS},
                         .now = {START_MS, START_MS}};
    f.edge = sparkplug_edge_create(&f.settings);
    arena_init(&f.arena, 0, 1 << 22);
    sparkplug_edge_begin(f.edge, 7, f.now);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sparkplug_edge_destroy(f.edge);
    arena_finish(&f.arena);
    buffer_finish(&f.draft);
    return 0;
}

static void look(void)
{
    assert_true(f.packet.payload.len > 0);
    assert_int_equal(sparkplug_payload_unpack(f.packet.payload, NULL, &f.arena, &f.payload, NULL, &f.err),
                     STATUS_OK);
}

static void check_topic(const char *topic)
{
    assert_int_equal(f.packet.topic.len, strlen(topic));
    assert_memory_equal(f.packet.topic.data, topic, strlen(topic));
}

/* The next birth has this topic and seq; it is sent. */
static void check_birth(const char *topic, uint64_t seq)
{
    assert_true(sparkplug_edge_next_birth(f.edge, f.now, &f.packet));
    look();
    check_topic(topic);
    assert_int_equal(f.payload->seq, seq);
    sparkplug_edge_sent(f.edge);
}

static void check_no_birth(void)
{
    assert_false(sparkplug_edge_next_birth(f.edge, f.now, &f.packet));
}

static enum status offer_arrived(const char *device, const char *json, int64_t arrival_ms)
{
    struct fby_value v;
    buffer_clear(&f.draft);
    assert_int_equal(value_parse_json(bytes_of_text(json), NULL, &f.arena, &v, &f.err), STATUS_OK);
    assert_int_equal(sparkplug_draft_encode(&f.draft_settings, &v, arrival_ms, &f.arena, &f.draft, &f.err),
                     STATUS_OK);
    enum status result = sparkplug_edge_offer(f.edge, bytes_of_text(device), buffer_bytes(&f.draft),
                                              arrival_ms, f.now, &f.packet, &f.err);
    if (result == STATUS_OK)
        look();
    return result;
}

static enum status offer(const char *device, const char *json)
{
    return offer_arrived(device, json, f.now.real_ms);
}

/* It makes this packet, which is sent. */
static void check_offer(const char *device, const char *json, const char *topic, uint64_t seq)
{
    assert_int_equal(offer(device, json), STATUS_OK);
    check_topic(topic);
    assert_int_equal(f.payload->seq, seq);
    sparkplug_edge_sent(f.edge);
}

static const Spb__Metric *metric(const char *name)
{
    const Spb__Metric *m = sparkplug_payload_find(f.payload, name);
    assert_non_null(m);
    return m;
}

static void test_births_come_first(void **state)
{
    (void)state;
    /* tck-id-message-flow-device-birth-publish-nbirth-wait tck-id-payloads-ddata-order */
    assert_int_equal(offer("d", "{\"a\":1}"), STATUS_BUSY);
    /* tck-id-topics-nbirth-topic tck-id-topics-nbirth-seq-num tck-id-payloads-sequence-num-zero-nbirth
     * tck-id-payloads-nbirth-seq */
    check_birth("spBv1.0/g/NBIRTH/n", 0);
    /* tck-id-topics-nbirth-bdseq-included tck-id-payloads-nbirth-bdseq */
    assert_int_equal(metric("bdSeq")->long_value, 7);
    assert_int_equal(metric("bdSeq")->datatype, SPARKPLUG_INT64);
    /* tck-id-topics-nbirth-rebirth-metric tck-id-operational-behavior-data-commands-rebirth-name
     * tck-id-operational-behavior-data-commands-rebirth-datatype
     * tck-id-operational-behavior-data-commands-rebirth-value tck-id-payloads-nbirth-rebirth-req */
    assert_int_equal(metric("Node Control/Rebirth")->datatype, SPARKPLUG_BOOLEAN);
    assert_int_equal(metric("Node Control/Rebirth")->value_case, SPB__METRIC__VALUE_BOOLEAN_VALUE);
    assert_false(metric("Node Control/Rebirth")->boolean_value);
    /* tck-id-topics-nbirth-timestamp tck-id-payloads-nbirth-timestamp */
    assert_int_equal(f.payload->timestamp, START_MS);
    check_no_birth();
    /* tck-id-topics-dbirth-topic tck-id-message-flow-device-birth-publish-dbirth-topic
     * tck-id-message-flow-device-birth-publish-dbirth-match-edge-node-topic tck-id-topics-dbirth-seq
     * tck-id-payloads-dbirth-seq tck-id-payloads-dbirth-seq-inc
     * tck-id-message-flow-device-birth-publish-dbirth-payload-seq */
    check_offer("d", "{\"a\":1,\"b\":{\"c\":true}}", "spBv1.0/g/DBIRTH/n/d", 1);
    /* tck-id-topics-dbirth-timestamp tck-id-payloads-dbirth-timestamp */
    assert_int_equal(f.payload->timestamp, START_MS);
    assert_int_equal(metric("a")->long_value, 1);
    /* tck-id-payloads-name-birth-data-requirement */
    assert_true(metric("a")->has_timestamp);
    assert_false(metric("a")->has_alias);
    /* tck-id-topics-ddata-topic tck-id-topics-ddata-seq-num tck-id-payloads-ddata-seq
     * tck-id-payloads-ddata-seq-inc tck-id-payloads-name-requirement tck-id-topics-ddata-payload */
    check_offer("d", "{\"a\":2}", "spBv1.0/g/DDATA/n/d", 2);
    assert_int_equal(f.payload->n_metrics, 1);
    /* tck-id-payloads-metric-datatype-not-req */
    assert_false(metric("a")->has_datatype);
    assert_true(metric("a")->has_timestamp);
    check_offer("e", "{\"a\":1}", "spBv1.0/g/DBIRTH/n/e", 3);
}

static void test_seq_wraps(void **state)
{
    (void)state;
    check_birth("spBv1.0/g/NBIRTH/n", 0);
    check_offer("d", "{\"a\":0}", "spBv1.0/g/DBIRTH/n/d", 1);
    /* tck-id-payloads-sequence-num-incrementing tck-id-payloads-sequence-num-always-included */
    for (uint64_t i = 2; i < 600; i++)
        check_offer("d", "{\"a\":1}", "spBv1.0/g/DDATA/n/d", i % 256);
    assert_int_equal(sparkplug_edge_counters(f.edge)->data, 598);
}

static void test_what_is_not_sent_counts_not(void **state)
{
    (void)state;
    check_birth("spBv1.0/g/NBIRTH/n", 0);
    assert_int_equal(offer("d", "{\"a\":1}"), STATUS_OK); /* the connection has no room */
    assert_int_equal(offer("d", "{\"a\":1}"), STATUS_BUSY);
    check_birth("spBv1.0/g/DBIRTH/n/d", 1);
    assert_int_equal(offer("d", "{\"a\":2}"), STATUS_OK);
    check_offer("d", "{\"a\":2}", "spBv1.0/g/DDATA/n/d", 2);
}

static void test_new_session_and_rebirth(void **state)
{
    (void)state;
    check_birth("spBv1.0/g/NBIRTH/n", 0);
    check_offer("d", "{\"a\":5}", "spBv1.0/g/DBIRTH/n/d", 1);
    check_offer("e", "{\"a\":6}", "spBv1.0/g/DBIRTH/n/e", 2);
    check_offer("d", "{\"a\":8}", "spBv1.0/g/DDATA/n/d", 3);
    sparkplug_edge_rebirth(f.edge);
    /* tck-id-operational-behavior-data-commands-rebirth-action-1 */
    assert_int_equal(offer("d", "{\"a\":9}"), STATUS_BUSY);
    /* tck-id-operational-behavior-data-commands-rebirth-action-2
     * tck-id-operational-behavior-data-commands-rebirth-action-3 tck-id-payloads-dbirth-order */
    check_birth("spBv1.0/g/NBIRTH/n", 0);
    assert_int_equal(metric("bdSeq")->long_value, 7);
    check_birth("spBv1.0/g/DBIRTH/n/d", 1);
    assert_int_equal(metric("a")->long_value, 8);
    sparkplug_edge_rebirth(f.edge); /* once more, in the middle */
    check_birth("spBv1.0/g/NBIRTH/n", 0);
    check_birth("spBv1.0/g/DBIRTH/n/d", 1);
    check_birth("spBv1.0/g/DBIRTH/n/e", 2);
    check_no_birth();
    sparkplug_edge_begin(f.edge, 8, f.now);
    check_birth("spBv1.0/g/NBIRTH/n", 0);
    assert_int_equal(metric("bdSeq")->long_value, 8);
    check_birth("spBv1.0/g/DBIRTH/n/d", 1);
    check_birth("spBv1.0/g/DBIRTH/n/e", 2);
    check_offer("e", "{\"a\":1}", "spBv1.0/g/DDATA/n/e", 3);
}

static void test_new_metrics_and_types(void **state)
{
    (void)state;
    check_birth("spBv1.0/g/NBIRTH/n", 0);
    check_offer("d", "{\"a\":5}", "spBv1.0/g/DBIRTH/n/d", 1);
    check_offer("d", "{\"b\":\"x\"}", "spBv1.0/g/DBIRTH/n/d", 2);
    assert_int_equal(metric("a")->long_value, 5); /* what was known goes along */
    assert_int_equal(f.payload->n_metrics, 2);
    check_offer("d", "{\"a\":5.5}", "spBv1.0/g/DBIRTH/n/d", 3);
    /* tck-id-topics-dbirth-metrics tck-id-payloads-metric-datatype-req
     * tck-id-payloads-metric-datatype-value */
    assert_int_equal(metric("a")->datatype, SPARKPLUG_DOUBLE);
    check_offer("d", "{\"a\":6}", "spBv1.0/g/DDATA/n/d", 4); /* fits the known type */
    assert_true(metric("a")->double_value == 6.0);
    assert_int_equal(sparkplug_edge_counters(f.edge)->new_types, 1);
    check_offer("", "{\"up\":1}", "spBv1.0/g/NBIRTH/n", 0);
    /* tck-id-topics-nbirth-metrics tck-id-operational-behavior-data-publish-nbirth-values */
    assert_int_equal(metric("up")->long_value, 1);
    /* tck-id-payloads-ndata-order tck-id-payloads-ddata-order */
    assert_int_equal(offer("d", "{\"a\":7}"), STATUS_BUSY);
    check_birth("spBv1.0/g/DBIRTH/n/d", 1);
    /* tck-id-topics-ndata-topic tck-id-topics-ndata-seq-num tck-id-payloads-ndata-seq
     * tck-id-payloads-ndata-seq-inc tck-id-topics-ndata-payload */
    check_offer("", "{\"up\":2}", "spBv1.0/g/NDATA/n", 2);
    /* tck-id-topics-ndata-timestamp tck-id-payloads-ndata-timestamp */
    assert_int_equal(f.payload->timestamp, START_MS);
}

static void test_configured_type_wins(void **state)
{
    (void)state;
    struct sparkplug_draft_metric rule = {.name = bytes_of_text("a"), .type = SPARKPLUG_INT32};
    check_birth("spBv1.0/g/NBIRTH/n", 0);
    check_offer("d", "{\"a\":5}", "spBv1.0/g/DBIRTH/n/d", 1);
    f.draft_settings.metrics = &rule;
    f.draft_settings.metric_count = 1;
    check_offer("d", "{\"a\":6}", "spBv1.0/g/DBIRTH/n/d", 2);
    assert_int_equal(metric("a")->datatype, SPARKPLUG_INT32);
}

static void test_nulls(void **state)
{
    (void)state;
    check_birth("spBv1.0/g/NBIRTH/n", 0);
    assert_int_equal(offer("d", "{\"a\":null}"), STATUS_END);
    assert_int_equal(sparkplug_edge_counters(f.edge)->untyped, 1);
    check_offer("d", "{\"a\":5,\"b\":null}", "spBv1.0/g/DBIRTH/n/d", 1);
    assert_int_equal(f.payload->n_metrics, 1);
    check_offer("d", "{\"a\":null}", "spBv1.0/g/DDATA/n/d", 2);
    assert_true(metric("a")->is_null);
}

static void test_aliases(void **state)
{
    (void)state;
    f.settings.aliases = true;
    check_birth("spBv1.0/g/NBIRTH/n", 0);
    assert_false(metric("bdSeq")->has_alias);
    /* tck-id-operational-behavior-data-commands-rebirth-name-aliases */
    assert_false(metric("Node Control/Rebirth")->has_alias);
    check_offer("d", "{\"a\":1,\"b\":2}", "spBv1.0/g/DBIRTH/n/d", 1);
    uint64_t a = metric("a")->alias, b = metric("b")->alias;
    check_offer("e", "{\"a\":1}", "spBv1.0/g/DBIRTH/n/e", 2);
    uint64_t of_e = metric("a")->alias;
    /* tck-id-payloads-alias-uniqueness tck-id-payloads-alias-birth-requirement */
    assert_true(a && b && of_e && a != b && a != of_e && b != of_e);
    check_offer("d", "{\"b\":3}", "spBv1.0/g/DDATA/n/d", 3);
    /* tck-id-payloads-alias-data-cmd-requirement */
    assert_false(f.payload->metrics[0]->has_name);
    assert_int_equal(f.payload->metrics[0]->alias, b);
}

static void test_history(void **state)
{
    (void)state;
    check_birth("spBv1.0/g/NBIRTH/n", 0);
    int64_t old_ms = f.now.real_ms - HISTORICAL_MS - 1;
    assert_int_equal(offer_arrived("d", "{\"a\":1}", old_ms), STATUS_BUSY);
    check_birth("spBv1.0/g/DBIRTH/n/d", 1);
    /* tck-id-operational-behavior-data-publish-dbirth-values */
    assert_true(metric("a")->is_null);
    assert_int_equal(metric("a")->datatype, SPARKPLUG_INT64);
    assert_int_equal(offer_arrived("d", "{\"a\":1}", old_ms), STATUS_OK);
    check_topic("spBv1.0/g/DDATA/n/d");
    assert_true(metric("a")->is_historical);
    assert_int_equal(metric("a")->timestamp, old_ms);
    /* tck-id-topics-ddata-timestamp tck-id-payloads-ddata-timestamp */
    assert_int_equal(f.payload->timestamp, START_MS);
    sparkplug_edge_sent(f.edge);
    check_offer("d", "{\"a\":2}", "spBv1.0/g/DDATA/n/d", 3);
    assert_false(metric("a")->has_is_historical);
    assert_int_equal(offer_arrived("d", "{\"a\":2}", 0), STATUS_OK); /* when it came is not known */
    assert_false(metric("a")->has_is_historical);
    assert_int_equal(sparkplug_edge_counters(f.edge)->historical, 1);
}

static void test_units_are_for_births(void **state)
{
    (void)state;
    struct sparkplug_draft_metric rule = {.name = bytes_of_text("a"), .unit = "V"};
    f.draft_settings.metrics = &rule;
    f.draft_settings.metric_count = 1;
    f.draft_settings.quality = "q";
    check_birth("spBv1.0/g/NBIRTH/n", 0);
    check_offer("d", "{\"a\":5,\"q\":192}", "spBv1.0/g/DBIRTH/n/d", 1);
    assert_int_equal(metric("a")->properties->n_keys, 2);
    /* tck-id-payloads-propertyset-keys-array-size tck-id-payloads-propertyset-values-array-size */
    assert_int_equal(metric("a")->properties->n_values, 2);
    check_offer("d", "{\"a\":5,\"q\":500}", "spBv1.0/g/DDATA/n/d", 2);
    assert_int_equal(metric("a")->properties->n_keys, 1);
    /* tck-id-payloads-propertyset-quality-value-type tck-id-payloads-propertyset-quality-value-value */
    assert_int_equal(metric("a")->properties->values[0]->type, SPARKPLUG_INT32);
    assert_int_equal(metric("a")->properties->values[0]->value_case, SPB__PROPERTY_VALUE__VALUE_INT_VALUE);
    assert_int_equal(metric("a")->properties->values[0]->int_value, 500);
    check_offer("d", "{\"a\":5}", "spBv1.0/g/DDATA/n/d", 3);
    assert_null(metric("a")->properties);
}

static void test_large_values_are_not_in_births(void **state)
{
    (void)state;
    char json[SPARKPLUG_EDGE_VALUE_BYTES_MAX + 100];
    snprintf(json, sizeof json, "{\"a\":\"%0*d\",\"b\":1}", SPARKPLUG_EDGE_VALUE_BYTES_MAX + 1, 0);
    check_birth("spBv1.0/g/NBIRTH/n", 0);
    assert_int_equal(offer("d", json), STATUS_BUSY);
    check_birth("spBv1.0/g/DBIRTH/n/d", 1);
    assert_true(metric("a")->is_null);
    assert_int_equal(metric("b")->long_value, 1);
    check_offer("d", json, "spBv1.0/g/DDATA/n/d", 2);
    assert_int_equal(metric("a")->string_value.len, SPARKPLUG_EDGE_VALUE_BYTES_MAX + 1);
}

static void test_deaths(void **state)
{
    (void)state;
    check_birth("spBv1.0/g/NBIRTH/n", 0);
    check_offer("d", "{\"a\":1}", "spBv1.0/g/DBIRTH/n/d", 1);
    f.now.steady_ms += 500;
    check_offer("e", "{\"a\":1}", "spBv1.0/g/DBIRTH/n/e", 2);
    f.now.steady_ms += 600;
    assert_true(sparkplug_edge_next_silent(f.edge, 1000, f.now, &f.packet));
    look();
    /* tck-id-topics-ddeath-topic tck-id-topics-ddeath-seq-num tck-id-payloads-ddeath-seq
     * tck-id-payloads-ddeath-seq-inc tck-id-payloads-ddeath-seq-number */
    check_topic("spBv1.0/g/DDEATH/n/d");
    assert_int_equal(f.payload->seq, 3);
    /* tck-id-payloads-ddeath-timestamp */
    assert_true(f.payload->has_timestamp);
    sparkplug_edge_sent(f.edge);
    assert_false(sparkplug_edge_next_silent(f.edge, 1000, f.now, &f.packet));
    assert_int_equal(sparkplug_edge_counters(f.edge)->devices, 1);
    sparkplug_edge_rebirth(f.edge); /* the dead are not born again by that */
    check_birth("spBv1.0/g/NBIRTH/n", 0);
    check_birth("spBv1.0/g/DBIRTH/n/e", 1);
    check_no_birth();
    check_offer("d", "{\"a\":2}", "spBv1.0/g/DBIRTH/n/d", 2);
    sparkplug_edge_make_death(f.edge, 7, f.now, &f.packet);
    look();
    /* tck-id-topics-ndeath-topic tck-id-topics-ndeath-seq tck-id-payloads-ndeath-seq */
    check_topic("spBv1.0/g/NDEATH/n");
    assert_false(f.payload->has_seq);
    /* tck-id-topics-ndeath-payload
     * tck-id-message-flow-edge-node-birth-publish-will-message-payload-bdSeq */
    assert_int_equal(f.payload->n_metrics, 1);
    assert_int_equal(metric("bdSeq")->datatype, SPARKPLUG_INT64);
    assert_int_equal(metric("bdSeq")->long_value, 7);
}

static void test_refused_birth_is_forgotten(void **state)
{
    (void)state;
    check_birth("spBv1.0/g/NBIRTH/n", 0);
    assert_int_equal(offer("d", "{\"a\":1}"), STATUS_OK);
    sparkplug_edge_refused(f.edge);
    check_no_birth();
    assert_int_equal(sparkplug_edge_counters(f.edge)->metrics, 0);
    check_offer("d", "{\"b\":1}", "spBv1.0/g/DBIRTH/n/d", 1);
    assert_int_equal(f.payload->n_metrics, 1);
    assert_int_equal(offer("", "{\"n\":1}"), STATUS_OK);
    sparkplug_edge_refused(f.edge);
    check_birth("spBv1.0/g/NBIRTH/n", 0); /* without that metric */
    assert_int_equal(f.payload->n_metrics, 2);
}

static void test_what_is_refused(void **state)
{
    (void)state;
    check_birth("spBv1.0/g/NBIRTH/n", 0);
    /* tck-id-topic-structure-namespace-valid-device-id */
    assert_int_equal(offer("a/b", "{\"a\":1}"), STATUS_INVALID);
    assert_int_equal(offer("a+", "{\"a\":1}"), STATUS_INVALID);
    assert_int_equal(offer("", "{\"bdSeq\":1}"), STATUS_INVALID);
    assert_int_equal(offer("", "{\"Node Control\":{\"Rebirth\":true}}"), STATUS_INVALID);
    assert_int_equal(sparkplug_edge_offer(f.edge, bytes_of_text("d"), bytes_of_text("\xff\xff"), 0, f.now,
                                          &f.packet, &f.err),
                     STATUS_INVALID);
    check_offer("d", "{\"bdSeq\":1}", "spBv1.0/g/DBIRTH/n/d", 1); /* a device may have one */
}

static void test_too_many_metrics(void **state)
{
    (void)state;
    struct buffer json = {0};
    buffer_add_byte(&json, '{');
    for (unsigned i = 0; i < 8192; i++)
        buffer_add_format(&json, "%s\"m%u\":1", i ? "," : "", i);
    buffer_add_text(&json, "}");
    buffer_add_byte(&json, 0);
    check_birth("spBv1.0/g/NBIRTH/n", 0);
    for (unsigned i = 0; i < 8; i++) {
        char device[8];
        snprintf(device, sizeof device, "d%u", i);
        assert_int_equal(offer(device, (const char *)json.data), STATUS_OK);
        sparkplug_edge_sent(f.edge);
        arena_reset(&f.arena);
    }
    assert_int_equal(offer("one-more", "{\"a\":1}"), STATUS_LIMIT);
    assert_int_equal(offer("d1", "{\"m1\":2}"), STATUS_OK); /* nothing new */
    buffer_finish(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_births_come_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_seq_wraps, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_not_sent_counts_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_new_session_and_rebirth, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_new_metrics_and_types, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_configured_type_wins, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nulls, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_aliases, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_history, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_units_are_for_births, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_large_values_are_not_in_births, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_deaths, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refused_birth_is_forgotten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_too_many_metrics, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
