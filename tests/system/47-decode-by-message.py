#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helpers"))

import json

from harness import Test
from harness_gateway import message_classes
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

test = Test("each message is decoded as its MQTT 5 properties or its topic say, envelopes give what they carry")
proto = test.write("plant.proto", """
syntax = "proto3";
package plant.v1;
import "google/protobuf/any.proto";
message Reading { string sensor = 1; double value = 2; uint64 counter = 3; }
message Alarm { string text = 1; int32 level = 2; }
enum Kind { KIND_UNKNOWN = 0; KIND_READING = 1; KIND_ALARM = 2; }
message Envelope {
  string site = 1;
  google.protobuf.Any any = 2;
  oneof body { Reading reading = 3; Alarm alarm = 4; string note = 5; }
  Kind kind = 6;
  bytes data = 7;
}
""")
devices, cloud = test.broker("devices"), test.broker("cloud")
gateway = test.gateway(f"""
schemas: {{ proto: {proto} }}
brokers:
  devices: {{ url: {devices.url} }}
  cloud: {{ url: {cloud.url} }}
routes:
  typed:
    from: {{ broker: devices, topics: ["typed/{{n}}"] }}
    decode:
      by: content_type
      when:
        application/json: json
        application/x-protobuf: {{ protobuf: {{ message: plant.v1.Reading }} }}
        application/x-protobuf; messageType="plant.v1.Alarm": {{ protobuf: {{ message: plant.v1.Alarm }} }}
        text/plain: text
    to: {{ cloud: {{ topic: "out/{{topic}}" }} }}
  property:
    from: {{ broker: devices, topics: ["property/{{n}}"] }}
    decode:
      by: {{ property: schema }}
      when:
        reading: {{ protobuf: {{ message: plant.v1.Reading }} }}
        alarm: {{ protobuf: {{ message: plant.v1.Alarm }} }}
      otherwise: none
    to: {{ cloud: {{ topic: "out/{{topic}}" }} }}
  topic:
    from: {{ broker: devices, topics: ["topic/{{kind}}/{{n}}"] }}
    decode:
      by: {{ capture: kind }}
      when:
        reading: {{ protobuf: {{ message: plant.v1.Reading }} }}
        alarm: json
    process:
      - filter: "value == nil or value > 20"
      - encode: {{ protobuf: {{ message: plant.v1.Reading, unknown_fields: drop }} }}
    to: {{ cloud: {{ topic: "out/{{topic}}" }} }}
  messages:
    from: {{ broker: devices, topics: ["m/{{n}}/#"] }}
    decode: {{ protobuf: {{ messages: {{ m/+/reading: plant.v1.Reading, m/+/alarm/#: plant.v1.Alarm }} }} }}
    to: {{ cloud: {{ topic: "out/{{topic}}" }} }}
  envelopes:
    from: {{ broker: devices, topics: ["any/{{n}}", "oneof/{{n}}", "bytes/{{n}}"] }}
    decode:
      by: topic
      when:
        any/+: {{ protobuf: {{ message: plant.v1.Envelope, unwrap: any }} }}
        oneof/+: {{ protobuf: {{ message: plant.v1.Envelope, unwrap: {{ field: body, keep_as: envelope }} }} }}
        bytes/+:
          protobuf:
            message: plant.v1.Envelope
            unwrap:
              field: data
              type_field: kind
              types: {{ KIND_READING: plant.v1.Reading, KIND_ALARM: plant.v1.Alarm }}
    to: {{ cloud: {{ topic: "out/{{topic}}" }} }}
""")
classes = message_classes(test, proto)
Reading, Alarm, Envelope = (classes[f"plant.v1.{name}"] for name in ("Reading", "Alarm", "Envelope"))
received = cloud.subscriber("out/#")
publisher = devices.publisher()
reading = Reading(sensor="s1", value=21.5, counter=2**64 - 1)
alarm = Alarm(text="hot", level=2)
READING, ALARM = {"sensor": "s1", "value": 21.5, "counter": 2**64 - 1}, {"text": "hot", "level": 2}


def properties(content_type=None, pairs=()):
    p = Properties(PacketTypes.PUBLISH)
    if content_type is not None:
        p.ContentType = content_type
    if pairs:
        p.UserProperty = list(pairs)
    return p


def outcome(topic, payload, content_type=None, pairs=()):
    """The message that comes out, or the reason of the dead letter."""
    messages, letters = len(received.messages), dead_letters()
    publisher.send(topic, payload, properties=properties(content_type, pairs))
    test.wait(lambda: len(received.messages) > messages or len(dead_letters()) > len(letters), f"the outcome of {topic}")
    if len(received.messages) > messages:
        return received.messages[-1]
    return dead_letters()[-1]["reason"]


def dead_letters():
    return sorted(json.loads(gateway.request("/dead-letters?limit=200")[1])["letters"], key=lambda letter: letter["number"])


def decoded(*arguments, **named):
    message = outcome(*arguments, **named)
    return message if isinstance(message, str) else json.loads(message.payload)


test.check_equal(decoded("typed/1", b' {"a": [1, 123456789012345678901234567890]}', "application/json"),
                 {"a": [1, 123456789012345678901234567890]}, "JSON by its content type, every digit kept")
test.check_equal(decoded("typed/2", reading.SerializeToString(), "Application/X-Protobuf; charset=binary"), READING,
                 "protobuf by its content type, whatever the case and the parameters")
test.check_equal(decoded("typed/3", alarm.SerializeToString(), 'application/x-protobuf; messageType="plant.v1.Alarm"'), ALARM,
                 "another message by a parameter of the content type")
message = outcome("typed/4", "gr\u00fcn".encode(), "text/plain")
test.check_equal((message.payload.decode(), message.properties.ContentType), ("gr\u00fcn", "text/plain"), "text by its content type")
test.check_in('content type "image/png"', outcome("typed/5", b"\x89PNG", "image/png"), "another content type goes to the dead letters")
test.check_in("no content type", outcome("typed/6", b"{}"), "so does a message without one")
test.check_in("byte 1: ", outcome("typed/7", b"{", "application/json"), "and one that is not what it says")

test.check_equal(decoded("property/1", reading.SerializeToString(), pairs=[("x", "alarm"), ("schema", "reading")]), READING,
                 "a message type by a user property")
test.check_equal(decoded("property/2", alarm.SerializeToString(), pairs=[("schema", "alarm"), ("schema", "reading")]), ALARM,
                 "of two properties of a name the first counts")
test.check_equal(outcome("property/3", b"\x00\xff", pairs=[("schema", "other")]).payload, b"\x00\xff",
                 "what fits nothing is decoded otherwise: not at all")

message = outcome("topic/reading/1", reading.SerializeToString())
test.check_equal((Reading.FromString(message.payload), message.properties.ContentType), (reading, "application/x-protobuf"),
                 "by a capture, filtered, encoded by a stage")
message = outcome("topic/alarm/1", b'{"value": 99, "sensor": "from JSON", "other": 1}')
test.check_equal(Reading.FromString(message.payload), Reading(value=99, sensor="from JSON"), "JSON in the same route becomes protobuf")
test.check_in("sensor", outcome("topic/alarm/2", b'{"value": 99, "sensor": 5}'), "what does not fit names the field")

test.check_equal(decoded("m/1/reading", reading.SerializeToString()), READING, "the message type by topic")
test.check_equal(decoded("m/1/alarm/2/3", alarm.SerializeToString()), ALARM, "another topic, another type")
test.check_in("m/1/other", outcome("m/1/other", alarm.SerializeToString()), "a topic without a type goes to the dead letters")

envelope = Envelope(site="berlin")
envelope.any.Pack(reading)
test.check_equal(decoded("any/1", envelope.SerializeToString()), READING, "an Any gives what it carries")
test.check_equal(decoded("oneof/1", Envelope(site="berlin", alarm=alarm).SerializeToString()),
                 {"envelope": {"@field": "alarm", "@type": "plant.v1.Alarm", "site": "berlin", "kind": "KIND_UNKNOWN", "data": ""},
                  **ALARM}, "a oneof gives the member that is set, with the rest of the envelope")
test.check_equal(decoded("bytes/1", Envelope(kind=2, data=alarm.SerializeToString()).SerializeToString()), ALARM,
                 "bytes give the message that another field names")
test.check_in("kind is 0", outcome("bytes/2", Envelope(data=b"x").SerializeToString()), "and no message when it names none")
test.check_in("no member", outcome("oneof/2", Envelope(site="x").SerializeToString()), "an empty oneof goes to the dead letters")
broken = Envelope(site="berlin")
broken.any.type_url = "type.googleapis.com/plant.v1.Unheard"
test.check_in("plant.v1.Unheard", outcome("any/2", broken.SerializeToString()), "so does an Any of a type that nobody knows")

test.check_equal(gateway.imbalance(), [], "the counters balance")
test.check_equal(gateway.stop(), 0, "SIGTERM ends it with 0")
test.finish()
