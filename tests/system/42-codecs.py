#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helpers"))

import datetime
import json
import random
import struct

from harness import BUILD, Test

test = Test("CBOR and MessagePack go through the gateway and come out the same for cbor2 and msgpack of Python")
for name in ("cbor", "msgpack"):
    if not os.path.exists(os.path.join(BUILD, "plugins", name, f"{name}.so")):
        test.skip(f"the codec {name} is not built")
try:
    import cbor2
    import msgpack
except ImportError as error:
    test.skip(str(error))
broker, out = test.broker("devices"), test.broker("cloud")
gateway = test.gateway(f"""
brokers:
  devices: {{ url: {broker.url} }}
  cloud: {{ url: {out.url} }}
routes:
  cbor:
    from: {{ broker: devices, topics: ["cbor/{{n}}"] }}
    decode: cbor
    to:
      - cloud: {{ topic: "cbor/cbor/{{n}}", encode: cbor }}
      - cloud: {{ topic: "cbor/msgpack/{{n}}", encode: msgpack }}
      - cloud: {{ topic: "cbor/json/{{n}}" }}
  msgpack:
    from: {{ broker: devices, topics: ["msgpack/{{n}}"] }}
    decode: {{ msgpack: {{ max_payload: 100 KiB }} }}
    to:
      - cloud: {{ topic: "msgpack/msgpack/{{n}}", encode: msgpack }}
      - cloud: {{ topic: "msgpack/cbor/{{n}}", encode: cbor }}
""")
seed = int(os.environ.get("FOREBAY_TEST_SEED", random.SystemRandom().randrange(1 << 32)))
test.note(f"FOREBAY_TEST_SEED={seed}")
rng = random.Random(seed)
received = out.subscriber("#")
publisher = broker.publisher()


def text():
    return "".join(chr(rng.choice([97, 233, 0x20ac, 0x1f600, 0, 34])) for _ in range(rng.randrange(rng.choice([3, 12, 80]))))


def scalar():
    return rng.choice([
        lambda: None, lambda: rng.random() < 0.5, text,
        lambda: rng.choice([1, -1]) * rng.getrandbits(rng.randrange(1, 64)),
        lambda: rng.choice([0, -1, 23, 24, 255, 256, 65535, 65536, 2**32, 2**63, 2**64 - 1, -2**63]),
        lambda: rng.choice([0.5, -0.0, 1e300, 0.1, float("inf"), 1.5e-45, rng.uniform(-1e9, 1e9)]),
        lambda: bytes(rng.randrange(256) for _ in range(rng.randrange(40)))])()


def value(depth=0):
    kind = rng.randrange(4) if depth < 3 else 0
    if kind == 1:
        return [value(depth + 1) for _ in range(rng.choice([0, 1, 3, 7]))]
    if kind == 2:
        return {text(): value(depth + 1) for _ in range(rng.choice([0, 1, 3, 7]))}
    return scalar()


COUNT = 200
values = [value() for _ in range(COUNT)]
for i, v in enumerate(values):
    publisher.send(f"cbor/{i}", cbor2.dumps(v), key=("c", i))
    publisher.send(f"msgpack/{i}", msgpack.packb(v), key=("m", i))
publisher.wait_confirmed(2 * COUNT)
received.wait_count(5 * COUNT, 30)

found = {message.topic: message for message in received.messages}


def wrong(way, load):
    return [i for i in range(COUNT) if repr(load(found[f"{way}/{i}"].payload)) != repr(values[i])][:3]


for way, load in (("cbor/cbor", cbor2.loads), ("cbor/msgpack", msgpack.unpackb), ("msgpack/msgpack", msgpack.unpackb),
                  ("msgpack/cbor", cbor2.loads)):
    test.check_equal(wrong(way, load), [], f"{way}: all values come out as they went in")
test.check_equal(found["cbor/cbor/0"].properties.ContentType, "application/cbor", "the content type says CBOR")
test.check_equal(found["msgpack/msgpack/0"].properties.ContentType, "application/msgpack", "the content type says MessagePack")
test.check_equal(gateway.imbalance(), [], "the counters balance")


def same(topic, payload, load):
    """What comes out of one more message."""
    count = len(received.messages)
    publisher.send(topic, payload)
    received.wait_count(count + (3 if topic.startswith("cbor/") else 2))
    gateway.wait_idle()
    return load({m.topic: m for m in received.messages[count:]}[f"{topic.split('/')[0]}/{topic}"].payload)


moment = datetime.datetime(2026, 11, 23, 22, 0, 0, 250000, tzinfo=datetime.timezone.utc)
test.check_equal(same("cbor/x", cbor2.dumps(moment, timezone=datetime.timezone.utc, datetime_as_timestamp=True), cbor2.loads),
                 moment, "a time stays a time in CBOR")
test.check_equal(same("msgpack/x", msgpack.packb(moment, datetime=True), lambda b: msgpack.unpackb(b, timestamp=3)),
                 moment, "a time stays a time in MessagePack")
test.check_equal(same("cbor/y", bytes.fromhex("bf01f7617a7f61616162ffff"), cbor2.loads),
                 {"1": None, "z": "ab"}, "endless maps, strings in pieces, integer keys and undefined")
test.check_equal(same("cbor/z", bytes.fromhex("d9d9f782c24401000000f93c00"), cbor2.loads), [1 << 24, 1.0],
                 "tags are passed over, small bignums are integers, halves are floats")
test.check_equal(same("msgpack/z", msgpack.packb(msgpack.ExtType(5, b"abc")), msgpack.unpackb), {"ext": 5, "data": b"abc"},
                 "extensions of applications are shown with their type")

hostile = [b"", b"\x9b" + b"\xff" * 8, b"\xbb" + b"\xff" * 8, b"\x81" * 10000, b"\x9f" * 10000, b"\x5b" + b"\xff" * 8, b"\xff",
           b"\xc1" * 50000, b"\x61\xff", b"\xa2\x61a\x01\x61a\x02", b"\x01\x02", b"\x1c", b"\xa1\x80\x01", b"\xc2\x49" + b"\xff" * 9,
           b"\x3b" + b"\xff" * 8, b"\x9a\x00\x01\x00\x01" + b"\x00" * 65537, b"\x7f\x41a\xff", b"\xf8\x18", b"\xc1"]
other = [b"", b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\x91" * 10000, b"\xc6\xff\xff\xff\xff", b"\xc1", b"\xa1\xff",
         b"\x82\xa1a\x01\xa1a\x02", b"\x01\x02", b"\x81\x90\x01", b"\xd7\xff" + b"\xff" * 8, b"\xc7\x05\xff12345",
         b"\xdd\x00\x01\x00\x01" + b"\x00" * 65537, b"\xc4", b"\xda\x00" , b"\x00" * 110000]
before = len(received.messages)
for payload in hostile:
    publisher.send("cbor/bad", payload)
for payload in other:
    publisher.send("msgpack/bad", payload)
gateway.wait_idle()
test.wait(lambda: gateway.target("cbor", "cloud")["dead_lettered"] + gateway.target("msgpack", "cloud")["dead_lettered"]
          >= len(hostile) + len(other), "all dead letters")
test.check_equal(len(received.messages), before, "nothing is made of payloads that are wrong")
letters = json.loads(gateway.request("/dead-letters?limit=200")[1])["letters"]
test.check(all(letter["stage"] == "decode" and letter["reason"] for letter in letters), "each dead letter says why")
for letter in letters:
    if letter["target"] == "cloud":
        test.note(letter["reason"])
test.check_equal(gateway.imbalance(), [], "the counters balance")
test.check_equal(gateway.stop(), 0, "SIGTERM ends it with 0")
test.finish()
