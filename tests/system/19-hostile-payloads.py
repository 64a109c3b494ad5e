#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helpers"))

from harness import Test
from harness_gateway import PROTO, telemetry

test = Test("payloads made to hurt become dead letters with a reason, and the route goes on")
broker = test.broker(extra="message_size_limit 0\nmax_packet_size 20000000")
deep = test.write("deep.proto", """
syntax = "proto3";
package deep;
message Node { Node child = 1; string name = 2; }
""")
gateway = test.gateway(f"""
schemas:
  - {{ proto: [{PROTO}] }}
  - {{ proto: [{deep}] }}
brokers:
  local: {{ url: {broker.url} }}
routes:
  telemetry:
    from: {{ broker: local, topics: ["t/#"] }}
    decode: {{ protobuf: {{ message: acme.v1.Telemetry }} }}
    to:
      - local: {{ topic: out/t }}
  nodes:
    from: {{ broker: local, topics: ["n/#"] }}
    decode: {{ protobuf: {{ message: deep.Node }} }}
    to:
      - local: {{ topic: out/n }}
  json:
    from: {{ broker: local, topics: ["j/#"] }}
    decode: json
    to:
      - local: {{ topic: out/j }}
""")
reader = broker.subscriber("out/#")
publisher = broker.publisher()
encode = telemetry(test)


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def nested(depth):
    payload = b""
    for _ in range(depth):
        payload = b"\x0a" + varint(len(payload)) + payload
    return payload


random_bytes = bytes(test.random.randrange(256) for _ in range(5000))
hostile = (
    ("telemetry", "t/a", b"\xff" * 200, "bytes that are no protobuf"),
    ("telemetry", "t/a", encode(device_id="d1", number=5)[:-1] + b"\x80", "a message that is cut"),
    ("telemetry", "t/a", b"\x0a\x03\xff\xfe\xfd", "a string that is not UTF-8"),
    ("telemetry", "t/a", b"\x0a" + varint(1 << 31) + b"abc", "a length of 2 GiB"),
    ("telemetry", "t/a", b"\x0a" + b"\xff" * 9 + b"\x01", "a length of 2^64 - 1"),
    ("telemetry", "t/a", random_bytes, f"random bytes (seed {test.seed})"),
    ("telemetry", "t/a", b"\x0a\x05hello" * (10 * 1024 * 1024 // 7), "10 MB"),
    ("nodes", "n/a", nested(10000), "nested 10,000 deep"),
    ("json", "j/a", b"[" * 100000, "JSON nested 100,000 deep"),
    ("json", "j/a", b"{" * 10, "JSON that is cut"),
    ("json", "j/a", b"\xff\xfe", "JSON that is not UTF-8"),
)
expected = {"telemetry": 0, "nodes": 0, "json": 0}
good = {"telemetry": ("t/good", lambda i: encode(device_id="good", number=i)),
        "nodes": ("n/good", lambda i: b"\x12" + varint(len(str(i))) + str(i).encode()),
        "json": ("j/good", lambda i: b'{"number": %d}' % i)}
arrived = 0
for route, topic, payload, name in hostile:
    publisher.send(topic, payload)
    good_topic, make = good[route]
    arrived += 1
    publisher.send(good_topic, make(arrived))
    expected[route] += 1
    reader.wait_count(arrived)
    test.wait(lambda: gateway.target(route, "local")["dead_lettered"] >= expected[route], f"{name} to be a dead letter")
    test.check_equal(gateway.target(route, "local")["dead_lettered"], expected[route],
                     f"{name}: a dead letter, and the next message goes through")
    test.note(gateway.target(route, "local")["last_problem"])
gateway.wait_idle()
test.check_equal(len(reader.messages), len(hostile), "exactly the good ones came out")
test.check_equal(gateway.imbalance(), [], "the counters balance")
letters = gateway.status()["dead_letters"]
test.check_equal(letters["head"] - letters["oldest"] + 1, len(hostile), "the store has every one of them")
with open(f"/proc/{gateway.pid}/status", encoding="ascii") as file:
    peak = int(next(line for line in file if line.startswith("VmHWM")).split()[1])
test.note(f"peak memory {peak // 1024} MiB")

# A topic that is only just allowed, and names that look like something else.
publisher.send("j/" + "x" * 60000, b'{"number": 1}')
publisher.send("j/%s%n$(id)", b'{"number": 2}')
reader.wait_count(len(hostile) + 2)
test.check(True, "an odd topic is a topic")
test.check_equal(gateway.stop(), 0, "SIGTERM ends it with 0")
test.finish()
