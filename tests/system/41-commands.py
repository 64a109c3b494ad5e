#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helpers"))

import json

from harness import Test
from harness_gateway import PROTO, message_classes

test = Test("JSON commands from the cloud reach devices as protobuf; what does not fit is dead-lettered with the field's path")
cloud, devices = test.broker("cloud"), test.broker("devices")
gateway = test.gateway(f"""
schemas:
  - {{ proto: [{PROTO}] }}
brokers:
  cloud: {{ url: {cloud.url} }}
  devices: {{ url: {devices.url} }}
routes:
  commands:
    from: {{ broker: cloud, topics: ["site/cmd/{{device}}"] }}
    decode: json
    to:
      - devices: {{ topic: "actuators/{{device}}/set", encode: {{ protobuf: {{ message: acme.v1.Telemetry }} }} }}
  lenient:
    from: {{ broker: cloud, topics: ["site/any/{{device}}"] }}
    decode: json
    to:
      - devices: {{ topic: "lenient/{{device}}", encode: {{ protobuf: {{ message: acme.v1.Telemetry, framing: varint, unknown_fields: drop }} }} }}
""")
Telemetry = message_classes(test)["acme.v1.Telemetry"]
received = devices.subscriber(["actuators/#", "lenient/#"])
publisher = cloud.publisher()
good = {"device_id": "v1", "number": 18446744073709551615, "temperature": 21.5, "status": "STATUS_OK",
        "position": {"latitude": 1.5, "longitude": -2}, "samples": [1, 2, 300], "tags": {"a": "b"}}
bad = [({"position": {"latitude": "north"}}, "position.latitude"), ({"samples": [1, -5]}, "samples"),
       ({"colour": "red"}, "colour"), ({"status": "STATUS_NONE"}, "status"), ([1], "")]
publisher.send("site/cmd/v1", json.dumps(good).encode(), key=0)
for i, (command, _path) in enumerate(bad):
    publisher.send("site/cmd/v2", json.dumps(command).encode(), key=i + 1)
publisher.send("site/cmd/v3", b'{"deviceId":"v3","timeMs":"1700000000123"}', key=10)
publisher.send("site/any/v4", b'{"device_id":"v4","colour":"red"}', key=11)
publisher.wait_confirmed(len(bad) + 3)
received.wait_count(3)
gateway.wait_idle()

by_topic = {message.topic: message for message in received.messages}
first = Telemetry.FromString(by_topic["actuators/v1/set"].payload)
test.check_equal(first, Telemetry(**{**good, "status": 1}), "python3-protobuf reads the same command")
test.check_equal(by_topic["actuators/v1/set"].properties.ContentType, "application/x-protobuf", "its content type says what it is")
test.check_equal(Telemetry.FromString(by_topic["actuators/v3/set"].payload),
                 Telemetry(device_id="v3", time_ms=1700000000123), "JSON names and integers in strings are taken")
framed = by_topic["lenient/v4"].payload
test.check_equal((framed[0], Telemetry.FromString(framed[1:])), (len(framed) - 1, Telemetry(device_id="v4")),
                 "a length stands before it where wanted, and what it does not know is left out where wanted")
letters = json.loads(gateway.request("/dead-letters", "GET")[1])["letters"]
test.check_equal(len(letters), len(bad), "what does not fit the message type is dead-lettered, the rest goes on")
for letter, (_command, path) in zip(letters, bad):
    test.check_in(path, letter["reason"], "the reason names the field")
    test.check_equal(letter["stage"], "encode", "and where it failed")
test.check_equal(gateway.imbalance(), [], "the counters balance")
test.check_equal(gateway.stop(), 0, "SIGTERM ends it with 0")
test.finish()
