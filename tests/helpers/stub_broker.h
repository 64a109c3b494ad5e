/* SPDX-License-Identifier: Apache-2.0
 *
 * A broker on a loopback socket that does what a test tells it and keeps a record of every packet it gets, in
 * order, together with marks that the test sets. MQTT 3.1.1 and 5: CONNECT, SUBSCRIBE, UNSUBSCRIBE, PUBLISH,
 * PUBACK, PINGREQ, DISCONNECT. One connection at a time; no thread: stub_broker_turn() does what is due.
 */
#ifndef HELPERS_STUB_BROKER_H
#define HELPERS_STUB_BROKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum stub_event_kind { STUB_ACCEPTED, STUB_PACKET, STUB_CLOSED, STUB_MARK };

enum {
    STUB_CONNECT = 1,
    STUB_CONNACK,
    STUB_PUBLISH,
    STUB_PUBACK,
    STUB_SUBSCRIBE = 8,
    STUB_SUBACK,
    STUB_UNSUBSCRIBE,
    STUB_UNSUBACK,
    STUB_PINGREQ,
    STUB_PINGRESP,
    STUB_DISCONNECT,
};

struct stub_event {
    enum stub_event_kind kind;
    uint8_t type, flags; /* STUB_PACKET */
    uint8_t *body;       /* STUB_PACKET: behind the fixed header; STUB_MARK: the text, NUL-terminated */
    size_t len;
};

/* What it answers; may be changed at any time. */
struct stub_behaviour {
    bool silent;              /* no answer to CONNECT */
    bool hang_up_on_v5;       /* close without an answer to a CONNECT of MQTT 5 */
    bool refuse_v5;           /* answer it as a 3.1.1 broker does: version not supported */
    int connack_code;         /* 0: accept */
    bool session_present;     /* ignored when the CONNECT asks for a clean start */
    uint16_t receive_maximum; /* in CONNACK, MQTT 5; 0: left out */
    uint32_t max_packet_size; /* likewise */
    bool only_qos0;           /* Maximum QoS in CONNACK, MQTT 5 */
    bool names_client;        /* Assigned Client Identifier in CONNACK, MQTT 5 */
    bool no_puback;           /* keep the answers to publishes for stub_broker_puback() */
    int puback_code;          /* MQTT 5 */
    int suback_code;          /* 0: grant what was asked for */
    bool no_unsuback;         /* leave UNSUBSCRIBE without answer */
    size_t read_limit;        /* bytes to read in one turn; 0: all there are */
    bool keep_open;           /* do not close when the client has ended its side */
};

struct stub_broker;

/* Listens on a free port of 127.0.0.1; stops the test when that fails. */
struct stub_broker *stub_broker_create(void);
void stub_broker_destroy(struct stub_broker *b);
int stub_broker_port(const struct stub_broker *b);
struct stub_behaviour *stub_broker_behaviour(struct stub_broker *b);

/* Accept, read, answer; never waits. */
void stub_broker_turn(struct stub_broker *b);
bool stub_broker_is_connected(const struct stub_broker *b); /* past CONNACK */
bool stub_broker_is_v5(const struct stub_broker *b);        /* the CONNECT that came last */
bool stub_broker_was_clean_start(const struct stub_broker *b);
/* Drop the client, without a word or with a DISCONNECT of MQTT 5. */
void stub_broker_hang_up(struct stub_broker *b);
void stub_broker_disconnect(struct stub_broker *b, uint8_t reason_code);

/* Send a PUBLISH; `properties` are the encoded ones of MQTT 5 without their length (may be NULL). */
void stub_broker_publish(struct stub_broker *b, const char *topic, const void *payload, size_t len, int qos,
                         uint16_t packet_id, const void *properties, size_t properties_len);
/* Send several as one write: `count` of QoS 1 with identifiers from `packet_id` up, payload = the identifier.
 */
void stub_broker_publish_many(struct stub_broker *b, const char *topic, uint16_t packet_id, size_t count);
void stub_broker_puback(struct stub_broker *b, uint16_t packet_id, uint8_t reason_code);
void stub_broker_send(struct stub_broker *b, const void *data, size_t len);

/* The record. */
void stub_broker_mark(struct stub_broker *b, const char *text);
size_t stub_broker_event_count(const struct stub_broker *b);
const struct stub_event *stub_broker_event(const struct stub_broker *b, size_t index);
/* Packets of one type among the events from `from` on. */
size_t stub_broker_count(const struct stub_broker *b, int type, size_t from);
/* The newest packet of that type, or NULL. */
const struct stub_event *stub_broker_last(const struct stub_broker *b, int type);
/* Bytes that came since the last accept, whether they make a packet or not. */
size_t stub_broker_bytes_in(const struct stub_broker *b);
uint16_t stub_event_packet_id(const struct stub_event *e); /* PUBACK, SUBSCRIBE, UNSUBSCRIBE */

#endif
